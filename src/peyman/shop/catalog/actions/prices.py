"""Prices move, and every price there ever was stays (D122)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from django.db import transaction
from django.db.models import F, Max

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.shop.catalog import rules
from peyman.shop.catalog.models import Edition, PriceChange, Product, Variant

T = TypeVar("T")

CHUNK = 400  # rows of one statement: SQLite takes 999 parameters


class NewPrice(NamedTuple):
    """A price for a variant, in rials."""

    variant: Variant
    price: int
    list_price: int


@transaction.atomic
def set_prices(*, prices: Sequence[tuple[str, int, int]], reason: str, by: str, now: datetime) -> list[PriceChange]:
    """Set prices by SKU: (sku, price, list price), in rials. Returns the changes; a price that stays leaves none.

    All of them or none: raises Missing for an unknown SKU, rules.PriceInvalid for what is no price.
    """
    wanted = {sku: (price, list_price) for sku, price, list_price in prices}
    for sku, (price, list_price) in wanted.items():
        rules.check_price(sku=sku, price=price, list_price=list_price)
    held: dict[str, Variant] = {}
    for skus in chunks(sorted(wanted)):
        rows = Variant.objects.select_for_update().filter(sku__in=skus).order_by("pk")
        held |= {variant.sku: variant for variant in rows}
    if len(held) < len(wanted):
        raise Missing(sku=next(sku for sku in wanted if sku not in held))
    moved = [
        NewPrice(held[sku], *pair) for sku, pair in wanted.items() if (held[sku].price, held[sku].list_price) != pair
    ]
    changes = move_prices(moved, reason=reason, by=by, now=now)
    for variants in chunks([new.variant for new in moved]):
        Variant.objects.bulk_update(variants, ["price", "list_price", "cheaper_at"])
    if moved:
        bump({new.variant.product_id for new in moved})
    return changes


@carries_out("D122")
def move_prices(moved: Iterable[NewPrice], *, reason: str, by: str, now: datetime) -> list[PriceChange]:
    """Give variants new prices and write the history; the variants themselves are for the caller to save.

    A change that falls on the instant of the one before it is told a microsecond later: an instant has one price.
    """
    new = list(moved)
    last: dict[int, datetime] = {}
    for keys in chunks([price.variant.pk for price in new]):
        rows = PriceChange.objects.filter(variant_id__in=keys).values_list("variant_id").annotate(last=Max("at"))
        last |= dict(rows)
    changes = []
    for variant, price, list_price in new:
        before = last.get(variant.pk)
        at = now if before is None or before < now else before + timedelta(microseconds=1)
        if before is not None and price != variant.price:
            variant.cheaper_at = at if price < variant.price else None
        variant.price, variant.list_price = price, list_price
        changes.append(
            PriceChange(variant=variant, price=price, list_price=list_price, reason=reason[:40], by=by[:60], at=at)
        )
    return PriceChange.objects.bulk_create(changes, batch_size=CHUNK)


def bump(products: Iterable[int]) -> None:
    """Let whatever was rendered of these products be stale."""
    for keys in chunks(sorted(products)):
        Product.objects.filter(pk__in=keys).update(version=F("version") + 1)
    turn()


def turn() -> None:
    """Begin a new edition of the catalogue; the last step of a transaction, since all changes meet on this one row."""
    if not Edition.objects.filter(pk=1).update(number=F("number") + 1):
        Edition.objects.bulk_create([Edition(pk=1, number=1)], ignore_conflicts=True)


def chunks(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
