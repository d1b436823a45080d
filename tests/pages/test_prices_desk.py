"""The desks of prices and of sale: what they say, who may do what, and what customers read of it at once."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.promises.models import TermsVersion
from peyman.shop.catalog.models import PriceChange, SaleSwitch, Variant
from peyman.shop.offers import actions
from peyman.shop.offers.models import Plan, Proposal
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of

DESK = "/desk/prices/"
MILLION = 1_000_000
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_limit_of_thirty_percent(settings: Any) -> None:
    settings.PRICE_LIMIT_PERCENT = 30


@pytest.fixture
def staff(clock: Path, shop: TermsVersion) -> list[Client]:
    """Two members of staff who may set prices, each in a browser of their own."""
    found = []
    for role, name in (("catalogue", "مینا راد"), ("manager", "رضا کیا")):
        client = Client()
        client.force_login(make.person(role=role, full_name=name))
        found.append(client)
    return found


def set_clock(clock: Path, at: datetime) -> None:
    clock.write_text(at.isoformat())


def test_whoever_has_not_the_right_finds_no_desk(client: Client, shop: TermsVersion) -> None:
    make.variant(sku="SKU-1")
    for role in ("customer", "orders", "finance", "tariff", "privacy"):
        client.force_login(make.person(role=role))
        for path in ("", "many/", "plans/", "waiting/", "SKU-1/", "plans/OFR-1/"):
            assert client.get(f"{DESK}{path}").status_code == 404
        for path in ("SKU-1/set", "SKU-1/plan", "SKU-1/floor", "waiting/PRP-1/approve", "plans/OFR-1/stop"):
            assert client.post(f"{DESK}{path}").status_code == 404
        assert client.get("/desk/sale/").status_code == client.post("/desk/sale/").status_code == 404


def test_what_is_not_there_is_not_found_and_empty_lists_say_so(staff: list[Client]) -> None:
    mina, _ = staff
    assert "هنوز کالایی نیست" in html_of(mina.get(DESK))
    assert "برنامه‌ای در پیش نیست" in html_of(mina.get(f"{DESK}plans/"))
    assert "هیچ قیمتی در انتظار نفر دوم نیست" in html_of(mina.get(f"{DESK}waiting/"))
    assert "هیچ چیز متوقف نیست" in html_of(mina.get("/desk/sale/"))
    for path in ("NO-SKU/", "plans/OFR-NO/"):
        assert mina.get(f"{DESK}{path}").status_code == 404
    for path in ("NO-SKU/set", "waiting/PRP-NO/approve", "plans/OFR-NO/stop"):
        typed = {"price": "1000", "why": "آزمون", "stop_why": "آزمون"}
        assert mina.post(f"{DESK}{path}", typed).status_code == 404


@pytest.mark.clause("D122")
def test_a_price_is_found_set_and_stands_in_its_history_with_who_and_why(staff: list[Client]) -> None:
    mina, _ = staff
    make.variant(sku="SKU-1", price=MILLION)
    assert f'href="{DESK}SKU-1/"' in html_of(mina.get(f"{DESK}?q=sku"))
    assert "کالایی با این نشانی نیست" in html_of(mina.get(f"{DESK}?q=zzz"))
    typed = {"price": "۹۰٬۰۰۰", "list_price": "", "reason": "supplier", "why": "نامه شرکت", "was": "1000000"}
    assert mina.post(f"{DESK}SKU-1/set", typed)["Location"] == f"{DESK}SKU-1/?set"
    page = html_of(mina.get(f"{DESK}SKU-1/?set"))
    assert "قیمت اکنون: ۹۰٬۰۰۰ تومان" in page and "«نامه شرکت»" in page and "مینا راد" in page
    again = mina.post(f"{DESK}SKU-1/set", typed)
    assert "از زمان پیشنهاد دگرگون شده است" in html_of(again, 409)


@pytest.mark.parametrize(
    ("price", "says"),
    [
        ("", "قیمت خالی است"),
        ("-5000", "قیمت باید بیش از صفر باشد"),
        ("0", "قیمت باید بیش از صفر باشد"),
        ("99999999999999", "بیش از اندازه بزرگ"),
        ("12 ریال", "کسری"),
        ("<b>", "با رقم بنویسید"),
        ("1e9", "گرد کرده"),
        ("100 دلار", "پول دیگری"),
    ],
)
def test_what_is_no_price_is_refused_and_keeps_what_was_typed(staff: list[Client], price: str, says: str) -> None:
    make.variant(sku="SKU-1", price=MILLION)
    page = html_of(staff[0].post(f"{DESK}SKU-1/set", {"price": price, "why": "آزمون ورودی"}), 422)
    assert says in page and 'value="آزمون ورودی"' in page and 'href="#f-set-price"' in page
    assert Variant.objects.get().price == MILLION and PriceChange.objects.count() == 1


def test_a_price_that_moves_too_far_is_approved_by_another_person(staff: list[Client]) -> None:
    mina, reza = staff
    make.variant(sku="SKU-1", price=MILLION)
    answer = mina.post(f"{DESK}SKU-1/set", {"price": "50000", "reason": "sale", "why": "حراج"})
    assert answer["Location"] == f"{DESK}SKU-1/?held"
    code = Proposal.objects.get().code
    assert "این را خودتان پیشنهاد کرده‌اید" in html_of(mina.get(f"{DESK}waiting/"))
    assert "نمی‌تواند خودش آن را تأیید کند" in html_of(mina.post(f"{DESK}waiting/{code}/approve"), 409)
    page = html_of(reza.get(f"{DESK}waiting/"))
    assert "۵۰ درصد ارزان‌تر" in page and "«حراج»" in page and "مینا راد" in page
    assert reza.post(f"{DESK}waiting/{code}/approve")["Location"] == f"{DESK}waiting/?approved"
    assert Variant.objects.get().price == 500_000
    assert "پیش‌تر تصمیم گرفته شده" in html_of(reza.post(f"{DESK}waiting/{code}/approve"), 409)
    assert "رضا کیا" in html_of(reza.get(f"{DESK}waiting/?done=1"))


def test_a_refusal_needs_words(staff: list[Client]) -> None:
    mina, reza = staff
    make.variant(sku="SKU-1", price=MILLION)
    mina.post(f"{DESK}SKU-1/set", {"price": "10000", "why": "ارزان شد"})
    code = Proposal.objects.get().code
    assert "بنویسید چرا" in html_of(reza.post(f"{DESK}waiting/{code}/refuse", {"why": ""}), 422)
    reza.post(f"{DESK}waiting/{code}/refuse", {"why": "یک صفر کم دارد"})
    assert "«یک صفر کم دارد»" in html_of(reza.get(f"{DESK}waiting/?done=1"))
    assert Variant.objects.get().price == MILLION


@pytest.mark.clause("D122")
def test_an_offer_is_written_read_by_customers_stopped_and_gone(staff: list[Client], clock: Path) -> None:
    mina, _ = staff
    variant = make.variant(sku="SKU-1", price=MILLION)
    day = {"ends_date": "۱۴۰۳/۱۰/۱۵", "ends_hour": "۲۲", "price": "۸۰٬۰۰۰", "title": "پاییزه", "why": "جشنواره"}
    assert mina.post(f"{DESK}SKU-1/plan", {**day, "kind": "offer"})["Location"] == f"{DESK}SKU-1/?planned"
    plan = Plan.objects.get()
    assert (plan.state, Variant.objects.get().price) == ("running", 800_000)
    page = html_of(mina.get(f"/goods/{variant.product.slug}/"))
    assert "۸۰٬۰۰۰" in page and "پیشنهاد زمان‌دار" in page and 'class="offer"' in page
    assert "«پاییزه" in html_of(mina.post(f"{DESK}SKU-1/plan", {**day, "kind": "offer", "price": "۷۵٬۰۰۰"}), 409)
    assert "پاییزه" in html_of(mina.get(f"{DESK}plans/"))
    assert "بنویسید چرا" in html_of(mina.post(f"{DESK}plans/{plan.code}/stop", {"stop_why": ""}), 422)
    mina.post(f"{DESK}plans/{plan.code}/stop", {"stop_why": "کالا برگشت"})
    assert Variant.objects.get().price == MILLION
    assert "«کالا برگشت»" in html_of(mina.get(f"{DESK}plans/{plan.code}/"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ends_date": ""}, "تا کی برقرار است"),
        ({"ends_date": "فردا"}, "تاریخ را مانند"),
        ({"ends_date": "۱۴۰۵/۱۲/۳۰", "ends_hour": "۸"}, "چنین زمانی در تقویم نیست"),  # no leap year
        ({"starts_date": "۱۴۰۲/۱/۱"}, "آغاز گذشته است"),
        ({"starts_date": "۱۴۰۳/۱۰/۳۰", "ends_date": "۱۴۰۳/۱۰/۲۹"}, "پس از آغاز باشد"),
        ({"price": "۲۰۰٬۰۰۰"}, "کمتر باشد"),
        ({"why": "x"}, "بنویسید چرا"),
    ],
)
def test_what_makes_no_offer_says_what_is_wrong(staff: list[Client], changed: dict[str, str], says: str) -> None:
    make.variant(sku="SKU-1", price=MILLION)
    typed = {"kind": "offer", "price": "80000", "ends_date": "۱۴۰۳/۱۰/۲۰", "why": "جشنواره", **changed}
    assert says in html_of(staff[0].post(f"{DESK}SKU-1/plan", typed), 422)
    assert not Plan.objects.exists()


def test_a_plan_is_changed_at_the_desk_before_it_begins(staff: list[Client]) -> None:
    mina, reza = staff
    make.variant(sku="SKU-1", price=MILLION)
    typed = {"kind": "price", "price": "110000", "starts_date": "۱۴۰۳/۱۰/۲۰", "starts_hour": "۸", "why": "نامه"}
    mina.post(f"{DESK}SKU-1/plan", typed)
    code = Plan.objects.get().code
    page = html_of(reza.get(f"{DESK}plans/{code}/"))
    assert 'value="110000"' in page and "مینا راد" in page
    reza.post(f"{DESK}plans/{code}/", {**typed, "price": "120000"})
    plan = Plan.objects.get()
    assert (plan.price, plan.starts_at.isoformat()) == (1_200_000, "2025-01-09T04:30:00+00:00")


# ---- Many ----


def test_many_prices_are_pasted_seen_and_set_and_those_that_go_too_far_wait(staff: list[Client]) -> None:
    mina, _ = staff
    for n in (1, 2, 3):
        make.variant(sku=f"SKU-{n}", price=MILLION)
    lines = "sku,price\nSKU-1,90000\nSKU-2;50000\nSKU-9,1000\nsku-3\t110000"
    typed = {"way": "lines", "unit": "تومان", "lines": lines.replace(";", ",").replace("\t", ","), "why": "فهرست تازه"}
    page = html_of(mina.post(f"{DESK}many/", {**typed, "reason": "supplier"}))
    assert "۲ قیمت همین حالا ثبت می‌شود" in page and "۱ قیمت در انتظار نفر دوم" in page and "چنین کالایی نیست" in page
    rows = page.split('<textarea name="rows" hidden>')[1].split("</textarea>")[0]
    answer = mina.post(f"{DESK}many/", {"stage": "confirm", "rows": rows, "reason": "supplier", "why": "فهرست تازه"})
    assert answer["Location"] == f"{DESK}many/?set=2&held=1"
    assert list(Variant.objects.order_by("sku").values_list("price", flat=True)) == [900_000, MILLION, 1_100_000]
    stale = mina.post(f"{DESK}many/", {"stage": "confirm", "rows": rows, "reason": "supplier", "why": "دوباره"})
    assert "دگرگون شده است" in html_of(stale, 409)


def test_a_percentage_for_a_category_is_seen_first(staff: list[Client]) -> None:
    mina, _ = staff
    make.variant(sku="SKU-1", price=1_239_990)
    typed = {"way": "percent", "category": "phones", "percent": "-۱۰", "step": "1000", "why": "حراج پاییز"}
    page = html_of(mina.post(f"{DESK}many/", {**typed, "reason": "sale"}))
    assert "۱۱۱٬۰۰۰" in page and Variant.objects.get().price == 1_239_990
    rows = page.split('<textarea name="rows" hidden>')[1].split("</textarea>")[0]
    assert rows == "SKU-1,1110000,1239990,1239990"
    mina.post(f"{DESK}many/", {"stage": "confirm", "rows": rows, "reason": "sale", "why": "حراج پاییز"})
    assert (Variant.objects.get().price, Variant.objects.get().list_price) == (1_110_000, 1_239_990)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"way": "lines", "unit": "", "lines": "SKU-1,1"}, "به تومان است یا ریال"),
        ({"way": "lines", "unit": "تومان", "lines": ""}, "هیچ قیمتی نوشته نشده"),
        ({"way": "lines", "unit": "تومان", "lines": "SKU-1,-5"}, "سطر ۱: قیمت باید بیش از صفر"),
        ({"way": "lines", "unit": "تومان", "lines": "SKU-1"}, "با ویرگول جدا کنید"),
        ({"way": "lines", "unit": "تومان", "lines": "SKU-1,1\nSKU-1,2"}, "پیش‌تر آمده است"),
        ({"way": "percent", "category": "phones", "percent": "ده", "step": "1"}, "درصد را با رقم"),
        ({"way": "percent", "category": "phones", "percent": "-100", "step": "1"}, "قیمتی نمی‌ماند"),
        ({"way": "percent", "category": "nowhere", "percent": "5", "step": "1"}, "چنین دسته‌ای نیست"),
        ({"stage": "confirm", "rows": "SKU-1,a,b,c"}, "خوانا نیست"),
    ],
)
def test_what_is_no_list_of_prices_is_told(staff: list[Client], typed: dict[str, str], says: str) -> None:
    make.variant(sku="SKU-1", price=MILLION)
    assert says in html_of(staff[0].post(f"{DESK}many/", {"why": "آزمون", **typed}), 422)
    assert PriceChange.objects.count() == 1


# ---- What customers read ----


@pytest.mark.clause("D122")
def test_every_step_of_a_price_leaves_as_a_file(client: Client, clock: Path, shop: TermsVersion) -> None:
    variant = make.variant(sku="SKU-1", price=MILLION)
    wanted = [actions.Wanted("SKU-1", 900_000, MILLION)]
    actions.set_prices(wanted=wanted, source="desk", reason="=HYPERLINK(1)", why="آزمون", by="PER-1", now=NOW)
    slug = variant.product.slug
    answer = client.get(f"/goods/{slug}/prices.csv")
    assert b"".join(answer).decode("utf-8-sig").splitlines() == [
        "sku,at,price_rial,list_price_rial,reason",
        "SKU-1,2024-12-05T06:30:00Z,1000000,1000000,قیمت فروش",
        "SKU-1,2025-01-04T06:30:00Z,900000,1000000,'=HYPERLINK(1)",
    ]
    told = json.loads(b"".join(client.get(f"/goods/{slug}/prices.json")))
    assert (told["product"], told["currency"], [step["price"] for step in told["prices"]]) == (
        slug, "IRR", [MILLION, 900_000],
    )  # fmt: skip
    assert client.get("/goods/no-such/prices.csv").status_code == 404


@pytest.mark.clause("D117")
@pytest.mark.parametrize(
    ("basis", "reference", "says"),
    [
        ("approved", "شرکت آوند، فهرست مهر ۱۴۰۳", "<b>قیمت مصوب</b>: شرکت آوند، فهرست مهر ۱۴۰۳."),
        ("approved", "", "سازنده یا تأمین‌کننده آن را تعیین کرده است"),
        ("market", "آوند A5 و A7", "<b>قیمت بازار</b>، با سنجیدن"),
        ("market", "", "با سنجیدن مدل، مشخصات و کالاهای همانند"),
    ],
)
def test_the_page_says_what_a_price_rests_on(
    client: Client, clock: Path, shop: TermsVersion, basis: str, reference: str, says: str
) -> None:
    variant = make.variant(price_basis=basis, price_reference=reference)
    page = html_of(client.get(f"/goods/{variant.product.slug}/"))
    assert says in page and "قیمت‌ها خرده‌فروشی است" in page


@pytest.mark.clause("D122")
def test_a_worker_that_is_away_leaves_no_ended_offer_on_any_page(
    client: Client, clock: Path, shop: TermsVersion
) -> None:
    variant = make.variant(price=MILLION)
    asked = actions.Asked(price=800_000, starts_at=NOW, ends_at=NOW + HOUR)
    actions.make(sku=variant.sku, asked=asked, is_offer=True, why="جشنواره", by="PER-1", now=NOW)
    actions.carry_out_due(now=NOW)
    paths = (f"/goods/{variant.product.slug}/", "/", "/goods/", "/goods/?q=گوشی", "/category/phones/")
    for path in paths:
        assert "۸۰٬۰۰۰" in html_of(client.get(path))
    set_clock(clock, NOW + HOUR)
    for path in paths[::-1]:
        page = html_of(client.get(path))
        assert "۱۰۰٬۰۰۰" in page and (path == paths[0] or "۸۰٬۰۰۰" not in page)
    assert Plan.objects.get().state == "done"


# ---- The desk of sale ----


@pytest.mark.clause("D25")
@pytest.mark.clause("D27")
def test_the_shop_is_stopped_for_a_reason_told_to_all_and_resumed(staff: list[Client], client: Client) -> None:
    mina, reza = staff
    variant = make.variant()
    path = f"/goods/{variant.product.slug}/"
    assert "بنویسید چرا" in html_of(mina.post("/desk/sale/", {"do": "stop", "scope": "shop", "why": ""}), 422)
    mina.post("/desk/sale/", {"do": "stop", "scope": "shop", "why": "شمارش انبار"})
    page = html_of(client.get(path))
    assert "سفارش تازه نمی‌پذیریم" in page and "بند ۴-۵" in page and "شمارش انبار" not in page
    for other in ("/", "/goods/"):
        assert "سفارشی که پیش از آن ثبت شده است پرداخت، پردازش و فرستاده می‌شود" in html_of(client.get(other))
    goods = html_of(client.get("/goods/"))
    assert "تا فروش از سر گرفته شود، کالایی در فهرست نیست." in goods and "کالاهای دیگر را ببینید" not in goods
    assert "پیش‌تر متوقف شده" in html_of(reza.post("/desk/sale/", {"scope": "shop", "why": "باز هم"}), 422)
    desk = html_of(reza.get("/desk/sale/"))
    assert "«شمارش انبار»" in desk and "مینا راد" in desk
    reza.post("/desk/sale/", {"do": "resume", "scope": "shop", "why": "شمرده شد"})
    assert "افزودن به سبد" in html_of(client.get(path))
    assert list(SaleSwitch.objects.order_by("pk").values_list("is_on", "reason")) == [
        (False, "شمارش انبار"), (True, "شمرده شد"),
    ]  # fmt: skip


@pytest.mark.clause("D27")
def test_a_category_and_a_product_are_stopped_and_their_pages_say_by_what(staff: list[Client], client: Client) -> None:
    mina, _ = staff
    variant = make.variant()
    path = f"/goods/{variant.product.slug}/"
    mina.post("/desk/sale/", {"scope": "category", "category": "phones", "why": "قانون تازه"})
    assert "فروش این دسته متوقف است" in html_of(client.get(path))
    mina.post("/desk/sale/", {"do": "resume", "scope": "category", "key": "phones", "why": "تمام شد"})
    mina.post("/desk/sale/", {"scope": "product", "key": variant.product.code, "why": "ایراد ساخت"})
    gone = client.get(path)
    assert "دیگر فروخته نمی‌شود" in html_of(gone, 410)
    assert gone["Cache-Control"] == "no-cache"  # else a browser shows it for ever
    mina.post("/desk/sale/", {"do": "resume", "scope": "product", "key": variant.product.code, "why": "درست شد"})
    assert "افزودن به سبد" in html_of(client.get(path))
    for typed in ({"scope": "product", "key": "NO"}, {"scope": "x"}, {"scope": "variant"}):
        assert mina.post("/desk/sale/", {"why": "آزمون", **typed}).status_code == 422
    assert SaleSwitch.objects.count() == 4
