"""What the network serves from, as we believe or believed it, and how its ranges stood on the registry over time."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.kernel.prefixes import Network
from peyman.kernel.text import persian_digits
from peyman.market.tariff import iran
from peyman.market.tariff.models import Edge
from peyman.market.tariff.queries import history
from peyman.market.tariff.rules import drift as rules
from peyman.market.tariff.rules.drift import Part, Piece, Stretch
from peyman.market.tariff.rules.history import GAP, Listed, Seen, State


class RangesUnreadable(Refused):
    """The file that should replace the bundled ranges of Iran cannot be used."""

    code, clause, status = "iran_ranges_unreadable", "B06", 422
    says = "فایل محدوده‌های ایران (PEYMAN_IRAN_RANGES) خوانده نشد: {why}"


@dataclass(frozen=True, slots=True)
class Served:
    """A belief: `cdn` serves from `prefix` in valid_from ≤ t < valid_to (None: open)."""

    cdn: str
    prefix: str
    network: Network
    valid_from: datetime
    valid_to: datetime | None
    source: str
    how: str
    recorded_at: datetime


@carries_out("B04")
def served(at: datetime, known_at: datetime | None = None) -> list[Served]:
    """Return what serves at `at`, as we believe now, or as we believed at `known_at`. One query.

    In the order of network and prefix; a prefix that two sources declare is there twice.
    """
    holds = Q(valid_from__lte=at) & (Q(valid_to=None) | Q(valid_to__gt=at))
    return _served(_believed(known_at).filter(holds))


def served_between(since: datetime, until: datetime) -> list[Served]:
    """Return what serves at some time of since ≤ t < until, as we believe now. One query."""
    meets = Q(valid_from__lt=until) & (Q(valid_to=None) | Q(valid_to__gt=since))
    return _served(_believed(None).filter(meets))


def _believed(known_at: datetime | None) -> QuerySet[Edge]:
    if known_at is None:
        return Edge.objects.filter(superseded_at=None)
    return Edge.objects.filter(Q(superseded_at=None) | Q(superseded_at__gt=known_at), recorded_at__lte=known_at)


def _served(rows: Iterable[Edge]) -> list[Served]:
    found = [
        Served(
            row.cdn,
            row.prefix,
            _network(row.prefix),
            row.valid_from,
            row.valid_to,
            row.source,
            row.how,
            row.recorded_at,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.cdn, *_place(one.network), one.valid_from, one.source))


@lru_cache(maxsize=20_000)
def _network(text: str) -> Network:
    return prefixes.network(text)[0]


def _place(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


# ---- Judging ----


@dataclass(frozen=True)
class World:
    """All that judges an address: the history, Iran's ranges, and whose rows count."""

    view: history.View
    ranges: iran.Ranges
    registrants: tuple[str, ...]
    gap: timedelta = GAP
    _pieces: dict[Network, list[Piece]] = field(default_factory=dict)

    @property
    def seen(self) -> Sequence[Seen]:
        return self.view.seen

    def pieces(self, network: Network) -> list[Piece]:
        """Cut a prefix where rows and borders begin and end."""
        found = self._pieces.get(network)
        if found is None:
            found = self._pieces[network] = rules.split(network, self.view.covering(network), self.ranges)
        return found

    def learn(self, other: "World", networks: Iterable[Network]) -> None:
        """Take over how another world cut these, where the same rows cover them: a new list leaves most as it was."""
        if other.ranges is not self.ranges:
            return
        for network in networks:
            pieces = other._pieces.get(network)
            if pieces is not None and (
                other.view is self.view or self.view.covering(network) == other.view.covering(network)
            ):
                self._pieces[network] = pieces

    def parts(self, network: Network, at: datetime) -> list[Part]:
        """Return the answer for every address of a prefix at `at`."""
        return rules.parts(self.pieces(network), self.seen, at, self.registrants, gap=self.gap)

    def look(self, at: datetime) -> history.Look | None:
        """Return the last good snapshot that began by `at`."""
        place = bisect_right(self.seen, at, key=lambda one: one.starts_at)
        return self.view.order.looks[place - 1] if place else None

    def age(self, at: datetime) -> timedelta | None:
        """Return how old the last good list is at `at`; one that holds for a day is not old before it is over."""
        place = bisect_right(self.seen, at, key=lambda one: one.starts_at)
        return max(at - self.seen[place - 1].ends_at, timedelta()) if place else None

    @cached_property
    def own(self) -> list[Listed]:
        """The stays of the registrants' rows; none where no registrant is named."""
        return list(rules.own_only(list(self.view.all()), self.registrants)) if self.registrants else []


def world(registrants: Sequence[str] | None = None) -> World:
    """Return what judges addresses now; one query where the history has not moved. Raises RangesUnreadable."""
    found = settings.REGISTRANTS if registrants is None else registrants
    return World(history.view(), ranges(), tuple(found))


def ranges() -> iran.Ranges:
    """Return Iran's ranges: the operator's own file, or the bundled ones. Raises RangesUnreadable."""
    if not settings.IRAN_RANGES:
        return iran.bundled()
    file = Path(settings.IRAN_RANGES)
    try:
        return _own_ranges(file, file.stat().st_mtime_ns)
    except OSError as fault:
        raise RangesUnreadable(why="پیدا نشد یا اجازه خواندن آن نیست.") from fault
    except UnicodeDecodeError as fault:
        raise RangesUnreadable(why="نویسه‌های آن UTF-8 نیست.") from fault
    except iran.BadRanges as fault:
        raise RangesUnreadable(why=str(fault)) from fault


