"""Reading the ledger of promises: one order's, one person's, the shop's record, the staff's board."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from peyman.promises import rules
from peyman.promises.models import Promise
from peyman.promises.queries.terms import clause_number

WEEK = timedelta(days=7)
_RUNNING = Q(state=Promise.State.OPEN, held_since=None)


@dataclass(frozen=True)
class PromiseView:
    """One promise as its customer sees it."""

    code: str
    kind: str  # "pro_forma", "cart_code", "refund", …
    what: str  # the sentence
    state: rules.Outcome  # open · kept · broken · waived, as of the asking
    start: datetime
    hours: int
    hours_kind: str
    due_at: datetime
    kept_at: datetime | None  # also of a broken one that was kept late
    broken_at: datetime | None
    late_by: timedelta | None  # of a broken one: until it was kept, or until now
    left: timedelta | None  # of an open one
    clause: str  # register id; never shown
    clause_number: str  # "11-4" in the promise's own version of the terms
    terms_number: int
    evidence: dict[str, Any] = field(default_factory=dict)
    held_since: datetime | None = None  # of an open one whose clock stands (D121)
    pauses: tuple[str, ...] = ()  # codes of the declared periods that lie in its way


@dataclass(frozen=True)
class Tally:
    """The shop's record over a week. `made` are the promises that were due or kept in it."""

    made: int
    kept: int  # in time
    broken: int  # late, whether kept after all or not


def of_order(order_code: str, now: datetime) -> list[PromiseView]:
    """Return the promises of one order, those due first first. One query, and one per unknown version of the terms."""
    rows = Promise.objects.filter(order=order_code).select_related("terms").order_by("due_at", "pk")
    return [view(row, now) for row in rows]


def of_orders(order_codes: Iterable[str], now: datetime) -> dict[str, list[PromiseView]]:
    """Return the promises of many orders by order code, in one query; orders without promises have an empty list."""
    found: dict[str, list[PromiseView]] = {code: [] for code in order_codes}
    rows = Promise.objects.filter(order__in=list(found)).select_related("terms").order_by("due_at", "pk")
    for row in rows:
        found[row.order].append(view(row, now))
    return found


def overdue(now: datetime, limit: int = 100) -> list[PromiseView]:
    """Return promises that are late and still owed, the longest overdue first, swept or not."""
    owed = Q(state=Promise.State.BROKEN, kept_at=None) | (_RUNNING & Q(due_at__lte=now))
    rows = Promise.objects.filter(owed).select_related("terms").order_by("due_at", "pk")
    return [view(row, now) for row in rows[:limit]]


def unkept_subjects(prefix: str, *, since: datetime) -> list[str]:
    """Return the subjects that begin with `prefix` of promises not kept yet: all open ones, and broken ones that were
    due from `since` on. One query.
    """
    unkept = Q(state=Promise.State.OPEN) | Q(state=Promise.State.BROKEN, kept_at=None, due_at__gte=since)
    rows = Promise.objects.filter(unkept, subject__startswith=prefix)
    return list(rows.order_by("pk").values_list("subject", flat=True))


def view(promise: Promise, now: datetime) -> PromiseView:
    """Return one row as its customer sees it at `now`; `promise.terms` should be loaded."""
    ending = rules.ending(promise.state, promise.due_at, promise.kept_at, now, promise.held_since)
    return PromiseView(
        code=promise.code,
        kind=promise.kind,
        what=promise.what,
        state=ending.state,
        start=promise.start,
        hours=promise.hours,
        hours_kind=promise.hours_kind,
        due_at=promise.due_at,
        kept_at=promise.kept_at,
        broken_at=ending.broken_at,
        late_by=ending.late_by,
        left=promise.due_at - now if ending.state == "open" and promise.held_since is None else None,
        clause=promise.clause,
        clause_number=clause_number(promise.terms, promise.clause),
        terms_number=promise.terms.number,
        evidence=promise.evidence,
        held_since=promise.held_since,
        pauses=tuple(promise.pauses),
    )


def last_week(now: datetime) -> Tally:
    """Return the record of the last seven days, up to `now`. One query.

    What was waived is left out, and what is held; a promise that broke earlier and was kept, late, this week counts
    as broken.
    """
    since = now - WEEK
    due_in = Q(due_at__gte=since, due_at__lte=now)
    kept_in = Q(kept_at__gte=since, kept_at__lte=now)
    kept = Q(state=Promise.State.KEPT)
    counted = (
        Promise.objects.filter(due_in | kept_in, held_since=None)
        .exclude(state=Promise.State.WAIVED)
        .aggregate(made=Count("pk"), kept=Count("pk", filter=kept))
    )
    return Tally(made=counted["made"], kept=counted["kept"], broken=counted["made"] - counted["kept"])


def export_rows() -> Iterator[dict[str, Any]]:
    """Yield every promise as `peyman export promises` writes it, in the order they were made."""
    for promise in Promise.objects.order_by("pk").iterator(chunk_size=2000):
        yield {
            "id": promise.code,
            "clause": promise.clause,
            "subject": promise.subject,
            "order": promise.order,
            "start": promise.start,
            "hours": promise.hours,
            "due_at": promise.due_at,
            "state": promise.state,
            "kept_at": promise.kept_at,
            "evidence": promise.evidence,
        }
