"""Days of logs audited once and kept: one is audited again only if its lines changed, or what the history says of them.

`Kept` holds the normalised lines of each log file, by the file's hash and by all that normalising it depended on; the
rows of requests that several lines tell of, so that copies are found across files; and the book: of each day its
roll-up, its counts and what was overcharged. What is put together from it is, to the byte, what an audit of all logs
from nothing says: the same SQL judged the same lines, and everything after it is the same code.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from peyman.gateways.audit import judging, rolls
from peyman.gateways.audit.copies import Copies, placed
from peyman.gateways.audit.engines import DuckDB, Engine
from peyman.gateways.audit.judging import Part
from peyman.gateways.audit.kept import Kept
from peyman.gateways.audit.numbers import PAIR, Numbers, day_of
from peyman.gateways.audit.shelf import Log, Shelf
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import address
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Register, Span, Terms

BOOK: Final = "book.json"

OVER: Final = pa.schema(
    [
        ("edge", pa.string()),
        ("operator", pa.string()),
        ("at_us", pa.int64()),  # a moment of the span of full price
        ("person", pa.int64()),
        ("user", pa.string()),
        ("day", pa.int32()),
        ("n", pa.int64()),
        ("bytes", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of all lines; `rolls` is in the store. `sums`, `parts` as `judging.answer` gives them."""

    counts: dict[Code, int]
    sums: pa.Table
    parts: list[Part]
    users: list[Path]
    largest: int  # bytes of one counted line
    logs: dict[int, list[str]]  # day → the hashes of the logs that have lines of it, sorted


# ---- All at once ----


def judge_all(
    engine: Engine,
    store: DuckDB,
    work: Path,
    *,
    lines: Sequence[Path],
    users: Sequence[Path],
    hashes: Sequence[str],
    register: Register,
    terms: Terms,
    numbers: Numbers,
) -> Judged:
    """Judge lines from nothing. `hashes`: of the logs, by the number of their file. `store` keeps the roll-up."""
    files = judging.without_copies(engine, work, lines)
    if pairs := _probed(register, terms, numbers):
        files = _renumbered(store, work / "probed.parquet", files, pairs)
        engine.files("lines", files)
    counts, sums, parts = judging.answer(engine, lambda world: (register, terms, numbers))
    store.files("lines", files)
    of_day: dict[int, set[str]] = defaultdict(set)
    for row in store.ask("SELECT DISTINCT day, file FROM lines").to_pylist():
        of_day[row["day"]].add(hashes[row["file"]])
    rolls.roll(store, register, terms, numbers, sorted(of_day))
    largest = store.ask("SELECT max(bytes) AS bytes FROM lines WHERE gate = 0").column("bytes")[0].as_py() or 0
    return Judged(
        {code: many for (_, code), many in counts.items()},
        *_used(sums, parts),
        [*users],
        largest,
        {day: sorted(of_day[day]) for day in sorted(of_day)},
    )


def _used(sums: pa.Table, parts: Sequence[Part]) -> tuple[pa.Table, list[Part]]:
    """Number the spans in which somebody was overcharged, each once and in order; leave out the others."""
    used = {parts[number] for number in pc.unique(sums.column("part")).to_pylist()}
    ordered = sorted(
        used, key=lambda one: (one.edge.version, int(one.edge), one.span.start, one.span.end, one.span.cause)
    )
    places = {part: place for place, part in enumerate(ordered)}
    new = pa.array([places.get(part) for part in parts], pa.int32())
    column = new.take(sums.column("part").combine_chunks()) if len(parts) else sums.column("part")
    return sums.set_column(sums.schema.get_field_index("part"), "part", column), ordered


def _probed(register: Register, terms: Terms, numbers: Numbers) -> list[tuple[int, int, int]]:
    """Return (address, operator, number as that operator bills it) where probes may decide."""
    if not terms.grace:
        return []
    operators = {name: number for number, name in enumerate(numbers.operators)}
    plain = {edge: number for number, edge in numbers.edges.items() if number not in numbers.probed}
    return [
        (plain[edge], operators[operator], numbers.probed_edge(plain[edge], operator))
        for edge, operator in sorted(register.probes, key=lambda key: (str(key[0]), key[1]))
        if edge in plain and operator in operators
    ]


_RENUMBERED: Final = f"""
SELECT * REPLACE ({PAIR} AS pair) FROM (
    SELECT l.* REPLACE (CAST(COALESCE(p.probed, l.edge) AS INTEGER) AS edge)
    FROM {{lines}} l LEFT JOIN probed p ON l.edge = p.edge AND l.operator = p.operator
)
"""  # noqa: S608


