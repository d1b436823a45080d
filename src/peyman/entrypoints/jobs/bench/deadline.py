"""Due times per second, held against the least that any answer costs: a turn to Tehran's clock and a sum."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import holidays as holiday_library

from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.kernel.worktime import TEHRAN, WorkCalendar
from peyman.promises.rules import Pause, Reckoning

_YEARS = (2024, 2025, 2026)
_FIRST = datetime(2024, 6, 1, tzinfo=UTC)
_STARTS = [_FIRST + timedelta(minutes=7919 * n % 1_051_200) for n in range(5000)]  # two years, all hours of the day
_STRETCH = 500  # answers between two looks at the clock
_HOURS = (24, 48, 168)


def bench_deadline(seconds: float) -> list[Figure]:
    """Measure answers per second on Iran's own holidays of three years, without pauses and with four of them.

    The best of ROUNDS rounds counts, for the figure and for its limit alike.
    """
    closed: frozenset[date] = frozenset(holiday_library.country_holidays("IR", years=_YEARS))
    plain = Reckoning(WorkCalendar(closed=closed))
    begins = [_FIRST + timedelta(days=days) for days in (40, 200, 390, 600)]
    paused = Reckoning(plain.calendar, tuple(Pause(f"P{n}", at, at + timedelta(days=3)) for n, at in enumerate(begins)))
    span = max(0.2, seconds / 4)
    limit = max(_rate(_least, 0, span) for _ in range(ROUNDS))
    figures = []
    for name, reckoning in (("", plain), (", four pauses", paused)):
        for hours in _HOURS:
            best = max(_rate(_asking(reckoning), hours, span) for _ in range(ROUNDS))
            what = f"deadline: {hours} working hours{name}"
            figures.append(Figure(what, "answers/s", best, limit, "a turn to Tehran's clock and a sum"))
    return figures


def _asking(reckoning: Reckoning) -> Callable[[datetime, int], object]:
    def ask(start: datetime, hours: int) -> object:
        return reckoning.due(start, hours, "working", clause="D30", kind="refund", province="", parameters={})

    return ask


def _least(start: datetime, hours: int) -> object:
    return (start.astimezone(TEHRAN) + timedelta(hours=hours)).astimezone(UTC)


def _rate(answer: Callable[[datetime, int], object], hours: int, span: float) -> float:
    """Return answers per second of this thread's processor over at least `span` seconds."""
    done, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < span:
        first = done % len(_STARTS)
        for start in _STARTS[first : first + _STRETCH]:
            answer(start, hours)
        done += _STRETCH
    return done / spent
