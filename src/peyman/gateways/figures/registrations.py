"""Registrations as dots on a line, and the longest time without any."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from peyman.gateways.figures.axis import Span
from peyman.gateways.figures.lanes import days_words
from peyman.gateways.figures.values import Rows
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import day_start, tehran_day


@dataclass(frozen=True)
class Pin:
    """Rows of one update date, as a dot as large as they are many."""

    x: float
    radius: float
    rows: int
    day: date
    due: date | None
    label: str
    label_x: float
    anchor: str
    is_apart: bool


@dataclass(frozen=True)
class Bracket:
    """A long time in which nothing was registered."""

    x1: float
    x2: float
    label: str
    begins: date
    ends: date

    @property
    def middle(self) -> float:
        return round((self.x1 + self.x2) / 2, 2)


def pins(rows: Sequence[Rows], span: Span) -> tuple[Pin, ...]:
    found: list[Pin] = []
    inside = [one for one in sorted(rows, key=lambda one: one.day) if span.since <= day_start(one.day) < span.until]
    for n, one in enumerate(inside):
        x = span.x(day_start(one.day))
        following = span.x(day_start(inside[n + 1].day)) if n + 1 < len(inside) else 100.0
        radius = round(min(13.0, 4.0 + one.rows**0.5 * 1.5), 1)
        words = persian_digits(f"{one.rows} ردیف، {jalali.plain_date(one.day)}")
        if one.is_apart:
            words = persian_digits(f"{one.rows} ردیف برنامه‌ها")
        # Words stand on the side that has room; where neither has, the dot is read in the table.
        before = span.x(day_start(inside[n - 1].day)) if n else 0.0
        if following - x >= (8 if n + 1 == len(inside) else 12):
            label, label_x, anchor = words, x, "end"
        elif x - before >= 12:
            label, label_x, anchor = words, x, "start"
        else:
            label, label_x, anchor = "", x, "end"
        found.append(Pin(x, radius, one.rows, one.day, one.due, label, label_x, anchor, one.is_apart))
    return tuple(found)


def bracket(rows: Sequence[Rows], span: Span) -> Bracket | None:
    """The longest time without any registration, where it is a fifth of the span and two months at least."""
    days = sorted({one.day for one in rows if not one.is_apart and day_start(one.day) < span.until})
    first = tehran_day(span.since)
    longest: tuple[timedelta, date, date] | None = None
    for before, after in pairwise(days):
        seen = day_start(after) - max(day_start(before), span.since)
        if after > first and (longest is None or seen > longest[0]):
            longest = (seen, before, after)
    if longest is None or longest[0] < timedelta(days=60) or longest[0] / (span.until - span.since) < 0.2:
        return None
    _, before, after = longest
    words = f"{days_words(day_start(after) - day_start(before))} بی هیچ ثبت تازه"
    return Bracket(span.x(day_start(before)), span.x(day_start(after)), words, before, after)
