"""Placing, reading, withdrawing and paying orders. An order is always fetched through its owner."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status

from peyman.entrypoints import answers, clock, payments
from peyman.entrypoints.api import schemas
from peyman.entrypoints.api.guard import Bearer, asker
from peyman.entrypoints.api.reading import request_hash
from peyman.kernel.errors import Invalid
from peyman.people.models import Person
from peyman.promises import queries as promises
from peyman.promises.queries import Moved, PromiseView
from peyman.promises.queries.ledger import moved_by_code
from peyman.promises.rules import parameter
from peyman.shop.carts import queries as carts
from peyman.shop.carts import rules as cart_rules
from peyman.shop.carts.models import Cart
from peyman.shop.catalog import queries as goods
from peyman.shop.orders import actions, queries
from peyman.shop.orders.rules import form
from peyman.shop.orders.rules.requests import AnswerIncomplete
from peyman.shop.shipping import queries as shipping
from peyman.shop.shipping.rules import CarrierChoice, NotCarried

router = Router(tags=["orders"], auth=Bearer())


@router.post("/orders", response={201: schemas.OrderGiven}, operation_id="place_order")
def place(
    request: HttpRequest,
    body: schemas.OrderAsk,
    idempotency_key: schemas.IdempotencyKey = None,
) -> Any:
    """Register an order under the terms in force, for the lines sent or for what lies in the cart.

    It reserves nothing. A total above `shown_total` is refused with both numbers, a drop is applied. The same
    Idempotency-Key with the same body answers with the same order; with another body it is refused.
    """
    person, now = asker(request), clock.now()
    cart = carts.of_person(person) if body.lines is None else None
    delivery, buyer, carrier = _read(body, _weight(body, cart, now))
    placed = actions.place(
        person=person,
        lines=None if body.lines is None else [(line.sku, line.quantity) for line in body.lines],
        cart=cart,
        shown_total=body.shown_total,
        terms_version=body.terms_version,
        delivery=delivery,
        buyer=buyer,
        carrier=carrier,
        key=idempotency_key,
        request_hash=request_hash(body.model_dump(exclude_unset=True)),
        now=now,
    )
    return Status(201, _whole(person, placed.order.code, now))


@router.get("/orders", response=schemas.OrderPage, operation_id="orders")
def list_orders(request: HttpRequest, after: schemas.Words = "", limit: int = Query(20, ge=1, le=100)) -> Any:
    """Your orders, newest first."""
    now = clock.now()
    cards, following = queries.list_of(asker(request), after=after, limit=limit)
    told = promises.of_orders([card.code for card in cards], now)
    given = {row["id"]: row for row in _promises([view for views in told.values() for view in views])}
    return {
        "items": [
            {
                "order": card.code,
                "state": card.state,
                "total": card.total,
                "cart_code": card.cart_code,
                "placed_at": card.placed_at,
                "pay_until": card.pay_until,
                "promises": [given[view.code] for view in told.get(card.code, [])],
            }
            for card in cards
        ],
        "next": following or None,
    }


@router.get("/orders/{order}", response=schemas.OrderGiven, operation_id="order")
def one(request: HttpRequest, order: str) -> Any:
    """One of your orders, whole."""
    return _whole(asker(request), order, clock.now())


@router.post("/orders/{order}/cancel", response=schemas.OrderGiven, operation_id="cancel_order")
def cancel(request: HttpRequest, order: str, body: schemas.Nothing | None = None) -> Any:
    """Withdraw from an order that has not been handed over; what was paid is promised back."""
    person, now = asker(request), clock.now()
    actions.cancel(order=queries.get(person, order), by="customer", now=now)
    return _whole(person, order, now)


@router.post("/orders/{order}/data", response=schemas.OrderGiven, operation_id="give_order_data")
def give_data(request: HttpRequest, order: str, body: schemas.DataAsk) -> Any:
    """Answer what the shop asked about an incomplete order (`request` of the order): its clocks run on, and one that
    was paid meanwhile becomes final. Only what was asked for is read; who buys cannot be changed (D44).
    """
    person, now = asker(request), clock.now()
    given = body.delivery.model_dump() if body.delivery else {}
    given |= {f"buyer.{name}": value for name, value in (body.buyer.model_dump() if body.buyer else {}).items()}
    try:
        answers.take(order=queries.get(person, order), raw=given, now=now)
    except AnswerIncomplete as refusal:
        raise AnswerIncomplete({_path(name): words for name, words in refusal.fields.items()}) from None
    return _whole(person, order, now)


@router.post("/orders/{order}/payments", response={201: schemas.PaymentGiven}, operation_id="start_payment")
def pay(
    request: HttpRequest,
    order: str,
    body: schemas.PaymentAsk,
    idempotency_key: schemas.IdempotencyKey = None,
) -> Any:
    """Begin a payment: the amount is frozen for the life of the bank's token. Nothing is charged here."""
    started = payments.start(
        order=queries.get(asker(request), order),
        gateway=body.gateway,
        shown_total=body.shown_total,
        key=idempotency_key,
        request_hash=request_hash(body.model_dump(exclude_unset=True)),
        now=clock.now(),
    )
    return Status(201, {"payment": started.payment, "redirect_url": started.redirect_url})