@lru_cache(maxsize=2)
def _own_ranges(file: Path, changed: int) -> iran.Ranges:
    return iran.read_list(file.read_text("utf-8-sig"), f"{file.name}")


# ---- Lanes ----


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a lane: starts_at ≤ t < ends_at, inside the window asked for.

    `state`: "served" of serving; on the registry a state of the history, "ineligible", or "partial" where addresses of
    the range differ. `reason` is that of the history; "row_removed" where it stood before; "n of N" of a partial one.
    """

    state: str
    starts_at: datetime
    ends_at: datetime
    due: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """The story of one range: when it served, and how it stood on the registry. `cdn` is blank where none served it."""

    prefix: str
    cdn: str
    addresses: int
    serves: tuple[Span, ...]
    registry: tuple[Span, ...]
    note: str


def lanes(registrants: Sequence[str] | None, since: datetime, until: datetime, now: datetime) -> list[Lane]:
    """Return the story of each range that served, and of each of our own on the registry, in since ≤ t < until.

    Nothing is told of what lies beyond `now`. An own range inside a wider edge has a lane of its own, served by that
    edge. Two queries where the history has not moved.
    """
    until = min(until, now)
    if until <= since:
        return []
    judge = world(registrants)
    edges = served_between(since, until)
    serving: dict[tuple[str, Network], list[Served]] = defaultdict(list)
    for edge in edges:
        serving[edge.cdn, edge.network].append(edge)
    lines: list[tuple[Network, str, list[Served]]] = [
        (network, cdn, found) for (cdn, network), found in serving.items()
    ]
    own = {_network(row.network) for row in judge.own}
    for network in own - {network for _, network in serving}:
        over = [edge for edge in edges if prefixes.overlap(edge.network, network) == network]
        lines.append((network, "، ".join(sorted({edge.cdn for edge in over})), over))
    timelines: dict[tuple[int, ...], list[Stretch]] = {}
    lines.sort(key=lambda line: (*_place(line[0]), line[1]))
    return [
        Lane(
            prefix=str(network),
            cdn=cdn,
            addresses=network.num_addresses,
            serves=_serving(found, since, until),
            registry=(told := _registry(judge, network, since, until, timelines)),
            note=_note(told),
        )
        for network, cdn, found in lines
    ]


def _serving(found: Iterable[Served], since: datetime, until: datetime) -> tuple[Span, ...]:
    merged: list[Span] = []
    for edge in sorted(found, key=lambda one: one.valid_from):
        begin, end = max(since, edge.valid_from), min(until, edge.valid_to or until)
        if merged and begin <= merged[-1].ends_at:
            merged[-1] = Span("served", merged[-1].starts_at, max(end, merged[-1].ends_at))
        else:
            merged.append(Span("served", begin, end))
    return tuple(merged)


def _registry(
    judge: World, network: Network, since: datetime, until: datetime, known: dict[tuple[int, ...], list[Stretch]]
) -> tuple[Span, ...]:
    """Return how a range stood: of its groups of like addresses each has its timeline, and they are laid together."""
    groups: dict[tuple[int, ...] | None, int] = defaultdict(int)  # None: never eligible
    for piece in judge.pieces(network):
        rows = rules.own_only(piece.rows, judge.registrants)
        key = None if piece.never else tuple(row.row for row in rows)
        groups[key] += piece.network.num_addresses
        if key is not None and key not in known:
            known[key] = rules.timeline(judge.seen, rows, since, until, gap=judge.gap)
    if set(groups) == {None}:
        return (Span("ineligible", since, until, None, judge.pieces(network)[0].never),)
    told = {key: known[key] for key in groups if key is not None}
    points = sorted({since, until, *(one.starts_at for stretches in told.values() for one in stretches)})
    found: list[Span] = []
    stood = False
    for begin, end in pairwise(points):
        span = _laid_together(groups, told, begin, end, network.num_addresses, stood)
        stood = stood or span.state in (State.REGISTERED, "partial")
        last = found[-1] if found else None
        if last is not None and (last.state, last.due, last.reason) == (span.state, span.due, span.reason):
            found[-1] = Span(last.state, last.starts_at, end, last.due, last.reason)
        else:
            found.append(span)
    return tuple(found)


def _laid_together(
    groups: dict[tuple[int, ...] | None, int],
    told: dict[tuple[int, ...], list[Stretch]],
    begin: datetime,
    end: datetime,
    addresses: int,
    stood: bool,
) -> Span:
    here = {key: next(one for one in stretches if begin < one.ends_at) for key, stretches in told.items()}
    states = {one.state.value for one in here.values()} | ({"ineligible"} if None in groups else set())
    first = next(iter(here.values()))
    if len(states) > 1:
        count = sum(groups[key] for key, one in here.items() if one.state is State.REGISTERED)
        return Span("partial", begin, end, None, f"{count} of {addresses}")
    dues = {one.due for one in here.values()}
    gone = first.state is State.UNREGISTERED and stood
    return Span(
        first.state.value, begin, end, max(filter(None, dues), default=None), "row_removed" if gone else first.reason
    )


def _note(told: Sequence[Span]) -> str:
    last = told[-1] if told else None
    if last is None or last.state != "partial":
        return ""
    count, addresses = last.reason.split(" of ")
    return persian_digits(f"{count} از {addresses} نشانی ثبت است")
