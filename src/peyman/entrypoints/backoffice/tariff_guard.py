"""The desk of the tariff: where "half price" is said and where not, why, and who delivers what (B02, B07)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from peyman.entrypoints import clock, guard_answers
from peyman.entrypoints.backoffice import door, tariff_frame
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.guard_answers import Said
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import normalise
from peyman.kernel.worktime import DAY, day_start, tehran_day
from peyman.market.guard.actions import deliveries as actions
from peyman.market.guard.queries import board as boards
from peyman.market.guard.queries import view
from peyman.market.guard.rules import objects
from peyman.market.tariff.queries.drift import Check
from peyman.market.tariff.rules.guard import Decision
from peyman.market.tariff.rules.says import address_reason, guard_reason, relight
from peyman.people.models import Person

_LONGEST = 2000
_ASKED = ("object", "client", "date", "hour")
_NAMES = ("name", "pattern", "cdns", "prefixes", "operators", "dark_because", "note")
_RANGES = 60  # of an answer, or of a refusal, that are named
_SAID = {
    "put": "تحویل ثبت شد.",
    "dark": "خاموش شد و در همین ثانیه متن خنثی نشان داده می‌شود.",
    "light": "خاموشی دستی برداشته شد؛ پس از زمان اطمینان روشن می‌شود.",
    "end": "پایان تحویل ثبت شد.",
}


@dataclass(frozen=True)
class Why:
    """A reason against it, and what would end it."""

    code: str
    says: str
    mends: str


@dataclass(frozen=True)
class Answer:
    """What the guard says of one object and one address."""

    object: str
    client: str
    at: datetime
    decision: Decision
    said: Said
    why: tuple[Why, ...]
    ranges: tuple[tuple[str, int, bool, str, datetime | None], ...]
    more: int


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def guard(request: HttpRequest, person: Person) -> HttpResponse:
    """Show every delivery for every operator; answer a question; put one delivery (B02, B07)."""
    if request.method != "POST":
        return _page(request, person)
    now = clock.now()
    typed = {name: request.POST.get(name, "").replace("\0", "")[:_LONGEST] for name in _NAMES}
    try:
        actions.put(
            asked=actions.Asked(
                typed["name"],
                typed["pattern"],
                _listed(typed["cdns"]),
                _listed(typed["prefixes"]),
                _listed(typed["operators"]),
            ),
            valid_from=now,
            dark_because=typed["dark_because"],
            note=typed["note"],
            by=person,
            now=now,
        )
    except Invalid as refusal:
        return _page(request, person, typed, refusal.fields)
    except Refused as refusal:
        return _page(request, person, typed, refusal=refusal)
    return redirect("/desk/tariff/guard/?said=put")


@door.staff_only("tariff")
@require_POST
def dark(request: HttpRequest, person: Person) -> HttpResponse:
    """Keep one delivery dark, with a reason, from this second on (B07)."""
    name, why = _named(request), request.POST.get("why", "").replace("\0", "")[:_LONGEST]
    try:
        actions.darken(name=name, why=why, by=person, now=clock.now())
    except actions.WhyMissing as refusal:
        return _page(request, person, refusal=refusal, darkening=name)
    return redirect("/desk/tariff/guard/?said=dark")


@door.staff_only("tariff")
@require_POST
def light(request: HttpRequest, person: Person) -> HttpResponse:
    """Let the guard decide again; refused while an address is not admitted (B07)."""
    try:
        actions.lighten(name=_named(request), by=person, now=clock.now())
    except (actions.NotAdmitted, actions.NoAddresses) as refusal:
        return _page(request, person, refusal=refusal)
    return redirect("/desk/tariff/guard/?said=light")


@door.staff_only("tariff")
@require_POST
def end(request: HttpRequest, person: Person) -> HttpResponse:
    """Believe that a delivery is over now."""
    now = clock.now()
    try:
        actions.end(name=_named(request), valid_to=now, by=person, now=now)
    except Invalid as refusal:
        return _page(request, person, refusal=refusal)
    return redirect("/desk/tariff/guard/?said=end")


def _named(request: HttpRequest) -> str:
    return request.POST.get("name", "").replace("\0", "")[:_LONGEST]


def _listed(typed: str) -> list[str]:
    for sign in ("،", ",", "؛", ";"):
        typed = typed.replace(sign, "\n")
    return [line.strip() for line in typed.splitlines() if line.strip()]


# ---- The page ----


def _page(
    request: HttpRequest,
    person: Person,
    typed: Mapping[str, str] | None = None,
    bad: Mapping[str, str] | None = None,
    *,
    refusal: Refused | None = None,
    darkening: str = "",
) -> HttpResponse:
    now = clock.now()
    typed, bad = typed or {}, dict(bad or {})
    board = boards.board(now)
    asked = {name: request.GET.get(name, "").replace("\0", "")[:300] for name in _ASKED}
    answer, faults = _answer(asked, board, now) if "object" in request.GET else (None, {})
    ask_fields = [
        Field("object", "فایل", asked["object"], "مانند apps/ir.example/12.apk", faults.get("object", ""), ltr=True,
              maxlength=300),
        Field("client", "نشانی کاربر", asked["client"], "نسخه ۴ یا ۶", faults.get("client", ""), ltr=True,
              maxlength=80),
        Field("date", "روز", asked["date"], "خالی یعنی اکنون", faults.get("date", ""), ltr=True, maxlength=20),
        Field("hour", "ساعت", asked["hour"], "خالی یعنی ظهر آن روز", "", ltr=True, maxlength=10),
    ]  # fmt: skip
    put_fields = [
        Field("name", "نام تحویل", typed.get("name", ""), "نام ثبت‌شده را بنویسید تا جای آن را بگیرد.",
              bad.get("name", ""), maxlength=60),
        Field("pattern", "فایل‌ها", typed.get("pattern", ""), "مسیر یک فایل، یا آغاز مسیر و *؛ مانند apps/*",
              bad.get("pattern", ""), ltr=True, maxlength=300),
        Field("cdns", "شبکه‌ها", typed.get("cdns", ""), "با ، از هم جدا؛ نشانی‌هایشان از میز شبکه می‌آید.",
              bad.get("cdns", ""), maxlength=600),
        Field("prefixes", "بازه‌های دیگر", typed.get("prefixes", ""), "با ، از هم جدا؛ اگر نام شبکه بس نیست",
              bad.get("prefixes", ""), ltr=True, maxlength=2000),
        Field("operators", "اپراتورها", typed.get("operators", ""), "خالی یعنی همه", bad.get("operators", ""),
              maxlength=600),
        Field("dark_because", "خاموش ثبت شود، چون", typed.get("dark_because", ""),
              "فقط اگر نشانی‌ها هنوز پذیرفته نیست.", bad.get("dark_because", ""), maxlength=300),
        Field("note", "از کجا می‌دانیم", typed.get("note", ""), error=bad.get("note", ""), maxlength=300),
    ]  # fmt: skip
    faulty = wrong([*ask_fields, *put_fields])
    context = {
        "board": board,
        "standings": [(one, [(cells, _why(cells.decision)) for cells in one.cells]) for one in board.standings],
        "before": boards.before(),
        "others": boards.others(now),
        "ask_fields": ask_fields,
        "put_fields": put_fields,
        "answer": answer,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal,
        "refused": _refused(refusal),
        "darkening": darkening,
        "said": _SAID.get(request.GET.get("said", ""), ""),
        "relight": settings.GUARD_RELIGHT,
        "list_age": board.scene.limits.list_age,
    }
    status = refusal.status if refusal else 422 if faulty else 200
    return tariff_frame.render(request, person, "tariff_guard.html", context, status)


def _why(decision: Decision) -> tuple[Why, ...]:
    return tuple(Why(code, guard_reason(code), relight(code)) for code in decision.evidence.against)


def _refused(refusal: Refused | None) -> list[tuple[str, str]]:
    """Return the ranges that stopped a change, with why."""
    checks: Sequence[Check] = refusal.checks if isinstance(refusal, actions.NotAdmitted) else ()
    return [
        (part.range, address_reason(reason)) for check in checks for part, reason in check.parts if reason != "admitted"
    ][:_RANGES]


def _answer(asked: dict[str, str], board: boards.Board, now: datetime) -> tuple[Answer | None, dict[str, str]]:
    faults: dict[str, str] = {}
    if not objects.path(asked["object"].strip()):
        faults["object"] = "مسیر یک فایل را بنویسید؛ مانند apps/ir.example/12.apk."
    if not asked["client"].strip():
        faults["client"] = "نشانی کاربر را بنویسید؛ مانند 5.52.1.2."
    at = now
    try:
        if asked["date"].strip() or asked["hour"].strip():
            at = _instant(asked["date"], asked["hour"], now)
    except ValueError:
        faults["date"] = "این روز یا ساعت خوانده نشد؛ مانند ۱۴۰۲/۲/۱۰ و ۸:۳۰."
    if faults:
        return None, faults
    compiled = view.View(board.scene) if at == now else view.at(at)
    decision = compiled.decide(asked["object"].strip(), normalise(asked["client"], digits=True), at)
    ranges = [
        (one.range, one.addresses, one.admitted, address_reason(one.reason), one.since)
        for one in decision.evidence.addresses
    ]
    why = _why(decision)
    return (
        Answer(
            objects.path(asked["object"].strip()),
            asked["client"].strip(),
            at,
            decision,
            guard_answers.said(decision, at),
            why,
            tuple(ranges[:_RANGES]),
            max(0, len(ranges) - _RANGES),
        ),
        {},
    )


def _instant(day: str, hour: str, now: datetime) -> datetime:
    """Return the instant that was typed; without an hour noon, without a day today. Raises ValueError."""
    read = jalali.typed_date(day) if day.strip() else tehran_day(now)
    if hour.strip():
        return jalali.typed_instant(read.isoformat(), normalise(hour))
    return now if read == tehran_day(now) else day_start(read) + DAY / 2
