"""What the history holds: snapshots, stays, and what both say of an address. `view` has it all in memory.

The order of good snapshots is that of the moments for which they hold; of several for one moment it is the order of
what they are, never that in which they came, so that the order of import makes no difference.
"""

import sys
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import accumulate

from django.db.models import Count, Q, QuerySet, Subquery

from peyman.kernel import jalali, prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import TryLater
from peyman.kernel.worktime import tehran_day
from peyman.market.tariff.models import Edition, Row, Snapshot, Stay
from peyman.market.tariff.rules import history as rules
from peyman.market.tariff.rules import rows as reading
from peyman.market.tariff.rules.history import Answer, Listed, Seen, State

ORDER = ("seen_at", "whole_day", "sha256", "source")
ASKED = 5000  # keys of one question
TRIES = 5  # of reading while the history is extended
_EDITION = Subquery(Edition.objects.filter(pk=1).values("number")[:1])


# ---- Snapshots ----


@dataclass(frozen=True, slots=True)
class Look:
    """One good snapshot, as evidence names it."""

    pk: int
    code: str
    source: str
    seen_at: datetime
    whole_day: bool
    sha256: str
    taken_at: datetime
    known_at: datetime  # when it came to us, or was let go after it was held back (B10)

    @property
    def says_when(self) -> str:
        return says_when(self.seen_at, self.whole_day)


def says_when(seen_at: datetime, whole_day: bool) -> str:
    """Return the day of Tehran for which a snapshot holds ("2023-05-05"), else its instant in UTC."""
    return tehran_day(seen_at).isoformat() if whole_day else jalali.iso(seen_at)


def ordered() -> "QuerySet[Snapshot]":
    """The good snapshots, in the order of the history."""
    return Snapshot.objects.filter(state=Snapshot.State.GOOD).order_by(*ORDER)


@dataclass(frozen=True, slots=True)
class Order:
    """The good snapshots in order, as they were at one edition of the history."""

    edition: int
    looks: tuple[Look, ...]
    places: dict[int, int]  # snapshot → its position; of one that does not count, that of the next which does

    def seen(self) -> list[Seen]:
        return [rules.seen(look.code, look.seen_at, look.whole_day) for look in self.looks]


@carries_out("B10")
def order(known_by: datetime | None = None) -> Order:
    """Return the good snapshots in order, with `known_by` those alone that we knew of at that instant; one query."""
    values = (
        ordered()
        .annotate(edition=_EDITION)
        .values_list("pk", "code", "source", "seen_at", "whole_day", "sha256", "taken_at", "released_at", "edition")
    )
    edition, found, places = 0, list[Look](), dict[int, int]()
    for pk, code, source, seen_at, whole_day, sha256, taken_at, released_at, edition in values:  # noqa: B007
        look = Look(pk, code, source, seen_at, whole_day, sha256, taken_at, released_at or taken_at)
        places[pk] = len(found)
        if known_by is None or look.known_at <= known_by:
            found.append(look)
    return Order(edition, tuple(found), places)


def good() -> list[Seen]:
    """Return the good snapshots in order: what a position in the history stands for."""
    return order().seen()


def last_good() -> Snapshot | None:
    """Return the good snapshot of the latest moment."""
    return ordered().last()


def good_before(seen_at: datetime) -> Snapshot | None:
    """Return the last good snapshot of an earlier moment."""
    return ordered().filter(seen_at__lt=seen_at).last()


def good_after(seen_at: datetime) -> Snapshot | None:
    """Return the first good snapshot of a later moment."""
    return ordered().filter(seen_at__gt=seen_at).first()


def next_good(snapshot: Snapshot) -> Snapshot | None:
    """Return the good snapshot that follows `snapshot`, or would if it were good."""
    place = _place(snapshot)
    same = sorted(ordered().filter(seen_at=snapshot.seen_at), key=_place)
    later = [other for other in same if _place(other) > place]
    return later[0] if later else good_after(snapshot.seen_at)


def held_beside(seen_at: datetime) -> list[Snapshot]:
    """Return the lists that were held back with no good one between them and this moment, the nearest first."""
    found = Snapshot.objects.filter(state=Snapshot.State.QUARANTINED)
    if before := good_before(seen_at):
        found = found.filter(seen_at__gt=before.seen_at)
    if after := good_after(seen_at):
        found = found.filter(seen_at__lt=after.seen_at)
    return sorted(found, key=lambda one: (abs(one.seen_at - seen_at), one.pk))


