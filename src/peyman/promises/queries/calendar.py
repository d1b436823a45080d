"""Reading the calendar: its versions, closed days and declared pauses, and what an edit of them would move.

Versions never change, so what belongs to one is remembered by the process under its key.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db.models import Exists, Q

from peyman.kernel.errors import Missing
from peyman.kernel.worktime import WorkCalendar
from peyman.promises import rules
from peyman.promises.models import CalendarVersion, ForceMajeure, Holiday, Promise
from peyman.tables import Fixed

# What a statement of a higher room may read beside its own: the number of the newest version. `numbered` reckons by it.
NEWEST = "(SELECT MAX(number) FROM promises_calendarversion)"


def working_calendar() -> tuple[CalendarVersion, WorkCalendar]:
    """Return the newest version of the calendar and its working days. One small query.

    Raises CalendarVersion.DoesNotExist where none was made yet: hours cannot be promised without knowing the days.
    """
    version = CalendarVersion.objects.order_by("-number").first()
    if version is None:
        raise CalendarVersion.DoesNotExist("no calendar; `peyman init` makes the first version")
    return version, _calendar(version.pk, version.number, version.made_at)


_newest = Fixed(
    lambda: CalendarVersion.objects.annotate(pauses=Exists(ForceMajeure.objects.all())).order_by("-number")[:1]
)


def reckoning() -> tuple[CalendarVersion, rules.Reckoning]:
    """Return the newest version of the calendar with its days and pauses: what due times are counted by. One query,
    and where a version is new to this process one for its days, and one for its pauses if any was ever declared.
    """
    found = _newest()
    if not found:
        raise CalendarVersion.DoesNotExist("no calendar; `peyman init` makes the first version")
    newest: Any = found[0]
    days = _calendar(newest.pk, newest.number, newest.made_at)
    return newest, rules.Reckoning(days, _pauses(newest.pk, newest.number, newest.made_at) if newest.pauses else ())


def reckoning_of(version: CalendarVersion) -> rules.Reckoning:
    """Return the days and pauses of one version; remembered, they never change."""
    return rules.Reckoning(
        _calendar(version.pk, version.number, version.made_at), _pauses(version.pk, version.number, version.made_at)
    )


@lru_cache(maxsize=8)
def numbered(number: int) -> rules.Reckoning:
    """Return the days and pauses of a version by its number; remembered, they never change."""
    return reckoning_of(CalendarVersion.objects.get(number=number))


def versions(limit: int = 50) -> list[CalendarVersion]:
    """Return the versions of the calendar, newest first."""
    return list(CalendarVersion.objects.order_by("-number")[:limit])


def holidays(version: CalendarVersion, *, since: date | None = None) -> list[Holiday]:
    """Return the closed days of a version in order, from `since` (inclusive) on, with the version that added each."""
    days = _holidays_of(version.number).select_related("added_in").order_by("date", "pk")
    return list(days.filter(date__gte=since) if since else days)


def _holidays_of(number: int) -> Any:
    still = Q(removed_in=None) | Q(removed_in__number__gt=number)
    return Holiday.objects.filter(still, added_in__number__lte=number)


@lru_cache(maxsize=8)
def _calendar(pk: int, number: int, made_at: datetime) -> WorkCalendar:
    return WorkCalendar(closed=frozenset(_holidays_of(number).values_list("date", flat=True)))


@lru_cache(maxsize=8)
def _pauses(pk: int, number: int, made_at: datetime) -> tuple[rules.Pause, ...]:
    found = ForceMajeure.objects.filter(declared_in__number__lte=number).select_related("end__ended_in")
    return tuple(
        rules.Pause(period.code, period.starts_at, _end_of(period, number), _scope(period.scope))
        for period in found.order_by("starts_at", "pk")
    )


def _end_of(period: ForceMajeure, number: int | None = None) -> datetime | None:
    end = getattr(period, "end", None)
    if end is not None and (number is None or end.ended_in.number <= number):
        at: datetime = end.at
        return at
    return period.ends_at


def _scope(raw: dict[str, list[str]]) -> rules.Scope:
    return rules.Scope(**{name: frozenset(values) for name, values in raw.items()})


# ---- What an edit moves ----


@dataclass(frozen=True)
class Move:
    """A promise whose due time an edit changes. `overdue`: by the new count its time has passed already."""

    promise: Promise
    old: rules.Due
    new: rules.Due
    overdue: bool


def with_days(before: rules.Reckoning, *, close: Iterable[date] = (), open_: Iterable[date] = ()) -> rules.Reckoning:
    """Return a reckoning with these days closed and those working."""
    closed = (before.calendar.closed | set(close)) - set(open_)
    return replace(before, calendar=replace(before.calendar, closed=closed))


def with_pause(before: rules.Reckoning, declaration: rules.Declaration) -> rules.Reckoning:
    """Return a reckoning with one more declared period."""
    pause = rules.Pause("", declaration.starts_at, declaration.ends_at, declaration.scope)
    return replace(before, pauses=(*before.pauses, pause))


def with_end(before: rules.Reckoning, code: str, at: datetime) -> rules.Reckoning:
    """Return a reckoning in which one declared period ends at `at`, or where it begins if that is later."""
    return replace(
        before,
        pauses=tuple(
            replace(pause, ends_at=max(at, pause.starts_at)) if pause.code == code else pause for pause in before.pauses
        ),
    )


def what_moves(by: rules.Reckoning, now: datetime) -> list[Move]:
    """Return which open promises would fall due at another time by this reckoning, those due first first. One query.

    What is overdue already is broken, and no edit rewrites it.
    """
    rows = Promise.objects.filter(Q(due_at__gt=now) | Q(held_since__isnull=False), state=Promise.State.OPEN)
    return moves(rows.select_related("terms").order_by("due_at", "pk"), by, now)


def moves(rows: Iterable[Promise], by: rules.Reckoning, now: datetime) -> list[Move]:
    """Return those of `rows`, whose terms are loaded, that fall due at another time by this reckoning."""
    found = []
    for row in rows:
        old, new = rules.Due(row.due_at, row.held_since, tuple(row.pauses)), due_of(row, by)
        if new.moved_from(old):
            found.append(Move(row, old, new, overdue=new.held_since is None and not rules.in_time(new.at, now)))
    return found


def due_of(promise: Promise, by: rules.Reckoning, ended_at: datetime | None = None) -> rules.Due:
    """Return when a promise falls due by this reckoning; its terms are loaded. With `ended_at` its own clock runs
    again from there, if it stands.
    """
    return by.due(
        promise.start,
        promise.hours,
        promise.hours_kind,
        clause=promise.clause,
        kind=promise.kind,
        province=promise.province,
        parameters=promise.terms.parameters,
        own=own_pauses(promise, ended_at),
    )


def own_pauses(promise: Promise, ended_at: datetime | None = None) -> list[rules.Pause]:
    """Return the spans in which this promise's own clock stood; with `ended_at` one that still stands ends there."""
    found = [(datetime.fromisoformat(since), until and datetime.fromisoformat(until)) for since, until in promise.stops]
    return [rules.Pause("", since, until or (max(ended_at, since) if ended_at else None)) for since, until in found]


