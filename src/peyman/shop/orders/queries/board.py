"""The staff's board of orders: what needs a hand first, one shelf for each kind of need, and how many there are.

Nothing personal is read here: sealed columns stay closed.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final

from django.db.models import Case, Count, IntegerField, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value, When

from peyman.billing.models import Payment, Refund
from peyman.kernel import jalali
from peyman.kernel.worktime import day_start, tehran_day
from peyman.promises import queries as promises
from peyman.promises.queries import PromiseView
from peyman.shop.orders.models import InformationRequest, Order, OrderLine
from peyman.shop.orders.rules import states

# What needs a hand, in the order in which it does; each shelf lists what is due first first.
PROCESS, INCOMPLETE, SHORT, OWED, WAITING = "process", "incomplete", "short", "owed", "waiting"
NEEDS: Final = (PROCESS, INCOMPLETE, SHORT, OWED, WAITING)
# Everything else is listed the newest first; what is final by its day of processing.
FINAL, CANCELLED, EXPIRED, ALL = "final", "cancelled", "expired", "all"
SHELVES: Final = (*NEEDS, FINAL, CANCELLED, EXPIRED, ALL)

ENDED: Final = (states.CANCELLED, states.EXPIRED, states.VOID)
_OPEN_REFUNDS = Refund.objects.exclude(state=Refund.State.DONE)
_KEYS = {
    PROCESS: "processing_date",
    FINAL: "processing_date",
    INCOMPLETE: "answer_until",
    OWED: "owed_since",
    WAITING: "pay_until",
}
_COLUMNS = (
    "code", "state", "cart_code", "bill_id", "person_id", "total", "province", "city", "carrier_title", "placed_at",
    "processing_date", "pay_until", "final_at",
)  # fmt: skip


@dataclass(frozen=True)
class Sift:
    """What a list shows: one shelf, placed in these days (both included) in Tehran, of one customer; empty = all."""

    shelf: str = ALL
    since: date | None = None
    until: date | None = None
    person: str = ""  # public code


@dataclass(frozen=True)
class Row:
    """One order of a list. Money in rials."""

    code: str
    state: str
    state_title: str
    cart_code: str | None
    total: int
    province: str
    city: str
    carrier_title: str
    placed_at: datetime
    processing_date: date
    first_title: str
    titles: int  # lines
    pieces: int
    due: str  # what runs now: payment · answer · processing · refund · "" where nothing does
    due_at: datetime | None
    is_late: bool  # of what we owe
    is_over: bool  # the customer's own time has passed
    held_since: datetime | None  # its clock stands
    owed: int  # to be given back and not proven yet
    is_at_bank: bool  # the bank may still bring money for it


@dataclass(frozen=True)
class Page:
    """A page of a list; `after` leads to the next one, "" at the end. `is_astray`: the cursor given was none."""

    rows: list[Row]
    after: str
    is_astray: bool = False
    is_later: bool = False  # not the first page


@dataclass(frozen=True)
class Counts:
    """How many orders lie on each shelf of `NEEDS`, and how many of those to be processed are late by a day."""

    of: dict[str, int]
    late: int


def sifted(sift: Sift, now: datetime) -> "QuerySet[Order]":
    """Return the orders of a list in no order, each with its place in `place` and without what is sealed."""
    rows: QuerySet[Order] = Order.objects.only(*_COLUMNS)
    if sift.person:
        rows = rows.filter(person__code=sift.person)
    if sift.since:
        rows = rows.filter(placed_at__gte=day_start(sift.since))
    if sift.until:
        rows = rows.filter(placed_at__lt=day_start(sift.until + timedelta(days=1)))
    return _on(rows, sift.shelf, now)


def _on(rows: "QuerySet[Order]", shelf: str, now: datetime) -> "QuerySet[Order]":
    match shelf:
        case "process":
            return rows.filter(state=states.FINAL, processing_date__lte=tehran_day(now))
        case "incomplete":
            # By the few open requests: no index of orders is for this state alone.
            asked = InformationRequest.objects.filter(closed_at=None)
            until = asked.filter(order=OuterRef("pk")).values("answer_until")
            return rows.filter(state=states.INCOMPLETE, pk__in=asked.values("order")).annotate(
                answer_until=Subquery(until[:1])
            )
        case "short":
            return rows.filter(state=states.SHORT)
        case "owed":
            since = _OPEN_REFUNDS.filter(payment__bill=OuterRef("bill")).order_by().values("payment__bill")
            return rows.filter(state__in=ENDED, bill__in=_OPEN_REFUNDS.values("payment__bill")).annotate(
                owed_since=Subquery(since.annotate(first=Min("created_at")).values("first"))
            )
        case "waiting":
            return rows.filter(state=states.REGISTERED)
        case "final" | "cancelled" | "expired":
            return rows.filter(state=shelf)
    return rows


def page(sift: Sift, now: datetime, *, after: str = "", limit: int = 30) -> Page:
    """Return a page of a list. Six queries whatever its length."""
    key, newest = _key(sift.shelf)
    rows = sifted(sift, now)
    last = _cursor(after, key) if after else None
    if last is not None:
        past = "lt" if newest else "gt"
        rows = rows.filter(
            Q(**{f"{key}__{past}e": last[0]}) & (Q(**{f"{key}__{past}": last[0]}) | Q(**{f"pk__{past}": last[1]}))
        )
    found = list(rows.order_by(f"-{key}" if newest else key, "-pk" if newest else "pk")[: limit + 1])
    kept = found[:limit]
    following = _written(kept[-1], key) if len(found) > limit else ""
    return Page(told(kept, now), following, is_astray=bool(after) and last is None, is_later=last is not None)


def needs(now: datetime, *, limit: int = 6) -> dict[str, list[Row]]:
    """Return the first orders of each shelf that needs a hand. Ten queries."""
    first = {shelf: _first(shelf, now, limit) for shelf in NEEDS}
    rows = iter(told([order for found in first.values() for order in found], now))
    return {shelf: list(islice(rows, len(found))) for shelf, found in first.items()}


def _first(shelf: str, now: datetime, limit: int) -> list[Order]:
    key, _ = _key(shelf)
    return list(sifted(Sift(shelf), now).order_by(key, "pk")[:limit])


def counts(now: datetime) -> Counts:
    """Return how many orders need a hand. One query."""
    shelves: dict[str, QuerySet[Order]] = {shelf: _on(Order.objects.all(), shelf, now) for shelf in NEEDS}
    shelves["late"] = Order.objects.filter(state=states.FINAL, processing_date__lt=tehran_day(now))
    counted = [
        rows.order_by()
        .annotate(shelf=Value(shelf))
        .values("shelf")
        .annotate(many=Count("pk"))
        .values_list("shelf", "many")
        for shelf, rows in shelves.items()
    ]
    found = dict(counted[0].union(*counted[1:], all=True))
    late = found.pop("late", 0)
    return Counts({shelf: found.get(shelf, 0) for shelf in NEEDS}, late)


def _key(shelf: str) -> tuple[str, bool]:
    """Return what a shelf is ordered by, and whether its newest come first."""
    return _KEYS.get(shelf, "placed_at"), shelf not in NEEDS


def _written(order: Order, key: str) -> str:
    value = getattr(order, key)
    return f"{jalali.iso(value) if isinstance(value, datetime) else value.isoformat()}_{order.pk}"


def _cursor(typed: str, key: str) -> tuple[date | datetime, int] | None:
    """Return where a page begins; None for what no page of this list ever wrote."""
    at, _, pk = typed.partition("_")
    try:
        value: date = date.fromisoformat(at) if key == "processing_date" else datetime.fromisoformat(at)
        if isinstance(value, datetime) and value.tzinfo is None:
            return None
        return (value, int(pk)) if pk.isascii() and pk.isdecimal() and len(pk) < 19 else None
    except ValueError:
        return None


# ---- What a row says ----

Clock = tuple[str, datetime | None, datetime | None]  # what runs, until when, since when it stands


def told(orders: Sequence[Order], now: datetime) -> list[Row]:
    """Return the rows for these orders, in their order. Five queries, none for no orders."""
    if not orders:
        return []
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    for line in OrderLine.objects.filter(order__in=orders).order_by("order_id", "position"):
        lines[line.order_id].append(line)
    owed = dict(
        _OPEN_REFUNDS.filter(payment__bill__in=[order.bill_id for order in orders])
        .order_by()
        .values_list("payment__bill")
        .annotate(rials=Sum("amount"))
    )
    at_bank = set(
        Payment.objects.filter(
            bill__in=[order.bill_id for order in orders], state__in=[Payment.State.PENDING, Payment.State.VERIFYING]
        ).values_list("bill_id", flat=True)
    )
    asked = dict(
        InformationRequest.objects.filter(order__in=orders, closed_at=None).values_list("order_id", "answer_until")
    )
    promised = promises.of_orders([order.code for order in orders], now)
    rows = []
    for order in orders:
        clock = running(order, promised[order.code], asked.get(order.pk))
        rows.append(_row(order, lines[order.pk], clock, owed.get(order.bill_id, 0), order.bill_id in at_bank, now))
    return rows


def _row(order: Order, lines: list[OrderLine], clock: Clock, owed: int, at_bank: bool, now: datetime) -> Row:
    due, due_at, held = clock
    is_past = due_at is not None and held is None and due_at <= now
    return Row(
        code=order.code,
        state=order.state,
        state_title=states.TITLES[order.state],
        cart_code=order.cart_code,
        total=order.total,
        province=order.province,
        city=order.city,
        carrier_title=order.carrier_title,
        placed_at=order.placed_at,
        processing_date=order.processing_date,
        first_title=lines[0].title if lines else "",
        titles=len(lines),
        pieces=sum(line.quantity for line in lines),
        due=due,
        due_at=due_at,
        is_late=is_past and due in ("processing", "refund"),
        is_over=is_past and due in ("payment", "answer"),
        held_since=held,
        owed=owed,
        is_at_bank=at_bank and order.state == states.REGISTERED,
    )


def running(order: Order, promised: Sequence[PromiseView], answer_until: datetime | None = None) -> Clock:
    """Return what runs now for an order, until when, and since when its clock stands (None where it runs)."""
    if order.state == states.REGISTERED:
        return "payment", order.pay_until, None
    if order.state == states.INCOMPLETE:
        return "answer", answer_until, None
    kind = "processing" if order.state == states.FINAL else "refund"
    unkept = [one for one in promised if one.kind == kind and one.kept_at is None and one.state in ("open", "broken")]
    if not unkept:
        return "", None, None
    first = min(unkept, key=lambda one: one.due_at)
    return kind, first.due_at, first.held_since


# ---- Orders by day ----


@dataclass(frozen=True)
class Day:
    """The orders placed on one day in Tehran, by how they stand now."""

    day: date
    of: dict[str, int]  # state → orders

    @property
    def made(self) -> int:
        return sum(self.of.values())

    @property
    def good(self) -> int:
        """On their way, or there."""
        return sum(
            self.of.get(state, 0) for state in (states.FINAL, states.PROCESSED, states.HANDED_OVER, states.DELIVERED)
        )

    @property
    def waiting(self) -> int:
        return self.of.get(states.REGISTERED, 0) + self.of.get(states.INCOMPLETE, 0)

    @property
    def short(self) -> int:
        return self.of.get(states.SHORT, 0)

    @property
    def ended(self) -> int:
        return sum(self.of.get(state, 0) for state in ENDED)


def days(now: datetime, *, many: int = 30) -> list[Day]:
    """Return the orders of the last days, today included, the oldest day first. One query."""
    today = tehran_day(now)
    all_days = [today - timedelta(days=n) for n in reversed(range(many))]
    rows = (
        Order.objects.filter(placed_at__gte=day_start(all_days[0]))
        .order_by()
        .annotate(nth=_nth(all_days, 0))
        .values_list("nth", "state")
        .annotate(made=Count("pk"))
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for nth, state, made in rows:
        found[nth][state] = made
    return [Day(day, found[n]) for n, day in enumerate(all_days)]


def _nth(all_days: Sequence[date], first: int) -> Any:
    """Say in SQL on which of these days an order was placed: by halves, since a thousand orders ask for it.

    The database's own truncation to a day would call back into Python for each row of SQLite.
    """
    if len(all_days) == 1:
        return Value(first, IntegerField())
    half = len(all_days) // 2
    return Case(
        When(placed_at__lt=day_start(all_days[half]), then=_nth(all_days[:half], first)),
        default=_nth(all_days[half:], first + half),
        output_field=IntegerField(),
    )


# ---- As a file ----


def in_parts(sift: Sift, now: datetime, *, size: int = 500, personal: bool = False) -> Iterator[list[Order]]:
    """Yield the orders of a list, the newest first, in parts; with `personal`, what is sealed comes along."""
    last: tuple[datetime, int] | None = None
    while True:
        rows = sifted(sift, now)
        rows = rows.defer(None) if personal else rows
        if last is not None:
            rows = rows.filter(Q(placed_at__lte=last[0]) & (Q(placed_at__lt=last[0]) | Q(pk__lt=last[1])))
        part = list(rows.select_related("person").order_by("-placed_at", "-pk")[:size])
        if not part:
            return
        yield part
        last = (part[-1].placed_at, part[-1].pk)
