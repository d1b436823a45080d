"""What the desk of the tariff lists: snapshots with their reasons, attempts at the registry, beliefs about edges,
drift, requests. Plain reads of the tables; each function says how many queries it costs, however many rows there are.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q

from peyman.kernel.errors import Missing
from peyman.kernel.text import latin_digits
from peyman.market.tariff.models import Drift, Edge, Fetch, Row, Snapshot, Stay, UpdateRequest
from peyman.market.tariff.queries import history
from peyman.market.tariff.rules.rows import host_path

SHOWN = 50
_TOUCHED = 200


@dataclass(frozen=True)
class Health:
    """Our watch over the registry: the last good list and how old it is, what waits for a person, the last attempt."""

    last: Snapshot | None
    age: timedelta | None
    waiting: int  # lists in quarantine since the last good one
    attempt: Fetch | None

    @property
    def is_fresh(self) -> bool:
        return self.age is not None and self.age <= timedelta(hours=settings.ADMISSION_LIST_HOURS)


def health(now: datetime) -> Health:
    """Return how the watch is doing: three queries. A list of a whole day is as old as that day's end."""
    last = history.ordered().filter(seen_at__lte=now).last()
    waiting = Snapshot.objects.filter(state=Snapshot.State.QUARANTINED)
    if last:
        waiting = waiting.filter(taken_at__gt=last.taken_at)
    age = None
    if last:
        ends = last.seen_at + timedelta(days=1) if last.whole_day else last.seen_at
        age = max(now - ends, timedelta())
    return Health(last, age, waiting.count(), Fetch.objects.order_by("-at", "-pk").first())


@dataclass(frozen=True)
class Page:
    """Some rows and whether there are more; `after` asks for those."""

    rows: list[Snapshot]
    more: bool

    @property
    def after(self) -> int:
        return self.rows[-1].pk if self.more else 0


def snapshots(state: str = "", before: int = 0) -> Page:
    """Return the lists that came, the last to come first, of one state or all: one query."""
    found = Snapshot.objects.select_related("released_by", "agrees_with").order_by("-pk")
    if state:
        found = found.filter(state=state)
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found[: SHOWN + 1])
    return Page(rows[:SHOWN], len(rows) > SHOWN)


def counts() -> dict[str, int]:
    """Return how many lists there are of each state: one query."""
    found = dict(Snapshot.objects.values_list("state").annotate(n=Count("pk")))
    return {state: found.get(state, 0) for state in Snapshot.State.values}


def snapshot(code: str) -> Snapshot:
    """Raises Missing where there is none of that code."""
    found = Snapshot.objects.select_related("released_by", "agrees_with").filter(code=code).first()
    if found is None:
        raise Missing
    return found


@dataclass(frozen=True)
class Touched:
    """One own row that a list brought or left out."""

    network: str
    host: str
    update_on: date | None
    due_on: date | None
    appeared: bool


@dataclass(frozen=True)
class Difference:
    """What a good list says otherwise than the good one before it."""

    before: Snapshot | None
    appeared: int
    gone: int
    own: list[Touched]
    own_more: bool


def difference(of: Snapshot, registrants: Sequence[str]) -> Difference:
    """Compare a good list with the good one before it, by the stays that begin and end with it: four queries."""
    before = (
        history.ordered()
        .filter(Q(seen_at__lt=of.seen_at) | Q(seen_at=of.seen_at, whole_day=of.whole_day, sha256__lt=of.sha256))
        .last()
    )
    counted = Stay.objects.filter(Q(first=of) | Q(absent=of)).aggregate(
        appeared=Count("pk", filter=Q(first=of)), gone=Count("pk", filter=Q(absent=of))
    )
    rows: list[Touched] = []
    if registrants:
        touched = (
            Stay.objects.filter(Q(first=of) | Q(absent=of), own("row__", registrants))
            .select_related("row")
            .order_by("row__network", "row__due_on", "pk")
        )
        rows = [
            Touched(stay.row.network, stay.row.host, stay.row.update_on, stay.row.due_on, stay.first_id == of.pk)
            for stay in touched[: _TOUCHED + 1]
        ]
    return Difference(before, counted["appeared"], counted["gone"], rows[:_TOUCHED], len(rows) > _TOUCHED)