def _renumbered(store: DuckDB, file: Path, files: Sequence[Path], pairs: Sequence[tuple[int, int, int]]) -> list[Path]:
    store.give("probed", judging.table(pairs, judging.whole("edge", "operator", "probed")))
    store.files("unprobed", files)
    return store.write(_RENUMBERED.format(lines="unprobed"), file)


# ---- The book of days ----


@dataclass(slots=True)
class Audited:
    """How a kept audit went, for those who wait and for tests."""

    read: list[str] = field(default_factory=list)  # hashes of the logs that were read
    audited: list[int] = field(default_factory=list)  # days
    kept: list[int] = field(default_factory=list)


def judge_kept(
    engine: Engine,
    store: DuckDB,
    work: Path,
    *,
    shelf: Shelf,
    logs: Sequence[Log],
    opened: Callable[[Log], Path],
    users: Callable[[Log], Path],
    register: Register,
    terms: Terms,
    code: str,
    went: Audited,
) -> Judged:
    """Judge the days that are not in the book as they stand, and put all days together. `logs`: sorted by hash.

    `code`: a hash of what judges.
    """
    numbers = shelf.numbers
    copies = Copies(shelf.kept, store).find(logs, opened)
    of_day: dict[int, list[int]] = defaultdict(list)
    for place, log in enumerate(logs):
        for day in log.days:
            of_day[day].append(place)
    cuts = rolls.cuts(register, min(of_day, default=0), max(of_day, default=0))
    lines = {
        day: _lines_mark(day, logs, places, copies.get(day, []), cuts, terms, code)
        for day, places in sorted(of_day.items())
    }
    book = _Book(shelf.kept, store)
    book.read({day for day, mark in lines.items() if book.days.get(day, {}).get("lines") == mark})
    history = marks(store, register, terms) if book.days else {}
    good = {
        day
        for day, mark in lines.items()
        if (known := book.days.get(day)) and known["lines"] == mark and known["history"] == history.get(day, "")
    }
    stale = sorted(set(lines) - good)
    went.audited, went.kept = stale, sorted(good)
    counts: dict[int, dict[str, int]] = {day: book.days[day]["counts"] for day in good}
    largest: dict[int, int] = {day: book.days[day]["largest"] for day in good}
    if stale or set(book.days) != good:
        book.drop(good)
        if stale:
            fresh, big = _audit(
                engine, store, work, logs, of_day, stale, copies, opened, users, register, terms, numbers
            )
            counts |= fresh
            largest |= big
        history = marks(store, register, terms)
        book.write(
            {
                day: {
                    "lines": lines[day],
                    "history": history.get(day, ""),
                    "counts": counts[day],
                    "largest": largest.get(day, 0),
                }
                for day in lines
            }
        )
    total = Counter[Code]()
    for of in counts.values():
        total.update({Code(int(number)): many for number, many in of.items()})
    sums, parts = _together(store, register, terms, numbers)
    sums, parts = _used(sums, parts)
    names = store.write('SELECT DISTINCT person, "user" AS name FROM over_kept', work / "users-kept.parquet")
    return Judged(
        dict(total),
        sums,
        parts,
        names,
        max(largest.values(), default=0),
        {day: sorted({logs[place].sha256 for place in places}) for day, places in sorted(of_day.items())},
    )


def _lines_mark(
    day: int,
    logs: Sequence[Log],
    places: Sequence[int],
    copies: Sequence[tuple[int, int]],
    cuts: Sequence[int],
    terms: Terms,
    code: str,
) -> str:
    """Return a hash of the lines of a day, of which of them are copies, and of the cuts that they are rolled up by."""
    known = [logs[place].days[day] for place in places]
    slack = terms.tolerance // rules.MICROSECOND
    first, last = min(one["first"] for one in known) - slack, max(one["last"] for one in known) + slack
    midnights = [_midnight(one) for one in range(day - 3, day + rolls.LONGEST + 3)]
    begins = midnights[bisect_right(midnights, first) - 1]
    ends = midnights[min(bisect_right(midnights, last), len(midnights) - 1)]
    inner = cuts[bisect_left(cuts, begins) : bisect_right(cuts, ends)]
    says = (
        code,
        [(logs[place].sha256, one["sha256"]) for place, one in zip(places, known, strict=True)],
        [(logs[place].sha256, line) for place, line in copies],
        slack,
        inner,
    )
    return hashlib.sha256(repr(says).encode()).hexdigest()


@cache
def _midnight(day: int) -> int:
    return rules.micros(day_start(day_of(day)))


