"""Goods that ran out under orders that were placed already (D28), by product: who waits for money, and what is left."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from peyman.billing.models import Refund
from peyman.promises.queries.ledger import due_of
from peyman.shop.catalog.models import Variant
from peyman.shop.orders.models import Cancellation, Order, OrderEvent, OrderLine
from peyman.shop.orders.rules import states
from peyman.shop.stock.models import Movement
from peyman.shop.stock.queries import movements

SPAN: Final = timedelta(days=30)
MOST: Final = 500  # orders of one page
STOCK_OUT: Final = "stock_out"


@dataclass(frozen=True)
class Wanting:
    """One order that did not get its pieces. Money in rials."""

    code: str
    state: str
    state_title: str
    pieces: int
    at: datetime  # when it ran short
    owed: int  # to be given back and not proven yet
    given: int  # proven given back
    refund_state: str  # owed · asked · done · "" where nothing was paid
    due_at: datetime | None  # until when the first open refund is promised
    is_late: bool
    by_hand: bool  # staff found out, perhaps after the cart code


@dataclass(frozen=True)
class Shortage:
    """One variant that ran out, the orders that wanted it, and what the counter says of it now."""

    sku: str
    title: str
    slug: str
    on_hand: int
    allocated: int
    first_at: datetime
    wanting: list[Wanting]
    moves: list[Movement]  # the last corrections of what lies in the store, the newest first
    is_named: bool  # which goods were lacking is known; else it is every line of the orders

    @property
    def left(self) -> int:
        return self.on_hand - self.allocated

    @property
    def pieces(self) -> int:
        return sum(one.pieces for one in self.wanting)

    @property
    def due_at(self) -> datetime | None:
        """Until when the first of what is owed is promised."""
        return min((one.due_at for one in self.wanting if one.due_at), default=None)

    @property
    def is_open(self) -> bool:
        return any(one.owed for one in self.wanting)


@dataclass(frozen=True)
class Shortages:
    """What ran short lately or is still owed for, by variant, what is owed first. `more`: not all is here."""

    rows: list[Shortage]
    more: bool
    since: datetime


@dataclass
class _Found:
    at: datetime
    skus: set[str] = field(default_factory=set)  # empty = unknown
    by_hand: bool = False


def shortages(now: datetime) -> Shortages:
    """Return the shortages of the last thirty days and those whose money is still owed. Ten queries."""
    since = now - SPAN
    ran = OrderEvent.objects.filter(event="run_short")
    still = ran.filter(order__in=Order.objects.filter(state=states.SHORT))
    events = {row.pk: row for row in ran.filter(at__gte=since).order_by("-at", "-pk")[: MOST + 1]}
    events |= {row.pk: row for row in still.order_by("-at", "-pk")[: MOST + 1]}
    found: dict[int, _Found] = {}
    for event in events.values():
        found[event.order_id] = _Found(event.at, set(event.details.get("skus", ())))
    named = Cancellation.objects.filter(reason=STOCK_OUT, at__gte=since).order_by("-at", "-pk")
    for row in named.only("order", "skus", "at")[: MOST + 1]:
        one = found.setdefault(row.order_id, _Found(row.at, by_hand=True))
        one.skus |= set(row.skus)
    return Shortages(_by_variant(found, now), more=len(found) > MOST, since=since)


def _by_variant(found: dict[int, _Found], now: datetime) -> list[Shortage]:
    keys = sorted(found, reverse=True)[:MOST]
    orders = Order.objects.only("code", "state", "bill_id").in_bulk(keys)
    money = _money([order.bill_id for order in orders.values()])
    wanting: dict[int, list[Wanting]] = defaultdict(list)
    unnamed: set[int] = set()
    for line in OrderLine.objects.filter(order__in=keys).order_by("-order_id", "position"):
        why = found[line.order_id]
        if why.skus and line.sku not in why.skus:
            continue
        order = orders[line.order_id]
        wanting[line.variant_id].append(_wanting(order, line.quantity, why, money[order.bill_id], now))
        if not why.skus:
            unnamed.add(line.variant_id)
    moved = movements(list(wanting))
    variants = Variant.objects.filter(pk__in=wanting).select_related("product", "stock")
    rows = [
        _shortage(variant, wanting[variant.pk], moved[variant.pk], variant.pk not in unnamed) for variant in variants
    ]
    return sorted(rows, key=lambda row: (not row.is_open, row.due_at or row.first_at, row.sku))


def _shortage(variant: Variant, wanting: list[Wanting], moves: list[Movement], is_named: bool) -> Shortage:
    stock = getattr(variant, "stock", None)  # a variant that was never counted has no counter
    return Shortage(
        sku=variant.sku,
        title=variant.product.title,
        slug=variant.product.slug,
        on_hand=stock.on_hand if stock else 0,
        allocated=stock.allocated if stock else 0,
        first_at=min(one.at for one in wanting),
        wanting=wanting,
        moves=moves,
        is_named=is_named,
    )


def _money(bills: Iterable[int]) -> dict[int, list[tuple[Refund, datetime | None]]]:
    """Return the refunds of each bill, and until when those are promised that are not done. Two queries."""
    found: dict[int, list[tuple[Refund, datetime | None]]] = {bill: [] for bill in bills}
    rows = list(Refund.objects.filter(payment__bill__in=found).select_related("payment").order_by("pk"))
    due = due_of([row.subject for row in rows if row.state != Refund.State.DONE])
    for row in rows:
        found[row.payment.bill_id].append((row, due.get(row.subject)))
    return found


def _wanting(
    order: Order, pieces: int, why: _Found, refunds: list[tuple[Refund, datetime | None]], now: datetime
) -> Wanting:
    waiting = [(row, due) for row, due in refunds if row.state != Refund.State.DONE]
    promised = [due for _, due in waiting if due is not None]
    due_at = min(promised, default=None)
    return Wanting(
        code=order.code,
        state=order.state,
        state_title=states.TITLES[order.state],
        pieces=pieces,
        at=why.at,
        owed=sum(row.amount for row, _ in waiting),
        given=sum(row.amount for row, _ in refunds if row.state == Refund.State.DONE),
        refund_state=waiting[0][0].state if waiting else (Refund.State.DONE if refunds else ""),
        due_at=due_at,
        is_late=due_at is not None and due_at <= now,
        by_hand=why.by_hand,
    )