def stays_over(snapshot: Snapshot) -> Iterator[tuple[int, int, int | None]]:
    """Yield the stays of what the good snapshot before `snapshot` lists: key, row, where it ends."""
    place = _place(snapshot)
    same = {other.pk: _place(other) < place for other in ordered().filter(seen_at=snapshot.seen_at)}
    stays = Stay.objects.filter(
        Q(absent=None) | Q(absent__seen_at__gte=snapshot.seen_at), first__seen_at__lte=snapshot.seen_at
    )
    for pk, row, first, absent in stays.values_list("pk", "row", "first", "absent").iterator(ASKED):
        if same.get(first, True) and not (absent is not None and same.get(absent, False)):
            yield pk, row, absent


def rows_of(snapshot: Snapshot) -> set[int]:
    """Return the keys of the rows that a good snapshot lists."""
    following = next_good(snapshot)
    if following is None:
        return set(Stay.objects.filter(absent=None).values_list("row_id", flat=True))
    return {row for _, row, _ in stays_over(following)}


def networks_of(snapshot: Snapshot) -> set[str]:
    """Return the distinct networks of the rows that a good snapshot lists; two queries."""
    following = next_good(snapshot)
    if following is None:
        listed: Iterable[str] = (
            Stay.objects.filter(absent=None).values_list("row__network", flat=True).distinct().iterator(ASKED)
        )
    else:
        networks = dict(Row.objects.values_list("pk", "network").iterator(ASKED))
        listed = (networks[row] for _, row, _ in stays_over(following))
    return set(listed) - {""}


def _place(snapshot: Snapshot) -> tuple[datetime, bool, str, str]:
    return snapshot.seen_at, snapshot.whole_day, snapshot.sha256, snapshot.source


# ---- An address at an instant ----


