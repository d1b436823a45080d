"""The audit of whole logs: normalised once to whole numbers, then judged by SQL that runs on any engine.

The rules stand in `market/tariff/rules/audit.py`. What they say of an address over time is worked out in Python, for
the few addresses that logs name, and joined by (address, day); so the SQL decides nothing about the registry. TWICE,
PAIRS and ANSWER use nothing that is an engine's own: no function of time, no cast of fractions, no division.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peyman.gateways.logs import LONGEST_TRANSFER, Entry, Rejected
from peyman.kernel import prefixes
from peyman.kernel.prefixes import Address, Network
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Register, Shown, Span, Tariff, Terms
from peyman.market.tariff.rules.audit_joins import Edges, Operators, Promises

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
    ]
)
STATES: Final = pa.schema(
    [
        ("world", pa.int32()),
        ("edge", pa.int32()),
        ("day", pa.int32()),
        ("from_us", pa.int64()),
        ("to_us", pa.int64()),
        ("code", pa.int16()),
        ("part", pa.int32()),
    ]
)

_WHOLE: Final = pa.schema(
    [(name, pa.int32()) for name in ("world", "edge", "day")] + [("late", pa.int16()), ("part", pa.int32())]
)
_MIXED: Final = pa.schema(
    [(name, pa.int32()) for name in ("world", "edge", "day")] + [("shown", pa.int16()), ("late", pa.int16())]
)

# ---- The SQL ----

# Copies of lines: one request logged twice, or a line that several files hold. Lines without a number are told apart by
# their place among equal ones of their file.
TWICE: Final = """
WITH repeated AS (
    SELECT world, key_hi, key_lo FROM lines GROUP BY world, key_hi, key_lo HAVING count(*) > 1
), counted AS (
    SELECT l.world, l.key_hi, l.key_lo, l.file, l.line, l.start_us, l.end_us, l.bytes, l.has_id,
        row_number() OVER (PARTITION BY l.world, l.key_hi, l.key_lo, l.file ORDER BY l.line) AS n
    FROM lines l
    JOIN repeated r ON l.world = r.world AND l.key_hi = r.key_hi AND l.key_lo = r.key_lo
), placed AS (
    SELECT file, line, row_number() OVER (
        PARTITION BY world, key_hi, key_lo, CASE WHEN has_id = 1 THEN 0 ELSE n END
        ORDER BY start_us, end_us, bytes DESC, file, line
    ) AS place
    FROM counted
)
SELECT file, line FROM placed WHERE place > 1
"""

MARKED: Final = f"""
SELECT l.* REPLACE (CAST(CASE WHEN c.line IS NULL THEN l.gate ELSE {Code.DUPLICATE:d} END AS SMALLINT) AS gate)
FROM lines l LEFT JOIN copies c ON l.file = c.file AND l.line = c.line
"""  # noqa: S608

# One look at all lines: what is there, by address and day. It reads no times, and most days need none.
PAIRS: Final = """
SELECT world, edge, day, gate, shown, late, count(*) AS n FROM lines GROUP BY world, edge, day, gate, shown, late
"""

# A closer look: who was overcharged, on days of full price (`whole`) and on days on which the price changed (`mixed`).
# A line in which it changed finds no state that holds for all of it.
ANSWER: Final = f"""
WITH judged AS (
    SELECT l.world, l.person, l.operator, l.day, l.bytes, s.part,
        CASE
            WHEN s.code IS NULL THEN {Code.CROSSES_CHANGE:d}
            WHEN s.code >= {Code.NO_EDGE_ADDRESS:d} THEN s.code
            WHEN l.shown = {Shown.UNKNOWN:d} THEN {Code.SHOWN_UNKNOWN:d}
            ELSE s.code
        END AS result
    FROM lines l
    JOIN mixed m ON l.world = m.world AND l.edge = m.edge AND l.day = m.day AND l.shown = m.shown AND l.late = m.late
    LEFT JOIN states s ON l.world = s.world AND l.edge = s.edge AND l.day = s.day
        AND l.start_us >= s.from_us AND l.end_us < s.to_us
    WHERE l.gate = 0
)
SELECT l.world, {Code.OVERCHARGED:d} AS result, w.part, l.person, l.operator, l.day, count(*) AS n,
    CAST(sum(l.bytes) AS BIGINT) AS bytes
