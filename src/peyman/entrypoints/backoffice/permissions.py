"""The register of written permissions: rows are added and ended, never changed (D18)."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.worktime import tehran_day
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Person

_FIELDS = ("to_whom", "what_for", "starts_on", "ends_on", "document_sha256")
_NO_DAY = "چنین روزی نیست؛ سال، ماه و روز شمسی بنویسید، مانند ۱۴۰۵/۱/۱۵."


@door.staff_only("permissions")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D18")
def permissions(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the register; on POST add a written permission to it."""
    if request.method != "POST":
        return _page(request, person, {}, {})
    typed = {name: request.POST.get(name, "")[:500] for name in _FIELDS}
    bad: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for name in ("starts_on", "ends_on"):
        try:
            days[name] = jalali.typed_date(typed[name]) if typed[name].strip() else None
        except ValueError:
            bad[name] = _NO_DAY
    try:
        form = rules.permission(
            to_whom=typed["to_whom"],
            what_for=typed["what_for"],
            starts_on=days.get("starts_on"),
            ends_on=days.get("ends_on"),
            document_sha256=typed["document_sha256"],
        )
    except Invalid as refusal:
        bad = dict(refusal.fields) | bad
    if bad:
        return _page(request, person, typed, bad)
    people.register_permission(form=form, by=person, now=clock.now())
    return redirect("/desk/permissions/?saved")


@door.staff_only("permissions")
@require_POST
@carries_out("D18")
def withdraw(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    people.withdraw_permission(code=code, by=person, now=clock.now())
    return redirect("/desk/permissions/")


def _page(request: HttpRequest, person: Person, typed: dict[str, str], bad: dict[str, str]) -> HttpResponse:
    labels = {
        "to_whom": ("به چه کسی", "", False),
        "what_for": ("برای چه استفاده‌ای", "", False),
        "starts_on": ("از روز", "شمسی؛ مانند ۱۴۰۵/۱/۱۵", True),
        "ends_on": ("تا پایان روز (اگر پایانی دارد)", "شمسی", True),
        "document_sha256": ("اثر انگشت سند امضاشده", "خروجی sha256 پرونده سند", True),
    }
    boxes = [
        Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), ltr=ltr, maxlength=400)
        for name, (label, hint, ltr) in labels.items()
    ]
    faulty = wrong(boxes)
    context = {
        "fields": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "permissions": queries.permissions(tehran_day(clock.now())),
        "saved": "saved" in request.GET,
    }
    return door.render(request, person, "permissions.html", context, 422 if faulty else 200)
