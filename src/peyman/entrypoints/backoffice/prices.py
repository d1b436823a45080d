"""The desk of prices: a variant is found, its price is set now or later, and all that it ever cost stands beside."""

from collections.abc import Mapping
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import chart, clock
from peyman.entrypoints.backoffice import door, prices_frame
from peyman.entrypoints.backoffice.prices_frame import DESK, RIGHT
from peyman.entrypoints.fields import Field
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.people.models import Person
from peyman.shop.catalog.queries import HISTORY, price_steps
from peyman.shop.offers import actions, queries

_PLAN = ("price", "list_price", "starts_date", "starts_hour", "ends_date", "ends_hour", "title", "reason", "why")
_SAID = {
    "set": "قیمت ثبت شد و از همین لحظه برقرار است.",
    "held": "این قیمت بیش از اندازه جابه‌جا می‌شود و تا همکار دیگری آن را تأیید نکند برقرار نمی‌شود.",
    "same": "قیمت همان بود که هست؛ چیزی دگرگون نشد.",
    "planned": "برنامه نوشته شد و سر وقت انجام می‌شود.",
    "planned-held": "برنامه نوشته شد، ولی پیش از آغاز باید همکار دیگری آن را تأیید کند.",
    "floor": "کف قیمت نوشته شد.",
}


@require_safe
@door.staff_only(RIGHT)
def board(request: HttpRequest, person: Person) -> HttpResponse:
    """Find variants by SKU, product or title."""
    asked, after = request.GET.get("q", "")[:100], request.GET.get("after", "")[:40].replace("\0", "")
    rows, following = queries.find(asked, after=after)
    context = {
        "q": asked,
        "rows": rows,
        "more": urlencode({"q": asked, "after": following}) if following else "",
        "is_first": not after,
    }
    return prices_frame.render(request, person, "prices.html", context)


@require_safe
@door.staff_only(RIGHT)
def variant(request: HttpRequest, person: Person, sku: str) -> HttpResponse:
    """Show one variant with its history, its plans, and the forms that move its price."""
    return _page(request, person, sku)


@require_POST
@door.staff_only(RIGHT)
@carries_out("D122")
def set_price(request: HttpRequest, person: Person, sku: str) -> HttpResponse:
    """Set a price now; one that moves too far waits for a second person."""
    typed = prices_frame.typed_in(request, "price", "list_price", "reason", "why", "was")
    was = int(typed["was"]) if typed["was"].isascii() and typed["was"].isdigit() else None  # what the page showed
    try:
        price, list_price = prices_frame.sums(typed)
        outcome = actions.set_prices(
            wanted=[actions.Wanted(sku, price, list_price, was)],
            source="desk",
            reason=prices_frame.reason_of(typed),
            why=typed["why"],
            by=person.code,
            now=clock.now(),
        )
    except Refused as refusal:
        return _page(request, person, sku, "set", typed, refusal)
    said = "set" if outcome.changes else "held" if outcome.held else "same"
    return redirect(f"{DESK}{sku}/?{said}")


@require_POST
@door.staff_only(RIGHT)
def make_plan(request: HttpRequest, person: Person, sku: str) -> HttpResponse:
    """Write a price or an offer for later."""
    typed = prices_frame.typed_in(request, *_PLAN)
    is_offer = request.POST.get("kind") == "offer"
    now = clock.now()
    try:
        asked = prices_frame.asked(typed, is_offer=is_offer, now=now)
        plan = actions.make(sku=sku, asked=asked, is_offer=is_offer, why=typed["why"], by=person.code, now=now)
    except Refused as refusal:
        return _page(request, person, sku, "offer" if is_offer else "later", typed, refusal)
    if plan.state == "waiting" and plan.starts_at <= now:
        actions.carry_out(plan, now=now)
    return redirect(f"{DESK}{sku}/?{'planned-held' if plan.state == 'held' else 'planned'}")


