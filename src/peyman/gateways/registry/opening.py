"""A list in whatever form it comes: CSV, XLSX, the table of a page, JSON. Told apart by its content, never by its name.

What comes may be cut short, in another encoding, a page that says "come back later", or a trap. Limits come before
opening. What is no list at all is `Unreadable`; what is wrong with a list that can be read is a fault beside its rows.
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from peyman.gateways import workbooks
from peyman.gateways.registry import page
from peyman.gateways.registry.columns import (
    HEADER_WITHIN,
    MAX_COLUMNS,
    MAX_ROWS,
    MOST_BROKEN,
    Collector,
    Unreadable,
    too_big,
    unreadable,
)
from peyman.kernel.delimited import DELIMITERS, csv_rows, delimiter_of
from peyman.kernel.text import persian_digits
from peyman.market.tariff.rules import quarantine, rows
from peyman.market.tariff.rules.rows import Line

__all__ = ["MAX_BYTES", "MAX_ROWS", "Opened", "Unreadable", "open_list"]

MAX_BYTES: Final = 60_000_000  # the real list has 4 to 5 million
XLSX: Final = workbooks.Limits(members=100, unpacked=120_000_000, ratio=200)
MAX_SHEETS: Final = 20

_UTF8, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_OTHERS = (workbooks.OLE, b"\x1f\x8b", b"%PDF", b"\x89PNG", b"Rar!", b"7z\xbc\xaf", b"GIF8", b"\xff\xd8\xff")
_CHARSET = re.compile(rb"""charset\s{0,5}=\s{0,5}["']?\s{0,5}([a-zA-Z0-9_-]{1,20})""")
_PAGE = re.compile(rb"<(?:!doctype\s{1,10}html|html|head|body)\b", re.IGNORECASE)
# Besides ASCII, what a list of Persian and Latin names holds.
_PERSIAN = re.compile("[\u0600-\u06ff\ufb50-\ufdff\ufe70-\ufefe\u00a0\u00ab\u00bb\u200c-\u200f\u2010-\u2026\t\n\r -~]*")
_DATE = re.compile(r"\s*[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opened:
    """A list that could be read. `lost`: records in it that are no rows; `faults`: what is wrong with it as a whole."""

    kind: str  # csv, xlsx, html, json
    lines: list[Line]
    lost: int
    faults: tuple[quarantine.Reason, ...]

    @property
    def complete(self) -> bool:
        return all(fault.code != "truncated" for fault in self.faults)


def open_list(data: bytes | Path, *, hint: str = "") -> Opened:
    """Open a list. `hint`: the charset that came with it, for pages that say none. Raises Unreadable."""
    if isinstance(data, Path):
        data = _from_disk(data)
    if len(data) > MAX_BYTES:
        raise _too_many_bytes()
    kind = kind_of(data)
    if not kind:
        raise unreadable("empty" if not data.strip(b"\0 \t\r\n\f" + _UTF8 + b"\xfe") else "unknown_kind")
    found = {"xlsx": _book, "html": _page, "json": _json, "csv": _text}[kind](data, hint)
    if found.places is None:
        raise found.wrong_columns()
    if not found.lines and not found.lost:
        raise unreadable("empty")
    return Opened(kind, found.lines, found.lost, tuple(found.faults))


def kind_of(data: bytes) -> str:
    """Say which kind of file this is by how it begins: csv, xlsx, html, json, or "" for what is none of these."""
    start = data[:4096]
    if start.startswith(workbooks.ZIP):
        return "xlsx"
    if start.startswith(
        (workbooks.OLE, b"\x1f\x8b", b"%PDF", b"\x89PNG", b"Rar!", b"7z\xbc\xaf", b"GIF8", b"\xff\xd8\xff")
    ):
        return ""
    wide = start.startswith(_UTF16)
    shown = start[2:].replace(b"\0", b"") if wide else start.removeprefix(_UTF8)
    shown = shown.lstrip(b"\0 \t\r\n\f")
    if not shown:
        return ""
    if shown.startswith(b"<"):
        return "html"
    return "json" if shown.startswith((b"[", b"{")) else "csv"


def _from_disk(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise unreadable("broken", why="یک فایل معمولی نیست.")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise unreadable("broken", why="پیدا نشد یا اجازه خواندن آن نیست.") from problem


def _too_many_bytes() -> Unreadable:
    return unreadable("too_big", limit=f"{persian_digits(MAX_BYTES // 1_000_000)} مگابایت")


# ---- Texts ----


def _decoded(data: bytes, hint: str = "") -> str:
    """Return the text: by its byte order mark, else as UTF-8, else as Windows-1256 where that makes sense of it.

    An encoding is never guessed into being: bytes that are letters of no list are refused.
    """
    if data.startswith(_UTF16):
        try:
            text = data[: len(data) & ~1].decode("utf-16")
        except UnicodeDecodeError as problem:
            raise unreadable("encoding") from problem
        if text.count("\0") > 16 + len(text) // 100:
            raise unreadable("encoding")  # UTF-32
        return text
    if data.count(b"\0") > 16 + len(data) // 100:
        raise unreadable("encoding")  # UTF-16 without its mark, or no text at all
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        if problem.start >= len(data) - 3 and problem.reason == "unexpected end of data":
            return data[: problem.start].decode("utf-8-sig")  # cut within a letter: the last row shows it
        text = data.decode("cp1256")
        if hint.lower() not in ("windows-1256", "cp1256") and not _PERSIAN.fullmatch(text):
            raise unreadable("encoding") from problem
        return text


def _text(data: bytes, hint: str) -> Collector:
    text = _decoded(data, hint).replace("\0", "")
    try:
        found, last, is_torn = _quickly(text)
    except csv.Error:
        found, last, is_torn = _patiently(text)
    if found.places is None and _PAGE.search(data[:100_000]):
        title = page.title_of(text)
        raise unreadable("html_page", title=f": «{title}»" if title else "")
    if found.places is not None and (is_torn or _is_cut(text, last, found)):
        found.fault("truncated", why="سطر پایانی آن بریده است.")
    return found


def _quickly(text: str) -> tuple[Collector, Sequence[str], bool]:
    """Read a text whose quotes are all in order. Raises csv.Error for any other."""
    begin = itertools.islice(io.StringIO(text, newline=""), HEADER_WITHIN)
    first = next((line for line in begin if any(sign in line for sign in DELIMITERS)), "")
    if rows.NEVER.search(text):
        raise csv.Error
    found = Collector()
    last = found.take_all(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(first), strict=True))
    return found, last, False


def _patiently(text: str) -> tuple[Collector, Sequence[str], bool]:
    """Read a text in which a quote that is never closed costs its own line. Return whether the last one is such."""
    found = Collector()
    last: Sequence[str] = ()
    broken, is_torn = 0, False
    for _, cells in csv_rows(io.StringIO(text, newline="")):
        if cells is None:
            broken, is_torn = broken + 1, True
            if broken > MOST_BROKEN:
                raise unreadable("broken", why="نشان‌های نقل آن به هم ریخته است.")
            found.lose()
        elif any(cell and not cell.isspace() for cell in cells):
            is_torn, last = False, cells
            found.take(cells[:MAX_COLUMNS])
    return found, last, is_torn


def _is_cut(text: str, last: Sequence[str], found: Collector) -> bool:
    """Say whether the last record ends before its time: too few cells, or a last cell shorter than all dates are.

    A file may end without a line end; half a date may look like a whole one ("1402/02/1").
    """
    places = found.places
    if places is None or len(last) < places.needed:
        return True
    if text.endswith(("\n", "\r")) or len(found.lines) < 2:
        return False
    end = len(last) - 1
    if end not in (places.at[3], places.at[4]):
        return False
    before = found.lines[-2].due if end == places.at[4] else found.lines[-2].update
    return bool(_DATE.fullmatch(before)) and len(last[end].strip()) < len(before.strip())


# ---- The page ----


def _page(data: bytes, hint: str) -> Collector:
    said = _CHARSET.search(data[:4096])
    charset = said[1].decode("ascii") if said else hint
    return page.read(_decoded(data, charset))


# ---- XLSX ----


def _book(data: bytes, hint: str) -> Collector:
    file = io.BytesIO(data)
    try:
        workbooks.check_zip(file, len(data), XLSX)
        with workbooks.visible_sheets(file) as sheets:
            found = None
            for sheet in sheets[:MAX_SHEETS]:
                collector = Collector()
                for _, cells in workbooks.rows(sheet, most=MAX_ROWS + 1, columns=MAX_COLUMNS):
                    collector.take([_written(cell) for cell in cells])
                    if not collector.is_looking and collector.places is None:
                        break
                found = found or collector
                if collector.places is not None:
                    return collector
            return found or Collector()
    except workbooks.Faulty as fault:
        raise _unreadable_book(fault) from fault


def _written(cell: workbooks.Cell) -> str:
    """Return a cell as the list would have it written; a day that the sheet keeps as a day is Gregorian."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case datetime() if cell.time() == time(0):
            return cell.date().isoformat()
        case date():
            return cell.isoformat()
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case _:
            return str(cell)


def _unreadable_book(fault: workbooks.Faulty) -> Unreadable:
    match fault.code:
        case "odd" | "bomb":
            return unreadable("bomb")
        case "too_many":
            return too_big()
        case "locked":
            return unreadable("broken", why="کارپوشه رمز دارد.")
        case "torn_row":
            return unreadable("broken", why=f"کارپوشه از سطر {persian_digits(fault.row)} به بعد خراب است.")
    return unreadable("broken", why="کارپوشه خوانده نشد.")


# ---- JSON, as operators are answered ----


def _json(data: bytes, hint: str) -> Collector:
    text = _decoded(data, hint)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise unreadable("broken", why="JSON آن خواندنی نیست.") from problem
    found = Collector()
    records = _list_in(document)
    names: list[str] = []
    for record in records:
        if isinstance(record, dict):
            if not names:
                names = list(record)[:MAX_COLUMNS]
                found.take(names)
            cells = [_plain(record.get(name)) for name in names]
        elif isinstance(record, list):
            cells = [_plain(cell) for cell in record[:MAX_COLUMNS]]
        else:
            found.lose()
            continue
        if any(cells):
            found.take(cells)
    return found


def _list_in(document: Any) -> list[Any]:
    """Return the list of records: the document itself, or the only list within an answer, two levels down at most."""
    for _ in range(3):
        if isinstance(document, list):
            return document
        if not isinstance(document, dict):
            break
        within: list[Any] = [value for value in document.values() if isinstance(value, list)]
        within = within or [value for value in document.values() if isinstance(value, dict)]
        if len(within) != 1:
            break
        document = within[0]
    raise unreadable("wrong_columns", missing="فهرست")


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
