"""Lines of logs as whole numbers, and which numbers stand for which addresses, operators and users."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peyman.gateways.audit.quick import Many, each, ipv4
from peyman.gateways.logs import Entry, Rejected
from peyman.kernel import prefixes
from peyman.kernel.prefixes import Address, Network
from peyman.kernel.worktime import tehran_day
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit_joins import (
    ANONYMOUS,
    Clocks,
    Edges,
    Isp,
    Operators,
    Promises,
    Ranges,
    Spells,
)

NO_EDGE: Final = 0  # the numbers of addresses that are none
UNPROVEN: Final = 1
FIRST_EDGE: Final = 10

_DAY_ONE = date(1970, 1, 1).toordinal()
_HALF_HOUR = 1_800_000_000  # microseconds; every Tehran midnight since 1946 begins one
_BATCH = 200_000
_MOST_CLIENTS = 1_000_000

# What is kept of a line. `gate`: why it is not counted, or 0; `world`: which of several audits at once, for tests.
LINES: Final = pa.schema(
    [
        ("world", pa.int32()),
        ("edge", pa.int32()),
        ("day", pa.int32()),  # in Tehran, since 1970
        ("start_us", pa.int64()),
        ("end_us", pa.int64()),
        ("person", pa.int64()),
        ("operator", pa.int32()),
        ("gate", pa.int16()),
        ("shown", pa.int16()),
        ("late", pa.int16()),  # 1: it ends on another day
        ("bytes", pa.int64()),
        ("key_hi", pa.int64()),
        ("key_lo", pa.int64()),
        ("has_id", pa.int16()),
        ("file", pa.int32()),
        ("line", pa.int64()),
        ("pair", pa.int64()),
    ]
)

# Address and day of a line, and all else that decides without a look at its times, in one number: what the SQL groups
# and joins by. The widths bound worlds and days (16 bits each), addresses (20), gates (8).
MOST_EDGES: Final = 2**20
OF_GATE: Final = 8
PAIR: Final = (
    "((((CAST(world AS BIGINT) * 65536 + day) * 1048576 + edge) * 256 + gate) * 4 + shown) * 2 + late"  # in SQL
)


def pair_of(world: int, day: int, edge: int, gate: int, shown: int, late: int) -> int:
    """Return what PAIR says."""
    return ((((world << 16 | day) << 20 | edge) << 8 | gate) << 2 | shown) << 1 | late


def of_pair(pair: int) -> tuple[int, int, int, int, int, int]:
    """Return world, day, edge, gate, shown and late of a pair."""
    return pair >> 47, pair >> 31 & 0xFFFF, pair >> 11 & 0xFFFFF, pair >> 3 & 0xFF, pair >> 1 & 3, pair & 1


# ---- Lines to numbers ----


@dataclass(slots=True)
class Numbers:
    """Which number stands for which address, operator and user."""

    edges: dict[int, Address] = field(default_factory=dict)
    operators: list[str] = field(default_factory=list)
    probed: dict[int, str] = field(default_factory=dict)  # address as one operator bills it, by number → the operator
    _edge: dict[Address, int] = field(default_factory=dict)
    _operator: dict[str, int] = field(default_factory=dict)

    def edge(self, address: Address) -> int:
        """Return the number of an address."""
        if address not in self._edge:
            number = FIRST_EDGE + len(self.edges)
            if number >= MOST_EDGES:
                raise Rejected("too_many_edge_addresses")
            self._edge[address], self.edges[number] = number, address
        return self._edge[address]

    def probed_edge(self, number: int, operator: str) -> int:
        """Return a number of its own for an address as `operator` bills it, who was measured there."""
        for known, whose in self.probed.items():
            if whose == operator and self.edges[known] == self.edges[number]:
                return known
        found = FIRST_EDGE + len(self.edges)
        self.edges[found], self.probed[found] = self.edges[number], operator
        return found

    def operator(self, name: str) -> int:
        """Return the number of an operator."""
        if name not in self._operator:
            self._operator[name] = len(self.operators)
            self.operators.append(name)
        return self._operator[name]


def person_number(user: str) -> int:
    """Return the 64-bit number that stands for a user."""
    return int.from_bytes(sha256(user.encode("utf-8", "surrogatepass")).digest()[:8], "big", signed=True)


def tehran_day_number(at: int, _known: dict[int, int] = {}) -> int:  # noqa: B006  # of half hours; there are few
    """Return the Tehran day of a microsecond, as days since 1970."""
    half_hour = at // _HALF_HOUR
    if half_hour not in _known:
        _known[half_hour] = tehran_day(rules.instant(half_hour * _HALF_HOUR)).toordinal() - _DAY_ONE
    return _known[half_hour]


def day_of(number: int) -> date:
    """Return the day that a number stands for."""
    return date.fromordinal(number + _DAY_ONE)


@dataclass(frozen=True, slots=True)
class Customs:
    """Which lines are no downloads of users: from our own `staff`, or of a path that is none of `downloads`."""

    staff: Sequence[Network] = ()
    downloads: Sequence[str] = ()  # patterns of paths; all, if empty
    clocks: Clocks | None = None  # of logs whose clocks are known to be wrong
    until: int | None = None  # microseconds; what claims to begin then or later was not written by a right clock

    @property
    def are_plain(self) -> bool:
        """Whether times are taken as they are written."""
        return self.clocks is None and self.until is None


class Normaliser:
    """Writes lines as whole numbers into a Parquet file, and users beside it."""

    def __init__(
        self,
        folder: Path,
        *,
        operators: Operators,
        promises: Promises,
        edges: Edges,
        numbers: Numbers,
        customs: Customs | None = None,
        world: int = 0,
    ) -> None:
        self._operators, self._promises, self._declared = operators, promises, edges
        self._customs = customs or Customs()
        self._world = world
        self.numbers = numbers
        self.lines, self.users = folder / f"lines-{world}.parquet", folder / f"users-{world}.parquet"
        self._lines = pq.ParquetWriter(self.lines, LINES, compression="zstd")
        self._users = pq.ParquetWriter(self.users, USERS, compression="zstd")
        self._columns = _columns()
        self._new_users: dict[int, str] = {}
        staff = Ranges(Isp(network, "", "", 0, 1) for network in self._customs.staff)
        bounds = {0, *operators.bounds(), *edges.bounds(), *staff.bounds()} - {1 << 32}
        self._bounds = pa.array(sorted(bounds), pa.int64())
        self._persons: dict[str, int] = {}
        self._tables: list[pa.Table] = []
        self.tokens: set[str] = set()  # all that lines name: what grants of other tokens say does not touch them
        self._edges: dict[str, tuple[int, Address]] = {}
        self._clients: dict[str, tuple[Address | None, Spells[str], bool, bool]] = {}
        self._paths: dict[str, bool] = {}

    def take(self, entry: Entry, file: int, line: int) -> None:
        """Add a line. Raises Rejected for one whose addresses are none."""
        ease = 0
        if not self._customs.are_plain:
            entry, ease = self._by_the_clock(entry)
        edge, address = self._edge(entry.edge)
        if address is not None and not entry.is_edge_proven and not self._declared.at(address, entry.start):
            edge = UNPROVEN
        client, operators, is_cdn, is_staff = self._client(entry.client)
        shown, user = self._promises.of(entry.token, entry.host, entry.path, entry.start)
        if entry.token:
            self.tokens.add(entry.token)
        gate = rules.not_counted(
            method=entry.method,
            status=entry.status,
            sent=entry.sent,
            fill=(is_cdn and self._declared.at(client, entry.start))
            or (bool(entry.node) and rules.is_fill(entry.node)),
            staff=is_staff,
            download=not self._customs.downloads or self._is_download(entry.path),
        )
        person, day = self._person(user), tehran_day_number(entry.start)
        late = entry.end != entry.start and tehran_day_number(entry.end) != day
        for column, value in zip(
            self._columns,
            (
                self._world,
                edge,
                day,
                entry.start + ease,
                entry.end - ease,
                person,
                self.numbers.operator(operators.at(entry.start)),
                gate or 0,
                shown,
                late,
                entry.sent,
                int.from_bytes(entry.key[:8], "big", signed=True),
                int.from_bytes(entry.key[8:], "big", signed=True),
                entry.has_id,
                file,
                line,
                pair_of(self._world, day, edge, gate or 0, shown, late),
            ),
            strict=True,
        ):
            column.append(value)
        if sum(table.num_rows for table in self._tables) + len(self._columns[0]) >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._lines.close()
        self._users.close()

    def _by_the_clock(self, entry: Entry) -> tuple[Entry, int]:
        """Return a line at its true time, and by how much its clock is better than the worst, whose tolerance is that
        of the audit: so much nearer to a change of price may it be at both ends.
        """
        clocks, ease = self._customs.clocks, 0
        if clocks is not None:
            ahead, tolerance = clocks.at(entry.cdn, entry.node, entry.start)
            entry = entry._replace(start=entry.start - ahead, end=entry.end - ahead)
            ease = clocks.widest - tolerance
        if self._customs.until is not None and entry.start >= self._customs.until:
            raise Rejected("in_the_future")
        return entry, ease

    def _edge(self, text: str) -> tuple[int, Address | None]:
        if not text:
            return NO_EDGE, None
        if text not in self._edges:
            address = _address(text, "edge")
            self._edges[text] = self.numbers.edge(address), address
        return self._edges[text]

    def _client(self, text: str) -> tuple[Address | None, Spells[str], bool, bool]:
        known = self._clients.get(text)
        if known is None:
            address = _address(text, "client") if text else None
            known = (
                address,
                self._operators.spells(address),
                bool(self._declared.over(address)),
                address is not None and any(address in network for network in self._customs.staff),
            )
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            self._clients[text] = known
        return known

    def _is_download(self, path: str) -> bool:
        if path not in self._paths:
            if len(self._paths) >= _MOST_CLIENTS:
                self._paths.clear()
            self._paths[path] = any(fnmatchcase(path, pattern) for pattern in self._customs.downloads)
        return self._paths[path]

    def _person(self, user: str) -> int:
        number = self._persons.get(user)
        if number is None:
            if len(self._persons) >= _MOST_CLIENTS:
                self._persons.clear()
            number = self._persons[user] = person_number(user)
            self._new_users[number] = user
        return number

    def _flush(self) -> None:
        arrays = [pa.array(column, kind) for column, kind in zip(self._columns, LINES.types, strict=True)]
        rows = pa.concat_tables([pa.table(arrays, schema=LINES), *self._tables])
        if rows.num_rows:
            # Lines of one address and day stand together, so that whoever looks for some can leave the others unread.
            self._lines.write_table(rows.sort_by([("pair", "ascending")]))
            self._users.write_table(pa.table([[*self._new_users], [*self._new_users.values()]], schema=USERS))
        self._columns, self._tables, self._new_users = _columns(), [], {}

    # ---- Many lines ----

    def take_many(self, many: Many, file: int, lines: pa.Array) -> list[int]:
        """Add lines, all at once, but for those of which it is not sure what they say: return the places of these."""
        if self._customs.clocks is not None:
            return [*range(len(lines))]
        edge = each(many.edge, self._edge_or_none, pa.int64())
        clients, known = self._alike(many.client)
        is_known = pa.array([one is not None for one in known], pa.bool_()).take(clients)
        sure = _all(many.sure, pc.is_valid(edge), is_known)
        if self._customs.until is not None:
            sure = pc.and_(sure, pc.less(many.start, self._customs.until))
        unsure: list[int] = pc.indices_nonzero(pc.invert(sure)).to_pylist()
        if unsure:
            many, edge, clients, lines = many.only(sure), edge.filter(sure), clients.filter(sure), lines.filter(sure)
        if not len(lines):
            return unsure
        first, last = pc.min(many.start).as_py(), pc.max(many.start).as_py()
        operator = self._operators_of(clients, known, many.start, first, last)
        shown, user = self._promised(many, first, last)
        person = each(user, self._person, pa.int64())
        gate = self._gates(many, clients, known)
        day = each(pc.divide(many.start, _HALF_HOUR), lambda half: tehran_day_number(half * _HALF_HOUR), pa.int64())
        until = each(pc.divide(many.end, _HALF_HOUR), lambda half: tehran_day_number(half * _HALF_HOUR), pa.int64())
        late = pc.cast(pc.not_equal(day, until), pa.int64())
        pair = pa.scalar(self._world, pa.int64())
        for width, part in ((16, day), (20, edge), (8, gate), (2, shown), (1, late)):
            pair = pc.bit_wise_or(pc.shift_left(pair, width), part)
        columns = {
            "world": pa.repeat(self._world, len(lines)),
            "edge": edge,
            "day": day,
            "start_us": many.start,
            "end_us": many.end,
            "person": person,
            "operator": operator,
            "gate": gate,
            "shown": shown,
            "late": late,
            "bytes": many.sent,
            "key_hi": many.key_hi,
            "key_lo": many.key_lo,
            "has_id": pc.cast(many.has_id, pa.int16()),
            "file": pa.repeat(file, len(lines)),
            "line": lines,
            "pair": pair,
        }
        arrays = [pc.cast(columns[name], kind) for name, kind in zip(LINES.names, LINES.types, strict=True)]
        self._tables.append(pa.table(arrays, schema=LINES))
        if sum(table.num_rows for table in self._tables) + len(self._columns[0]) >= _BATCH:
            self._flush()
        return unsure

    def _edge_or_none(self, text: str) -> int | None:
        try:
            return self._edge(text)[0]
        except Rejected:
            return None

    def _alike(self, client: Any) -> tuple[pa.Array, list[Any]]:
        """Return which clients are alike to all that is asked of them, and what is known of each kind.

        Clients are many, but the ranges that tell one from another are few.
        """
        texts = client.dictionary
        value = ipv4(texts)
        of_range = pc.subtract(
            pc.cast(pc.search_sorted(self._bounds, pc.fill_null(value, 0), side="right"), pa.int64()), 1
        )
        by_itself = pa.array(range(-1, -1 - len(texts), -1), pa.int64())
        kinds = pc.if_else(pc.is_valid(value), of_range, by_itself).dictionary_encode()
        known = [
            self._client_or_none(texts[-1 - kind].as_py() if kind < 0 else str(IPv4Address(self._bounds[kind].as_py())))
            for kind in kinds.dictionary.to_pylist()
        ]
        return kinds.indices.take(client.indices), known

    def _client_or_none(self, text: str) -> tuple[Address | None, Spells[str], bool, bool] | None:
        try:
            return self._client(text)
        except Rejected:
            return None

    def _operators_of(self, clients: Any, known: list[Any], start: pa.Array, first: int, last: int) -> pa.Array:
        """Return whose customers clients are."""
        of: list[int | None] = []
        changing = []
        for place, one in enumerate(known):
            name = one[1].during(first, last) if one else None
            of.append(self.numbers.operator(name) if name is not None else None)
            if one and name is None:
                changing.append(place)
        found = pa.array(of, pa.int64()).take(clients)
        if changing:
            where = pc.indices_nonzero(pc.is_in(clients, pa.array(changing, clients.type)))
            each_one = zip(clients.take(where).to_pylist(), start.take(where).to_pylist(), strict=True)
            says = [self.numbers.operator(known[place][1].at(at)) for place, at in each_one]
            found = _put(found, where, pa.array(says, pa.int64()))
        return found

    def _promised(self, many: Many, first: int, last: int) -> tuple[pa.Array, pa.Array]:
        """Return whether the message had been shown, and to which user."""
        hosts = many.host
        released = [self._promises.released(host) for host in hosts.dictionary.to_pylist()]
        shown = pa.array([one.during(first, last) for one in released], pa.int64()).take(hosts.indices)
        if shown.null_count:
            where = pc.indices_nonzero(pc.is_null(shown))
            each_one = zip(hosts.indices.take(where).to_pylist(), many.start.take(where).to_pylist(), strict=True)
            shown = _put(shown, where, pa.array([released[place].at(at) for place, at in each_one], pa.int64()))
        tokens = many.token.dictionary_encode()
        values = tokens.dictionary.to_pylist()
        self.tokens.update(values)
        self.tokens.discard("")
        user = pa.array([text or ANONYMOUS for text in values], pa.string()).take(tokens.indices)
        bound = self._promises.bound(values)
        if bound:
            where = pc.indices_nonzero(pc.is_in(tokens.indices, pa.array(bound, tokens.indices.type)))
            each_row = (column.take(where).to_pylist() for column in (many.token, many.host, many.path, many.start))
            said = [self._promises.of(*row) for row in zip(*each_row, strict=True)]
            shown = _put(shown, where, pa.array([one for one, _ in said], pa.int64()))
            user = _put(user, where, pa.array([one for _, one in said], pa.string()))
        return shown, user

    def _gates(self, many: Many, clients: Any, known: list[Any]) -> pa.Array:
        """Return why lines are not counted, 0 for those that are."""
        fill = each(many.node, lambda node: bool(node) and rules.is_fill(node), pa.bool_())
        of_cdn = [place for place, one in enumerate(known) if one and one[2]]
        if of_cdn:
            where = pc.indices_nonzero(pc.is_in(clients, pa.array(of_cdn, clients.type)))
            each_one = zip(clients.take(where).to_pylist(), many.start.take(where).to_pylist(), strict=True)
            served = [self._declared.at(known[place][0], at) for place, at in each_one]
            fill = _put(fill, where, pc.or_(fill.take(where), pa.array(served, pa.bool_())))
        staff = pa.array([bool(one and one[3]) for one in known], pa.bool_()).take(clients)
        download = (
            each(many.path, self._is_download, pa.bool_())
            if self._customs.downloads
            else pa.repeat(True, len(many.start))
        )
        method, status = many.method, many.status.dictionary_encode()
        methods, statuses = method.dictionary.to_pylist(), status.dictionary.to_pylist()
        kind = pc.cast(method.indices, pa.int64())
        parts = (pc.fill_null(status.indices, 0), pc.greater(many.sent, 0), fill, staff, download)
        for part, size in zip(parts, (len(statuses) or 1, 2, 2, 2, 2), strict=True):
            kind = pc.add(pc.multiply(kind, size), pc.cast(part, pa.int64()))

        def gate(number: int) -> int:
            number, flags = number >> 4, number & 15
            said = rules.not_counted(
                method=methods[number // (len(statuses) or 1)],
                status=statuses[number % (len(statuses) or 1)] if statuses else 0,
                sent=flags >> 3,
                fill=bool(flags & 4),
                staff=bool(flags & 2),
                download=bool(flags & 1),
            )
            return said or 0

        return each(kind, gate, pa.int64())


def _put(column: pa.Array, where: pa.Array, values: pa.Array) -> pa.Array:
    """Return a column with other values at some places, which come in order."""
    mask = pc.is_in(pa.array(range(len(column)), where.type), where)
    return pc.replace_with_mask(column, mask, values)


def _all(*masks: pa.Array) -> pa.Array:
    found = masks[0]
    for mask in masks[1:]:
        found = pc.and_(found, mask)
    return found


USERS: Final = pa.schema([("person", pa.int64()), ("name", pa.string())])


def _columns() -> list[array]:
    return [array("q") for _ in LINES.names]


def _address(text: str, whose: str) -> Address:
    try:
        return prefixes.address(text)
    except prefixes.BadAddress:
        raise Rejected(f"zoned_{whose}_address" if "%" in text else f"bad_{whose}_address") from None
