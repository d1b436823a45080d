"""Who reads the catalogue most, whom we shut out, and who holds a licence to read it by machine (D19)."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.readers import keys_of
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.worktime import tehran_day
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.shop.licences import actions, queries, rules
from peyman.shop.licences.models import ReaderHold
from peyman.shop.licences.queries import LicenceView, Reader

_SPANS: Final = {"hour": ("یک ساعت گذشته", timedelta(hours=1)), "day": ("یک روز گذشته", timedelta(days=1))}
_KINDS: Final = {
    "a": "همه از یک نشانی",
    "s": "بی‌نشان، از یک نشانی",
    "b": "یک مرورگر",
    "c": "خزنده شناخته‌شده",
}
_LONGEST: Final = 400


@dataclass(frozen=True)
class Row:
    """One reader as the staff sees it."""

    reader: Reader
    kind: str
    out: ReaderHold | None  # the hold that shuts it out now
    may_shut_out: bool
    is_own: bool  # the address or browser from which the page is looked at

    @property
    def read(self) -> list[tuple[str, int]]:
        titles = ("فهرست", "کالا", "جست‌وجو", "API")
        return [(title, n) for title, n in zip(titles, self.reader.kinds, strict=True) if n]


@door.staff_only("readers")
@require_safe
@carries_out("D19")
def readers(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the heaviest readers of the last hour or day, what they read, and where they met a limit."""
    return _page(request, person)


def _page(
    request: HttpRequest, person: Person, *, bad: dict[str, str] | None = None, about: str = "", status: int = 200
) -> HttpResponse:
    now = clock.now()
    span = request.GET.get("span") if request.GET.get("span") in _SPANS else "hour"
    heaviest, total = queries.heaviest(since=now - _SPANS[span or "hour"][1])
    holds = queries.holds()
    running = {hold.reader: hold for hold in holds if hold.ends_at > now and hold.lifted_at is None and hold.reader}
    own = keys_of(request)
    names = people.names_of([*(hold.by for hold in holds), *(hold.lifted_by for hold in holds if hold.lifted_by)])
    context = {
        "spans": [(key, title, key == span) for key, (title, _) in _SPANS.items()],
        "total": total,
        "rows": [
            Row(
                each,
                _KINDS.get(each.key[:1], ""),
                running.get(each.key),
                each.key[:1] in ("a", "s", "b") and each.key not in own,
                each.key in own,
            )
            for each in heaviest
        ],
        "holds": [(hold, names.get(hold.by, hold.by), hold.reader in running) for hold in holds],
        "hours": list(rules.HOLDS.items()),
        "bad": bad or {},
        "about": about,
        "saved": request.GET.get("saved", ""),
    }
    return door.render(request, person, "readers.html", context, status)


@door.staff_only("readers")
@require_POST
def shut_out(request: HttpRequest, person: Person) -> HttpResponse:
    """Shut a reader out that is on the page; each web process knows within a minute."""
    now = clock.now()
    key = request.POST.get("reader", "")[:40]
    try:
        hold = rules.hold({name: request.POST.get(name, "")[:_LONGEST] for name in ("reason", "hours")})
    except Invalid as refusal:
        return _page(request, person, bad=refusal.fields, about=key, status=422)
    reader = queries.reader(key, since=now - rules.KEPT)
    try:
        actions.shut_out(reader=reader, hold=hold, by=person, own=keys_of(request), now=now)
    except rules.OwnReader as refusal:
        return _page(request, person, bad={"reader": refusal.detail}, about=key, status=refusal.status)
    return redirect("/desk/readers/?saved=out")


@door.staff_only("readers")
@require_POST
def lift(request: HttpRequest, person: Person, hold_id: int) -> HttpResponse:
    actions.lift(hold_id=hold_id, by=person, now=clock.now())
    return redirect("/desk/readers/?saved=in")


# ---- Licences ----

_FIELDS: Final = {
    "owner": ("به چه کسی", "نام شخص یا شرکت", False),
    "purpose": ("برای چه استفاده‌ای", "همان که در اجازه کتبی آمده است", False),
    "contact": ("راه رسیدن به او", "ایمیل یا شماره", True),
    "days": ("تا چند روز", "دست‌بالا ۳۶۶", True),
    "per_day": ("روزی چند کالا", "هر بار خواندن یک کالا شمرده می‌شود", True),
}


@door.staff_only("readers")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D19")
def licences(request: HttpRequest, person: Person) -> HttpResponse:
    """Show who may read by machine; on POST grant a licence and show its key, this once."""
    if request.method != "POST":
        return _licences(request, person, {}, {})
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in _FIELDS}
    form_key = request.POST.get("form_key", "")[:40]
    try:
        form = rules.licence(typed)
    except Invalid as refusal:
        return _licences(request, person, typed, refusal.fields)
    granted = actions.grant(form=form, form_key=form_key or secrets.token_hex(16), by=person, now=clock.now())
    return _licences(request, person, {}, {}, granted)


@door.staff_only("readers")
@require_POST
def revoke(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    actions.revoke(code=code, why=request.POST.get("why", "")[:200].strip(), by=person, now=clock.now())
    return redirect("/desk/readers/licences/")


def _licences(
    request: HttpRequest,
    person: Person,
    typed: dict[str, str],
    bad: dict[str, str],
    granted: actions.Granted | None = None,
) -> HttpResponse:
    now = clock.now()
    rows: list[LicenceView] = queries.licences(now, tehran_day(now))
    names = people.names_of([row.licence.granted_by for row in rows])
    boxes = [
        Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), ltr=ltr, maxlength=_LONGEST)
        for name, (label, hint, ltr) in _FIELDS.items()
    ]
    faulty = wrong(boxes)
    context = {
        "rows": [(row, names.get(row.licence.granted_by, row.licence.granted_by)) for row in rows],
        "fields": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "form_key": secrets.token_hex(16),
        "granted": granted,
    }
    return door.render(request, person, "reader_licences.html", context, 422 if faulty else 200)
