"""Lists of goods: found, narrowed, sorted, paged; what is sold out comes last."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from peyman.kernel.errors import Missing
from peyman.shop.catalog import actions, queries
from peyman.shop.catalog.models import Product, Variant
from peyman.shop.catalog.queries import search
from peyman.shop.catalog.rules.search import asking
from peyman.shop.catalog.rules.search.kinds import Kinds
from peyman.shop.stock.models import Stock
from tests import make

pytestmark = pytest.mark.django_db


def good(
    title: str = "گوشی",
    *,
    price: int = 1_000_000,
    list_price: int = 0,
    on_hand: int = 5,
    listed: int = 0,
    category: Any = None,
    brand: Any = None,
    **fields: Any,
) -> Product:
    brand = brand or make.brand()
    product = make.product(
        title=title,
        category=category or make.category(),
        brand=brand,
        listed_on=date(2026, 1, 1) + timedelta(days=listed),
        **fields,
    )
    make.variant(product=product, price=price, list_price=list_price, on_hand=on_hand)
    return product


def listed(**asked: Any) -> queries.CardPage:
    return queries.list_cards(queries.Ask(**asked))


def titles(**asked: Any) -> list[str]:
    return [card.title for card in listed(**asked).items]


# ---- Cards ----


def test_a_card_tells_the_cheapest_variant_that_can_be_bought() -> None:
    product = good("کتری", price=500_000, on_hand=0, drawing="kettle", tint="v2")
    told = make.variant(product=product, price=800_000, list_price=1_000_000, on_hand=4, allocated=1)
    make.variant(product=product, price=900_000, on_hand=9)
    (card,) = listed().items
    assert card == queries.Card(
        slug=product.slug,
        title="کتری",
        drawing="kettle",
        tint="v2",
        price=800_000,
        list_price=1_000_000,
        off_percent=20,
        available=3,
        sku=told.sku,
        variants=3,
        version=1,
        variant=told.pk,
    )


def test_a_card_of_what_is_sold_out_tells_its_lowest_price() -> None:
    product = good(price=900_000, on_hand=2)
    Stock.objects.update(allocated=2)
    make.variant(product=product, price=700_000, on_hand=0)
    (card,) = listed().items
    assert (card.price, card.available) == (700_000, 0)


def test_goods_without_a_drawing_are_drawn_like_their_category_in_the_colour_of_the_variant() -> None:
    product = good(category=make.category(slug="k", title="کتری", drawing="kettle"))
    Variant.objects.update(image_hint="k/red")
    (card,) = listed().items
    assert (card.slug, card.drawing, card.tint) == (product.slug, "kettle", "v4")


@pytest.mark.clause("D27")
def test_what_is_not_on_sale_is_in_no_list() -> None:
    good("الف", is_on_sale=False)
    good("ب")
    Variant.objects.filter(product__title="ب").update(is_on_sale=False)
    good("پ")
    assert titles() == ["پ"]
    assert [card.title for card in queries.newest_cards()] == ["پ"]
    assert [(facet.title, facet.count) for facet in queries.top_categories()] == [("گوشی موبایل", 2)]


# ---- Sorting and paging ----


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("newest", ["ج", "ب", "الف", "تمام"]),
        ("cheapest", ["الف", "ج", "ب", "تمام"]),
        ("dearest", ["ب", "ج", "الف", "تمام"]),
        ("discount", ["ج", "ب", "الف", "تمام"]),
        ("relevant", ["ج", "ب", "الف", "تمام"]),
        ("nonsense", ["ج", "ب", "الف", "تمام"]),
    ],
)
def test_a_list_is_sorted_and_what_is_sold_out_comes_last(sort: str, expected: list[str]) -> None:
    good("الف", price=1_000_000, listed=1)
    good("ب", price=3_000_000, list_price=3_300_000, listed=2)
    good("ج", price=2_000_000, list_price=4_000_000, listed=3)
    good("تمام", price=100_000, list_price=4_000_000, listed=4, on_hand=0)
    assert titles(sort=sort) == expected


@pytest.mark.parametrize("sort", ["newest", "cheapest", "dearest", "discount"])
def test_pages_show_everything_once_though_prices_and_days_are_alike(sort: str) -> None:
    for n in range(7):
        good(f"گوشی {n}", price=1_000_000 + 500_000 * (n % 2), listed=n % 3, on_hand=n % 4)
    seen: list[str] = []
    after = ""
    for _ in range(4):
        page = listed(sort=sort, after=after, limit=2)
        seen += [card.slug for card in page.items]
        after = page.next
    assert (after, len(seen), len(set(seen)), page.total) == ("", 7, 7, 7)
    assert seen == [card.slug for card in listed(sort=sort).items]


def test_a_page_goes_on_behind_what_was_seen_though_something_came_in_between() -> None:
    for n in range(4):
        good(f"گوشی {n}", listed=n)
    first = listed(limit=2)
    good("تازه", listed=9)
    assert [card.title for card in listed(limit=2, after=first.next).items] == ["گوشی 1", "گوشی 0"]


@pytest.mark.parametrize("after", ["x", "====", "bm8", "W10", "WyJuZXdlc3QiLCJhIl0", "ش", "W1tbW1tb" * 40])
def test_a_cursor_that_is_none_begins_at_the_start(after: str) -> None:
    good("الف")
    assert titles(after=after) == ["الف"]


# ---- Narrowing ----


def test_a_category_takes_in_all_below_it_and_offers_the_next_step() -> None:
    top = make.category(slug="mobile", title="موبایل")
    phones = make.category(slug="mobile-phone", title="گوشی", parent=top)
    extras = make.category(slug="extras", title="جانبی", parent=top)
    banks = make.category(slug="power-bank", title="پاوربانک", parent=extras)
    make.category(slug="mobile2", title="موبایل ۲")
    good("الف", category=phones, listed=1)
    good("ب", category=banks, listed=2)
    good("پ", category=make.category(slug="mobile2"), listed=3)
    page = listed(category="mobile")
    assert [card.title for card in page.items] == ["ب", "الف"]
    assert [(facet.slug, facet.count) for facet in page.facets.categories] == [("mobile-phone", 1), ("extras", 1)]
    assert [crumb.slug for crumb in listed(category="power-bank").crumbs] == [
        "mobile",
        "extras",
        "power-bank",
    ]
    assert [(facet.slug, facet.count) for facet in queries.top_categories()] == [("mobile", 2), ("mobile2", 1)]


def test_an_unknown_category_is_missing() -> None:
    with pytest.raises(Missing):
        listed(category="no-such")


def test_brands_are_counted_as_if_none_was_chosen() -> None:
    for slug, count in (("samsung", 2), ("lg", 1), ("misc", 1)):
        for _ in range(count):
            good(slug, brand=make.brand(slug=slug, name=slug, name_latin=""))
    page = listed(brands=("samsung,lg",))
    assert (page.total, {card.title for card in page.items}) == (3, {"samsung", "lg"})
    assert [(facet.slug, facet.count, facet.chosen) for facet in page.facets.brands] == [
        ("samsung", 2, True),
        ("lg", 1, True),
        ("misc", 1, False),
    ]
    assert listed(brands=("misc",)).total == 1
    assert listed(brands=("no-such",)).total == 0


def test_prices_narrow_with_both_bounds_included_and_the_range_is_of_the_whole_list() -> None:
    for price in (1_000_000, 2_000_000, 3_000_000):
        good(str(price), price=price)
    page = listed(price_min=2_000_000, price_max=3_000_000)
    assert page.total == 2
    assert (page.facets.price_min, page.facets.price_max) == (1_000_000, 3_000_000)


def test_only_what_can_be_bought_is_shown_when_asked() -> None:
    good("الف")
    good("تمام", on_hand=0)
    page = listed()
    assert (page.total, page.facets.available) == (2, 1)
    assert titles(available_only=True) == ["الف"]


def test_an_empty_list_is_a_list() -> None:
    page = listed(q="هیچ")
    assert (page.items, page.total, page.next, page.facets.price_min) == ([], 0, "", None)


# ---- Search ----


@pytest.mark.parametrize("title", ["کتاب‌خوان آوند", "کتابخوان آوند", "کتاب خوان آوند"])
@pytest.mark.parametrize(
    "q", ["کتاب‌خوان", "کتابخوان", "کتاب خوان", "كتابخوان", "خوان کتاب", "اوند كتاب", "کتاب‌خوانِ آوَند"]
)
def test_goods_are_found_however_the_two_are_spelled(title: str, q: str) -> None:
    good(title)
    good("هدفون نغمه")
    assert titles(q=q) == [title]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("A6", ["آوند A6"]),
        ("a۶", ["آوند A6"]),
        ("a5", ["آوند A54"]),  # a short word is sought where a word begins
        ("54", ["آوند A54"]),  # letters and a number are words of their own as well
        ("samsung", ["آوند A54", "آوند A6"]),
        ("100%", []),
        ("آوند_", ["آوند A54", "آوند A6"]),
        ("!!!", []),
        ("'; DROP TABLE", []),
    ],
)
def test_short_words_and_signs_are_sought_with_care(q: str, expected: list[str]) -> None:
    good("آوند A6", listed=1)
    good("آوند A54", listed=2)
    assert titles(q=q) == expected


def test_the_most_relevant_is_called_so_first_and_holds_the_word_as_it_stands() -> None:
    good("کیف کتاب‌خوان", listed=1)
    good("کتاب", listed=0)
    good("کتابخانه", listed=2)
    assert titles(q="کتاب", sort="relevant") == ["کتاب", "کیف کتاب‌خوان", "کتابخانه"]


def test_a_word_that_nothing_meets_is_given_up_and_the_others_are_read_with_their_slips() -> None:
    good("کتری برقی")
    good("کتاب")
    assert titles(q="کتاب قژقژی") == ["کتاب"]
    assert titles(q="کتاپ") == ["کتاب"]
    told = search.find("کتاپ قژقژی", kinds=Kinds({}))
    assert (len(told.ranks), told.left_out, told.taken_for) == (1, ("قژقژی",), (("کتاپ", "کتاب"),))
    found = search.find("قژقژی کتاب", kinds=Kinds({}))
    assert (list(found.ranks.values()), found.left_out) == ([0], ("قژقژی",))


def test_a_shelf_that_is_searched_by_kind_shows_the_thing_before_what_fits_it() -> None:
    phones, covers = make.category(slug="phones", title="گوشی"), make.category(slug="covers", title="قاب")
    for n in range(3):
        good(f"قاب مناسب برای گوشی نوا {n}", category=covers, listed=9)
    good("گوشی نوا", category=phones)
    assert titles(q="گوشی نوا", sort="relevant")[0] == "گوشی نوا"
    assert titles(q="قاب گوشی نوا", sort="relevant")[:3] == [f"قاب مناسب برای گوشی نوا {n}" for n in (2, 1, 0)]
    assert titles(q="گوشی نوا", category="covers") == [f"قاب مناسب برای گوشی نوا {n}" for n in (2, 1, 0)]


# ---- The home page ----


def test_the_newest_can_be_bought_and_have_a_day() -> None:
    good("الف", listed=1)
    good("ب", listed=3, on_hand=0)
    good("پ", listed=2)
    Product.objects.filter(pk=good("ت").pk).update(listed_on=None)
    assert [card.title for card in queries.newest_cards(2)] == ["پ", "الف"]


def test_what_became_cheaper_comes_by_its_latest_drop_and_leaves_with_a_rise() -> None:
    goods = [good(title) for title in ("الف", "ب", "پ", "تمام")]
    skus = [product.variants.get().sku for product in goods]

    def price(sku: str, rials: int, hours: int) -> None:
        at = make.NOW + timedelta(hours=hours)
        actions.set_prices(prices=[(sku, rials, 2_000_000)], reason="sale", by="test", now=at)

    for hours, sku in enumerate(skus):
        price(sku, 900_000, hours)
    price(skus[1], 950_000, 10)
    Stock.objects.filter(variant__sku=skus[3]).update(on_hand=0)
    assert [card.title for card in queries.cheaper_cards()] == ["پ", "الف"]


def test_chosen_cards_come_in_the_order_asked() -> None:
    first, second = good("الف"), good("ب")
    assert [card.title for card in queries.cards_of([second.slug, "no-such", first.slug])] == ["ب", "الف"]


# ---- What is remembered ----


def test_a_list_that_is_remembered_knows_every_change_of_price_word_switch_and_piece() -> None:
    first, second = good("گوشی یک", price=1_000_000, on_hand=2), good("گوشی دو", price=2_000_000, on_hand=10)
    one, two = first.variants.get(), second.variants.get()

    def seen() -> list[tuple[str, int, int]]:
        return [(card.sku, card.price, card.available) for card in listed(sort="cheapest").items]

    assert seen() == [(one.sku, 1_000_000, 2), (two.sku, 2_000_000, 10)]
    Stock.objects.filter(variant=one).update(allocated=1)  # a sale
    assert seen() == [(one.sku, 1_000_000, 1), (two.sku, 2_000_000, 10)]
    Stock.objects.filter(variant=one).update(allocated=2)  # the last piece
    assert seen() == [(two.sku, 2_000_000, 10), (one.sku, 1_000_000, 0)]
    actions.set_prices(prices=[(two.sku, 3_000_000, 3_000_000)], reason="list", by="test", now=make.NOW)
    assert seen() == [(two.sku, 3_000_000, 10), (one.sku, 1_000_000, 0)]
    actions.switch_sale(scope="product", key=second.code, on=False, reason="test", by="test", now=make.NOW)
    assert seen() == [(one.sku, 1_000_000, 0)]
    Stock.objects.filter(variant=one).update(on_hand=5)
    third = good("گوشی سه", price=500_000, on_hand=10).variants.get()
    assert seen() == [(third.sku, 500_000, 10), (one.sku, 1_000_000, 3)]


# ---- What it costs ----


def test_what_a_word_of_many_goods_finds_is_the_same_from_the_latest_goods_and_from_the_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PostgreSQL's statistics decide where it looks; here they are said."""
    for title in ("کتاب سبز", "لیوان سبز", "کتاب سرخ"):
        make.variant(product=make.product(title=title))
    groups = [asking.Group("کتاب", (asking.Other(("کتاب",), 0),))]
    shelf = search.vocabulary()
    from_index = [search.meeting(groups, shelf, limit) for limit in (1, 2, 3)]
    monkeypatch.setattr(search._words(), "often", search._Often(1_000_000, {"کتاب": 0.5}))
    assert search._worth_walking([[("کتاب",)]], 2) == 7
    assert search._worth_walking([[("کتاب",)]], 10_000) == search._worth_walking([[("لیوان",)]], 2) == 0
    assert [search.meeting(groups, shelf, limit) for limit in (1, 2, 3)] == from_index
    assert [len(found) for found in from_index] == [1, 2, 2]


