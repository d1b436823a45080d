"""The desk of working days: closed days are added and taken out, one at a time, with a look at what moves."""

import re
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, previews
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import has_controls, normalise
from peyman.kernel.worktime import tehran_day
from peyman.people.models import Person
from peyman.promises import actions, queries, rules

_LONGEST = 200
_SOURCE = 120


@door.staff_only("calendar")
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the closed days to come; preview and confirm a change of one (D21)."""
    if request.method != "POST":
        return _page(request, person)
    now = clock.now()
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in ("date", "title", "source", "act")}
    version, before = queries.reckoning()
    try:
        close, open_, source = _asked(typed, before, tehran_day(now))
    except Invalid as invalid:
        return _page(request, person, typed, invalid.fields)
    shown = previews.preview(version.number, queries.with_days(before, close=close, open_=open_), now)
    refusal: Refused | None = None
    if previews.is_confirmed(request):
        if shown.overdue and request.POST.get("accept_overdue") != "yes":
            refusal = OverdueNotAccepted(count=shown.overdue)
        else:
            try:
                made = actions.change_calendar(
                    close=close, open_=open_, source=source, now=now, seen=previews.seen_of(request)
                )
            except rules.CalendarChanged as changed:
                refusal = changed
            else:
                return redirect(f"/desk/calendar/?made={made.number}")
    context = {"typed": typed, "preview": shown, "day": next(iter([*close, *open_])), "is_closing": bool(close)}
    return door.render(
        request, person, "calendar_preview.html", context | {"refusal": refusal}, refusal.status if refusal else 200
    )


class OverdueNotAccepted(Refused):
    """An edit would make promises late at once, and nobody said that this is meant."""

    code = "overdue_not_accepted"
    says = "ثبت نشد، چون {count} قول با این تغییر بی‌درنگ دیر می‌شود. اگر همین را می‌خواهید، خانه پذیرش آن را نشان بزنید."


def _asked(typed: dict[str, str], before: rules.Reckoning, today: date) -> tuple[dict[date, str], list[date], str]:
    bad: dict[str, str] = {}
    close: dict[date, str] = {}
    open_: list[date] = []
    try:
        if typed["act"] == "open":
            open_.append(rules.day_to_open(typed["date"], calendar=before.calendar, today=today))
        else:
            day, title = rules.day_to_close(typed["date"], typed["title"], calendar=before.calendar, today=today)
            close[day] = title
    except Invalid as refusal:
        bad |= refusal.fields
    source = normalise(typed["source"])
    if not source or len(source) > _SOURCE or has_controls(source):
        bad["source"] = "منبع این تغییر را بنویسید (تا ۱۲۰ نویسه)؛ مانند «مصوبه هیئت دولت، ۳ آذر ۱۴۰۵»."
    if bad:
        raise Invalid(bad)
    return close, open_, source


_BY_ITSELF = (
    (re.compile(r"force majeure (\S+) declared"), "اعلام دوره قوه قهریه {}"),
    (re.compile(r"force majeure (\S+) ended"), "پایان دوره قوه قهریه {}"),
    (re.compile(r"holidays (\S+), IR"), "جدول آغازین، از کتابخانه holidays {}"),
)


def source_words(source: str) -> str:
    """Return a version's source for readers: what the house writes by itself is written in English."""
    for pattern, words in _BY_ITSELF:
        if found := pattern.fullmatch(source):
            return words.format(found[1])
    return source


def _page(
    request: HttpRequest, person: Person, typed: dict[str, str] | None = None, bad: dict[str, str] | None = None
) -> HttpResponse:
    now = clock.now()
    typed, bad = typed or {}, bad or {}
    version, _ = queries.working_calendar()
    opening = typed.get("act") == "open"
    fields = [
        Field(
            "date",
            "روز",
            "" if opening else typed.get("date", ""),
            "سال، ماه و روز؛ مانند ۱۴۰۵/۹/۴",
            bad.get("date", ""),
            ltr=True,
            maxlength=20,
        ),
        Field(
            "title", "مناسبت", typed.get("title", ""), "همین نوشته منتشر می‌شود.", bad.get("title", ""), maxlength=160
        ),
        Field(
            "source",
            "منبع",
            typed.get("source", ""),
            "از کجا می‌دانیم؛ کنار نسخه تقویم می‌ماند.",
            bad.get("source", ""),
            maxlength=120,
        ),
    ]
    context = {
        "version": version,
        "holidays": queries.holidays(version, since=tehran_day(now)),
        "versions": [(row, source_words(row.source)) for row in queries.versions(8)],
        "fields": fields,
        "typed": typed,
        "wrong": wrong(fields),
        "heading": heading(len(wrong(fields))),
        "made": request.GET.get("made", ""),
    }
    return door.render(request, person, "calendar.html", context, 422 if bad else 200)
