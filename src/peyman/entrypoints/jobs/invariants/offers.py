"""Offers and prices that waited for a second person."""

from datetime import datetime

from peyman.entrypoints.jobs.invariants.finding import SWEEP_GRACE, Finding, check
from peyman.shop.catalog.models import Variant
from peyman.shop.offers.models import Plan, Proposal


@check("offers_stand_at_their_price_until_their_hour")
def _offers(now: datetime) -> Finding:
    """What pages say of an offer is what runs, at its price, and nothing runs beyond its end (D122)."""
    found = Finding()
    told = dict(Variant.objects.filter(offer_until__isnull=False).values_list("pk", "offer_until"))
    for plan in Plan.objects.filter(state=Plan.State.RUNNING).select_related("variant").iterator():
        until = told.pop(plan.variant_id, None)
        found.look(
            plan.code,
            plan.ends_at is not None
            and plan.ends_at > now - SWEEP_GRACE
            and until == plan.ends_at
            and plan.variant.price == plan.price,
        )
    for variant in told:
        found.look(f"variant {variant}", False)
    return found


@check("another_person_stood_behind_large_moves")
def _proposals(now: datetime) -> Finding:
    """Whoever approved a price did not ask for it, and no plan that was held went on without one."""
    found = Finding()
    for row in Proposal.objects.exclude(state=Proposal.State.WAITING).select_related("plan").iterator():
        is_approved = row.state == Proposal.State.APPROVED
        found.look(row.code, not is_approved or (row.decided_by not in ("", row.by) and row.decided_at is not None))
    return found
