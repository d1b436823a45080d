"""Asking a customer for data that are missing or wrong (D39, D41): the order waits, its clocks stand, the answer moves
it on, and silence ends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import structlog
from django.db import transaction

from peyman.billing.actions import Raced
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises import queries as terms
from peyman.promises.queries.ledger import ORDER_INCOMPLETE
from peyman.promises.rules import parameter
from peyman.shop.orders.actions import addresses, closing, notes
from peyman.shop.orders.actions.finality import issue_cart_codes
from peyman.shop.orders.actions.moves import move_many
from peyman.shop.orders.models import InformationRequest, Order
from peyman.shop.orders.rules import requests as rules
from peyman.shop.orders.rules import states
from peyman.shop.orders.rules.form import Buyer, Delivery

log = structlog.get_logger(__name__)


@carries_out("D39", "D41")
@transaction.atomic
def ask(*, order: Order, fields: Sequence[str], note: str, by: Person, now: datetime) -> InformationRequest:
    """Ask the customer for `fields` of the order form, in the words of `note`, and stop the order's clocks.

    The customer is told in this transaction, and has `answer_hours` working hours of the order's own terms. What is
    promised about the order itself stands still, and so does the time to pay; money owed back and messages run on.
    Raises states.NotNow for an order in any other state than registered and final, Invalid for what cannot be asked.
    """
    order = closing.lock(order)
    if order.state not in states.sources("ask_more"):
        raise states.NotNow(state=states.TITLES[order.state])
    if order.state == states.REGISTERED and order.pay_until <= now:
        raise states.NotNow(state=states.TITLES[states.EXPIRED])
    names, words = rules.asked(fields=fields, note=note, buyer_kind=order.buyer_kind)
    _, reckoning = terms.reckoning()
    hours = parameter(order.terms.parameters, "answer_hours")
    due = reckoning.due(
        now, hours, "working", clause="D41", kind="answer", province=order.province, parameters=order.terms.parameters
    )
    request = InformationRequest.objects.create(
        order=order,
        code=codes.new("REQ"),
        fields=names,
        note=words,
        asked_by=by,
        asked_at=now,
        answer_until=due.at,
    )
    move_many(
        orders=[order],
        event="ask_more",
        by=closing.by_words(by),
        now=now,
        details={order.pk: {"request": request.code, "fields": names}},
    )
    promises.hold(subjects=[f"order:{order.code}"], cause=request.code, why=ORDER_INCOMPLETE, now=now)
    messages.queue_many(notes.data_asked(order, order.person, request), now=now)
    log.info("order.data_asked", order=order.code, request=request.code, fields=names, by=by.code)
    return request


@carries_out("D39", "D45")
@transaction.atomic
def answer(*, order: Order, raw: Mapping[str, object], by: str, now: datetime) -> Order:
    """Take the answer to the open request of an order, and let the order go on from where it stood.

    Only what was asked for is read from `raw` (names as in `rules.requests`); the form must be whole with it. An order
    whose cart code was issued is final again; one that is paid by now gets its code at once; any other waits for its
    payment as much longer as it was incomplete. An answer after the deadline counts while the order still waits.

    Raises states.NothingAsked, rules.AnswerIncomplete with every fault (D38), PublicPlace (D49). The caller has made
    sure that the order's carrier goes to the new place (D68).
    """
    order = closing.lock(order)
    request = InformationRequest.objects.select_for_update().filter(order=order, closed_at=None).first()
    if request is None or order.state != states.INCOMPLETE:
        raise states.NothingAsked(state=states.TITLES[order.state])
    delivery, buyer = read_answer(order=order, fields=request.fields, raw=raw)
    addresses.assert_deliverable(person=order.person, delivery=delivery)
    changed = {name: value for name, value in asdict(delivery).items() if value != getattr(order, name)}
    if buyer.particulars() != order.buyer:
        changed["buyer"] = buyer.particulars()
    _, calendar = terms.working_calendar()
    columns = {**changed, "processing_date": max(order.processing_date, calendar.processing_date(now))}
    if not order.cart_code:
        columns["pay_until"] = order.pay_until + (now - request.asked_at)
    InformationRequest.objects.filter(pk=request.pk, closed_at=None).update(
        closed_at=now, answered_at=now, outcome="answered"
    )
    move_many(
        orders=[order],
        event="complete_final" if order.cart_code else "complete",
        by=by,
        now=now,
        details={order.pk: {"request": request.code, "changed": sorted(changed)}},
        **columns,
    )
    promises.run_on(subjects=[f"order:{order.code}"], cause=request.code, why=ORDER_INCOMPLETE, now=now)
    log.info("order.data_answered", order=order.code, request=request.code)
    if not order.cart_code:
        issue_cart_codes([order.pk], now)
    return Order.objects.select_related("person", "terms", "bill").get(pk=order.pk)


def read_answer(*, order: Order, fields: Sequence[str], raw: Mapping[str, object]) -> tuple[Delivery, Buyer]:
    """Return delivery and buyer as they will be with this answer. Raises rules.AnswerIncomplete."""
    return rules.read_answer(
        raw,
        fields=fields,
        delivery={name: getattr(order, name) for name in Delivery.__dataclass_fields__},
        buyer={"kind": order.buyer_kind, **order.buyer},
    )


@carries_out("D41", "D30")
def cancel_unanswered(*, now: datetime, limit: int = 200) -> int:
    """Cancel orders whose questions were not answered in time, and owe back what was paid. Returns how many.

    Each in a transaction of its own; of an answer and this sweep, one wins.
    """
    silent = InformationRequest.objects.filter(closed_at=None, answer_until__lte=now)
    done = 0
    for request in silent.select_related("order").order_by("answer_until", "pk")[:limit]:
        try:
            done += _cancel_unanswered(request, now)
        except Raced:
            continue
    return done


@transaction.atomic
def _cancel_unanswered(request: InformationRequest, now: datetime) -> bool:
    order = closing.lock(request.order)
    waits = InformationRequest.objects.filter(pk=request.pk, closed_at=None).exists()
    if order.state != states.INCOMPLETE or not waits:
        return False  # answered or cancelled in this very moment
    move_many(orders=[order], event="unanswered", by="system", now=now, details={order.pk: {"request": request.code}})
    back = closing.undo(
        order=order,
        outcome="unanswered",
        reason="unanswered",
        clause="D41",
        why="چون پرسش ما پاسخی نگرفت",
        now=now,
    )
    messages.queue_many(notes.unanswered(order, order.person, back), now=now)
    log.info("order.unanswered", order=order.code, request=request.code)
    return True
