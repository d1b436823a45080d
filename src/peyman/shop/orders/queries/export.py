"""Orders as `peyman export` writes them."""

from collections.abc import Iterator

from peyman.shop.orders.models import Order, OrderEvent


def export_rows() -> Iterator[dict[str, object]]:
    """Yield every order with its lines, as `peyman export orders` writes it; times are aware."""
    rows = Order.objects.select_related("terms").prefetch_related("lines").order_by("pk")
    for order in rows.iterator(chunk_size=500):
        yield {
            "order": order.code,
            "state": order.state,
            "total": order.total,
            "cart_code": order.cart_code,
            "terms_version": order.terms.number,
            "idempotency_key": order.idempotency_key,
            "lines": [
                {"sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price}
                for line in sorted(order.lines.all(), key=lambda line: line.position)
            ],
            "placed_at": order.placed_at,
            "final_at": order.final_at,
        }


def export_events() -> Iterator[dict[str, object]]:
    """Yield every step of every order: order, event, from, to, by, clause, at."""
    for event in OrderEvent.objects.select_related("order").order_by("pk").iterator(chunk_size=1000):
        yield {
            "order": event.order.code,
            "event": event.event,
            "from": event.from_state,
            "to": event.to_state,
            "by": event.by,
            "clause": event.clause,
            "at": event.at,
        }
