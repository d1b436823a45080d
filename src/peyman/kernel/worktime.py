"""Working time: which days the shop works, and when a number of working hours has run.

A day is a day in Tehran; every sum is made in UTC. A working day counts the time that really elapses in it: on
the nights when the clocks changed (until 1401) it has 23 or 25 working hours, otherwise 24. With office
hours set, only those count. Spans are half-open.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from peyman.kernel.clauses import carries_out

TEHRAN = ZoneInfo("Asia/Tehran")
FRIDAY = 4  # as date.weekday() counts
DAY = timedelta(days=1)

Span = tuple[datetime, datetime]  # starts ≤ t < ends, both aware


def tehran_day(instant: datetime) -> date:
    """Return the calendar day in Tehran on which `instant` lies. Raises ValueError for a naive instant."""
    return _aware(instant).astimezone(TEHRAN).date()


def day_start(day: date) -> datetime:
    """Return the instant, in UTC, at which `day` begins in Tehran; where midnight was skipped, 1:00."""
    return _at(day, time())


@dataclass(frozen=True)
class WorkCalendar:
    """The days that work (D21): all but the weekly off days and the `closed` ones.

    `weekly_off` counts like `date.weekday()`, Friday is 4. `office` is (opens, closes) by the clock in Tehran.
    Raises ValueError for a week without working days and for office hours that do not run forward.
    """

    closed: AbstractSet[date] = frozenset()
    weekly_off: AbstractSet[int] = frozenset({FRIDAY})
    office: tuple[time, time] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "closed", frozenset(self.closed))
        object.__setattr__(self, "weekly_off", frozenset(self.weekly_off))
        if self.weekly_off >= set(range(7)):
            raise ValueError("some day of the week must work")
        if self.office is not None and self.office[0] >= self.office[1]:
            raise ValueError("the office opens before it closes")

    @carries_out("D21")
    def is_working_day(self, day: date) -> bool:
        """Say whether `day`, a day in Tehran, is a working day."""
        return day.weekday() not in self.weekly_off and day not in self.closed

    @carries_out("D22")
    def processing_date(self, instant: datetime) -> date:
        """Return the day on which an order of `instant` is processed: that day, or the next that works."""
        day = tehran_day(instant)
        while not self.is_working_day(day):
            day += DAY
        return day

    def after(self, start: datetime, hours: int, stopped: Sequence[Span] = ()) -> datetime:
        """Return the first instant, in UTC, by which exactly `hours` working hours have run since `start`.

        Zero hours end at `start` itself. A span that runs out with a working day ends at that day's very end. In the
        spans `stopped`, which lie apart and in order, no time runs (D121). Costs about a microsecond for each day
        passed. Raises ValueError for naive `start` or negative `hours`.
        """
        if hours < 0:
            raise ValueError("working hours do not run backwards")
        left = timedelta(hours=hours)
        at = _aware(start).astimezone(UTC)
        if not left:
            return at
        day = at.astimezone(TEHRAN).date()
        while True:
            if self.is_working_day(day):
                opens, closes = self._open(day)
                begins = max(at, opens)
                if begins < closes:
                    for since, until in running(begins, closes, stopped) if stopped else ((begins, closes),):
                        if left <= until - since:
                            return since + left
                        left -= until - since
            day += DAY

    def between(self, a: datetime, b: datetime, stopped: Sequence[Span] = ()) -> timedelta:
        """Return the working time that runs from `a` until `b`, less `stopped`; negative when `b` comes first."""
        if b < a:
            return -self.between(b, a, stopped)
        total = timedelta()
        day, last = tehran_day(a), tehran_day(b)
        while day <= last:
            if self.is_working_day(day):
                opens, closes = self._open(day)
                begins, ends = max(a, opens), min(b, closes)
                if begins < ends:
                    total += sum((to - since for since, to in running(begins, ends, stopped)), timedelta())
            day += DAY
        return total

    def _open(self, day: date) -> tuple[datetime, datetime]:
        if self.office is None:
            return _whole_day(day)
        return _at(day, self.office[0]), _at(day, self.office[1])


def running(begins: datetime, ends: datetime, stopped: Sequence[Span]) -> Iterator[Span]:
    """Yield what is left of begins ≤ t < ends outside `stopped`, whose spans lie apart and in order."""
    for stops, goes_on in stopped:
        if goes_on <= begins:
            continue
        if stops >= ends:
            break
        if begins < stops:
            yield begins, stops
        begins = goes_on
        if begins >= ends:
            return
    if begins < ends:
        yield begins, ends


def run_out(start: datetime, left: timedelta, stopped: Sequence[Span]) -> datetime:
    """Return the first instant by which `left` has elapsed since `start`, all hours counting but those `stopped`."""
    if not left:
        return start
    for stops, goes_on in stopped:
        if goes_on <= start:
            continue
        if stops > start:
            if left <= stops - start:
                return start + left
            left -= stops - start
        start = goes_on
    return start + left


@lru_cache(maxsize=4096)
def _whole_day(day: date) -> tuple[datetime, datetime]:
    return day_start(day), day_start(day + DAY)


def _at(day: date, clock: time) -> datetime:
    # An hour that the clocks skip is read with the offset before the change, which is the change itself
    # for 0:00; an hour that comes twice means the first of the two.
    return datetime.combine(day, clock, tzinfo=TEHRAN).astimezone(UTC)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant without its time zone is no instant")
    return instant
