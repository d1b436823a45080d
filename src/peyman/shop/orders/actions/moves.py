"""The one way in which an order's state changes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from peyman.billing.actions import Raced
from peyman.shop.orders.models import Order, OrderEvent
from peyman.shop.orders.rules import states
from peyman.tables import change, insert


class _Event(NamedTuple):
    """What `OrderEvent` holds, at little cost."""

    order_id: int
    event: str
    from_state: str
    to_state: str
    by: str
    clause: str
    details: dict[str, Any]
    at: datetime


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
    ids = [order.pk for order in orders]
    if change(Order, ids, where={"state": [state]}, state=step.to, **fields) != len(orders):
        raise Raced
    insert(
        [
            _Event(
                order_id=order.pk,
                event=event,
                from_state=state,
                to_state=step.to,
                by=by,
                clause=clause or step.clause,
                details=(details or {}).get(order.pk, {}),
                at=now,
            )
            for order in orders
        ],
        into=OrderEvent,
    )
    for order in orders:
        order.state = step.to
