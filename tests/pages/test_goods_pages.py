"""Home, the list and the product page: what is there, what it costs, what we would owe."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from peyman.promises import actions as promises
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.actions import set_prices
from peyman.shop.catalog.models import PriceChange, Product, Variant
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW


def html_of(answer: Any) -> str:
    return answer.content.decode()


def promise(terms: TermsVersion, n: int, due: timedelta) -> promises.NewPromise:
    return promises.NewPromise(
        clause="D24", kind="pro_forma", subject=f"message:{n}", order="", person_id=None, what="پیش‌فاکتور", terms=terms,
        start=NOW + due - timedelta(hours=1), hours=1, hours_kind="calendar",
    )  # fmt: skip


# ---- Home ----


def test_home_opens_with_last_weeks_promises_the_late_ones_included(client: Client, shop: TermsVersion) -> None:
    make.variant()
    promises.make_many([promise(shop, n, -timedelta(days=n)) for n in (1, 2, 3)], now=NOW - timedelta(days=6))
    promises.keep_many(["message:1", "message:2"], evidence={}, now=NOW - timedelta(days=4))
    html = html_of(client.get("/"))
    assert "<dt>قولِ هفته گذشته</dt><dd>۳</dd>" in html
    assert '<dt>به‌موقع</dt><dd class="k">۲</dd>' in html and '<dt>دیر</dt><dd class="b">۱</dd>' in html


def test_home_without_a_record_says_so_instead_of_showing_noughts(client: Client, shop: TermsVersion) -> None:
    html = html_of(client.get("/"))
    assert "موعد هیچ قولی نرسیده است" in html and "هنوز کالایی نداریم." in html


def test_looking_around_makes_no_session(client: Client, shop: TermsVersion) -> None:
    variant = make.variant()
    for url in ("/", "/goods/", f"/goods/{variant.product.slug}/", "/terms/"):
        assert client.get(url).status_code == 200
    assert not Session.objects.exists() and "session" not in client.cookies


@pytest.mark.parametrize("goods", [2, 9])
def test_home_costs_the_same_queries_whatever_it_shows(
    client: Client, shop: TermsVersion, django_assert_num_queries: Any, goods: int
) -> None:
    for n in range(goods):
        variant = make.variant(price=900_000, list_price=1_000_000)
        Variant.objects.filter(pk=variant.pk).update(cheaper_at=NOW - timedelta(days=n))
    client.get("/")
    with django_assert_num_queries(3):  # record, newest notice, mark of the shelf with the pieces of what is shown
        client.get("/")


def test_a_tile_is_kept_until_its_product_changes(client: Client, shop: TermsVersion) -> None:
    variant = make.variant(price=1_000_000, on_hand=9)
    assert "۱۰۰٬۰۰۰ <small>تومان" in html_of(client.get("/"))
    set_prices(prices=[(variant.sku, 1_500_000, 1_500_000)], reason="list", by="test", now=NOW)
    assert "۱۵۰٬۰۰۰ <small>تومان" in html_of(client.get("/"))
    Stock.objects.update(on_hand=2)
    assert "تنها ۲ عدد مانده" in html_of(client.get("/"))


# ---- The list ----


@pytest.fixture
def shelf(shop: TermsVersion) -> None:
    nova, parto = make.brand(slug="nova", name="نوا"), make.brand(slug="parto", name="پرتو")
    for n, (title, brand, price, on_hand) in enumerate(
        [
            ("هدفون نوا H20", nova, 42_500_000, 4),
            ("بلندگوی نوا S2", nova, 24_400_000, 0),
            ("کتری پرتو", parto, 16_900_000, 9),
        ]
    ):
        product = make.product(title=title, brand=brand, slug=f"good-{n}", listed_on=date(2025, 1, 1 + n))
        make.variant(product=product, price=price, on_hand=on_hand)


def order_of(html: str) -> list[str]:
    return [part.split("/", 1)[0] for part in html.split('<h3><a href="/goods/')[1:]]


def test_the_newest_come_first_and_what_is_sold_out_last(client: Client, shelf: None) -> None:
    html = html_of(client.get("/goods/"))
    assert order_of(html) == ["good-2", "good-0", "good-1"]
    assert "۳ کالا، ۲ موجود" in html and '<span class="badge">ناموجود</span>' in html


def test_a_choice_narrows_the_list_and_stands_as_a_chip_that_takes_it_away(client: Client, shelf: None) -> None:
    html = html_of(client.get("/goods/?brand=nova&available=1"))
    assert order_of(html) == ["good-0"]
    assert '<a class="chip" href="/goods/?available=1" aria-label="حذف نوا">نوا ×</a>' in html
    assert '<a class="chip" href="/goods/?brand=nova" aria-label="حذف فقط موجود">فقط موجود ×</a>' in html
    assert 'name="brand" value="nova" checked' in html


def test_prices_are_asked_in_toman_with_any_digits(client: Client, shelf: None) -> None:
    assert order_of(html_of(client.get("/goods/", {"max": "۲٬۰۰۰٬۰۰۰"}))) == ["good-2"]
    html = html_of(client.get("/goods/", {"min": "چند", "sort": "cheapest"}))
    assert order_of(html) == ["good-2", "good-0", "good-1"]


def test_a_search_says_what_it_looked_for_and_an_empty_one_what_to_do(client: Client, shelf: None) -> None:
    html = html_of(client.get("/goods/", {"q": "هدفون"}))
    assert "جست‌وجوی «هدفون»" in html and order_of(html) == ["good-0"] and 'value="هدفون"' in html
    assert "برای «یخچال» چیزی نداریم." in html_of(client.get("/goods/", {"q": "يخچال"}))


def test_what_a_reader_types_is_text_and_nothing_else(client: Client, shelf: None) -> None:
    html = html_of(client.get("/goods/", {"q": '"><script>alert(1)</script>', "category": ""}))
    assert "<script>" not in html and "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize("query", ["after=garbage", "sort=x", "brand=", "min=-5", f"max={'9' * 22}"])
def test_an_address_that_makes_no_sense_still_shows_goods(client: Client, shelf: None, query: str) -> None:
    assert client.get(f"/goods/?{query}").status_code == 200


def test_an_unknown_category_is_not_found(client: Client, shelf: None) -> None:
    assert client.get("/category/nothing/").status_code == 404
    assert client.get("/goods/?category=no%20slug").status_code == 404


def test_pages_follow_one_another_without_a_gap(client: Client, shop: TermsVersion) -> None:
    for n in range(30):
        make.variant(product=make.product(slug=f"good-{n:02}", listed_on=date(2025, 1, 1) - timedelta(days=n)))
    first = html_of(client.get("/goods/"))
    next_url = first.split('" rel="next"')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    second = html_of(client.get(next_url))
    assert order_of(first) + order_of(second) == [f"good-{n:02}" for n in range(30)]


@pytest.mark.parametrize("goods", [3, 24])
def test_the_list_costs_one_query_whatever_its_length(
    client: Client, shop: TermsVersion, django_assert_num_queries: Any, goods: int
) -> None:
    for _ in range(goods):
        make.variant()
    client.get("/goods/")
    with django_assert_num_queries(1):  # the mark of the shelf, with the pieces of what is shown
        client.get("/goods/")


# ---- One product ----


@pytest.fixture
def reader(shop: TermsVersion) -> Product:
    product = make.product(
        title="کتاب‌خوان آوند A6، صفحه 6 اینچ", slug="reader-a6", attributes={"باتری": "2,800 میلی‌آمپرساعت"}
    )
    small, large = "۳۲ گیگابایت", "۶۴ گیگابایت"
    make.variant(product=product, sku="NAVY-32", color="سرمه‌ای", size=small, price=98_400_000, list_price=112_000_000)
    make.variant(product=product, sku="NAVY-64", color="سرمه‌ای", size=large, price=116_500_000)
    make.variant(product=product, sku="RED-32", color="زرشکی", size="۳۲ گیگابایت", price=97_000_000, on_hand=0)
    return product


@pytest.mark.clause("D37")
def test_the_price_stands_in_toman_and_rials_and_says_that_it_is_of_this_moment(
    client: Client, reader: Product
) -> None:
    html = html_of(client.get("/goods/reader-a6/"))
    assert "۹٬۸۴۰٬۰۰۰ <small>تومان" in html and "معادل ۹۸٬۴۰۰٬۰۰۰ ریال." in html
    assert "<del>۱۱٬۲۰۰٬۰۰۰</del>" in html and "٪۱۲" in html
    assert "قیمت و موجودی نهایی را به قطع نمی‌توان گفت" in html
    assert "کتاب‌خوان آوند <bdi>A6</bdi>، صفحه ۶ اینچ</h1>" in html and "۲٬۸۰۰ میلی‌آمپرساعت" in html


@pytest.mark.clause("D22", "D24", "D30")
def test_before_buying_one_reads_the_due_times_that_would_start_now(client: Client, reader: Product) -> None:
    html = html_of(client.get("/goods/reader-a6/"))
    # Saturday 15 Dey, 10:00: one hour, 24 working hours, and a span for what may never begin.
    assert ">تا شنبه ۱۵ دی، ساعت ۱۱</time>" in html and ">تا یکشنبه ۱۶ دی، ساعت ۱۰</time>" in html
    assert "۲۴ تا ۴۸ ساعت کاری" in html


def test_a_variant_has_its_own_address_and_leads_to_its_sisters(client: Client, reader: Product) -> None:
    html = html_of(client.get("/goods/reader-a6/?sku=NAVY-64"))
    assert "۱۱٬۶۵۰٬۰۰۰ <small>تومان" in html and 'name="sku" value="NAVY-64"' in html
    assert '<a class="chip" href="?sku=NAVY-32">۳۲ گیگابایت</a>' in html
    assert '<a class="chip gone" href="?sku=RED-32">زرشکی<span class="sr">، ناموجود</span></a>' in html
    red = html_of(client.get("/goods/reader-a6/?sku=RED-32"))
    assert '<span class="badge">ناموجود</span>' in red and "افزودن به سبد</button>" not in red


@pytest.mark.clause("D122")
def test_every_change_of_price_is_drawn_and_listed(client: Client, reader: Product) -> None:
    variant = Variant.objects.get(sku="NAVY-32")
    PriceChange.objects.create(
        variant=variant, price=112_000_000, list_price=112_000_000, reason="supplier", by="test",
        at=NOW - timedelta(days=90),
    )  # fmt: skip
    html = html_of(client.get("/goods/reader-a6/"))
    assert "از ۱۵ مهر ۱۴۰۳ تا امروز؛ کمترین ۹٬۸۴۰٬۰۰۰ تومان، بیشترین ۱۱٬۲۰۰٬۰۰۰ تومان، امروز ۹٬۸۴۰٬۰۰۰ تومان" in html
    assert "نرخ تأمین‌کننده" in html and '<td class="n">۱۱٬۲۰۰٬۰۰۰</td>' in html
    assert "کمترین قیمت شش ماه گذشته." in html


@pytest.mark.clause("D27")
def test_what_is_no_longer_sold_says_so_and_keeps_its_history(client: Client, reader: Product) -> None:
    Product.objects.update(is_on_sale=False)
    answer = client.get("/goods/reader-a6/")
    html = html_of(answer)
    assert answer.status_code == 410 and "دیگر فروخته نمی‌شود" in html and "نمودار تغییر قیمت" in html
    assert "افزودن به سبد</button>" not in html


def test_a_product_that_never_was_is_not_found(client: Client, shop: TermsVersion) -> None:
    assert client.get("/goods/never-was/").status_code == 404


@pytest.mark.parametrize("variants", [1, 12])
def test_the_product_page_costs_one_query_whatever_its_variants_and_three_when_it_changed(
    client: Client, shop: TermsVersion, django_assert_num_queries: Any, variants: int
) -> None:
    product = make.product(slug="one")
    for n in range(variants):
        make.variant(product=product, color=f"رنگ {n}")
    client.get("/goods/one/")
    with django_assert_num_queries(1):  # all that decides what the page says
        client.get("/goods/one/")
    Product.objects.update(version=2)
    with django_assert_num_queries(3):  # that, the product, the prices of the variant
        client.get("/goods/one/")
