"""Narrowing by what goods are: values in every spelling, what was asked, what is left and how it is counted."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.shop.catalog.rules import filters
from peyman.shop.catalog.rules.filters import Offered, Want

# ---- Values ----


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("8 گیگابایت", "۸ گيگابايت"),
        ("8 گیگابایت", "٨‏ گیگا‌بایت"),
        ("750 میلی‌لیتر", "750 میلی لیتر"),
        ("11 اینچ", "11.0 اینچ"),
        ("6.7 اینچ", "۶٫۷ اینچ"),
        ("20000 میلی‌آمپر ساعت", "۲۰٬۰۰۰ میلی آمپر ساعت"),
        ("قاب مگ‌سیف شفاف", "قاب مگ سیف شفاف"),
        ("ddr5", "DDR5"),
    ],
)
def test_spellings_of_a_value_are_one(one: str, other: str) -> None:
    assert filters.key_of(one) == filters.key_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.5 لیتر", "15 لیتر"), ("A", "A+"), ("5W-30", "5W-40"), ("-5", "5"), ("دارد", "ندارد"), ("40×60", "4×060")],
)
def test_different_values_are_never_one(one: str, other: str) -> None:
    assert filters.key_of(one) != filters.key_of(other)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["12 گیگابایت", "8 گیگابایت", "4 گیگابایت"], ["4 گیگابایت", "8 گیگابایت", "12 گیگابایت"]),
        (["1 ترابایت", "512 گیگابایت"], ["512 گیگابایت", "1 ترابایت"]),
        (["0.5 لیتر", "750 میلی‌لیتر", "2 کیلوگرم"], ["0.5 لیتر", "750 میلی‌لیتر", "2 کیلوگرم"]),
        (["۶٫۷ اینچ", "6.57 اینچ"], ["6.57 اینچ", "۶٫۷ اینچ"]),
        (["2", "10"], ["2", "10"]),
        (["5W-30", "10"], None),
        (["دارد"], None),
    ],
)
def test_numbers_are_put_in_order_by_size_whatever_their_unit(values: list[str], expected: list[str] | None) -> None:
    assert filters.in_order(values) == expected


def test_only_short_texts_are_values_and_each_has_a_sign_of_its_own() -> None:
    told = filters.tokens({"رم": "8 گیگابایت", "شرح": "ا" * 101, "رنگ": "", "تعداد": 3, "حافظه": "8 گیگابایت"})
    assert list(told.values()) == [("رم", "8 گیگابایت"), ("حافظه", "8 گیگابایت")]
    assert all(len(sign) == 12 and sign.isascii() and " " not in sign for sign in told)
    assert next(iter(told)) == filters.token("رم", "8 گیگابایت") == "UyuUdPTxSZbc"


# ---- What was asked ----


def test_what_is_asked_is_a_name_and_a_value_in_any_spelling() -> None:
    assert filters.read_wants(["رم:۸ گيگابايت", " نوع‌اتصال : بي‌سيم "]) == (
        [
            Want("رم:۸ گيگابايت", "رم", "۸ گیگابایت", "8گیگابایت"),
            Want(" نوع‌اتصال : بي‌سيم ", "نوعاتصال", "بی‌سیم", "بیسیم"),
        ],
        [],
    )


@pytest.mark.parametrize(
    ("typed", "low", "high", "value"),
    [
        ("باتری:4000..5000", 4000.0, 5000.0, "4000..5000"),
        ("صفحه:۶٫۵..۶٫۸", 6.5, 6.8, "6.5..6.8"),
        ("باتری:..5000", None, 5000.0, "..5000"),
        ("باتری:4,000..", 4000.0, None, "4000.."),
    ],
)
def test_numbers_may_be_asked_in_a_range(typed: str, low: float | None, high: float | None, value: str) -> None:
    assert filters.read_wants([typed]) == (
        [Want(typed, filters.key_of(typed.partition(":")[0]), value, value, low, high, True)],
        [],
    )


@pytest.mark.parametrize(
    "typed",
    [
        "",
        ":",
        "رم",
        "رم:",
        ":8",
        "رم:..",
        "رم:a..b",
        "رم:8..x",
        "رم:\x00",
        "رم:" + "8" * 300,
        "رم:1e9..2e9",
        "\u202e:\u202e",
    ],
)
def test_what_makes_no_sense_is_passed_over(typed: str) -> None:
    assert filters.read_wants([typed]) == ([], [typed[:200]])


def test_no_more_than_so_many_values_are_taken_and_the_same_twice_is_one() -> None:
    wants, refused = filters.read_wants(["رم:1", "رم:۱", *(f"رم:{n}" for n in range(2, 40)), "رم: 1"])
    assert ([want.value for want in wants], refused[0], len(refused)) == (
        [str(n) for n in range(1, 25)], "رم:25", 15,
    )  # fmt: skip


# ---- Narrowing ----

lines = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 5)).map(lambda pair: (pair[0], pair[1])), min_size=0, max_size=12
)


@given(
    shelf=lines,
    chosen=st.lists(st.sets(st.integers(0, 5), max_size=3), max_size=2),
    brands=st.none() | st.sets(st.integers(1, 2)),
)
def test_what_is_left_and_counted_is_what_a_slow_plain_count_says(
    shelf: list[tuple[int, int]], chosen: list[set[int]], brands: set[int] | None
) -> None:
    """Codes 0 to 2 are of the first filter, 3 to 5 of the second; a line has one of each; a product's brand is its
    number's half."""
    of_filter = {code: code // 3 for code in range(6) if code // 3 < len(chosen)}
    wanted = [{code for code in codes if of_filter.get(code) == n} for n, codes in enumerate(chosen)]
    rows = [(product, product // 2 % 3, (first % 3, 3 + first // 2)) for product, first in shelf]
    found = filters.narrow(rows, chosen=wanted, of_filter=of_filter, brands=brands)

    def meets(row: tuple[int, int, tuple[int, int]], *, but: int | None = None, any_brand: bool = False) -> bool:
        of_brand = any_brand or brands is None or row[1] in brands
        return of_brand and all(any(code in codes for code in row[2]) for n, codes in enumerate(wanted) if n != but)

    assert found.fits == [place for place, row in enumerate(rows) if meets(row)]
    by_code: dict[int, set[int]] = defaultdict(set)
    for code in range(6):
        for row in rows:
            if code in row[2] and meets(row, but=of_filter.get(code)):
                by_code[code].add(row[0])
    assert found.by_code == {code: len(products) for code, products in by_code.items()}
    by_brand: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if meets(row, any_brand=True):
            by_brand[row[1]].add(row[0])
    assert found.by_brand == {brand: len(products) for brand, products in by_brand.items()}


# ---- What is offered ----


def test_many_numbers_are_offered_in_ranges_of_about_as_many_goods_with_ends_that_there_are() -> None:
    spelled = {filters.key_of(f"{n} وات"): f"{n} وات" for n in range(1, 19)}
    offered = filters.ranges(spelled, dict.fromkeys(spelled, 1))
    assert offered is not None
    assert [offer.value for offer in offered] == ["1..3", "4..6", "7..9", "10..12", "13..15", "16..18"]
    assert offered[0] == Offered("1..3", "1 تا 3 وات", ("1وات", "2وات", "3وات"))


def test_a_number_that_most_goods_have_is_offered_alone() -> None:
    spelled = {f"{n}وات": f"{n} وات" for n in (5, 10, 15, 20)}
    offered = filters.ranges(spelled, {"5وات": 90, "10وات": 1, "15وات": 1, "20وات": 90})
    assert offered is not None
    assert [(offer.value, offer.title) for offer in offered] == [
        ("5 وات", "5 وات"), ("10..20", "10 تا 20 وات"),
    ]  # fmt: skip


@pytest.mark.parametrize("values", [["5 وات", "5 ولت"], ["5 وات", "زیاد"], []])
def test_no_ranges_are_made_of_what_cannot_be_compared(values: list[str]) -> None:
    assert (
        filters.ranges(
            {filters.key_of(value): value for value in values}, dict.fromkeys(map(filters.key_of, values), 1)
        )
        is None
    )


@given(st.dictionaries(st.integers(0, 500), st.integers(1, 50), min_size=1, max_size=60))
def test_ranges_hold_every_value_once_in_order_and_are_no_more_than_said(numbers: dict[int, int]) -> None:
    offered = filters.ranges({f"{n}وات": f"{n} وات" for n in numbers}, {f"{n}وات": many for n, many in numbers.items()})
    assert offered is not None
    assert [key for offer in offered for key in offer.keys] == [f"{n}وات" for n in sorted(numbers)]
    assert len(offered) <= filters.MOST_RANGES
