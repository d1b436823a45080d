"""The desk of the tariff: the ranges' story, drift, the lists that came, and what is known of one address."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, registry_watch
from peyman.entrypoints.backoffice import door, tariff_frame, tariff_story
from peyman.entrypoints.backoffice import tariff_words as words
from peyman.entrypoints.backoffice.previews import is_confirmed
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.gateways.figures import timeline
from peyman.gateways.figures.values import Mark
from peyman.kernel import jalali, prefixes
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import latin_digits, normalise, persian_digits
from peyman.kernel.worktime import DAY, day_start, tehran_day
from peyman.market.tariff.actions import history as actions
from peyman.market.tariff.models import Snapshot
from peyman.market.tariff.queries import desk, history
from peyman.market.tariff.queries import drift as drifting
from peyman.market.tariff.rules.rows import FLAGS, host_of
from peyman.market.tariff.rules.says import REASONS
from peyman.people.models import Person

RANGES = {"quarter": "سه ماه", "year": "یک سال", "all": "همه"}
_QUARTER, _YEAR = 92 * DAY, 366 * DAY
_LONGEST = 300
_MOST_MARKS = 4
_LONGEST_SPAN = 30 * _YEAR
_AROUND = 60 * DAY  # of the instant that is asked for


# ---- The story ----


@door.staff_only("tariff")
@require_safe
def overview(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what is true now in four cards, then the ranges' story over the time that is asked for."""
    now = clock.now()
    asked = _asked(request, now)
    told = tariff_story.story(asked.since, asked.until, now)
    marks = list(asked.marks)
    if told.first_look and asked.since < told.first_look:
        marks.append(Mark(tehran_day(told.first_look), "نخستین نسخه ما"))
    figure = timeline.draw(told.tracks, since=asked.since, until=asked.until, now=now, rows=told.rows, marks=marks)
    drifts = desk.drift_counts()
    today = tariff_story.today(told.tracks if asked.until > now else tariff_story.now_tracks(now), now)
    context = {
        "health": desk.health(now),
        "today": today,
        "days_left": (today.next_due - tehran_day(now)).days if today.next_due else None,
        "drifts": drifts,
        "open_drifts": drifts.total() - drifts["idle"],
        "figure": figure,
        "asked": asked,
        "ranges": RANGES.items(),
        "sources": desk.sources(),
        "registrants": tariff_story.registrants(),
        "wrong": wrong(asked.fields),
        "heading": heading(len(wrong(asked.fields))),
    }
    return tariff_frame.render(request, person, "tariff.html", context, 422 if wrong(asked.fields) else 200)


@dataclass(frozen=True)
class Asked:
    """The time that the page shows, and the days that it marks."""

    since: datetime
    until: datetime
    chosen: str
    marks: tuple[Mark, ...]
    fields: tuple[Field, ...]

    @property
    def last(self) -> datetime:
        """The last instant that is shown."""
        return self.until - timedelta.resolution


def _asked(request: HttpRequest, now: datetime) -> Asked:
    get = {name: request.GET.get(name, "").replace("\0", "")[:_LONGEST] for name in ("range", "from", "to", "mark")}
    bad: dict[str, str] = {}
    since, until = _day(get["from"], "from", bad), _day(get["to"], "to", bad)
    marks = _marks(get["mark"], bad)
    chosen = ""
    begins, ends = now - _YEAR, now + 45 * DAY
    if since is None and until is None:
        chosen = get["range"] if get["range"] in RANGES else "year"
        if chosen == "quarter":
            begins, ends = now - _QUARTER, now + 30 * DAY
        elif chosen == "all":
            begins = max(tariff_story.beginning(now), now - _LONGEST_SPAN)
            ends = now + max(20 * DAY, (now - begins) * 0.02)
    else:
        ends = day_start(until + timedelta(days=1)) if until else now + 20 * DAY
        begins = day_start(since) if since else ends - _YEAR
        if begins >= ends:
            bad["to"] = "پایان باید پس از آغاز باشد."
        elif ends - begins > _LONGEST_SPAN:
            bad["from"] = "بازه درازتر از سی سال است؛ آغاز را نزدیک‌تر بگیرید."
        if bad:
            begins, ends = now - _YEAR, now + 45 * DAY
    fields = (
        Field("from", "از", get["from"], error=bad.get("from", ""), ltr=True, maxlength=20),
        Field("to", "تا", get["to"], error=bad.get("to", ""), ltr=True, maxlength=20),
        Field(
            "mark", "نشانه‌ها", get["mark"], "تاریخ و نام، با ؛ از هم جدا؛ مانند ۱۴۰۲/۴/۴ پوزش‌نامه", bad.get("mark", ""),
            maxlength=200,
        ),
    )  # fmt: skip
    return Asked(begins, ends, chosen, marks, fields)


