"""All that the guard decides from at one instant, read once; decisions for objects, deliveries and operators.

Nothing here is cached: `view` compiles a scene for those who ask often, desks and sweeps look at one and let it go.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import TryLater
from peyman.kernel.prefixes import Network
from peyman.kernel.worktime import day_start
from peyman.market.guard.models import Delivery, Spell, Watch
from peyman.market.guard.rules.lookup import OPERATORS, Lookup
from peyman.market.incidents.models import Edition as Incidents
from peyman.market.incidents.queries.open import Open, open_incidents
from peyman.market.tariff.models import Edge, Edition, Snapshot, Tables
from peyman.market.tariff.models import Watch as Edges
from peyman.market.tariff.queries import drift as drifting
from peyman.market.tariff.queries import edges, isps, probes, rates
from peyman.market.tariff.rules import guard as rules
from peyman.market.tariff.rules import probes as probing
from peyman.market.tariff.rules import rates as priced
from peyman.market.tariff.rules.audit import instant, micros
from peyman.market.tariff.rules.guard import (
    ContraryProbe,
    Dark,
    Decision,
    Facts,
    Judged,
    LastList,
    Limits,
    OpenIncident,
    Range,
    Way,
)
from peyman.market.tariff.rules.history import Seen
from peyman.market.tariff.rules.requests import fewest

TRIES = 8  # of reading while something is changed
TICK = timedelta.resolution

Names = tuple[str, ...]  # of deliveries, in order


def limits() -> Limits:
    """Return the guard's parameters, from the settings."""
    return Limits(
        list_age=timedelta(hours=settings.ADMISSION_LIST_HOURS),
        hold=drifting.admission_hold(),
        relight=settings.GUARD_RELIGHT,
    )


# ---- Editions ----


class Counters(NamedTuple):
    """How often each thing was changed that the guard decides from."""

    history: object
    edges: object
    drifts: object  # they change when they are looked at
    isps: object
    rates: object
    probes: object
    incidents: object
    deliveries: object  # and spells of darkness

    def __str__(self) -> str:
        return "|".join(str(each or 0) for each in self)


_COUNTERS = (
    (Edition, "number"),
    (Edges, "edges"),
    (Edges, "looked_at"),
    (Tables, "isps"),
    (Tables, "rates"),
    (Tables, "probes"),
    (Incidents, "number"),
    (Watch, "edition"),
)


