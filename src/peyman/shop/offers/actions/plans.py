"""Prices for later are written down, changed before they begin, and stopped."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from peyman.kernel import codes, jalali
from peyman.kernel.errors import Missing
from peyman.kernel.text import normalise
from peyman.shop.catalog import rules as catalog
from peyman.shop.catalog.models import Variant
from peyman.shop.offers import rules
from peyman.shop.offers.actions import acts
from peyman.shop.offers.actions.acts import act
from peyman.shop.offers.actions.due import came_back
from peyman.shop.offers.actions.holding import floors_of, hold_plan, limit_crossed, replace
from peyman.shop.offers.models import Plan, Proposal

log = structlog.get_logger(__name__)
Kind, State = Plan.Kind, Plan.State
OPEN = (State.HELD, State.WAITING, State.RUNNING)


@dataclass(frozen=True)
class Asked:
    """What somebody asks for, in rials; an offer has an end, a price from an instant on has none.

    `list_price` is of a price; what an offer strikes out is what was asked before it. `reason` is public, `why` is not.
    """

    price: int
    starts_at: datetime
    ends_at: datetime | None = None
    list_price: int = 0
    title: str = ""
    reason: str = "list"


@transaction.atomic
def make(*, sku: str, asked: Asked, is_offer: bool, why: str, by: str, now: datetime) -> Plan:
    """Write down a price for later; one that moves too far waits for a second person (`HELD`).

    Raises Missing, PlanTimes, PriceInvalid, NotCheaper, BelowFloor, WhyNeeded, and Overlaps with what stands in the
    way.
    """
    variant = _held(sku)
    values, why, is_far = _checked(variant, asked, is_offer=is_offer, why=why, now=now, but="")
    plan = Plan(code=codes.new("OFR"), variant=variant, by=by[:60], made_at=now, why=why, **values)
    _put(plan, is_far)
    plan.save(force_insert=True)
    _remember(plan, "made", by, now)
    if is_far:
        hold_plan(plan, variant, by=by, now=now)
    return plan


@transaction.atomic
def change(*, code: str, asked: Asked, is_offer: bool, why: str, by: str, now: datetime) -> Plan:
    """Write another price or other instants in a plan that has not begun; whoever stood behind it before has to look
    again. Raises as `make`, and Began.
    """
    plan = _found(code)
    variant = _held(plan.variant.sku)
    plan.refresh_from_db()
    values, why, is_far = _checked(variant, asked, is_offer=is_offer, why=why, now=now, but=code)
    for name, value in {**values, "why": why, "by": by[:60], "approved_by": ""}.items():
        setattr(plan, name, value)
    _put(plan, is_far)
    written = {name: getattr(plan, name) for name in (*values, "why", "by", "approved_by", "state", "due_at")}
    rows = Plan.objects.filter(pk=plan.pk, state__in=(State.HELD, State.WAITING))
    if not rows.update(**written):
        raise rules.Began
    replace(list(plan.proposals.filter(state=Proposal.State.WAITING)), by=by, now=now)
    _remember(plan, "changed", by, now)
    if is_far:
        hold_plan(plan, variant, by=by, now=now)
    return plan


@transaction.atomic
def stop(*, code: str, why: str, by: str, now: datetime) -> Plan:
    """Stop a plan: one that waits never begins, an offer that runs ends now and what stood before it comes back.

    Raises Missing, WhyNeeded, Began where it is over already.
    """
    why = rules.check_why(why)
    plan = _found(code)
    _held(plan.variant.sku)
    was_running = Plan.objects.filter(pk=plan.pk, state=State.RUNNING)
    stopped = {"state": State.STOPPED, "due_at": None, "ended_at": now}
    if was_running.update(**stopped):
        plan.refresh_from_db()
        came_back(plan, by=by, now=now)
    elif not Plan.objects.filter(pk=plan.pk, state__in=(State.HELD, State.WAITING)).update(**stopped):
        raise rules.Began
    replace(list(plan.proposals.filter(state=Proposal.State.WAITING)), by=by, now=now)
    acts.remember(act(variant=plan.variant_id, subject=code, verb="stopped", why=why, by=by, now=now))
    log.info("offer.stopped", plan=code, by=by)
    plan.refresh_from_db()
    return plan


def _checked(
    variant: Variant, asked: Asked, *, is_offer: bool, why: str, now: datetime, but: str
) -> tuple[dict[str, object], str, bool]:
    """The columns of a plan, its reason among staff, and whether it moves too far for one person."""
    rules.check_times(is_offer=is_offer, starts_at=asked.starts_at, ends_at=asked.ends_at, now=now)
    why = rules.check_why(why)
    list_price = variant.price if is_offer else max(asked.list_price, asked.price)
    catalog.check_price(sku=variant.sku, price=asked.price, list_price=max(list_price, asked.price))
    if is_offer and asked.price >= variant.price:
        raise rules.NotCheaper(sku=variant.sku)
    rules.check_floor(sku=variant.sku, price=asked.price, floor=floors_of([variant.pk]).get(variant.pk, 0))
    span = rules.Span(asked.starts_at, asked.ends_at if is_offer else None)
    other = rules.in_the_way(span, spans(variant, but=but))
    if other is not None:
        raise rules.Overlaps(words=other.words, other=other.code)
    values: dict[str, object] = {
        "kind": Kind.OFFER if is_offer else Kind.PRICE,
        "price": asked.price,
        "list_price": list_price,
        "starts_at": asked.starts_at,
        "ends_at": asked.ends_at if is_offer else None,
        "title": normalise(asked.title)[:60] if is_offer else "",
        "reason": asked.reason[:40],
    }
    return values, why, bool(limit_crossed(variant, asked.price, list_price))


def spans(variant: Variant, *, but: str = "") -> list[rules.Span]:
    """The plans of a variant that are ahead or run, but for one."""
    rows = Plan.objects.filter(variant=variant, state__in=OPEN).exclude(code=but).order_by("starts_at", "pk")
    return [rules.Span(row.starts_at, row.ends_at, row.code, words_of(row)) for row in rows]


def words_of(plan: Plan) -> str:
    """What a plan is, in words."""
    if plan.ends_at is None:
        return f"قیمت تازه از {jalali.moment(plan.starts_at)}"
    name = plan.title or "پیشنهاد زمان‌دار"
    return f"{name}، از {jalali.moment(plan.starts_at)} {jalali.deadline(plan.ends_at)}"


def _put(plan: Plan, is_far: bool) -> None:
    plan.state = State.HELD if is_far else State.WAITING
    plan.due_at = None if is_far else plan.starts_at


def _remember(plan: Plan, verb: str, by: str, now: datetime) -> None:
    acts.remember(
        act(
            variant=plan.variant_id,
            subject=plan.code,
            verb=verb,
            why=plan.why,
            by=by,
            now=now,
            price=plan.price,
            starts_at=jalali.iso(plan.starts_at),
            ends_at=jalali.iso(plan.ends_at) if plan.ends_at else None,
        )
    )
    log.info(f"offer.{verb}", plan=plan.code, state=plan.state, by=by)


def _held(sku: str) -> Variant:
    key = Variant.objects.filter(sku=sku).values_list("pk", flat=True).first()
    if key is None:
        raise Missing
    return acts.hold([key])[key]


def _found(code: str) -> Plan:
    plan = Plan.objects.select_related("variant").filter(code=code).first()
    if plan is None:
        raise Missing
    return plan
