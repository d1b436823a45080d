"""The desk of the tariff: what the network serves from, as it is declared, brought in files, and ended (B04)."""

from collections.abc import Sequence
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, tariff_frame
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import normalise
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.actions import edges as actions
from peyman.market.tariff.queries import desk
from peyman.market.tariff.rules import edges as rules
from peyman.people.models import Person

_LONGEST = 300
_FAULTS = 30  # lines of a bad file that are named
_NAMES = ("cdn", "prefix", "from", "to", "source")

# ---- What the network serves from ----


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def edges(request: HttpRequest, person: Person) -> HttpResponse:
    """List what is declared, and declare one range more (B04)."""
    if request.method != "POST":
        return _edges_page(request, person)
    now = clock.now()
    typed = {name: request.POST.get(name, "").replace("\0", "")[:_LONGEST] for name in _NAMES}
    try:
        valid_from, valid_to = _span(typed, now)
        actions.declare(
            cdn=normalise(typed["cdn"], digits=True),
            prefix=typed["prefix"],
            valid_from=valid_from,
            valid_to=valid_to,
            source=normalise(typed["source"]),
            by=person,
            now=now,
        )
    except Invalid as refusal:
        renamed = {
            {"valid_from": "from", "valid_to": "to"}.get(name, name): says for name, says in refusal.fields.items()
        }
        return _edges_page(request, person, typed, renamed)
    return redirect("/desk/tariff/edges/?declared")


def _span(typed: dict[str, str], now: datetime) -> tuple[datetime, datetime | None]:
    """Return the days as instants: a span begins with its first day and ends before its last one is over."""
    bad: dict[str, str] = {}
    days: dict[str, date | None] = {"from": tehran_day(now), "to": None}
    for name in days:
        if typed[name].strip():
            try:
                days[name] = jalali.typed_date(typed[name])
            except ValueError:
                bad[name] = "این تاریخ خوانده نشد؛ آن را مانند ۱۴۰۲/۲/۱۰ بنویسید."
    begins, ends = days["from"], days["to"]
    if begins and ends and ends < begins:
        bad["to"] = "پایان باید پس از آغاز باشد."
    if bad or begins is None:
        raise Invalid(bad)
    return day_start(begins), _after(ends) if ends else None


def _after(day: date) -> datetime:
    return day_start(date.fromordinal(day.toordinal() + 1))


@door.staff_only("tariff")
@require_POST
def upload(request: HttpRequest, person: Person) -> HttpResponse:
    """Bring in a file of ranges, whole or not at all; every bad line is named (B04)."""
    file = request.FILES.get("file")
    typed = {
        name: normalise(request.POST.get(name, ""))[:_LONGEST] for name in ("file_cdn", "file_source", "file_seen")
    }
    now = clock.now()
    if file is None:
        return _edges_page(request, person, bad_file="فایلی برگزیده نشد.", typed_file=typed)
    if file.size is None or file.size > actions.LONGEST_FILE:
        return _edges_page(request, person, bad_file="این فایل بزرگ‌تر از فهرست نشانی‌های یک شبکه است.", typed_file=typed)
    try:
        seen = day_start(jalali.typed_date(typed["file_seen"])) if typed["file_seen"] else now
    except ValueError:
        return _edges_page(request, person, bad_file="روز فهرست خوانده نشد؛ مانند ۱۴۰۲/۲/۱۰.", typed_file=typed)
    try:
        brought = actions.take_file(
            data=file.read(actions.LONGEST_FILE + 1),
            cdn=typed["file_cdn"],
            source=typed["file_source"],
            seen_at=seen,
            by=person,
            now=now,
        )
    except rules.BadEdges as refusal:
        return _edges_page(request, person, refusal=refusal, faults=refusal.faults, typed_file=typed)
    except Refused as refusal:
        return _edges_page(request, person, refusal=refusal, typed_file=typed)
    return redirect(f"/desk/tariff/edges/?brought={brought.lines}&added={brought.added}")


@door.staff_only("tariff")
@require_POST
def end(request: HttpRequest, person: Person, edge_id: int) -> HttpResponse:
    """Declare that a range serves no more: what we believed stays readable (B04)."""
    now = clock.now()
    found = desk.edge(edge_id)
    typed = request.POST.get("on", "").replace("\0", "")[:40]
    try:
        at = _after(jalali.typed_date(typed)) if typed.strip() else now
        actions.end(edge_id=found.pk, valid_to=at, by=person, now=now)
    except ValueError:
        return _edges_page(request, person, ending=found.pk, bad_end="این تاریخ خوانده نشد؛ مانند ۱۴۰۲/۲/۱۰.")
    except Invalid as refusal:
        return _edges_page(request, person, ending=found.pk, bad_end=next(iter(refusal.fields.values())))
    return redirect("/desk/tariff/edges/?ended")


def _edges_page(
    request: HttpRequest,
    person: Person,
    typed: dict[str, str] | None = None,
    bad: dict[str, str] | None = None,
    *,
    bad_file: str = "",
    typed_file: dict[str, str] | None = None,
    refusal: Refused | None = None,
    faults: Sequence[rules.Fault] = (),
    ending: int = 0,
    bad_end: str = "",
) -> HttpResponse:
    now = clock.now()
    typed, bad, file = typed or {}, bad or {}, typed_file or {}
    q = normalise(request.GET.get("q", ""), digits=True)[:80]
    over = request.GET.get("over") == "1"
    networks = desk.edges(now, over=over)
    fields = [
        Field("cdn", "شبکه", typed.get("cdn", ""), "نامی که در گزارش‌ها می‌آید", bad.get("cdn", ""), maxlength=60),
        Field("prefix", "بازه", typed.get("prefix", ""), "مانند 185.143.232.0/22؛ نشانی تنها هم می‌شود",
              bad.get("prefix", ""), ltr=True, maxlength=80),
        Field("from", "از روز", typed.get("from", ""), "خالی یعنی امروز", bad.get("from", ""), ltr=True, maxlength=20),
        Field("to", "تا پایان روز", typed.get("to", ""), "خالی یعنی هنوز", bad.get("to", ""), ltr=True, maxlength=20),
        Field("source", "از کجا می‌دانیم", typed.get("source", ""), "مانند «قرارداد ۱۲ با شبکه»", bad.get("source", ""),
              maxlength=200),
    ]  # fmt: skip
    file_fields = [
        Field("file_cdn", "شبکه", file.get("file_cdn", ""), "اگر در فایل نیست", maxlength=60),
        Field("file_source", "منبع", file.get("file_source", ""), "اگر در فایل نیست", maxlength=200),
        Field("file_seen", "روز فهرست", file.get("file_seen", ""), "برای فهرست ساده؛ خالی یعنی اکنون", ltr=True,
              maxlength=20),
    ]  # fmt: skip
    faulty = wrong(fields)
    context = {
        "networks": [(one, [edge for edge in one.edges if not q or q in edge.prefix]) for one in networks],
        "q": q,
        "over": over,
        "beliefs": desk.beliefs(),
        "fields": fields,
        "file_fields": file_fields,
        "bad_file": bad_file,
        "refusal": refusal,
        "faults": faults[:_FAULTS],
        "more_faults": max(0, len(faults) - _FAULTS),
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "ending": ending,
        "bad_end": bad_end,
        "said": next((name for name in ("declared", "ended", "brought") if name in request.GET), ""),
        "brought": _number(request.GET.get("brought", "")),
        "added": _number(request.GET.get("added", "")),
    }
    status = refusal.status if refusal else 422 if faulty or bad_file or bad_end else 200
    return tariff_frame.render(request, person, "tariff_edges.html", context, status)


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0