# ---- Force majeure ----


@dataclass(frozen=True)
class Period:
    """A declared period as everybody may read it."""

    code: str
    title: str
    text: str
    signer: str
    starts_at: datetime
    ends_at: datetime | None  # as it stands now: declared, or ended early
    declared_end: datetime | None
    declared_at: datetime
    end_note: str
    ended_at: datetime | None  # when it was said that it ends early
    scope: rules.Scope
    state: str  # coming · running · over

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def may_end(self) -> bool:
        return self.state != "over"


def periods(now: datetime) -> list[Period]:
    """Return every declared period, newest first; those that are over stay readable (D121). One query."""
    rows = ForceMajeure.objects.select_related("end").order_by("-starts_at", "-pk")
    return [_period(row, now) for row in rows]


def period(code: str, now: datetime) -> Period:
    """Return one declared period. Raises Missing."""
    row = ForceMajeure.objects.select_related("end").filter(code=code).first()
    if row is None:
        raise Missing
    return _period(row, now)


def _period(row: ForceMajeure, now: datetime) -> Period:
    ends_at = _end_of(row)
    end = getattr(row, "end", None)
    state = "over" if ends_at is not None and ends_at <= now else "running" if row.starts_at <= now else "coming"
    return Period(
        code=row.code,
        title=row.title,
        text=row.text,
        signer=row.signer,
        starts_at=row.starts_at,
        ends_at=ends_at,
        declared_end=row.ends_at,
        declared_at=row.declared_at,
        end_note=end.note if end else "",
        ended_at=end.ended_at if end else None,
        scope=_scope(row.scope),
        state=state,
    )