def _path(field: str) -> str:
    """Return where a field of the form stands in a body."""
    return field if "." in field else f"delivery.{field}"


def _read(body: schemas.OrderAsk, weight_g: int) -> tuple[form.Delivery, form.Buyer, CarrierChoice]:
    """Return delivery, buyer and carrier; whatever is wrong is named at once, by its path in the body."""
    wrong: dict[str, str] = {}
    delivery = buyer = None
    try:
        delivery = form.read_delivery(body.delivery.model_dump())
    except Invalid as refusal:
        wrong |= {f"delivery.{name}": sentence for name, sentence in refusal.fields.items()}
    try:
        buyer = form.read_buyer(body.buyer.model_dump())
    except Invalid as refusal:
        wrong |= refusal.fields
    if delivery is None or buyer is None:
        raise form.FormIncomplete(wrong)
    try:
        carrier = shipping.choice(body.delivery.carrier, delivery.province, delivery.city, weight_g)
    except NotCarried as refusal:
        raise NotCarried({f"delivery.{name}": sentence for name, sentence in refusal.fields.items()}) from None
    return replace(delivery, province=carrier.province, city=carrier.city), buyer, carrier


def _weight(body: schemas.OrderAsk, cart: Cart | None, now: datetime) -> int:
    """Return the grams of what is ordered. Raises QuantityInvalid."""
    if body.lines is None:
        return carts.weight(cart)
    grams = goods.weights([line.sku for line in body.lines])
    most = parameter(promises.terms_in_force(now).parameters, "max_quantity")
    return sum(grams.get(line.sku, 0) * cart_rules.quantity(line.quantity, most) for line in body.lines)


def _promises(views: Sequence[PromiseView]) -> list[dict[str, Any]]:
    """Return promises with what moved them; one query, none where there are no promises."""
    moved = moved_by_code([view.code for view in views]) if views else {}
    return [_promise(view, moved.get(view.code, [])) for view in views]


def _promise(promise: PromiseView, moved: Sequence[Moved]) -> dict[str, Any]:
    return {
        "id": promise.code,
        "kind": promise.kind,
        "what": promise.what,
        "clause": promise.clause,
        "clause_number": promise.clause_number,
        "start": promise.start,
        "hours": promise.hours,
        "hours_kind": promise.hours_kind,
        "due_at": promise.due_at,
        "state": str(promise.state),
        "kept_at": promise.kept_at,
        "held_since": promise.held_since if promise.state == "open" else None,
        "pauses": list(promise.pauses),
        "moves": [
            {
                "at": each.at,
                "due_from": each.old,
                "due_to": each.new,
                "held": each.held,
                "why": "order_incomplete" if each.by_order else "force_majeure" if each.by_pause else "holiday",
                "calendar_version": each.calendar,
            }
            for each in moved
        ],
    }


def _whole(person: Person, code: str, now: datetime) -> dict[str, Any]:
    view = queries.view(person, code, now)
    delivery = (*form.Delivery.__dataclass_fields__, "carrier", "carrier_title", "is_express")
    return {
        "order": view.code,
        "state": view.state,
        "total": view.total,
        "cart_code": view.cart_code,
        "placed_at": view.placed_at,
        "pay_until": view.pay_until,
        "promises": _promises(promises.of_order(view.code, now)),
        "terms_version": view.terms_number,
        "shown_total": view.shown_total,
        "goods_total": view.goods_total,
        "fees": {"packing": view.fee_packing, "shipping": view.fee_shipping, "insurance": view.fee_insurance},
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "placed_price": line.placed_price,
                "total": line.total,
                "is_gone": line.is_gone,
            }
            for line in view.lines
        ],
        "vat_included": view.vat_included,
        "delivery": {name: getattr(view, name) for name in delivery},
        "buyer": {"kind": view.buyer_kind, **view.buyer},
        "processing_date": view.processing_date,
        "final_at": view.final_at,
        "road": [
            {"event": step.event, "state": step.state, "at": step.at, "clause": step.clause} for step in view.road
        ],
        "request": view.request
        and {
            "fields": [{"name": _path(name), "title": title} for name, title in view.request.fields.items()],
            "note": view.request.note,
            "asked_at": view.request.asked_at,
            "answer_until": view.request.answer_until,
        },
        "cancellation": view.cancellation
        and {
            "reason": view.cancellation.reason,
            "title": view.cancellation.title,
            "note": view.cancellation.note,
            "clause": view.cancellation.clause,
            "at": view.cancellation.at,
        },
    }
