"""Where registry and network disagree, now and over time, and what is admitted: what desks, commands and sweeps ask."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from ipaddress import ip_address

from django.conf import settings
from django.db.models import Q

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Network
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.models import Drift, Edition, UpdateRequest, Watch
from peyman.market.tariff.queries.edges import Served, World, served, served_between, world
from peyman.market.tariff.queries.history import Look
from peyman.market.tariff.rules import admission
from peyman.market.tariff.rules import drift as rules
from peyman.market.tariff.rules.drift import Finding, Hold, Kind, Part
from peyman.market.tariff.rules.history import State
from peyman.market.tariff.rules.requests import fewest

_DAY = timedelta(days=1)
_LONG_AGO = timedelta(days=3650)
_NOT_ADMITTING = (Kind.UNREGISTERED, Kind.UNKNOWN, Kind.INELIGIBLE)


def hold() -> Hold:
    """Return how long a drift has to hold before it is believed."""
    return Hold(settings.DRIFT_HOLD_SNAPSHOTS, timedelta(hours=settings.DRIFT_HOLD_HOURS))


def admission_hold() -> timedelta:
    """Return how long after its due date an address is admitted."""
    return timedelta(days=settings.ADMISSION_HOLD_DAYS)


# ---- The board ----


@dataclass(frozen=True, slots=True)
class PartView:
    """Neighbouring addresses with one answer; `admitted_from`: from when its dates allow the message."""

    range: str
    first: prefixes.Address
    last: prefixes.Address
    addresses: int
    status: str
    reason: str
    due: date | None
    admitted_from: datetime | None
    admitted: int  # how many of them are


@dataclass(frozen=True, slots=True)
class EdgeView:
    """One prefix that serves, and how many of its addresses have each status."""

    cdn: str
    prefix: str
    valid_from: datetime
    addresses: int
    registered: int
    pending: int
    unregistered: int
    unknown: int
    ineligible: int
    admitted: int
    parts: tuple[PartView, ...]

    @property
    def is_in_step(self) -> bool:
        return self.registered == self.addresses


@dataclass(frozen=True, slots=True)
class IdleView:
    """A range of ours that the registry lists and no edge serves."""

    prefix: str
    ranges: tuple[str, ...]
    addresses: int
    status: str
    due: date | None


@dataclass(frozen=True, slots=True)
class Board:
    """Registry and network beside each other at one instant. `is_fresh`: the last good list is young enough to admit
    by it.
    """

    at: datetime
    look: Look | None
    age: timedelta | None
    is_fresh: bool
    edges: tuple[EdgeView, ...]
    idle: tuple[IdleView, ...]


@carries_out("B06")
def board(at: datetime, registrants: Sequence[str] | None = None) -> Board:
    """Return what serves at `at` with the registry's answer for each address. Three queries, however many edges."""
    judge = world(registrants)
    edges = _once(served(at))
    drifting = held(at)
    age = judge.age(at)
    is_fresh = _is_fresh(age)
    return Board(
        at=at,
        look=judge.look(at),
        age=age,
        is_fresh=is_fresh,
        edges=tuple(_edge(edge, judge.parts(edge.network, at), at, is_fresh, drifting) for edge in edges),
        idle=tuple(_idle(judge, [edge.network for edge in edges], at)),
    )


def _once(edges: Iterable[Served]) -> list[Served]:
    """One for each network and prefix, since the earliest of its beginnings."""
    found: dict[tuple[str, str], Served] = {}
    for edge in edges:
        known = found.get((edge.cdn, edge.prefix))
        if known is None or edge.valid_from < known.valid_from:
            found[edge.cdn, edge.prefix] = edge
    return list(found.values())


def _edge(edge: Served, parts: Sequence[Part], at: datetime, is_fresh: bool, drifts: "Held") -> EdgeView:
    views = tuple(_part(part, at, is_fresh, drifts) for part in parts)
    return EdgeView(
        cdn=edge.cdn,
        prefix=edge.prefix,
        valid_from=edge.valid_from,
        addresses=edge.network.num_addresses,
        **rules.total(parts),
        admitted=sum(view.admitted for view in views),
        parts=views,
    )


