"""Lists narrowed by what goods are: which filters a list offers, what they leave, and that a change counts at once."""

from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from peyman.shop.catalog import actions, queries
from peyman.shop.catalog.actions.search import index
from peyman.shop.catalog.actions.tree import remove_attribute, save_attribute
from peyman.shop.catalog.models import AttributeValue, Category, CategoryAttribute, Product, Variant
from peyman.shop.catalog.queries import Ask, CardPage
from peyman.shop.catalog.rules import filters as rules
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def phones() -> Category:
    """Phones that may be narrowed by memory; the screen is asked for and narrows nothing."""
    top = make.category(slug="mobile", title="موبایل")
    category = make.category(slug="phones", title="گوشی", parent=top)
    asks(category, "رم", "number", unit="گیگابایت")
    asks(category, "حافظه", "number", unit="گیگابایت")
    asks(category, "صفحه", "number", is_filter=False)
    return category


def asks(
    category: Category, name: str, kind: str = "text", *, is_filter: bool = True, **fields: Any
) -> CategoryAttribute:
    position = CategoryAttribute.objects.count() * 10
    return CategoryAttribute.objects.create(
        category=category, name=name, kind=kind, is_filter=is_filter, position=position, **fields
    )


def good(
    title: str,
    category: Category,
    *variants: dict[str, Any],
    brand: str = "samsung",
    **attributes: str,
) -> Product:
    product = make.product(
        title=title, category=category, brand=make.brand(slug=brand, name=brand, name_latin=""), attributes=attributes,
        listed_on=date(2026, 1, 1),
    )  # fmt: skip
    for each in variants or ({},):
        make.variant(product=product, **each)
    return product


def listed(*specs: str, **asked: Any) -> CardPage:
    return queries.list_cards(Ask(specs=specs, **{"category": "phones", **asked}))


def titles(page: CardPage) -> list[str]:
    return sorted(card.title for card in page.items)


def counts(page: CardPage) -> dict[str, list[tuple[str, int, bool]]]:
    return {one.name: [(value.title, value.count, value.chosen) for value in one.values] for one in page.facets.filters}


@pytest.fixture
def shelf(phones: Category) -> None:
    good("الف", phones, رم="8 گیگابایت", حافظه="128 گیگابایت", صفحه="6")
    good("ب", phones, رم="8 گیگابایت", حافظه="256 گیگابایت", صفحه="7", brand="lg")
    good("پ", phones, رم="12 گیگابایت", حافظه="256 گیگابایت", صفحه="6")
    good("ت", phones, رم="4 گیگابایت", حافظه="1 ترابایت", صفحه="6")


# ---- What is offered and what it leaves ----


def test_a_category_offers_what_it_lets_lists_be_narrowed_by_with_values_by_size(shelf: None) -> None:
    page = listed()
    assert counts(page) == {
        "رم": [("4 گیگابایت", 1, False), ("8 گیگابایت", 2, False), ("12 گیگابایت", 1, False)],
        "حافظه": [("128 گیگابایت", 1, False), ("256 گیگابایت", 2, False), ("1 ترابایت", 1, False)],
    }
    assert page.facets.filters[0].values[1].slug == "رم:8 گیگابایت"


def test_values_of_one_filter_are_alternatives_and_filters_are_all_wanted(shelf: None) -> None:
    assert titles(listed("رم:8 گیگابایت")) == ["الف", "ب"]
    assert titles(listed("رم:8 گیگابایت", "رم:4 گیگابایت")) == ["الف", "ب", "ت"]
    assert titles(listed("رم:8 گیگابایت", "رم:4 گیگابایت", "حافظه:256 گیگابایت")) == ["ب"]
    assert titles(listed("رم:8 گیگابایت", brands=("lg",))) == ["ب"]
    assert titles(listed("رم:12 گیگابایت", brands=("lg",))) == []


def test_each_count_is_what_the_other_choices_leave(shelf: None) -> None:
    page = listed("رم:8 گیگابایت", "رم:12 گیگابایت")
    assert counts(page) == {
        "رم": [("4 گیگابایت", 1, False), ("8 گیگابایت", 2, True), ("12 گیگابایت", 1, True)],
        "حافظه": [("128 گیگابایت", 1, False), ("256 گیگابایت", 2, False), ("1 ترابایت", 0, False)],
    }
    assert [(brand.slug, brand.count) for brand in page.facets.brands] == [("samsung", 2), ("lg", 1)]
    of_lg = listed("حافظه:256 گیگابایت", brands=("lg",))
    assert counts(of_lg)["رم"] == [("4 گیگابایت", 0, False), ("8 گیگابایت", 1, False), ("12 گیگابایت", 0, False)]
    assert [(brand.slug, brand.count) for brand in of_lg.facets.brands] == [("lg", 1), ("samsung", 1)]


