"""Orders that end without goods: cancelled, expired, given back."""

from datetime import datetime

from django.db import transaction

from peyman.billing import actions as billing
from peyman.billing import queries as bills
from peyman.billing.actions import Raced
from peyman.billing.models import Refund
from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.shop.orders.actions import closing, notes
from peyman.shop.orders.actions.moves import move_many
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules import states


@carries_out("D31", "D30")
@transaction.atomic
def cancel(*, order: Order, by: str, now: datetime) -> Order:
    """Withdraw from an order before hand-over: pieces go back on sale, money is owed back (D31, D30).

    Raises states.NotCancellable from any other state, and for an order that is cancelled already.
    """
    order = closing.lock(order)
    if order.state not in states.sources("cancel"):
        raise states.NotCancellable(state=states.TITLES[order.state])
    move_many(orders=[order], event="cancel", by=by, now=now)
    back = closing.undo(
        order=order, outcome="cancelled", reason="cancelled", clause="D31", why="پس از انصراف شما", now=now
    )
    messages.queue_many([notes.cancelled(order, order.person, back.amount, back.due)], now=now)
    return order


@carries_out("D57")
def expire_due(*, now: datetime, limit: int = 200) -> int:
    """Let registered orders that were not paid in time expire. Returns how many.

    An order with a payment whose token may still be paid waits for it.
    """
    candidates = Order.objects.filter(state=states.REGISTERED, pay_until__lte=now).order_by("pay_until", "pk")
    done = 0
    for order in candidates.select_related("person", "bill")[:limit]:
        if bills.unsettled(order.bill):
            continue
        try:
            with transaction.atomic():
                move_many(orders=[order], event="expire", by="system", now=now)
                messages.queue_many([notes.expired(order, order.person)], now=now)
        except Raced:
            continue  # paid or cancelled in this very moment
        done += 1
    return done


@carries_out("D30")
@transaction.atomic
def give_back_done(*, refund: Refund, provider_ref: str, proof: str, now: datetime) -> None:
    """A refund has been proven: post it, keep its promise, tell the buyer, close a short order."""
    if not billing.refund_done(refund=refund, provider_ref=provider_ref, proof=proof, now=now):
        return
    order = Order.objects.select_related("person", "bill").filter(bill=refund.payment.bill_id).first()
    if order is None:
        return
    if order.state == states.SHORT and not any(r.state != Refund.State.DONE for r in bills.refunds_of(order.bill)):
        move_many(orders=[order], event="give_back", by="system", now=now)
    messages.queue_many(
        [notes.refund_done(order, order.person, refund.subject.removeprefix("refund:"), refund.amount, provider_ref)],
        now=now,
    )
