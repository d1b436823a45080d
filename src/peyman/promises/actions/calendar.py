"""Keeping the calendar: closed days and declared pauses. Each change is a new version that counts open promises anew.

Due times of open promises move in the transaction of the change; a promise that broke before stays as it is. What was
promised by another process at that very moment is found by `recount_stragglers`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from importlib import metadata
from typing import Any

import holidays as holiday_library
import structlog
from django.db import IntegrityError, transaction

from peyman.kernel import codes, jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import normalise
from peyman.people.models import Person
from peyman.promises import queries, rules
from peyman.promises.actions.ledger import break_overdue
from peyman.promises.models import CalendarVersion, ForceMajeure, ForceMajeureEnd, Holiday, Promise, PromiseEvent

log = structlog.get_logger(__name__)

RECOUNT = 500  # rows of one UPDATE


@carries_out("D21")
@transaction.atomic
def seed_calendar(*, years: Iterable[int], now: datetime) -> CalendarVersion:
    """Add Iran's public holidays of the given Gregorian `years` from the `holidays` library, as a new version.

    A day that the table has ever known is left as people left it, so seeding again adds only new days, and where
    there are none returns the newest version. Lunar holidays of years to come are estimates; the version says
    where they are from.
    """
    # The version is read before its days: who seeds at the same moment then meets us at the version's number.
    newest = CalendarVersion.objects.order_by("-number").first()
    found = holiday_library.country_holidays("IR", language="fa_IR", years=sorted(set(years)))
    known = set(Holiday.objects.filter(date__in=list(found)).values_list("date", flat=True))
    fresh = {day: normalise(title).replace(";", "؛") for day, title in sorted(found.items()) if day not in known}
    if newest and not fresh:
        return newest
    try:
        with transaction.atomic():
            version = CalendarVersion.objects.create(
                number=newest.number + 1 if newest else 1,
                source=f"holidays {metadata.version('holidays')}, IR",
                made_at=now,
            )
    except IntegrityError:
        return CalendarVersion.objects.order_by("-number")[0]  # another process seeds at this moment
    Holiday.objects.bulk_create(Holiday(date=day, title=title[:160], added_in=version) for day, title in fresh.items())
    log.info("calendar.changed", version=version.number, source=version.source, added=len(fresh), removed=0)
    recount(version=version, now=now)
    return version


@carries_out("D21")
@transaction.atomic
def change_calendar(
    *, close: dict[date, str], open_: Iterable[date] = (), source: str, now: datetime, seen: int | None = None
) -> CalendarVersion:
    """Close the days of `close` (day → title) and work on those of `open_`, as a new version that names its `source`.

    Days that already are as asked are passed over; where that leaves nothing, the newest version is returned. Open
    promises are counted anew, in this transaction. Raises ValueError for a day in both, and rules.CalendarChanged
    where another change came first; `seen` is the number of the version whose preview was confirmed.
    """
    opened = set(open_)
    if opened & set(close):
        raise ValueError("a day is closed or works, not both")
    newest = _newest(seen)
    closed_now = set(Holiday.objects.filter(date__in=[*close, *opened], removed_in=None).values_list("date", flat=True))
    fresh = {day: normalise(title) for day, title in sorted(close.items()) if day not in closed_now}
    gone = opened & closed_now
    if not fresh and not gone:
        return newest
    version = _next(newest, source, now)
    Holiday.objects.filter(date__in=gone, removed_in=None).update(removed_in=version)
    Holiday.objects.bulk_create(Holiday(date=day, title=title[:160], added_in=version) for day, title in fresh.items())
    log.info("calendar.changed", version=version.number, source=source, added=len(fresh), removed=len(gone))
    recount(version=version, now=now)
    return version


def _newest(seen: int | None) -> CalendarVersion:
    newest, _ = queries.working_calendar()
    if seen is not None and newest.number != seen:
        raise rules.CalendarChanged
    return newest


def _next(newest: CalendarVersion, source: str, now: datetime) -> CalendarVersion:
    try:
        with transaction.atomic():
            return CalendarVersion.objects.create(number=newest.number + 1, source=source[:120], made_at=now)
    except IntegrityError:
        raise rules.CalendarChanged from None  # another change took the number at this moment


# ---- Force majeure ----


@carries_out("D121")
@transaction.atomic
def declare_force_majeure(
    *, declaration: rules.Declaration, by: Person, now: datetime, seen: int | None = None
) -> ForceMajeure:
    """Publish a declared period and stop the clocks of open promises in its scope, from its beginning on.

    Promises made later are counted with it. Raises rules.CalendarChanged as `change_calendar`.
    """
    code = codes.new("FMJ")
    version = _next(_newest(seen), f"force majeure {code} declared", now)
    period = ForceMajeure.objects.create(
        code=code,
        title=declaration.title,
        text=declaration.text,
        signer=declaration.signer,
        starts_at=declaration.starts_at,
        ends_at=declaration.ends_at,
        scope={
            "clauses": sorted(declaration.scope.clauses),
            "kinds": sorted(declaration.scope.kinds),
            "provinces": sorted(declaration.scope.provinces),
        },
        declared_at=now,
        declared_by=by,
        declared_in=version,
    )
    moved = recount(version=version, now=now)
    log.warning("force_majeure.declared", period=code, calendar=version.number, moved=len(moved), by=by.code)
    return period


@carries_out("D121")
@transaction.atomic
def end_force_majeure(*, code: str, note: str, by: Person, now: datetime, seen: int | None = None) -> ForceMajeureEnd:
    """End a declared period now, or call it off before it begins; clocks in its scope run again from here.

    `note` is published. Raises kernel.errors.Missing and Invalid, rules.AlreadyOver, and rules.CalendarChanged.
    """
    period = queries.period(code, now)
    words = rules.note(note)
    row = ForceMajeure.objects.get(code=code)
    if not period.may_end or ForceMajeureEnd.objects.filter(period=row).exists():
        raise rules.AlreadyOver
    version = _next(_newest(seen), f"force majeure {code} ended", now)
    end = ForceMajeureEnd.objects.create(
        period=row, at=max(now, row.starts_at), note=words, ended_at=now, ended_by=by, ended_in=version
    )
    moved = recount(version=version, now=now)
    log.warning("force_majeure.ended", period=code, calendar=version.number, moved=len(moved), by=by.code)
    return end


# ---- Counting anew ----


@carries_out("D21", "D121")
@transaction.atomic
def recount(*, version: CalendarVersion, now: datetime) -> list[queries.Move]:
    """Count every open promise anew by `version`, and return those whose due time moved.

    Each keeps what it was before in an event `moved`, with both versions. What is overdue breaks first: no edit
    rewrites it. A repeat moves nothing.
    """
    break_overdue(now=now, limit=None)
    by = queries.reckoning_of(version)
    rows = list(
        Promise.objects.filter(state=Promise.State.OPEN)
        .exclude(calendar=version)
        .select_related("terms", "calendar")
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    moved = queries.moves(rows, by, now)
    cause = f"calendar:{version.number}"
    events = [
        PromiseEvent(promise=move.promise, event="moved", cause=cause, at=now, evidence=_why(move, version))
        for move in moved
    ]
    touched = []
    for row in rows:
        due = queries.due_of(row, by)
        if due != rules.Due(row.due_at, row.held_since, tuple(row.pauses)):
            row.due_at, row.held_since, row.pauses = due.at, due.held_since, list(due.pauses)
            touched.append(row)
    Promise.objects.bulk_update(touched, ["due_at", "held_since", "pauses"], batch_size=RECOUNT)
    for n in range(0, len(rows), RECOUNT):
        Promise.objects.filter(pk__in=[row.pk for row in rows[n : n + RECOUNT]]).update(calendar=version)
    PromiseEvent.objects.bulk_create(events, batch_size=RECOUNT)
    if moved:
        log.info("promise.moved", promises=[move.promise.code for move in moved], calendar=version.number)
    return moved


def recount_stragglers(*, now: datetime) -> int:
    """Count anew what was promised by an older calendar while a newer one was being written. Returns how many moved."""
    version, _ = queries.working_calendar()
    if not Promise.objects.filter(state=Promise.State.OPEN).exclude(calendar=version).exists():
        return 0
    return len(recount(version=version, now=now))


def _why(move: queries.Move, version: CalendarVersion) -> dict[str, Any]:
    return {
        "from": jalali.iso(move.old.at),
        "to": jalali.iso(move.new.at),
        "held_from": jalali.iso(move.old.held_since) if move.old.held_since else None,
        "held_to": jalali.iso(move.new.held_since) if move.new.held_since else None,
        "calendar_from": move.promise.calendar.number,
        "calendar_to": version.number,
        "source": version.source,
        "overdue_by_edit": move.overdue,
    }
