"""Plans whose time has come: prices that are set, offers that begin and end.

Each step begins with one conditional statement on the plan, so that of any number of workers and doors one does it.
Whoever finds an offer that has ended, in a row that was read anyway, ends it there and then (`settle`): a worker that
is late, or away, leaves nothing for sale at a price that is over.
"""

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from peyman.kernel.clauses import carries_out
from peyman.shop.catalog.actions.prices import NewPrice
from peyman.shop.catalog.models import PriceChange, Variant
from peyman.shop.catalog.rules import OFFER
from peyman.shop.offers import rules
from peyman.shop.offers.actions import acts
from peyman.shop.offers.actions.acts import act
from peyman.shop.offers.actions.holding import floors_of, hold_plan
from peyman.shop.offers.models import Plan

log = structlog.get_logger(__name__)

SYSTEM = "system"
OFFER_END = "offer-end"  # beside OFFER a word of the price history
Kind, State = Plan.Kind, Plan.State


def due(*, now: datetime, limit: int = 200) -> list[Plan]:
    """Return the plans whose time has come, the earliest first; of one instant what ends goes before what begins."""
    rows = Plan.objects.filter(due_at__lte=now).order_by("due_at", "state", "pk")  # running before waiting
    return list(rows[:limit])


@transaction.atomic
def carry_out(plan: Plan, *, now: datetime) -> bool:
    """Begin or end a plan that is due; False where somebody else did."""
    return _end(plan, now) if plan.state == State.RUNNING else _begin(plan, now)


def carry_out_due(*, now: datetime) -> int:
    """Do all that falls due; returns how many plans were moved on."""
    return sum(carry_out(plan, now=now) for plan in due(now=now))


def settle(seen: Iterable[tuple[int | str, datetime | None]], *, now: datetime) -> bool:
    """End the offers that have ended by what was just read: (id or SKU of the variant, `offer_until`) each.

    True where something was ended, here or by somebody who was quicker: the rows are to be read again. Costs nothing
    where no offer has ended.
    """
    over = [variant for variant, until in seen if until is not None and until <= now]
    if not over:
        return False
    named = Q(variant_id__in=[key for key in over if isinstance(key, int)])
    named |= Q(variant__sku__in=[key for key in over if isinstance(key, str)])
    with transaction.atomic():
        for plan in Plan.objects.filter(named, state=State.RUNNING).order_by("variant_id"):
            _end(plan, now)
    return True


def _begin(plan: Plan, now: datetime) -> bool:
    is_offer = plan.kind == Kind.OFFER
    variant = acts.hold([plan.variant_id])[plan.variant_id]
    in_way = _in_the_way(plan, variant, now)
    if in_way == "held":
        won = _won(plan, State.WAITING, now, state=State.HELD, due_at=None)
    elif in_way:
        won = _won(plan, State.WAITING, now, state=State.STOPPED, due_at=None, ended_at=now)
    elif is_offer:
        back = {"back_price": variant.price, "back_list_price": variant.list_price, "list_price": variant.price}
        won = _won(plan, State.WAITING, now, state=State.RUNNING, due_at=plan.ends_at, began_at=now, **back)
    else:
        won = _won(plan, State.WAITING, now, state=State.DONE, due_at=None, began_at=now, ended_at=now)
    if not won:
        return False
    if in_way == "held":
        hold_plan(plan, variant, by=plan.by, now=now)
        return True
    if in_way:
        acts.remember(act(variant=variant.pk, subject=plan.code, verb=in_way, why="", by=SYSTEM, now=now))
        return True
    reason = OFFER if is_offer else plan.reason
    if is_offer:
        variant.offer_until = plan.ends_at
    list_price = variant.price if is_offer else max(plan.list_price, plan.price)
    if (variant.price, variant.list_price) == (plan.price, list_price):
        acts.save([variant])
    else:
        (change,) = acts.put([NewPrice(variant, plan.price, list_price)], reason=reason, by=plan.by, now=now)
        Plan.objects.filter(pk=plan.pk).update(began_at=change.at)
    acts.remember(act(variant=variant.pk, subject=plan.code, verb="began", why="", by=SYSTEM, now=now))
    log.info("offer.began", plan=plan.code, kind=plan.kind)
    return True


def _in_the_way(plan: Plan, variant: Variant, now: datetime) -> str:
    """Why a plan does not begin though its time has come: "missed", "dearer", "below_floor", "held"; "" for nothing."""
    if plan.ends_at and plan.ends_at <= now:
        return "missed"
    if plan.kind == Kind.OFFER and plan.price >= variant.price:
        return "dearer"
    floor = floors_of([variant.pk]).get(variant.pk, 0)
    if floor and plan.price < floor:
        return "below_floor"
    list_price = variant.price if plan.kind == Kind.OFFER else plan.list_price
    if not plan.approved_by and rules.crosses(
        price=plan.price,
        list_price=list_price,
        was_price=variant.price,
        was_list_price=variant.list_price,
        percent=settings.PRICE_LIMIT_PERCENT,
    ):
        return "held"
    return ""


@carries_out("D122")
def _end(plan: Plan, now: datetime) -> bool:
    """End an offer whose time is over: what stood before it comes back, unless something else was set meanwhile."""
    if not _won(plan, State.RUNNING, now, state=State.DONE, due_at=None, ended_at=now):
        return False
    came_back(plan, by=SYSTEM, now=now)
    acts.remember(act(variant=plan.variant_id, subject=plan.code, verb="ended", why="", by=SYSTEM, now=now))
    log.info("offer.ended", plan=plan.code)
    return True


def came_back(plan: Plan, *, by: str, now: datetime) -> bool:
    """Give a variant what stood before an offer that is over; False where something else was set meanwhile."""
    variant = acts.hold([plan.variant_id])[plan.variant_id]
    variant.offer_until = None
    newest = PriceChange.objects.filter(variant=variant).order_by("-at").values_list("at", flat=True).first()
    if newest != plan.began_at or plan.back_price is None or plan.back_list_price is None:
        acts.save([variant])
        return False
    acts.put([NewPrice(variant, plan.back_price, plan.back_list_price)], reason=OFFER_END, by=by, now=now)
    return True


def _won(plan: Plan, at: str, now: datetime, /, **values: object) -> bool:
    """Move a due plan on, if nobody did; one conditional statement."""
    rows = Plan.objects.filter(pk=plan.pk, state=at, due_at__lte=now)
    return bool(rows.update(**values))
