"""Pictures and videos taken out of the world, for the complaint that asks for it: at once, with who and why."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, media
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.shop.media import queries, rules
from peyman.shop.media.models import MediaFile, Takedown

_EACH: Final = 50
_LONGEST: Final = 500


@dataclass(frozen=True)
class Row:
    """A takedown as the page tells it."""

    down: Takedown
    reason: str
    by: str
    lifted_by: str
    codes: list[str]


@door.staff_only("takedown")
@require_safe
def board(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what was taken down, the last first, and ask which address a complaint names."""
    return _board(request, person)


@door.staff_only("takedown")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, person: Person) -> HttpResponse:
    """Show a picture and all that shows it; on POST take it down and delete it. The second press changes nothing."""
    asked = request.POST if request.method == "POST" else request.GET
    address = asked.get("address", "")[:_LONGEST]
    file = queries.file_named(address)
    if file is None:
        return _board(request, person, address, "تصویری با این نشانی نداریم. نشانی مانند /media/…-640.webp است.", 422)
    if request.method != "POST":
        return _new(request, person, file)
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in ("reason", "why")}
    try:
        row = media.take_down(key=file.key, **typed, by=person.code, now=clock.now())
    except Invalid as refusal:
        return _new(request, person, file, typed, refusal.fields, 422)
    return redirect(f"/desk/takedowns/?{urlencode({'done': row.pk})}")


@door.staff_only("takedown")
@require_POST
def lift(request: HttpRequest, person: Person, takedown_id: int) -> HttpResponse:
    """Let a file be brought in again."""
    why = request.POST.get("why", "")[:_LONGEST]
    try:
        media.lift(takedown_id=takedown_id, why=why, by=person.code, now=clock.now())
    except Missing:
        raise
    except Refused as refusal:
        says = refusal.fields["why"] if isinstance(refusal, Invalid) else refusal.detail
        return _board(request, person, status=refusal.status, bad=(takedown_id, says))
    return redirect("/desk/takedowns/?lifted")


def _board(
    request: HttpRequest,
    person: Person,
    address: str = "",
    error: str = "",
    status: int = 200,
    bad: tuple[int, str] = (0, ""),
) -> HttpResponse:
    before = request.GET.get("before", "")
    found = queries.takedowns(before=int(before) if before.isascii() and before.isdigit() else None, limit=_EACH + 1)
    rows = found[:_EACH]
    codes = queries.products_of(rows)
    names = people.names_of([*(row.by for row in rows), *(row.lifted_by for row in rows if row.lifted_by)])
    done = request.GET.get("done", "")
    now_down = next((row for row in rows if str(row.pk) == done and row.lifted_at is None), None)
    field = Field(
        "address", "نشانی تصویر یا ویدیو", address, "همان که در درخواست آمده است؛ مانند نشانی تصویری که باز کرده‌اند.",
        error, ltr=True, maxlength=_LONGEST,
    )  # fmt: skip
    context = {
        "field": field,
        "wrong": wrong([field]),
        "heading": heading(1),
        "rows": [
            Row(row, rules.REASONS[row.reason], names.get(row.by, row.by), names.get(row.lifted_by, ""), codes[row.pk])
            for row in rows
        ],
        "next": rows[-1].pk if len(found) > _EACH else 0,
        "done": now_down,
        "cached": _cached(now_down.file) if now_down else [],
        "is_lifted": "lifted" in request.GET,
        "bad": {"row": bad[0], "says": bad[1]},
    }
    return door.render(request, person, "takedowns.html", context, status)


def _cached(file: MediaFile) -> list[str]:
    """The addresses that caches of others may still answer; a CDN is told to forget them."""
    if file.kind == MediaFile.Kind.VIDEO:
        names = [f"{file.key}.{file.form}"]
    else:
        names = [f"{file.key}-{width}.webp" for width in rules.WIDTHS]
    return [f"{settings.PUBLIC_URL}/media/{name}" for name in names]


def _new(
    request: HttpRequest,
    person: Person,
    file: MediaFile,
    typed: dict[str, str] | None = None,
    bad: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    typed, bad = typed or {}, bad or {}
    reasons = (("", "برگزینید"), *rules.REASONS.items())
    fields = [
        Field("reason", "سبب", typed.get("reason", ""), error=bad.get("reason", ""), options=reasons),
        Field(
            "why", "چرا", typed.get("why", ""),
            "در تاریخچه می‌ماند. شماره درخواست را بنویسید، نه نام درخواست‌کننده.",
            bad.get("why", ""), maxlength=rules.LONGEST_WHY,
        ),
    ]  # fmt: skip
    named = wrong(fields)
    context = {
        "file": file,
        "is_down": file.state == MediaFile.State.DOWN,
        "is_ready": file.state == MediaFile.State.READY,
        "showers": queries.showers(file),
        "fields": fields,
        "wrong": named,
        "heading": heading(len(named)),
    }
    return door.render(request, person, "takedown_new.html", context, status)
