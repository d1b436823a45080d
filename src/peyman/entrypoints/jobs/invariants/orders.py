"""Orders: their codes, sums, roads, terms and papers."""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Count, F, Sum

from peyman.entrypoints.jobs.invariants.committed import COMMITTED
from peyman.entrypoints.jobs.invariants.finding import Finding, check, sums
from peyman.kernel import codes
from peyman.promises.models import Acceptance
from peyman.shop.orders import queries as orders
from peyman.shop.orders.models import Order, OrderEvent, OrderLine
from peyman.shop.orders.rules import states


@check("cart_codes_are_whole")
def _cart_codes(now: datetime) -> Finding:
    """Each final order has one cart code of its own, with a right check character, and the event that issued it."""
    found = Finding()
    issued = Counter(OrderEvent.objects.filter(event="issue_cart_code").values_list("order", flat=True))
    seen: Counter[str | None] = Counter(Order.objects.exclude(cart_code=None).values_list("cart_code", flat=True))
    for pk, code, state, cart_code in Order.objects.values_list("pk", "code", "state", "cart_code").iterator():
        wanted = state in COMMITTED or issued[pk]
        found.look(
            code,
            issued[pk] == 1 and codes.is_valid(cart_code or "", "DBC") and seen[cart_code] == 1
            if wanted
            else cart_code is None,
        )
    return found


@check("orders_add_up")
def _totals(now: datetime) -> Finding:
    """An order's goods are the sum of its lines, and its total is goods and fees."""
    found = Finding()
    lines = OrderLine.objects.values("order").annotate(sum=Sum(F("quantity") * F("unit_price")))
    goods = sums(lines.values_list("order", "sum"))
    for order in Order.objects.iterator():
        fees = order.fee_packing + order.fee_shipping + order.fee_insurance
        found.look(order.code, order.goods_total == goods[order.pk] and order.total == order.goods_total + fees)
    return found


@check("orders_moved_by_the_table")
def _roads(now: datetime) -> Finding:
    """Each order's events are a road of the table, without a gap, that ends where the order is."""
    found = Finding()
    at: dict[int, str] = {}
    broken: set[int] = set()
    rows = OrderEvent.objects.order_by("pk").values_list("order", "event", "from_state", "to_state")
    for order, event, before, after in rows.iterator():
        if before != at.get(order, ""):
            broken.add(order)
        elif before == after:
            pass  # a note on the way, such as a new price
        elif (before, event) not in states.STEPS or states.STEPS[before, event].to != after:
            broken.add(order)
        at[order] = after
    for pk, code, state in Order.objects.values_list("pk", "code", "state").iterator():
        found.look(code, pk not in broken and at.get(pk) == state)
    return found


@check("orders_keep_their_terms")
def _terms(now: datetime) -> Finding:
    """Each order names a version, its hash, and the acceptance of that very text."""
    found = Finding()
    accepted = set(Acceptance.objects.filter(kind="order").values_list("subject", "version", "sha256"))
    rows = Order.objects.select_related("terms").only("code", "terms_sha256", "terms__sha256")
    for order in rows.iterator():
        found.look(
            order.code,
            order.terms_sha256 == order.terms.sha256
            and (f"order:{order.code}", order.terms_id, order.terms_sha256) in accepted,
        )
    return found


@check("papers_end_with_their_term")
def _retention(now: datetime) -> Finding:
    """No ended order holds a name or an address after the years of its terms; the sweep has two days to come by."""
    found = Finding(checked=Order.objects.count())
    late = orders.past_their_term(now - timedelta(days=2))
    found.bad = list(late.order_by("pk").values_list("code", flat=True))
    return found


@check("one_key_one_order")
def _keys(now: datetime) -> Finding:
    """No idempotency key made two orders."""
    found = Finding()
    rows = Order.objects.exclude(idempotency_key=None).values("person", "idempotency_key").annotate(n=Count("pk"))
    for row in rows.iterator():
        found.look(row["idempotency_key"], row["n"] == 1)
    return found