def counters() -> Counters:
    """Return what differs whenever anything that the guard decides from was changed; one query."""
    quote = connection.ops.quote_name
    asked = ", ".join(
        f"(SELECT {quote(column)} FROM {quote(model._meta.db_table)} ORDER BY id LIMIT 1)"  # noqa: S608  # our names
        for model, column in _COUNTERS
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {asked}")
        return Counters(*cursor.fetchone())


def mark() -> str:
    """Return the same as one text."""
    return str(counters())


def moved(of: str) -> str:
    """Return a mark as it is once deliveries or spells, and nothing else, were changed."""
    rest, _, edition = of.rpartition("|")
    return f"{rest}|{int(edition) + 1}"


# ---- Deliveries ----


def believed(known_at: datetime | None = None) -> QuerySet[Delivery]:
    """The deliveries as we believe now, or believed at `known_at`."""
    if known_at is None:
        return Delivery.objects.filter(superseded_at=None)
    return Delivery.objects.filter(Q(superseded_at=None) | Q(superseded_at__gt=known_at), recorded_at__lte=known_at)


@dataclass(frozen=True, slots=True)
class Serving:
    """A delivery that is in force, with the ranges that it serves from, in the fewest prefixes."""

    name: str
    pattern: str
    operators: frozenset[str]  # empty: all
    dark_because: str
    valid_from: datetime
    networks: tuple[Network, ...]

    def is_for(self, operator: str) -> bool:
        return not self.operators or operator in self.operators


@dataclass(frozen=True, slots=True)
class Declared:
    """An edge: `cdn` serves from `network` in valid_from ≤ t < valid_to (None: open)."""

    cdn: str
    network: Network
    valid_from: datetime
    valid_to: datetime | None


def serving(row: Delivery, at: datetime, declared: Iterable[Declared]) -> Serving:
    """Return what a delivery serves from at an instant, by the edges that are declared."""
    cdns = set(row.cdns)
    ranges = {prefixes.network(text)[0] for text in row.prefixes}
    ranges |= {
        edge.network
        for edge in declared
        if edge.cdn in cdns and edge.valid_from <= at and (edge.valid_to is None or at < edge.valid_to)
    }
    return Serving(
        row.name, row.pattern, frozenset(row.operators), row.dark_because, row.valid_from, tuple(fewest(ranges))
    )


# ---- Customers ----


@dataclass(frozen=True, slots=True)
class Customers:
    """Whose customer an address is, from `since` until before `until` (None: open)."""

    since: datetime
    until: datetime | None
    lookup: Lookup

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


def _customers(at: datetime) -> Customers:
    rows = [(one.prefix, one.operator) for one in isps.current(at)]
    return Customers(at, isps.next_change(at), Lookup(rows))


# ---- The scene ----


@dataclass(frozen=True)
class Scene:
    """What is known at `at`, all of one edition. Decides for any set of deliveries and any operator."""

    at: datetime
    counters: Counters
    rows: "Rows"
    limits: Limits
    deliveries: tuple[Serving, ...]
    rates: dict[str, str]  # operator → what its verified row is called
    incidents: tuple[OpenIncident, ...]
    probes: tuple[ContraryProbe, ...]
    darks: dict[tuple[str, str], tuple[Dark, ...]]  # delivery and operator → spells that may count
    last_list: LastList | None
    is_held_back: bool
    changes: tuple[datetime, ...]  # of all but the registry, after `at`
    world: edges.World
    _addresses: "dict[Names, tuple[tuple[Range, ...], Judged, tuple[datetime, ...]]]" = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Serving]:
        return {one.name: one for one in self.deliveries}

    @property
    def mark(self) -> str:
        return str(self.counters)

    @property
    def customers(self) -> Customers:
        return self.rows.customers

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators whose customers we know, in order."""
        return self.customers.lookup.operators[OPERATORS:]

    @carries_out("B02")
    def decide(self, names: Names, operator: str, *, darks: bool = True) -> Decision:
        """Decide for what these deliveries serve to an operator; without `darks` as if nothing had been dark before."""
        names = tuple(name for name in names if self.by_name[name].is_for(operator))
        ranges, judged, changes = self._judged(names)
        facts = Facts(
            operator=operator,
            rate=self.rates.get(operator),
            ways=tuple(Way(name, self.by_name[name].dark_because) for name in names),
            ranges=ranges,
            last_list=self.last_list,
            is_held_back=self.is_held_back,
            incidents=self.incidents,
            probes=self.probes,
            darks=tuple(dark for name in names for dark in self.darks.get((name, operator), ())) if darks else (),
            changes=changes,
            limits=self.limits,
        )
        return rules.decide(facts, self.at, judged)

    def decide_for_all(self, names: Names, operators: Sequence[str]) -> list[Decision]:
        """Decide for many operators: those for whom all is alike share one decision, but for their name and rate."""
        known: dict[object, Decision] = {}
        found = []
        for operator in operators:
            here = tuple(name for name in names if self.by_name[name].is_for(operator))
            rate = self.rates.get(operator)
            key = (
                here,
                rate is None,
                tuple(operator in one.operators for one in self.incidents),
                tuple(operator == one.operator for one in self.probes),
                tuple(self.darks.get((name, operator)) for name in here),
            )
            decision = known.get(key)
            if decision is None:
                decision = known[key] = self.decide(here, operator)
            elif decision.evidence.operator != operator:
                evidence = replace(decision.evidence, operator=operator, rate=rate)
                decision = Decision(decision.allowed, decision.wording, decision.reason, decision.until, evidence)
            found.append(decision)
        return found

    def _judged(self, names: Names) -> tuple[tuple[Range, ...], Judged, tuple[datetime, ...]]:
        """Judge the addresses of deliveries once, whoever asks: each delivery for itself, then put together."""
        found = self._addresses.get(names)
        if found is not None:
            return found
        served = [self.by_name[name].networks for name in names]
        networks = served[0] if len(served) == 1 else fewest({network for each in served for network in each})
        ranges = tuple(
            Range(
                part.first,
                part.last,
                part.addresses,
                part.status,
                part.reason,
                part.due,
                self.rows.drifts.count(part) > 0,
            )
            for network in networks
            for part in self.world.parts(network, self.at)
        )
        judged = rules.judge(ranges, self.last_list, self.at, self.limits)
        changes = (*self.changes, *self._dates(networks))
        found = self._addresses[names] = (ranges, judged, changes)
        return found

    def _dates(self, networks: Iterable[Network]) -> set[datetime]:
        """Return when the registry's answer for these ranges may change by itself: dates of rows, ends of lists."""
        days = {
            day
            for network in networks
            for piece in self.world.pieces(network)
            for row in piece.rows
            for day in (row.update_on, row.due_on)
            if day is not None
        }
        found = {day_start(day) for day in days}
        return {moment for moment in found if moment > self.at}


