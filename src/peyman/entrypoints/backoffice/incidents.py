"""The desk of the tariff: incidents with amounts, who knew when, signed steps, and the notice before it is out."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, incident_files, incident_story
from peyman.entrypoints.backoffice import door, tariff_frame
from peyman.entrypoints.backoffice.previews import is_confirmed
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.incident_story import Told
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import normalise
from peyman.kernel.worktime import tehran_day
from peyman.market.incidents.actions import incidents as actions
from peyman.market.incidents.models import Incident, Stretch
from peyman.market.incidents.queries import desk, drafting, lanes, mended, who_knew
from peyman.market.incidents.rules import notice as notices
from peyman.market.incidents.rules import steps
from peyman.people.models import Person

TONES: Final = {"detected": "broken", "confirmed": "time", "published": "time", "closed": "kept", "dismissed": ""}
KNOTS: Final = {"detected": "broken", "confirmed": "open", "published": "open", "closed": "kept", "dismissed": "next"}
_LONGEST: Final = 4000
_STEPS: Final = {
    "attach": ("پیوستن اجرای ممیزی", "پیوستن این اجرا"),
    "confirm": ("تأیید رقم‌ها", "تأیید رقم‌ها با نام خودم"),
    "close": ("بستن پرونده", "بستن پرونده"),
    "dismiss": ("کنارگذاشتن", "کنارگذاشتن پرونده"),
}


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def incidents(request: HttpRequest, person: Person) -> HttpResponse:
    """List the incidents, and open one for ranges that are named."""
    if request.method != "POST":
        return _list(request, person, {})
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in _OPENING}
    now = clock.now()
    try:
        made = actions.detect_by_staff(typed=typed, by=person, now=now)
    except Invalid as refusal:
        return _list(request, person, typed, refusal.fields)
    incident_files.tell(made, now)
    return redirect(f"/desk/tariff/incidents/{made.code}/")


_OPENING: Final = {
    "title": ("عنوان", "یک سطر؛ مانند «گزارش کاربران مهرنت»", False, 160),
    "ranges": ("نشانی‌ها", "هر نشانی یا محدوده، با فاصله از هم جدا", True, 4000),
    "operator": ("اپراتور", "خالی یعنی همه", False, 60),
    "from": ("از تاریخ", "مانند ۱۴۰۵/۹/۱", True, 20),
    "hour": ("از ساعت", "خالی یعنی آغاز روز", True, 10),
    "reason": ("از کجا می‌دانیم؟", "در پرونده می‌ماند.", False, 500),
}


def _list(
    request: HttpRequest, person: Person, typed: dict[str, str], bad: dict[str, str] | None = None
) -> HttpResponse:
    bad = bad or {}
    fields = [
        Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), ltr=ltr, maxlength=most)
        for name, (label, hint, ltr, most) in _OPENING.items()
    ]
    context = {
        "rows": [
            (one, KNOTS[one.state], TONES[one.state], steps.TITLES[one.state], _sum(one)) for one in desk.incidents()
        ],
        "fields": fields,
        "wrong": wrong(fields),
        "heading": heading(len(wrong(fields))),
    }
    return tariff_frame.render(request, person, "incidents.html", context, 422 if bad else 200)


@dataclass(frozen=True)
class Sum:
    """What an incident comes to, as far as it is counted."""

    ranges: int
    low: int | None
    high: int | None
    is_counted: bool


def _sum(one: Incident) -> Sum:
    standing: list[Stretch] = one.standing  # type: ignore[attr-defined]  # of desk.incidents
    totals = one.run.totals if one.run else {}
    return Sum(
        len({edge for stretch in standing for edge in stretch.edges}),
        totals.get("rials_low"),
        totals.get("rials_high"),
        one.run is not None,
    )


@door.staff_only("tariff")
@require_safe
def incident(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _page(request, person, code)


@dataclass(frozen=True)
class Act:
    """One thing that may be done now, with its box."""

    event: str
    title: str
    button: str
    reason: Field
    is_danger: bool


def _page(
    request: HttpRequest,
    person: Person,
    code: str,
    *,
    refusal: Refused | None = None,
    event: str = "",
    typed: str = "",
    asking: str = "",
) -> HttpResponse:
    now = clock.now()
    file = desk.file(code)
    found = file.incident
    facts = who_knew.who_knew(found, now)
    names = desk.names(code for fact in facts for code in fact.people)
    bad = refusal.fields if isinstance(refusal, Invalid) else {}
    possible = [one for one in steps.possible(found.state) if one in _STEPS]
    acts = []
    for one in possible:
        title, button = _STEPS[one]
        error = bad.get("reason", "") or (refusal.detail if isinstance(refusal, steps.NoReason) else "")
        mine = one == event
        reason = Field(
            f"reason-{one}", "سبب", typed if mine else "", "کنار این گام می‌ماند و امضا می‌شود.",
            error if mine else "", maxlength=500,
        )  # fmt: skip
        acts.append(Act(one, title, button, reason, one in ("dismiss", "close")))
    told = [_told(one) for one in file.stretches]
    ranges = mended.ranges(found, now) if found.state == "published" else []
    runs = [one for one in desk.runs() if one.intervals and one.pk != found.run_id] if "attach" in possible else []
    faulty = wrong([act.reason for act in acts])
    context = {
        "i": found,
        "file": file,
        "state": steps.TITLES[found.state],
        "tone": TONES[found.state],
        "stretches": told,
        "rows": incident_story.rows_of(found.run.operators) if found.run else [],
        "totals": found.run.totals if found.run else None,
        "megabytes": incident_story.megabytes(found.run.totals["bytes_overcharged"]) if found.run else 0,
        "unknown": incident_story.unknown_of(found.run.totals) if found.run else [],
        "facts": [(fact, "، ".join(names.get(code, code) for code in fact.people)) for fact in facts],
        "steps": [(one, steps.EVENTS[one.event]) for one in file.steps],
        "figure": incident_story.figure_of(lanes.lanes(found, now), facts, now),
        "acts": acts,
        "runs": runs,
        "asking": asking,
        "ranges": ranges,
        "mended": sum(one.is_mended for one in ranges),
        "may_publish": "publish" in steps.possible(found.state),
        "may_correct": "correct" in steps.possible(found.state),
        "promise": f"incident:{found.code}@",
        "refusal": None if faulty else refusal,
        "lines": list(bad.values()) if not faulty else [],
        "wrong": faulty,
        "heading": heading(len(faulty)),
    }
    return tariff_frame.render(request, person, "incident.html", context, refusal.status if refusal else 200)


def _told(one: Stretch) -> Told:
    return Told(
        one.edges,
        one.operator,
        incident_story.cause_words(one.cause),
        one.starts_at,
        one.ends_at,
        one.lines,
        None if one.bytes is None else incident_story.megabytes(one.bytes),
        one.rials_low,
        one.rials_high,
        one.run.code if one.run else "",
    )


@door.staff_only("tariff")
@require_POST
def step(request: HttpRequest, person: Person, code: str, event: str) -> HttpResponse:
    """Take a step: what cannot be taken back is shown first, then done."""
    if event not in _STEPS:
        raise Missing
    now = clock.now()
    reason = request.POST.get(f"reason-{event}", "")[:_LONGEST]
    if event in ("dismiss", "close") and reason.strip() and not is_confirmed(request):
        return _page(request, person, code, event=event, typed=reason, asking=event)
    try:
        if event == "attach":
            run = request.POST.get("run", "").replace("\0", "")[:40]
            actions.attach(code=code, run=run, reason=reason, by=person, now=now)
        else:
            _ACTIONS[event](code=code, reason=reason, by=person, now=now)
    except Missing:
        raise
    except Refused as refusal:
        return _page(request, person, code, refusal=refusal, event=event, typed=reason)
    return redirect(f"/desk/tariff/incidents/{code}/")


_ACTIONS: Final = {"confirm": actions.confirm, "close": actions.close, "dismiss": actions.dismiss}


# ---- The notice ----


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def notice(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Write the notice, see it as the public would, and publish it, or a new version of it (B11)."""
    now = clock.now()
    found = desk.incident(code)
    events = [one for one in steps.possible(found.state) if one in ("publish", "correct")]
    if not events or found.run is None:
        raise Missing
    last = drafting.last(found)
    before = last.until_day if last else None
    if request.method != "POST":
        return _form(request, person, found, _beginning(found, person, now), now)
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in (*notices.WORDS, "until", "reason")}
    try:
        words = notices.read(typed, now=now, before=before)
    except Invalid as refusal:
        return _form(request, person, found, typed, now, refusal.fields)
    refusal_: Refused | None = None
    if is_confirmed(request):
        act = actions.publish if events[0] == "publish" else actions.correct
        try:
            act(code=found.code, words=words, reason=typed["reason"], by=person, now=now)
        except steps.NoReason as missing:
            return _form(request, person, found, typed, now, {"reason": missing.detail})
        except Refused as refused:
            refusal_ = refused
        else:
            incident_files.tell(desk.incident(code), now)
            return redirect(f"/desk/tariff/incidents/{found.code}/")
    number = last.number + 1 if last else 1
    said = drafting.said(found, found.run, words, number=number, now=now)
    context = {
        "i": found,
        "page": incident_story.page_of(said, now),
        "typed": {
            **words.as_json(),
            "until": jalali.short_date(words.until_day),
            "reason": normalise(typed["reason"]),
        },
        "refusal": refusal_,
        "is_new": last is None,
        "next_update": notices.last_day(notices.next_update(tehran_day(now))),
    }
    return tariff_frame.render(request, person, "incident_preview.html", context, refusal_.status if refusal_ else 200)


