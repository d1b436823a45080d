"""Catalogue files from strangers: CSV and XLSX, opened only after they are known to be no trap.

A file may be any size, lie about its insides and hold anything. Limits come before opening; what is wrong with the
file as a whole is `Unreadable`, what is wrong with one record is left to the rules of the catalogue.
"""

import io
import itertools
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import BinaryIO

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from peyman.kernel.text import persian_digits
from peyman.shop.catalog.rules import Row
from peyman.shop.catalog.rules.cells import Cell
from peyman.shop.catalog.rules.tables import (
    MAX_COLUMNS,
    MAX_ROWS,
    Header,
    Unreadable,
    csv_rows,
    read_header,
    rows,
    too_many,
)

MAX_CSV = 100_000_000  # bytes
MAX_XLSX = 30_000_000
MAX_MEMBERS = 200
MAX_UNPACKED = 300_000_000  # bytes, all members together
MAX_RATIO = 200  # unpacked to packed, of a member above 100 kB

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_END_OF_ZIP = b"PK\x05\x06"
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"})
# What the parsers raise over a workbook that is broken or hostile (defusedxml's refusals are ValueErrors).
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    InvalidFileException,
    LookupError,
    NotImplementedError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


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
        if start == _OLE:
            raise Unreadable(why="نسخه قدیمی یا رمزدار اکسل است؛ آن را با قالب XLSX یا CSV ذخیره کنید.")
        if start[:2] in _UTF16:
            raise Unreadable(why="نویسه‌های آن UTF-8 نیست؛ آن را با UTF-8 ذخیره کنید.")
        if start == _ZIP:
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
    """Look at the directory of a zip before anything is unpacked.

    Raises Unreadable when it is too big, holds too many members, would unpack to too much, is encrypted, or
    when members share bytes or names (how small files unpack to terabytes).
    """
    _at_most(size, MAX_XLSX)
    if _members_told(file, size) > MAX_MEMBERS:
        raise Unreadable(why="ساختار درونی آن غیرعادی است.")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            starts = {member.header_offset: _data_end(file, member) for member in members}
    except _BROKEN as problem:
        raise Unreadable(why="ناقص یا خراب است.") from problem
    finally:
        file.seek(0)
    if len(members) > MAX_MEMBERS or len({m.filename for m in members}) < len(members) or len(starts) < len(members):
        raise Unreadable(why="ساختار درونی آن غیرعادی است.")
    if any(member.flag_bits & 0x1 for member in members):
        raise Unreadable(why="رمز دارد؛ بدون رمز ذخیره کنید.")
    ends = sorted(starts.items())
    if any(end > following for (_, end), (following, _) in itertools.pairwise(ends)):
        raise Unreadable(why="ساختار درونی آن غیرعادی است.")
    if sum(member.file_size for member in members) > MAX_UNPACKED or any(map(_is_bomb, members)):
        raise Unreadable(why="پس از باز شدن بیش از اندازه بزرگ می‌شود.")


def _members_told(file: BinaryIO, size: int) -> int:
    """How many members the end record names, read without loading the directory itself."""
    file.seek(max(0, size - 65_557))
    tail = file.read()
    file.seek(0)
    end = tail.rfind(_END_OF_ZIP)
    if end < 0 or len(tail) < end + 22:
        raise Unreadable(why="ناقص یا خراب است.")
    return int(struct.unpack_from("<H", tail, end + 10)[0])


def _data_end(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    file.seek(member.header_offset + 26)
    name, extra = struct.unpack("<HH", file.read(4))
    return member.header_offset + 30 + int(name) + int(extra) + member.compress_size


def _is_bomb(member: zipfile.ZipInfo) -> bool:
    return member.file_size > 100_000 and member.file_size > MAX_RATIO * max(member.compress_size, 1)


@contextmanager
def _workbook(file: BinaryIO) -> Iterator[Table]:
    try:
        book = load_workbook(file, read_only=True, keep_links=False)
        sheet = next((s for s in book.worksheets if s.sheet_state == "visible"), None)
    except _BROKEN as problem:
        raise Unreadable(why="کارپوشه‌ای نیست که بتوان خواند؛ آن را از نو با قالب XLSX ذخیره کنید.") from problem
    if sheet is None:
        raise Unreadable(why="برگه‌ای ندارد.")
    try:
        yield _table(_sheet_rows(sheet), is_sheet=True, about=min(sheet.max_row or 1, MAX_ROWS) - 1)
    finally:
        book.close()


def _sheet_rows(sheet: object) -> Iterator[tuple[int, Sequence[Cell] | None]]:
    """Yield (row number, cells); empty rows after the last record are no records."""
    sheet.reset_dimensions()  # type: ignore[attr-defined]  # what the file says of its size need not be true
    found = sheet.iter_rows(max_row=MAX_ROWS + 2, max_col=MAX_COLUMNS + 1, values_only=True)  # type: ignore[attr-defined]
    waiting = 0
    number = 0
    while True:
        try:
            values = next(found, None)
        except _BROKEN as problem:
            raise Unreadable(
                why=f"از سطر {persian_digits(number + 1)} به بعد خراب است. آنچه پیش از آن بود شاید آمده باشد؛"
                " فایل را درست کنید و دوباره بیاورید، چیزی دو بار ثبت نمی‌شود."
            ) from problem
        if values is None and number > MAX_ROWS:
            raise too_many()
        if values is None:
            return
        number += 1
        if not any(value not in (None, "") for value in values):
            waiting += 1
            continue
        for empty in range(number - waiting, number):
            yield empty, []
        waiting = 0
        yield number, [_cell(value) for value in values]


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return f"={value}" if value in _ERRORS else value
    if value is None or isinstance(value, bool | int | float | datetime | date | time):
        return value
    return "="  # an array formula, a table of data: computed, so nobody wrote it
