"""Texts: letters, blanks and what is unseen mended; what would run in a spreadsheet or a browser refused."""

import math
import re
import unicodedata
from datetime import date, datetime, time

from peyman.kernel import text
from peyman.shop.catalog.rules.cells.told import Cell, Told, refused

MAX_TITLE = 250

SURROGATE = re.compile("[\ud800-\udfff]")  # a byte that was not UTF-8
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_HIDDEN = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_KASHIDA = "\u0640"
_FOREIGN_LETTERS = re.compile("[يىكڪ]")
_PRESENTATION = re.compile("[\ufb50-\ufdff\ufe70-\ufefe]")
_LINE_BREAK = re.compile("[\r\n\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")
_PERSIAN_LETTER = re.compile("[\u0621-\u063a\u0641-\u064a\u066e-\u06d3]")
_LATIN_LETTER = re.compile("[A-Za-z]")
_MARKUP = re.compile(r"<\s*/?\s*[a-z!?]|&(?:[a-z]{2,31}|#[0-9]+|#x[0-9a-f]+);|javascript:", re.IGNORECASE)
# Anything that might need mending: most cells have none of it, and are done after one search.
_UNCLEAN = re.compile(
    "[\ud800-\udfff\x00-\x1f\x7f-\xad\u0640\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\u061cيىكڪ"
    "\ufb50-\ufdff\ufe70-\ufefe\u0300-\u036f\u0653-\u0655]|\\s{2,}|^\\s|\\s$|[^\\S ]"
)
_GUARDED = re.compile("'[=+\\-@']")  # an apostrophe put before a cell so that no spreadsheet runs it


def spelled(cell: Cell) -> str:
    """Return what a typed cell of a spreadsheet shows: 12.0 → "12", None → ""."""
    if cell is None:
        return ""
    if isinstance(cell, float) and math.isfinite(cell) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


def unguarded(cell: str) -> str:
    """Return a cell without the apostrophe that `guarded` put before it."""
    return cell[1:] if _GUARDED.match(cell) else cell


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; `unguarded` gives it back exactly."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@") or _GUARDED.match(cell) else cell


def clean(cell: Cell) -> Told:
    """Read any text: Persian letters, one space between words, nothing unseen.

    Refused: bytes that were not UTF-8 (`encoding`) and control characters (`control_char`).
    """
    typed = unguarded(spelled(cell))
    if not _UNCLEAN.search(typed) and (typed.isascii() or unicodedata.is_normalized("NFC", typed)):
        return _half_spaces(typed)
    if SURROGATE.search(typed):
        return refused("encoding")
    if _CONTROL.search(typed):
        return refused("control_char")
    return Told(text.normalise(typed), tuple(_flaws(typed)))


def _half_spaces(typed: str) -> Told:
    if text.ZWNJ not in typed:
        return Told(typed)
    mended = text.normalise(typed)
    return Told(mended, () if mended == typed else ("half_space",))


def _flaws(typed: str) -> list[str]:
    seen = _HIDDEN.sub("", typed)
    flaws = ["control_removed"] if seen != typed else []
    if _KASHIDA in seen:
        flaws.append("kashida")
        seen = seen.replace(_KASHIDA, "")
    if _FOREIGN_LETTERS.search(seen) or _PRESENTATION.search(seen) or not unicodedata.is_normalized("NFC", seen):
        flaws.append("letters")
    inner = seen.strip()
    if inner != seen:
        flaws.append("trimmed")
    gaps = _SPACES.findall(inner)
    if any(_LINE_BREAK.search(gap) for gap in gaps):
        flaws.append("newline")
    if any(gap != " " and not _LINE_BREAK.search(gap) for gap in gaps):
        flaws.append("spaces")
    if text.normalise(seen).count(text.ZWNJ) < seen.count(text.ZWNJ):
        flaws.append("half_space")
    return flaws


def plain_text(cell: Cell, *, longest: int) -> Told:
    """Read a text that is shown as it stands: no formula, no markup, at most `longest` characters."""
    told = clean(cell)
    if told.reasons:
        return told
    reasons = text_reasons(told.value)
    if len(told.value) > longest:
        reasons += ("too_long",)
    return refused(*reasons) if reasons else told


def text_reasons(value: str) -> tuple[str, ...]:
    """Say why a text cannot be shown: it would run in a spreadsheet, or in a browser."""
    reasons = ("formula",) if value[:1] in ("=", "+", "@") else ()
    return (*reasons, "markup") if _MARKUP.search(value) else reasons


def title(cell: Cell) -> Told:
    """Read a title of at most 250 characters.

    One in Latin letters only is taken with a warning: makers do name goods so. One without letters is refused.
    """
    told = clean(cell)
    if told.reasons:
        return told
    if not told.value:
        return refused("title_missing")
    reasons = text_reasons(told.value)
    if len(told.value) > MAX_TITLE:
        reasons += ("title_too_long",)
    is_persian = _PERSIAN_LETTER.search(told.value) is not None
    if not is_persian and not _LATIN_LETTER.search(told.value):
        reasons += ("title_not_persian",)
    if reasons:
        return refused(*reasons)
    return told if is_persian else Told(told.value, (*told.warnings, "title_not_persian"))


def latin(cell: Cell) -> Told:
    """Clean text with Latin digits, and a warning where there were others."""
    told = clean(cell)
    if told.reasons:
        return told
    latin = text.latin_digits(told.value)
    return Told(latin, told.warnings if latin == told.value else ("digits", *told.warnings))