@pytest.mark.parametrize("count", [1, 12])
def test_lists_cost_the_same_queries_whatever_they_hold(count: int, django_assert_num_queries: Any) -> None:
    for n in range(count):
        product = good(f"گوشی {n}", brand=make.brand(slug=f"b{n}", name=f"ب{n}"))
        make.variant(product=product)
        Variant.objects.filter(product=product).update(cheaper_at=make.NOW)
    search.vocabulary()  # known by a process that has searched before
    composed: list[tuple[int, Callable[[], object]]] = [
        (
            11,
            lambda: listed(q="گوشی", category="phones", sort="cheapest"),
        ),  # tree, words, synonyms, hits by kind, hits, texts, variants, brands, specifications, 2 of cards
        (4, queries.newest_cards),  # keys, offers, products, variants
        (4, queries.cheaper_cards),
    ]
    for many, ask in composed:
        with django_assert_num_queries(many + 2):  # and the mark of the shelf, and the pieces of what is shown
            ask()
        with django_assert_num_queries(2):
            ask()
    with django_assert_num_queries(2):  # mark, counts; the tree is known
        queries.top_categories()
    with django_assert_num_queries(1):
        queries.top_categories()
    slug = Product.objects.values_list("slug", flat=True)[0]
    with django_assert_num_queries(3):  # the glance, the product, prices
        queries.product_page(slug, now=make.NOW)
