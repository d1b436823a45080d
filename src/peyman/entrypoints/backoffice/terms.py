"""The desk of terms: a new version is read, compared with the one in force, and published. None is ever edited."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock, documents, notices, termdiff
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.backoffice.previews import is_confirmed
from peyman.entrypoints.fields import Field, wrong
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.people.models import Person
from peyman.promises import queries, rules

_LONGEST = 400_000  # letters; the first version has 60,000


class AlreadyPublished(Refused):
    """This very text is a version already."""

    code = "terms_already_published"
    clause = "D04"
    says = "منتشر نشد، چون همین متن پیش از این نسخه {number} بوده است. چیزی را در آن عوض کنید."


@door.staff_only("terms")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D04")
def terms(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the versions and a copy of the newest to edit; preview and confirm a new one."""
    if request.method != "POST":
        return _page(request, person, queries.source(queries.all_terms()[0]))
    now = clock.now()
    try:
        text = _text(request)
    except Invalid as refusal:
        return _page(request, person, request.POST.get("toml", "")[:_LONGEST], bad=refusal.fields)
    day, hour = request.POST.get("day", "")[:20], request.POST.get("hour", "")[:10]
    try:
        effective_at = _effective(day, hour, now)
        document = rules.read_document(text, documents.register())
        known = next((version for version in queries.all_terms() if version.sha256 == document.sha256), None)
        if known:
            raise AlreadyPublished(number=known.number)
        if is_confirmed(request):
            made = notices.publish_terms(document=document, now=now, effective_at=effective_at, by=person)
            return redirect(f"/desk/terms/?made={made.number}")
    except Invalid as refusal:
        return _page(request, person, text, day, hour, bad=refusal.fields)
    except Refused as refusal:
        return _page(request, person, text, day, hour, refusal=refusal)
    newest = queries.all_terms()[0]
    context = {
        "toml": text,
        "day": day,
        "hour": hour,
        "effective_at": effective_at,
        "newest": newest,
        "document": document,
        "changes": termdiff.changes(queries.clauses(newest), document.clauses),
        "numbers": termdiff.numbers(newest.parameters, document.parameters),
    }
    return door.render(request, person, "terms_preview.html", context)


def _text(request: HttpRequest) -> str:
    """Return the document: the uploaded file where there is one, else what stands in the box."""
    file = request.FILES.get("file")
    if file is None:
        text = request.POST.get("toml", "").replace("\r\n", "\n")
    else:
        try:
            text = file.read(_LONGEST * 4 + 1).decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise Invalid({"file": "پرونده خوانده نشد؛ متن باید با رمزگذاری UTF-8 باشد."}) from None
    if not text.strip():
        raise Invalid({"toml": "متن خالی است؛ پرونده‌ای برگزینید یا متن را در خانه بنویسید."})
    if len(text) > _LONGEST:
        raise Invalid({"toml": "متن بیش از اندازه بلند است."})
    return text


def _effective(day: str, hour: str, now: datetime) -> datetime | None:
    if not day.strip():
        return None
    try:
        at = jalali.typed_instant(day, hour.strip() or "0")
    except ValueError:
        raise Invalid({"day": rules.NO_HOUR}) from None
    return rules.effective(at, now)


def _page(
    request: HttpRequest,
    person: Person,
    text: str,
    day: str = "",
    hour: str = "",
    *,
    bad: dict[str, str] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    bad = bad or {}
    now = clock.now()
    fields = [
        Field(
            "day", "از تاریخ", day, "مانند ۱۴۰۵/۹/۴؛ خالی یعنی از همین لحظه", bad.get("day", ""), ltr=True, maxlength=20
        ),
        Field("hour", "از ساعت", hour, "مانند ۸:۳۰؛ خالی یعنی آغاز روز", ltr=True, maxlength=10),
    ]
    box = Field("toml", "متن نسخه تازه (TOML)", text, "رونوشت نسخه پیشین است؛ آن را دگرگون کنید.", bad.get("toml", ""))
    file = Field("file", "یا پرونده", "", "به جای متن بالا خوانده می‌شود.", bad.get("file", ""))
    context = {
        "versions": queries.all_terms(),
        "current": queries.terms_in_force(now),
        "fields": fields,
        "box": box,
        "file": file,
        "wrong": wrong([*fields, box, file]),
        "refusal": refusal,
        "problems": refusal.problems if isinstance(refusal, rules.UnreadableTerms) else [],
        "made": request.GET.get("made", ""),
    }
    status = refusal.status if refusal else 422 if bad else 200
    return door.render(request, person, "terms.html", context, status)