def _day(typed: str, name: str, bad: dict[str, str]) -> date | None:
    if not typed.strip():
        return None
    try:
        return jalali.typed_date(typed)
    except ValueError:
        bad[name] = "این تاریخ خوانده نشد؛ آن را مانند ۱۴۰۲/۲/۱۰ بنویسید."
        return None


def _marks(typed: str, bad: dict[str, str]) -> tuple[Mark, ...]:
    """«۱۴۰۲/۴/۴ پوزش؛ ۱۴۰۲/۴/۳۱ پایان مهلت» → two marks."""
    marks: list[Mark] = []
    for part in typed.replace(";", "؛").split("؛"):
        day, _, name = normalise(part).partition(" ")
        if not day:
            continue
        found = _day(day, "mark", bad)
        if found and name.strip():
            marks.append(Mark(found, persian_digits(name.strip())))
        else:
            bad["mark"] = "هر نشانه یک تاریخ و یک نام است؛ مانند ۱۴۰۲/۴/۴ پوزش‌نامه."
    if len(marks) > _MOST_MARKS:
        bad["mark"] = "بیش از چهار نشانه در شکل جا نمی‌شود."
    return () if "mark" in bad else tuple(marks)


# ---- Drift ----


@door.staff_only("tariff")
@require_safe
def drift(request: HttpRequest, person: Person) -> HttpResponse:
    """Show where network and registry disagree, the gravest first, and how long they have been in step (B17)."""
    now = clock.now()
    standing = drifting.open_drifts()
    record = drifting.record(now, days=60)
    harmful = [one for one in standing if one.kind != "idle"]
    context = {
        "groups": [
            (kind, *words.KINDS[kind], [one for one in standing if one.kind == kind])
            for kind in desk.KINDS
            if any(one.kind == kind for one in standing)
        ],
        "harmful": harmful,
        "over": [story for story in record.stories if story.cleared_at][:30],
        "record": record,
        "days": tariff_story.days_of(record),
        "may_ask": any(one.kind in ("unregistered", "unknown") and not one.requests for one in standing),
    }
    return tariff_frame.render(request, person, "tariff_drift.html", context)


# ---- The lists that came ----


@door.staff_only("tariff")
@require_safe
def snapshots(request: HttpRequest, person: Person) -> HttpResponse:
    """List what came from the registry, good or not, and how the last attempts at it ended."""
    state = request.GET.get("state", "")
    known = state if state in Snapshot.State.values else ""
    before = latin_digits(request.GET.get("before", ""))
    counts = desk.counts()
    context = {
        "page": desk.snapshots(known, int(before) if before.isascii() and before.isdigit() and len(before) < 12 else 0),
        "state": known,
        "counts": [(name, words.SNAPSHOTS[name][1], counts[name]) for name in Snapshot.State.values],
        "total": sum(counts.values()),
        "fetches": desk.fetches(),
        "health": desk.health(clock.now()),
        "words": words,
        "flags": FLAGS,
    }
    return tariff_frame.render(request, person, "tariff_snapshots.html", context)


