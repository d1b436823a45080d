"""What the report draws: how each address stood above when it served, our looks at the list, and bytes by day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from peyman.gateways.audit.report.answer import Answer, Story
from peyman.gateways.audit.report.sums import Sum
from peyman.gateways.audit.report.values import NO_OPERATOR, folded, shown, volume
from peyman.gateways.figures import axis, timeline
from peyman.gateways.figures import values as kinds
from peyman.gateways.figures.axis import Span, Tick
from peyman.gateways.figures.timeline import Figure
from peyman.gateways.figures.values import Mark, Stretch, Track
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import DAY, day_start, tehran_day
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules import history
from peyman.market.tariff.rules.audit import Code
from peyman.market.tariff.rules.audit_joins import UNKNOWN_OPERATOR
from peyman.market.tariff.rules.drift import Stretch as Stood
from peyman.market.tariff.rules.history import Seen, State

MOST_LANES: Final = 12
MOST_STORIES: Final = 100  # that are piled up and ordered; those with most overcharged bytes
_STATES: Final = {State.REGISTERED: kinds.REGISTERED, State.PENDING: kinds.PENDING, State.UNREGISTERED: kinds.ABSENT}
_UNKNOWN: Final = {"before_history": kinds.BEFORE, "after_history": kinds.AFTER}


# ---- How the addresses stood ----


def of_stories(answer: Answer) -> tuple[Figure | None, int]:
    """Draw the stories of the addresses; also how many different ones are left out. None where there is none."""
    if not answer.stories:
        return None, 0
    same: dict[object, list[Story]] = {}
    for one in answer.stories:
        same.setdefault((one.cdns, one.serves, one.registry), []).append(one)
    tracks = []
    # The addresses come with most overcharged bytes first, and so do their stories.
    for stories in list(same.values())[:MOST_STORIES]:
        first = stories[0]
        serves = tuple(Stretch("serves", begins, ends) for begins, ends in first.serves)
        registry = tuple(_stretch(one) for one in first.registry)
        cdn = "، ".join(shown(one) for one in first.cdns)
        for text, many in folded(one.address for one in stories):
            tracks.append(Track(text, many, cdn, serves, registry))
    since, until = answer.stories[0].registry[0].starts_at, answer.stories[0].registry[-1].ends_at
    marks = [Mark(tehran_day(answer.looks[0].starts_at), "نخستین نسخه فهرست")] if answer.looks else []
    marks += [Mark(tehran_day(answer.looks[-1].starts_at), "آخرین نسخه فهرست")] if len(answer.looks) > 1 else []
    if answer.first and answer.last:
        marks += [Mark(answer.first, "آغاز گزارش‌ها"), Mark(answer.last, "پایان گزارش‌ها")]
    drawn = timeline.draw(tracks, since=since, until=until, now=until, marks=marks)
    return drawn, max(0, len(same) - MOST_STORIES)


def _stretch(one: Stood) -> Stretch:
    due = one.due
    if one.state is not State.UNKNOWN:
        return Stretch(_STATES[one.state], one.starts_at, one.ends_at, due)
    middle = one.starts_at + (one.ends_at - one.starts_at) / 2
    code, _ = rules.price(history.Answer(one.state, one.reason, due), middle)
    kind = kinds.NOT_DUE if code is Code.OVERCHARGED else _UNKNOWN.get(one.reason, kinds.UNKNOWN)
    return Stretch(kind, one.starts_at, one.ends_at, due)


# ---- Our looks at the list ----


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody looked for longer than an answer may rest on."""

    x: float
    width: float
    label: str
    begins: date
    ends: date


@dataclass(frozen=True, slots=True)
class Looks:
    """Our looks as strokes on a line, and the gaps between them."""

    xs: tuple[float, ...]
    gaps: tuple[Gap, ...]
    many: int  # within the span
    said: str


def of_looks(looks: Sequence[Seen], since: datetime, until: datetime, allowed: timedelta) -> Looks:
    span = Span(since, until)
    inside = [one for one in looks if since <= one.starts_at < until]
    gaps = []
    for before, after in pairwise(looks):
        if after.starts_at - before.starts_at > allowed and since < after.starts_at and before.ends_at < until:
            x, x2 = span.x(before.ends_at), span.x(after.starts_at)
            label = persian_digits(f"{(after.starts_at - before.starts_at) // DAY} روز بی نسخه")
            gaps.append(Gap(x, round(x2 - x, 2), label, tehran_day(before.starts_at), tehran_day(after.starts_at)))
    said = persian_digits(f"{len(inside)} نسخه از فهرست ملی در این زمان")
    if gaps:
        said += persian_digits(f"؛ {len(gaps)} بار بیش از {allowed // DAY} روز میان دو نسخه فاصله بود")
    return Looks(tuple(sorted({span.x(one.starts_at) for one in inside})), tuple(gaps), len(inside), f"{said}.")


