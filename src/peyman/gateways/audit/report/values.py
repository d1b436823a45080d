"""What the report says, as plain values that page and paper print alike, and how they are written."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from peyman.kernel.money import grouped
from peyman.kernel.prefixes import Address
from peyman.kernel.text import normalise, persian_digits
from peyman.market.tariff.rules.drift import range_text

UNKNOWN: Final = "نامعلوم"
NO_OPERATOR: Final = "اپراتور ناشناخته"
_LONGEST_NAME: Final = 120
# Never printed as they are: controls, and what turns the direction of the words after it.
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_UNITS: Final = ((10**12, "ترابایت"), (10**9, "گیگابایت"), (10**6, "مگابایت"), (10**3, "کیلوبایت"))


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: words, or a number, or names and codes (each apart from the words around it)."""

    text: str = ""
    kind: str = ""  # "", number, date, codes, name, hash
    parts: tuple[str, ...] = ()  # of codes
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads. `more`: a sentence about the rows that are not here and where they are."""

    caption: str
    heads: tuple[tuple[str, bool], ...]  # words, whether numbers stand below
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[Cell, ...] = ()
    more: str = ""


def words(text: str) -> Cell:
    return Cell(text)


def number(n: int | None, *, note: str = "") -> Cell:
    return Cell(UNKNOWN if n is None else grouped(n), "number", note=note)


def size(n: int) -> Cell:
    return Cell(volume(n), "number")


def name(text: object) -> Cell:
    return Cell(shown(text), "name")


def codes(parts: Iterable[object], note: str = "") -> Cell:
    return Cell("", "codes", tuple(shown(one) for one in parts), note)


def shown(text: object) -> str:
    """Return what somebody else wrote so that it can be printed: one line, nothing unseen, not without end."""
    seen = _UNSEEN.sub(lambda match: f"[U+{ord(match[0]):04X}]", str(text))
    plain = normalise(seen)
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[:_LONGEST_NAME]}…"


def volume(n: int) -> str:
    """Return «۳٫۲ گیگابایت» (10⁹): one decimal, rounded to the nearest; below 1,000 «۹۱۲ بایت»."""
    for unit, called in _UNITS:
        if n >= unit:
            tenths = (n * 20 + unit) // (2 * unit)
            whole, rest = divmod(tenths, 10)
            return f"{grouped(whole)}{persian_digits(f'٫{rest}') if rest and whole < 1000 else ''} {called}"
    return f"{persian_digits(n)} بایت"


def amount(low: int | None, high: int | None) -> str:
    """Return «دست‌کم ۵۴ و حداکثر ۱۰۱ ریال»."""
    if high is None or low is None:
        return UNKNOWN
    return f"{grouped(high)} ریال" if low == high else f"دست‌کم {grouped(low)} و حداکثر {grouped(high)} ریال"


def folded(addresses: Iterable[Address]) -> list[tuple[str, int]]:
    """Return addresses as ranges, each with how many: neighbours together, shortest writing."""
    runs: list[tuple[Address, Address]] = []
    for one in sorted(set(addresses), key=lambda at: (at.version, int(at))):
        if runs and runs[-1][1].version == one.version and int(runs[-1][1]) + 1 == int(one):
            runs[-1] = runs[-1][0], one
        else:
            runs.append((one, one))
    return [
        (str(first) if first == last else range_text(first, last), int(last) - int(first) + 1) for first, last in runs
    ]
