"""A table of goods: which column is which, and which cells are a record's.

Where a record begins in a text is `kernel.delimited`'s part.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from peyman.kernel import text
from peyman.kernel.errors import Refused
from peyman.shop.catalog.rules.cells import Cell, guarded, spelled
from peyman.shop.catalog.rules.records import COLUMNS, NEEDED_COLUMNS, NEVER_EMPTY, OWN_COLUMNS, Row

MAX_ROWS = 200_000
MAX_COLUMNS = 100

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
