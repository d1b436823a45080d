"""What waits for a second person, and what was done."""

from peyman.shop.offers.models import Act, Plan, Proposal


def waiting(*, done: bool = False, limit: int = 200) -> list[Proposal]:
    """Return the proposals that wait, the oldest first; or those that were decided, the last first. One query."""
    rows = Proposal.objects.select_related("variant__product", "plan")
    if done:
        return list(rows.exclude(state=Proposal.State.WAITING).order_by("-decided_at", "-pk")[:limit])
    return list(rows.filter(state=Proposal.State.WAITING).order_by("made_at", "pk")[:limit])


def counts() -> dict[str, int]:
    """Return how many proposals wait, and how many plans are ahead or run. Two queries."""
    open_ = (Plan.State.HELD, Plan.State.WAITING, Plan.State.RUNNING)
    return {
        "waiting": Proposal.objects.filter(state=Proposal.State.WAITING).count(),
        "plans": Plan.objects.filter(state__in=open_).count(),
    }


def story(variant: int, *, limit: int = 100) -> list[Act]:
    """Return what was done with the price of a variant, the last first. One query."""
    return list(Act.objects.filter(variant_id=variant).order_by("-at", "-pk")[:limit])