def own(prefix: str, registrants: Sequence[str]) -> Q:
    """The condition for rows of these registrants and below; `prefix` leads to the row ("row__")."""
    wanted = Q()
    for registrant in registrants:
        wanted |= Q(**{f"{prefix}host_path__startswith": host_path(registrant)})
    return wanted


def fetches(many: int = 30) -> list[Fetch]:
    """Return the last attempts at the registry, the newest first: one query."""
    return list(Fetch.objects.select_related("snapshot").order_by("-at", "-pk")[:many])


def fetches_of(of: Snapshot) -> list[Fetch]:
    return list(Fetch.objects.filter(snapshot=of).order_by("-at")[:10])


# ---- Rows ----


@dataclass(frozen=True)
class Dated:
    """Networks that were registered on one day. `is_app`: under a page of ours, as developers of apps enter them."""

    update_on: date
    due_on: date | None
    networks: int
    is_app: bool


def dated_rows(registrants: Sequence[str], networks: Collection[str]) -> list[Dated]:
    """Return what was registered when, in order, of the registrants; without any, of these networks: one query."""
    wanted = own("", registrants) if registrants else Q(network__in=list(networks))
    found: dict[tuple[date, date | None, bool], set[str]] = {}
    for update, due, network, flags in (
        Row.objects.filter(wanted, update_on__isnull=False, stays__isnull=False)
        .values_list("update_on", "due_on", "network", "flags")
        .distinct()
    ):
        if update is not None:
            found.setdefault((update, due, "name_has_path" in flags), set()).add(network)
    ordered = sorted(found.items(), key=lambda one: (one[0][0], one[0][1] or date.max, one[0][2]))
    return [Dated(update, due, len(networks), is_app) for (update, due, is_app), networks in ordered]


# ---- Edges ----


@dataclass(frozen=True)
class Network:
    """The addresses of one delivery network that we believe in."""

    cdn: str
    edges: list[Edge]
    serving: int


def edges(now: datetime, *, over: bool = False) -> list[Network]:
    """Return what we believe of each network's addresses now, with those that have ended where `over`: one query."""
    found = Edge.objects.filter(superseded_at=None).order_by("cdn", "prefix", "valid_from", "pk")
    if not over:
        found = found.filter(Q(valid_to=None) | Q(valid_to__gt=now))
    by_cdn: dict[str, list[Edge]] = {}
    for edge in found:
        by_cdn.setdefault(edge.cdn, []).append(edge)
    return [
        Network(
            cdn, listed, sum(one.valid_from <= now and (one.valid_to is None or now < one.valid_to) for one in listed)
        )
        for cdn, listed in by_cdn.items()
    ]


def oldest_edge() -> list[Edge]:
    """Return the oldest belief that we hold, if any: one query."""
    return list(Edge.objects.filter(superseded_at=None).order_by("valid_from")[:1])


def sources(many: int = 5) -> list[str]:
    """Return who says since when our edges serve: one query."""
    found = Edge.objects.filter(superseded_at=None).order_by("source").values_list("source", flat=True)
    return list(found.distinct()[:many])


def beliefs(many: int = SHOWN) -> list[Edge]:
    """Return what we believed and do not believe any more, the last to be replaced first: one query."""
    return list(Edge.objects.filter(superseded_at__isnull=False).order_by("-superseded_at", "-pk")[:many])


def edge(pk: int) -> Edge:
    """Return what we still believe under this key. Raises Missing."""
    found = Edge.objects.filter(pk=pk, superseded_at=None).first()
    if found is None:
        raise Missing
    return found


# ---- Drift and requests ----

KINDS = ("ineligible", "unregistered", "pending", "unknown", "idle")  # the gravest first


def drift_counts() -> Counter[str]:
    """Return how many drifts stand of each kind: one query."""
    return Counter(dict(Drift.objects.filter(cleared_at=None).values_list("kind").annotate(n=Count("pk"))))


def requests(many: int = SHOWN) -> list[UpdateRequest]:
    """Return the requests, the last first: one query."""
    return list(UpdateRequest.objects.select_related("made_by").order_by("-made_at", "-pk")[:many])


def request(code: str) -> UpdateRequest:
    """Raises Missing where there is none of that code."""
    found = UpdateRequest.objects.select_related("made_by").filter(code=latin_digits(code).upper()).first()
    if found is None:
        raise Missing
    return found
