"""What every end of an order without goods has in common: pieces, promises, and the money that is owed back."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from peyman.billing import actions as billing
from peyman.billing import queries as bills
from peyman.billing.actions import RefundAsk
from peyman.billing.models import Bill
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises.queries import ledger as promise_queries
from peyman.shop.orders.actions import notes
from peyman.shop.orders.actions.notes import Back
from peyman.shop.orders.models import InformationRequest, Order, OrderLine
from peyman.shop.stock import actions as stock


def lock(order: Order) -> Order:
    """Hold an order with its bill and return it as it is now; for a caller inside a transaction.

    The bill comes first, as in a capture: money that arrives at this moment is either seen here, or finds the order as
    this transaction leaves it.
    """
    return lock_bill(order.bill_id)


def lock_bill(bill_id: int) -> Order:
    """Hold a bill and its order and return the order, as `lock`."""
    Bill.objects.select_for_update().get(pk=bill_id)
    return Order.objects.select_for_update(of=("self",)).select_related("person", "terms", "bill").get(bill=bill_id)


@carries_out("D30", "D31", "D33")
def undo(
    *,
    order: Order,
    outcome: str,
    reason: str,
    clause: str,
    why: str,
    gone: Collection[str] = (),
    by: Person | None = None,
    now: datetime,
) -> Back:
    """Undo what a locked order holds, which was cancelled in this transaction.

    Pieces go back on sale, but for those of the SKUs in `gone`: they are not there. Open requests end with `outcome`,
    processing is no longer owed, and what was paid is owed back under `clause` («بازگرداندن … تومان {why}»). Returns
    all that is on its way back, also what was owed before.
    """
    if order.cart_code:
        _put_back(order, gone, by, now)
        promises.waive(subjects=[f"order:{order.code}"], kind="processing", evidence={"order": "cancelled"}, now=now)
    InformationRequest.objects.filter(order=order, closed_at=None).update(closed_at=now, outcome=outcome)
    billing.accept_refunds(
        asks=[
            RefundAsk(
                payment=payment,
                amount=payment.amount - payment.refunded,
                reason=reason,
                clause=clause,
                account="orders" if order.cart_code else "unallocated",
                order=order.code,
                person_id=order.person_id,
                terms=order.terms,
                what=f"بازگرداندن {notes.toman_words(payment.amount - payment.refunded)} تومان {why}",
                by=by,
            )
            for payment in bills.captured_of(order.bill)
        ],
        now=now,
    )
    return on_its_way(order)


def on_its_way(order: Order) -> Back:
    """Return what is owed back of an order and not proven yet, and until when all of it is promised."""
    waiting = [refund for refund in bills.refunds_of(order.bill) if refund.state != refund.State.DONE]
    if not waiting:
        return Back()
    due = promise_queries.due_of(refund.subject for refund in waiting)
    return Back(
        notes.toman_words(sum(refund.amount for refund in waiting)), jalali.deadline(max(due.values())) if due else ""
    )


def _put_back(order: Order, gone: Collection[str], by: Person | None, now: datetime) -> None:
    """Free the pieces of an order; what is gone is taken out of the count as well, and leaves a movement."""
    pieces: dict[int, int] = defaultdict(int)
    lost: dict[int, int] = defaultdict(int)
    for line in OrderLine.objects.filter(order=order):
        (lost if line.sku in gone else pieces)[line.variant_id] += line.quantity
    stock.release_many(pieces=pieces)
    stock.write_off_many(pieces=lost, reason="stock_out", by=by_words(by), now=now)


def by_words(by: Person | None) -> str:
    """Return how events and movements name who acted."""
    return f"staff:{by.code}" if by else "system"
