"""The desk of the tariff: what the registry is asked to list, handed in, and followed until it is due (B06)."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, tariff_watch
from peyman.entrypoints.backoffice import door, tariff_frame, tariff_story
from peyman.entrypoints.backoffice.previews import is_confirmed
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import normalise
from peyman.kernel.worktime import tehran_day
from peyman.market.tariff.actions import requests as asking
from peyman.market.tariff.models import UpdateRequest
from peyman.market.tariff.queries import desk
from peyman.market.tariff.queries import drift as drifting
from peyman.market.tariff.rules import requests as forecasting
from peyman.people.models import Person

_LONGEST = 300
_ASKED = 500  # ranges of one form


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def requests(request: HttpRequest, person: Person) -> HttpResponse:
    """List the update requests, and make one of the ranges that are chosen, or of all that drifts (B06)."""
    if request.method != "POST":
        return _requests_page(request, person)
    chosen = [text[:80] for text in request.POST.getlist("prefixes")[:_ASKED]]
    registrant = normalise(request.POST.get("registrant", ""), digits=True)[:_LONGEST]
    try:
        made = asking.make(registrant=registrant, prefixes=chosen or None, by=person, now=clock.now())
    except Refused as refusal:
        return _requests_page(request, person, refusal, chosen, registrant)
    return redirect(f"/desk/tariff/requests/{made.code}/")


def _requests_page(
    request: HttpRequest,
    person: Person,
    refusal: Refused | None = None,
    chosen: Sequence[str] = (),
    registrant: str = "",
) -> HttpResponse:
    now = clock.now()
    ours = tariff_story.registrants()
    context = {
        "rows": desk.requests(),
        "open": [
            (story, story.prefix in chosen)
            for story in drifting.open_drifts()
            if story.kind in ("unregistered", "unknown") and not story.requests
        ],
        "forecast": forecasting.forecast(tehran_day(now)),
        "field": Field(
            "registrant", "به نام", registrant or (ours[0] if ours else ""), "دامنه‌ای که بازه‌ها به نام آن ثبت می‌شود",
            ltr=True, maxlength=255,
        ),
        "refusal": refusal,
        "lines": list(refusal.fields.values()) if isinstance(refusal, Invalid) else [],
    }  # fmt: skip
    return tariff_frame.render(request, person, "tariff_requests.html", context, refusal.status if refusal else 200)


@door.staff_only("tariff")
@require_safe
def update_request(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _request_page(request, person, desk.request(code))


@door.staff_only("tariff")
@require_safe
def request_file(request: HttpRequest, person: Person, code: str, kind: str) -> HttpResponse:
    """Return the file that the registry asks for."""
    found = desk.request(code)
    if kind == "csv":
        answer = HttpResponse(tariff_watch.csv_of(found), content_type="text/csv; charset=utf-8")
    else:
        answer = HttpResponse(
            tariff_watch.xlsx_of(found),
            content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )
    answer["Content-Disposition"] = f'attachment; filename="{found.code}.{kind}"'
    return answer


@door.staff_only("tariff")
@require_POST
def hand_in(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Write down that the file was handed in; from then on it is followed until due (B06)."""
    found = desk.request(code)
    now = clock.now()
    typed = request.POST.get("on", "").replace("\0", "")[:40]
    try:
        day = jalali.typed_date(typed) if typed.strip() else tehran_day(now)
    except ValueError:
        return _request_page(
            request, person, found, typed={"on": typed}, bad={"on": "این تاریخ خوانده نشد؛ مانند ۱۴۰۲/۲/۱۰."}
        )
    try:
        asking.hand_in(code=found.code, on=day, by=person, now=now)
    except Missing:
        raise
    except Refused as refusal:
        return _request_page(request, person, found, typed={"on": typed}, refusal=refusal)
    return redirect(f"/desk/tariff/requests/{found.code}/")


@door.staff_only("tariff")
@require_POST
def drop(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Let a request go, with a reason: shown first, then done."""
    found = desk.request(code)
    note = normalise(request.POST.get("note", ""))[: _LONGEST + 1]
    if note and len(note) <= _LONGEST and not is_confirmed(request):
        return _request_page(request, person, found, typed={"note": note}, is_dropping=True)
    try:
        asking.drop(code=found.code, note=note, by=person, now=clock.now())
    except Invalid as refusal:
        return _request_page(request, person, found, typed={"note": note}, bad=refusal.fields)
    except Missing:
        raise
    except Refused as refusal:
        return _request_page(request, person, found, typed={"note": note}, refusal=refusal)
    return redirect(f"/desk/tariff/requests/{found.code}/")


def _request_page(
    request: HttpRequest,
    person: Person,
    found: UpdateRequest,
    *,
    typed: dict[str, str] | None = None,
    bad: dict[str, str] | None = None,
    refusal: Refused | None = None,
    is_dropping: bool = False,
) -> HttpResponse:
    now = clock.now()
    typed, bad = typed or {}, bad or {}
    on = Field("on", "روز تحویل", typed.get("on", ""), "خالی یعنی امروز", bad.get("on", ""), ltr=True, maxlength=20)
    note = Field("note", "چرا کنار گذاشته می‌شود؟", typed.get("note", ""), "کنار درخواست می‌ماند.", bad.get("note", ""),
                 maxlength=300)  # fmt: skip
    faulty = wrong([on, note])
    context = {
        "r": found,
        "forecast": forecasting.forecast(tehran_day(now)),
        "on": on,
        "note": note,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal,
        "is_dropping": is_dropping,
        "is_open": found.state in (UpdateRequest.State.DRAFT, UpdateRequest.State.SENT),
        "days_left": (found.expected_due_on - tehran_day(now)).days if found.expected_due_on else None,
    }
    status = refusal.status if refusal else 422 if faulty else 200
    return tariff_frame.render(request, person, "tariff_request.html", context, status)
