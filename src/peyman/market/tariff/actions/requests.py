"""The update request: made of what drifts, handed in by a person, followed by a promise until all is due (B06)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from ipaddress import summarize_address_range
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from peyman.kernel import codes
from peyman.kernel import prefixes as reading
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.kernel.prefixes import Network
from peyman.kernel.text import normalise, persian_digits
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.models import UpdateRequest
from peyman.market.tariff.queries import drift, edges
from peyman.market.tariff.queries.edges import World
from peyman.market.tariff.rules import drift as judging
from peyman.market.tariff.rules import requests as rules
from peyman.market.tariff.rules.history import State
from peyman.market.tariff.rules.rows import host_of
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises import queries as terms

log = structlog.get_logger()

KIND = "registry_update"
MOST_PREFIXES = 5000
_DRAFT, _SENT, _DUE, _DROPPED = (
    UpdateRequest.State.DRAFT,
    UpdateRequest.State.SENT,
    UpdateRequest.State.DUE,
    UpdateRequest.State.DROPPED,
)


@carries_out("B06")
@transaction.atomic
def make(
    *, registrant: str = "", prefixes: Sequence[str] | None = None, by: Person | None, now: datetime
) -> UpdateRequest:
    """Draft a request for ranges that the registry could list, in the fewest prefixes.

    Without `prefixes` it is for all that serves unregistered now and was not asked for yet. What is private or abroad
    is left out. Without `registrant` it is for the first of our own. Raises rules.NothingToAsk, rules.NoRegistrant,
    Invalid.
    """
    host = host_of(registrant) if registrant.strip() else next(iter(settings.REGISTRANTS), "")
    if not host:
        raise rules.NoRegistrant
    asked = _drifting(now) if prefixes is None else _typed(prefixes)
    judge = edges.world([host])
    found = [str(one) for one in rules.askable(piece for network in asked for piece in judge.pieces(network))]
    if not found:
        raise rules.NothingToAsk
    if len(found) > MOST_PREFIXES:
        raise Invalid({"prefixes": f"یک درخواست بیش از {persian_digits(MOST_PREFIXES)} محدوده نمی‌گیرد."})
    made = UpdateRequest.objects.create(
        code=codes.new("UPR"),
        registrant=host,
        prefixes=found,
        file_sha256=sha256(rules.csv_bytes(host, found)).hexdigest(),
        made_at=now,
        made_by=by,
        state=_DRAFT,
    )
    log.info("request.made", request=made.code, prefixes=len(found))
    return made


@carries_out("B06")
@transaction.atomic
def hand_in(*, code: str, on: date, by: Person | None, now: datetime) -> UpdateRequest:
    """Write down that a request was handed in on a Tehran day, and promise when all of it may be used.

    The promise is due at the forecast due date and the hold; it is kept when the list says so. Raises Missing,
    rules.WrongState, rules.WrongDay.
    """
    request = _of(code)
    if not tehran_day(request.made_at) <= on <= tehran_day(now):
        raise rules.WrongDay
    due_on = rules.forecast(on).due_on
    request.sent_on, request.expected_due_on = on, due_on
    promise = _promise(request, due_on, now)
    if not UpdateRequest.objects.filter(pk=request.pk, state=_DRAFT).update(
        state=_SENT, sent_on=on, expected_due_on=due_on, promise=promise
    ):
        raise rules.WrongState(request=code)
    request.state, request.promise = _SENT, promise
    log.info("request.handed_in", request=code, by=by.code if by else "", due_on=due_on.isoformat())
    return request


@carries_out("B06")
@transaction.atomic
def drop(*, code: str, note: str, by: Person | None, now: datetime) -> UpdateRequest:
    """Let a request go, with the reason. Its promise goes with it, unless it is broken. Raises Missing, Invalid,
    rules.WrongState.
    """
    note = normalise(note)
    if not 0 < len(note) <= 300:
        raise Invalid({"note": "بنویسید چرا این درخواست کنار گذاشته می‌شود؛ تا ۳۰۰ نویسه."})
    request = _of(code)
    open_ = UpdateRequest.objects.filter(pk=request.pk, state__in=[_DRAFT, _SENT])
    if not open_.update(state=_DROPPED, closed_at=now, note=note):
        raise rules.WrongState(request=code)
    if request.sent_on is not None:
        evidence = {"why": "request dropped", "by": by.code if by else ""}
        promises.waive(subjects=[_subject(request)], kind=KIND, evidence=evidence, now=now)
    request.state, request.closed_at, request.note = _DROPPED, now, note
    log.info("request.dropped", request=code, by=by.code if by else "")
    return request


@dataclass(frozen=True)
class Followed:
    """How a request stands: all of it listed, all of it due."""

    is_listed: bool
    is_due: bool
    due_on: date | None  # the latest that the list gives
    evidence: dict[str, Any]


@carries_out("B06")
def follow(*, now: datetime) -> int:
    """Look where the requests that were handed in stand; returns how many moved.

    The list's own due date takes the place of the forecast as soon as it is seen, and the promise with it. A request is
    done, and its promise kept, when every address of it is registered for its registrant and due; the evidence is the
    snapshot and the rows.
    """
    moved = 0
    for request in UpdateRequest.objects.filter(state=_SENT).order_by("pk"):
        judge = edges.world([request.registrant])
        stands = _stands(judge, [_network(text) for text in request.prefixes], now)
        with transaction.atomic():
            moved += _follow(request, stands, now)
    return moved


def next_due(now: datetime) -> datetime | None:
    """Return when the next of the requests that were handed in is expected to be due. One query."""
    days = UpdateRequest.objects.filter(state=_SENT, expected_due_on__gt=tehran_day(now)).order_by("expected_due_on")
    first = days.values_list("expected_due_on", flat=True).first()
    return day_start(first) if first else None


def _follow(request: UpdateRequest, stands: Followed, now: datetime) -> int:
    mine = UpdateRequest.objects.filter(pk=request.pk, state=_SENT, expected_due_on=request.expected_due_on)
    if stands.is_due:
        if not mine.update(state=_DUE, closed_at=now, listed_at=request.listed_at or now):
            return 0
        # Also what was promised by a date that the list then changed, where it broke before the list said so.
        owed = terms.unkept_subjects(f"request:{request.code}@", since=request.made_at)
        promises.keep_many(owed, kind=KIND, evidence=stands.evidence, now=now)
        log.info("request.due", request=request.code)
        return 1
    moved = 0
    if stands.is_listed and request.listed_at is None:
        moved = mine.update(listed_at=now)
    # What is not listed yet is still expected when it was; what is, on its own date.
    waiting = [] if stands.is_listed or request.expected_due_on is None else [request.expected_due_on]
    due_on = max([*waiting, *([stands.due_on] if stands.due_on else [])], default=None)
    if due_on is None or due_on == request.expected_due_on:
        return moved
    old = _subject(request)
    if not mine.update(expected_due_on=due_on):
        return moved
    request.expected_due_on = due_on
    # One that is overdue already is broken and stays so.
    evidence = {"why": "listed with another due date", "due_on": due_on.isoformat(), **stands.evidence}
    promises.waive(subjects=[old], kind=KIND, evidence=evidence, now=now)
    UpdateRequest.objects.filter(pk=request.pk).update(promise=_promise(request, due_on, now))
    log.info("request.moved", request=request.code, due_on=due_on.isoformat())
    return 1


def _stands(judge: World, asked: Sequence[Network], now: datetime) -> Followed:
    parts = [part for network in asked for part in judge.parts(network, now)]
    listed = [part for part in parts if part.status in (State.REGISTERED, State.PENDING)]
    rows = {
        row.row: {"network": row.network, "due_on": row.due_on.isoformat() if row.due_on else None}
        for network in asked
        for piece in judge.pieces(network)
        for row in judging.standing(
            judge.seen, judging.own_only(piece.rows, judge.registrants), now, gap=judge.gap
        ).rows
    }
    look = judge.look(now)
    return Followed(
        is_listed=len(listed) == len(parts),
        is_due=all(part.status == State.REGISTERED for part in parts),
        due_on=max((part.due for part in listed if part.due), default=None),
        evidence={
            "snapshot": look.code if look else "",
            "sha256": look.sha256 if look else "",
            "rows": [{"row": key, **rows[key]} for key in sorted(rows)][:200],
        },
    )


def _promise(request: UpdateRequest, due_on: date, now: datetime) -> str:
    """Promise that all of a request may be used by its due date and the hold; returns the promise's code."""
    if request.sent_on is None:
        raise ValueError("a request is promised once it is handed in")
    start, hours = rules.promised_hours(request.sent_on, due_on, drift.admission_hold())
    count = persian_digits(len(request.prefixes))
    made = promises.make(
        promises.NewPromise(
            clause="B06",
            kind=KIND,
            subject=_subject(request),
            order="",
            person_id=None,
            what=f"نشستن {count} محدوده شبکه در سامانه ملی و رسیدن موعد آن‌ها ({request.code})",
            terms=terms.terms_in_force(now),
            start=start,
            hours=hours,
            hours_kind="calendar",
        ),
        now=now,
    )
    return made.code