def read(at: datetime, known: Scene | None = None) -> Scene:
    """Read all that the guard decides from at `at`; again while it is changed. Raises TryLater, RangesUnreadable.

    `known`: a scene that was read before, of which what did not move is taken over. Without it about fifteen queries,
    however many deliveries, and the registry's history where it has moved.
    """
    for _ in range(TRIES):
        with _one_look():
            before = counters()
            found = _read(at, before, known if known is not None and known.at <= at else None)
            after = counters()
        if after == before:
            return found
    raise TryLater


@contextmanager
def _one_look() -> Iterator[None]:
    """Read as of one moment where the database can do so without keeping anybody from writing: PostgreSQL.

    On SQLite a transaction of ours would wait for those that write; there is looked again if something moved.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


@dataclass(frozen=True, slots=True)
class Rows:
    """What the tables hold, as rows: what does not depend on the instant, so that a later scene may take it over."""

    deliveries: tuple[Delivery, ...]
    declared: tuple[Declared, ...]
    charges: tuple[rates.Charge, ...]
    probes: tuple[probing.Probe, ...]
    incidents: tuple[Open, ...]
    spells: tuple[Spell, ...]
    drifts: drifting.Held
    customers: Customers


def _rows(at: datetime, now: Counters, known: Scene | None) -> Rows:
    """Read the tables; those that did not move since `known` was read are taken from it."""
    old = known.rows if known else None
    was = known.counters if known else None

    def same(*names: str) -> bool:
        return was is not None and all(getattr(was, name) == getattr(now, name) for name in names)

    deliveries = old.deliveries if old and same("deliveries") else tuple(believed().order_by("name", "valid_from"))
    return Rows(
        deliveries,
        old.declared if old and same("deliveries", "edges") else declared(at, deliveries),
        old.charges if old and same("rates") else tuple(rates.believed()),
        old.probes if old and same("probes") else tuple(probes.believed()),
        tuple(open_incidents(at)),  # by another machine's clock one may have begun after `known`
        old.spells
        if old and same("deliveries")
        else tuple(
            Spell.objects.filter(Q(gone_at=None) | Q(gone_at__gt=at - limits().relight)).order_by("since", "pk")
        ),
        drifting.held(at),
        old.customers if old and same("isps") and old.customers.holds(at) else _customers(at),
    )


def declared(at: datetime, rows: Iterable[Delivery]) -> tuple[Declared, ...]:
    """Return the edges of the networks of deliveries that are declared at `at` or for later; one query."""
    cdns = {cdn for row in rows for cdn in row.cdns}
    found = Edge.objects.filter(Q(valid_to=None) | Q(valid_to__gt=at), superseded_at=None, cdn__in=cdns)
    return tuple(
        Declared(cdn, prefixes.network(prefix)[0], since, until)
        for cdn, prefix, since, until in found.values_list("cdn", "prefix", "valid_from", "valid_to")
    )


def _read(at: datetime, edition: Counters, known: Scene | None) -> Scene:
    world = edges.world()
    if known is not None:
        world.learn(known.world, {network for one in known.deliveries for network in one.networks})
    rows = _rows(at, edition, known)
    seconds = micros(at)
    verified = priced.verified_operators(map(rates.weighed, rows.charges), seconds)
    changes = {
        *(bound for row in rows.deliveries for bound in (row.valid_from, row.valid_to)),
        *(bound for edge in rows.declared for bound in (edge.valid_from, edge.valid_to)),
        *(bound for one in rows.charges for bound in (one.valid_from, one.valid_to)),
        rows.customers.until,
        *(instant(one.at) for one in rows.probes if one.at > seconds),
        *(bound for one in rows.incidents for bound in (one.starts_at, one.ends_at)),
        *_moments(world.seen, at, world.gap),
    }
    last_list = _last_list(world, at)
    chosen = limits()
    return Scene(
        at=at,
        counters=edition,
        rows=rows,
        limits=chosen,
        deliveries=_in_force(at, edition, rows, known),
        rates={operator: _called(rows.charges, operator, at) for operator in verified},
        incidents=tuple(
            OpenIncident(one.networks, one.operators, one.incident) for one in rows.incidents if one.covers(at)
        ),
        probes=tuple(ContraryProbe(*pair) for pair in probing.contrary(rows.probes, seconds)),
        darks=_darks(rows.spells, at, chosen.relight),
        last_list=last_list,
        is_held_back=last_list is None and Snapshot.objects.filter(state=Snapshot.State.QUARANTINED).exists(),
        changes=tuple(sorted(moment for moment in changes if moment is not None and moment > at)),
        world=world,
    )


def _in_force(at: datetime, edition: Counters, rows: Rows, known: Scene | None) -> tuple[Serving, ...]:
    """Return the deliveries in force; those of `known` where nothing of them moved, by anybody or by itself."""
    if (
        known is not None
        and (known.counters.deliveries, known.counters.edges) == (edition.deliveries, edition.edges)
        and (not known.changes or at < known.changes[0])
    ):
        return known.deliveries
    return tuple(
        serving(row, at, rows.declared)
        for row in rows.deliveries
        if row.valid_from <= at and (row.valid_to is None or at < row.valid_to)
    )


def _called(charges: Iterable[rates.Charge], operator: str, at: datetime) -> str:
    return "، ".join(
        sorted({one.called for one in charges if one.operator == operator and one.verified and one.holds(at)})
    )


def _last_list(world: edges.World, at: datetime) -> LastList | None:
    look = world.look(at)
    if look is None:
        return None
    age = world.age(at)
    assert age is not None  # there is a list  # noqa: S101
    ends_at = next(seen.ends_at for seen in reversed(world.seen) if seen.starts_at <= at)
    return LastList(look.code, look.says_when, ends_at)


def _moments(seen: Sequence[Seen], at: datetime, gap: timedelta) -> Iterable[datetime]:
    """Yield when the next list begins or ends to speak for itself, and when the last one says nothing any more."""
    for one in seen[-1:]:
        yield one.ends_at + gap
        yield one.ends_at + gap + TICK
    near = [one for one in seen if at - timedelta(days=2) <= one.starts_at]
    for one in near[:4]:
        for moment in (one.starts_at, one.ends_at):
            yield moment
            yield moment + TICK


def _darks(spells: Iterable[Spell], at: datetime, relight: timedelta) -> dict[tuple[str, str], tuple[Dark, ...]]:
    found: dict[tuple[str, str], list[Dark]] = {}
    for row in spells:
        if row.since <= at and (row.gone_at is None or at < row.gone_at + relight):
            found.setdefault((row.delivery, row.operator), []).append(Dark(row.reason, row.since, row.gone_at))
    return {key: tuple(dark) for key, dark in found.items()}
