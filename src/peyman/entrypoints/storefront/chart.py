"""The price chart: step lines in percent and pixels, as a template prints them. Plain values in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from peyman.kernel import jalali
from peyman.kernel.worktime import day_start

TOP, HEIGHT = 16, 150  # pixels: room above for a label, and the plot
_LEVELS = 4
_NARROWEST = 6  # percent of the span in which the name of a month has room


@dataclass(frozen=True)
class Price:
    """A price in rials, from an instant on."""

    at: datetime
    amount: int
    reason: str = ""


@dataclass(frozen=True)
class Step:
    """One stretch at one price: `x`, `width` in percent of the span, `y` in pixels, `from_y` that of the one before."""

    x: float
    x2: float
    width: float
    y: float
    from_y: float | None
    below: float


@dataclass(frozen=True)
class Level:
    y: float
    amount: int

    @property
    def label_y(self) -> float:
        return round(self.y - 5, 1)


@dataclass(frozen=True)
class Month:
    x: float
    name: str


@dataclass(frozen=True)
class Chart:
    steps: list[Step]
    levels: list[Level]
    months: list[Month]
    floor: float
    lowest: int
    highest: int
    now: int
    begins: datetime

    @property
    def end_y(self) -> float:
        return self.steps[-1].y

    @property
    def end_label_y(self) -> float:
        """Below the line where there is room, else above it."""
        return round(self.end_y + 18 if self.end_y + 22 < self.floor else self.end_y - 10, 1)


def draw(prices: Sequence[Price], *, begins: datetime, now: datetime) -> Chart | None:
    """Return the chart of `prices` (oldest first) between two instants; None when there is nothing to show.

    The first price may lie before `begins`: it is the one in force then. The value axis runs between two round
    sums around what happened, with its numbers, and does not start at zero.
    """
    inside = [price for price in prices if price.at < now]
    if not inside:
        return None
    begins = max(begins, inside[0].at)
    known = [price for i, price in enumerate(inside) if i + 1 == len(inside) or inside[i + 1].at > begins]
    lowest, highest = min(p.amount for p in known), max(p.amount for p in known)
    levels = _levels(lowest, highest)
    bottom, top = levels[0], levels[-1]
    span = (now - begins).total_seconds() or 1.0

    def x(instant: datetime) -> float:
        return round(max(0.0, (instant - begins).total_seconds() / span * 100), 2)

    def y(amount: int) -> float:
        return round(TOP + HEIGHT * (top - amount) / (top - bottom), 1)

    floor = y(bottom)
    steps: list[Step] = []
    for i, price in enumerate(known):
        start, end = x(price.at), x(known[i + 1].at) if i + 1 < len(known) else 100.0
        steps.append(
            Step(
                x=start,
                x2=end,
                width=round(end - start, 2),
                y=y(price.amount),
                from_y=steps[-1].y if steps else None,
                below=round(floor - y(price.amount), 1),
            )
        )
    return Chart(
        steps=steps,
        levels=[Level(y(amount), amount) for amount in levels],
        months=_months(begins, now),
        floor=floor,
        lowest=lowest,
        highest=highest,
        now=known[-1].amount,
        begins=begins,
    )


def _levels(lowest: int, highest: int) -> list[int]:
    """Round sums around the prices, evenly apart: 9,840,000 to 11,200,000 → 9, 10, 11, 12 million."""
    room = max(highest - lowest, highest // 10, 1000)
    gap = 10 ** (len(str(room // (_LEVELS - 1) or 1)) - 1)
    for times in (1, 2, 5, 10, 20):
        low = lowest // (gap * times) * (gap * times)
        if low + gap * times * (_LEVELS - 1) >= highest:
            gap *= times
            break
    if low == lowest == highest:
        low -= gap  # a line on the bottom edge reads as nothing
    return [max(0, low) + gap * i for i in range(_LEVELS)]


def _months(begins: datetime, now: datetime) -> list[Month]:
    """The middle of each Jalali month's share of the span; a sliver of a month has no room for its name."""
    span = (now - begins).total_seconds()
    first = jalali.jalali(begins).replace(day=1)
    found: list[Month] = []
    left = 0.0
    while left < 100 and span:
        following = jalali.jalali(first.to_gregorian() + timedelta(days=32)).replace(day=1)
        right = min(100.0, (day_start(following.to_gregorian()) - begins).total_seconds() / span * 100)
        if right - left >= _NARROWEST or (left, right) == (0.0, 100.0):
            found.append(Month(round((left + right) / 2, 1), jalali.month_name(first.month)))
        first, left = following, right
    return found
