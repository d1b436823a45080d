"""The desk of force majeure: periods are declared and ended, with a look at which clocks stop or run again."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock, notices
from peyman.entrypoints.backoffice import door, previews
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.words import kind_words
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.people.models import Person
from peyman.promises import queries, rules
from peyman.shop.shipping import places

_TEXTS = ("title", "text", "signer", "starts_date", "starts_hour", "ends_date", "ends_hour")
_LISTS = ("clauses", "kinds", "provinces")
_LONGEST = 5000


@door.staff_only("force_majeure")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D121")
def force_majeure(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the declared periods; preview and confirm a new one."""
    if request.method != "POST":
        return _page(request, person)
    now = clock.now()
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in _TEXTS}
    chosen = {name: request.POST.getlist(name)[:200] for name in _LISTS}
    terms = queries.terms_in_force(now)
    try:
        declaration = rules.declaration(
            starts=(typed["starts_date"], typed["starts_hour"]),
            ends=(typed["ends_date"], typed["ends_hour"]),
            scope=rules.Scope(**{name: frozenset(values) for name, values in chosen.items()}),
            title=typed["title"],
            text=typed["text"],
            signer=typed["signer"],
            now=now,
            clauses=queries.clause_titles(terms),
            kinds=queries.kinds(),
            provinces=places.provinces(),
        )
    except Invalid as invalid:
        return _page(request, person, typed, chosen, invalid.fields)
    version, before = queries.reckoning()
    refusal: Refused | None = None
    if previews.is_confirmed(request):
        try:
            made = notices.declare_force_majeure(
                declaration=declaration, by=person, now=now, seen=previews.seen_of(request)
            )
        except rules.CalendarChanged as changed:
            refusal = changed
        else:
            return redirect(f"/desk/force-majeure/?made={made.code}")
    context = {
        "declaration": declaration,
        "typed": typed,
        "chosen": [(name, value) for name, values in chosen.items() for value in values],
        "preview": previews.preview(version.number, queries.with_pause(before, declaration), now),
        "refusal": refusal,
    }
    return door.render(request, person, "force_majeure_preview.html", context, refusal.status if refusal else 200)


@door.staff_only("force_majeure")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D121")
def end(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Preview and confirm the end of a declared period."""
    now = clock.now()
    period = queries.period(code, now)
    note = request.POST.get("note", "")[:_LONGEST]
    version, before = queries.reckoning()
    refusal: Refused | None = None
    bad = ""
    if previews.is_confirmed(request):
        try:
            notices.end_force_majeure(code=code, note=note, by=person, now=now, seen=previews.seen_of(request))
        except Invalid as invalid:
            bad = invalid.fields["note"]
        except (rules.AlreadyOver, rules.CalendarChanged) as refused:
            refusal = refused
        else:
            return redirect(f"/desk/force-majeure/?ended={code}")
    field = Field("note", "چرا پایان یافت؟", note, "همین نوشته منتشر می‌شود.", bad, maxlength=4000)
    context = {
        "period": period,
        "preview": previews.preview(version.number, queries.with_end(before, code, now), now),
        "field": field,
        "wrong": wrong([field]),
        "refusal": refusal,
    }
    status = refusal.status if refusal else 422 if bad else 200
    return door.render(request, person, "force_majeure_end.html", context, status)


def _page(
    request: HttpRequest,
    person: Person,
    typed: dict[str, str] | None = None,
    chosen: dict[str, list[str]] | None = None,
    bad: dict[str, str] | None = None,
) -> HttpResponse:
    now = clock.now()
    typed, chosen, bad = typed or {}, chosen or {}, bad or {}
    terms = queries.terms_in_force(now)
    begins = typed.get("starts_date", jalali.short_date(now))
    fields = [
        Field(
            "title",
            "نام این دوره",
            typed.get("title", ""),
            "مانند «قطع سراسری اینترنت»",
            bad.get("title", ""),
            maxlength=160,
        ),
        Field(
            "signer",
            "امضاکننده",
            typed.get("signer", ""),
            "نام و سمت؛ منتشر می‌شود.",
            bad.get("signer", ""),
            maxlength=160,
        ),
        Field("starts_date", "از تاریخ", begins, "مانند ۱۴۰۵/۹/۴", bad.get("starts", ""), ltr=True, maxlength=20),
        Field(
            "starts_hour",
            "از ساعت",
            typed.get("starts_hour", ""),
            "مانند ۸:۳۰؛ خالی یعنی آغاز روز",
            ltr=True,
            maxlength=10,
        ),
        Field(
            "ends_date",
            "تا تاریخ",
            typed.get("ends_date", ""),
            "خالی یعنی تا اطلاع بعدی",
            bad.get("ends", ""),
            ltr=True,
            maxlength=20,
        ),
        Field("ends_hour", "تا ساعت", typed.get("ends_hour", ""), "مانند ۸:۳۰", ltr=True, maxlength=10),
    ]
    text = Field(
        "text",
        "متن اعلام",
        typed.get("text", ""),
        "چه رخ داده و چرا وفای به قول را ناممکن کرده است؛ همین متن منتشر می‌شود.",
        bad.get("text", ""),
        wide=True,
    )
    faults = wrong([*fields, text]) + [Field(name, "", error=bad[name]) for name in _LISTS if name in bad]
    context = {
        "periods": queries.periods(now),
        "fields": fields,
        "text": text,
        "scopes": [
            ("clauses", "بندها", [(c, title) for c, title in queries.clause_titles(terms).items()]),
            ("kinds", "گونه قول‌ها", [(kind, kind_words(kind)) for kind in queries.kinds()]),
            ("provinces", "استان‌ها", [(name, name) for name in places.provinces()]),
        ],
        "chosen": {value for values in chosen.values() for value in values},
        "wrong": faults,
        "heading": heading(len(faults)),
        "made": request.GET.get("made", ""),
        "ended": request.GET.get("ended", ""),
    }
    return door.render(request, person, "force_majeure.html", context, 422 if bad else 200)
