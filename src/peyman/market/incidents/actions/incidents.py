"""The steps of an incident: detected, its figures attached, confirmed, published, corrected, closed or dismissed.

Each is one transaction: the state moves by a conditional update, and a signed step that holds the hash of the one
before it is added. What is refused changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import F

from peyman.kernel import codes, jalali
from peyman.kernel import prefixes as reading
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.text import has_controls, normalise
from peyman.kernel.worktime import tehran_day
from peyman.market.incidents.models import AuditRun, Edition, Incident, Notice, SigningKey, Step, Stretch
from peyman.market.incidents.queries import desk, drafting, mended
from peyman.market.incidents.queries.who_knew import network
from peyman.market.incidents.rules import notice as notices
from peyman.market.incidents.rules import signing, steps
from peyman.market.incidents.rules.notice import Words
from peyman.market.tariff.models import Drift
from peyman.market.tariff.queries import edges
from peyman.market.tariff.rules.history import State
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises import queries as terms

log = structlog.get_logger()

KIND: Final = "incident_update"  # of the promise that a notice is brought up to date
MOST_RANGES: Final = 2000  # of one stretch that a person types


@dataclass(frozen=True, slots=True)
class NewStretch:
    """Addresses at full price in a time, for one operator's users or ("") everybody's."""

    edges: tuple[str, ...]
    operator: str
    cause: str
    starts_at: datetime
    ends_at: datetime | None
    measured_to: datetime | None = None
    lines: int | None = None
    bytes: int | None = None
    rials_low: int | None = None
    rials_high: int | None = None


# ---- Detected ----


@carries_out("B10")
@transaction.atomic
def detect_by_run(*, run: AuditRun, by: Person | None, now: datetime, title: str = "", reason: str = "") -> Incident:
    """Open an incident from all intervals of a run. Raises Invalid where it has none, or has an incident already."""
    if not run.intervals:
        raise Invalid({"run": "این اجرا هیچ دانلودی نیافت که اضافه حساب شده باشد؛ رویدادی ندارد."})
    if Incident.objects.filter(run=run).exclude(state=steps.DISMISSED).exists():
        raise Invalid({"run": "برای این اجرا پرونده‌ای هست."})
    return _detect(
        origin=Incident.Origin.RUN,
        title=title or "دانلودهایی که نیم‌بها اعلام و تمام‌بها حساب شد",
        reason=reason or "ممیزی دانلودهایی یافت که نیم‌بها اعلام و تمام‌بها حساب شده بود.",
        stretches=_of_run(run),
        run=run,
        by=by,
        now=now,
    )


@carries_out("B10")
@transaction.atomic
def detect_by_drift(*, drifts: Sequence[Drift], now: datetime) -> Incident | None:
    """Open one incident for the drifts that no incident holds yet; None where there is none such.

    Of two sweeps at once one opens it: the edition is locked while it is asked.
    """
    _moved()
    waiting = {row.code for row in desk.drifts_without_incident()}
    fresh = [row for row in drifts if row.code in waiting]
    if not fresh:
        return None
    stretches = [
        NewStretch(
            tuple(_text(one) for text in row.ranges for one in mended.within(text)),
            "",
            row.cause if row.cause in notices.CAUSES else row.reason if row.reason in notices.CAUSES else row.kind,
            row.since or row.noticed_at,
            None,
        )
        for row in fresh
    ]
    return _detect(
        origin=Incident.Origin.DRIFT,
        title="سرورها فایل می‌دهند و در فهرست ملی آماده نیستند",
        reason="ناهم‌خوانی شبکه توزیع با فهرست ملی پایدار ماند.",
        stretches=stretches,
        drifts=[row.code for row in fresh],
        by=None,
        now=now,
    )


@carries_out("B10")
@transaction.atomic
def detect_by_staff(*, typed: Mapping[str, str], by: Person, now: datetime) -> Incident:
    """Open an incident for ranges that a person names: title, ranges, operator, from, reason.

    Raises Invalid with every box that is wrong.
    """
    wrong: dict[str, str] = {}
    title, operator = normalise(typed.get("title", "")), normalise(typed.get("operator", ""))
    reason = _reason(typed.get("reason", ""))
    if not 0 < len(title) <= 160:
        wrong["title"] = "عنوانی کوتاه بنویسید؛ تا ۱۶۰ نویسه."
    if len(operator) > 60:
        wrong["operator"] = "نام اپراتور تا ۶۰ نویسه است؛ خالی یعنی همه."
    if not 0 < len(reason) <= steps.LONGEST_REASON:
        wrong["reason"] = "بنویسید از کجا می‌دانیم؛ تا ۵۰۰ نویسه."
    ranges = _ranges(typed.get("ranges", ""), wrong)
    starts_at = now
    try:
        starts_at = jalali.typed_instant(typed.get("from", ""), typed.get("hour", "") or "۰:۰۰")
    except ValueError:
        wrong["from"] = "این تاریخ یا ساعت خوانده نشد؛ مانند ۱۴۰۵/۹/۱ و ۸:۳۰."
    else:
        if starts_at > now:
            wrong["from"] = "آغاز رویداد هنوز نرسیده است."
    if wrong:
        raise Invalid(wrong)
    return _detect(
        origin=Incident.Origin.STAFF,
        title=title,
        reason=reason,
        stretches=[NewStretch(ranges, operator, "staff", starts_at, None)],
        by=by,
        now=now,
    )


def _ranges(typed: str, wrong: dict[str, str]) -> tuple[str, ...]:
    found, faults = [], []
    for text in typed.replace("،", " ").replace(",", " ").split()[: MOST_RANGES + 1]:
        try:
            found.append(_text(reading.network(text)[0]))
        except reading.BadAddress as fault:
            faults.append(f"{normalise(text)[:60]}: {fault.says}")
    if faults:
        wrong["ranges"] = " ".join(faults[:3])
    elif not 0 < len(found) <= MOST_RANGES:
        wrong["ranges"] = "دست‌کم یک نشانی یا محدوده بنویسید، مانند 185.143.232.0/22؛ با فاصله از هم جدا."
    return tuple(dict.fromkeys(found))


def _text(one: reading.Network) -> str:
    """Return a prefix as people write it: an address alone without its length."""
    return str(one.network_address) if one.num_addresses == 1 else str(one)


def _detect(
    *,
    origin: Incident.Origin,
    title: str,
    reason: str,
    stretches: Sequence[NewStretch],
    by: Person | None,
    now: datetime,
    run: AuditRun | None = None,
    drifts: Sequence[str] = (),
) -> Incident:
    by_code = by.code if by else ""
    moving = steps.step("", "detect", steps.Known(by=by_code, reason=_reason(reason)))
    made = Incident.objects.create(
        code=codes.new("INC"),
        title=title,
        state=moving.to,
        origin=origin,
        drifts=list(drifts),
        run=run,
        opened_at=now,
        opened_by=by,
    )
    _record(made, stretches, run, now)
    facts = {"origin": str(origin), "drifts": list(drifts), "stretches": len(stretches), **_figures(run)}
    _sign(made, "detect", "", moving.to, by, reason, run.sha256 if run else "", facts, now)
    _moved()
    log.warning("incident.detected", incident=made.code, origin=str(origin), stretches=len(stretches))
    return made


def _of_run(run: AuditRun) -> list[NewStretch]:
    """Return the intervals of a run. One ends where the run says so only if the registry that we hold agrees: its
    addresses were registered and due from then on, or served no more. Else it is open.
    """
    judge = edges.world()
    found = []
    for one in run.intervals:
        networks = [network(text) for text in one["edges"]]
        until = datetime.fromisoformat(one["to"])
        served = [edge.network for edge in edges.served(until)]
        is_over = all(
            part.status == State.REGISTERED
            for address in networks
            if any(reading.overlap(address, edge) for edge in served) or not served
            for part in judge.parts(address, until)
        )
        found.append(
            NewStretch(
                tuple(map(_text, networks)),
                one["operator"],
                one["cause"],
                datetime.fromisoformat(one["from"]),
                until if is_over else None,
                until,
                one["lines"],
                one["bytes"],
                one["rials_low"],
                one["rials_high"],
            )
        )
    return found


def _record(incident: Incident, stretches: Iterable[NewStretch], run: AuditRun | None, now: datetime) -> None:
    Stretch.objects.bulk_create(
        [
            Stretch(
                incident=incident,
                run=run,
                edges=list(one.edges),
                operator=one.operator,
                cause=one.cause,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                measured_to=one.measured_to,
                lines=one.lines,
                bytes=one.bytes,
                rials_low=one.rials_low,
                rials_high=one.rials_high,
                recorded_at=now,
            )
            for one in stretches
        ],
        batch_size=500,
    )


# ---- Attached, confirmed, dismissed, closed ----


@carries_out("B10")
@transaction.atomic
def attach(*, code: str, run: str, reason: str, by: Person, now: datetime) -> Incident:
    """Make the figures of a run those of an incident; what was believed before is kept beside it.

    One that was confirmed has to be confirmed again; a published one takes recounted runs only, and its notice says
    the new figures once it is corrected. Raises Missing, Invalid, and what `steps.step` refuses with.
    """
    incident = desk.incident(code)
    found = desk.run(run)
    if not found.intervals:
        raise Invalid({"run": "این اجرا هیچ دانلودی نیافت که اضافه حساب شده باشد."})
    if incident.run_id == found.pk:
        raise Invalid({"run": "همین اجرا به پرونده پیوسته است."})
    known = desk.known(incident, by=by.code, reason=_reason(reason))
    differences = tuple(map(str, (found.recount or {}).get("differences", ())))
    known = steps.Known(by.code, known.reason, found.code, found.state, differences, known.checked_by)
    moving = _move(incident, "attach", known, now, run=found)
    Stretch.objects.filter(incident=incident, superseded_at=None).update(superseded_at=now)
    _record(incident, _of_run(found), found, now)
    _done(incident, "attach", moving, by, known.reason, found.sha256, _figures(found), now)
    return incident


@carries_out("B10")
@transaction.atomic
def confirm(*, code: str, reason: str, by: Person, now: datetime) -> Incident:
    """Answer for the figures of an incident, which were recounted. Raises Missing, and what `steps.step` refuses with:
    NotNow, NoRun, NotRecounted, RunDiffers.
    """
    incident = desk.incident(code)
    known = desk.known(incident, by=by.code, reason=_reason(reason))
    moving = _move(incident, "confirm", known, now)
    _done(incident, "confirm", moving, by, known.reason, _sha(incident), _figures(incident.run), now)
    return incident


@carries_out("B10")
@transaction.atomic
def dismiss(*, code: str, reason: str, by: Person, now: datetime) -> Incident:
    """Let an incident go that is none, with the reason. Raises Missing, NotNow, NoReason, SamePerson."""
    incident = desk.incident(code)
    known = desk.known(incident, by=by.code, reason=_reason(reason))
    moving = _move(incident, "dismiss", known, now, ended_at=now)
    _done(incident, "dismiss", moving, by, known.reason, _sha(incident), {}, now)
    return incident


@carries_out("B10", "B17")
@transaction.atomic
def close(*, code: str, reason: str, by: Person, now: datetime) -> Incident:
    """Close an incident whose every range is at half price again or serves no more, and stayed so (B17).

    What shows it is part of the step. Raises Missing, NotNow, NoReason, NotMended.
    """
    incident = desk.incident(code)
    ranges = mended.ranges(incident, now)
    known = desk.known(incident, by=by.code, reason=_reason(reason), not_mended=steps.not_mended(ranges))
    moving = _move(incident, "close", known, now, ended_at=now)
    facts = {"ranges": mended.evidence_of(ranges)}
    done = _done(incident, "close", moving, by, known.reason, _sha(incident), facts, now)
    _keep_updates(incident, {"step": done.sha256, "why": "incident closed"}, now)
    return incident


# ---- Published ----


@carries_out("B11")
@transaction.atomic
def publish(*, code: str, words: Words, reason: str, by: Person, now: datetime) -> Notice:
    """Publish the notice of a confirmed incident, by another person than who confirmed it, and promise to bring it up
    to date each month until the incident is closed. Raises Missing, and what `steps.step` refuses with.
    """
    return _publish("publish", code, words, reason, by, now)


@carries_out("B11")
@transaction.atomic
def correct(*, code: str, words: Words, reason: str, by: Person, now: datetime) -> Notice:
    """Publish a new version of a notice; the old ones stay readable. Raises as `publish`."""
    return _publish("correct", code, words, reason, by, now)


def _publish(event: str, code: str, words: Words, reason: str, by: Person, now: datetime) -> Notice:
    incident = desk.incident(code)
    known = desk.known(incident, by=by.code, reason=_reason(reason))
    moving = _move(incident, event, known, now)
    run = incident.run
    if run is None:  # the guard has refused
        raise steps.NoRun
    last = drafting.last(incident)
    number = last.number + 1 if last else 1
    said = drafting.said(incident, run, words, number=number, now=now)
    text = signing.canonical(said)
    made = Notice.objects.create(
        incident=incident,
        number=number,
        run=run,
        content=text,
        sha256=signing.digest(text),
        published_at=now,
        published_by=by,
        until_day=words.until_day,
    )
    done = _done(incident, event, moving, by, known.reason, made.sha256, {"notice": number, **_figures(run)}, now)
    _keep_updates(incident, {"notice": number, "step": done.sha256}, now)
    _promise_update(incident, now)
    return made


def _promise_update(incident: Incident, now: datetime) -> None:
    """Promise the next version by the end of the next Jalali month, so that silence is found."""
    start, due_at = notices.update_span(tehran_day(now))
    shown = jalali.plain_date(notices.last_day(due_at), year=True)
    promises.make(
        promises.NewPromise(
            clause="B11",
            kind=KIND,
            subject=f"{_subject(incident)}{due_at:%Y%m%d}",
            order="",
            person_id=None,
            what=f"به‌روزرسانی اطلاعیه رویداد {incident.code} تا پایان {shown}",
            terms=terms.terms_in_force(now),
            start=start,
            hours=(due_at - start) // notices.HOUR,
            hours_kind="calendar",
        ),
        now=now,
    )


def _keep_updates(incident: Incident, evidence: dict[str, Any], now: datetime) -> None:
    owed = terms.unkept_subjects(_subject(incident), since=incident.opened_at)
    promises.keep_many(owed, kind=KIND, evidence=evidence, now=now)


def _subject(incident: Incident) -> str:
    return f"incident:{incident.code}@"


# ---- Every step ----


def _move(incident: Incident, event: str, known: steps.Known, now: datetime, **changes: Any) -> tuple[str, steps.Step]:
    """Judge a step and move the state, if it still is what was judged, with the run that was judged."""
    state = incident.state
    moving = steps.step(state, event, known)
    mine = Incident.objects.filter(pk=incident.pk, state=state, run=incident.run_id)
    if not mine.update(state=moving.to, **changes):
        current = Incident.objects.values_list("state", flat=True).get(pk=incident.pk)
        raise steps.NotNow(state=steps.TITLES[current])
    incident.state = moving.to
    for name, value in changes.items():
        setattr(incident, name, value)
    return state, moving


def _done(
    incident: Incident,
    event: str,
    moved: tuple[str, steps.Step],
    by: Person,
    reason: str,
    document: str,
    facts: Mapping[str, Any],
    now: datetime,
) -> Step:
    came_from, moving = moved
    made = _sign(incident, event, came_from, moving.to, by, reason, document, facts, now)
    _moved()
    log.info(f"incident.{event}", incident=incident.code, by=by.code, step=made.number)
    return made


@carries_out("B10")
def _sign(
    incident: Incident,
    event: str,
    came_from: str,
    to: str,
    by: Person | None,
    reason: str,
    document: str,
    facts: Mapping[str, Any],
    now: datetime,
) -> Step:
    last = Step.objects.filter(incident=incident).order_by("number").last()
    number = last.number + 1 if last else 1
    content = {
        "incident": incident.code,
        "number": number,
        "event": event,
        "from": came_from,
        "to": to,
        "at": jalali.iso(now),
        "by": by.code if by else "",
        "reason": reason,
        "document": document,
        "facts": dict(facts),
        "previous": last.sha256 if last else signing.FIRST,
    }
    text = signing.canonical(content)
    sha256 = signing.digest(text)
    key = _key(now)
    return Step.objects.create(
        incident=incident,
        number=number,
        event=event,
        to=to,
        at=now,
        by=by,
        reason=reason,
        content=text,
        sha256=sha256,
        key=key,
        signature=signing.sign(signing.statement(content, sha256), key.private),
    )


def _key(now: datetime) -> SigningKey:
    """Return the key that signs; the first is made when it is needed."""
    return SigningKey.objects.order_by("pk").last() or renew_key(now=now)


def renew_key(*, now: datetime) -> SigningKey:
    """Make a new key that signs from now on; steps signed before are checked by the old ones' public halves."""
    pair = signing.new_pair()
    made = SigningKey.objects.create(kid=pair.kid, public=pair.public, private=pair.private, made_at=now)
    log.info("incident.key_made", kid=made.kid)
    return made


def _figures(run: AuditRun | None) -> dict[str, Any]:
    """Return what a step binds of a run: its hash and its totals."""
    if run is None:
        return {}
    names = ("lines", "counted", "overcharged", "bytes_overcharged", "rials_low", "rials_high")
    return {"run": run.code, "manifest_sha256": run.sha256, "totals": {name: run.totals[name] for name in names}}


def _sha(incident: Incident) -> str:
    return incident.run.sha256 if incident.run else ""


def _reason(typed: str) -> str:
    reason = normalise(typed)
    return "" if has_controls(reason) else reason


def _moved() -> None:
    """Move the number by which others see that the answer of `open_incidents` may differ; it is a lock, too."""
    if not Edition.objects.filter(pk=1).update(number=F("number") + 1):
        Edition.objects.bulk_create([Edition(pk=1, number=0)], ignore_conflicts=True)
        Edition.objects.filter(pk=1).update(number=F("number") + 1)
