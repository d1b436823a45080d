"""The desk of orders: what needs a hand first, finding one, lists by key, files, and who may see what."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.billing.models import Payment
from peyman.entrypoints.backoffice import orders as desk
from peyman.people.models import AccessLog
from peyman.promises.models import TermsVersion
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of, plain_html_of
from tests.rooms.test_orders import ordered, pay, pay_at_bank, place

DESK = "/desk/orders/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, shop: TermsVersion) -> Client:
    client.force_login(make.person(role="orders", full_name="نرگس کاظمی", mobile="+989199999999"))
    return client


def final(**how: Any) -> Order:
    order = ordered(**how)
    orders.take_payments(pay(order), NOW)
    order.refresh_from_db()
    return order


def short() -> tuple[Order, Order]:
    """Two orders paid for the last piece: who got it, and who did not."""
    variant = make.variant(on_hand=1)
    pair = ordered(variant=variant), ordered(variant=variant)
    for order in pair:
        orders.take_payments(pay(order), NOW)
        order.refresh_from_db()
    return pair


def rows_of(html: str) -> list[str]:
    return re.findall(r'<a class="qrow[^"]*" href="/desk/orders/([^/]+)/">', html)


# ---- Who may ----


@pytest.mark.parametrize("role", ["customer", "catalogue", "privacy", "tariff", "finance"])
def test_only_those_of_the_orders_find_the_desk(client: Client, shop: TermsVersion, role: str) -> None:
    order = final()
    client.force_login(make.person(role=role))
    for url in (DESK, f"{DESK}?show=all", "/desk/orders.csv?show=all", f"{DESK}short/"):
        assert client.get(url).status_code == 404, url
    for url, typed in (
        (f"{DESK}find", {"q": order.code}),
        (f"{DESK}personal.csv?show=all", {"reason": "بسته‌بندی سفارش"}),
    ):
        assert client.post(url, typed).status_code == 404, url
    assert not AccessLog.objects.exists()


def test_a_stranger_is_led_to_the_log_in(client: Client, shop: TermsVersion) -> None:
    assert client.get(DESK)["Location"] == "/login/?next=/desk/orders/"


# ---- What needs a hand ----


def test_an_idle_desk_says_so(staff: Client) -> None:
    html = plain_html_of(staff.get(DESK))
    assert "اکنون هیچ سفارشی کاری از شما نمی‌خواهد." in html
    assert "در این ۳۰ روز سفارشی ثبت نشده است." in html


def test_what_needs_a_hand_stands_in_its_own_group_with_its_hour(staff: Client, clock: Path) -> None:
    waiting, paid, (lucky, sold_out) = ordered(), final(), short()
    html = plain_html_of(staff.get(DESK))
    assert "<b>۲</b><span>پردازش امروز</span>" in html and "<b>۱</b><span>در انتظار پرداخت</span>" in html
    assert "<b>۱</b><span>ناموجود پس از پرداخت</span>" in html and "<b>۰</b><span>ناقص، در انتظار پاسخ</span>" in html
    assert rows_of(html) == [paid.code, lucky.code, sold_out.code, waiting.code]
    # Saturday 10:00, a working day to process and 48 working hours to give back
    assert html.count("۲۴ ساعت و ۰ دقیقه") == 0 and html.count("پردازش <time") == 2
    assert "تا یکشنبه ۱۶ دی، ساعت ۱۰" in html and "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html
    assert "۱٬۵۰۳٬۰۰۰ ریال بدهکاریم" in html
    assert "is-broken" not in html.split('id="s-process"')[1].split("</section>")[0]

    clock.write_text("2025-01-05T07:30:00+00:00")  # an hour after it was due
    html = plain_html_of(staff.get(DESK))
    assert "<b>۲</b><span>پردازش امروز؛ ۲ از روزهای پیش</span>" in html
    assert html.count("۱ ساعت دیر</span>") == 2
    assert '<span class="left">مهلت گذشت</span>' in html  # to pay: the customer's own time, and nothing of ours is late


def test_a_payment_whose_end_the_bank_has_not_told_is_said_so(staff: Client) -> None:
    pay_at_bank(ordered())
    assert "پایان یک پرداخت را از بانک می‌پرسیم" in plain_html_of(staff.get(DESK))


@pytest.mark.parametrize("many", [1, 200])
@pytest.mark.parametrize("url", [DESK, f"{DESK}?show=all"])
def test_the_board_costs_the_same_for_one_order_and_for_two_hundred(
    staff: Client, django_assert_num_queries: Any, many: int, url: str
) -> None:
    first = final()
    like = {f.attname: getattr(first, f.attname) for f in Order._meta.concrete_fields if f.attname != "id"}
    person, bill = first.person, first.bill
    for n in range(many - 1):
        bill.pk = None
        bill.subject = f"order:ORD-{n}"
        bill.save(force_insert=True)
        Order.objects.create(**{**like, "code": f"ORD-{n}", "cart_code": f"DBC-{n}", "bill_id": bill.pk})
    staff.get(url)
    # session, person; counts; the list, or five shelves and the days; lines, money, bank, requests, promises
    with django_assert_num_queries({DESK: 14, f"{DESK}?show=all": 9}[url]):
        html = plain_html_of(staff.get(url))
    assert len(rows_of(html)) == min(many, {DESK: 6, f"{DESK}?show=all": 30}[url])
    assert person.full_name not in html


# ---- Lists ----


def placed(*hours: float) -> list[Order]:
    """Orders that were placed so many hours before now, in this order."""
    variant, found = make.variant(on_hand=100), []
    for hour in hours:
        found.append(place(make.person(), [(variant.sku, 1)], now=NOW - timedelta(hours=hour)).order)
    return found


def walk(staff: Client, url: str) -> list[list[str]]:
    """The codes of each page, by its own link to the next one."""
    pages = []
    while url:
        html = html_of(staff.get(url))
        pages.append(rows_of(html))
        after = re.search(r'href="([^"]+after=[^"]+)">سفارش‌های بعدی', html)
        url = after[1].replace("&amp;", "&") if after else ""
    return pages


def test_a_list_is_read_page_by_page_and_leaves_nobody_out(staff: Client) -> None:
    # several in one instant, so that the key decides
    codes = [order.code for order in placed(*[3] * 20, *[2] * 25, *[1] * 17)]
    assert walk(staff, f"{DESK}?show=all") == [codes[::-1][:30], codes[::-1][30:60], codes[::-1][60:]]
    by_hour = [order.code for order in Order.objects.order_by("pay_until", "pk")]
    assert walk(staff, f"{DESK}?show=waiting") == [by_hour[:30], by_hour[30:60], by_hour[60:]]


@pytest.mark.parametrize(
    "shelf", ["process", "incomplete", "short", "owed", "waiting", "final", "cancelled", "expired"]
)
@pytest.mark.parametrize("after", ["x", "2025-01-04_", "_1", "2025-01-04T06:30:00_1", "2025-13-04_9", "é_٣", "9" * 60])
def test_a_broken_key_begins_at_the_first_page_and_says_so(staff: Client, shelf: str, after: str) -> None:
    html = plain_html_of(staff.get(DESK, {"show": shelf, "after": after}))
    assert "نشانی آن صفحه درست نبود؛" in html


def test_an_unknown_shelf_shows_everything(staff: Client) -> None:
    (order,) = placed(1)
    assert rows_of(html_of(staff.get(f"{DESK}?show=nonsense"))) == [order.code]


def test_days_are_those_of_tehran_and_typed_in_any_script(staff: Client) -> None:
    # 10:00 on Saturday; ten hours and a minute earlier it was Friday
    friday, saturday = placed(10 + 1 / 60, 9)
    for typed in ("1403/10/15", "۱۴۰۳/۱۰/۱۵", "١٤٠٣/١٠/١٥", "2025-01-04"):
        assert rows_of(html_of(staff.get(DESK, {"show": "all", "since": typed}))) == [saturday.code]
    assert rows_of(html_of(staff.get(DESK, {"show": "all", "until": "1403/10/14"}))) == [friday.code]
    both = html_of(staff.get(DESK, {"show": "all", "since": "1403/10/14", "until": "1403/10/15"}))
    assert rows_of(both) == [saturday.code, friday.code]


@pytest.mark.parametrize(
    ("since", "until", "says"),
    [
        ("دیروز", "", "روز را مانند ۱۴۰۵/۹/۴ بنویسید."),
        ("1403/12/31", "", "روز را مانند ۱۴۰۵/۹/۴ بنویسید."),
        ("9999-12-31", "9999-12-31", "روز را مانند ۱۴۰۵/۹/۴ بنویسید."),
        ("1403/10/15", "1403/10/14", "پایان بازه پیش از آغاز آن است."),
    ],
)
def test_days_that_are_none_are_said_so(staff: Client, since: str, until: str, says: str) -> None:
    asked = {"show": "all", "since": since, "until": until}
    assert says in html_of(staff.get(DESK, asked), 422)
    assert says in html_of(staff.get("/desk/orders.csv", asked), 422)


# ---- Finding one ----


@pytest.mark.parametrize(
    "spell",
    [
        lambda code: code,
        lambda code: f"  {code.lower().replace('-', ' ')} ",
        lambda code: code.translate(str.maketrans("23456789", "۲۳۴۵۶۷۸۹")),
        lambda code: code.translate(str.maketrans("23456789", "٢٣٤٥٦٧٨٩")).replace("-", "–"),
    ],
)
@pytest.mark.parametrize("what", ["code", "cart_code"])
def test_a_code_leads_to_its_order_however_it_is_typed(staff: Client, what: str, spell: Any) -> None:
    order = final()
    answer = staff.post(f"{DESK}find", {"q": spell(getattr(order, what))})
    assert (answer.status_code, answer["Location"]) == (302, f"/desk/orders/{order.code}/")


def test_a_receipt_of_the_bank_leads_to_the_order_that_it_paid(staff: Client) -> None:
    order = final()
    Payment.objects.update(refnum="201900456781")
    for typed in ("201900456781", "۲۰۱۹۰۰۴۵۶۷۸۱", " 2019 0045 6781 "):
        assert staff.post(f"{DESK}find", {"q": typed})["Location"] == f"/desk/orders/{order.code}/"
    payment = Payment.objects.get()
    assert staff.post(f"{DESK}find", {"q": payment.code})["Location"] == f"/desk/orders/{order.code}/"
    # Saman's receipts tell letters of two cases apart
    Payment.objects.update(refnum="GmshtyjwKSu8ll", gateway="saman")
    assert staff.post(f"{DESK}find", {"q": "GmshtyjwKSu8ll"}).status_code == 302
    assert staff.post(f"{DESK}find", {"q": "gmshtyjwksu8ll"}).status_code == 422


@pytest.mark.clause("D16")
def test_a_mobile_leads_to_its_owner_s_orders_once_the_reason_is_written_down(staff: Client) -> None:
    mine, other = final(), final()
    number = mine.person.mobile.replace("+98", "0")
    refused = html_of(staff.post(f"{DESK}find", {"q": number, "why": " "}), 422)
    assert "بنویسید برای چه کاری" in refused and number in refused and not AccessLog.objects.exists()

    arabic = number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    answer = staff.post(f"{DESK}find", {"q": arabic, "why": "مشتری تلفن كرده است"})
    assert answer["Location"] == f"/desk/orders/?show=all&person={mine.person.code}"
    look = AccessLog.objects.get()
    assert (look.by.role, look.whose, look.what, look.why) == ("orders", mine.person, "orders", "مشتری تلفن کرده است")
    html = html_of(staff.get(answer["Location"]))
    assert rows_of(html) == [mine.code] and other.code not in html
    assert mine.person.mobile[3:] not in html and number not in html


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "چیزی ننوشته‌اید."),
        ("ORD-2222-2222-2222-2", "سفارشی با این نشانه پیدا نشد."),
        ("'; drop table --", "سفارشی با این نشانه پیدا نشد."),
        ("0" * 500, "سفارشی با این نشانه پیدا نشد."),
        ("09351234567", "کسی با این شماره حساب ندارد."),
    ],
)
def test_what_names_no_order_is_said_so_and_stays_in_the_box(staff: Client, typed: str, says: str) -> None:
    html = html_of(staff.post(f"{DESK}find", {"q": typed, "why": "پاسخ به مشتری"}), 422)
    assert says in html


def test_what_is_looked_for_never_stands_in_an_address(staff: Client) -> None:
    assert staff.get(f"{DESK}find?q=09121234567").status_code == 405


# ---- Files ----


def rows_in(answer: Any) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_list_is_taken_along_without_anything_personal(staff: Client) -> None:
    order = final()
    placed(1)
    answer = staff.get("/desk/orders.csv?show=final")
    assert answer["Content-Disposition"] == 'attachment; filename="orders-20250104-0630.csv"'
    assert rows_in(answer) == [
        {
            "order": order.code, "state": "final", "cart_code": order.cart_code, "total_rials": "1503000",
            "placed_at": "2025-01-04T06:30:00Z", "pay_until": "2025-01-05T06:30:00Z", "processing_date": "2025-01-04",
            "final_at": "2025-01-04T06:30:00Z", "carrier": "پست پیشتاز", "province": "تهران", "city": "تهران",
            "customer": order.person.code,
        }
    ]  # fmt: skip
    assert not AccessLog.objects.exists()


@pytest.mark.clause("D16")
def test_addresses_leave_in_a_file_only_after_each_customer_stands_in_the_access_log(staff: Client) -> None:
    first = final()
    again = place(first.person, [(make.variant().sku, 1)], now=NOW).order
    refused = html_of(staff.post(f"{DESK}personal.csv?show=all", {"reason": "x"}), 422)
    assert "بنویسید برای چه کاری" in refused and not AccessLog.objects.exists()

    rows = rows_in(staff.post(f"{DESK}personal.csv?show=all", {"reason": "برچسب بسته‌های امروز"}))
    assert [row["order"] for row in rows] == [again.code, first.code]
    assert rows[1]["recipient"] == "سارا احمدی" and rows[1]["postal_code"] == "1439955471"
    assert rows[1]["mobile"] == "'+989121234567"  # a spreadsheet would take the plus for a formula
    look = AccessLog.objects.get()
    assert (look.whose, look.what, look.why) == (first.person, "orders_file", "برچسب بسته‌های امروز")


def test_a_file_of_many_orders_leaves_in_parts_and_is_whole(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [order.code for order in placed(3, 3, 3, 2, 1)]
    whole = desk.in_parts
    monkeypatch.setattr(desk, "in_parts", lambda *given, **how: whole(*given, **how, size=2))
    assert [row["order"] for row in rows_in(staff.get("/desk/orders.csv?show=all"))] == codes[::-1]


# ---- The days, drawn ----


def test_orders_of_each_day_are_drawn_by_how_they_stand(staff: Client) -> None:
    final()
    short()
    for order, ends in zip(placed(30, 31, 32), (False, True, True), strict=True):
        if ends:
            orders.cancel(order=order, by="customer", now=NOW)
    html = plain_html_of(staff.get(DESK))
    words = (
        "۶ سفارش در ۳۰ روز: ۲ قطعی، ۱ در انتظار، ۱ ناموجود پس از پرداخت، ۲ لغوشده یا منقضی؛ بیشترین ۳، در ۱۴ دی ۱۴۰۳"
    )
    assert words in html
    kinds = re.findall(r'<rect class="f-(\w+)"[^>]* y="([\d.]+)" height="([\d.]+)"', html)
    # Friday: one waiting under two that ended; today: two final under one that ran short; both days fill the figure
    assert kinds == [
        ("waiting", "82", "32"), ("ended", "18", "64"), ("good", "50", "64"), ("short", "18", "32"),
    ]  # fmt: skip
