"""Offers and scheduled prices: what is ahead, what runs, what is over; one is changed or stopped."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, prices_frame
from peyman.entrypoints.backoffice.prices_frame import DESK, RIGHT, STATES
from peyman.entrypoints.fields import Field
from peyman.kernel import jalali
from peyman.kernel.errors import Refused
from peyman.people.models import Person
from peyman.shop.offers import actions, queries
from peyman.shop.offers.models import Plan

_NAMES = ("price", "list_price", "starts_date", "starts_hour", "ends_date", "ends_hour", "title", "reason", "why")

_SAID = {"changed": "برنامه عوض شد.", "stopped": "برنامه متوقف شد."}


@require_safe
@door.staff_only(RIGHT)
def plans(request: HttpRequest, person: Person) -> HttpResponse:
    """List plans, the next first; or those that are over."""
    done = request.GET.get("done") == "1"
    context = {"plans": [(plan, STATES[plan.state]) for plan in queries.plans(done=done)], "done": done}
    return prices_frame.render(request, person, "prices_plans.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door.staff_only(RIGHT)
def plan(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show a plan; change one that has not begun."""
    if request.method != "POST":
        return _page(request, person, code)
    row = queries.plan_by_code(code)
    typed = prices_frame.typed_in(request, *_NAMES)
    is_offer, now = row.kind == "offer", clock.now()
    try:
        asked = prices_frame.asked(typed, is_offer=is_offer, now=now)
        actions.change(code=code, asked=asked, is_offer=is_offer, why=typed["why"], by=person.code, now=now)
    except Refused as refusal:
        return _page(request, person, code, typed, refusal)
    return redirect(f"{DESK}plans/{code}/?changed")


@require_POST
@door.staff_only(RIGHT)
def stop(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Stop a plan; an offer that runs ends at once."""
    typed = prices_frame.typed_in(request, "stop_why")
    try:
        actions.stop(code=code, why=typed["stop_why"], by=person.code, now=clock.now())
    except Refused as refusal:
        return _page(request, person, code, typed, refusal)
    return redirect(f"{DESK}plans/{code}/?stopped")


def _page(
    request: HttpRequest,
    person: Person,
    code: str,
    typed: Mapping[str, str] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    row = queries.plan_by_code(code)
    bad, above = prices_frame.refused(refusal, (*_NAMES, "why")) if refusal else ({}, None)
    is_stop = typed is not None and "stop_why" in typed
    written = _written(row) if typed is None or is_stop else typed
    boxes = prices_frame.plan_boxes(written, {} if is_stop else bad, is_offer=row.kind == "offer")
    stop_box = Field(
        "stop_why", "چرا متوقف می‌شود؟", (typed or {}).get("stop_why", ""), "در سرگذشت قیمت می‌ماند.",
        bad.get("why", "") if is_stop else "", maxlength=300,
    )  # fmt: skip
    acts = [act for act in queries.story(row.variant_id) if act.subject == code]
    names = prices_frame.names_of([row.by, row.approved_by, *(act.by for act in acts)])
    context = {
        "plan": row,
        "state": STATES[row.state],
        "fields": boxes,
        "stop_box": stop_box,
        "may_change": row.state in ("held", "waiting"),
        "may_stop": row.state in ("held", "waiting", "running"),
        "by": names.get(row.by, row.by),
        "approved_by": names.get(row.approved_by, row.approved_by),
        "acts": [(act, prices_frame.VERBS.get(act.verb, act.verb), names.get(act.by, act.by)) for act in acts],
        "said": next((words for name, words in _SAID.items() if name in request.GET), ""),
    }
    return prices_frame.render(request, person, "prices_plan.html", context, boxes=[*boxes, stop_box], refusal=above)


def _written(plan: Plan) -> dict[str, str]:
    """A plan as its form tells it."""
    told = {"price": prices_frame.typed_sum(plan.price), "title": plan.title, "reason": plan.reason, "why": plan.why}
    told |= {"starts_date": jalali.short_date(plan.starts_at), "starts_hour": jalali.hour(plan.starts_at)}
    if plan.ends_at:
        told |= {"ends_date": jalali.short_date(plan.ends_at), "ends_hour": jalali.hour(plan.ends_at)}
    elif plan.list_price > plan.price:
        told["list_price"] = prices_frame.typed_sum(plan.list_price)
    return told
