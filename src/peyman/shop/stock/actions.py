"""Counting pieces, and owing them to final orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, IntegerField

from peyman.kernel.clauses import carries_out
from peyman.shop.stock.models import Movement, Stock
from peyman.shop.stock.rules import SoldOut
from peyman.tables import ByKey, Plus, Prepared, change


def _by_variant(numbers: Mapping[int, int]) -> ByKey:
    return ByKey("variant_id", numbers, IntegerField())


@dataclass(frozen=True)
class Held:
    """A locked counter: pieces left, and the price of its variant at this moment, in rials.

    `offer_until`: when the offer ends that the price is of; one that has ended is settled before the price is used.
    """

    left: int
    price: int
    offer_until: datetime | None = None


_told = Prepared(
    lambda variants: (
        Stock.objects.select_for_update(of=("self",))
        .filter(variant_id__in=variants)
        .order_by("variant_id")
        .values_list("variant_id", "on_hand", "allocated", "variant__price", "variant__offer_until")
    )
)


def lock(variants: set[int]) -> dict[int, Held]:
    """Hold the counters of `variants` in key order and return variant → what it says. One query.

    For a caller inside a transaction. On SQLite nothing is held (a writing transaction is alone
    there); the conditional update of `claim_many` is the guarantee on both databases.
    """
    return {
        variant: Held(on_hand - allocated, price, until)
        for variant, on_hand, allocated, price, until in _told(variants)
    }


@carries_out("D57")
@transaction.atomic(savepoint=False)
def claim_many(*, pieces: Mapping[int, int]) -> None:
    """Owe `pieces` (variant id → number) to final orders: all of them, or none.

    One conditional statement. Raises SoldOut, and undoes the rest, when any is short.
    """
    if not pieces:
        return
    taken = change(Stock, pieces, key="variant_id", up_to={"allocated": "on_hand"}, allocated=Plus(pieces))
    if taken != len(pieces):
        raise SoldOut(title="کالا", left=0)


def release_many(*, pieces: Mapping[int, int]) -> None:
    """Owe `pieces` no longer: their orders were cancelled."""
    if pieces:
        Stock.objects.filter(variant_id__in=pieces).update(allocated=F("allocated") - _by_variant(pieces))


@carries_out("D28")
@transaction.atomic
def write_off_many(*, pieces: Mapping[int, int], reason: str, by: str, now: datetime) -> None:
    """Owe `pieces` no longer and take them out of the count: they were sold and are not there. Leaves movements."""
    if not pieces:
        return
    lost = _by_variant(pieces)
    Stock.objects.filter(variant_id__in=pieces).update(allocated=F("allocated") - lost, on_hand=F("on_hand") - lost)
    Movement.objects.bulk_create(
        [Movement(variant_id=key, quantity=-n, reason=reason, by=by, at=now) for key, n in sorted(pieces.items())]
    )


@transaction.atomic
def count_many(*, counts: Mapping[int, int], reason: str, by: str, now: datetime) -> list[int]:
    """Set what was counted in the store: variant id → pieces on hand, 0 or more.

    The first count of a variant is its `initial`; later ones leave a movement. Returns the variants
    whose count is below what is owed to final orders: those are left as they were.
    """
    held = {
        row.variant_id: row
        for row in Stock.objects.select_for_update().filter(variant_id__in=counts).order_by("variant_id")
    }
    fresh = [Stock(variant_id=key, initial=n, on_hand=n) for key, n in counts.items() if key not in held]
    Stock.objects.bulk_create(fresh, batch_size=500)
    changed = {key: n for key, n in counts.items() if key in held and held[key].on_hand != n}
    too_low = [key for key, n in changed.items() if n < held[key].allocated]
    changed = {key: n for key, n in changed.items() if n >= held[key].allocated}
    for some in _chunks(changed, 400):
        Stock.objects.filter(variant_id__in=some).update(on_hand=_by_variant(some))
    Movement.objects.bulk_create(
        [
            Movement(variant_id=key, quantity=n - held[key].on_hand, reason=reason, by=by, at=now)
            for key, n in changed.items()
        ],
        batch_size=500,
    )
    return too_low


def _chunks(numbers: Mapping[int, int], size: int) -> list[dict[int, int]]:
    items = list(numbers.items())
    return [dict(items[start : start + size]) for start in range(0, len(items), size)]
