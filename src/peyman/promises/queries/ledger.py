"""Reading the ledger of promises: one order's, one person's, the shop's record, the staff's board."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, DateTimeField, F, Max, Q, QuerySet, Value
from django.db.models.functions import Coalesce, TruncDate

from peyman.kernel.worktime import TEHRAN, day_start, tehran_day
from peyman.people.models import Person
from peyman.promises import rules
from peyman.promises.models import Promise, PromiseEvent, Remedy
from peyman.promises.queries.terms import clause_number

WEEK = timedelta(days=7)
ORDER_INCOMPLETE = "order incomplete"  # why clocks of one order stood (D39)
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
    clause_number: str  # "11-4" in the promise's own version of the terms; "" where it is no clause of them
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


def unkept_of(subjects: Iterable[str]) -> list[str]:
    """Return those of these subjects for which something is promised and not done yet. One query."""
    owed = Promise.objects.filter(
        subject__in=list(subjects), kept_at=None, state__in=[Promise.State.OPEN, Promise.State.BROKEN]
    )
    return list(dict.fromkeys(owed.order_by("pk").values_list("subject", flat=True)))


def due_of(subjects: Iterable[str]) -> dict[str, datetime]:
    """Return until when something is promised for these subjects and not done yet, the soonest of each. One query."""
    owed = Promise.objects.filter(
        subject__in=list(subjects), kept_at=None, state__in=[Promise.State.OPEN, Promise.State.BROKEN]
    )
    return dict(owed.order_by("-due_at", "-pk").values_list("subject", "due_at"))


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
        clause_number=_published(promise),
        terms_number=promise.terms.number,
        evidence=promise.evidence,
        held_since=promise.held_since,
        pauses=tuple(promise.pauses),
    )


def _published(promise: Promise) -> str:
    """The clause's number in the promise's own terms; "" of a promise to ourselves, by no clause of them."""
    try:
        return clause_number(promise.terms, promise.clause)
    except KeyError:
        return ""


def last_week(now: datetime) -> Tally:
    """Return the record of the last seven days, up to `now`. One query.

    What was waived is left out, and what is held; a promise that broke earlier and was kept, late, this week counts
    as broken.
    """
    span = [connection.ops.adapt_datetimefield_value(instant) for instant in (now - WEEK, now)]
    with connection.cursor() as cursor:  # by hand: every reader of the home page asks it
        cursor.execute(_LAST_WEEK, [*span, *span])
        made, kept = cursor.fetchone()
    return Tally(made=made, kept=kept, broken=made - kept)


_LAST_WEEK = """
SELECT COUNT(*), COUNT(CASE WHEN state = 'kept' THEN 1 END) FROM promises_promise
WHERE (due_at BETWEEN %s AND %s OR kept_at BETWEEN %s AND %s) AND held_since IS NULL AND state <> 'waived'
"""


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


# ---- One person's promises ----


@dataclass(frozen=True)
class Moved:
    """A due time that moved, or a clock that stopped or ran on: what it was, what it became, and why."""

    at: datetime
    old: datetime
    new: datetime
    held: bool  # from here on the clock stands
    calendar: int  # the version that decided
    by_pause: bool  # a declared period, not a holiday
    by_order: bool  # the order's data were asked for, or came (D39)
    overdue_by_edit: bool


@dataclass(frozen=True)
class Owing:
    """A promise on its owner's page, with all that happened to its due time and what is owed for breaking it."""

    promise: PromiseView
    order: str
    moves: list[Moved]
    remedy: int  # rials owed; 0 = the terms owe nothing for it


@dataclass(frozen=True)
class Ledger:
    """One person's promises: `late` and `open` are all of them, `ended` the newest, `after` leads to older ones."""

    late: list[Owing]
    open: list[Owing]
    ended: list[Owing]
    after: int | None
    counts: dict[str, int]


def of_person(person: Person, now: datetime, *, after: int | None = None, limit: int = 20) -> Ledger:
    """Return what was promised to one person, in six queries whatever their number.

    Late are those still owed; what was kept late stands among the ended with its lateness.
    """
    mine = Promise.objects.filter(person=person).select_related("terms")
    owed = Q(state=Promise.State.BROKEN, kept_at=None) | (_RUNNING & Q(due_at__lte=now))
    running = Q(state=Promise.State.OPEN) & (Q(due_at__gt=now) | Q(held_since__isnull=False))
    late = list(mine.filter(owed).order_by("due_at", "pk")[:200])
    open_ = list(mine.filter(running).order_by("due_at", "pk")[:200])
    done = mine.filter(Q(state__in=[Promise.State.KEPT, Promise.State.WAIVED]) | Q(kept_at__isnull=False))
    if after is not None:
        done = done.filter(pk__lt=after)
    ended = list(done.order_by("-pk")[: limit + 1])
    rows = late + open_ + ended[:limit]
    told, remedies = moved_of(rows), _remedies(rows)
    counted = Promise.objects.filter(person=person).aggregate(
        kept=Count("pk", filter=Q(state=Promise.State.KEPT)),
        late=Count("pk", filter=Q(state=Promise.State.BROKEN) | (_RUNNING & Q(due_at__lte=now))),
        open=Count("pk", filter=running),
    )

    def owings(rows: list[Promise]) -> list[Owing]:
        return [Owing(view(row, now), row.order, told[row.pk], remedies.get(row.pk, 0)) for row in rows]

    return Ledger(
        owings(late), owings(open_), owings(ended[:limit]), ended[limit - 1].pk if len(ended) > limit else None, counted
    )


