"""The desk of privacy: reports of violations, and looking at a customer's data with a reason that stays (D16, D17)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, contacts, lost_lines
from peyman.entrypoints import privacy as reports
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.worktime import tehran_day
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Person

_LONGEST = 5000


@door.staff_only("privacy")
@require_safe
@carries_out("D17")
def cases(request: HttpRequest, person: Person) -> HttpResponse:
    """List the open cases, the oldest first, or those of one state. Nothing personal is in the list."""
    state = request.GET.get("state", "")
    known = state if state in rules.STATE_WORDS else ""
    counts = queries.case_counts()
    context = {
        "cases": queries.cases(state=known),
        "counts": [(name, words, counts[name]) for name, words in rules.STATE_WORDS.items()],
        "state": known,
    }
    return door.render(request, person, "privacy_cases.html", context)


@door.staff_only("privacy")
@require_safe
@carries_out("D17")
def case(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _case_page(request, person, code)


@door.staff_only("privacy")
@require_POST
@carries_out("D16", "D17")
def read(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show the report and the reporter's contact, after the reason was written into the access log."""
    found = queries.case(code)
    why = request.POST.get("why", "")[:_LONGEST]
    try:
        people.note_access(
            by=person, whose=found.person, subject=f"privacy_case:{code}", what="case", why=why, now=clock.now()
        )
    except Invalid as refusal:
        return _case_page(request, person, code, {"why": why}, refusal)
    return _case_page(request, person, code, is_read=True)