@pytest.mark.parametrize(
    "typed",
    ["رم:۸ گیگابایت", "رم:٨ گيگابايت", "رم:8گیگابایت", "رم : 8 گیگا‌بایت", "رم:8.0 گیگابایت", "رم:6..9", "رم:..8"],
)
def test_a_value_is_understood_in_every_spelling_and_as_a_range(shelf: None, typed: str) -> None:
    page = listed(typed, "حافظه:128..256")
    assert titles(page) == (["الف", "ب"])
    assert [taken.typed for taken in page.taken] == [typed, "حافظه:128..256"]


def test_what_was_chosen_is_told_in_the_words_of_the_goods(shelf: None) -> None:
    taken = listed("رم:۸ گيگابايت", "حافظه:200..", "رم:99").taken
    assert [(each.name, each.title) for each in taken] == [("رم", "8 گیگابایت"), ("حافظه", "از 200"), ("رم", "99")]


def test_spellings_of_one_value_are_one_choice(phones: Category) -> None:
    good("الف", phones, رم="8 گیگابایت")
    good("ب", phones, رم="۸ گیگا‌بایت")
    good("پ", phones, رم="12 گیگابایت")
    assert [(title, many) for title, many, _ in counts(listed())["رم"]] == [("8 گیگابایت", 2), ("12 گیگابایت", 1)]
    assert titles(listed("رم:8 گیگابایت")) == ["الف", "ب"]


def test_what_nothing_has_finds_nothing_and_can_be_taken_away(shelf: None) -> None:
    page = listed("رم:99 گیگابایت")
    assert (page.items, page.passed_over) == ([], ())
    assert counts(page)["رم"][-1] == ("99 گیگابایت", 0, True)


@pytest.mark.parametrize(
    "typed", ["صفحه:6", "وزن:1", "رم", "رم:", "رم:..", "رم:\x00", "'; DROP TABLE", "رم:" + "۸" * 300, "q:گوشی"]
)
def test_what_is_no_filter_here_narrows_nothing_and_is_named(shelf: None, typed: str) -> None:
    page = listed(typed)
    assert (page.total, page.passed_over, page.taken) == (4, (typed,), ())


def test_of_very_many_values_the_first_are_taken_and_the_others_named(shelf: None) -> None:
    asked = [f"رم:{n} گیگابایت" for n in range(12, 60)]
    page = listed(*asked)
    assert titles(page) == ["پ"]
    assert (len(page.taken), page.passed_over) == (rules.MOST_ASKED, tuple(asked[rules.MOST_ASKED :]))


def test_the_whole_shelf_has_no_filters_by_what_goods_are(shelf: None) -> None:
    page = listed("رم:8 گیگابایت", category="")
    assert (page.total, page.facets.filters, page.passed_over) == (4, [], ("رم:8 گیگابایت",))


# ---- Which lists offer which filters ----


def test_a_filter_comes_down_from_the_category_above_and_a_lower_one_may_take_it_back(phones: Category) -> None:
    top = Category.objects.get(slug="mobile")
    asks(top, "ضمانت", "flag")
    for n, guarantee in enumerate(("دارد", "ندارد")):
        good(f"الف {n}", phones, ضمانت=guarantee)
    assert list(counts(listed())) == ["ضمانت"]
    asks(phones, "ضمانت", "flag", is_filter=False)
    actions.prices.turn()
    assert counts(listed()) == {}


def test_lists_of_many_kinds_offer_what_a_third_of_their_goods_are_asked_for(phones: Category) -> None:
    covers = make.category(slug="covers", title="قاب", parent=Category.objects.get(slug="mobile"))
    asks(covers, "جنس")
    for n in range(2):
        good(f"گوشی نوا {n}", phones, رم=f"{4 + n} گیگابایت")
    for n in range(5):
        good(f"قاب نوا {n}", covers, جنس=("چرم", "سیلیکون")[n % 2])
    for asked in ({"category": "mobile"}, {"category": "", "q": "نوا"}, {"category": "", "of_brand": "samsung"}):
        page = listed(**asked)
        assert (page.total, list(counts(page))) == (7, ["جنس"]), asked
        assert titles(listed("جنس:چرم", **asked)) == ["قاب نوا 0", "قاب نوا 2", "قاب نوا 4"]
        narrowed = listed("رم:5 گیگابایت", **asked)  # asked for by its address, it is shown
        assert (titles(narrowed), set(counts(narrowed))) == (["گوشی نوا 1"], {"رم", "جنس"})


