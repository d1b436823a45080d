"""The table of the registry's page, read in one pass from a page that may be anything.

Not a browser: tags, comments and scripts are told apart as the HTML standard says it, and of all the tables the one
whose header has our columns is read. Each step moves forward, so the time is that of the length of the page.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Final

from peyman.gateways.registry.columns import MAX_CELL, MAX_COLUMNS, Collector, find, unreadable

MAX_DEPTH: Final = 50  # tables in tables
HEADER_WITHIN: Final = 12

_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_VALUE_OR_END = re.compile(r"""=[ \t\n\f\r]*(["'])|>""")
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,300})", re.IGNORECASE)
_SPAN = re.compile(r"""colspan[ \t\n\f\r]*=[ \t\n\f\r]*["']?([0-9]{1,3})""", re.IGNORECASE)
_SPACES = " \t\n\f\r"
# What is in these is text for machines, up to their own end.
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "template")
}
_PARTS = frozenset({"table", "tr", "td", "th", "thead", "tbody", "tfoot", "br", "p", "div"})


@dataclass
class _Table:
    """A table that is open. `cells`: of the row that is open, None between rows."""

    is_list: bool | None = None  # None until the header was found or not
    rows: int = 0
    cells: list[str] | None = None
    text: list[str] | None = None  # of the cell that is open
    length: int = 0
    span: int = 1


@dataclass
class _Page:
    found: Collector
    tables: list[_Table] = field(default_factory=list)
    deeper: int = 0  # tables below MAX_DEPTH
    lists: int = 0

    def text(self, text: str) -> None:
        table = self.tables[-1] if self.tables else None
        if table and table.text is not None and not self.deeper and table.length < MAX_CELL:
            table.text.append(text[: 4 * MAX_CELL])
            table.length += len(text)

    def tag(self, name: str, *, ends: bool, attributes: Callable[[], str]) -> None:
        if name == "table":
            self._table(ends=ends)
        elif not self.tables or self.deeper:
            return
        elif name in ("td", "th"):
            self._end_cell()
            if not ends:
                self._begin_cell(attributes())
        elif name in ("tr", "thead", "tbody", "tfoot"):
            self._end_row()
        elif name in ("br", "p", "div"):
            self.text(" ")

    def end(self) -> None:
        """End what the page left open."""
        table = next((table for table in self.tables if table.is_list), None)
        if table is not None:
            if table.text is not None or (table.cells is not None and len(table.cells) < self._width()):
                table.cells = table.text = None  # of a row that was cut nothing is believed
            elif table.cells is not None:
                self.tables = [table]
                self._end_row()
            self.found.fault("truncated", why="پایان جدول نیامده است.")

    def _width(self) -> int:
        return self.found.places.width if self.found.places else 0

    def _table(self, *, ends: bool) -> None:
        if ends and self.deeper:
            self.deeper -= 1
        elif ends and self.tables:
            self._end_row()
            self.tables.pop()
        elif not ends and len(self.tables) >= MAX_DEPTH:
            self.deeper += 1
        elif not ends:
            self.tables.append(_Table())

    def _begin_cell(self, attributes: str) -> None:
        table = self.tables[-1]
        table.cells = [] if table.cells is None else table.cells
        span = _SPAN.search(attributes) if attributes else None
        table.text, table.length, table.span = [], 0, int(span[1]) if span else 1

    def _end_cell(self) -> None:
        table = self.tables[-1]
        if table.text is None or table.cells is None:
            return
        # The white space of the source is no part of a cell; a no-break space was typed into it.
        cell = unescape("".join(table.text)[: 8 * MAX_CELL]).strip(_SPACES)[:MAX_CELL]
        room = MAX_COLUMNS - len(table.cells)
        table.cells.extend([cell, *[""] * (table.span - 1)][:room])
        table.text = None

    def _end_row(self) -> None:
        self._end_cell()
        table = self.tables[-1]
        cells, table.cells = table.cells, None
        if not cells or not any(cells) or table.is_list is False:
            return
        table.rows += 1
        if table.is_list is None:
            places, _ = find(cells)
            if places is None:
                table.is_list = False if table.rows >= HEADER_WITHIN else None
                return
            table.is_list = True
            self.lists += 1
            if self.lists == 1:
                self.found.places = places
                return
            if places != self.found.places:
                self.found.fault("header_again")
                table.is_list = False
                return
        self.found.take(cells)  # of a second list, the header, too: it is noted as such


def title_of(text: str) -> str:
    """Return what a page calls itself."""
    found = _TITLE.search(text[:100_000])
    return " ".join(unescape(found[1]).split())[:120] if found else ""


def read(text: str) -> Collector:
    """Return the rows of the list on a page. Raises Unreadable where no table has our columns."""
    page = _Page(Collector())
    length = len(text)
    at = 0
    while at < length:
        sign = text.find("<", at)
        if sign < 0:
            page.text(text[at:])
            break
        if sign > at and page.tables:
            page.text(text[at:sign])
        at = _after_tag(text, sign, page)
    page.end()
    if not page.lists:
        title = title_of(text)
        raise unreadable("html_page", title=f": «{title}»" if title else "")
    return page.found


def _after_tag(text: str, at: int, page: _Page) -> int:
    """Take what begins with the "<" at `at`, and return where to go on."""
    tag = _TAG.match(text, at)
    if tag is None:
        if text.startswith("<!--", at):
            return _after(text, "-->", at + 4)
        if text.startswith(("<!", "<?", "</"), at):
            return _after(text, ">", at + 2)
        page.text("<")
        return at + 1
    begins = tag.end()
    ends = _end_of_tag(text, begins)
    if ends < 0:
        return len(text)  # a tag that never ends has swallowed the rest
    name = tag[1].lower()
    is_end = text[at + 1] == "/"
    if name in _PARTS:
        page.tag(name, ends=is_end, attributes=lambda: text[begins : min(ends, begins + 2_000)])
    elif name in _RAW and not is_end:
        closing = _RAW[name].search(text, ends)
        return closing.start() if closing else len(text)
    return ends


def _end_of_tag(text: str, at: int) -> int:
    """Return the place after the ">" of a tag, -1 if it never ends. Signs in quoted values do not count."""
    while found := _VALUE_OR_END.search(text, at):
        if not found[1]:
            return found.end()
        at = text.find(found[1], found.end()) + 1
        if not at:
            return -1
    return -1


def _after(text: str, sign: str, at: int) -> int:
    found = text.find(sign, at)
    return len(text) if found < 0 else found + len(sign)
