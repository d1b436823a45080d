"""Drawn figures of the desk of orders, in percent and pixels. Plain values in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from peyman.promises.queries import PromiseView
from peyman.shop.orders.queries import Day
from peyman.shop.orders.rules import states

HEIGHT, TOP = 96, 18  # pixels of the tallest pile, and the room above it for its number
PARTS = ("good", "waiting", "short", "ended")  # from the floor up


@dataclass(frozen=True)
class Part:
    """One piece of a pile."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Pile:
    """The orders of one day, piled up by how they stand now."""

    x: float
    width: float
    parts: tuple[Part, ...]
    day: date
    made: int

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True)
class Piles:
    piles: list[Pile]
    most: Pile | None  # the day with most orders, None where there was none
    made: int
    good: int
    short: int
    ended: int
    waiting: int


def piles(days: Sequence[Day]) -> Piles:
    """Return one pile for each day, time from left to right; the tallest fills the figure."""
    step = 100 / len(days)
    most = max(day.made for day in days)
    drawn = [
        Pile(round(n * step + step * 0.12, 2), round(step * 0.76, 2), _parts(day, most), day.day, day.made)
        for n, day in enumerate(days)
    ]
    return Piles(
        drawn,
        max(drawn, key=lambda pile: pile.made) if most else None,
        made=sum(day.made for day in days),
        good=sum(day.good for day in days),
        short=sum(day.short for day in days),
        ended=sum(day.ended for day in days),
        waiting=sum(day.waiting for day in days),
    )


def _parts(day: Day, most: int) -> tuple[Part, ...]:
    floor = float(TOP + HEIGHT)
    found = []
    for kind in PARTS:
        many = getattr(day, kind)
        if many:
            height = max(2.0, round(many / most * HEIGHT, 1))  # one order among thousands is seen all the same
            floor = round(floor - height, 1)
            found.append(Part(kind, floor, height))
    return tuple(found)


# ---- The life of one order ----

ROW, BAR = 26, 12  # pixels from one row to the next, and of a bar


@dataclass(frozen=True)
class Bar:
    """What held from one hour to another: `kind` is its colour."""

    kind: str
    x: float
    width: float
    y: float


@dataclass(frozen=True)
class Dot:
    """What happened at one hour."""

    kind: str  # kept, open, broken
    x: float
    y: float


@dataclass(frozen=True)
class Strip:
    """The life of an order, time from left to right: its state, its money, its messages, and each promise on a row."""

    rows: list[str]
    bars: list[Bar]
    dots: list[Dot]
    now: float
    since: datetime
    until: datetime

    @property
    def height(self) -> int:
        return ROW * len(self.rows)


_STATES = {
    states.REGISTERED: "waiting",
    states.INCOMPLETE: "held",
    states.SHORT: "short",
    states.CANCELLED: "ended",
    states.EXPIRED: "ended",
    states.VOID: "ended",
}


def strip(
    *,
    steps: Sequence[tuple[datetime, str]],
    money: Sequence[tuple[datetime, str]],
    letters: Sequence[tuple[datetime, str]],
    promises: Sequence[tuple[str, PromiseView]],
    due_at: datetime | None,
    now: datetime,
) -> Strip:
    """Draw the life of an order.

    `steps`: when it came into each state; `money` and `letters`: when, and how it looks (kept, open, broken);
    `promises` with their short titles; `due_at`: until when what runs now is due.
    """
    since = steps[0][0]
    hours = [now, *([due_at] if due_at else []), *(one.due_at for _, one in promises), *(at for at, _ in money)]
    until = max(*hours, since + timedelta(minutes=1))

    def x(at: datetime) -> float:
        return round(100 * ((min(max(at, since), until) - since) / (until - since)), 2)

    def bar(kind: str, begins: datetime, ends: datetime, row: int) -> Bar:
        # What lasted seconds is seen all the same.
        return Bar(kind, min(x(begins), 99.4), max(0.6, round(x(ends) - x(begins), 2)), row * ROW + 4)

    ends = [*(at for at, _ in steps[1:]), now]
    bars = [bar(_STATES.get(state, "good"), at, end, 0) for (at, state), end in zip(steps, ends, strict=True)]
    dots = [Dot(kind, x(at), ROW + 10) for at, kind in money]
    dots += [Dot(kind, x(at), 2 * ROW + 10) for at, kind in letters]
    rows = ["وضع", "پول", "پیام"]
    for title, one in promises:
        row = len(rows)
        rows.append(title)
        bars.append(bar("sunk", one.start, one.due_at, row))
        if one.state == "waived":
            continue
        done = one.kept_at or now
        in_time = min(done, one.due_at)
        bars.append(bar("good" if one.state == "kept" else "waiting", one.start, in_time, row))
        if done > one.due_at and one.held_since is None:
            bars.append(bar("short", one.due_at, done, row))
        if one.kept_at:
            dots.append(Dot("kept" if one.state == "kept" else "broken", x(one.kept_at), row * ROW + 10))
    return Strip(rows, bars, dots, x(now), since, until)


# ---- Pieces of one thing ----


@dataclass(frozen=True)
class Pieces:
    """Sold, left or lacking pieces, side by side; the first stand at the right, where reading begins."""

    kind: str
    x: float
    width: float


def pieces(*, sold: int, left: int, lacking: int) -> list[Pieces]:
    """Return the parts of a bar; what there is none of is not drawn."""
    parts = [(kind, many) for kind, many in (("good", sold), ("ended", left), ("short", lacking)) if many > 0]
    whole, edge, found = sum(many for _, many in parts), 100.0, []
    for kind, many in parts:
        width = round(100 * many / whole, 2)
        edge = round(max(0.0, edge - width), 2)
        found.append(Pieces(kind, edge, width))
    return found