def _part(part: Part, at: datetime, is_fresh: bool, drifts: "Held") -> PartView:
    said = admission.admit(
        part.status, part.reason, part.due, at, hold=admission_hold(), is_fresh=is_fresh, is_drifting=False
    )
    drifting = drifts.count(part) if said.admitted else 0
    return PartView(
        range=part.range,
        first=part.first,
        last=part.last,
        addresses=part.addresses,
        status=part.status,
        reason=part.reason,
        due=part.due,
        admitted_from=said.since,
        admitted=part.addresses - drifting if said.admitted else 0,
    )


def _is_fresh(age: timedelta | None) -> bool:
    return age is not None and age <= timedelta(hours=settings.ADMISSION_LIST_HOURS)


def _idle(judge: World, serving: Sequence[Network], at: datetime) -> Iterator[IdleView]:
    """Yield our rows' ranges that are listed at `at` and lie outside every edge, in the fewest prefixes."""
    own = fewest({prefixes.network(row.network)[0] for row in judge.own})
    for network in own:
        idle = [
            part
            for free in prefixes.parts(network, serving)
            if not any(prefixes.overlap(free, edge) for edge in serving if edge.version == free.version)
            for part in judge.parts(free, at)
            if part.status in (State.REGISTERED, State.PENDING)
        ]
        if idle:
            yield IdleView(
                str(network),
                tuple(part.range for part in idle),
                sum(part.addresses for part in idle),
                "registered" if any(part.status == State.REGISTERED for part in idle) else "pending",
                max((part.due for part in idle if part.due), default=None),
            )


# ---- Admission ----


class Held:
    """Ranges in which a drift was noticed and is not cleared yet."""

    def __init__(self, rows: Iterable[Drift]) -> None:
        spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for row in rows:
            for text in row.ranges:
                first, last = bounds(text)
                spans[first.version].append((int(first), int(last)))
        self._spans = {version: _merged(found) for version, found in spans.items()}

    def count(self, part: Part) -> int:
        """Return how many addresses of a part lie in them."""
        first, last = int(part.first), int(part.last)
        return sum(
            min(last, end) - max(first, begin) + 1
            for begin, end in self._spans[part.first.version]
            if begin <= last and first <= end
        )


def bounds(text: str) -> tuple[prefixes.Address, prefixes.Address]:
    """Return the first and last address of a range as `rules.range_text` writes it."""
    first, dash, last = text.partition("-")
    if dash:
        return ip_address(first), ip_address(last)
    network, _ = prefixes.network(text)
    return network.network_address, network.broadcast_address


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def held(at: datetime) -> Held:
    """Return the ranges in which a drift was noticed by `at` and is not cleared then: one query."""
    open_ = Q(cleared_at=None) | Q(cleared_at__gt=at)
    return Held(Drift.objects.filter(open_, kind__in=_NOT_ADMITTING, noticed_at__lte=at))


@dataclass(frozen=True, slots=True)
class Check:
    """Whether every address of a prefix is admitted, and if not, why: its parts with their reasons."""

    prefix: str
    addresses: int
    admitted: int
    parts: tuple[tuple[PartView, str], ...]  # with the reason of each

    @property
    def is_admitted(self) -> bool:
        return self.admitted == self.addresses


@carries_out("B07")
def check(networks: Sequence[Network], at: datetime, registrants: Sequence[str] | None = None) -> list[Check]:
    """Say of each prefix whether its addresses may serve under the message at `at`. Two queries, however many.

    It need not be declared as an edge yet: it is asked before a change of names or networks goes live.
    """
    judge = world(registrants)
    drifting, is_fresh = held(at), _is_fresh(judge.age(at))
    found = []
    for network in networks:
        parts = []
        for part in judge.parts(network, at):
            view = _part(part, at, is_fresh, drifting)
            said = admission.admit(
                part.status,
                part.reason,
                part.due,
                at,
                hold=admission_hold(),
                is_fresh=is_fresh,
                is_drifting=drifting.count(part) > 0,
            )
            parts.append((view, said.reason))
        admitted = sum(view.admitted for view, _ in parts)
        found.append(Check(str(network), network.num_addresses, admitted, tuple(parts)))
    return found


# ---- What the sweep asks ----


