"""The story of ranges, drawn: what the registry said of each above when it served, time from left to right.

Plain values in and out; coordinates across are percent of the span, down they are pixels. Ranges with the same story
within the span are one lane. What the registry's rows say of the time before our first look is claimed, not seen, and
drawn so: dates in a list are no proof that operators went by them, and a row that is not there proves nothing at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from peyman.gateways.figures import axis, registrations
from peyman.gateways.figures.axis import Flag, Span, Tick
from peyman.gateways.figures.lanes import Bar, Lane, clip, lanes, state_at
from peyman.gateways.figures.pile import Level, pile
from peyman.gateways.figures.registrations import Bracket, Pin
from peyman.gateways.figures.values import ABSENT, STATES, UNKNOWN, UNPROVEN, WORDS, Mark, Rows, Track
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import day_start


@dataclass(frozen=True)
class Figure:
    """All of it: the axis, the sum of all ranges that serve, the registrations, and the lanes."""

    since: datetime
    until: datetime
    now_x: float | None
    ticks: tuple[Tick, ...]
    minor: tuple[Tick, ...]
    flags: tuple[Flag, ...]
    pins: tuple[Pin, ...]
    bracket: Bracket | None
    sum: tuple[Bar, ...]
    sum_words: tuple[Bar, ...]
    levels: tuple[Level, ...]
    lanes: tuple[Lane, ...]
    kinds: tuple[str, ...]  # that the legend explains
    said: str  # one sentence for who does not see it
    has_ahead: bool
    most: int
    flag_rows: int = 0
    headline: str = ""

    @property
    def legend(self) -> list[tuple[str, str]]:
        return [(kind, WORDS[kind]) for kind in self.kinds]

    @property
    def axis_height(self) -> int:
        return 32 + 22 * self.flag_rows


def draw(
    tracks: Sequence[Track],
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    rows: Sequence[Rows] = (),
    marks: Sequence[Mark] = (),
) -> Figure:
    """Draw `tracks` from `since` until `until`; what lies after `now` is pale. `until` must lie after `since`."""
    if until <= since:
        raise ValueError("time runs forward")
    span = Span(since, until)
    clipped = [clip(track, span) for track in tracks]
    told, used = lanes(clipped, span, now)
    piled, words, levels, most = pile(clipped, span, now)
    flags = axis.flags(marks, span)
    ticks, minor = axis.ticks(span)
    pins = registrations.pins(rows, span)
    bracket = registrations.bracket(rows, span)
    fresh = _fresh(clipped, bracket)
    if not fresh:
        bracket = None  # nothing began without evidence while nothing was registered: nothing to tell
    return Figure(
        since=since,
        until=until,
        now_x=span.x(now) if since < now < until else None,
        ticks=ticks,
        minor=minor,
        flags=flags,
        pins=pins,
        bracket=bracket,
        sum=piled,
        sum_words=words,
        levels=levels,
        lanes=told,
        kinds=tuple(state for state in STATES if state in used),
        said=_said(told, bracket, span),
        has_ahead=any(bar.pale for lane in told for bar in lane.bars),
        most=most,
        flag_rows=max((flag.row + 1 for flag in flags), default=0),
        headline=_headline(fresh, bracket),
    )


def _fresh(tracks: Sequence[Track], bracket: Bracket | None) -> int:
    """Count the ranges that began to serve without evidence in a time in which nothing was registered."""
    if bracket is None:
        return 0
    begins, ends = day_start(bracket.begins), day_start(bracket.ends)
    return sum(
        begins < track.serves[0].begins < ends
        and state_at(track, track.serves[0].begins) in (ABSENT, UNPROVEN, UNKNOWN)
        for track in tracks
        if track.serves
    )


def _headline(fresh: int, bracket: Bracket | None) -> str:
    if bracket is None:
        return ""
    return f"{bracket.label}؛ در این میان {persian_digits(fresh)} بازه بی مدرک ثبت به فایل‌دادن آغاز کرد."


def _said(lanes: Sequence[Lane], bracket: Bracket | None, span: Span) -> str:
    said = [
        f"خط زمان از {jalali.plain_date(span.since, year=True)} تا {jalali.plain_date(span.until, year=True)}، "
        f"{persian_digits(sum(lane.count for lane in lanes))} بازه در {persian_digits(len(lanes))} سرگذشت"
    ]
    if bracket:
        said.append(
            f"{bracket.label}، از {jalali.plain_date(bracket.begins, year=True)} "
            f"تا {jalali.plain_date(bracket.ends, year=True)}"
        )
    said += [f"{persian_digits(lane.count)} بازه: {lane.sentence.removesuffix('.')}" for lane in lanes[:6]]
    return "؛ ".join(said) + "."
