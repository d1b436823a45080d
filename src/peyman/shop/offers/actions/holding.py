"""Prices that wait for a second person."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max

from peyman.kernel import codes
from peyman.shop.catalog.actions.prices import chunks
from peyman.shop.catalog.models import Variant
from peyman.shop.offers import rules
from peyman.shop.offers.actions import acts
from peyman.shop.offers.actions.acts import act
from peyman.shop.offers.models import Act, Floor, Plan, Proposal


class Asking(NamedTuple):
    """A price that one person asks for and another has to approve, in rials. `limit`: which it crosses."""

    variant: Variant
    price: int
    list_price: int
    limit: str


def floors_of(variants: Collection[int]) -> dict[int, int]:
    """Return variant id → below what it is not sold, in rials; without a floor it is left out. One query for 400."""
    found: dict[int, int] = {}
    for keys in chunks(sorted(variants)):
        newest = Floor.objects.filter(variant_id__in=keys).order_by().values("variant").annotate(last=Max("pk"))
        rows = Floor.objects.filter(pk__in=newest.values("last"), amount__gt=0)
        found |= dict(rows.values_list("variant_id", "amount"))
    return found


def limit_crossed(variant: Variant, price: int, list_price: int) -> str:
    """Say which limit a price would cross that one person sets alone, "" for none."""
    return rules.crosses(
        price=price,
        list_price=list_price,
        was_price=variant.price,
        was_list_price=variant.list_price,
        percent=settings.PRICE_LIMIT_PERCENT,
    )


def ask(asked: Iterable[Asking], *, source: str, reason: str, why: str, by: str, now: datetime) -> list[Proposal]:
    """Let prices of held variants wait for a second person, in place of those that waited before.

    The same price that waits already is left as it is, with whoever asked for it first.
    """
    wanted = {each.variant.pk: each for each in asked}
    waiting: dict[int, Proposal] = {}
    for keys in chunks(sorted(wanted)):
        rows = Proposal.objects.filter(variant_id__in=keys, plan=None, state=Proposal.State.WAITING)
        waiting |= {row.variant_id: row for row in rows}
    kept, fresh, old = [], [], []
    for key, each in wanted.items():
        there = waiting.get(key)
        if there and (there.price, there.list_price, there.was_price) == (
            each.price,
            each.list_price,
            each.variant.price,
        ):
            kept.append(there)
            continue
        if there:
            old.append(there)
        fresh.append(_proposal(each, source=source, reason=reason, why=why, by=by, now=now))
    replace(old, by=by, now=now)
    Proposal.objects.bulk_create(fresh, batch_size=100)
    acts.remember(*(_asked(row, now) for row in fresh))
    return kept + fresh


def hold_plan(plan: Plan, variant: Variant, *, by: str, now: datetime) -> Proposal:
    """Let a plan wait for a second person."""
    row = _proposal(
        Asking(variant, plan.price, plan.list_price, limit_crossed(variant, plan.price, plan.list_price) or "down"),
        source="plan",
        reason=plan.reason,
        why=plan.why,
        by=by,
        now=now,
    )
    row.plan = plan
    row.save(force_insert=True)
    acts.remember(_asked(row, now))
    return row


def replace(rows: Collection[Proposal], *, by: str, now: datetime) -> None:
    """Let proposals wait no longer: something else came in their place."""
    for some in chunks([row.pk for row in rows]):
        waiting = Proposal.objects.filter(pk__in=some, state=Proposal.State.WAITING)
        waiting.update(state=Proposal.State.REPLACED, decided_by=by[:60], decided_at=now)
    acts.remember(
        *(act(variant=row.variant_id, subject=row.code, verb="replaced", why="", by=by, now=now) for row in rows)
    )


def _proposal(each: Asking, *, source: str, reason: str, why: str, by: str, now: datetime) -> Proposal:
    return Proposal(
        code=codes.new("PRP"),
        variant=each.variant,
        price=each.price,
        list_price=each.list_price,
        was_price=each.variant.price,
        was_list_price=each.variant.list_price,
        limit=each.limit,
        source=source,
        reason=reason[:40],
        why=why[:300],
        by=by[:60],
        made_at=now,
    )


def _asked(row: Proposal, now: datetime) -> Act:
    return act(
        variant=row.variant_id,
        subject=row.code,
        verb="asked",
        why=row.why,
        by=row.by,
        now=now,
        price=row.price,
        was=row.was_price,
        limit=row.limit,
    )
