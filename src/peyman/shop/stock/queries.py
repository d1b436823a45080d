"""What the counters say."""

from collections.abc import Collection, Iterator

from django.db.models import F

from peyman.shop.stock.models import Stock


def available(variants: Collection[int]) -> dict[int, int]:
    """Return variant id → pieces that can still be sold; a variant without a counter is left out."""
    rows = Stock.objects.filter(variant_id__in=variants).annotate(left=F("on_hand") - F("allocated"))
    return dict(rows.values_list("variant_id", "left"))


def export_rows() -> Iterator[dict[str, object]]:
    """Yield every counter by SKU: sku, initial, on_hand, allocated."""
    rows = Stock.objects.order_by("variant__sku").values_list("variant__sku", "initial", "on_hand", "allocated")
    for sku, initial, on_hand, allocated in rows.iterator():
        yield {"sku": sku, "initial": initial, "on_hand": on_hand, "allocated": allocated}
