"""XLSX files from strangers, opened only after they are known to be no trap.

Limits come before opening. What is wrong is `Faulty`; each gateway says in its own words what that means.
"""

import itertools
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, BinaryIO, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0"

Cell = str | int | float | bool | datetime | date | time | None

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


class Faulty(Exception):
    """A workbook that cannot be read: torn, odd, locked, bomb, no_book, no_sheet, torn_row (at `row`), too_many."""

    def __init__(self, code: str, row: int = 0) -> None:
        super().__init__(code)
        self.code, self.row = code, row


@dataclass(frozen=True, slots=True)
class Limits:
    """What a workbook may hold before it is opened."""

    members: int = 200
    unpacked: int = 300_000_000  # bytes, all members together
    ratio: int = 200  # unpacked to packed, of a member above 100 kB


def check_zip(file: BinaryIO, size: int, limits: Limits) -> None:
    """Look at the directory of a zip before anything is unpacked.

    Raises Faulty when it holds too many members, would unpack to too much, is encrypted, or when members share bytes or
    names (how small files unpack to terabytes).
    """
    if _members_told(file, size) > limits.members:
        raise Faulty("odd")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            starts = {member.header_offset: _data_end(file, member) for member in members}
    except (*_BROKEN, struct.error) as problem:
        raise Faulty("torn") from problem
    finally:
        file.seek(0)
    if len(members) > limits.members or len({m.filename for m in members}) < len(members) or len(starts) < len(members):
        raise Faulty("odd")
    if any(member.flag_bits & 0x1 for member in members):
        raise Faulty("locked")
    ends = sorted(starts.items())
    if any(end > following for (_, end), (following, _) in itertools.pairwise(ends)):
        raise Faulty("odd")
    if sum(member.file_size for member in members) > limits.unpacked or any(
        _is_bomb(member, limits.ratio) for member in members
    ):
        raise Faulty("bomb")


def _members_told(file: BinaryIO, size: int) -> int:
    """How many members the end record names, read without loading the directory itself."""
    file.seek(max(0, size - 65_557))
    tail = file.read()
    file.seek(0)
    end = tail.rfind(_END_OF_ZIP)
    if end < 0 or len(tail) < end + 22:
        raise Faulty("torn")
    return int(struct.unpack_from("<H", tail, end + 10)[0])


def _data_end(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    file.seek(member.header_offset + 26)
    name, extra = struct.unpack("<HH", file.read(4))
    return member.header_offset + 30 + int(name) + int(extra) + member.compress_size


def _is_bomb(member: zipfile.ZipInfo, ratio: int) -> bool:
    return member.file_size > 100_000 and member.file_size > ratio * max(member.compress_size, 1)


@contextmanager
def visible_sheets(file: BinaryIO) -> Iterator[list[Any]]:
    """Open a workbook that `check_zip` let through and give its visible sheets, at least one. Raises Faulty."""
    try:
        book = load_workbook(file, read_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    except (*_BROKEN, struct.error) as problem:
        raise Faulty("no_book") from problem
    try:
        if not sheets:
            raise Faulty("no_sheet")
        yield sheets
    finally:
        book.close()


def rows(sheet: Any, *, most: int, columns: int) -> Iterator[tuple[int, Sequence[Cell]]]:
    """Yield (row number, cells) of the rows that hold something, of at most `most` + 2 rows and `columns` + 1 columns.

    Raises Faulty: "torn_row" where the sheet breaks off, "too_many" at the end of one with more than `most` rows, empty
    ones counted.
    """
    number = 0
    try:
        sheet.reset_dimensions()  # what the file says of its size need not be true
        found = sheet.iter_rows(max_row=most + 2, max_col=columns + 1, values_only=True)
        for values in found:
            number += 1
            if any(value not in (None, "") for value in values):
                yield number, [_cell(value) for value in values]
    except (*_BROKEN, struct.error) as problem:
        raise Faulty("torn_row", number + 1) from problem
    if number > most:
        raise Faulty("too_many")


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return f"={value}" if value in _ERRORS else value
    if value is None or isinstance(value, bool | int | float | datetime | date | time):
        return value
    return "="  # an array formula, a table of data: computed, so nobody wrote it