_LABELS: Final = {
    "title": ("عنوان", "همین سطر بالای صفحه می‌آید."),
    "what": ("چه شد، و پوزش", "از زبان ما، بی هیچ بهانه‌ای."),
    "why": ("چرا", "سبب، همان‌گونه که مدرک‌ها نشان می‌دهد."),
    "doing": ("چه می‌کنیم و تا کی", "تنها قولی که می‌توانیم نگه داریم."),
    "check": ("خواننده چگونه می‌سنجد", "با صورت‌حساب اپراتور، پیامک بسته یا آزمودن مانده."),
    "contact": ("راه خبر دادن", "ایمیل یا تلفنی که پاسخ می‌دهد."),
    "signer": ("امضاکننده", "نام و سمت؛ منتشر می‌شود."),
}


def _beginning(found: Incident, person: Person, now: datetime) -> dict[str, str]:
    """Return what the boxes hold at first: the last version's words, or the draft from the facts."""
    last = drafting.last(found)
    if last is not None:
        return {**json.loads(last.content)["words"], "until": jalali.short_date(last.until_day), "reason": ""}
    words = drafting.draft(found, contact=f"به {settings.MAIL_FROM} بنویسید.", signer=person.full_name, now=now)
    return {**words.as_json(), "until": jalali.short_date(words.until_day), "reason": ""}


def _form(
    request: HttpRequest,
    person: Person,
    found: Incident,
    typed: dict[str, str],
    now: datetime,
    bad: dict[str, str] | None = None,
) -> HttpResponse:
    bad = bad or {}
    words = [
        Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), maxlength=notices.WORDS[name])
        for name, (label, hint) in _LABELS.items()
    ]
    until = Field(
        "until", "مهلت خواننده، تا پایان روز", typed.get("until", ""),
        "پایان یک ماه، دست‌کم نود روز دیگر؛ کوتاه‌تر نمی‌شود.", bad.get("until", ""), ltr=True, maxlength=20,
    )  # fmt: skip
    reason = Field(
        "reason", "سبب این انتشار", typed.get("reason", ""), "در پرونده می‌ماند و منتشر نمی‌شود.",
        bad.get("reason", ""), maxlength=500,
    )  # fmt: skip
    faulty = wrong([*words, until, reason])
    context = {
        "i": found,
        "long": {"what", "why", "doing", "check"},
        "words": words,
        "until": until,
        "reason": reason,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "is_new": drafting.last(found) is None,
    }
    return tariff_frame.render(request, person, "incident_notice.html", context, 422 if bad else 200)