def _subject(request: UpdateRequest) -> str:
    """What the promise of a request is made for: another due date is another promise."""
    return f"request:{request.code}@{request.expected_due_on:%Y%m%d}"


def _of(code: str) -> UpdateRequest:
    found = UpdateRequest.objects.filter(code=code).first()
    if found is None:
        raise Missing
    return found


def _drifting(now: datetime) -> list[Network]:
    """What serves unregistered, less what an open request asks for already."""
    found = [
        network
        for edge in drift.board(now).edges
        for part in edge.parts
        if part.status == State.UNREGISTERED
        for network in summarize_address_range(part.first, part.last)
    ]
    asked = [
        _network(text)
        for request in UpdateRequest.objects.filter(state__in=[_DRAFT, _SENT])
        for text in request.prefixes
    ]
    return [
        part
        for network in rules.fewest(found)
        for part in reading.parts(network, asked)
        if not any(reading.overlap(part, other) for other in asked)
    ]


def _typed(typed: Sequence[str]) -> list[Network]:
    found, faults = [], []
    for text in typed:
        try:
            network, _ = reading.network(text)
        except reading.BadAddress as fault:
            faults.append(f"{text[:60]}: {fault.says}")
            continue
        if network.prefixlen < (8 if network.version == 4 else 16):
            faults.append(f"{text[:60]}: این محدوده پهن‌تر از آن است که شبکه کسی باشد.")
        found.append(network)
    if faults:
        raise Invalid({"prefixes": " ".join(faults)})
    return rules.fewest(found)


def _network(text: str) -> Network:
    return reading.network(text)[0]
