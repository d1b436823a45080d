"""Which goods somebody has bought: what stands about them was read by a buyer."""

from collections.abc import Collection

from peyman.shop.orders.models import OrderLine


def sold_products(products: Collection[int]) -> set[int]:
    """Return those of these products, by key, of which some order became final. One query."""
    lines = OrderLine.objects.filter(variant__product_id__in=products, order__final_at__isnull=False)
    return set(lines.values_list("variant__product_id", flat=True).distinct())


def has_orders(sku: str) -> bool:
    """Say whether any order ever named this variant. One query."""
    return OrderLine.objects.filter(variant__sku=sku).exists()
