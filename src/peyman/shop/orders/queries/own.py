"""Orders as their owners and doors read them: an order is always fetched through its owner."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core import signing
from django.utils.crypto import constant_time_compare

from peyman.billing import queries as bills
from peyman.billing.models import Payment, Refund
from peyman.people.models import Person
from peyman.promises.rules import parameter
from peyman.shop.carts.rules import contained_vat
from peyman.shop.orders.models import Cancellation, InformationRequest, Order, OrderEvent, OrderLine, ProForma
from peyman.shop.orders.rules import requests, states
from peyman.shop.orders.rules.money import UnknownOrder
from peyman.shop.orders.rules.reasons import REASONS


@dataclass(frozen=True)
class OrderLineView:
    """`placed_price` is what it cost when placed, `unit_price` what it costs now. Rials."""

    sku: str
    title: str
    slug: str
    drawing: str
    tint: str
    quantity: int
    unit_price: int
    placed_price: int
    is_gone: bool = False  # it ran out after the order: why the order was not fulfilled, line by line (D28)

    @property
    def total(self) -> int:
        return self.unit_price * self.quantity


@dataclass(frozen=True)
class RoadStep:
    """One step of the order's road; `at` is empty for what is ahead."""

    event: str
    state: str
    title: str
    at: datetime | None
    by: str
    clause: str


@dataclass(frozen=True)
class PaperView:
    """A version of the pro-forma."""

    version: int
    total: int
    at: datetime
    lines: list[dict[str, Any]]


@dataclass(frozen=True)
class RequestView:
    """What an incomplete order waits for: names of form fields with their titles, in the order of the form."""

    code: str
    fields: dict[str, str]
    note: str
    asked_at: datetime
    answer_until: datetime


@dataclass(frozen=True)
class CancellationView:
    """Why the shop ended the order, as its customer reads it."""

    reason: str
    title: str
    note: str
    clause: str
    detected_at: datetime
    at: datetime


@dataclass(frozen=True)
class OrderView:
    """An order, whole. Money in rials."""

    id: int
    code: str
    state: str
    state_title: str
    cart_code: str | None
    terms_number: int
    terms_id: int
    goods_total: int
    fee_packing: int
    fee_shipping: int
    fee_insurance: int
    total: int
    vat_included: int
    shown_total: int
    recipient: str
    mobile: str
    landline: str
    province: str
    city: str
    street: str
    plate: str
    unit: str
    postal_code: str
    carrier: str
    carrier_title: str
    is_express: bool
    buyer_kind: str
    buyer: dict[str, str]
    placed_at: datetime
    processing_date: date
    pay_until: datetime
    final_at: datetime | None
    is_payable: bool
    is_cancellable: bool
    lines: list[OrderLineView]
    road: list[RoadStep]
    pro_formas: list[PaperView]
    payments: list[Payment]
    refunds: list[Refund]
    request: RequestView | None  # what the customer is asked for now
    cancellation: CancellationView | None  # by the shop


@dataclass(frozen=True)
class OrderCard:
    """An order in a list. Money in rials."""

    id: int
    code: str
    state: str
    state_title: str
    total: int
    cart_code: str | None
    placed_at: datetime
    pay_until: datetime
    pieces: int
    first_title: str


AHEAD = [states.FINAL, states.PROCESSED, states.HANDED_OVER, states.DELIVERED]


def get(person: Person, code: str) -> Order:
    """Return the person's order; raises UnknownOrder for anybody else's as for none."""
    found = Order.objects.select_related("person", "terms", "bill").filter(person=person, code=code).first()
    if found is None:
        raise UnknownOrder
    return found


def view(person: Person, code: str, now: datetime) -> OrderView:
    """Return the person's order with all that belongs to it, in six queries; raises UnknownOrder."""
    return _view(get(person, code), now)


def by_link(code: str, signature: str, now: datetime) -> OrderView:
    """Return the order that a pro-forma's signed link names (A12); raises UnknownOrder for a wrong signature."""
    signer = signing.Signer(salt=ProForma.LINK_SALT)
    found = None
    if constant_time_compare(signer.signature(code), signature):
        found = Order.objects.select_related("person", "terms", "bill").filter(code=code).first()
    if found is None:
        raise UnknownOrder
    return _view(found, now)