@door.staff_only("privacy")
@require_POST
@carries_out("D17")
def take(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    try:
        people.take_case(case=queries.case(code), by=person, now=clock.now())
    except Refused as refusal:
        return _case_page(request, person, code, refusal=_not_missing(refusal))
    return redirect(f"/desk/privacy/{code}/")


@door.staff_only("privacy")
@require_POST
@carries_out("D17")
def answer(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    text = request.POST.get("text", "")[:_LONGEST]
    try:
        reports.answer(queries.case(code), text, person, clock.now())
    except Refused as refusal:
        return _case_page(request, person, code, {"text": text}, _not_missing(refusal))
    return redirect(f"/desk/privacy/{code}/")


@door.staff_only("privacy")
@require_POST
@carries_out("D17")
def close(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    result = request.POST.get("result", "")[:40]
    try:
        people.close_case(case=queries.case(code), why=result, by=person, now=clock.now())
    except Refused as refusal:
        return _case_page(request, person, code, {"result": result}, _not_missing(refusal))
    return redirect(f"/desk/privacy/{code}/")


def _not_missing(refusal: Refused) -> Refused:
    if isinstance(refusal, Missing):
        raise refusal
    return refusal


def _case_page(
    request: HttpRequest,
    person: Person,
    code: str,
    typed: dict[str, str] | None = None,
    refusal: Refused | None = None,
    is_read: bool = False,
) -> HttpResponse:
    typed = typed or {}
    bad = dict(refusal.fields) if isinstance(refusal, Invalid) else {}
    if "result" in typed and "why" in bad:
        bad["result"] = bad.pop("why")
    found = queries.case(code)
    boxes = {
        "why": Field(
            "why", "برای چه کاری می‌خوانید؟", typed.get("why", ""), "در دفتر دسترسی می‌ماند.", bad.get("why", ""),
            maxlength=200,
        ),
        "text": Field(
            "text", "پاسخ به گزارش‌دهنده", typed.get("text", ""),
            "به همان نشانی که گزارش از آن رسیده است فرستاده می‌شود.", bad.get("text", ""),
        ),
        "result": Field(
            "result", "نتیجه", typed.get("result", ""), "", bad.get("result", ""),
            options=(("", "برگزینید"), *rules.CLOSING_REASONS.items()),
        ),
    }  # fmt: skip
    faulty = wrong(boxes.values())
    context = {
        "view": queries.case_view(found),
        "is_read": is_read,
        "is_mine": found.taken_by_id == person.pk,
        "may": {event for state, event in rules.CASE_STEPS if state == found.state},
        "promise": reports.promise_of(found),
        "f": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal if refusal and not faulty else None,
    }
    return door.render(request, person, "privacy_case.html", context, refusal.status if refusal else 200)


# ---- Whose data, and why ----


@door.staff_only("people")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D16")
def someone(request: HttpRequest, person: Person) -> HttpResponse:
    """Find a customer by number or code, and show their contacts once the reason is in the access log."""
    typed = {name: request.POST.get(name, "")[:200] for name in ("who", "why")}
    bad: dict[str, str] = {}
    shown: Person | None = None
    if request.method == "POST":
        shown = _found(typed["who"])
        if shown is None:
            bad["who"] = "کسی با این شماره یا شناسه پیدا نشد."
        try:
            rules.access_reason(typed["why"])
        except Invalid as refusal:
            bad |= refusal.fields
        if shown is not None and not bad:
            people.note_access(
                by=person,
                whose=shown,
                subject=f"person:{shown.code}",
                what="contacts",
                why=typed["why"],
                now=clock.now(),
            )
    return _someone_page(request, person, typed, bad, None if bad else shown)


@door.staff_only("people")
@require_POST
@carries_out("D20")
def correct_birth_date(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Mend a birth date that its owner says is wrong."""
    now = clock.now()
    found = queries.person_by_code(code)
    typed = {name: request.POST.get(name, "")[:200] for name in ("birth_date", "why")}
    try:
        people.correct_birth_date(
            person=found, typed=typed["birth_date"], why=typed["why"], by=person, today=tehran_day(now), now=now
        )
    except Invalid as refusal:
        return _someone_page(request, person, typed | {"who": code}, refusal.fields, None)
    return redirect("/desk/people/?saved")


@door.staff_only("people")
@require_POST
@carries_out("D16")
def identity(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show national id and account number whole, once the reason is in the access log."""
    found = queries.person_by_code(code)
    why = request.POST.get("why", "")[:200]
    try:
        people.note_access(
            by=person, whose=found, subject=f"person:{found.code}", what="identity", why=why, now=clock.now()
        )
    except Invalid as refusal:
        return _someone_page(request, person, {"who": code, "why": why}, refusal.fields, None)
    return _someone_page(request, person, {"who": code, "why": why}, {}, found, is_whole=True)


@door.staff_only("people")
@require_POST
@carries_out("D15")
def national_id(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Confirm a national id whose card was seen, or take a wrong one out."""
    found = queries.person_by_code(code)
    typed = {"who": code, "why": request.POST.get("why", "")[:200]}
    try:
        if request.POST.get("act") == "confirm":
            contacts.confirm_national_id(found, typed["why"], person, clock.now())
        else:
            people.take_national_id_out(person=found, why=typed["why"], by=person, now=clock.now())
    except Refused as refusal:
        bad = refusal.fields if isinstance(refusal, Invalid) else {}
        return _someone_page(request, person, typed, bad, None, refusal=None if bad else refusal)
    return redirect("/desk/people/?saved")


# ---- A lost line ----


@door.staff_only("people")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D08", "D15")
def lost_line(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Change the number of a customer who lost the line: an identity check on record, and a code to the new number that
    only the customer types: we ask for codes on our pages and nowhere else.
    """
    found = queries.person_by_code(code)
    if request.method != "POST":
        return _lost_page(request, person, found)
    typed = {name: request.POST.get(name, "")[:200] for name in ("mobile", "identity", "why")}
    wrong_fields: dict[str, str] = {}
    for rule, name in (
        (rules.mobile_number, "mobile"),
        (rules.identity_check, "identity"),
        (rules.access_reason, "why"),
    ):
        try:
            rule(typed[name])
        except Invalid as refusal:
            wrong_fields |= refusal.fields
    if wrong_fields:
        return _lost_page(request, person, found, typed, wrong_fields)
    try:
        lost_lines.register(found, typed["mobile"], typed["identity"], typed["why"], person, clock.now())
    except Refused as refusal:
        bad = refusal.fields if isinstance(refusal, Invalid) else {}
        return _lost_page(request, person, found, typed, bad, refusal=None if bad else _not_missing(refusal))
    return redirect(f"/desk/people/{code}/lost")


@door.staff_only("people")
@require_POST
@carries_out("D15")
def decide_lost_line(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Decide about an open request: change the number in spite of an objection, or refuse."""
    row = queries.lost_line(code)
    typed = {name: request.POST.get(name, "")[:200] for name in ("identity", "why")}
    try:
        if request.POST.get("act") == "uphold":
            lost_lines.uphold(row, typed["identity"], typed["why"], person, clock.now())
        else:
            lost_lines.refuse(row, typed["why"], person, clock.now())
    except Refused as refusal:
        bad = refusal.fields if isinstance(refusal, Invalid) else {}
        return _lost_page(request, person, row.person, typed, bad, refusal=None if bad else _not_missing(refusal))
    return redirect("/desk/people/?saved")


def _lost_page(
    request: HttpRequest,
    person: Person,
    whose: Person,
    typed: dict[str, str] | None = None,
    bad: dict[str, str] | None = None,
    *,
    refusal: Refused | None = None,
) -> HttpResponse:
    typed, bad = typed or {}, bad or {}
    checks = (("", "برگزینید"), *rules.IDENTITY_CHECKS.items())
    boxes = {
        "mobile": Field(
            "mobile", "شماره تازه", typed.get("mobile", ""), "کدی به آن می‌رود و مشتری خود آن را در سایت می‌نویسد.",
            bad.get("mobile", ""), type="tel", ltr=True, maxlength=60,
        ),
        "identity": Field(
            "identity", "هویت را چگونه سنجیدید؟", typed.get("identity", ""), "", bad.get("identity", ""), options=checks
        ),
        "why": Field(
            "why", "شرح", typed.get("why", ""), "در دفتر دسترسی می‌ماند و صاحب حساب هم آن را می‌بیند.",
            bad.get("why", ""), maxlength=200,
        ),
    }  # fmt: skip
    faulty = wrong(boxes.values())
    context = {
        "whose": whose,
        "row": queries.lost_line_of(whose),
        "state_words": rules.LOST_LINE_WORDS,
        "f": boxes,
        "page": f"{settings.PUBLIC_URL}/login/lost/code/",
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal,
    }
    return door.render(
        request, person, "lost_line.html", context, refusal.status if refusal else 422 if faulty else 200
    )


def _found(who: str) -> Person | None:
    if who.strip().upper().startswith("PER-"):
        return Person.objects.filter(code=who.strip().upper()).first()
    try:
        return queries.by_mobile(rules.mobile_number(who))
    except Invalid:
        return None


def _someone_page(
    request: HttpRequest,
    person: Person,
    typed: dict[str, str],
    bad: dict[str, str],
    shown: Person | None,
    *,
    is_whole: bool = False,
    refusal: Refused | None = None,
) -> HttpResponse:
    boxes = {
        "who": Field(
            "who", "شماره موبایل یا شناسه مشتری", typed.get("who", ""), "", bad.get("who", ""), ltr=True, maxlength=60
        ),
        "why": Field(
            "why", "برای چه کاری؟", typed.get("why", ""), "در دفتر دسترسی می‌ماند و صاحب حساب هم آن را می‌بیند.",
            bad.get("why", ""), maxlength=200,
        ),
        "birth_date": Field(
            "birth_date", "تاریخ تولد درست", typed.get("birth_date", ""), "شمسی؛ مانند ۱۳۸۹/۴/۵",
            bad.get("birth_date", ""), ltr=True, maxlength=20,
        ),
    }  # fmt: skip
    faulty = wrong(boxes.values())
    context = {
        "f": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "shown": shown,
        "refusal": refusal,
        "is_whole": is_whole,
        "national_id": _number(shown.national_id, is_whole) if shown else "",
        "sheba": _number(shown.sheba, is_whole) if shown else "",
        "claims": queries.claimed_ids(),
        "lost_lines": queries.open_lost_lines(),
        "consents": queries.consents(shown) if shown else {},
        "looks": queries.latest_looks(),
        "saved": "saved" in request.GET,
    }
    return door.render(request, person, "people.html", context, refusal.status if refusal else 422 if faulty else 200)


def _number(number: str, is_whole: bool) -> str:
    return number if is_whole else rules.masked(number)
