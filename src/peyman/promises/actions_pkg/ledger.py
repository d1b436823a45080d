"""Publishing terms, keeping the calendar, and the life of a promise: made, kept, broken, waived.

Each change of state is a conditional update and leaves an event; running any of them twice changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from importlib import metadata
from typing import Any

import holidays as holiday_library
import structlog
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, F, Q, Value
from django.db.models.functions import Greatest

from peyman.kernel import codes, jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import normalise
from peyman.people.models import Person
from peyman.promises import queries, rules
from peyman.promises.models import (
    Acceptance,
    CalendarVersion,
    Holiday,
    Promise,
    PromiseEvent,
    TermsClause,
    TermsVersion,
)

log = structlog.get_logger(__name__)

SWEEP = 500  # promises in one transaction of the sweep

# Promises are made and kept inside the caller's transaction. What fails in them is a bug of the whole, so they spend no
# savepoint, which would be two journeys to the database for each call on the busiest path there is.
_joined = transaction.atomic(savepoint=False)


# ---- Terms ----


@carries_out("D03", "D04")
@transaction.atomic
def publish_terms(
    *, document: rules.TermsDocument, now: datetime, effective_at: datetime | None = None
) -> TermsVersion:
    """Publish a document as the next version, in force from `effective_at`, or at once.

    A text that was published before, in whatever version, is not published again: that version is returned.
    """
    known = TermsVersion.objects.filter(sha256=document.sha256).first()
    if known:
        return known
    newest = TermsVersion.objects.order_by("-number").first()
    try:
        with transaction.atomic():
            version = TermsVersion.objects.create(
                number=newest.number + 1 if newest else 1,
                title=document.title,
                parameters=dict(document.parameters),
                sha256=document.sha256,
                published_at=now,
                effective_at=effective_at or now,
            )
    except IntegrityError:
        # Another process published at this moment: the same text is done, another text is for the caller to repeat.
        return TermsVersion.objects.get(sha256=document.sha256)
    TermsClause.objects.bulk_create(
        TermsClause(
            version=version,
            clause=clause.clause,
            number=clause.number,
            section=clause.section,
            title=clause.title,
            text=clause.text,
            position=position,
        )
        for position, clause in enumerate(document.clauses, start=1)
    )
    log.info("terms.published", version=version.number, sha256=version.sha256, clauses=len(document.clauses))
    return version


@carries_out("D02", "D05")
def accept(*, person: Person, version: TermsVersion, kind: str, subject: str = "", now: datetime) -> Acceptance:
    """Record that the person accepted this version: at "sign_up", with an "order" (`subject`), or "implied".

    Repeating it returns the first record, with its first hour. Raises ValueError for another kind, and for an
    order without its code.
    """
    kind = Acceptance.Kind(kind)
    if (kind == Acceptance.Kind.ORDER) != bool(subject):
        raise ValueError("an acceptance with an order names the order, and no other does")
    acceptance, _ = Acceptance.objects.get_or_create(
        person=person, version=version, kind=kind, subject=subject, defaults={"sha256": version.sha256, "at": now}
    )
    return acceptance


# ---- The calendar ----


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
    return version


@carries_out("D21")
@transaction.atomic
def change_calendar(
    *, close: dict[date, str], open_: Iterable[date] = (), source: str, now: datetime
) -> CalendarVersion:
    """Close the days of `close` (day → title) and work on those of `open_`, as a new version that names its `source`.

    Days that already are as asked are passed over; where that leaves nothing, the newest version is returned.
    Promises that were made before keep the calendar and the due time they were made with. Raises ValueError for a
    day in both, IntegrityError where another change came first.
    """
    opened = set(open_)
    if opened & set(close):
        raise ValueError("a day is closed or works, not both")
    newest, _ = queries.working_calendar()
    closed_now = set(Holiday.objects.filter(date__in=[*close, *opened], removed_in=None).values_list("date", flat=True))
    fresh = {day: normalise(title) for day, title in sorted(close.items()) if day not in closed_now}
    gone = opened & closed_now
    if not fresh and not gone:
        return newest
    version = CalendarVersion.objects.create(number=newest.number + 1, source=source, made_at=now)
    Holiday.objects.filter(date__in=gone, removed_in=None).update(removed_in=version)
    Holiday.objects.bulk_create(Holiday(date=day, title=title[:160], added_in=version) for day, title in fresh.items())
    log.info("calendar.changed", version=version.number, source=source, added=len(fresh), removed=len(gone))
    return version


# ---- Promises ----


@dataclass(frozen=True)
class NewPromise:
    """What is promised to whom, by which clause, and from when its hours run."""

    clause: str  # register id, "D30"
    kind: str  # "pro_forma", "cart_code", "refund", …
    subject: str  # what keeps it: "message:<key>", "refund:<code>"; with `kind` it is promised once
    order: str  # code of the order, or ""
    person_id: int | None
    what: str  # the sentence the customer reads
    terms: TermsVersion
    start: datetime
    hours: int
    hours_kind: rules.HoursKind = "working"


def make(promise: NewPromise, *, now: datetime) -> Promise:
    """Make one promise; see `make_many`."""
    return make_many([promise], now=now)[0]


@_joined
def make_many(promises: list[NewPromise], *, now: datetime) -> list[Promise]:
    """Make promises, and return them in the order given. Four queries, however many (in batches of the database).

    One that was made before, by subject and kind, is a no-op: the first one stands and is returned.
    """
    if not promises:
        return []
    version, calendar = queries.working_calendar()
    fresh: dict[tuple[str, str], Promise] = {}
    for new in promises:
        fresh.setdefault(
            (new.subject, new.kind),
            Promise(
                code=codes.new("PRM"),
                clause=new.clause,
                kind=new.kind,
                subject=new.subject,
                order=new.order,
                person_id=new.person_id,
                what=new.what,
                terms=new.terms,
                calendar=version,
                start=new.start,
                hours=new.hours,
                hours_kind=new.hours_kind,
                due_at=rules.due_by(new.start, new.hours, new.hours_kind, calendar),
            ),
        )
    # In key order, so that two callers who promise the same things cannot wait for each other in a ring.
    Promise.objects.bulk_create((fresh[key] for key in sorted(fresh)), ignore_conflicts=True)
    rows = Promise.objects.filter(subject__in={subject for subject, _ in fresh}).select_related("terms")
    stand = {(row.subject, row.kind): row for row in rows}
    made = [stand[key] for key in sorted(fresh) if stand[key].code == fresh[key].code]
    _record(made, "made", now, {})
    if made:
        log.info("promise.made", promises=[row.code for row in made])
    return [stand[new.subject, new.kind] for new in promises]


def keep(*, subject: str, kind: str | None = None, evidence: dict[str, Any], now: datetime) -> int:
    """Keep the promises of one subject; see `keep_many`."""
    return keep_many([subject], kind=kind, evidence=evidence, now=now)


@_joined
def keep_many(subjects: list[str], *, kind: str | None = None, evidence: dict[str, Any], now: datetime) -> int:
    """Record that what was promised for these subjects is done, with its `evidence`. Returns how many were touched.

    In time, an open promise becomes kept. Late, it is broken all the same, whether the sweep was there first or
    not, and gets the hour at which it was kept after all. What is kept or waived already stays as it is.
    """
    owed = Promise.objects.filter(
        Q(subject__in=subjects), kept_at=None, state__in=[Promise.State.OPEN, Promise.State.BROKEN]
    )
    if kind is not None:
        owed = owed.filter(kind=kind)
    rows = list(owed.order_by("pk").select_for_update())
    kept = [row for row in rows if row.state == Promise.State.OPEN and rules.in_time(row.due_at, now)]
    overdue = [row for row in rows if row.state == Promise.State.OPEN and not rules.in_time(row.due_at, now)]
    late = [row for row in rows if row.state == Promise.State.BROKEN] + overdue
    _move(kept, Promise.State.OPEN, state=Promise.State.KEPT, kept_at=now, evidence=evidence)
    _record(kept, "kept", now, evidence)
    _break(overdue, now)
    # A sweep with a later clock may have been first by a moment: then it was kept as it fell due, not before.
    _move(late, Promise.State.BROKEN, kept_at=Greatest(Value(now, DateTimeField()), F("due_at")), evidence=evidence)
    _record(late, "kept_late", now, evidence)
    if kept:
        log.info("promise.kept", promises=[row.code for row in kept])
    for row in late:
        log.warning("promise.kept_late", promise=row.code, clause=row.clause, order=row.order)
    return len(rows)


@_joined
def waive(*, subjects: list[str], kind: str | None = None, evidence: dict[str, Any], now: datetime) -> int:
    """Let open promises go whose reason is gone (a cancelled order needs no cart code). Returns how many.

    `evidence` says why. One that is overdue already is broken and cannot be waived away.
    """
    rows = Promise.objects.filter(subject__in=subjects, state=Promise.State.OPEN, due_at__gt=now)
    if kind is not None:
        rows = rows.filter(kind=kind)
    going = list(rows.order_by("pk").select_for_update())
    _move(going, Promise.State.OPEN, state=Promise.State.WAIVED, evidence=evidence)
    _record(going, "waived", now, evidence)
    if going:
        log.info("promise.waived", promises=[row.code for row in going])
    return len(going)


def sweep_overdue(*, now: datetime) -> int:
    """Break every open promise whose time has passed; returns how many. Any number of workers may sweep at once.

    A promise is broken as of its due time, not as of the sweep. Each batch is a transaction of its own; a row
    that another process holds is left for the next sweep.
    """
    total = 0
    while True:
        with transaction.atomic():
            rows = list(
                Promise.objects.filter(state=Promise.State.OPEN, due_at__lte=now)
                .order_by("due_at", "pk")
                .select_for_update(skip_locked=True)[:SWEEP]
            )
            _break(rows, now)
        total += len(rows)
        if len(rows) < SWEEP:
            return total


def _break(rows: list[Promise], now: datetime) -> None:
    _move(rows, Promise.State.OPEN, state=Promise.State.BROKEN, broken_at=F("due_at"))
    PromiseEvent.objects.bulk_create(
        PromiseEvent(promise=row, event="broken", at=row.due_at, evidence={"found_at": jalali.iso(now)}) for row in rows
    )
    for row in rows:
        log.warning("promise.broken", promise=row.code, clause=row.clause, late_by=str(now - row.due_at))


def _move(rows: list[Promise], from_: Promise.State, **changes: Any) -> None:
    """Change rows that were read in this transaction, if they still are what they were."""
    if not rows:
        return
    moved = Promise.objects.filter(pk__in=[row.pk for row in rows], state=from_, kept_at=None).update(**changes)
    if moved != len(rows):
        # Locked rows (PostgreSQL) and the write lock (SQLite) rule this out; if not, nothing of it may stand.
        raise IntegrityError("promises changed under the hands of this transaction")


def _record(rows: list[Promise], event: str, at: datetime, evidence: dict[str, Any]) -> None:
    if rows:
        PromiseEvent.objects.bulk_create(
            PromiseEvent(promise=row, event=event, at=at, evidence=evidence) for row in rows
        )
