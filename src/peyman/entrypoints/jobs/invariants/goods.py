"""Stock, prices and carts."""

from datetime import datetime

from django.db.models import Max, Sum

from peyman.entrypoints.jobs.invariants.committed import IS_COMMITTED
from peyman.entrypoints.jobs.invariants.finding import Finding, check, sums
from peyman.shop.carts.models import CartLine
from peyman.shop.catalog.models import PriceChange, Variant
from peyman.shop.orders.models import Order, OrderLine
from peyman.shop.stock.models import Movement, Stock


@check("stock_adds_up")
def _stock(now: datetime) -> Finding:
    """Initial and movements make what is on hand; what final orders hold is what is allocated, and never more."""
    found = Finding()
    moved = sums(Movement.objects.values("variant").annotate(n=Sum("quantity")).values_list("variant", "n"))
    committed = Order.objects.annotate(is_committed=IS_COMMITTED).filter(is_committed=True)
    lines = OrderLine.objects.filter(order__in=committed).values("variant").annotate(n=Sum("quantity"))
    sold = sums(lines.values_list("variant", "n"))
    for row in Stock.objects.iterator():
        found.look(
            f"variant {row.variant_id}",
            row.on_hand == row.initial + moved[row.variant_id]
            and row.allocated == sold.pop(row.variant_id, 0)
            and 0 <= row.allocated <= row.on_hand,
        )
    for variant in sold:
        found.look(f"variant {variant}", False)
    return found


@check("price_is_the_last_of_its_history")
def _prices(now: datetime) -> Finding:
    """The price of a variant is the newest step of its history (D122)."""
    found = Finding()
    newest = dict(PriceChange.objects.values("variant").annotate(at=Max("at")).values_list("variant", "at"))
    steps = {
        (variant, at): (price, list_price)
        for variant, at, price, list_price in PriceChange.objects.values_list("variant", "at", "price", "list_price")
    }
    for variant in Variant.objects.iterator():
        last = steps.get((variant.pk, newest.get(variant.pk)))  # type: ignore[arg-type]  # None finds nothing
        found.look(variant.sku, last == (variant.price, variant.list_price))
    return found


@check("carts_reserve_nothing")
def _carts(now: datetime) -> Finding:
    """Every cart line is a wish for a positive number of a thing there is; no counter knows of it."""
    found = Finding()
    for pk, quantity, variant in CartLine.objects.values_list("pk", "quantity", "variant__sku").iterator():
        found.look(f"line {pk}", quantity > 0 and bool(variant))
    return found
