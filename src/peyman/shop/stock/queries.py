"""What the counters say."""

from collections.abc import Collection, Iterator, Sequence

from django.db.models import F

from peyman.shop.stock.models import Movement, Stock


def available(variants: Collection[int]) -> dict[int, int]:
    """Return variant id → pieces that can still be sold; a variant without a counter is left out."""
    rows = Stock.objects.filter(variant_id__in=variants).annotate(left=F("on_hand") - F("allocated"))
    return dict(rows.values_list("variant_id", "left"))


def movements(variants: Sequence[int], *, limit: int = 3) -> dict[int, list[Movement]]:
    """Return the last corrections of what lies in the store, by variant, the newest first. One query."""
    found: dict[int, list[Movement]] = {key: [] for key in variants}
    for row in Movement.objects.filter(variant__in=variants).order_by("-at", "-pk"):
        if len(found[row.variant_id]) < limit:
            found[row.variant_id].append(row)
    return found


def export_rows() -> Iterator[dict[str, object]]:
    """Yield every counter by SKU: sku, initial, on_hand, allocated."""
    rows = Stock.objects.order_by("variant__sku").values_list("variant__sku", "initial", "on_hand", "allocated")
    for sku, initial, on_hand, allocated in rows.iterator():
        yield {"sku": sku, "initial": initial, "on_hand": on_hand, "allocated": allocated}
