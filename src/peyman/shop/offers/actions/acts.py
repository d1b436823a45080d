"""Steps that all acts on prices share: the history of who did what, and a price that moves."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from peyman.shop.catalog.actions.prices import NewPrice, bump, chunks, move_prices
from peyman.shop.catalog.models import PriceChange, Variant
from peyman.shop.offers.models import Act


def act(*, variant: int, subject: str, verb: str, why: str, by: str, now: datetime, **details: Any) -> Act:
    """Describe what was done; for the caller to write down."""
    return Act(variant_id=variant, subject=subject[:40], verb=verb, why=why[:300], by=by[:60], details=details, at=now)


def remember(*acts: Act) -> None:
    Act.objects.bulk_create(acts, batch_size=400)


def hold(variants: Collection[int]) -> dict[int, Variant]:
    """Hold variants, by key in key order, until the transaction ends."""
    held: dict[int, Variant] = {}
    for keys in chunks(sorted(variants)):
        rows = Variant.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
        held |= {row.pk: row for row in rows}
    return held


def put(moved: Iterable[NewPrice], *, reason: str, by: str, now: datetime) -> list[PriceChange]:
    """Move prices of held variants, with their history and whatever was rendered of them; `offer_until` is saved as
    it stands on them.
    """
    new = list(moved)
    changes = move_prices(new, reason=reason, by=by, now=now)
    save([each.variant for each in new])
    return changes


def save(variants: Collection[Variant]) -> None:
    """Save what an act changed of variants, and let their pages be stale."""
    rows = list(variants)
    for some in chunks(rows):
        Variant.objects.bulk_update(some, ["price", "list_price", "cheaper_at", "offer_until"])
    if rows:
        bump({row.product_id for row in rows})
