"""A table out of a text: which sign parts the columns, which column is which, where a record begins.

Files come from strangers. A quote that is never closed costs its own line, not the rest of the file.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from peyman.kernel import text
from peyman.kernel.errors import Refused
from peyman.shop.catalog.rules.cells import Cell, guarded, spelled
from peyman.shop.catalog.rules.records import COLUMNS, NEEDED_COLUMNS, NEVER_EMPTY, OWN_COLUMNS, Row

MAX_ROWS = 200_000
MAX_COLUMNS = 100
MAX_LINES_OF_A_RECORD = 200
MAX_LENGTH_OF_A_RECORD = 200_000  # characters
DELIMITERS = ",;\t"

_NOT_IN_A_NAME = re.compile("[^a-z0-9]")


class Unreadable(Refused):
    """The file cannot be read: as a whole, or from some record on (`why` then says that those before it are in)."""

    code, status = "file_unreadable", 422
    says = "این فایل خوانده نشد: {why}"


@dataclass(frozen=True, slots=True)
class Header:
    """Which column holds what. `places`: name → index; `unknown`: columns that are passed over."""

    places: Mapping[str, int]
    width: int
    unknown: tuple[str, ...]


def read_header(names: Sequence[Cell]) -> Header:
    """Find our columns in the first record, in any order, case and spacing.

    Raises Unreadable where needed columns are missing or one stands there twice.
    """
    known = {_folded(name): name for name in (*COLUMNS, *OWN_COLUMNS)}
    typed = [text.normalise(spelled(name)) for name in names]
    while typed and not typed[-1]:
        typed.pop()
    if len(typed) > MAX_COLUMNS:
        raise Unreadable(why=f"بیش از {text.persian_digits(MAX_COLUMNS)} ستون دارد.")
    places: dict[str, int] = {}
    for index, name in enumerate(typed):
        column = known.get(_folded(name))
        if column in places:
            raise Unreadable(why=f"ستون {column} دو بار آمده است.")
        if column:
            places[column] = index
    missing = [name for name in NEEDED_COLUMNS if name not in places]
    if "category_slug" not in places and "category_path" not in places:
        missing.append("category_slug")
    if missing:
        raise Unreadable(why=f"این ستون‌ها در سطر نخست نیست: {'، '.join(missing)}.")
    unknown = tuple(name for name in typed if _folded(name) not in known)
    return Header(places, len(typed), unknown)


def _folded(name: str) -> str:
    return _NOT_IN_A_NAME.sub("", name.casefold())


def delimiter_of(line: str) -> str:
    """Return the sign that parts the columns of a header line: the most frequent of comma, semicolon and tab."""
    return max(DELIMITERS, key=line.count)


def csv_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (physical line, fields) of each record of a CSV, the header first; None for a record with broken quotes.

    `lines` keep their ends and have no byte order mark. After broken quotes, reading goes on at the next line.
    """
    source = _Lines(iter(lines))
    delimiter = ""
    while (first := source.begin()) is not None:
        delimiter = delimiter or delimiter_of(first)
        number = source.number
        try:
            fields = next(csv.reader(source, delimiter=delimiter, strict=True), [])
        except csv.Error:
            source.give_back()
            fields = None
        yield number, fields


class _Lines:
    """Lines that can be given back, when what looked like one long record turns out to be none."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._waiting: deque[str] = deque()
        self._used: list[str] = []
        self._length = 0
        self.number = 0  # of the line on which the record begins

    def begin(self) -> str | None:
        """Start a record and return its first line, None at the end."""
        self.number += len(self._used)
        self._used, self._length = [], 0
        if not self._waiting:
            line = next(self._lines, None)
            if line is None:
                return None
            self._waiting.append(line)
        if not self.number:
            self.number = 1
        return self._waiting[0]

    def give_back(self) -> None:
        """Keep the first line of the record only."""
        self._waiting.extendleft(reversed(self._used[1:]))
        self._used = self._used[:1]

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self._used) >= MAX_LINES_OF_A_RECORD or self._length > MAX_LENGTH_OF_A_RECORD:
            raise csv.Error("the record does not end")
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self._used.append(line)
        self._length += len(line)
        return line


def too_many() -> Unreadable:
    """Return the refusal of a file with more records than MAX_ROWS."""
    return Unreadable(
        why=f"بیش از {text.persian_digits(MAX_ROWS)} رکورد دارد. رکوردهای نخست آن آمد؛ باقی را در فایل دیگری بیاورید."
    )


def rows(records: Iterable[tuple[int, Sequence[Cell] | None]], header: Header, *, is_sheet: bool) -> Iterator[Row]:
    """Yield the records after the header.

    In a text every record has as many columns as the header. In a sheet (`is_sheet`) empty cells at the end of a
    row are not written, so only a row that ends before a column that is never empty counts as cut short.
    Raises Unreadable above MAX_ROWS records.
    """
    for record, (line, fields) in enumerate(records, start=1):
        if record > MAX_ROWS:
            raise too_many()
        if fields is None:
            yield Row(record, line, {}, "quotes")
        elif all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in fields):
            yield Row(record, line, {}, "blank")
        else:
            fault = _cut_short(fields, header) if is_sheet else len(fields) != header.width
            yield Row(record, line, _named(fields, header), "columns_count" if fault else "")


def _named(fields: Sequence[Cell], header: Header) -> dict[str, Cell]:
    return {name: fields[place] if place < len(fields) else None for name, place in header.places.items()}


def _cut_short(fields: Sequence[Cell], header: Header) -> bool:
    if any(cell not in (None, "") for cell in fields[header.width :]):
        return True
    filled = max(place for place, cell in enumerate(fields) if cell not in (None, "")) + 1
    lost = [name for name, place in header.places.items() if place >= filled]
    return len(lost) > 1 and any(name in NEVER_EMPTY for name in lost)


def export_line(values: Sequence[str]) -> list[str]:
    """Return the cells of one exported record, guarded against spreadsheets that run what begins like a formula."""
    return [guarded(value) for value in values]