@dataclass(frozen=True, slots=True)
class Written:
    """A row as the registry wrote it."""

    name: str
    ip: str
    network: str
    update: str
    due: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowSeen:
    """A row's stay on the list, with its dates and when we knew."""

    listed: Listed
    written: Written
    first: Look
    last: Look
    absent: Look | None  # None: it stands in the last good snapshot
    known_at: datetime  # of its being there
    gone_known_at: datetime | None  # of its being gone

    @property
    def is_oldest(self) -> bool:
        """Whether it stands in our first snapshot: since when before, we cannot know."""
        return self.listed.first == 0


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer with the rows and snapshots that say so."""

    answer: Answer
    rows: tuple[RowSeen, ...]
    before: Look | None
    after: Look | None


class _Moved(Exception):
    """The history was extended between two looks at it."""


def status(address: prefixes.Address, at: datetime, registrant: str = "") -> Answer:
    """Return what the history says of an address at an instant; two queries, by equality on the prefixes that hold it.

    With a `registrant` only its own rows and those of names below it count, else all.
    """
    return _asked(address, at, registrant, None)[0]


def explained(
    address: prefixes.Address, at: datetime, registrant: str = "", known_by: datetime | None = None
) -> Explained:
    """Return the same with its evidence, with `known_by` as we knew it at that instant; three queries."""
    answer, found = _asked(address, at, registrant, known_by)
    return explain(answer, found, written(row.row for row in answer.rows))


def _asked(address: prefixes.Address, at: datetime, registrant: str, known_by: datetime | None) -> tuple[Answer, Order]:
    stays = Stay.objects.filter(row__network__in=prefixes.supernets(address))
    found, rows = _together(stays, known_by)
    rows.sort(key=_prefix_length, reverse=True)  # as an answer names them
    return _judged(address, at, registrant, found.seen(), rows), found


def _prefix_length(row: Listed) -> int:
    return int(row.network.rpartition("/")[2])


def _judged(
    address: prefixes.Address, at: datetime, registrant: str, seen: Sequence[Seen], rows: Sequence[Listed]
) -> Answer:
    if prefixes.translated(address):
        return Answer(State.UNKNOWN, "translated")
    if registrant:
        rows = [row for row in rows if rules.is_own(row.host, registrant)]
    return rules.status(seen, rows, at)


def explain(answer: Answer, found: Order, rows: Mapping[int, Written]) -> Explained:
    """Name the rows and snapshots of an answer; `rows`: what `written` said of them."""
    return Explained(
        answer,
        tuple(row_seen(row, found, rows[row.row]) for row in answer.rows),
        None if answer.before is None else found.looks[answer.before],
        None if answer.after is None else found.looks[answer.after],
    )


def written(rows: Iterable[int]) -> dict[int, Written]:
    """Return what the registry wrote, by row; one query for each five thousand."""
    wanted, found = sorted(set(rows)), dict[int, Written]()
    for place in range(0, len(wanted), ASKED):
        values = Row.objects.filter(pk__in=wanted[place : place + ASKED]).values_list(
            "pk",
            "name_as_entered",
            "ip_as_entered",
            "network_as_entered",
            "update_as_entered",
            "due_as_entered",
            "flags",
        )
        for pk, name, ip, network, update, due, flags in values:
            found[pk] = Written(name, ip, network, update, due, tuple(flags))
    return found


def own_rows(registrant: str) -> list[RowSeen]:
    """Return every stay of the rows whose host is `registrant` or below it, oldest first; three queries."""
    stays = Stay.objects.filter(row__host_path__startswith=reading.host_path(registrant))
    if not registrant:
        stays = stays.none()
    found, rows = _together(stays, None)
    own = sorted(
        (row for row in rows if rules.is_own(row.host, registrant)), key=lambda row: (row.first, row.network, row.row)
    )
    texts = written(row.row for row in own)
    return [row_seen(row, found, texts[row.row]) for row in own]


@carries_out("B10")
def row_seen(row: Listed, found: Order, as_written: Written) -> RowSeen:
    """Tell of a stay when it was seen, and when we knew."""
    looks = found.looks
    end = len(looks) if row.absent is None else row.absent
    return RowSeen(
        row,
        as_written,
        looks[row.first],
        looks[end - 1],
        None if row.absent is None else looks[row.absent],
        min(look.known_at for look in looks[row.first : end]),
        None if row.absent is None else min(look.known_at for look in looks[row.absent :]),
    )


def _together(stays: "QuerySet[Stay]", known_by: datetime | None) -> tuple[Order, list[Listed]]:
    """Read snapshots and stays of one and the same edition; two queries, and again when it moved between them."""
    for _ in range(TRIES):
        found = order(known_by)
        try:
            return found, list(_listed(stays, found))
        except _Moved:
            continue
    raise TryLater


def _listed(stays: "QuerySet[Stay]", found: Order) -> Iterator[Listed]:
    """Yield stays by the positions of the snapshots. What none of them lists is left out. Raises _Moved."""
    end_of_all = len(found.looks)
    texts, days = dict[str, str](), dict[date | None, date | None]()
    values = (
        stays.order_by("row", "pk")
        .annotate(edition=_EDITION)
        .values_list("row", "row__network", "row__host", "row__update_on", "row__due_on", "first", "absent", "edition")
    )
    for row, network, host, update_on, due_on, first, absent, edition in values.iterator(ASKED):
        if edition != found.edition:
            raise _Moved
        begin, end = found.places[first], end_of_all if absent is None else found.places[absent]
        if begin < end:
            yield Listed(
                row,
                texts.setdefault(network, network),
                texts.setdefault(host, host),
                days.setdefault(update_on, update_on),
                days.setdefault(due_on, due_on),
                begin,
                end if end < end_of_all else None,
            )


# ---- All of it, in memory ----


class View:
    """The whole history, compiled, as it was at one edition: who asks for many addresses asks here.

    An address costs one look into a table for each length of prefix that is in use.
    """

    def __init__(self, found: Order, rows: Iterable[Listed]) -> None:
        self.order = found
        self.seen = found.seen()
        self.stays = 0
        shelves: dict[tuple[int, int], dict[int, list[Listed]]] = defaultdict(lambda: defaultdict(list))
        keys: dict[str, tuple[tuple[int, int], int] | None] = {"": None}
        for row in rows:
            self.stays += 1
            if row.network not in keys:
                keys[row.network] = _key(prefixes.network(row.network)[0])
            if key := keys[row.network]:
                shelves[key[0]][key[1]].append(row)
        # Longest prefix first, as an answer names them.
        self._tables: dict[int, list[tuple[int, dict[int, tuple[Listed, ...]]]]] = {4: [], 6: []}
        for (version, shift), table in sorted(shelves.items()):
            self._tables[version].append((shift, {number: tuple(rows) for number, rows in table.items()}))
        self._sorted: dict[tuple[int, int], list[int]] = {}

    def status(self, address: prefixes.Address, at: datetime, registrant: str = "") -> Answer:
        """Return what `status` returns."""
        return _judged(address, at, registrant, self.seen, self.holding(address))

    def holding(self, address: prefixes.Address) -> list[Listed]:
        """Return every stay of every row whose network holds the address."""
        number, found = int(address), list[Listed]()
        for shift, table in self._tables[address.version]:
            if hit := table.get(number >> shift):
                found += hit
        return found

    def covering(self, network: prefixes.Network) -> list[Listed]:
        """Return every stay of every row whose network shares an address with `network`."""
        first, last = int(network.network_address), int(network.broadcast_address)
        found = list[Listed]()
        for shift, table in self._tables[network.version]:
            begin, end = first >> shift, last >> shift
            if begin == end:
                found += table.get(begin, ())
                continue
            keys = self._sorted.get((network.version, shift))
            if keys is None:
                keys = self._sorted[network.version, shift] = sorted(table)
            for number in keys[bisect_left(keys, begin) : bisect_right(keys, end)]:
                found += table[number]
        return found

    def all(self) -> Iterator[Listed]:
        """Yield every stay whose network could be read."""
        for tables in self._tables.values():
            for _, table in tables:
                for rows in table.values():
                    yield from rows

    def size_in_bytes(self) -> int:
        """Count what the compiled history takes, each shared text and day once."""
        seen, total = set[int](), 0
        for tables in self._tables.values():
            for _, table in tables:
                total += sys.getsizeof(table)
                for number, rows in table.items():
                    total += sys.getsizeof(number) + sys.getsizeof(rows)
                    for row in rows:
                        total += sys.getsizeof(row)
                        for part in (row.row, row.network, row.host, row.update_on, row.due_on, row.first, row.absent):
                            if id(part) not in seen:
                                seen.add(id(part))
                                total += sys.getsizeof(part)
        return total


def view() -> View:
    """Return the whole history as it is now, compiled once for each edition; one query when it has not moved."""
    number = Edition.objects.filter(pk=1).values_list("number", flat=True).first()
    return _compiled(number or 0)


@lru_cache(maxsize=1)
def _compiled(edition: int) -> View:
    return View(*_together(Stay.objects.all(), None))


def _key(network: prefixes.Network) -> tuple[tuple[int, int], int]:
    shift = network.max_prefixlen - network.prefixlen
    return (network.version, shift), int(network.network_address) >> shift


# ---- For people ----


@dataclass(frozen=True, slots=True)
class Change:
    """What a good snapshot changed against the one before it."""

    look: Look
    appeared: int
    gone: int


def changes() -> list[Change]:
    """Return, for each good snapshot in order, how many rows it was the first to list and to miss; three queries."""
    found = order()
    begun = dict(Stay.objects.values_list("first").annotate(n=Count("pk")).order_by("first"))
    ended = dict(Stay.objects.exclude(absent=None).values_list("absent").annotate(n=Count("pk")).order_by("absent"))
    return [Change(look, begun.get(look.pk, 0), ended.get(look.pk, 0)) for look in found.looks]


def newest(limit: int = 50) -> list[Snapshot]:
    """Return what came, good or not, the latest moment first."""
    return list(
        Snapshot.objects.select_related("released_by", "agrees_with").order_by("-seen_at", "-taken_at", "-pk")[:limit]
    )


def standing_digests() -> Iterator[tuple[Snapshot, int, str]]:
    """Yield each good snapshot, in order, with how many rows its stays say it listed, and their digest."""
    found = order()
    count: dict[int, int] = defaultdict(int)
    total: dict[int, int] = defaultdict(int)
    stays = Stay.objects.values_list("first", "absent", "row__key")
    for first, absent, key in stays.iterator(ASKED):
        number = int(key, 16)
        count[found.places[first]] += 1
        total[found.places[first]] += number
        if absent is not None:
            count[found.places[absent]] -= 1
            total[found.places[absent]] -= number
    rows = {snapshot.pk: snapshot for snapshot in ordered()}
    places = range(len(found.looks))
    for look, listed, digest in zip(
        found.looks,
        accumulate(count[place] for place in places),
        accumulate(total[place] for place in places),
        strict=True,
    ):
        yield rows[look.pk], listed, f"{digest % 2**128:032x}"
