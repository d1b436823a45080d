"""A table out of a text: columns, records, lines; a broken one costs only itself."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel.delimited import MAX_LINES_OF_A_RECORD, csv_rows, delimiter_of
from peyman.shop.catalog.rules.naming import position_of, slug_of
from peyman.shop.catalog.rules.tables import Unreadable, read_header, rows

NEEDED = "sku,category_slug,title_fa,price_rial,price_basis,stock"


def parsed(text: str) -> list[tuple[int, list[str] | None]]:
    return list(csv_rows(io.StringIO(text, newline="")))


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_columns_are_parted_by_comma_semicolon_or_tab(sign: str) -> None:
    header = NEEDED.replace(",", sign)
    assert delimiter_of(header) == sign
    assert parsed(f"{header}\na{sign}b\n")[1] == (2, ["a", "b"])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_they_stand_in_the_file(end: str) -> None:
    text = end.join(["a,b", '"x', 'y",1', "", "z,2", ""])
    assert [line for line, _ in parsed(text)] == [1, 2, 4, 5]


def test_a_quote_that_is_never_closed_costs_its_own_line() -> None:
    assert parsed('a,b\n"x,1\ny,2\nz,3\n') == [(1, ["a", "b"]), (2, None), (3, ["y", "2"]), (4, ["z", "3"])]


def test_a_stray_quote_is_told_and_does_not_swallow_what_follows() -> None:
    assert parsed('a,b\n"x" y,1\n"q",2\n') == [(1, ["a", "b"]), (2, None), (3, ["q", "2"])]


def test_a_record_without_an_end_is_given_up_after_a_while() -> None:
    text = 'a,b\n"x,1\n' + "y,2\n" * (3 * MAX_LINES_OF_A_RECORD)
    found = parsed(text)
    assert (found[1], found[2], len(found)) == ((2, None), (3, ["y", "2"]), 2 + 3 * MAX_LINES_OF_A_RECORD)


@given(st.lists(st.lists(st.text(alphabet='ab ",;\n\rش', max_size=8), min_size=2, max_size=2), max_size=6))
def test_whatever_a_writer_wrote_is_read_back(table: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["x", "y"], *table])
    assert [fields for _, fields in parsed(out.getvalue())][1:] == table


# ---- The header ----


def test_columns_are_found_in_any_order_case_and_spacing() -> None:
    header = read_header(["Stock", " PRICE RIAL ", "title-fa", "Price_Basis", "SKU", "category  slug", "note", ""])
    assert header.places == {
        "stock": 0,
        "price_rial": 1,
        "title_fa": 2,
        "price_basis": 3,
        "sku": 4,
        "category_slug": 5,
    }
    assert (header.unknown, header.width) == (("note",), 7)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["sku", "title_fa"], "price_rial"),
        (["name", "price"], "sku"),
        ([*NEEDED.split(","), "SKU"], "دو بار"),
        ([*NEEDED.split(","), *map(str, range(100))], "ستون"),
        ([name for name in NEEDED.split(",") if name != "category_slug"], "category_slug"),
    ],
)
def test_a_file_whose_columns_are_not_ours_is_refused_as_a_whole(names: list[str], says: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_header(names)
    assert says in refusal.value.detail


# ---- Records ----


def faults(*records: list[object] | None, is_sheet: bool = False) -> list[str]:
    header = read_header([*NEEDED.split(","), "color", "spec_source"])
    return [row.fault for row in rows(enumerate(records, start=2), header, is_sheet=is_sheet)]  # type: ignore[arg-type]


def test_a_record_of_a_text_has_as_many_columns_as_the_header() -> None:
    assert faults(["a"] * 8, ["a"] * 7, ["a"] * 9, [], ["", " "], None) == [
        "",
        "columns_count",
        "columns_count",
        "blank",
        "blank",
        "quotes",
    ]


def test_a_row_of_a_sheet_may_end_on_empty_cells_but_not_before_what_is_never_empty() -> None:
    whole = ["a"] * 8
    beyond = [*whole, None, "b"]
    short = ["a"] * 6 + [None, None]
    one_missing = ["a"] * 7 + [None]
    assert faults(whole, beyond, short, one_missing, [None] * 8, is_sheet=True) == [
        "",
        "columns_count",
        "columns_count",
        "",
        "blank",
    ]


# ---- Names ----


@pytest.mark.parametrize(
    ("latin", "slug"),
    [
        ("Avand A6 e-reader", "avand-a6-e-reader"),
        ('15.6" Café & Co.', "15-6-cafe-co"),
        ("", "kettle-p1"),
        ("کتری", "kettle-p1"),
        ("x" * 200, "x" * 90),
    ],
)
def test_an_address_is_readable_and_plain(latin: str, slug: str) -> None:
    assert slug_of(latin, "kettle P1") == slug


def test_variants_stand_in_the_order_of_their_numbers() -> None:
    assert [position_of(sku) for sku in ("P1-02", "P1-11", "P1-A")] == [2, 11, 0]
