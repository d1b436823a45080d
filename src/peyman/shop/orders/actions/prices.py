"""Prices that moved between placing and paying (A2, D36)."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from peyman.billing import actions as billing
from peyman.billing import queries as bills
from peyman.kernel.clauses import carries_out
from peyman.shop.catalog.models import Variant
from peyman.shop.offers import actions as offers
from peyman.shop.orders.actions import closing
from peyman.shop.orders.actions.place import write_pro_forma
from peyman.shop.orders.models import Order, OrderEvent, OrderLine
from peyman.shop.orders.rules import money, states
from peyman.shop.stock.rules import SoldOut


@carries_out("D26")
def _pieces(variant: Variant) -> int:
    """The pieces left of what was registered, whether or not its sale was stopped since: a stop is for new orders."""
    stock = getattr(variant, "stock", None)
    return stock.on_hand - stock.allocated if stock else 0


@carries_out("D36")
@transaction.atomic
def refresh_prices(*, order: Order, shown_total: int, now: datetime) -> Order:
    """Bring a registered order to today's prices before it is paid.

    A drop is applied and a new pro-forma sent; a rise needs a `shown_total` (rials) that covers it,
    else TotalRose; while a payment's token lives, nothing moves (A14). Raises NotPayable, SoldOut.
    """
    order = closing.lock(order)
    if order.state != states.REGISTERED or order.pay_until <= now:
        raise states.NotPayable(
            state=states.TITLES[states.EXPIRED if order.state == states.REGISTERED else order.state]
        )
    rows = OrderLine.objects.filter(order=order).select_related("variant__stock").order_by("position")
    lines = list(rows)
    if offers.settle(((line.variant_id, line.variant.offer_until) for line in lines), now=now):
        lines = list(rows.all())
    for line in lines:
        if (left := _pieces(line.variant)) < line.quantity:
            raise SoldOut(title=line.title, left=max(0, left))
    if bills.live_payment(order.bill, now) is not None:
        return order
    goods = sum(line.variant.price * line.quantity for line in lines)
    if goods == order.goods_total:
        return order
    total = money.agreed(shown_total=shown_total, total=order.total - order.goods_total + goods)
    for line in lines:
        line.placed_price = max(line.placed_price, line.variant.price)
        line.unit_price = line.variant.price
    OrderLine.objects.bulk_update(lines, ["placed_price", "unit_price"])
    was = order.total
    order.goods_total, order.total = goods, total
    order.save(update_fields=["goods_total", "total"])
    billing.change_bill(bill=order.bill, amount=total)
    event = "price_drop" if total < was else "price_rise_agreed"
    OrderEvent.objects.create(
        order=order,
        event=event,
        from_state=order.state,
        to_state=order.state,
        by="system" if total < was else "customer",
        clause="D36" if total < was else "D56",
        details={"from": was, "to": total},
        at=now,
    )
    newest = order.pro_formas.aggregate(newest=Max("version"))["newest"] or 0
    write_pro_forma(order=order, person=order.person, lines=lines, version=newest + 1, now=now)
    return order
