"""Statements as people save them: every way of writing the same lines is the same file."""

import io
import zipfile
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from peyman.billing.rules import statements
from peyman.gateways import bank_files

HEADER = ["refnum", "terminal", "amount", "kind", "at"]
CSV = "refnum,terminal,amount,kind,at\n000123,T-1,1500000,پرداخت,1403/10/15 12:30\n"


def read(data: bytes) -> statements.Statement:
    return statements.read(io.StringIO(bank_files.text(data), newline=""))


def sheet(*rows: list[Any], hide_first: bool = False) -> bytes:
    book, file = Workbook(), io.BytesIO()
    page = book.active
    assert page is not None
    if hide_first:
        page.sheet_state = "hidden"
        page = book.create_sheet()
    for row in rows:
        page.append(row)
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("UTF-8", CSV.encode()),
        ("UTF-8 with a mark", CSV.encode("utf-8-sig")),
        ("UTF-16 of a spreadsheet's text", CSV.replace(",", "\t").encode("utf-16")),
        ("UTF-16, the other way round", b"\xfe\xff" + CSV.encode("utf-16-be")),
        ("Windows' Arabic letters", CSV.replace("\n", "\r\n").encode("cp1256")),
        ("a sheet of texts", sheet(HEADER, ["000123", "T-1", "۱٬۵۰۰٬۰۰۰", "پرداخت", "۱۴۰۳/۱۰/۱۵ ۱۲:۳۰"])),
        (
            "a sheet of numbers",
            sheet(HEADER, ["000123", "T-1", 1500000.0, "پرداخت", datetime.fromisoformat("2025-01-04 12:30")]),
        ),
        ("behind a hidden sheet", sheet(HEADER, CSV.splitlines()[1].split(","), hide_first=True)),
    ],
)
def test_a_file_says_the_same_however_it_was_saved(case: str, data: bytes) -> None:
    (line,) = read(data).lines
    assert (line.number, line.refnum, line.terminal, line.amount) == (2, "000123", "T-1", 1500000), case
    assert (line.kind, line.at.isoformat()) == ("payment", "2025-01-04T09:00:00+00:00"), case


def test_a_row_keeps_its_number_and_a_break_in_a_cell_breaks_no_line() -> None:
    good = ["A\n1", "T-1", 5, "خرید", "2025-01-04"]
    found = read(sheet(HEADER, good, [], [None], ["B", "T-1", "x", "خرید", "2025-01-04"]))
    assert [(line.number, line.refnum) for line in found.lines] == [(2, "A 1")]
    assert [(fault.number, fault.code) for fault in found.faults] == [(5, "amount")]


def test_a_receipt_whose_last_digits_a_spreadsheet_lost_is_not_read_as_another_one() -> None:
    rest = ["T-1", 5, "خرید", "2025-01-04"]
    found = read(sheet(HEADER, [123456789012345, *rest], [1234567890123450, *rest], [1.2e21, *rest]))
    assert [line.refnum for line in found.lines] == ["123456789012345"]
    assert [(fault.number, fault.code) for fault in found.faults] == [(3, "refnum"), (4, "refnum")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "خالی است."),
        (b" \r\n\n", "خالی است."),
        (b"\xff\xfe", "خالی است."),
        (sheet(), "خالی است."),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "نسخه قدیمی یا رمزدار اکسل است"),
        (b"PK\x03\x04" + b"\0" * 100, "کارپوشه ناقص یا خراب است."),
        (sheet(HEADER)[:-30], "کارپوشه ناقص یا خراب است."),
        (b"\xff\xfe\x00", "نویسه‌های آن UTF-8 نیست"),
        (b"%PDF-1.7\n\xe2\xe3\xcf\xd3", "نویسه‌های آن UTF-8 نیست"),
        (CSV.encode() + b"\0", "یک فایل متنی نیست."),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_way_out(data: bytes, why: str) -> None:
    with pytest.raises(statements.NoStatement) as refusal:
        bank_files.text(data)
    assert why in refusal.value.detail


def test_a_zip_that_is_no_workbook_or_unpacks_to_too_much_is_refused() -> None:
    for name, content, why in (
        ("readme.txt", b"hello", "کارپوشه‌ای نیست که بتوان خواند"),
        ("xl/workbook.xml", b" " * 50_000_000, "بیش از اندازه بزرگ می‌شود"),
    ):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        with pytest.raises(statements.NoStatement) as refusal:
            bank_files.text(file.getvalue())
        assert why in refusal.value.detail
