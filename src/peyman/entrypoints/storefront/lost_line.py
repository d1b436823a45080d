"""Log-in without the old line: asked for by the confirmed e-mail address, stopped by a link (D08, D15)."""

from collections.abc import Mapping
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, lost_lines
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.storefront.members import members_only
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.people import queries, rules
from peyman.people.models import Person

PENDING = "lost_line"  # name in the session: whose code is awaited, and how far it came
_LONGEST = 300


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D08", "D15")
def ask(request: HttpRequest) -> HttpResponse:
    """Take the old number and the e-mail address of its account. The answer is the same for every pair."""
    if request.method != "POST":
        return _page(request, "ask", _ask_fields({}, {}))
    typed = _typed(request, "mobile", "email")
    try:
        whose = lost_lines.ask(request, typed["mobile"], typed["email"], clock.now())
    except Invalid as refusal:
        return _page(request, "ask", _ask_fields(typed, refusal.fields))
    request.session[PENDING] = {"whose": whose, "step": "email"}
    return redirect("/login/lost/email/")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D08", "D15")
def email(request: HttpRequest) -> HttpResponse:
    """Take the code that reached the e-mail address, and the new number."""
    pending = _pending(request, "email")
    if pending is None:
        return redirect("/login/lost/")
    if request.method != "POST":
        return _page(request, "email", _email_fields({}, {}))
    typed = _typed(request, "code", "mobile")
    try:
        lost_lines.prove(request, pending["whose"], typed["code"], typed["mobile"], clock.now())
    except rules.WrongCode as refusal:
        return _page(request, "email", _email_fields(typed, {"code": refusal.detail}))
    except Invalid as refusal:
        return _page(request, "email", _email_fields(typed, refusal.fields))
    request.session[PENDING] = {"whose": pending["whose"], "step": "mobile", "mobile": typed["mobile"]}
    return redirect("/login/lost/mobile/")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D08", "D15")
def mobile(request: HttpRequest) -> HttpResponse:
    """Take the code that reached the new number, and begin to wait."""
    pending = _pending(request, "mobile")
    if pending is None:
        return redirect("/login/lost/")
    if request.method != "POST":
        return _page(request, "mobile", [_code_field("کد شش‌رقمی پیامک")], to=pending["mobile"])
    try:
        row = lost_lines.begin(request, pending["whose"], request.POST.get("code", "")[:60], clock.now())
    except rules.WrongCode as refusal:
        return _page(request, "mobile", [_code_field("کد شش‌رقمی پیامک", refusal.detail)], to=pending["mobile"])
    del request.session[PENDING]
    return _page(request, "begun", [], due_at=row.due_at)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D08", "D15")
def code(request: HttpRequest) -> HttpResponse:
    """Take the code that a new number got after staff checked who is asking."""
    if request.method != "POST":
        return _page(request, "code", _code_fields({}, {}))
    typed = _typed(request, "mobile", "code")
    try:
        row = lost_lines.prove_registered(request, typed["mobile"], typed["code"], clock.now())
    except rules.WrongCode as refusal:
        return _page(request, "code", _code_fields(typed, {"code": refusal.detail}))
    except Invalid as refusal:
        return _page(request, "code", _code_fields(typed, refusal.fields))
    return _page(request, "begun", [], due_at=row.due_at)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D08", "D15")
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, since programs follow links; stop the change on POST. Raises Missing."""
    row = queries.lost_line_of_token(token)
    if row is None:
        raise Missing
    now: datetime = clock.now()
    if request.method == "POST":
        lost_lines.object_(row, now)
        return redirect(request.path)
    is_open = row.state == rules.WAITING and now < row.due_at
    return render(request, "storefront/lost_line_stop.html", {"row": row, "is_open": is_open})


@require_POST
@members_only("/account/")
@carries_out("D08", "D15")
def stop_mine(request: HttpRequest, person: Person) -> HttpResponse:
    """Stop the change of one's own number, by whoever is logged in."""
    row = queries.lost_line_of(person)
    if row is None:
        raise rules.LostLineOver
    row.person = person
    lost_lines.object_(row, clock.now())
    return redirect("/account/?lost-out")


@require_safe
@never_cache
def staff(request: HttpRequest) -> HttpResponse:
    """Say how the number is changed for whoever has no e-mail address: by staff, who check who is asking."""
    return _page(request, "staff", [])


def _pending(request: HttpRequest, step: str) -> dict[str, str] | None:
    pending: dict[str, str] | None = request.session.get(PENDING)
    return pending if pending and pending["step"] == step else None


def _typed(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.POST.get(name, "")[:_LONGEST] for name in names}


def _ask_fields(typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    return [
        Field(
            "mobile", "شماره گم‌شده", typed.get("mobile", ""), "همان که با آن وارد می‌شدید.", bad.get("mobile", ""),
            type="tel", inputmode="tel", autocomplete="tel", ltr=True, maxlength=60,
        ),
        Field(
            "email", "ایمیل تأییدشده حساب", typed.get("email", ""), "کد را تنها به همین ایمیل می‌فرستیم.",
            bad.get("email", ""), type="email", inputmode="email", autocomplete="email", ltr=True, maxlength=254,
        ),
    ]  # fmt: skip


def _email_fields(typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    return [
        _code_field("کد شش‌رقمی نامه", bad.get("code", "")),
        Field(
            "mobile", "شماره تازه", typed.get("mobile", ""), "کدی هم به این شماره می‌فرستیم.", bad.get("mobile", ""),
            type="tel", inputmode="tel", autocomplete="tel", ltr=True, maxlength=60,
        ),
    ]  # fmt: skip


def _code_fields(typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    return [
        Field(
            "mobile", "شماره تازه", typed.get("mobile", ""), "همان که به همکار ما گفتید.", bad.get("mobile", ""),
            type="tel", inputmode="tel", autocomplete="tel", ltr=True, maxlength=60,
        ),
        _code_field("کد شش‌رقمی پیامک", bad.get("code", "")),
    ]  # fmt: skip


def _code_field(label: str, error: str = "") -> Field:
    return Field(
        "code", label, "", "رقم فارسی یا لاتین، هر دو پذیرفته است.", error,
        inputmode="numeric", autocomplete="one-time-code", ltr=True, maxlength=20,
    )  # fmt: skip


def _page(request: HttpRequest, step: str, fields: list[Field], **context: object) -> HttpResponse:
    bad = wrong(fields)
    shown = {"step": step, "fields": fields, "wrong": bad, "heading": heading(len(bad)), "days": 3}
    return render(request, "storefront/lost_line.html", {**shown, **context}, status=422 if bad else 200)
