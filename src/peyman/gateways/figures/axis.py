"""The axis of time, from left to right: percent of the span, Jalali years and months, and days that matter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from peyman.gateways.figures.values import Mark
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import DAY, day_start

W = TypeVar("W")

LETTER = 0.72  # percent of the span that a letter needs
_LONGEST_MARK = 40
_SEASONS = ("بهار", "تابستان", "پاییز", "زمستان")


@dataclass(frozen=True)
class Span:
    since: datetime
    until: datetime

    def x(self, at: datetime) -> float:
        """Return where `at` stands, in percent."""
        share = (at - self.since) / (self.until - self.since)
        return round(min(1.0, max(0.0, share)) * 100, 2)

    @property
    def days(self) -> float:
        return (self.until - self.since) / DAY


@dataclass(frozen=True)
class Tick:
    x: float
    label_x: float
    label: str
    strong: bool


@dataclass(frozen=True)
class Flag:
    """A mark on the axis: its number, its words, on which of the rows of words it stands, and towards which side."""

    number: int
    x: float
    name: str
    day: date
    row: int
    to_right: bool

    @property
    def y(self) -> int:
        return 48 + 20 * self.row


def ticks(span: Span) -> tuple[tuple[Tick, ...], tuple[Tick, ...]]:
    """Jalali years, and below them months, seasons or nothing, as there is room."""
    months = _month_starts(span)
    years = [(start, year) for start, year, month in months if month == 1]
    first_year = jalali.jalali(span.since).year
    edges = [(span.since, first_year), *[(at, year) for at, year in years if at > span.since]]
    strong = _between(edges, span, lambda year: persian_digits(year), 5.0, strong=True)
    if span.days <= 430:
        named = [(start, (year, month)) for start, year, month in months]
        minor = _between(named, span, lambda at: jalali.month_name(at[1]), 4.5)
    elif span.days <= 1600:
        named = [(start, (year, month)) for start, year, month in months if month in (1, 4, 7, 10)]
        start = jalali.jalali(span.since)
        named = [(span.since, (start.year, start.month)), *[one for one in named if one[0] > span.since]]
        minor = _between(named, span, lambda at: _SEASONS[(at[1] - 1) // 3], 4.0)
    else:
        minor = ()
    return strong, minor


def _month_starts(span: Span) -> list[tuple[datetime, int, int]]:
    at = jalali.jalali(span.since).replace(day=1)
    found: list[tuple[datetime, int, int]] = []
    while day_start(at.to_gregorian()) < span.until:
        found.append((day_start(at.to_gregorian()), at.year, at.month))
        at = jalali.jalali(at.to_gregorian() + timedelta(days=32)).replace(day=1)
    return found


def _between(
    edges: Sequence[tuple[datetime, W]],
    span: Span,
    words: Callable[[W], str],
    narrowest: float,
    *,
    strong: bool = False,
) -> tuple[Tick, ...]:
    """Name each stretch between neighbours in its middle, where it has room for the name."""
    ticks = []
    for n, (start, what) in enumerate(edges):
        x = span.x(start)
        x2 = span.x(edges[n + 1][0]) if n + 1 < len(edges) else 100.0
        ticks.append(Tick(x, round((x + x2) / 2, 2), words(what) if x2 - x >= narrowest else "", strong))
    return tuple(ticks)


def flags(marks: Sequence[Mark], span: Span) -> tuple[Flag, ...]:
    """Number the marks in the order of time and give their words rows on which they do not run into each other."""
    found: list[Flag] = []
    taken: dict[int, float] = {}
    inside = [one for one in sorted(marks, key=lambda one: one.day) if span.since <= day_start(one.day) < span.until]
    for number, one in enumerate(inside, 1):
        x = span.x(day_start(one.day))
        wide = 2.5 + len(one.name) * LETTER
        to_right = x + wide <= 100
        left, right = (x, x + wide) if to_right else (x - wide, x)
        row = next((row for row in range(6) if taken.get(row, -1.0) < left), 5)
        taken[row] = right
        found.append(Flag(number, x, one.name[:_LONGEST_MARK], one.day, row, to_right))
    return tuple(found)