def list_of(person: Person, *, after: str = "", limit: int = 20) -> tuple[list[OrderCard], str]:
    """Return the person's orders, newest first, and the key of the next page ("" at the end). Two queries."""
    rows = Order.objects.filter(person=person).order_by("-pk")
    if after:
        last = Order.objects.filter(person=person, code=after).values_list("pk", flat=True).first()
        if last is None:
            raise UnknownOrder
        rows = rows.filter(pk__lt=last)
    page = list(rows[: limit + 1])
    more, page = len(page) > limit, page[:limit]
    lines: dict[int, list[OrderLine]] = {order.pk: [] for order in page}
    for line in OrderLine.objects.filter(order__in=page).order_by("order_id", "position"):
        lines[line.order_id].append(line)
    cards = [
        OrderCard(
            id=order.pk,
            code=order.code,
            state=order.state,
            state_title=states.TITLES[order.state],
            total=order.total,
            cart_code=order.cart_code,
            placed_at=order.placed_at,
            pay_until=order.pay_until,
            pieces=sum(line.quantity for line in lines[order.pk]),
            first_title=lines[order.pk][0].title if lines[order.pk] else "",
        )
        for order in page
    ]
    return cards, page[-1].code if more else ""


def payable_of(person: Person, now: datetime, *, limit: int = 3) -> list[Order]:
    """Return the person's orders that still wait for payment, the newest first. One query."""
    waiting = Order.objects.filter(person=person, state="registered", pay_until__gt=now)
    return list(waiting.order_by("-pk")[:limit])


def _view(order: Order, now: datetime) -> OrderView:
    lines = OrderLine.objects.filter(order=order).select_related("variant__product__category").order_by("position")
    papers = ProForma.objects.filter(order=order).order_by("version")
    events = list(OrderEvent.objects.filter(order=order).order_by("pk"))
    gone = {sku for event in events for sku in event.details.get("skus", [])}
    return OrderView(
        id=order.pk,
        code=order.code,
        state=order.state,
        state_title=states.TITLES[order.state],
        cart_code=order.cart_code,
        terms_number=order.terms.number,
        terms_id=order.terms_id,
        goods_total=order.goods_total,
        fee_packing=order.fee_packing,
        fee_shipping=order.fee_shipping,
        fee_insurance=order.fee_insurance,
        total=order.total,
        vat_included=contained_vat(order.total, parameter(order.terms.parameters, "vat_permille")),
        shown_total=order.shown_total,
        recipient=order.recipient,
        mobile=order.mobile,
        landline=order.landline,
        province=order.province,
        city=order.city,
        street=order.street,
        plate=order.plate,
        unit=order.unit,
        postal_code=order.postal_code,
        carrier=order.carrier,
        carrier_title=order.carrier_title,
        is_express=order.is_express,
        buyer_kind=order.buyer_kind,
        buyer=order.buyer,
        placed_at=order.placed_at,
        processing_date=order.processing_date,
        pay_until=order.pay_until,
        final_at=order.final_at,
        is_payable=order.state == states.REGISTERED and order.pay_until > now,
        is_cancellable=order.state in states.sources("cancel"),
        lines=[
            OrderLineView(
                sku=line.sku,
                title=line.title,
                slug=line.variant.product.slug,
                drawing=line.variant.product.drawing or line.variant.product.category.drawing,
                tint=line.variant.product.tint,
                quantity=line.quantity,
                unit_price=line.unit_price,
                placed_price=line.placed_price,
                is_gone=line.sku in gone,
            )
            for line in lines
        ],
        road=_road(order, events),
        pro_formas=[PaperView(paper.version, paper.total, paper.at, paper.lines) for paper in papers],
        payments=bills.payments_of(order.bill),
        refunds=bills.refunds_of(order.bill),
        request=open_request(order),
        cancellation=_cancellation(order) if any(event.event == "cancel_by_shop" for event in events) else None,
    )


def open_request(order: Order) -> RequestView | None:
    """Return what the customer is asked for; None, without a query, unless the order is incomplete."""
    if order.state != states.INCOMPLETE:
        return None
    row = InformationRequest.objects.filter(order=order, closed_at=None).first()
    if row is None:
        return None
    known = requests.titles(order.buyer_kind)
    titles = {name: known[name] for name in row.fields if name in known}
    return RequestView(row.code, titles, row.note, row.asked_at, row.answer_until)


def _cancellation(order: Order) -> CancellationView | None:
    row = Cancellation.objects.filter(order=order).first()
    if row is None:
        return None
    reason = REASONS[row.reason]
    return CancellationView(reason.code, reason.title, row.note, reason.clause, row.detected_at, row.at)


def _road(order: Order, events: list[OrderEvent]) -> list[RoadStep]:
    """Return what happened, then what is ahead of an order that is still on its way."""
    done = [
        RoadStep(event.event, event.to_state, states.TITLES[event.to_state], event.at, event.by, event.clause)
        for event in events
    ]
    ahead: list[str] = []
    if order.state == states.REGISTERED:
        ahead = AHEAD
    elif order.state == states.INCOMPLETE:
        ahead = [states.INCOMPLETE, *(AHEAD[1:] if order.cart_code else AHEAD)]
    elif order.state in AHEAD:
        ahead = AHEAD[AHEAD.index(order.state) + 1 :]
    return done + [RoadStep("", state, states.TITLES[state], None, "", "") for state in ahead]
