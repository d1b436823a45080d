"""Prices that are set at once: those that move little, and those that a second person stands behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import transaction

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.shop.catalog import rules as catalog
from peyman.shop.catalog.actions.prices import NewPrice, chunks
from peyman.shop.catalog.models import PriceChange, Variant
from peyman.shop.offers import rules
from peyman.shop.offers.actions import acts
from peyman.shop.offers.actions.acts import act
from peyman.shop.offers.actions.holding import Asking, ask, floors_of, limit_crossed
from peyman.shop.offers.models import Floor, Plan, Proposal

log = structlog.get_logger(__name__)
State = Proposal.State


class Wanted(NamedTuple):
    """A price for a SKU, in rials. `was`: what whoever asks saw; None where nothing was shown."""

    sku: str
    price: int
    list_price: int
    was: int | None = None


class Moved(NamedTuple):
    """What would happen to one price: `outcome` is set, held, same, or the code of a refusal, with its words."""

    sku: str
    outcome: str
    was_price: int
    was_list_price: int
    price: int
    list_price: int
    limit: str = ""
    says: str = ""


@dataclass(frozen=True)
class Outcome:
    """What was set, what waits for a second person, and which offers ended before their time."""

    changes: list[PriceChange] = field(default_factory=list)
    held: list[Proposal] = field(default_factory=list)
    overtaken: list[Plan] = field(default_factory=list)


@carries_out("D122")
@transaction.atomic
def set_prices(*, wanted: Sequence[Wanted], source: str, reason: str, why: str, by: str, now: datetime) -> Outcome:
    """Set prices, all of them or none; those that move too far wait for a second person.

    What a running offer stood at is overtaken by the price that is set: the offer ends with it. Raises Missing,
    PriceInvalid, BelowFloor, WhyNeeded, and PriceMoved where `was` is not what stands.
    """
    why = rules.check_why(why)
    asked = {each.sku: each for each in wanted}
    for each in asked.values():
        catalog.check_price(sku=each.sku, price=each.price, list_price=each.list_price)
    variants = _held(list(asked))
    floors = floors_of([variant.pk for variant in variants.values()])
    moves, far = [], []
    for sku, each in asked.items():
        variant = variants[sku]
        if each.was is not None and each.was != variant.price:
            raise rules.PriceMoved(sku=sku)
        rules.check_floor(sku=sku, price=each.price, floor=floors.get(variant.pk, 0))
        if (variant.price, variant.list_price) == (each.price, each.list_price):
            continue
        if limit := limit_crossed(variant, each.price, each.list_price):
            far.append(Asking(variant, each.price, each.list_price, limit))
        else:
            moves.append(NewPrice(variant, each.price, each.list_price))
    held = ask(far, source=source, reason=reason, why=why, by=by, now=now)
    overtaken = overtake([move.variant for move in moves], by=by, now=now)
    changes = acts.put(moves, reason=reason, by=by, now=now) if moves else []
    acts.remember(
        *(
            act(
                variant=change.variant_id,
                subject=change.variant.sku,
                verb="set",
                why=why,
                by=by,
                now=now,
                price=change.price,
            )
            for change in changes
        )
    )
    log.info("prices.set", count=len(changes), held=len(held), source=source, by=by)
    return Outcome(changes, held, overtaken)


def overtake(variants: Sequence[Variant], *, by: str, now: datetime) -> list[Plan]:
    """End the offers that run on held variants, since a price is set in their place; the caller saves the variants."""
    running: list[Plan] = []
    for keys in chunks([variant.pk for variant in variants if variant.offer_until is not None]):
        running += Plan.objects.filter(variant_id__in=keys, state=Plan.State.RUNNING)
    for variant in variants:
        variant.offer_until = None
    for keys in chunks([plan.pk for plan in running]):
        rows = Plan.objects.filter(pk__in=keys, state=Plan.State.RUNNING)
        rows.update(state=Plan.State.STOPPED, due_at=None, ended_at=now)
    acts.remember(
        *(act(variant=plan.variant_id, subject=plan.code, verb="overtaken", why="", by=by, now=now) for plan in running)
    )
    return running


def _held(skus: Sequence[str]) -> dict[str, Variant]:
    keys: list[int] = []
    for some in chunks(sorted(skus)):
        keys += Variant.objects.filter(sku__in=some).values_list("pk", flat=True)
    variants = {variant.sku: variant for variant in acts.hold(keys).values()}
    for sku in skus:
        if sku not in variants:
            raise Missing(sku=sku)
    return variants


# ---- The second person ----


@transaction.atomic
def approve(*, code: str, by: str, now: datetime) -> Proposal:
    """Stand behind a price that moves far, as another person: it is set, or its plan waits for its instant.

    Raises Missing, SamePerson, Decided for whoever comes second, PriceMoved where another price stands by now,
    PlanOver, BelowFloor.
    """
    proposal = _found(code)
    variant = acts.hold([proposal.variant_id])[proposal.variant_id]
    if proposal.by == by:
        raise rules.SamePerson
    waiting = Proposal.objects.filter(pk=proposal.pk, state=State.WAITING).exclude(by=by)
    if not waiting.update(state=State.APPROVED, decided_by=by[:60], decided_at=now):
        raise rules.Decided
    floor = floors_of([variant.pk]).get(variant.pk, 0)
    rules.check_floor(sku=variant.sku, price=proposal.price, floor=floor)
    if proposal.plan is not None:
        _let_go(proposal.plan, by=by, now=now)
    else:
        if (variant.price, variant.list_price) != (proposal.was_price, proposal.was_list_price):
            raise rules.PriceMoved(sku=variant.sku)
        overtake([variant], by=by, now=now)
        new = NewPrice(variant, proposal.price, proposal.list_price)
        acts.put([new], reason=proposal.reason, by=proposal.by, now=now)
    acts.remember(act(variant=variant.pk, subject=proposal.code, verb="approved", why="", by=by, now=now))
    log.info("price.approved", proposal=code, by=by)
    return proposal


def _let_go(plan: Plan, *, by: str, now: datetime) -> None:
    if plan.ends_at and plan.ends_at <= now:
        raise rules.PlanOver
    held = Plan.objects.filter(pk=plan.pk, state=Plan.State.HELD)
    if not held.update(state=Plan.State.WAITING, due_at=plan.starts_at, approved_by=by[:60]):
        raise rules.Decided


@transaction.atomic
def refuse(*, code: str, why: str, by: str, now: datetime) -> Proposal:
    """Put a price aside that waits; its own proposer may, too. The plan it is of stops. Raises Missing, WhyNeeded,
    Decided.
    """
    why = rules.check_why(why)
    proposal = _found(code)
    waiting = Proposal.objects.filter(pk=proposal.pk, state=State.WAITING)
    if not waiting.update(state=State.REFUSED, decided_by=by[:60], decided_at=now, decision=why):
        raise rules.Decided
    if proposal.plan is not None:
        held = Plan.objects.filter(pk=proposal.plan.pk, state=Plan.State.HELD)
        held.update(state=Plan.State.STOPPED, ended_at=now)
    acts.remember(act(variant=proposal.variant_id, subject=proposal.code, verb="refused", why=why, by=by, now=now))
    log.info("price.refused", proposal=code, by=by)
    return proposal


def _found(code: str) -> Proposal:
    row = Proposal.objects.select_related("plan").filter(code=code).first()
    if row is None:
        raise Missing
    return row


# ---- The floor ----


@transaction.atomic
def set_floor(*, sku: str, amount: int, why: str, by: str, now: datetime) -> Floor:
    """Write down below what a variant is not sold, in rials; 0 takes the floor away. Raises Missing, WhyNeeded,
    PriceInvalid.
    """
    why = rules.check_why(why)
    if amount:
        catalog.check_price(sku=sku, price=amount, list_price=amount)
    variant = Variant.objects.filter(sku=sku).first()
    if variant is None:
        raise Missing
    floor = Floor.objects.create(variant=variant, amount=amount, why=why, by=by[:60], at=now)
    acts.remember(act(variant=variant.pk, subject=sku, verb="floor", why=why, by=by, now=now, amount=amount))
    return floor


def preview(wanted: Sequence[Wanted]) -> list[Moved]:
    """Say what `set_prices` would do with each, and change nothing. Two queries for 400."""
    held: dict[str, Variant] = {}
    for some in chunks(sorted({each.sku for each in wanted})):
        held |= {row.sku: row for row in Variant.objects.filter(sku__in=some)}
    floors = floors_of([variant.pk for variant in held.values()])
    return [_foreseen(each, held.get(each.sku), floors) for each in wanted]


def _foreseen(each: Wanted, variant: Variant | None, floors: dict[int, int]) -> Moved:
    if variant is None:
        return Moved(each.sku, "unknown", 0, 0, each.price, each.list_price, says="چنین کالایی نیست.")
    told = (each.sku, variant.price, variant.list_price, each.price, each.list_price)

    def moved(outcome: str, limit: str = "", says: str = "") -> Moved:
        return Moved(told[0], outcome, *told[1:], limit, says)

    try:
        catalog.check_price(sku=each.sku, price=each.price, list_price=each.list_price)
        rules.check_floor(sku=each.sku, price=each.price, floor=floors.get(variant.pk, 0))
    except (catalog.PriceInvalid, rules.BelowFloor) as refusal:
        return moved(refusal.code, says=refusal.detail)
    if (variant.price, variant.list_price) == (each.price, each.list_price):
        return moved("same")
    limit = limit_crossed(variant, each.price, each.list_price)
    return moved("held" if limit else "set", limit)


def limit_percent() -> int:
    """By how many percent one person may lower a price alone, or raise it in the same ratio."""
    return int(settings.PRICE_LIMIT_PERCENT)
