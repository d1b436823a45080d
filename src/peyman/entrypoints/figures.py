"""Drawn figures of the record, in percent and pixels, as templates print them. Plain values in and out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from peyman.entrypoints.words import clause_words
from peyman.promises.queries import Record, Share

HEIGHT, TOP = 80, 14  # pixels of a bar's well, and the room above it


@dataclass(frozen=True)
class Bar:
    """One day: its well, and its late promises as a bar that stands on the well's floor."""

    x: float
    width: float
    y: float
    height: float
    late: int
    made: int
    day: date


@dataclass(frozen=True)
class LateDays:
    bars: list[Bar]
    most: int
    worst: Bar | None

    @property
    def total(self) -> int:
        return sum(bar.late for bar in self.bars)


def late_days(record: Record) -> LateDays:
    """Return one bar for each day of the record, time from left to right; the tallest fills its well."""
    step = 100 / len(record.days)
    most = max((day.late for day in record.days), default=0)
    bars = []
    for n, day in enumerate(record.days):
        # A late promise is never invisible: two pixels at least.
        height = max(2.0, round(day.late / most * HEIGHT, 1)) if day.late else 0.0
        x, width = round(n * step + step * 0.1, 2), round(step * 0.8, 2)
        bars.append(Bar(x, width, round(TOP + HEIGHT - height, 1), height, day.late, day.made, day.day))
    return LateDays(bars, most, max(bars, key=lambda bar: bar.late) if most else None)


@dataclass(frozen=True)
class Point:
    """One week of one clause: where its dot stands, and the share it shows. Weeks without promises have none."""

    x: float
    y: float
    permille: int
    made: int
    kept: int
    week: date


@dataclass(frozen=True)
class Line:
    """The kept share of one clause over time."""

    clause: str
    title: str
    share: Share | None
    points: list[Point]
    steps: list[tuple[Point, Point]]  # neighbours to join


LINE_TOP, LINE_HEIGHT = 6, 44  # pixels; the axis runs from FLOOR to 1000 per mille, and the page says so
FLOOR = 0


def shares(record: Record, titles: Mapping[str, str]) -> list[Line]:
    """Return one line for each clause that anything was promised by, in the order of the terms."""
    order = {clause: n for n, clause in enumerate(titles)}
    by_clause = {share.clause: share for share in record.shares}
    lines = []
    for clause in sorted(record.weeks, key=lambda clause: (order.get(clause, len(order)), clause)):
        weeks = record.weeks[clause]
        step = 100 / max(1, len(weeks) - 1)
        points = [
            Point(
                x=round(n * step, 2),
                y=round(LINE_TOP + LINE_HEIGHT * (1 - kept / made), 1),
                permille=kept * 1000 // made,
                made=made,
                kept=kept,
                week=week,
            )
            for n, (week, made, kept) in enumerate(weeks)
            if made
        ]
        joined = list(pairwise(points))
        lines.append(Line(clause, clause_words(clause, titles), by_clause.get(clause), points, joined))
    return lines
