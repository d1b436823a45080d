"""Pages are kept in memory, and nothing stale is ever seen: whatever moved is there on the very next read."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.safestring import SafeString

from peyman.entrypoints.storefront import kept, tokens
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import Declaration, Scope
from peyman.shop.catalog import actions as catalog
from peyman.shop.catalog.actions.prices import bump
from peyman.shop.catalog.models import Brand, Category, Product, Variant
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW

PRODUCT, LIST, HOME = "/goods/reader/", "/category/readers/", "/"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BUY = "افزودن به سبد</button>"


def read(client: Client, url: str = PRODUCT) -> str:
    """What a second read shows: the first one may have rendered it."""
    client.get(url)
    return client.get(url).content.decode()


@pytest.fixture
def reader(shop: TermsVersion) -> Variant:
    product = make.product(
        slug="reader", title="کتاب‌خوان آوند", code="P-READER", category=make.category(slug="readers", title="کتاب‌خوان"),
        attributes={"باتری": "2800 میلی‌آمپرساعت"},
    )  # fmt: skip
    return make.variant(product=product, sku="READER", price=98_400_000, on_hand=9)


def new_price(variant: Variant) -> None:
    catalog.set_prices(prices=[(variant.sku, 77_000_000, 77_000_000)], reason="list", by="test", now=NOW)


def off_sale(scope: str, key: str) -> Callable[[Variant], None]:
    def switch(variant: Variant) -> None:
        catalog.switch_sale(scope=scope, key=key, on=False, reason="آزمون", by="test", now=NOW)

    return switch


def other_spec(variant: Variant) -> None:
    Product.objects.filter(pk=variant.product_id).update(attributes={"باتری": "3000 میلی‌آمپرساعت"})
    bump({variant.product_id})


def offer(variant: Variant) -> None:
    Variant.objects.filter(pk=variant.pk).update(offer_until=NOW + DAY, list_price=112_000_000)
    bump({variant.product_id})


MOVES: dict[str, tuple[Callable[[Variant], object], str]] = {
    "a price": (new_price, "۷٬۷۰۰٬۰۰۰ <small>تومان"),
    "the last pieces": (lambda variant: Stock.objects.update(on_hand=2), "تنها ۲ عدد مانده"),
    "what sold out": (lambda variant: Stock.objects.update(on_hand=0), '<span class="badge">ناموجود</span>'),
    "an offer": (offer, "پیشنهاد زمان‌دار"),
}


@pytest.mark.parametrize("url", [PRODUCT, LIST, HOME])
@pytest.mark.parametrize("moved", [name for name in MOVES if name != "what sold out"])
def test_what_moved_is_on_the_next_page_that_is_read(client: Client, reader: Variant, moved: str, url: str) -> None:
    move, words = MOVES[moved]
    assert words not in read(client, url)
    move(reader)
    assert words in client.get(url).content.decode()


def test_home_shows_offers_with_their_hour_and_no_longer_when_it_has_come(
    client: Client, reader: Variant, clock: Path
) -> None:
    offer(reader)
    html = read(client, HOME)
    shown = html.split('<section class="amazing"')[1].split("</section>")[0]
    assert "کتاب‌خوان آوند" in shown and ">تا یکشنبه ۱۶ دی، ساعت ۱۰</time>" in shown
    Variant.objects.update(offer_until=None)  # as the end of an offer leaves it
    bump({reader.product_id})
    assert "amazing" not in client.get(HOME).content.decode()


def test_what_sold_out_is_seen_at_once(client: Client, reader: Variant) -> None:
    move, words = MOVES["what sold out"]
    for url in (PRODUCT, LIST):
        assert words not in read(client, url)
    move(reader)
    for url in (PRODUCT, LIST):
        assert words in client.get(url).content.decode()
    assert "کتاب‌خوان آوند" not in client.get(HOME).content.decode()  # of what can be bought


@pytest.mark.parametrize("url", ["/category/readers/?sort=cheapest", "/category/readers/?sort=dearest", HOME])
def test_each_card_tells_its_own_pieces_though_others_change_places_with_it(
    client: Client, reader: Variant, url: str
) -> None:
    other = make.variant(product=make.product(title="خواننده", slug="other", category=reader.product.category))
    bare = make.variant(product=make.product(title="نوخوان", slug="bare", category=reader.product.category))
    Stock.objects.filter(variant=bare).delete()  # nobody has counted it yet
    few = {"reader": "تنها ۲ عدد مانده", "other": "تنها ۱ عدد مانده"}

    def told() -> dict[str, str]:
        cards = re.findall(r'href="/goods/(reader|other)/.*?(تنها . عدد مانده)', client.get(url).content.decode(), re.S)
        return dict(cards)

    Stock.objects.filter(variant=reader).update(on_hand=2)
    Stock.objects.filter(variant=other).update(on_hand=1)
    assert told() == told() == few
    Stock.objects.filter(variant=reader).update(on_hand=1)
    Stock.objects.filter(variant=other).update(on_hand=2)
    assert told() == {"reader": few["other"], "other": few["reader"]}


@pytest.mark.parametrize("scope", ["shop", "category", "product", "variant"])
def test_a_stop_of_sale_is_seen_at_once_wherever_it_is_switched(client: Client, reader: Variant, scope: str) -> None:
    key = {"shop": "", "category": "readers", "product": "P-READER", "variant": "READER"}[scope]
    assert BUY in read(client)
    off_sale(scope, key)(reader)
    assert BUY not in client.get(PRODUCT).content.decode()


def test_a_specification_and_the_names_around_it_are_seen_at_once(client: Client, reader: Variant) -> None:
    assert "۲۸۰۰ میلی‌آمپرساعت" in read(client)
    other_spec(reader)
    assert "۳۰۰۰ میلی‌آمپرساعت" in client.get(PRODUCT).content.decode()
    Brand.objects.update(name="نوا")
    assert "نوا</a>" in client.get(PRODUCT).content.decode()
    Category.objects.update(title="خواندنی", path="خواندنی")
    assert "خواندنی</span></a>" in client.get(PRODUCT).content.decode()


def test_another_version_of_the_terms_is_cited_at_once(client: Client, reader: Variant, clock: Path) -> None:
    assert "/terms/1/#c-" in read(client)
    document = make.terms_document()
    other = replace(document, title=document.title + "، ویرایش دوم")
    promises.publish_terms(document=other, now=NOW, effective_at=NOW + MINUTE)
    assert "/terms/1/#c-" in client.get(PRODUCT).content.decode()
    clock.write_text((NOW + MINUTE).isoformat())
    html = client.get(PRODUCT).content.decode()
    assert "/terms/2/#c-" in html and "/terms/1/#c-" not in html


def test_a_new_holiday_and_a_force_majeure_move_the_due_times_at_once(client: Client, reader: Variant) -> None:
    assert ">تا یکشنبه ۱۶ دی، ساعت ۱۰</time>" in read(client)
    make.calendar(date(2025, 1, 5))
    assert ">تا دوشنبه ۱۷ دی، ساعت ۱۰</time>" in client.get(PRODUCT).content.decode()
    flood = Declaration(NOW - MINUTE, None, Scope(), "سیل", "سیل در همه استان‌ها", "مدیر")
    promises.declare_force_majeure(declaration=flood, by=make.person(), now=NOW)
    assert "پس از پایان قوه قهریه" in client.get(PRODUCT).content.decode()


def test_due_times_move_with_the_minute_and_the_rest_stays_kept(
    client: Client, reader: Variant, clock: Path, django_assert_num_queries: Any
) -> None:
    assert ">تا شنبه ۱۵ دی، ساعت ۱۱</time>" in read(client)
    clock.write_text((NOW + timedelta(seconds=59)).isoformat())
    assert ">تا شنبه ۱۵ دی، ساعت ۱۱</time>" in client.get(PRODUCT).content.decode()
    clock.write_text((NOW + MINUTE).isoformat())
    with django_assert_num_queries(1):
        assert ">تا شنبه ۱۵ دی، ساعت ۱۱:۰۱</time>" in client.get(PRODUCT).content.decode()


def test_what_is_the_lowest_of_six_months_is_right_at_the_boundary(
    client: Client, reader: Variant, clock: Path
) -> None:
    """180 days after the cheaper price ended, the price of now is the lowest."""
    catalog.set_prices(prices=[("READER", 50_000_000, 50_000_000)], reason="list", by="test", now=NOW)
    catalog.set_prices(prices=[("READER", 90_000_000, 90_000_000)], reason="list", by="test", now=NOW + DAY)
    catalog.set_prices(prices=[("READER", 95_000_000, 95_000_000)], reason="list", by="test", now=NOW + 2 * DAY)
    catalog.set_prices(prices=[("READER", 90_000_000, 90_000_000)], reason="list", by="test", now=NOW + 3 * DAY)
    lowest = "کمترین قیمت شش ماه گذشته."
    clock.write_text((NOW + 181 * DAY - timedelta(seconds=1)).isoformat())
    assert lowest not in read(client)
    clock.write_text((NOW + 181 * DAY).isoformat())
    assert lowest in client.get(PRODUCT).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_change_by_another_process_is_seen_at_once(client: Client, reader: Variant, threads: Any) -> None:
    """Another process has its own memory and its own connection, and tells nobody."""
    assert "۹٬۸۴۰٬۰۰۰ <small>تومان" in read(client)
    held = len(kept.memory)
    threads(1, lambda n: new_price(reader))
    assert len(kept.memory) == held  # nobody reached into this process
    assert "۷٬۷۰۰٬۰۰۰ <small>تومان" in client.get(PRODUCT).content.decode()


# ---- Whose page it is ----


def test_a_kept_page_carries_each_readers_own_name_cart_and_token(client: Client, reader: Variant) -> None:
    stranger = read(client)
    assert "ورود</span>" in stranger and "/login/?next=/goods/reader/" in stranger
    person: Person = make.person()
    make.cart(person=person, lines=[(reader, 3)])
    known = Client()
    known.force_login(person)
    html = known.get(PRODUCT).content.decode()
    assert "حساب من</span>" in html and "سبد خرید، ۳ عدد" in html
    assert "سبد خرید، " not in client.get(PRODUCT).content.decode()
    token = html.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    assert token not in stranger and len(token) == 64


def test_a_kept_page_carries_every_drawing_it_uses_also_those_of_what_is_filled_in(
    client: Client, reader: Variant
) -> None:
    for url in (PRODUCT, LIST, HOME):
        html = read(client, url)
        used = set(re.findall(r'<use href="#([a-z-]+)"', html))
        assert used and used <= set(re.findall(r'<symbol id="([a-z-]+)"', html)), url
    assert "k-next" in re.findall(r'<use href="#([a-z-]+)"', read(client))


def test_the_token_of_a_kept_page_is_taken_with_its_cookie_and_no_other_is(reader: Variant) -> None:
    strict = Client(enforce_csrf_checks=True)
    read(strict)
    html = strict.get(PRODUCT).content.decode()
    token = html.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form, other = {"sku": "READER"}, token[:-1] + ("a" if token[-1] != "a" else "b")
    assert strict.post("/cart/add", {**form, "csrfmiddlewaretoken": other}).status_code == 403
    assert strict.post("/cart/add", {**form, "csrfmiddlewaretoken": token}).status_code == 302
    again = strict.get(PRODUCT).content.decode()
    assert token not in again  # another mask each time


def test_tokens_are_drawn_from_all_letters_alike() -> None:
    drawn = "".join(tokens.of(RequestFactory().get("/"))[:32] for _ in range(2000))
    counts = [drawn.count(letter) for letter in sorted(set(drawn))]
    assert len(counts) == 62 and min(counts) > 850 and max(counts) < 1230  # 64,000 letters: 1,032 of each, six sigma


def test_no_page_of_goods_writes_and_each_keeps_within_its_statements(client: Client, reader: Variant) -> None:
    for url, most in ((PRODUCT, 3), (LIST, 4), ("/brand/samsung/", 4), (HOME, 4)):
        read(client, url)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get(url).status_code == 200
        assert len(asked) <= most, url
        assert all(query["sql"].lstrip().upper().startswith("SELECT") for query in asked), url


def test_a_visitor_with_a_cart_costs_one_statement_more_than_a_stranger(
    client: Client, reader: Variant, django_assert_num_queries: Any
) -> None:
    client.post("/cart/add", {"sku": "READER"})
    client.get(PRODUCT)
    with django_assert_num_queries(2):  # the session; what decides the page, with the pieces in the cart
        assert "سبد خرید، ۱ عدد" in client.get(PRODUCT).content.decode()


def test_who_is_logged_in_costs_one_statement_more(
    client: Client, reader: Variant, django_assert_num_queries: Any
) -> None:
    person = make.person()
    client.force_login(person)
    client.post("/cart/add", {"sku": "READER", "quantity": "3"})
    client.get(PRODUCT)
    with django_assert_num_queries(3):  # the session; what decides the page, with the pieces in the cart; the person
        html = client.get(PRODUCT).content.decode()
    assert "سبد خرید، ۳ عدد" in html and "حساب من" in html


def test_who_was_logged_in_and_is_no_longer_let_in_is_told_of_no_cart(client: Client, reader: Variant) -> None:
    person = make.person()
    client.force_login(person)
    client.post("/cart/add", {"sku": "READER"})
    assert "سبد خرید، ۱ عدد" in read(client)
    Person.objects.filter(pk=person.pk).update(is_active=False)
    html = client.get(PRODUCT).content.decode()
    assert "سبد خرید، ۱ عدد" not in html and "حساب من" not in html


# ---- The memory ----


def test_the_memory_never_weighs_more_than_it_may_and_drops_what_was_asked_for_the_longest_ago() -> None:
    memory = kept.Memory(100_000)
    for n in range(40):
        memory.put(n, "state", SafeString("x"), 8_000)
        memory.get(0, "state")
        assert memory.weight <= 100_000
    assert memory.get(0, "state") == "x" and memory.get(1, "state") is None and memory.get(39, "state") == "x"
    memory.put("huge", "state", "x", 90_000)
    assert memory.get("huge", "state") is None and memory.get(39, "state") == "x"


def test_a_new_state_takes_the_place_of_the_old_one() -> None:
    memory = kept.Memory(100_000)
    memory.put("page", "old", "1", 1_000)
    weight = memory.weight
    memory.put("page", "new", "2", 1_000)
    assert (memory.get("page", "old"), memory.get("page", "new"), memory.weight) == (None, "2", weight)


def test_a_shop_says_how_much_memory_its_pages_may_take() -> None:
    assert (settings.KEPT_PAGES, settings.KEPT_LISTS) == (64_000_000, 24_000_000)
