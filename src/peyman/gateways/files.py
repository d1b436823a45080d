"""Catalogue files from strangers: CSV and XLSX, opened only after they are known to be no trap.

A file may be any size, lie about its insides and hold anything. Limits come before opening; what is wrong with the
file as a whole is `Unreadable`, what is wrong with one record is left to the rules of the catalogue.
"""

import io
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from peyman.gateways import workbooks
from peyman.kernel.delimited import csv_rows
from peyman.kernel.text import persian_digits
from peyman.shop.catalog.rules import Row
from peyman.shop.catalog.rules.cells import Cell
from peyman.shop.catalog.rules.tables import (
    MAX_COLUMNS,
    MAX_ROWS,
    Header,
    Unreadable,
    read_header,
    rows,
    too_many,
)

MAX_CSV = 100_000_000  # bytes
MAX_XLSX = 30_000_000
MAX_MEMBERS = 200
MAX_UNPACKED = 300_000_000  # bytes, all members together
MAX_RATIO = 200  # unpacked to packed, of a member above 100 kB

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Table:
    """A catalogue file that could be opened. `about`: how many records it will hold, roughly; 0 if unknown."""

    header: Header
    rows: Iterator[Row]
    about: int


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a catalogue file, CSV or XLSX, told apart by its content.

    Raises Unreadable, also while the rows are read; rows read until then stand.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable(why="یک فایل معمولی نیست.")
        file = path.open("rb")
    except OSError as problem:
        raise Unreadable(why="پیدا نشد یا اجازه خواندن آن نیست.") from problem
    with file:
        start = file.read(4)
        file.seek(0)
        if not about.st_size:
            raise Unreadable(why="خالی است.")
        if start == workbooks.OLE:
            raise Unreadable(why="نسخه قدیمی یا رمزدار اکسل است؛ آن را با قالب XLSX یا CSV ذخیره کنید.")
        if start[:2] in _UTF16:
            raise Unreadable(why="نویسه‌های آن UTF-8 نیست؛ آن را با UTF-8 ذخیره کنید.")
        if start == workbooks.ZIP:
            check_zip(file, about.st_size)
            with _workbook(file) as table:
                yield table
        else:
            with _text(file, about.st_size) as table:
                yield table


# ---- CSV ----


@contextmanager
def _text(file: BinaryIO, size: int) -> Iterator[Table]:
    _at_most(size, MAX_CSV)
    about = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1
    file.seek(0)
    # Bytes that are no UTF-8 come through as lone surrogates and are refused with their record.
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        yield _table(csv_rows(lines), is_sheet=False, about=about)


def _table(records: Iterator[tuple[int, Sequence[Cell] | None]], *, is_sheet: bool, about: int) -> Table:
    names = next((fields for _, fields in records if fields is None or any(fields)), None)
    if not names:
        raise Unreadable(why="سطر نخست، نام ستون‌ها، را ندارد.")
    header = read_header(names)
    return Table(header, rows(records, header, is_sheet=is_sheet), max(about, 0))


def _at_most(size: int, limit: int) -> None:
    if size > limit:
        raise Unreadable(
            why=f"بزرگ‌تر از {persian_digits(limit // 1_000_000)} مگابایت است؛ آن را به چند فایل تقسیم کنید."
        )


# ---- XLSX ----


def check_zip(file: BinaryIO, size: int) -> None:
    """Look at the directory of a zip before anything is unpacked. Raises Unreadable (see `workbooks.check_zip`)."""
    _at_most(size, MAX_XLSX)
    try:
        workbooks.check_zip(file, size, workbooks.Limits(MAX_MEMBERS, MAX_UNPACKED, MAX_RATIO))
    except workbooks.Faulty as fault:
        raise _unreadable(fault) from fault


@contextmanager
def _workbook(file: BinaryIO) -> Iterator[Table]:
    try:
        with workbooks.visible_sheets(file) as sheets:
            sheet = sheets[0]
            yield _table(_sheet_rows(sheet), is_sheet=True, about=min(sheet.max_row or 1, MAX_ROWS) - 1)
    except workbooks.Faulty as fault:
        raise _unreadable(fault) from fault


def _sheet_rows(sheet: object) -> Iterator[tuple[int, Sequence[Cell] | None]]:
    """Yield (row number, cells); empty rows after the last record are no records."""
    last = 0
    for number, cells in workbooks.rows(sheet, most=MAX_ROWS, columns=MAX_COLUMNS):
        for empty in range(last + 1, number):
            yield empty, []
        last = number
        yield number, cells


_FAULTS = {
    "torn": "ناقص یا خراب است.",
    "odd": "ساختار درونی آن غیرعادی است.",
    "locked": "رمز دارد؛ بدون رمز ذخیره کنید.",
    "bomb": "پس از باز شدن بیش از اندازه بزرگ می‌شود.",
    "no_book": "کارپوشه‌ای نیست که بتوان خواند؛ آن را از نو با قالب XLSX ذخیره کنید.",
    "no_sheet": "برگه‌ای ندارد.",
    "torn_row": "از سطر {row} به بعد خراب است. آنچه پیش از آن بود شاید آمده باشد؛"
    " فایل را درست کنید و دوباره بیاورید، چیزی دو بار ثبت نمی‌شود.",
}


def _unreadable(fault: workbooks.Faulty) -> Unreadable:
    if fault.code == "too_many":
        return too_many()
    return Unreadable(why=_FAULTS[fault.code].format(row=persian_digits(fault.row)))