def test_choices_stand_as_staff_arranged_them_and_texts_by_how_many_have_them(phones: Category) -> None:
    asks(phones, "اتصال", "choice", choices=["بی‌سیم", "سیمی", "هر دو"])
    asks(phones, "جنس")
    for connection_, material in (("سیمی", "چرم"), ("هر دو", "پلاستیک"), ("بی‌سیم", "چرم"), ("سیمی", "فلز")):
        good("الف", phones, اتصال=connection_, جنس=material)
    assert {name: [title for title, *_ in values] for name, values in counts(listed()).items()} == {
        "اتصال": ["بی‌سیم", "سیمی", "هر دو"],
        "جنس": ["چرم", "پلاستیک", "فلز"],
    }


def test_many_numbers_are_offered_in_ranges_that_stay_while_one_chooses(phones: Category) -> None:
    for n in range(26):
        good(f"گوشی {n:02}", phones, رم=f"{n + 1} گیگابایت", حافظه="128 گیگابایت" if n % 2 else "256 گیگابایت")
    (ram, _) = listed(limit=100).facets.filters
    assert [(value.slug, value.count) for value in ram.values] == [
("رم:1..5", 5), ("رم:6..10", 5), ("رم:11..14", 4), ("رم:15..18", 4), ("رم:19..22", 4), ("رم:23..26", 4),
    ]  # fmt: skip
    page = listed("رم:6..10", "حافظه:128 گیگابایت")
    assert titles(page) == ["گوشی 05", "گوشی 07", "گوشی 09"]
    (narrowed, _) = page.facets.filters
    assert [value.slug for value in narrowed.values] == [value.slug for value in ram.values]
    assert [(value.count, value.chosen) for value in narrowed.values][:2] == [(2, False), (3, True)]
    (own, _) = listed("رم:2..3").facets.filters
    assert (own.values[-1].title, own.values[-1].count, own.values[-1].chosen) == ("از 2 تا 3 گیگابایت", 2, True)


def test_of_many_texts_the_most_frequent_are_shown_and_those_that_are_chosen(phones: Category) -> None:
    asks(phones, "تراشه")
    for n in range(15):
        for _ in range(2 if n == 14 else 1):
            good(f"گوشی {n}", phones, تراشه=f"تراشه {chr(65 + n)}")
    (chips,) = listed().facets.filters
    assert ([value.title for value in chips.values[:2]], len(chips.values), chips.more) == (
        ["تراشه O", "تراشه A"], rules.MOST_VALUES, 3,
    )  # fmt: skip
    (chips,) = listed("تراشه:تراشه N").facets.filters
    assert ([value.title for value in chips.values if value.chosen], len(chips.values), chips.more) == (
        ["تراشه N"], rules.MOST_VALUES + 1, 2,
    )  # fmt: skip


def test_no_more_than_so_many_filters_are_offered_and_what_is_chosen_always_is(phones: Category) -> None:
    names = [f"ویژگی {n}" for n in range(12)]
    for name in names:
        asks(phones, name)
    for side in ("چپ", "راست"):
        good(side, phones, **dict.fromkeys(names, side))
    assert list(counts(listed())) == names[: rules.MOST_FILTERS]
    assert list(counts(listed("ویژگی 11:چپ"))) == [*names[: rules.MOST_FILTERS - 1], "ویژگی 11"]


# ---- Variants ----


@pytest.fixture
def shirts() -> Category:
    category = make.category(slug="phones", title="پیراهن")
    good(
        "نخی", category,
        {"color": "آبی", "size": "M", "price": 3_000_000, "sku": "BLUE-M"},
        {"color": "قرمز", "size": "L", "price": 2_000_000, "sku": "RED-L"},
        {"color": "آبی", "size": "L", "price": 5_000_000, "on_hand": 0, "sku": "BLUE-L"},
    )  # fmt: skip
    good("کتان", category, {"color": "آبي", "size": "L", "price": 4_000_000, "sku": "LINEN"})
    return category


def test_colour_and_size_are_filters_wherever_goods_differ_in_them(shirts: Category) -> None:
    assert counts(listed()) == {
        "رنگ": [("آبی", 2, False), ("قرمز", 1, False)],
        "اندازه": [("L", 2, False), ("M", 1, False)],
    }