# ---- Bytes by day ----

DAY_HEIGHT: Final = 56  # pixels
_MOST_BARS: Final = 92
_MOST_ROWS: Final = 4  # operators drawn apart; the rest together


@dataclass(frozen=True, slots=True)
class DayBar:
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class OperatorRow:
    operator: str
    total: str
    bars: tuple[DayBar, ...]
    said: str


@dataclass(frozen=True, slots=True)
class Days:
    """One row of bars for each operator, all on one scale, time from left to right."""

    rows: tuple[OperatorRow, ...]
    ticks: tuple[Tick, ...]
    minor: tuple[Tick, ...]
    step: str  # what a bar is: a day, a month
    most: str
    period: str


def steps_by_day(first: date, last: date) -> bool:
    """Say whether days are told one by one, or months of the Jalali year."""
    return (last - first).days < _MOST_BARS


def in_steps(days: Mapping[tuple[date, str], Sum], is_daily: bool) -> dict[tuple[date, str], Sum]:
    """Return sums by (first day of the step, operator), in order of time, the largest first."""
    found: dict[tuple[date, str], Sum] = {}
    for (day, operator), one in days.items():
        begin = day if is_daily else jalali.jalali(day).replace(day=1).to_gregorian()
        found.setdefault((begin, operator), Sum()).add(one)
    return dict(sorted(found.items(), key=lambda item: (item[0][0], -item[1].sent, item[0][1])))


def step_words(begin: date, is_daily: bool) -> str:
    """Name a step: «۴ آذر ۱۴۰۵» or «آذر ۱۴۰۵»."""
    if is_daily:
        return jalali.plain_date(begin, year=True)
    at = jalali.jalali(begin)
    return f"{jalali.month_name(at.month)} {persian_digits(at.year)}"


def of_days(days: Mapping[tuple[date, str], Sum], first: date, last: date, others: str) -> Days | None:
    """Draw the overcharged bytes of `first` through `last`; None where there are none."""
    if not days:
        return None
    first, last = min(first, *(day for day, _ in days)), max(last, *(day for day, _ in days))
    is_daily = steps_by_day(first, last)
    by_operator: dict[str, dict[date, int]] = {}
    for (begin, operator), one in in_steps(days, is_daily).items():
        by_operator.setdefault(operator, {})[begin] = one.sent
    ordered = sorted(by_operator.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    kept, rest = ordered[:_MOST_ROWS], ordered[_MOST_ROWS:]
    if len(rest) == 1:
        kept, rest = ordered, []
    if rest:
        whole: dict[date, int] = {}
        for _, sums in rest:
            for day, sent in sums.items():
                whole[day] = whole.get(day, 0) + sent
        kept.append((others.format(persian_digits(len(rest))), whole))
    span = Span(day_start(first), day_start(last + DAY))
    most = max(sent for _, sums in kept for sent in sums.values())
    step = "روز" if is_daily else "ماه"
    ticks, minor = axis.ticks(span)
    return Days(
        tuple(_operator_row(operator, sums, span, most, is_daily) for operator, sums in kept),
        ticks,
        minor,
        step,
        volume(most),
        f"از {jalali.plain_date(first, year=True)} تا {jalali.plain_date(last, year=True)}",
    )


def _operator_row(operator: str, sums: dict[date, int], span: Span, most: int, is_daily: bool) -> OperatorRow:
    called = NO_OPERATOR if operator == UNKNOWN_OPERATOR else shown(operator)
    bars = []
    for day, sent in sorted(sums.items()):
        end = day + DAY if is_daily else jalali.jalali(day + timedelta(days=32)).replace(day=1).to_gregorian()
        x, x2 = span.x(day_start(day)), span.x(day_start(end))
        # What was overcharged is never invisible: two pixels at least.
        height = max(2.0, round(sent / most * DAY_HEIGHT, 1))
        room = (x2 - x) * 0.14
        bars.append(DayBar(round(x + room / 2, 2), round(x2 - x - room, 2), round(DAY_HEIGHT - height, 1), height))
    worst = max(sorted(sums), key=lambda day: sums[day])
    words = step_words(worst, is_daily)
    total, many = volume(sum(sums.values())), persian_digits(len(sums))
    said = f"{called}: {total} در {many} {'روز' if is_daily else 'ماه'}؛ "
    said += f"بیشترین {volume(sums[worst])} در {words}."
    return OperatorRow(called, total, tuple(bars), said)