@dataclass(frozen=True, slots=True)
class Looked:
    """What there is to take down, and when to look again if nothing else changes."""

    watch: Watch
    mark: str
    findings: tuple[Finding, ...]
    look: Look | None
    known: tuple[datetime, ...]  # when each good snapshot came to be known, in order of time
    next_at: datetime | None


def is_due(now: datetime) -> bool:
    """Say whether anything changed since the last look, or a time has come. Two queries; what every tick pays."""
    watch = Watch.objects.first()
    if watch is None or watch.mark != _mark(watch):
        return True
    return watch.next_at is not None and watch.next_at <= now


def _mark(watch: Watch) -> str:
    """All that the answer depends on, but the time."""
    edition = Edition.objects.order_by("pk").values_list("number", flat=True).first() or 0
    chosen = (settings.REGISTRANTS, settings.IRAN_RANGES, settings.DRIFT_HOLD_HOURS, settings.DRIFT_HOLD_SNAPSHOTS)
    digest = blake2b(repr(chosen).encode(), digest_size=8).hexdigest()
    return f"{edition}:{watch.edges}:{digest}"


def look(now: datetime) -> Looked:
    """Judge everything that serves at `now`. The work of it grows with edges and rows; nothing is written."""
    watch, _ = Watch.objects.get_or_create(pk=1)
    mark = _mark(watch)
    judge = world()
    edges = _once(served(now))
    found: list[Finding] = []
    times: list[datetime] = []
    for edge in edges:
        parts = judge.parts(edge.network, now)
        times.extend(day_start(part.due) for part in parts if part.due is not None)
        found.extend(_dated(judge, edge, finding, now) for finding in rules.findings(edge.cdn, edge.prefix, parts))
    found.extend(
        Finding(Kind.IDLE, "", idle.prefix, idle.addresses, idle.status, None, idle.ranges, None, "no_edge")
        for idle in _idle(judge, [edge.network for edge in edges], now)
    )
    times.extend(boundary for edge in served_between(now, now + 30 * _DAY) for boundary in _ends(edge))
    if judge.seen:
        times.append(judge.seen[-1].ends_at + judge.gap + timedelta(microseconds=1))
    times.append(now + _DAY)  # nothing rests on this one: whatever was forgotten above is a day late at most
    known = tuple(sorted(one.known_at for one in judge.view.order.looks))
    return Looked(watch, mark, tuple(found), judge.look(now), known, min(t for t in times if t > now))


def _ends(edge: Served) -> Iterator[datetime]:
    yield edge.valid_from
    if edge.valid_to is not None:
        yield edge.valid_to


def _dated(judge: World, edge: Served, finding: Finding, now: datetime) -> Finding:
    """Say since when, and why, by the largest of its pieces."""
    first, last = (int(bound) for bound in bounds(finding.ranges[0]))
    widest = max(
        (piece for piece in judge.pieces(edge.network) if first <= int(piece.network.network_address) <= last),
        key=lambda piece: piece.network.num_addresses,
    )
    rows = rules.own_only(widest.rows, judge.registrants)
    stretches = (
        []
        if finding.kind is Kind.INELIGIBLE
        else rules.timeline(judge.seen, rows, min(edge.valid_from, now - _DAY), now + timedelta(microseconds=2))
    )
    gone = [judge.seen[row.absent].starts_at for row in rows if row.absent is not None]
    since, cause = rules.began(finding.kind, finding.reason, edge.valid_from, stretches, gone)
    return Finding(
        finding.kind,
        finding.cdn,
        finding.prefix,
        finding.addresses,
        finding.reason,
        finding.due_on,
        finding.ranges,
        since,
        cause,
    )


# ---- The record (B17) ----


@dataclass(frozen=True, slots=True)
class Day:
    """At the end of one Tehran day (of today: now): how many addresses served, and how many of them were in step."""

    day: date
    served: int
    in_step: int

    @property
    def permille(self) -> int | None:
        """In step per thousand, rounded down: nothing rounds up to a whole record. None where nothing served."""
        return self.in_step * 1000 // self.served if self.served else None


@dataclass(frozen=True, slots=True)
class Story:
    """One drift from its cause to its end, with who knew when."""

    code: str
    kind: str
    cdn: str
    prefix: str
    addresses: int
    reason: str
    cause: str
    due_on: date | None
    since: datetime | None
    noticed_at: datetime
    noticed_in: str  # code of the snapshot, "" where there was none
    alarmed_at: datetime | None
    told: tuple[str, ...]  # codes of the people who were told then
    requests: tuple[str, ...]  # codes of the update requests for some of it
    away_since: datetime | None
    cleared_at: datetime | None