def test_one_variant_meets_everything_and_is_the_one_that_is_told(shirts: Category) -> None:
    def told(*specs: str, **asked: Any) -> list[tuple[str, int, int]]:
        return [(card.sku, card.price, card.available) for card in listed(*specs, sort="cheapest", **asked).items]

    assert told() == [("RED-L", 2_000_000, 10), ("LINEN", 4_000_000, 10)]
    assert told("رنگ:آبی") == [("BLUE-M", 3_000_000, 10), ("LINEN", 4_000_000, 10)]
    assert told("رنگ:آبی", "اندازه:L") == [("LINEN", 4_000_000, 10), ("BLUE-L", 5_000_000, 0)]
    assert told("رنگ:آبی", "اندازه:L", available_only=True) == [("LINEN", 4_000_000, 10)]
    assert told("رنگ:آبی", price_max=3_500_000) == [("BLUE-M", 3_000_000, 10)]
    assert counts(listed("رنگ:آبی"))["اندازه"] == [("L", 2, False), ("M", 1, False)]
    assert counts(listed("رنگ:قرمز"))["اندازه"] == [("L", 1, False), ("M", 0, False)]


def test_a_specification_called_like_what_makes_variants_is_one_filter_with_it(shirts: Category) -> None:
    asks(shirts, "رنگ")
    good("کارتریج", shirts, {"sku": "INK"}, رنگ="آبی")
    assert counts(listed())["رنگ"] == [("آبی", 3, False), ("قرمز", 1, False)]
    assert titles(listed("رنگ:آبی")) == ["نخی", "کارتریج", "کتان"]


# ---- What changes counts at once ----


def test_a_switch_of_staff_and_a_corrected_value_count_at_once(shelf: None) -> None:
    assert "صفحه" not in counts(listed())
    seen = {"seen": 0, "by": "test", "now": NOW}
    row = save_attribute(slug="phones", typed={"name": "صفحه", "kind": "number", "is_filter": "1"}, **seen)
    assert counts(listed())["صفحه"] == [("6", 3, False), ("7", 1, False)]
    product = Product.objects.get(title="ب")
    product.attributes["صفحه"] = "6"
    product.save(update_fields=["attributes"])
    index([product.pk])
    actions.prices.turn()
    assert "صفحه" not in counts(listed())  # all are alike again
    product.attributes["صفحه"] = "8 اینچ"
    product.save(update_fields=["attributes"])
    index([product.pk])
    actions.prices.turn()
    assert counts(listed())["صفحه"] == [("6", 3, False), ("8 اینچ", 1, False)]
    remove_attribute(slug="phones", name=row.name, by="test", now=NOW)
    assert "صفحه" not in counts(listed())


def test_what_sells_out_leaves_the_counts_of_what_can_be_had_at_once(shirts: Category) -> None:
    assert counts(listed(available_only=True))["رنگ"] == [("آبی", 2, False), ("قرمز", 1, False)]
    variant = Variant.objects.get(sku="RED-L")
    variant.stock.on_hand = 0
    variant.stock.save(update_fields=["on_hand"])
    assert counts(listed(available_only=True))["رنگ"] == [("آبی", 2, False), ("قرمز", 0, False)]


# ---- What it costs, and how it came to be ----


@pytest.mark.parametrize("count", [1, 12])
def test_a_narrowed_list_costs_the_same_statements_whatever_it_holds(
    phones: Category, count: int, django_assert_num_queries: Any
) -> None:
    for n in range(count):
        good(f"گوشی {n}", phones, {"color": f"رنگ {n}"}, رم=f"{n} گیگابایت", brand=f"b{n}")
    with django_assert_num_queries(9):  # mark, tree, variants, brands, filters and their values, 2 of cards, pieces
        listed("رم:0 گیگابایت")
    with django_assert_num_queries(5):  # the tree, brands and what is known of filters serve all lists of the shelf
        listed("رم:0 گیگابایت", sort="cheapest")
    with django_assert_num_queries(2):
        listed("رم:0 گیگابایت")


@pytest.mark.slow
def test_goods_that_were_there_before_get_their_values_by_the_migration(
    transactional_db: None, phones: Category
) -> None:
    good("الف", phones, رم="8 گیگابایت", شرح="ا" * 101)
    good("ب", phones)
    held = list(Product.objects.order_by("pk").values_list("title", "attribute_values"))
    known = list(AttributeValue.objects.values())
    try:
        call_command("migrate", "catalog", "0006", verbosity=0)
        with connection.cursor() as cursor:
            assert "attribute_values" not in {
                column.name for column in connection.introspection.get_table_description(cursor, "catalog_product")
            }
    finally:
        call_command("migrate", "catalog", verbosity=0)
    assert list(Product.objects.order_by("pk").values_list("title", "attribute_values")) == held
    assert held == [("الف", "UyuUdPTxSZbc"), ("ب", "")]
    assert list(AttributeValue.objects.values()) == known == [
        {"sign": "UyuUdPTxSZbc", "name_key": "رم", "name": "رم", "value": "8 گیگابایت"}
    ]  # fmt: skip