def moved_of(rows: Iterable[Promise]) -> dict[int, list[Moved]]:
    """Return what moved each promise's due time, oldest first, by key. One query."""
    found: dict[int, list[Moved]] = defaultdict(list)
    keys = [row.pk for row in rows]
    for event in PromiseEvent.objects.filter(promise__in=keys, event="moved").order_by("at", "pk"):
        found[event.promise_id].append(_moved(event.at, event.evidence))
    return found


def moved_by_code(codes: Iterable[str]) -> dict[str, list[Moved]]:
    """Return what moved each promise's due time, oldest first, by the promise's code. One query."""
    found: dict[str, list[Moved]] = defaultdict(list)
    events = PromiseEvent.objects.filter(promise__code__in=list(codes), event="moved").order_by("at", "pk")
    for code, at, told in events.values_list("promise__code", "at", "evidence"):
        found[code].append(_moved(at, told))
    return found


def _moved(at: datetime, told: Mapping[str, Any]) -> Moved:
    return Moved(
        at=at,
        old=datetime.fromisoformat(told["from"]),
        new=datetime.fromisoformat(told["to"]),
        held=bool(told.get("held_to")),
        calendar=int(told.get("calendar_to", 0)),
        by_pause=str(told.get("source", "")).startswith("force majeure"),
        by_order=told.get("source") == ORDER_INCOMPLETE,
        overdue_by_edit=bool(told.get("overdue_by_edit")),
    )


def owing_of_order(order_code: str, now: datetime) -> list[Owing]:
    """Return the promises of one order with their moves and remedies, those due first first. Three queries, and none
    for moves and remedies of an order without promises.
    """
    rows = list(Promise.objects.filter(order=order_code).select_related("terms").order_by("due_at", "pk"))
    if not rows:
        return []
    told, remedies = moved_of(rows), _remedies(rows)
    return [Owing(view(row, now), row.order, told[row.pk], remedies.get(row.pk, 0)) for row in rows]


def _remedies(rows: Iterable[Promise]) -> dict[int, int]:
    return dict(Remedy.objects.filter(promise__in=[row.pk for row in rows]).values_list("promise_id", "amount"))


# ---- The record, and the staff's board ----


@dataclass(frozen=True)
class Share:
    """How promises of one clause ended over a span: `worst` is the longest lateness, None where none was late."""

    clause: str
    made: int
    kept: int
    worst: timedelta | None

    @property
    def late(self) -> int:
        return self.made - self.kept

    @property
    def permille(self) -> int:
        """Kept per thousand, rounded down: nothing rounds up to a whole record."""
        return self.kept * 1000 // self.made if self.made else 0


@dataclass(frozen=True)
class Day:
    """The promises that were due on one day in Tehran."""

    day: date
    made: int
    kept: int

    @property
    def late(self) -> int:
        return self.made - self.kept


@dataclass(frozen=True)
class Record:
    """How the promises of a span ended: in all, by day, by clause and by week."""

    since: datetime
    tally: Tally
    days: list[Day]
    shares: list[Share]
    weeks: dict[str, list[tuple[date, int, int]]]  # clause → (first day, made, kept), oldest first


