"""When a promise is due, and how it ended.

Numbers come from a version of the terms, days and pauses from a version of the calendar; nothing here asks the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import Span, WorkCalendar, run_out
from peyman.promises.rules.parameters import office_hours

HoursKind = Literal["working", "calendar"]
Outcome = Literal["open", "kept", "broken", "waived"]


@carries_out("D30")
def due(start: datetime, hours: int, calendar: WorkCalendar, stopped: Sequence[Span] = ()) -> datetime:
    """Return the instant, in UTC, until which a promise of `hours` working hours is kept.

    Acting before it keeps the promise, acting at it is late, as in every half-open span. In the spans `stopped`
    (apart, in order) no hour runs.
    """
    return calendar.after(start, hours, stopped)


def due_by(start: datetime, hours: int, kind: str, calendar: WorkCalendar, stopped: Sequence[Span] = ()) -> datetime:
    """Return when a promise of `hours` "working" or "calendar" hours is due. Raises ValueError for other kinds."""
    if kind == "working":
        return due(start, hours, calendar, stopped)
    if kind == "calendar":
        if start.tzinfo is None or hours < 0:
            raise ValueError("a promise starts at an aware instant and runs forward")
        # Elapsed time, not the hands of a clock: adding to an instant with a zone would count a skipped hour.
        return run_out(start.astimezone(UTC), timedelta(hours=hours), stopped)
    raise ValueError(f"hours are working or calendar, not {kind!r}")


def in_time(due_at: datetime, now: datetime) -> bool:
    """Say whether acting at `now` keeps a promise that is due at `due_at`."""
    return now < due_at


@dataclass(frozen=True)
class Ending:
    """How a promise stands: `broken_at` and `late_by` are set where it was not kept in time."""

    state: Outcome
    broken_at: datetime | None = None
    late_by: timedelta | None = None


def ending(
    state: str, due_at: datetime, kept_at: datetime | None, now: datetime, held_since: datetime | None = None
) -> Ending:
    """Return how a promise stands at `now`.

    One whose time has passed is broken, whether the sweep has been there or not: nobody is told "open" about a
    promise that is overdue. `late_by` grows until it is kept after all. One whose clock stands (`held_since`) is
    open however long that lasts.
    """
    if state == "waived" or (state == "kept" and kept_at is not None):
        return Ending(cast(Outcome, state))
    if state == "open" and (held_since is not None or in_time(due_at, now)):
        return Ending("open")
    return Ending("broken", broken_at=due_at, late_by=(kept_at or now) - due_at)


# ---- Force majeure ----


@dataclass(frozen=True)
class Scope:
    """Which promises a pause stops: those of these clauses, kinds and provinces. An empty set means all."""

    clauses: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    provinces: frozenset[str] = frozenset()

    def covers(self, clause: str, kind: str, province: str) -> bool:
        """A promise that names no province lies outside a scope that names some."""
        return (
            (not self.clauses or clause in self.clauses)
            and (not self.kinds or kind in self.kinds)
            and (not self.provinces or province in self.provinces)
        )


@dataclass(frozen=True)
class Pause:
    """A declared period in which promises in scope do not run: starts_at ≤ t < ends_at, or until further notice."""

    code: str
    starts_at: datetime
    ends_at: datetime | None
    scope: Scope = field(default_factory=Scope)

    @property
    def is_empty(self) -> bool:
        """It was ended before it began, so it stops nothing."""
        return self.ends_at is not None and self.ends_at <= self.starts_at


@dataclass(frozen=True)
class Due:
    """Until when a promise is kept. With `held_since` its clock stands, and `at` is what it would be if it ran again
    at once from there: what is left of its hours begins when the pause ends.
    """

    at: datetime
    held_since: datetime | None = None
    pauses: tuple[str, ...] = ()  # codes of those that lie in its way

    def moved_from(self, old: "Due") -> bool:
        """Say whether the time itself differs, or whether the clock stands."""
        return (self.at, self.held_since) != (old.at, old.held_since)


@dataclass(frozen=True)
class Reckoning:
    """One version of the calendar with its pauses: all that decides a due time besides the promise and its terms."""

    calendar: WorkCalendar
    pauses: tuple[Pause, ...] = ()

    @carries_out("D121", "D21")
    def due(
        self,
        start: datetime,
        hours: int,
        hours_kind: str,
        *,
        clause: str,
        kind: str,
        province: str,
        parameters: Mapping[str, object],
        own: Sequence[Pause] = (),
    ) -> Due:
        """Return when a promise falls due: its hours, less what runs in pauses that cover it and in its `own` ones.

        `parameters` are those of its own terms, whose office hours count. Raises ValueError for office hours that
        are none.
        """
        office = office_hours(parameters)
        calendar = replace(self.calendar, office=office) if office else self.calendar
        pauses = [pause for pause in self.pauses if pause.scope.covers(clause, kind, province) and not pause.is_empty]
        if not pauses and not own:
            return Due(due_by(start, hours, hours_kind, calendar))
        spans, held_from = stops([*pauses, *own])
        at = due_by(start, hours, hours_kind, calendar, spans)
        held_since = max(held_from, start) if held_from is not None and at > max(held_from, start) else None
        met = [
            pause.code
            for pause in pauses
            if (held_since is not None or pause.starts_at < at) and (pause.ends_at is None or pause.ends_at > start)
        ]
        return Due(at, held_since, tuple(met))

    def ended(self, at: datetime) -> "Reckoning":
        """Return the same with every pause that is still open ended at `at`, or where it begins if that is later."""
        return replace(
            self,
            pauses=tuple(
                replace(pause, ends_at=max(at, pause.starts_at)) if pause.ends_at is None else pause
                for pause in self.pauses
            ),
        )


def stops(pauses: Iterable[Pause]) -> tuple[tuple[Span, ...], datetime | None]:
    """Return the spans in which nothing runs, merged and in order, and from when on nothing runs for good, if so."""
    found = [pause for pause in pauses if not pause.is_empty]
    held_from = min((pause.starts_at for pause in found if pause.ends_at is None), default=None)
    merged: list[Span] = []
    for starts_at, ends_at in sorted((pause.starts_at, pause.ends_at) for pause in found if pause.ends_at is not None):
        if held_from is not None and starts_at >= held_from:
            continue  # from there on the open one holds everything
        if merged and starts_at <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(ends_at, merged[-1][1]))
        else:
            merged.append((starts_at, ends_at))
    if merged and held_from is not None and merged[-1][1] > held_from:
        merged[-1] = (merged[-1][0], held_from)
    return tuple(merged), held_from
