"""Drawn figures of the desk of orders, in percent and pixels. Plain values in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from peyman.shop.orders.queries import Day

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