def record(now: datetime, *, days: int = 30, weeks: int = 12) -> Record:
    """Return the shop's record: promises that fell due in the last `days` days, and by clause over `weeks` weeks.

    Days are Tehran's, today included, up to `now`; waived and held ones are left out. A promise kept before its due
    time counts on the day it was due or, where that is still to come, not yet. One query: the database adds up by day
    and clause, so the rows read are days, not promises.
    """
    today = tehran_day(now)
    first = today - timedelta(days=max(days, weeks * 7) - 1)
    rows = (
        Promise.objects.filter(due_at__gte=day_start(first), due_at__lte=now, held_since=None)
        .exclude(state=Promise.State.WAIVED)
        .annotate(day=TruncDate("due_at", tzinfo=TEHRAN))
        .values("day", "clause")
        .annotate(
            made=Count("pk"),
            kept=Count("pk", filter=Q(state=Promise.State.KEPT)),
            worst=Max(Coalesce("kept_at", Value(now, DateTimeField())) - F("due_at"), filter=~Q(state="kept")),
        )
        .order_by("day", "clause")
    )
    by_day: dict[date, list[int]] = {today - timedelta(days=n): [0, 0] for n in reversed(range(days))}
    by_clause: dict[str, list[Any]] = {}
    starts = [today - timedelta(days=7 * n + 6) for n in reversed(range(weeks))]
    by_week: dict[str, dict[date, list[int]]] = defaultdict(lambda: {start: [0, 0] for start in starts})
    for row in rows:
        day = row["day"]
        back = (today - day).days
        if back < days:
            by_day[day][0] += row["made"]
            by_day[day][1] += row["kept"]
            share = by_clause.setdefault(row["clause"], [0, 0, None])
            share[0] += row["made"]
            share[1] += row["kept"]
            share[2] = max(filter(None, (share[2], row["worst"])), default=None)
        if back < weeks * 7:
            week = by_week[row["clause"]][today - timedelta(days=back // 7 * 7 + 6)]
            week[0] += row["made"]
            week[1] += row["kept"]
    made, kept = (sum(day[n] for day in by_day.values()) for n in (0, 1))
    return Record(
        since=day_start(today - timedelta(days=days - 1)),
        tally=Tally(made, kept, made - kept),
        days=[Day(day, counts[0], counts[1]) for day, counts in by_day.items()],
        shares=[Share(clause, *counts) for clause, counts in sorted(by_clause.items())],
        weeks={
            clause: [(start, counts[0], counts[1]) for start, counts in found.items()]
            for clause, found in by_week.items()
        },
    )


@dataclass(frozen=True)
class Filter:
    """What the board shows: of one clause, one kind, one state; empty = all. `q` is the code of a promise or order."""

    state: str = ""  # late · soon · open · held · kept · broken · waived
    clause: str = ""
    kind: str = ""
    q: str = ""


@dataclass(frozen=True)
class Board:
    """What staff see first: the counts, and the rows of a filter, those due first first."""

    late: int
    soon: int
    open: int
    held: int
    rows: list[Owing]
    more: bool


SOON = timedelta(hours=2)


def board(now: datetime, asked: Filter, *, limit: int = 100) -> Board:
    """Return the board, in four queries whatever the number of promises."""
    late = Q(state=Promise.State.BROKEN, kept_at=None) | (_RUNNING & Q(due_at__lte=now))
    soon = _RUNNING & Q(due_at__gt=now, due_at__lte=now + SOON)
    counts = Promise.objects.filter(
        Q(state=Promise.State.OPEN) | Q(state=Promise.State.BROKEN, kept_at=None)
    ).aggregate(
        late=Count("pk", filter=late),
        soon=Count("pk", filter=soon),
        open=Count("pk", filter=_RUNNING & Q(due_at__gt=now)),
        held=Count("pk", filter=Q(held_since__isnull=False)),
    )
    rows = list(filtered(now, asked)[: limit + 1])
    told, remedies = moved_of(rows[:limit]), _remedies(rows[:limit])
    owings = [Owing(view(row, now), row.order, told[row.pk], remedies.get(row.pk, 0)) for row in rows[:limit]]
    return Board(**counts, rows=owings, more=len(rows) > limit)


def filtered(now: datetime, asked: Filter) -> QuerySet[Promise]:
    """Return the promises of a filter, those due first first. An unknown state finds nothing."""
    states = {
        "": Q(state=Promise.State.OPEN) | Q(state=Promise.State.BROKEN, kept_at=None),
        "late": Q(state=Promise.State.BROKEN, kept_at=None) | (_RUNNING & Q(due_at__lte=now)),
        "soon": _RUNNING & Q(due_at__gt=now, due_at__lte=now + SOON),
        "open": _RUNNING & Q(due_at__gt=now),
        "held": Q(held_since__isnull=False),
        "kept": Q(state=Promise.State.KEPT),
        "broken": Q(state=Promise.State.BROKEN),
        "waived": Q(state=Promise.State.WAIVED),
    }
    if asked.state not in states:
        return Promise.objects.none()
    rows = Promise.objects.filter(states[asked.state]).select_related("terms")
    if asked.clause:
        rows = rows.filter(clause=asked.clause)
    if asked.kind:
        rows = rows.filter(kind=asked.kind)
    if asked.q:
        rows = rows.filter(Q(code=asked.q) | Q(order=asked.q))
    return rows.order_by("due_at", "pk")


def kinds() -> list[str]:
    """Return the kinds of promises that were ever made. One query."""
    return list(Promise.objects.order_by("kind").values_list("kind", flat=True).distinct())
