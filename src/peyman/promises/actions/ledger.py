"""The life of a promise: made, kept, broken, waived.

Each change of state is a conditional update and leaves an event; running any of them twice changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from peyman.kernel import codes, jalali
from peyman.kernel.clauses import carries_out
from peyman.promises import queries, rules
from peyman.promises.models import CalendarVersion, Promise, PromiseEvent, Remedy, TermsVersion
from peyman.tables import fresh, insert, insert_new

log = structlog.get_logger(__name__)

SWEEP = 500  # promises in one transaction of the sweep
ALARM_WINDOW = timedelta(days=7)  # what broke earlier has been seen on the board

# Promises are made and kept inside the caller's transaction. What fails in them is a bug of the whole, so they spend no
# savepoint, which would be two journeys to the database for each call on the busiest path there is.
_joined = transaction.atomic(savepoint=False)


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
    province: str = ""  # where it is kept, for what stops there (D121)


def make(promise: NewPromise, *, now: datetime) -> Promise:
    """Make one promise; see `make_many`."""
    return make_many([promise], now=now)[0]


@_joined
def make_many(
    promises: list[NewPromise], *, by: tuple[CalendarVersion, rules.Reckoning] | None = None, now: datetime
) -> list[Promise]:
    """Make promises, and return them in the order given. Three queries, however many, and one more where some were
    made before. `by`: what due times are counted by, where the caller has asked for it in this transaction.

    One that was made before, by subject and kind, is a no-op: the first one stands and is returned.
    """
    if not promises:
        return []
    version, reckoning = by or queries.reckoning()
    promised: dict[tuple[str, str], Promise] = {}
    for new in promises:
        due = reckoning.due(
            new.start,
            new.hours,
            new.hours_kind,
            clause=new.clause,
            kind=new.kind,
            province=new.province,
            parameters=new.terms.parameters,
        )
        row = fresh(
            Promise,
            code=codes.new("PRM"),
            clause=new.clause,
            kind=new.kind,
            subject=new.subject,
            order=new.order,
            person_id=new.person_id,
            what=new.what,
            terms_id=new.terms.pk,
            calendar_id=version.pk,
            start=new.start,
            hours=new.hours,
            hours_kind=new.hours_kind,
            province=new.province,
            due_at=due.at,
            held_since=due.held_since,
            pauses=list(due.pauses),
        )
        row.terms = new.terms
        promised.setdefault((new.subject, new.kind), row)
    # In key order, so that two callers who promise the same things cannot wait for each other in a ring.
    made = insert_new(promised[key] for key in sorted(promised))
    stand = {(row.subject, row.kind): row for row in made}
    if len(made) < len(promised):
        known = Promise.objects.filter(subject__in={subject for subject, _ in promised}).select_related("terms")
        stand = {(row.subject, row.kind): row for row in known} | stand
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
    _let_run([row for row in rows if row.held_since is not None], now)
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
    running = Q(due_at__gt=now) | Q(held_since__isnull=False)
    rows = Promise.objects.filter(running, subject__in=subjects, state=Promise.State.OPEN)
    if kind is not None:
        rows = rows.filter(kind=kind)
    going = list(rows.order_by("pk").select_for_update())
    _move(going, Promise.State.OPEN, state=Promise.State.WAIVED, evidence=evidence, held_since=None)
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
            broken = break_overdue(now=now, limit=SWEEP)
        total += broken
        if broken < SWEEP:
            return total


@_joined
def break_overdue(*, now: datetime, limit: int | None) -> int:
    """Break open promises whose time has passed, up to `limit`; one whose clock stands is never overdue.

    With a limit, rows that another process holds are left for later; without, they are waited for.
    """
    overdue = Promise.objects.filter(state=Promise.State.OPEN, held_since=None, due_at__lte=now)
    rows = list(overdue.order_by("due_at", "pk").select_for_update(skip_locked=limit is not None)[:limit])
    _break(rows, now)
    return len(rows)


def _let_run(rows: list[Promise], now: datetime) -> None:
    """Let clocks that stand run on from `now`: what is done during a pause is done in time, whatever was left."""
    if not rows:
        return
    _, reckoning = queries.reckoning()
    running = reckoning.ended(now)
    terms = TermsVersion.objects.in_bulk({row.terms_id for row in rows})
    for row in rows:
        row.terms = terms[row.terms_id]
        old, new = rules.Due(row.due_at, row.held_since), queries.due_of(row, running, ended_at=now)
        row.due_at, row.held_since, row.stops = new.at, None, _run_on(row.stops, now)
        Promise.objects.filter(pk=row.pk).update(due_at=row.due_at, held_since=None, stops=row.stops)
        evidence = {"from": jalali.iso(old.at), "to": jalali.iso(new.at), "why": "kept while its clock stood"}
        _record([row], "moved", now, evidence, cause="kept")


def _run_on(stops: list[list[str | None]], now: datetime) -> list[list[str | None]]:
    return [[since, until or jalali.iso(now)] for since, until in stops]


# ---- Clocks that stand for one subject ----


@carries_out("D39")
@_joined
def hold(*, subjects: list[str], cause: str, why: str, now: datetime) -> int:
    """Stop the clocks of the open promises of these subjects, from now on; returns how many.

    `cause` (at most 35 letters) names it once and for all in their history, `why` ("order incomplete") is its kind.
    What is overdue is broken and stays so.
    """
    running = Q(due_at__gt=now) | Q(held_since__isnull=False)
    rows = Promise.objects.filter(running, subject__in=subjects, state=Promise.State.OPEN)
    return _turn(rows, now, f"hold:{cause}", why, lambda stops: [*stops, [jalali.iso(now), None]])


@carries_out("D39")
@_joined
def run_on(*, subjects: list[str], cause: str, why: str, now: datetime) -> int:
    """Let clocks that `hold` stopped run on from now with what was left of their hours; returns how many."""
    rows = Promise.objects.filter(subject__in=subjects, state=Promise.State.OPEN, held_since__isnull=False)
    return _turn(rows, now, f"run:{cause}", why, lambda stops: _run_on(stops, now))


def _turn(
    found: QuerySet[Promise],
    now: datetime,
    cause: str,
    why: str,
    change: Callable[[list[list[str | None]]], list[list[str | None]]],
) -> int:
    """Change when the clocks of these promises stand, and count each anew by the calendar it was counted by."""
    rows = list(found.select_related("terms", "calendar").order_by("pk").select_for_update(of=("self",)))
    events = []
    for row in rows:
        old = rules.Due(row.due_at, row.held_since, tuple(row.pauses))
        row.stops = change(row.stops)
        new = queries.due_of(row, queries.reckoning_of(row.calendar))
        row.due_at, row.held_since = new.at, new.held_since
        evidence = {
            "from": jalali.iso(old.at),
            "to": jalali.iso(new.at),
            "held_from": jalali.iso(old.held_since) if old.held_since else None,
            "held_to": jalali.iso(new.held_since) if new.held_since else None,
            "source": why,
        }
        events.append(PromiseEvent(promise=row, event="moved", cause=cause, at=now, evidence=evidence))
    Promise.objects.bulk_update(rows, ["due_at", "held_since", "stops"], batch_size=SWEEP)
    PromiseEvent.objects.bulk_create(events)
    if rows:
        log.info("promise.moved", promises=[row.code for row in rows], cause=cause)
    return len(rows)


def _break(rows: list[Promise], now: datetime) -> None:
    _move(rows, Promise.State.OPEN, state=Promise.State.BROKEN, broken_at=F("due_at"))
    PromiseEvent.objects.bulk_create(
        PromiseEvent(promise=row, event="broken", at=row.due_at, evidence={"found_at": jalali.iso(now)}) for row in rows
    )
    _owe_remedies(rows, now)
    for row in rows:
        log.warning("promise.broken", promise=row.code, clause=row.clause, late_by=str(now - row.due_at))


def _owe_remedies(rows: list[Promise], now: datetime) -> None:
    """Write down what the terms of each promise owe for breaking it, where they owe something."""
    if not rows:
        return
    terms = TermsVersion.objects.in_bulk({row.terms_id for row in rows})
    owed = [(row, rules.remedy(terms[row.terms_id].parameters, row.kind)) for row in rows]
    Remedy.objects.bulk_create(
        [
            Remedy(
                promise=row,
                amount=amount,
                reason=f"جبران دیرکرد: {row.what}"[:250],
                at=now,
            )
            for row, amount in owed
            if amount
        ],
        ignore_conflicts=True,
    )


def _move(rows: list[Promise], from_: Promise.State, **changes: Any) -> None:
    """Change rows that were read in this transaction, if they still are what they were."""
    if not rows:
        return
    moved = Promise.objects.filter(pk__in=[row.pk for row in rows], state=from_, kept_at=None).update(**changes)
    if moved != len(rows):
        # Locked rows (PostgreSQL) and the write lock (SQLite) rule this out; if not, nothing of it may stand.
        raise IntegrityError("promises changed under the hands of this transaction")


class _Event(NamedTuple):
    """What `PromiseEvent` holds, at little cost."""

    promise_id: int
    event: str
    cause: str
    at: datetime
    evidence: dict[str, Any]


def _record(rows: list[Promise], event: str, at: datetime, evidence: dict[str, Any], cause: str = "") -> None:
    if rows:
        insert((_Event(row.pk, event, cause, at, evidence) for row in rows), into=PromiseEvent)


# ---- Alarms ----


def take_alarms(*, now: datetime, limit: int = 200) -> list[Promise]:
    """Take broken promises that staff were not told of yet; they count as told with the caller's transaction.

    The oldest first. Of two that ask at once each promise goes to one.
    """
    broken = Promise.objects.filter(state=Promise.State.BROKEN, broken_at__gt=now - ALARM_WINDOW)
    rows = list(
        broken.exclude(events__event="alarmed")
        .order_by("due_at", "pk")
        .select_for_update(of=("self",), skip_locked=True)[:limit]
    )
    _record(rows, "alarmed", now, {})
    return rows