def marks(store: DuckDB, register: Register, terms: Terms) -> dict[int, str]:
    """Return, of each day in `rolls`, a hash of what the history says of its lines."""
    rows = store.ask(
        "SELECT day, edge, CASE WHEN edge = '' THEN '' ELSE operator END AS operator, min(since_us) AS since, "
        "max(until_us) AS until FROM rolls WHERE gate = 0 AND shown <> 0 GROUP BY ALL ORDER BY day, edge, operator"
    )
    found: dict[int, Any] = {}
    memory: dict[tuple[int, int, int], bytes] = {}
    edges: dict[str, Any] = {}
    for day, edge, operator, since, until in zip(
        *(rows.column(name).to_pylist() for name in rows.schema.names), strict=True
    ):
        sha = found.setdefault(day, hashlib.sha256())
        if edge in ("", rolls.UNPROVEN_EDGE):
            continue
        if edge not in edges:
            edges[edge] = address(edge)
        spans = register.timeline(edges[edge], terms, operator)
        key = id(spans), since, until
        if key not in memory:
            memory[key] = repr([_clipped(span, since, until) for span in rules.spans_of(spans, since, until)]).encode()
        sha.update(f"{edge} {operator} ".encode())
        sha.update(memory[key])
    return {day: sha.hexdigest() for day, sha in found.items()}


def _clipped(span: Span, since: int, until: int) -> tuple[int, int, int, str]:
    return max(span.start, since), min(span.end, until), int(span.code), span.cause


class _Book:
    """What is known of days: `rolls` and `over_kept` in the store, and a document of marks and counts."""

    def __init__(self, kept: Kept, store: DuckDB) -> None:
        self.kept, self.store = kept, store
        said = kept.document(BOOK)
        self.days: dict[int, dict[str, Any]] = {}
        self._files: dict[str, str] = {}
        if said and all(kept.is_whole(name, sha) for name, sha in said["files"].values()):
            self.days = {int(day): known for day, known in said["days"].items()}
            self._files = {kind: name for kind, (name, _) in said["files"].items()}

    def read(self, days: set[int]) -> None:
        """Take what is known of these days into the store."""
        connection = self.store.connection
        self.store.give("book_days", judging.table([(day,) for day in sorted(days)], judging.whole("day")))
        for kind, table, schema in (("rolls", "rolls", rolls.SUMS), ("over", "over_kept", OVER)):
            self.store.give(table, schema.empty_table())
            if self._files:
                self.store.files("from_book", [self.kept.path(self._files[kind])])
                connection.execute(
                    f"INSERT INTO {table} SELECT * FROM from_book WHERE day IN (SELECT day FROM book_days)"  # noqa: S608
                )
        self.days = {day: known for day, known in self.days.items() if day in days}

    def drop(self, good: set[int]) -> None:
        """Forget all days but these."""
        self.store.give("book_days", judging.table([(day,) for day in sorted(good)], judging.whole("day")))
        for table in ("rolls", "over_kept"):
            self.store.connection.execute(f"DELETE FROM {table} WHERE day NOT IN (SELECT day FROM book_days)")  # noqa: S608

    def write(self, days: dict[int, dict[str, Any]]) -> None:
        """Keep what the store holds now."""
        files = {}
        for kind, table in (("rolls", "rolls"), ("over", "over_kept")):
            made = self.kept.path(f"{kind}.making.part")
            self.store.write(f"SELECT * FROM {table}", made)  # noqa: S608
            with made.open("rb") as opened:
                sha = hashlib.file_digest(opened, "sha256").hexdigest()
            name = f"{kind}-{sha[:16]}.parquet"
            self.kept.take(made, name)
            files[kind] = name, sha
        self.kept.note(BOOK, {"files": files, "days": {str(day): known for day, known in days.items()}})
        for kind in files:
            self.kept.only(f"{kind}-*.parquet", {files[kind][0]})


_PREPARED: Final = f"""
SELECT * REPLACE ({PAIR} AS pair) FROM (
    SELECT l.* EXCLUDE (place) REPLACE (
        CAST(l.day AS INTEGER) AS world,
        CAST(COALESCE(p.probed, l.edge) AS INTEGER) AS edge,
        CAST(CASE WHEN c.line IS NULL THEN l.gate ELSE {Code.DUPLICATE:d} END AS SMALLINT) AS gate,
        CAST(l.place AS INTEGER) AS file
    )
    FROM stale_rows l
    JOIN stale_days d ON l.day = d.day
    LEFT JOIN copies c ON l.place = c.file AND l.line = c.line
    LEFT JOIN probed p ON l.edge = p.edge AND l.operator = p.operator
)
"""  # noqa: S608


