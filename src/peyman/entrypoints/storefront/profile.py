"""The account: name, contacts that count, birth date, and what one wants to hear (D08, D12, D20, D40)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, contacts
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.storefront.members import members_only
from peyman.entrypoints.storefront.templatetags import fa
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.jalali import plain_date
from peyman.kernel.worktime import tehran_day
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Person

ASKED = "contact_asked"  # name in the session: which new addresses wait for their code
_LONGEST = 300

KIND_WORDS = {"mobile": "موبایل", "email": "ایمیل", "landline": "تلفن ثابت"}
EVENT_WORDS = {
    "asked": "کد تأیید خواسته شد",
    "confirmed": "تأیید شد و نشانی رسمی است",
    "vouched": "به گفته شما ثبت شد",
    "retired": "دیگر نشانی رسمی نیست",
    "refused": "پذیرفته نشد، چون حساب دیگری دارد",
    "erased": "پاک شد",
    "lost": "خط گم‌شده: عوض شدن شماره خواسته شد",
    "objected": "به عوض شدن شماره اعتراض شد",
}
IDENTITY_WORDS = {"national_id": "کد ملی", "sheba": "شماره شبا", "birth_date": "تاریخ تولد"}
IDENTITY_EVENTS = {
    "told": "نوشته شد",
    "removed": "برداشته شد",
    "confirmed": "با کارت سنجیده شد",
    "refused": "برداشته شد، چون از آن این حساب نبود",
    "corrected": "اصلاح شد",
    "erased": "پاک شد",
}


@dataclass(frozen=True)
class Choice:
    """One box of the newsletter form."""

    topic: str
    channel: str
    label: str
    given: bool
    is_fixed: bool = False

    @property
    def name(self) -> str:
        return f"{self.topic}.{self.channel}"


@require_safe
@members_only()
def account(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


def _page(
    request: HttpRequest,
    person: Person,
    typed: Mapping[str, str] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    bad = refusal.fields if isinstance(refusal, Invalid) else {}
    boxes = _boxes(person, typed or {}, bad)
    faulty = wrong(boxes.values())
    known = queries.consents(person)
    context = {
        "me": person,
        "f": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal if refusal and not faulty else None,
        "birth_date": plain_date(person.birth_date, year=True) if person.birth_date else "",
        "choices": _choices(known),
        "history": [
            {"kind": KIND_WORDS[step.kind], "event": EVENT_WORDS[step.event], "value": step.value, "at": step.at}
            for step in queries.contact_history(person, limit=20)
        ],
        "lost_line": queries.lost_line_of(person),
        "national_id": rules.masked(person.national_id),
        "sheba": rules.masked(person.sheba),
        "identity": [
            {"what": IDENTITY_WORDS[row.what], "event": IDENTITY_EVENTS[row.event], "at": row.at}
            for row in queries.identity_history(person, limit=10)
        ],
        "saved": next((words for name, words in _SAVED.items() if name in request.GET), ""),
    }
    return render(request, "storefront/account.html", context, status=refusal.status if refusal else 200)


_SAVED = {
    "name": "نام شما عوض شد.",
    "email": "ایمیل شما تأیید شد و از این پس نشانی رسمی شماست.",
    "email-out": "ایمیل شما برداشته شد.",
    "mobile": "شماره موبایل شما عوض شد؛ از این پس با آن وارد می‌شوید.",
    "landline": "تلفن ثابت شما ثبت شد.",
    "birth": "تاریخ تولد شما ثبت شد.",
    "national-id": "کد ملی شما ثبت شد.",
    "sheba": "شماره شبا ثبت شد و به نشانی‌های رسمی شما خبر دادیم.",
    "lost-out": "عوض شدن شماره ایستاد؛ همکاران ما هویت را می‌سنجند.",
    "news": "انتخاب شما ثبت شد و از همین لحظه اجرا می‌شود.",
}


def _boxes(person: Person, typed: Mapping[str, str], bad: Mapping[str, str]) -> dict[str, Field]:
    def value(name: str, known: str) -> str:
        return typed.get(name, known)

    return {
        "full_name": Field(
            "full_name", "نام و نام خانوادگی", value("full_name", person.full_name), "", bad.get("full_name", ""),
            autocomplete="name", maxlength=120,
        ),
        "mobile": Field(
            "mobile", "شماره تازه", value("mobile", ""), "به هر دو شماره کد می‌فرستیم و هر دو را می‌پرسیم.",
            bad.get("mobile", ""), type="tel", inputmode="tel", autocomplete="tel", ltr=True, maxlength=60,
            clause="D08",
        ),
        "email": Field(
            "email", "ایمیل", value("email", person.email), "کدی به آن می‌فرستیم؛ تا کد را ننویسید، به حساب نمی‌آید.",
            bad.get("email", ""), type="email", inputmode="email", autocomplete="email", ltr=True, maxlength=254,
            clause="D08",
        ),
        "landline": Field(
            "landline", "تلفن ثابت (اگر دارید)", value("landline", fa.mobile(person.landline)), "با پیش‌شماره شهر",
            bad.get("landline", ""), type="tel", inputmode="tel", autocomplete="home tel", ltr=True, maxlength=30,
        ),
        "vouched": Field("vouched", "تأیید درستی", error=bad.get("vouched", ""), clause="D40"),
        "birth_date": Field(
            "birth_date", "تاریخ تولد (اگر بخواهید)", value("birth_date", ""),
            "شمسی؛ مانند ۱۳۸۹/۴/۵. یک بار نوشته می‌شود.",
            bad.get("birth_date", ""), inputmode="numeric", autocomplete="bday", ltr=True, maxlength=20,
        ),
        "national_id": Field(
            "national_id", "کد ملی (اگر بخواهید)", value("national_id", ""), "۱۰ رقم؛ خالی بفرستید تا برداشته شود.",
            bad.get("national_id", ""), inputmode="numeric", ltr=True, maxlength=40, clause="D40",
        ),
        "sheba": Field(
            "sheba", "شماره شبا (اگر بخواهید)", value("sheba", ""), "IR و ۲۴ رقم؛ خالی بفرستید تا برداشته شود.",
            bad.get("sheba", ""), ltr=True, maxlength=60, clause="D40",
        ),
    }  # fmt: skip


def _choices(known: Mapping[tuple[str, str], bool]) -> list[Choice]:
    labels = {
        (rules.MARKETING, rules.SMS): "خبرنامه و پیشنهادها با پیامک",
        (rules.MARKETING, rules.EMAIL): "خبرنامه و پیشنهادها با ایمیل",
        (rules.TRANSACTIONAL, rules.EMAIL): "نسخه ایمیلی خبرهای سفارش",
        (rules.TRANSACTIONAL, rules.SMS): "پیامک‌های سفارش: همیشه فرستاده می‌شود",
    }
    return [
        Choice(topic, channel, label, known[topic, channel], (topic, channel) == (rules.TRANSACTIONAL, rules.SMS))
        for (topic, channel), label in labels.items()
    ]


def _typed(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.POST.get(name, "")[:_LONGEST] for name in names}


# ---- One form, one address ----


@require_POST
@members_only("/account/")
def name(request: HttpRequest, person: Person) -> HttpResponse:
    typed = _typed(request, "full_name")
    try:
        people.rename(person=person, full_name=typed["full_name"], now=clock.now())
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return redirect("/account/?name")


@require_POST
@members_only("/account/")
@carries_out("D40")
def landline(request: HttpRequest, person: Person) -> HttpResponse:
    typed = _typed(request, "landline")
    try:
        people.vouch_landline(
            person=person, typed=typed["landline"], vouched=request.POST.get("vouched") == "1", now=clock.now()
        )
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return redirect("/account/?landline")


@require_POST
@members_only("/account/")
def birth(request: HttpRequest, person: Person) -> HttpResponse:
    now = clock.now()
    typed = _typed(request, "birth_date")
    try:
        people.tell_birth_date(person=person, typed=typed["birth_date"], today=tehran_day(now), now=now)
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return redirect("/account/?birth")


@require_POST
@members_only("/account/")
@carries_out("D16", "D40")
def national_id(request: HttpRequest, person: Person) -> HttpResponse:
    typed = _typed(request, "national_id")
    try:
        people.tell_national_id(person=person, typed=typed["national_id"], now=clock.now())
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return redirect("/account/?national-id")


@require_POST
@members_only("/account/")
@carries_out("D16", "D40")
def sheba(request: HttpRequest, person: Person) -> HttpResponse:
    typed = _typed(request, "sheba")
    try:
        contacts.tell_sheba(person, typed["sheba"], clock.now())
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return redirect("/account/?sheba")


@require_POST
@members_only("/account/")
@carries_out("D12")
def news(request: HttpRequest, person: Person) -> HttpResponse:
    """Take the boxes as they stand: what is not ticked is not wanted, from this instant."""
    now = clock.now()
    for choice in _choices(queries.consents(person)):
        given = choice.is_fixed or request.POST.get(choice.name) == "1"
        people.agree(person=person, topic=choice.topic, channel=choice.channel, given=given, how="profile", now=now)
    return redirect("/account/?news")


# ---- E-mail and mobile: asked, then proven ----


@require_POST
@members_only("/account/")
@carries_out("D08")
def ask_email(request: HttpRequest, person: Person) -> HttpResponse:
    typed = _typed(request, "email")
    try:
        if "remove" in request.POST:
            people.remove_email(person=person, now=clock.now())
            return redirect("/account/?email-out")
        address = contacts.ask_email(request, person, typed["email"], clock.now())
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    request.session[ASKED] = {"email": address}
    return redirect("/account/email/code")


@require_http_methods(["GET", "HEAD", "POST"])
@members_only("/account/")
@carries_out("D08")
def email_code(request: HttpRequest, person: Person) -> HttpResponse:
    asked = request.session.get(ASKED, {}).get("email", "")
    if not asked:
        return redirect("/account/")
    boxes = [_code_box("code", "کد شش‌رقمی", "کد را از نامه‌ای که رسیده بردارید.")]
    if request.method != "POST":
        return _code_page(request, "email", asked, boxes)
    try:
        contacts.confirm_email(request, person, request.POST.get("code", "")[:60], clock.now())
    except rules.WrongCode as refusal:
        boxes = [_code_box("code", "کد شش‌رقمی", "", refusal.detail)]
        return _code_page(request, "email", asked, boxes)
    del request.session[ASKED]
    return redirect("/account/?email")


@require_POST
@members_only("/account/")
@carries_out("D08")
def ask_mobile(request: HttpRequest, person: Person) -> HttpResponse:
    typed = _typed(request, "mobile")
    try:
        mobile = contacts.ask_mobile(request, person, typed["mobile"], clock.now())
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    request.session[ASKED] = {"mobile": mobile}
    return redirect("/account/mobile/code")


@require_http_methods(["GET", "HEAD", "POST"])
@members_only("/account/")
@carries_out("D08")
def mobile_code(request: HttpRequest, person: Person) -> HttpResponse:
    asked = request.session.get(ASKED, {}).get("mobile", "")
    if not asked:
        return redirect("/account/")

    def boxes(error: str = "") -> list[Field]:
        return [
            _code_box("old_code", f"کدی که به شماره کنونی {fa.mobile(person.mobile)} رسید", "", error),
            _code_box("new_code", f"کدی که به شماره تازه {fa.mobile(asked)} رسید", ""),
        ]

    if request.method != "POST":
        return _code_page(request, "mobile", asked, boxes())
    old, new = (request.POST.get(field, "")[:60] for field in ("old_code", "new_code"))
    try:
        contacts.change_mobile(request, person, old, new, clock.now())
    except rules.WrongCode:
        return _code_page(request, "mobile", asked, boxes("یکی از دو کد درست نیست یا زمانش گذشته است."))
    except rules.MobileTaken as refusal:
        del request.session[ASKED]
        return _page(request, person, {}, refusal)
    del request.session[ASKED]
    return redirect("/account/?mobile")


def _code_box(field: str, label: str, hint: str, error: str = "") -> Field:
    return Field(
        field, label, "", hint or "رقم فارسی یا لاتین، هر دو پذیرفته است.", error,
        inputmode="numeric", autocomplete="one-time-code", ltr=True, maxlength=20,
    )  # fmt: skip


def _code_page(request: HttpRequest, kind: str, to: str, boxes: list[Field]) -> HttpResponse:
    bad = wrong(boxes)
    context = {"kind": kind, "to": to, "fields": boxes, "wrong": bad, "heading": "هنوز تأیید نشد"}
    return render(request, "storefront/contact_code.html", context, status=422 if bad else 200)


# ---- Cancelling the newsletter by one click ----


@csrf_exempt  # mail programs post here by themselves, with no page and no cookie (RFC 8058); the token is signed
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D12")
def opt_out(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, since programs follow links; cancel on POST, at once and whoever asks. Raises Missing."""
    person, channel = queries.whose_opt_out(token)
    now: datetime = clock.now()
    if request.method == "POST":
        for each in rules.CHANNELS if request.POST.get("all") == "1" else (channel,):
            people.agree(person=person, topic=rules.MARKETING, channel=each, given=False, how="one_click", now=now)
    wanted = {each for each in rules.CHANNELS if queries.may_market(person, each)}
    names = {rules.SMS: "پیامک", rules.EMAIL: "ایمیل"}
    others = [names[each] for each in rules.CHANNELS if each in wanted and each != channel]
    words = {"channel": names[channel], "done": channel not in wanted, "other": others[0] if others else ""}
    return render(request, "storefront/opt_out.html", words)
