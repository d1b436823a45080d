"""The one way in which an order's state changes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from peyman.billing.actions import Raced
from peyman.shop.orders.models import Order, OrderEvent
from peyman.shop.orders.rules import states
from peyman.tables import insert


def move_many(
    *,
    orders: Collection[Order],
    event: str,
    by: str,
    now: datetime,
    details: Mapping[int, dict[str, Any]] | None = None,
    clause: str = "",
    **fields: Any,
) -> None:
    """Let `event` happen to orders that are all in one state, and write it down.

    `fields` are set in the same statement; `clause` says why more exactly than the table does. Raises states.NotNow
    when the table has no such step, Raced when an order was moved by somebody else meanwhile (the transaction is to be
    run again).
    """
    if not orders:
        return
    before = {order.state for order in orders}
    if len(before) != 1:
        raise Raced
    state = before.pop()
    step = states.step(state, event)
    rows = Order.objects.filter(pk__in=[order.pk for order in orders], state=state)
    if rows.update(state=step.to, **fields) != len(orders):
        raise Raced
    insert(
        [
            OrderEvent(
                order=order,
                event=event,
                from_state=state,
                to_state=step.to,
                by=by,
                clause=clause or step.clause,
                details=(details or {}).get(order.pk, {}),
                at=now,
            )
            for order in orders
        ]
    )
    for order in orders:
        order.state = step.to