@carries_out("B08")
def _audit(
    engine: Engine,
    store: DuckDB,
    work: Path,
    logs: Sequence[Log],
    of_day: Mapping[int, Sequence[int]],
    stale: Sequence[int],
    copies: Mapping[int, Sequence[tuple[int, int]]],
    opened: Callable[[Log], Path],
    users: Callable[[Log], Path],
    register: Register,
    terms: Terms,
    numbers: Numbers,
) -> tuple[dict[int, dict[str, int]], dict[int, int]]:
    """Audit days anew: add them to `rolls` and `over_kept`, and return their counts and largest lines."""
    places = sorted({place for day in stale for place in of_day[day]})
    store.connection.execute(
        f"CREATE OR REPLACE VIEW stale_rows AS {placed([opened(logs[place]) for place in places], places)}"
    )
    store.give("stale_days", judging.table([(day,) for day in stale], judging.whole("day")))
    store.give(
        "copies", judging.table([pair for day in stale for pair in copies.get(day, ())], judging.whole("file", "line"))
    )
    store.give("probed", judging.table(_probed(register, terms, numbers), judging.whole("edge", "operator", "probed")))
    files = store.write(_PREPARED, work / "prepared.parquet")
    engine.files("lines", files)
    counts, sums, parts = judging.answer(engine, lambda world: (register, terms, numbers))
    store.files("lines", files)
    store.connection.execute("ALTER TABLE rolls RENAME TO rolls_kept")
    rolls.roll(store, register, terms, numbers, stale)
    store.connection.execute("INSERT INTO rolls SELECT * FROM rolls_kept")
    store.connection.execute("DROP TABLE rolls_kept")
    of: dict[int, dict[str, int]] = {day: {} for day in stale}
    for (day, what), many in counts.items():
        of[day][str(int(what))] = many
    spans = [(number, str(part.edge), part.span.start) for number, part in enumerate(parts)]
    kind = pa.schema([("part", pa.int64()), ("edge", pa.string()), ("start", pa.int64())])
    store.give("fresh_parts", judging.table(spans, kind))
    store.give("fresh_sums", sums)
    store.files("fresh_users", [users(logs[place]) for place in places])
    names = pa.table(
        [pa.array(range(len(numbers.operators)), pa.int64()), pa.array(numbers.operators, pa.string())],
        ["operator", "name"],
    )
    store.give("operators", names)
    # The moment that names a span lies where the day's mark looks at the history.
    store.connection.execute(
        "INSERT INTO over_kept SELECT p.edge, o.name, greatest(p.start, w.begins), s.person, u.name, s.day, s.n, "
        "s.bytes FROM fresh_sums s JOIN fresh_parts p ON s.part = p.part JOIN operators o ON s.operator = o.operator "
        "JOIN (SELECT day, edge, operator, min(since_us) AS begins FROM rolls WHERE gate = 0 AND shown <> 0 "
        "GROUP BY day, edge, operator) w ON s.day = w.day AND p.edge = w.edge AND o.name = w.operator "
        "JOIN (SELECT DISTINCT person, name FROM fresh_users) u ON s.person = u.person"
    )
    big = store.ask("SELECT day, max(bytes) AS bytes FROM lines WHERE gate = 0 GROUP BY day").to_pylist()
    return of, {row["day"]: row["bytes"] for row in big}


def _together(store: DuckDB, register: Register, terms: Terms, numbers: Numbers) -> tuple[pa.Table, list[Part]]:
    """Return what was overcharged on all days, by the spans of the history as it is now."""
    asked = store.ask("SELECT DISTINCT edge, operator, at_us FROM over_kept ORDER BY edge, operator, at_us")
    parts: list[Part] = []
    numbered: dict[tuple[str, Span], int] = {}
    rows = []
    for edge, operator, at in zip(*(asked.column(name).to_pylist() for name in asked.schema.names), strict=True):
        there = address(edge)
        span = rules.spans_of(register.timeline(there, terms, operator), at, at + 1)[0]
        key = edge, span
        if key not in numbered:
            numbered[key] = len(parts)
            parts.append(Part(there, span))
        rows.append((edge, operator, at, numbered[key], numbers.operator(operator)))
    whole, text = pa.int32(), pa.string()
    kind = pa.schema([("edge", text), ("operator", text), ("at_us", pa.int64()), ("part", whole), ("number", whole)])
    store.give("kept_parts", judging.table(rows, kind))
    sums = store.ask(
        "SELECT p.part, k.person, p.number AS operator, k.day, CAST(sum(k.n) AS BIGINT) AS n, "
        "CAST(sum(k.bytes) AS BIGINT) AS bytes FROM over_kept k "
        "JOIN kept_parts p ON k.edge = p.edge AND k.operator = p.operator AND k.at_us = p.at_us "
        "GROUP BY p.part, k.person, p.number, k.day"
    )
    return sums, parts
