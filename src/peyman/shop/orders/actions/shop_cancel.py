"""Cancelling an order by the shop itself: reason, notice and the money owed back in one act (D28, D32, D33)."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import transaction

from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises.rules import parameter
from peyman.shop.orders.actions import closing, notes
from peyman.shop.orders.actions.moves import move_many
from peyman.shop.orders.models import Cancellation, Order, OrderLine
from peyman.shop.orders.rules import reasons, states

log = structlog.get_logger(__name__)


@carries_out("D28", "D32", "D33")
@transaction.atomic
def cancel_by_shop(
    *,
    order: Order,
    reason: str,
    note: str,
    skus: Sequence[str] = (),
    detected_at: datetime,
    by: Person,
    now: datetime,
) -> Order:
    """Cancel an order that cannot be delivered, in any state before its hand-over, and tell its orderer why.

    `reason` is a code of `rules.reasons`, `skus` the goods it is about: their pieces do not return to sale and leave
    the count. The notice is queued and all that was paid is owed back in this transaction; where the fault is ours,
    the notice is promised from `detected_at` on (D32).

    Raises states.NotNow from any other state, Invalid with every fault: reason, goods, note, a detection that lies
    ahead or before the order.
    """
    order = closing.lock(order)
    if order.state not in states.sources("cancel_by_shop"):
        raise states.NotNow(state=states.TITLES[order.state])
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    words = " ".join(note.split())
    why = reasons.reason(reason, skus=list(skus), of_order=[line.sku for line in lines], note=words)
    reasons.detected(detected_at, placed_at=order.placed_at, now=now)
    move_many(
        orders=[order],
        event="cancel_by_shop",
        by=closing.by_words(by),
        now=now,
        clause=why.clause,
        details={order.pk: {"reason": why.code, "skus": list(skus)}},
    )
    Cancellation.objects.create(
        order=order, reason=why.code, note=words, skus=list(skus), detected_at=detected_at, by=by, at=now
    )
    back = closing.undo(
        order=order,
        outcome="cancelled",
        reason="shop_cancelled",
        clause=why.clause,
        why="پس از لغو سفارش از سوی ما",
        gone=skus,
        by=by,
        now=now,
    )
    gone = [line.title for line in lines if line.sku in skus]
    messages.queue_many(notes.cancelled_by_shop(order, order.person, why, words, gone, back), now=now)
    if why.is_ours:
        promises.make_many([_notice(order, detected_at)], now=now)
    log.warning("order.cancelled_by_shop", order=order.code, reason=why.code, by=by.code)
    return order


def _notice(order: Order, detected_at: datetime) -> promises.NewPromise:
    return promises.NewPromise(
        clause="D32",
        kind="notice",
        subject=f"message:{notes.cancelled_by_shop_key(order.code)}",
        order=order.code,
        person_id=order.person_id,
        what="خبر دادن به شما که این سفارش تحویل‌دادنی نیست",
        terms=order.terms,
        start=detected_at,
        hours=parameter(order.terms.parameters, "notice_hours"),
        province=order.province,
    )