@require_POST
@door.staff_only(RIGHT)
def set_floor(request: HttpRequest, person: Person, sku: str) -> HttpResponse:
    """Write down below what a variant is not sold."""
    typed = prices_frame.typed_in(request, "floor", "why")
    try:
        amount = 0 if typed["floor"].strip() in ("", "0", "۰") else _floor(typed["floor"])
        actions.set_floor(sku=sku, amount=amount, why=typed["why"], by=person.code, now=clock.now())
    except Refused as refusal:
        return _page(request, person, sku, "floor", typed, refusal)
    return redirect(f"{DESK}{sku}/?floor")


def _floor(typed: str) -> int:
    try:
        return prices_frame.rials(typed)
    except Invalid as invalid:
        raise Invalid({"floor": invalid.fields["price"]}) from None


def _page(
    request: HttpRequest,
    person: Person,
    sku: str,
    form: str = "",
    typed: Mapping[str, str] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    row = queries.one(sku)
    now = clock.now()
    names = ("floor", *_PLAN)
    bad, above = prices_frame.refused(refusal, names) if refusal else ({}, None)
    steps = price_steps([row.pk], since=now - HISTORY).get(row.pk, [])
    plans = queries.plans_of(row.pk)
    coming = sorted((plan for plan in plans if plan.state == "waiting"), key=lambda plan: plan.starts_at)
    drawn = chart.draw(
        [chart.Price(step.since, step.price, step.reason) for step in steps],
        begins=now - HISTORY,
        now=now,
        ahead=[chart.Price(plan.starts_at, plan.price, "offer" if plan.ends_at else "") for plan in coming],
        until=row.offer_until,
    )
    acts = queries.story(row.pk)
    history = queries.history(sku)
    there = prices_frame.names_of([*(act.by for act in acts), *(step.by for step in history)])
    standing = {
        "price": prices_frame.typed_sum(row.price),
        "list_price": prices_frame.typed_sum(row.list_price) if row.list_price > row.price else "",
    }
    forms = _forms(form, typed or {}, bad, standing, row.floor)
    boxes = [field for _, fields in forms.values() for field in fields]
    context = {
        "row": row,
        "chart": drawn,
        "forms": forms,
        "form": form,
        "plans": [(plan, prices_frame.STATES[plan.state]) for plan in plans],
        "acts": [(act, prices_frame.VERBS.get(act.verb, act.verb), there.get(act.by, act.by)) for act in acts],
        "history": [(step, there.get(step.by, step.by)) for step in history],
        "said": next((words for name, words in _SAID.items() if name in request.GET), ""),
        "is_held": "held" in request.GET or "planned-held" in request.GET,
    }
    return prices_frame.render(request, person, "prices_variant.html", context, boxes=boxes, refusal=above)


def _forms(
    form: str, typed: Mapping[str, str], bad: Mapping[str, str], standing: Mapping[str, str], floor: int
) -> dict[str, tuple[str, list[Field]]]:
    """The four forms of a variant with an id each; what was typed and what was wrong stand in the one that was sent."""

    def of(name: str, otherwise: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
        return (typed, bad) if form == name else (otherwise, {})

    at_once = prices_frame.price_boxes(*of("set", standing))
    offer = prices_frame.plan_boxes(*of("offer", {}), is_offer=True)
    later = prices_frame.plan_boxes(*of("later", {}), is_offer=False)
    told, wrong = of("floor", {"floor": prices_frame.typed_sum(floor) if floor else ""})
    lowest = [
        Field("floor", "کف قیمت (تومان)", told.get("floor", ""), "کمتر از این فروخته نمی‌شود؛ خالی یعنی کف ندارد",
              wrong.get("floor", ""), inputmode="numeric", maxlength=60),
        Field("why", "چرا؟", told.get("why", ""), "", wrong.get("why", ""), maxlength=300),
    ]  # fmt: skip
    found = {"set": at_once, "offer": offer, "later": later, "floor": lowest}
    return {name: (name, [replace(each, prefix=f"{name}-") for each in fields]) for name, fields in found.items()}
