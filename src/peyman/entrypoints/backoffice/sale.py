"""The desk of sale: what is stopped is seen, stopped and resumed, each with who, why and when (D25, D27)."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, goods_frame, prices_frame
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.people.models import Person
from peyman.shop.catalog import actions
from peyman.shop.catalog.queries import sale as queries
from peyman.shop.offers.rules import check_why

SCOPES: Final = {"shop": "همه فروشگاه", "category": "دسته", "product": "محصول", "variant": "کالا (SKU)"}
_LONGEST_WHY: Final = 200
_NAMES: Final = ("scope", "category", "key", "why", "do")


@require_http_methods(["GET", "HEAD", "POST"])
@door.staff_only("sale")
@carries_out("D25", "D27")
def sale(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what is stopped and the log; stop or resume something."""
    if request.method != "POST":
        asked = {"scope": request.GET.get("scope", "")[:10], "key": request.GET.get("key", "")[:80]}
        return _page(request, person, asked, {})
    typed = prices_frame.typed_in(request, *_NAMES)
    on = typed["do"] == "resume"
    try:
        key = _switch(typed, on=on, person=person)
    except Invalid as invalid:
        return _page(request, person, typed, invalid.fields)
    return redirect("/desk/sale/?" + urlencode({"done": "resumed" if on else "stopped", "what": key}))


def _switch(typed: Mapping[str, str], *, on: bool, person: Person) -> str:
    """Stop or resume what the form names, and return its title. Raises Invalid."""
    scope = typed["scope"]
    bad = {}
    if scope not in SCOPES:
        bad["scope"] = "بگویید چه چیزی متوقف می‌شود."
    key = {"category": typed["category"] or typed["key"], "shop": ""}.get(scope, typed["key"].strip())
    if scope in SCOPES and scope != "shop" and not key:
        bad["category" if scope == "category" else "key"] = "بگویید کدام."
    try:
        why = check_why(typed["why"][:_LONGEST_WHY])
    except Invalid as invalid:
        bad |= invalid.fields
    if bad:
        raise Invalid(bad)
    stopped = queries.keys_in_force()
    if on is ((scope, key) not in stopped):
        raise Invalid({"scope": "این همین حالا در فروش است." if on else "این پیش‌تر متوقف شده است؛ فهرست را ببینید."})
    try:
        actions.switch_sale(scope=scope, key=key, on=on, reason=why, by=person.code, now=clock.now())
    except Missing:
        raise Invalid(
            {"category" if scope == "category" else "key": "چنین چیزی نیست؛ کد را از میز کالاها بردارید."}
        ) from None
    return key


def _page(request: HttpRequest, person: Person, typed: Mapping[str, str], bad: Mapping[str, str]) -> HttpResponse:
    is_stop = typed.get("do", "stop") != "resume"
    shown = bad if is_stop else {}
    chosen = typed.get("key", "")
    is_category = typed.get("scope") == "category"
    fields = [
        Field("scope", "چه چیزی", typed.get("scope", ""), "", shown.get("scope", ""),
              options=(("", "برگزینید"), *SCOPES.items())),
        Field("category", "اگر دسته است، کدام", typed.get("category", "") or (chosen if is_category else ""),
              "با همه زیردسته‌ها", shown.get("category", ""),
              options=(("", "—"), *goods_frame.category_options())),
        Field("key", "اگر محصول یا کالاست، کد آن", "" if is_category else chosen, "کد محصول یا شناسه کالا",
              shown.get("key", ""), ltr=True, maxlength=80),
        Field("why", "چرا؟", typed.get("why", ""), "در سرگذشت می‌ماند؛ خریدار آن را نمی‌بیند.",
              shown.get("why", ""), maxlength=_LONGEST_WHY),
    ]  # fmt: skip
    stops, log = queries.stops(), queries.log()
    names = prices_frame.names_of([*(stop.by for stop in stops), *(row.by for row, _ in log)])
    resume_bad = {} if is_stop else bad
    shown_stops = []
    for place, stop in enumerate(stops):
        is_this = not is_stop and (typed.get("scope"), typed.get("key", "")) == (stop.scope, stop.key)
        box = Field(
            "why", "چرا از سر گرفته می‌شود؟", typed.get("why", "") if is_this else "", "",
            resume_bad.get("why", "") if is_this else "", maxlength=_LONGEST_WHY, prefix=f"r{place}-",
        )  # fmt: skip
        shown_stops.append((stop, SCOPES[stop.scope], names.get(stop.by, stop.by), box))
    faulty = wrong([*fields, *(box for *_, box in shown_stops)])
    context = {
        "fields": fields,
        "stops": shown_stops,
        "log": [(row, title, SCOPES[row.scope], names.get(row.by, row.by)) for row, title in log],
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "told": resume_bad.get("scope", ""),
        "done": {"stopped": "متوقف شد.", "resumed": "فروش از سر گرفته شد."}.get(request.GET.get("done", ""), ""),
    }
    return door.render(request, person, "sale.html", context, 422 if bad else 200)
