"""The price chart: step lines in percent and pixels, as a template prints them. Plain values in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from peyman.kernel import jalali
from peyman.kernel.worktime import day_start
from peyman.shop.catalog.rules import OFFER, lowest_since

TOP, HEIGHT = 16, 150  # pixels: room above for a label, and the plot
_LEVELS = 4
_LABEL = 18  # pixels that the label of a level takes above it
_NARROWEST = 6  # percent of the span in which the name of a month has room
_MONTH = timedelta(days=30)
_AHEAD = 0.25  # of what is drawn of the past: no more is drawn of what is to come
_SLIVER = 0.01  # of the past: less of what is to come is not seen


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
    """A line of the value axis; its label stands above it, or under it where the price begins just there."""

    y: float
    amount: int
    is_under: bool = False

    @property
    def label_y(self) -> float:
        return round(self.y + 13 if self.is_under else self.y - 5, 1)


@dataclass(frozen=True)
class Month:
    x: float
    name: str


@dataclass(frozen=True)
class Band:
    """A stretch of time in which an offer ran, in percent of the span."""

    x: float
    width: float


@dataclass(frozen=True)
class Chart:
    """What is drawn. `ahead`: steps that have not come yet; `now_x`: this moment; `lowest_month`: of 30 days."""

    steps: list[Step]
    levels: list[Level]
    months: list[Month]
    floor: float
    lowest: int
    highest: int
    now: int
    begins: datetime
    lowest_month: int = 0
    bands: tuple[Band, ...] = ()
    ahead: tuple[Step, ...] = ()
    now_x: float = 100.0

    @property
    def label_x(self) -> float:
        """Where the label of this moment ends: left of it, so that it lies inside."""
        return round(self.now_x - 2, 2)

    @property
    def end_y(self) -> float:
        return self.steps[-1].y

    @property
    def end_label_y(self) -> float:
        """Below the line where there is room, else above it."""
        return round(self.end_y + 18 if self.end_y + 22 < self.floor else self.end_y - 10, 1)


def draw(
    prices: Sequence[Price],
    *,
    begins: datetime,
    now: datetime,
    ahead: Sequence[Price] = (),
    until: datetime | None = None,
) -> Chart | None:
    """Return the chart of `prices` (oldest first) between two instants; None when there is nothing to show.

    The first price may lie before `begins`: it is the one in force then; the last lasts until now. The value axis runs
    between two round sums around what happened, with its numbers, and does not start at zero. `ahead`: prices that are
    announced, drawn pale behind this moment; `until`: how long the last of them, or the running one, is known to last.
    """
    inside = [price for price in prices if price.at <= now]
    if not inside or inside[0].at == now:
        return None
    begins = max(begins, inside[0].at)
    known = [price for i, price in enumerate(inside) if i + 1 == len(inside) or inside[i + 1].at > begins]
    lowest, highest = min(p.amount for p in known), max(p.amount for p in known)
    coming = [price for price in ahead if price.at > now]
    ends = _ends(begins, now, [*(price.at for price in coming), *([until] if until else [])])
    coming = [price for price in coming if price.at < ends]
    levels = _levels(min([lowest, *(p.amount for p in coming)]), max([highest, *(p.amount for p in coming)]))
    bottom, top = levels[0], levels[-1]
    span = (ends - begins).total_seconds()

    def x(instant: datetime) -> float:
        return round(max(0.0, (instant - begins).total_seconds() / span * 100), 2)

    def y(amount: int) -> float:
        return round(TOP + HEIGHT * (top - amount) / (top - bottom), 1)

    floor = y(bottom)

    def stretch(price: Price, start: float, end: float, before: Step | None) -> Step:
        at = y(price.amount)
        return Step(start, end, round(end - start, 2), at, before.y if before else None, round(floor - at, 1))

    now_x = x(now)
    steps: list[Step] = []
    for price, end in zip(known, [*(x(price.at) for price in known[1:]), now_x], strict=True):
        steps.append(stretch(price, x(price.at), end, steps[-1] if steps else None))
    pale: list[Step] = []
    if ends > now:
        pale.append(stretch(known[-1], now_x, x(coming[0].at) if coming else 100.0, None))
        for price, end in zip(coming, [*(x(price.at) for price in coming[1:]), 100.0], strict=False):
            pale.append(stretch(price, x(price.at), end, pale[-1]))
    drawn = zip([*known, known[-1], *coming], [*steps, *pale], strict=False)
    return Chart(
        lowest_month=lowest_since([(price.at, price.amount) for price in inside], now - _MONTH, now) or lowest,
        bands=tuple(Band(step.x, step.width) for price, step in drawn if price.reason == OFFER and step.width),
        ahead=tuple(pale),
        now_x=now_x,
        steps=steps,
        levels=[Level(y(amount), amount, _meets(steps[0].y, y(amount)) and amount > bottom) for amount in levels],
        months=_months(begins, ends),
        floor=floor,
        lowest=lowest,
        highest=highest,
        now=known[-1].amount,
        begins=begins,
    )


def _meets(line: float, level: float) -> bool:
    """Say whether a price line would run through the label above a level."""
    return level - _LABEL < line < level


def _ends(begins: datetime, now: datetime, known: Sequence[datetime]) -> datetime:
    """Where the time axis ends: at this moment, or with the last that is known to come, where that is worth drawing."""
    past = now - begins
    last = min(max(known, default=now), now + past * _AHEAD)
    return last if last - now >= past * _SLIVER else now


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
