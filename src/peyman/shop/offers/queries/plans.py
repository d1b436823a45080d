"""Offers and scheduled prices."""

from collections.abc import Collection
from datetime import datetime

from peyman.kernel.errors import Missing
from peyman.shop.offers.models import Plan

OPEN = (Plan.State.HELD, Plan.State.WAITING, Plan.State.RUNNING)


def ends_at(variants: Collection[int], now: datetime) -> dict[int, datetime]:
    """Return variant id → when its running offer ends. One query; pages read `Variant.offer_until` instead."""
    rows = Plan.objects.filter(variant_id__in=variants, state=Plan.State.RUNNING, ends_at__gt=now)
    return {variant: until for variant, until in rows.values_list("variant_id", "ends_at") if until}


def plans(*, done: bool = False, limit: int = 200) -> list[Plan]:
    """Return what is ahead or runs, the next first; or what is over, the last first. One query."""
    rows = Plan.objects.select_related("variant__product")
    if done:
        return list(rows.exclude(state__in=OPEN).order_by("-ended_at", "-pk")[:limit])
    return list(rows.filter(state__in=OPEN).order_by("starts_at", "pk")[:limit])


def plans_of(variant: int, *, limit: int = 50) -> list[Plan]:
    """Return the plans of a variant, the latest first. One query."""
    return list(Plan.objects.filter(variant_id=variant).order_by("-starts_at", "-pk")[:limit])


def plan_by_code(code: str) -> Plan:
    """Return a plan. Raises Missing. One query."""
    plan = Plan.objects.select_related("variant__product").filter(code=code).first()
    if plan is None:
        raise Missing
    return plan
