"""One order as the staff's desk reads it: its lines then and now, its steps, what was asked of its customer.

What is sealed stays closed until somebody says what for; `particulars` opens it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peyman import sealed
from peyman.kernel.errors import Missing
from peyman.shop.orders.models import Cancellation, InformationRequest, Order, OrderEvent, OrderLine, ProForma
from peyman.shop.orders.rules import states

_SEALED = [column.name for column in sealed.sealed_fields(Order)]


@dataclass(frozen=True)
class FileLine:
    """One line: what a piece cost when placed, costs in this order now, and costs in the shop today. Rials."""

    sku: str
    title: str
    slug: str
    quantity: int
    placed_price: int
    unit_price: int
    shop_price: int
    on_hand: int
    allocated: int

    @property
    def total(self) -> int:
        return self.unit_price * self.quantity

    @property
    def left(self) -> int:
        """Pieces that can still be sold."""
        return self.on_hand - self.allocated


@dataclass(frozen=True)
class Asked:
    """A request for more, without its words, which are the customer's and ours."""

    code: str
    fields: Sequence[str]
    by: str  # the code of a member of staff
    asked_at: datetime
    answer_until: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    outcome: str


@dataclass(frozen=True)
class Ended:
    """Why the shop ended an order."""

    reason: str  # a code of rules.reasons
    skus: Sequence[str]
    detected_at: datetime
    by: str
    at: datetime


@dataclass(frozen=True)
class OrderFile:
    """Everything of one order that lies in this room. `order` is without what is sealed."""

    order: Order
    state_title: str
    lines: list[FileLine]
    events: list[OrderEvent]
    pro_formas: list[ProForma]
    requests: list[Asked]
    ended: Ended | None

    @property
    def open_request(self) -> Asked | None:
        return next((one for one in self.requests if one.closed_at is None), None)


def file_of(code: str) -> OrderFile:
    """Return an order for the staff's desk; raises Missing. Six queries whatever the number of lines."""
    rows = Order.objects.defer(*_SEALED).select_related("bill", "terms", "person")
    order = rows.filter(code=code).first() if code else None
    if order is None:
        raise Missing
    lines = OrderLine.objects.filter(order=order).select_related("variant__product", "variant__stock")
    asked = InformationRequest.objects.filter(order=order).defer("note").select_related("asked_by").order_by("pk")
    ended = Cancellation.objects.filter(order=order).defer("note").select_related("by").first()
    return OrderFile(
        order=order,
        state_title=states.TITLES[order.state],
        lines=[_line(line) for line in lines.order_by("position")],
        events=list(OrderEvent.objects.filter(order=order).order_by("pk")),
        pro_formas=list(ProForma.objects.filter(order=order).order_by("version")),
        requests=[
            Asked(
                one.code, one.fields, one.asked_by.code, one.asked_at, one.answer_until, one.answered_at, one.closed_at,
                one.outcome,
            )
            for one in asked
        ],
        ended=Ended(ended.reason, ended.skus, ended.detected_at, ended.by.code if ended.by else "", ended.at)
        if ended
        else None,
    )  # fmt: skip


def _line(line: OrderLine) -> FileLine:
    stock = getattr(line.variant, "stock", None)  # a variant that was never counted has no counter
    return FileLine(
        sku=line.sku,
        title=line.title,
        slug=line.variant.product.slug,
        quantity=line.quantity,
        placed_price=line.placed_price,
        unit_price=line.unit_price,
        shop_price=line.variant.price,
        on_hand=stock.on_hand if stock else 0,
        allocated=stock.allocated if stock else 0,
    )


@dataclass(frozen=True)
class Particulars:
    """What is sealed of an order: who gets it, where, and who buys."""

    recipient: str
    mobile: str
    landline: str
    street: str
    plate: str
    unit: str
    postal_code: str
    buyer: dict[str, Any]
    notes: list[str]  # what we wrote to the customer with each request, oldest first
    ended: str  # and when we ended the order


def particulars(order: Order) -> Particulars:
    """Open what is sealed of an order, for somebody whose reason is in the access log. Three queries."""
    row = Order.objects.only(*_SEALED).get(pk=order.pk)
    return Particulars(
        recipient=row.recipient,
        mobile=row.mobile,
        landline=row.landline,
        street=row.street,
        plate=row.plate,
        unit=row.unit,
        postal_code=row.postal_code,
        buyer=row.buyer,
        notes=[one.note for one in InformationRequest.objects.filter(order=order).order_by("pk")],
        ended=next(iter(Cancellation.objects.filter(order=order).values_list("note", flat=True)), ""),
    )
