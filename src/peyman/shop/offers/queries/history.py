"""The history of prices as it leaves the house: one row a step, streamed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from peyman.shop.catalog.models import PriceChange, Product
from peyman.shop.catalog.rules import reason_words


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A price from an instant on, in rials, with why, in public words, and who, for staff."""

    sku: str
    at: datetime
    price: int
    list_price: int
    reason: str
    words: str
    by: str


def history(sku: str, *, limit: int = 200) -> list[HistoryRow]:
    """Return the last steps of a variant's price, the newest first. One query."""
    rows = PriceChange.objects.filter(variant__sku=sku).order_by("-at")
    return [_row(row) for row in rows.values_list(*_COLUMNS)[:limit]]


def has_product(slug: str) -> bool:
    """Say whether there is a product of this address. One query."""
    return Product.objects.filter(slug=slug).exists()


def history_of_product(slug: str) -> Iterator[HistoryRow]:
    """Yield every step of every price of a product, by variant and instant. One query, a few rows in memory."""
    rows = PriceChange.objects.filter(variant__product__slug=slug)
    rows = rows.order_by("variant__position", "variant__sku", "at")
    return (_row(row) for row in rows.values_list(*_COLUMNS).iterator(chunk_size=500))


def export_rows() -> Iterator[dict[str, object]]:
    """Yield every step of every price by SKU and instant: sku, at, price, list_price, reason, by. Rials."""
    rows = PriceChange.objects.order_by("variant__sku", "at").values_list(*_COLUMNS)
    for sku, at, price, list_price, reason, by in rows.iterator(chunk_size=2000):
        yield {"sku": sku, "at": at, "price": price, "list_price": list_price, "reason": reason, "by": by}


_COLUMNS = ("variant__sku", "at", "price", "list_price", "reason", "by")


def _row(row: tuple[str, datetime, int, int, str, str]) -> HistoryRow:
    sku, at, price, list_price, reason, by = row
    return HistoryRow(sku, at, price, list_price, reason, reason_words(reason), by)