@door.staff_only("tariff")
@require_safe
def snapshot(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _snapshot_page(request, person, desk.snapshot(code.upper()))


@door.staff_only("tariff")
@require_POST
def release(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Let a list out of quarantine: first its consequence is shown, then it is done (B05)."""
    found = desk.snapshot(code.upper())
    note = normalise(request.POST.get("note", ""))[: _LONGEST + 1]
    if not note or len(note) > _LONGEST:
        bad = {"note": "بنویسید چرا این فهرست با وجود ایرادش درست است (تا ۳۰۰ نویسه)."}
        return _snapshot_page(request, person, found, note, bad)
    if found.state == Snapshot.State.QUARANTINED and not is_confirmed(request):
        return _snapshot_page(request, person, found, note, is_asking=True)
    try:
        actions.release(code=found.code, by=person, note=note, read_again=registry_watch.read_again, now=clock.now())
    except Missing:
        raise
    except Refused as refusal:
        return _snapshot_page(request, person, found, note, refusal=refusal)
    return redirect(f"/desk/tariff/snapshots/{found.code}/?released")


def _snapshot_page(
    request: HttpRequest,
    person: Person,
    found: Snapshot,
    note: str = "",
    bad: dict[str, str] | None = None,
    *,
    is_asking: bool = False,
    refusal: Refused | None = None,
) -> HttpResponse:
    field = Field("note", "چرا درست است؟", note, "کنار این نسخه می‌ماند.", (bad or {}).get("note", ""), maxlength=300)
    context = {
        "s": found,
        "tone": words.SNAPSHOTS[found.state][0],
        "state_words": words.SNAPSHOTS[found.state][1],
        "difference": desk.difference(found, tariff_story.registrants()),
        "fetches": desk.fetches_of(found),
        "flags": [(FLAGS.get(flag, flag), count) for flag, count in sorted(found.flags.items(), key=_many_first)],
        "f": field,
        "is_asking": is_asking,
        "refusal": refusal,
        "released": "released" in request.GET,
        "may_release": found.state == Snapshot.State.QUARANTINED,
        "wrong": wrong([field]),
        "heading": heading(1),
        "words": words,
        "has_registrants": bool(tariff_story.registrants()),
    }  # fmt: skip
    status = refusal.status if refusal else 422 if bad else 200
    return tariff_frame.render(request, person, "tariff_snapshot.html", context, status)


def _many_first(one: tuple[str, int]) -> tuple[int, str]:
    return -one[1], one[0]


# ---- One address ----


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD"])
def address(request: HttpRequest, person: Person) -> HttpResponse:
    """Say what the history knows of one address at an instant, and which rows and lists say so."""
    now = clock.now()
    typed = {
        name: request.GET.get(name, "").replace("\0", "")[:_LONGEST]
        for name in ("address", "date", "hour", "registrant")
    }
    ours = tariff_story.registrants()
    if "registrant" not in request.GET and ours:
        typed["registrant"] = ours[0]
    is_asked = "address" in request.GET
    bad: dict[str, str] = {}
    context: dict[str, object] = {}
    if is_asked:
        try:
            context = _answer(typed, now)
        except Invalid as refusal:
            bad = dict(refusal.fields)
    fields = [
        Field("address", "نشانی", typed["address"], "نسخه ۴ یا ۶؛ رقم فارسی هم خوانده می‌شود.", bad.get("address", ""),
              ltr=True, maxlength=80),
        Field("date", "روز", typed["date"] or jalali.short_date(now), "شمسی یا میلادی", bad.get("date", ""), ltr=True,
              maxlength=20),
        Field("hour", "ساعت", typed["hour"], "خالی یعنی ظهر آن روز؛ برای امروز، اکنون", bad.get("hour", ""), ltr=True,
              maxlength=10),
        Field("registrant", "ثبت‌کننده", typed["registrant"],
              "خالی یعنی ردیف هر کس به شمار می‌آید.", bad.get("registrant", ""), ltr=True, maxlength=255),
    ]  # fmt: skip
    context |= {
        "fields": fields,
        "wrong": wrong(fields),
        "heading": heading(len(wrong(fields))),
        "is_asked": is_asked and not bad,
    }
    return tariff_frame.render(request, person, "tariff_address.html", context, 422 if bad else 200)


def _answer(typed: dict[str, str], now: datetime) -> dict[str, object]:
    bad: dict[str, str] = {}
    found, at = None, now
    try:
        found = prefixes.address(typed["address"])
    except prefixes.BadAddress as fault:
        bad["address"] = fault.says
    try:
        at = _instant(typed["date"], typed["hour"], now)
    except ValueError:
        bad["date"] = "این روز یا ساعت خوانده نشد؛ مانند ۱۴۰۲/۲/۱۰ و ۸:۳۰."
    registrant = host_of(typed["registrant"]) if typed["registrant"].strip() else ""
    if typed["registrant"].strip() and not registrant:
        bad["registrant"] = "نام دامنه خوانده نشد؛ آن را مانند market.ir بنویسید."
    if bad or found is None:
        raise Invalid(bad)
    explained = history.explained(found, at, registrant)
    track = tariff_story.of_address(found, registrant, at - _AROUND, at + _AROUND)
    figure = timeline.draw(
        [track], since=at - _AROUND, until=at + _AROUND, now=now, marks=[Mark(tehran_day(at), "زمان پرسش")]
    )
    tone, title, meaning = words.STATES[explained.answer.state]
    return {
        "found": str(found),
        "at": at,
        "registrant": registrant,
        "answer": explained.answer,
        "tone": tone,
        "title": title,
        "meaning": meaning,
        "standing": _standing(found, registrant, at) if explained.answer.reason == "after_history" else None,
        "reason": REASONS.get(explained.answer.reason, explained.answer.reason),
        "rows": explained.rows,
        "flags": FLAGS,
        "before": explained.before,
        "after": explained.after,
        "figure": figure,
    }


def _standing(address: prefixes.Address, registrant: str, at: datetime) -> tuple[str, date | None] | None:
    """What the last list says, as long as it may still be leant on: no answer for `at`, but all that we have."""
    answer = tariff_story.standing(address, registrant, at)
    return (words.STATES[answer.state][1], answer.due) if answer.state != "unknown" else None


def _instant(day: str, hour: str, now: datetime) -> datetime:
    """Return the instant that was typed; without an hour noon, and of today now. Raises ValueError."""
    read = jalali.typed_date(day) if day.strip() else tehran_day(now)
    if hour.strip():
        return jalali.typed_instant(read.isoformat(), hour)
    return now if read == tehran_day(now) else day_start(read) + DAY / 2
