"""Orders that end without goods: cancelled, expired, given back."""

from collections import defaultdict
from datetime import datetime

from django.db import transaction

from peyman.billing import actions as billing
from peyman.billing import queries as bills
from peyman.billing.actions import Raced, RefundAsk
from peyman.billing.models import Refund
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.promises import actions as promises
from peyman.shop.orders.actions import notes
from peyman.shop.orders.actions.moves import move_many
from peyman.shop.orders.models import Order, OrderLine
from peyman.shop.orders.rules import states
from peyman.shop.stock import actions as stock


@carries_out("D31", "D30")
@transaction.atomic
def cancel(*, order: Order, by: str, now: datetime) -> Order:
    """Withdraw from an order before hand-over: pieces go back on sale, money is owed back (D31, D30).

    Raises states.NotCancellable from any other state, and for an order that is cancelled already.
    """
    order = Order.objects.select_for_update(of=("self",)).select_related("person", "terms", "bill").get(pk=order.pk)
    if order.state not in states.sources("cancel"):
        raise states.NotCancellable(state=states.TITLES[order.state])
    was_final = order.state == states.FINAL
    move_many(orders=[order], event="cancel", by=by, now=now)
    if was_final:
        pieces: dict[int, int] = defaultdict(int)
        for line in OrderLine.objects.filter(order=order):
            pieces[line.variant_id] += line.quantity
        stock.release_many(pieces=pieces)
        promises.waive(subjects=[f"order:{order.code}"], kind="processing", evidence={"order": "cancelled"}, now=now)
    asks = [
        RefundAsk(
            payment=payment,
            amount=payment.amount - payment.refunded,
            reason="cancelled",
            clause="D31",
            account="orders" if was_final else "unallocated",
            order=order.code,
            person_id=order.person_id,
            terms=order.terms,
            what=f"بازگرداندن {notes.toman_words(payment.amount - payment.refunded)} تومان پس از انصراف شما",
        )
        for payment in bills.captured_of(order.bill)
    ]
    owed = billing.accept_refunds(asks=asks, now=now)
    amount = notes.toman_words(sum(one.refund.amount for one in owed)) if owed else ""
    due = jalali.deadline(max(one.due_at for one in owed)) if owed else ""
    messages.queue_many([notes.cancelled(order, order.person, amount, due)], now=now)
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
    messages.queue_many([notes.refund_done(order, order.person, refund.code, refund.amount, provider_ref)], now=now)