@dataclass(frozen=True, slots=True)
class Record:
    """That the cause is removed, and stays so: day by day, and every drift there was."""

    days: tuple[Day, ...]
    days_since: (
        int | None
    )  # whole days since the last drift was over; 0 while one is open, None where there never was one
    stories: tuple[Story, ...]  # the newest first


@carries_out("B17")
def record(now: datetime, days: int = 30, limit: int = 100) -> Record:
    """Return how much of what served was in step on each of the last `days` Tehran days, and the drifts of all times.

    In step: registered and due, by the rows that count for us. Edges are as we believe now, so a declaration that came
    late counts against its day. Six queries, however many days. What is idle harms nobody and is left out.
    """
    today = tehran_day(now)
    first = today - (days - 1) * _DAY
    judge = world()
    edges = served_between(day_start(first), now + timedelta(microseconds=1))
    found = []
    for day in (first + n * _DAY for n in range(days)):
        at = min(day_start(day + _DAY) - timedelta(microseconds=1), now)
        here = [e.network for e in edges if e.valid_from <= at and (e.valid_to is None or at < e.valid_to)]
        parts = [part for network in fewest(here) for part in judge.parts(network, at)]
        found.append(
            Day(day, sum(part.addresses for part in parts), sum(p.addresses for p in parts if p.status == "registered"))
        )
    rows = Drift.objects.exclude(kind=Kind.IDLE)
    return Record(tuple(found), _days_since(now), tuple(_stories(rows.order_by("-noticed_at", "-pk")[:limit])))


def _days_since(now: datetime) -> int | None:
    rows = Drift.objects.exclude(kind=Kind.IDLE)
    if rows.filter(cleared_at=None, away_since=None).exists():
        return 0
    last = max(filter(None, rows.order_by("-away_since").values_list("away_since", flat=True)[:1]), default=None)
    return (now - last).days if last else None


def _stories(rows: Iterable[Drift]) -> Iterator[Story]:
    requests = [
        (request.code, [bounds(text) for text in request.prefixes])
        for request in UpdateRequest.objects.exclude(state=UpdateRequest.State.DROPPED).order_by("pk")
    ]
    for row in rows.select_related("noticed_in"):  # type: ignore[attr-defined]
        spans = [bounds(text) for text in row.ranges]
        yield Story(
            code=row.code,
            kind=row.kind,
            cdn=row.cdn,
            prefix=row.prefix,
            addresses=int(row.addresses),
            reason=row.reason,
            cause=row.cause,
            due_on=row.due_on,
            since=row.since,
            noticed_at=row.noticed_at,
            noticed_in=row.noticed_in.code if row.noticed_in else "",
            alarmed_at=row.alarmed_at,
            told=tuple(row.told),
            requests=tuple(code for code, asked in requests if _meet(asked, spans)),
            away_since=row.away_since,
            cleared_at=row.cleared_at,
        )


_Bounds = tuple[prefixes.Address, prefixes.Address]


def _meet(some: Iterable[_Bounds], others: Sequence[_Bounds]) -> bool:
    return any(
        a[0].version == b[0].version and int(a[0]) <= int(b[1]) and int(b[0]) <= int(a[1]) for a in some for b in others
    )


def open_drifts(at: datetime | None = None) -> list[Story]:
    """Return the drifts that are not over, or were noticed and not over at `at`; the gravest first. Two queries."""
    order = {kind.value: place for place, kind in enumerate(Kind)}
    open_ = Q(cleared_at=None) if at is None else Q(noticed_at__lte=at) & (Q(cleared_at=None) | Q(cleared_at__gt=at))
    rows = list(_stories(Drift.objects.filter(open_)))
    return sorted(rows, key=lambda one: (order[one.kind], one.noticed_at, one.code))


def snapshots_since(known: Sequence[datetime], moment: datetime) -> int:
    """Return how many good snapshots have shown what was noticed at `moment`: that one, and those known since."""
    return 1 + len(known) - bisect_right(known, moment)