FROM lines l
JOIN whole w ON l.world = w.world AND l.edge = w.edge AND l.day = w.day AND l.late = w.late
WHERE l.gate = 0 AND l.shown = {Shown.YES:d}
GROUP BY l.world, w.part, l.person, l.operator, l.day
UNION ALL
SELECT world, result, part, person, operator, day, count(*) AS n, CAST(sum(bytes) AS BIGINT) AS bytes
FROM judged WHERE result = {Code.OVERCHARGED:d} GROUP BY world, result, part, person, operator, day
UNION ALL
SELECT world, result, -1 AS part, 0 AS person, -1 AS operator, 0 AS day, count(*) AS n,
    CAST(sum(bytes) AS BIGINT) AS bytes
FROM judged WHERE result <> {Code.OVERCHARGED:d} GROUP BY world, result
"""  # noqa: S608


class Engine(Protocol):
    """What runs the SQL: `lines` is there, `states` is given."""

    def give(self, name: str, table: pa.Table) -> None:
        """Make a table known by a name."""

    def ask(self, sql: str) -> pa.Table:
        """Run a SELECT."""


def is_memory(typed: str) -> bool:
    """Say whether this is an amount of memory: "2GB", "500MB"."""
    return re.fullmatch(r"[1-9][0-9]{0,5} ?(?:MB|GB)", typed) is not None


class DuckDB:
    """The engine in this process. Works in `folder` when memory runs out."""

    def __init__(self, folder: Path, *, memory: str = "2GB", threads: int = 2) -> None:
        self.connection = duckdb.connect(
            str(folder / "audit.duckdb"),
            config={
                "memory_limit": memory,
                "threads": threads,
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )

    def give(self, name: str, table: pa.Table) -> None:
        self.connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        self.connection.from_arrow(table).create(name)

    def ask(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def files(self, name: str, paths: Sequence[Path]) -> None:
        """Make Parquet files known as one table."""
        self.connection.read_parquet([str(path) for path in paths]).create_view(name, replace=True)

    def close(self) -> None:
        """Let go of files and memory."""
        self.connection.close()


# ---- Lines to numbers ----


@dataclass(slots=True)
class Numbers:
    """Which number stands for which address, operator and user."""

    edges: dict[int, Address] = field(default_factory=dict)
    operators: list[str] = field(default_factory=list)
    _edge: dict[Address, int] = field(default_factory=dict)
    _operator: dict[str, int] = field(default_factory=dict)

    def edge(self, address: Address) -> int:
        """Return the number of an address."""
        if address not in self._edge:
            number = FIRST_EDGE + len(self._edge)
            self._edge[address], self.edges[number] = number, address
        return self._edge[address]

    def operator(self, name: str) -> int:
        """Return the number of an operator."""
        if name not in self._operator:
            self._operator[name] = len(self.operators)
            self.operators.append(name)
        return self._operator[name]


def person_number(user: str) -> int:
    """Return the 64-bit number that stands for a user."""
    return int.from_bytes(blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


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
        self._edges: dict[str, tuple[int, Address]] = {}
        self._clients: dict[str, tuple[Address | None, int, bool, bool]] = {}
        self._paths: dict[str, bool] = {}

    def take(self, entry: Entry, file: int, line: int) -> None:
        """Add a line. Raises Rejected for one whose addresses are none."""
        edge, address = self._edge(entry.edge)
        if address is not None and not entry.is_edge_proven and not self._declared.at(address, entry.start):
            edge = UNPROVEN
        client, operator, is_cdn, is_staff = self._client(entry.client)
        if operator < 0:
            operator = self.numbers.operator(self._operators.at(client, entry.start))
        shown, user = self._promises.of(entry.token, entry.host, entry.path, entry.start)
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
        for column, value in zip(
            self._columns,
            (
                self._world,
                edge,
                day,
                entry.start,
                entry.end,
                person,
                operator,
                gate or 0,
                shown,
                entry.end != entry.start and tehran_day_number(entry.end) != day,
                entry.sent,
                int.from_bytes(entry.key[:8], "big", signed=True),
                int.from_bytes(entry.key[8:], "big", signed=True),
                entry.has_id,
                file,
                line,
            ),
            strict=True,
        ):
            column.append(value)
        if len(self._columns[0]) >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._lines.close()
        self._users.close()

    def _edge(self, text: str) -> tuple[int, Address | None]:
        if not text:
            return NO_EDGE, None
        if text not in self._edges:
            address = _address(text, "edge")
            self._edges[text] = self.numbers.edge(address), address
        return self._edges[text]

    def _client(self, text: str) -> tuple[Address | None, int, bool, bool]:
        known = self._clients.get(text)
        if known is None:
            address = _address(text, "client") if text else None
            always = self._operators.always(address)
            known = (
                address,
                -1 if always is None else self.numbers.operator(always),
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
        number = person_number(user)
        self._new_users[number] = user
        return number

    def _flush(self) -> None:
        if not self._columns[0]:
            return
        arrays = [pa.array(column, kind) for column, kind in zip(self._columns, LINES.types, strict=True)]
        self._lines.write_table(pa.table(arrays, schema=LINES))
        users = pa.table([[*self._new_users], [*self._new_users.values()]], schema=USERS)
        self._users.write_table(users)
        self._columns, self._new_users = _columns(), {}


USERS: Final = pa.schema([("person", pa.int64()), ("name", pa.string())])


def _columns() -> list[array]:
    return [array("q") for _ in LINES.names]


def _address(text: str, whose: str) -> Address:
    try:
        return prefixes.address(text)
    except prefixes.BadAddress:
        raise Rejected(f"zoned_{whose}_address" if "%" in text else f"bad_{whose}_address") from None


# ---- What was billed, by address and day ----


@dataclass(frozen=True, slots=True)
class Part:
    """A span of full price of one address, as states name it by its number."""

    edge: Address
    span: Span


@dataclass(slots=True)
class Looked:
    """What PAIRS alone tells, and what must be looked at more closely."""

    counts: Counter[tuple[int, Code]] = field(default_factory=Counter)  # lines, by (world, result)
    whole: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # world, edge, day, late, part
    mixed: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # world, edge, day, shown, late
    states: dict[tuple[int, int, int, int], tuple[int, Code, int]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)


Worlds = Callable[[int], tuple[Register, Terms, Numbers]]
Pair = tuple[int, int, int, int, int, int, int]  # world, edge, day, gate, shown, late, lines
_NO_EDGES: Final = {NO_EDGE: Code.NO_EDGE_ADDRESS, UNPROVEN: Code.EDGE_UNPROVEN}


def look(pairs: Iterable[Pair], worlds: Worlds) -> Looked:
    """Judge addresses and days as wholes, where they can be: where nobody was overcharged and nothing changed."""
    found = Looked()
    timelines: dict[tuple[int, int], tuple[list[Span], list[int], int]] = {}
    numbered: dict[tuple[int, int, int], int] = {}
    days: dict[tuple[int, int], tuple[int, int]] = {}
    for world, edge, day, gate, shown, late, many in pairs:
        if gate or shown == Shown.NO:
            found.counts[world, Code(gate) if gate else Code.NOT_PROMISED] += many
            continue
        if edge in _NO_EDGES:
            found.counts[world, _NO_EDGES[edge]] += many
            continue
        if (world, edge) not in timelines:
            register, terms, numbers = worlds(world)
            line = register.timeline(numbers.edges[edge], terms)
            timelines[world, edge] = line, [span.start for span in line], terms.tolerance // rules.MICROSECOND
        if (day, late) not in days:
            begins = rules.micros(day_start(day_of(day)))
            ends = rules.micros(day_start(day_of(day + 1)))
            days[day, late] = begins, ends + LONGEST_TRANSFER if late else ends
        spans, starts, slack = timelines[world, edge]
        first, last = days[day, late]
        begin = bisect_right(starts, first - slack) - 1
        end = bisect_left(starts, last + slack)
        if end - begin == 1:
            span = spans[begin]
            code = rules.judge(None, Shown(shown), span.code)
            if code is Code.OVERCHARGED:
                part = _part(found, numbered, world, edge, span, worlds)
                found.whole.append((world, edge, day, late, part))
            else:
                found.counts[world, code] += many
            continue
        found.mixed.append((world, edge, day, shown, late))
        for span in spans[begin:end]:
            part = _part(found, numbered, world, edge, span, worlds) if span.code is Code.OVERCHARGED else -1
            # The same span may be found for lines of other kinds: it is one state.
            found.states[world, edge, day, span.start + slack] = span.end - slack, span.code, part
    return found


def _part(
    found: Looked, numbered: dict[tuple[int, int, int], int], world: int, edge: int, span: Span, worlds: Worlds
) -> int:
    part = numbered.setdefault((world, edge, span.start), len(found.parts))
    if part == len(found.parts):
        found.parts.append(Part(worlds(world)[2].edges[edge], span))
    return part


def answer(engine: Engine, worlds: Worlds) -> tuple[dict[tuple[int, Code], int], pa.Table, list[Part]]:
    """Judge all of `lines`: how many by (world, result); of the overcharged also lines and bytes by part (an index of
    what comes with it), person, operator and day.
    """
    pairs = engine.ask(PAIRS)
    names = ("world", "edge", "day", "gate", "shown", "late", "n")
    found = look(zip(*(pairs.column(name).to_pylist() for name in names), strict=True), worlds)
    engine.give("whole", _table(found.whole, _WHOLE))
    engine.give("mixed", _table(found.mixed, _MIXED))
    engine.give("states", _table([(*key, *state) for key, state in found.states.items()], STATES))
    sums = engine.ask(ANSWER)
    is_over = pc.equal(sums.column("result"), int(Code.OVERCHARGED))
    of_world = sums.group_by(["world", "result"]).aggregate([("n", "sum")])
    for row in of_world.to_pylist():
        found.counts[row["world"], Code(row["result"])] += row["n_sum"]
    return dict(found.counts), sums.filter(is_over), found.parts


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = [*zip(*rows, strict=True)] or [()] * len(schema)
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)


def without_copies(engine: DuckDB, folder: Path, files: Sequence[Path]) -> list[Path]:
    """Return files of lines in which copies are marked as such; `lines` is then known to the engine."""
    engine.files("lines", files)
    copies = engine.ask(TWICE)
    if not copies.num_rows:
        return [*files]
    engine.give("copies", copies)
    marked = folder / "marked.parquet"
    engine.connection.sql(MARKED).write_parquet(str(marked), compression="zstd")
    engine.files("lines", [marked])
    return [marked]


# ---- Sums to rials ----

_RATES: Final = pa.schema(
    [
        ("operator", pa.int32()),
        ("day", pa.int32()),
        ("low", pa.int64()),
        ("low_for", pa.int64()),
        ("high", pa.int64()),
        ("high_for", pa.int64()),
    ]
)
BY_USER_DAY: Final = pa.schema(
    [
        ("user", pa.string()),
        ("operator", pa.string()),
        ("day", pa.date32()),
        ("lines", pa.int64()),
        ("bytes_overcharged", pa.int64()),
        ("rials_low", pa.int64()),
        ("rials_high", pa.int64()),
    ]
)
_ROWS_OF_GROUP = 100_000


def rates(days: Iterable[tuple[int, int]], operators: Sequence[str], tariffs: Iterable[Tariff]) -> pa.Table:
    """Return the bounds of each (operator, day) that has any, as fractions of whole numbers."""
    of: dict[str, list[Tariff]] = {}
    for row in tariffs:
        of.setdefault(row.operator, []).append(row)
    rows = []
    for operator, day in days:
        found = rules.bounds(of.get(operators[operator], []), day_of(day)) if operator >= 0 else None
        if found:
            low, high = found.low, found.high
            rows.append((operator, day, low.numerator, low.denominator, high.numerator, high.denominator))
    return _table(rows, _RATES)


def rials_of(sent: pa.Array, numerator: pa.Array, denominator: pa.Array) -> pa.Array:
    """Return what `rules.rials` says, for many at once; null where there is no rate."""
    try:
        many = pc.add_checked(pc.multiply_checked(sent, numerator), pc.subtract(denominator, 1))
        return pc.divide(many, denominator)
    except pa.ArrowInvalid:  # more than 64 bits: one by one
        each = zip(*(column.to_pylist() for column in (sent, numerator, denominator)), strict=True)
        return pa.array([None if n is None else -(-(s * n) // d) for s, n, d in each], pa.int64())


def batches(engine: DuckDB, sql: str) -> Iterator[Any]:
    """Yield the rows of a SELECT in batches of one size."""
    held: list[pa.RecordBatch] = []
    rows = 0
    reader: Any = engine.connection.sql(sql).to_arrow_reader(_ROWS_OF_GROUP)
    for batch in reader:
        held.append(batch)
        rows += batch.num_rows
        while rows >= _ROWS_OF_GROUP:
            table = pa.Table.from_batches(held)
            yield table.slice(0, _ROWS_OF_GROUP).combine_chunks().to_batches()[0]
            held = table.slice(_ROWS_OF_GROUP).to_batches()
            rows -= _ROWS_OF_GROUP
    if rows:
        yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]


@dataclass(frozen=True, slots=True)
class Sums:
    """What was overcharged in all. Rials of what has no tariff are not in them; None: of nothing is a tariff known."""

    lines: int
    sent: int
    low: int | None
    high: int | None
    without_tariff: int  # bytes
    largest: int  # bytes of one line; of samples only


def prepare(engine: DuckDB, sums: pa.Table, numbers: Numbers, tariffs: Sequence[Tariff], users: Sequence[Path]) -> None:
    """Make what `answer` said known, with names and rates. Raises RuntimeError if two users have one number."""
    engine.give("overcharged", sums)
    engine.files("all_users", users)
    engine.connection.execute("CREATE OR REPLACE TABLE users AS SELECT DISTINCT person, name FROM all_users")
    if engine.ask("SELECT person FROM users GROUP BY person HAVING count(*) > 1 LIMIT 1").num_rows:
        raise RuntimeError("two users have one number")
    days = engine.ask("SELECT DISTINCT operator, day FROM overcharged").to_pylist()
    engine.give("rates", rates(((row["operator"], row["day"]) for row in days), numbers.operators, tariffs))
    names = pa.table(
        [pa.array(range(len(numbers.operators)), pa.int32()), pa.array(numbers.operators, pa.string())],
        ["operator", "name"],
    )
    engine.give("operators", names)


def write_by_user_day(engine: DuckDB, file: Path, *, is_sample: bool = False) -> Sums:
    """Write what each user was overcharged on each day, in order of user, operator, day, and return the sums.

    Of a sample nobody's rials are known.
    """
    sql = """
        SELECT u.name AS "user", o.name AS operator, s.day, s.n, s.bytes, r.low, r.low_for, r.high, r.high_for
        FROM (
            SELECT person, operator, day, CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes
            FROM overcharged GROUP BY person, operator, day
        ) s
        JOIN users u ON s.person = u.person
        JOIN operators o ON s.operator = o.operator
        LEFT JOIN rates r ON s.operator = r.operator AND s.day = r.day
        ORDER BY u.name, o.name, s.day
    """
    lines = sent = without = 0
    low: int | None = None
    high: int | None = None
    with pq.ParquetWriter(file, BY_USER_DAY, compression="zstd") as out:
        for batch in batches(engine, sql):
            of = {name: batch.column(name) for name in batch.schema.names}
            least, most = (
                rials_of(of["bytes"], of[name], of[f"{name}_for"])
                if not is_sample
                else pa.nulls(batch.num_rows, pa.int64())
                for name in ("low", "high")
            )
            lines += pc.sum(of["n"]).as_py()
            sent += pc.sum(of["bytes"]).as_py()
            without += pc.sum(pc.if_else(pc.is_null(of["low"]), of["bytes"], 0)).as_py()
            low, high = _plus(low, least), _plus(high, most)
            day = pc.cast(pc.cast(of["day"], pa.int32()), pa.date32())
            out.write_table(
                pa.table([of["user"], of["operator"], day, of["n"], of["bytes"], least, most], schema=BY_USER_DAY)
            )
    largest = 0
    if is_sample:
        largest = engine.ask("SELECT max(bytes) AS bytes FROM lines WHERE gate = 0").column("bytes")[0].as_py() or 0
    return Sums(lines, sent, low, high, without, largest)


def _plus(total: int | None, more: pa.Array) -> int | None:
    found = pc.sum(more).as_py()
    return total if found is None else (total or 0) + found


def intervals(
    engine: DuckDB, parts: Sequence[Part], edges: Edges, folder: Path, *, is_sample: bool = False
) -> list[dict[str, Any]]:
    """Return the times of full price in which somebody was overcharged, for each set of addresses and operator.

    An interval is as long as the registry says, within the time in which the addresses were declared to serve. Its
    rials are rounded for each of its user days, so that all intervals may come to some rials more than the totals.
    """
    spans = [_declared(part, edges) for part in parts]
    numbers = {span: number for number, span in enumerate(dict.fromkeys(spans))}
    mapping = pa.table(
        [pa.array(range(len(parts)), pa.int32()), pa.array([numbers[span] for span in spans], pa.int32())],
        ["part", "stretch"],
    )
    engine.give("parts", mapping)
    sql = """
        SELECT s.*, r.low, r.low_for, r.high, r.high_for
        FROM (
            SELECT p.stretch, o.operator, o.person, o.day, CAST(sum(o.n) AS BIGINT) AS n,
                CAST(sum(o.bytes) AS BIGINT) AS bytes
            FROM overcharged o JOIN parts p ON o.part = p.part GROUP BY p.stretch, o.operator, o.person, o.day
        ) s
        LEFT JOIN rates r ON s.operator = r.operator AND s.day = r.day
    """
    kind = pa.schema([(name, pa.int64()) for name in ("stretch", "operator", "n", "bytes", "low", "high")])
    priced = folder / "intervals.parquet"
    with pq.ParquetWriter(priced, kind) as out:
        for batch in batches(engine, sql):
            of = {name: pc.cast(batch.column(name), pa.int64()) for name in batch.schema.names}
            least, most = (
                rials_of(of["bytes"], of[name], of[f"{name}_for"])
                if not is_sample
                else pa.nulls(batch.num_rows, pa.int64())
                for name in ("low", "high")
            )
            out.write_table(pa.table([of["stretch"], of["operator"], of["n"], of["bytes"], least, most], schema=kind))
    engine.files("priced", [priced])
    rows = engine.ask(
        """SELECT p.stretch, o.name AS operator, CAST(sum(n) AS BIGINT) AS lines, CAST(sum(bytes) AS BIGINT) AS bytes,
            CAST(sum(low) AS BIGINT) AS low, CAST(sum(high) AS BIGINT) AS high
        FROM priced p JOIN operators o ON p.operator = o.operator GROUP BY p.stretch, o.name"""
    ).to_pylist()
    addresses: dict[int, set[Address]] = {}
    for part, span in zip(parts, spans, strict=True):
        addresses.setdefault(numbers[span], set()).add(part.edge)
    by_number = [*numbers]
    found = [
        {
            "edges": [str(one) for one in sorted(addresses[row["stretch"]], key=lambda at: (at.version, int(at)))],
            "operator": row["operator"],
            "from": _iso(by_number[row["stretch"]][0]),
            "to": _iso(by_number[row["stretch"]][1]),
            "lines": row["lines"],
            "bytes": row["bytes"],
            "rials_low": row["low"],
            "rials_high": row["high"],
            "cause": by_number[row["stretch"]][2],
        }
        for row in rows
    ]
    return sorted(found, key=lambda row: (row["from"], row["to"], row["operator"], row["edges"], row["cause"]))


def _declared(part: Part, edges: Edges) -> tuple[int, int, str]:
    """Return a span cut to the time in which its address was declared to serve, if it was at all."""
    span = part.span
    said = [row for row in edges.over(part.edge) if row.start < span.end and span.start < row.end]
    start = max(span.start, min((row.start for row in said), default=span.start))
    end = min(span.end, max((row.end for row in said), default=span.end))
    return start, end, span.cause


def _iso(at: int) -> str:
    return rules.instant(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
