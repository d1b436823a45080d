"""Days of logs audited once and kept: one is audited again only if its lines changed, or what the history says of them.

`Kept` holds the normalised lines of each log file, by the file's hash and by all that normalising it depended on; the
rows of requests that several lines tell of, so that copies are found across files; and the book: of each day its
roll-up, its counts and what was overcharged. What is put together from it is, to the byte, what an audit of all logs
from nothing says: the same SQL judged the same lines, and everything after it is the same code.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peyman.gateways.audit import judging, rolls
from peyman.gateways.audit.engines import DuckDB, Engine
from peyman.gateways.audit.judging import Part
from peyman.gateways.audit.kept import Kept
from peyman.gateways.audit.numbers import FIRST_EDGE, PAIR, Numbers, day_of
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import address
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Register, Span, Terms

NUMBERS: Final = "numbers.json"
TWICE: Final = "twice.json"
BOOK: Final = "book.json"
_WHOLE: Final = 2**256

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
    store.give("probed", judging.table(pairs, _whole("edge", "operator", "probed")))
    store.files("unprobed", files)
    return store.write(_RENUMBERED.format(lines="unprobed"), file)


def _whole(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.int64()) for name in names])


# ---- What touches a file of lines ----


class Touching:
    """Rows with spans: a number that is another one whenever other rows touch a stretch of time."""

    def __init__(self, rows: Iterable[Any]) -> None:
        marked = [(row.start, row.end, _number(repr(row))) for row in rows]
        self._begun, self._begun_sums = self._sums((start, number) for start, _, number in marked)
        self._ended, self._ended_sums = self._sums((end, number) for _, end, number in marked)

    @staticmethod
    def _sums(marked: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
        ordered = sorted(marked)
        return [at for at, _ in ordered], [0, *accumulate(number for _, number in ordered)]

    def during(self, since: int, until: int) -> str:
        """Return the number for since ≤ t ≤ until."""
        begun = self._begun_sums[bisect_right(self._begun, until)]
        ended = self._ended_sums[bisect_right(self._ended, since)]
        return f"{(begun - ended) % _WHOLE:x}"


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())


@dataclass(slots=True)
class Joins:
    """All that normalising a log depends on besides its own bytes. `base`: what touches every line."""

    base: str
    tables: dict[str, Touching]
    grants: dict[str, int]  # token → the sum of its grants
    grants_sha256: str
    for_tokens: str  # what signs tokens
    until: int | None
    pad: int = 0  # microseconds by which times of lines were eased for their clocks

    def of_tokens(self, tokens: Iterable[str]) -> str:
        """Return a number that is another one whenever other grants are of one of these tokens."""
        return f"{sum(self.grants.get(token, 0) for token in tokens) % _WHOLE:x}"


def grants_of(rows: Iterable[Any]) -> dict[str, int]:
    """Return the sum of the grants of each token."""
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        found[row.token] += _number(repr(row))
    return dict(found)


# ---- Files of lines ----


@dataclass(slots=True)
class Log:
    """A log file whose lines are kept. `says`: its document."""

    sha256: str
    name: str  # in the folder, without what follows the dot
    says: dict[str, Any]

    @property
    def lines(self) -> str:
        return f"{self.name}.lines.parquet"

    @property
    def lines_sha256(self) -> str:
        return str(self.says["files"]["lines"])

    @property
    def days(self) -> dict[int, dict[str, Any]]:
        return {int(day): known for day, known in self.says["days"].items()}


class Shelf:
    """The lines of log files in a kept folder, and the numbers that all of them share."""

    def __init__(self, kept: Kept, joins: Joins) -> None:
        self.kept, self.joins = kept, joins
        self.numbers = Numbers()
        said = kept.document(NUMBERS) or {"edges": [], "operators": []}
        for text in said["edges"]:
            self.numbers.edge(address(text))
        for name in said["operators"]:
            self.numbers.operator(name)

    def find(self, sha256: str) -> Log | None:
        """Return the kept lines of a log, if they are what it would give again."""
        name = f"logs/{sha256}-{self.joins.base[:16]}"
        says = self.kept.document(f"{name}.json")
        if says is None or not self._are_known(says["numbers"]):
            return None
        log = Log(sha256, name, says)
        if says["rows"] and says["touched"] != self._touched(says["first"], says["last"]):
            return None
        if not self._same_until(says):
            return None
        if says["tokens"]:
            if says["for_tokens"] != self.joins.for_tokens:
                return None
            if says["grants_sha256"] != self.joins.grants_sha256:
                file = f"{name}.tokens.parquet"
                if not self.kept.is_whole(file, says["files"]["tokens"]):
                    return None
                tokens = pq.read_table(self.kept.path(file)).column("token").to_pylist()
                if self.joins.of_tokens(tokens) != says["granted"]:
                    return None
                says["grants_sha256"] = self.joins.grants_sha256
                self.kept.note(f"{name}.json", says)
        return log

    def open(self, log: Log) -> Path | None:
        """Return the file of lines, or None where it is damaged."""
        return self.kept.path(log.lines) if self.kept.is_whole(log.lines, log.lines_sha256) else None

    def users(self, log: Log) -> Path | None:
        """Return the file of users, or None where it is damaged."""
        name = f"{log.name}.users.parquet"
        return self.kept.path(name) if self.kept.is_whole(name, log.says["files"]["users"]) else None

    def add(
        self,
        sha256: str,
        *,
        lines: Path,
        users: Path,
        tokens: Iterable[str],
        rejected: Mapping[str, int],
        listed: Sequence[tuple[int, str]],
    ) -> Log:
        """Keep the lines of a log that was read."""
        name = f"logs/{sha256}-{self.joins.base[:16]}"
        said = sorted(tokens)
        days, first, last, rows = _of_days(lines, self.numbers)
        texts = lines.with_name("tokens.parquet")
        pq.write_table(pa.table([pa.array(said, pa.string())], ["token"]), texts, compression="zstd")
        self._note_numbers()
        files = {
            kind: self.kept.take(file, f"{name}.{kind}.parquet")
            for kind, file in (("lines", lines), ("users", users), ("tokens", texts))
        }
        says = {
            "files": files,
            "numbers": self._known(len(self.numbers.edges), len(self.numbers.operators)),
            "rows": rows,
            "first": first,
            "last": last,
            "touched": self._touched(first, last),
            "until": self.joins.until,
            "tokens": len(said),
            "for_tokens": self.joins.for_tokens,
            "grants_sha256": self.joins.grants_sha256,
            "granted": self.joins.of_tokens(said),
            "rejected": dict(rejected),
            "listed": [[line, reason] for line, reason in listed],
            "days": {str(day): known for day, known in days.items()},
        }
        self.kept.note(f"{name}.json", says)
        return Log(sha256, name, says)

    def _touched(self, first: int, last: int) -> dict[str, str]:
        pad = self.joins.pad
        return {name: table.during(first - pad, last + pad) for name, table in self.joins.tables.items()}

    def _same_until(self, says: Mapping[str, Any]) -> bool:
        """Say whether no line lies between the end that was stated then and the one stated now."""
        then, now = says["until"], self.joins.until
        if then == now:
            return True
        if then is not None and (now is None or now > then):
            return "in_the_future" not in says["rejected"]
        return not says["rows"] or bool(now is not None and says["last"] < now)

    # Numbers are added, never changed: a file of lines rests on those that were there when it was written.

    def _known(self, edges: int, operators: int) -> list[Any]:
        names = [str(self.numbers.edges[number]) for number in range(FIRST_EDGE, FIRST_EDGE + edges)]
        said = repr((names, self.numbers.operators[:operators]))
        return [edges, operators, hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()]

    def _are_known(self, said: Sequence[Any]) -> bool:
        edges, operators, _ = said
        if edges > len(self.numbers.edges) or operators > len(self.numbers.operators):
            return False
        return bool(self._known(edges, operators) == said)

    def _note_numbers(self) -> None:
        says = {
            "edges": [str(edge) for edge in self.numbers.edges.values()],
            "operators": self.numbers.operators,
        }
        self.kept.note(NUMBERS, says)


def _of_days(lines: Path, numbers: Numbers) -> tuple[dict[int, dict[str, Any]], int, int, int]:
    """Return, of each day of a file, a hash of its lines and the first and last moment of them; first and last start of
    all lines, and how many there are.
    """
    edges = [0] * (FIRST_EDGE + len(numbers.edges))
    for number in range(FIRST_EDGE):
        edges[number] = number
    for number, edge in numbers.edges.items():
        edges[number] = _number(str(edge)) % 2**62
    operators = [_number(name) % 2**62 for name in numbers.operators]
    texts = {"edge": pa.array(edges, pa.int64()), "operator": pa.array(operators, pa.int64())}
    hashes: dict[int, Any] = {}
    bounds: dict[int, list[int]] = {}
    first, last, rows = 0, 0, 0
    with pq.ParquetFile(lines) as opened:
        names = [name for name in opened.schema_arrow.names if name not in ("world", "file", "pair", "day")]
        for group in range(opened.num_row_groups):
            of_group = opened.read_row_group(group)
            starts = pc.min_max(of_group.column("start_us")).as_py()
            first = min(first, starts["min"]) if rows else starts["min"]
            last = max(last, starts["max"]) if rows else starts["max"]
            rows += of_group.num_rows
            for day in pc.unique(of_group.column("day")).to_pylist():
                of_day = of_group.filter(pc.equal(of_group.column("day"), day)).combine_chunks()
                sha = hashes.setdefault(day, hashlib.sha256())
                for name in names:
                    column = of_day.column(name).combine_chunks()
                    column = texts[name].take(column) if name in texts else pc.cast(column, pa.int64())
                    sha.update(memoryview(column.buffers()[1])[column.offset * 8 : (column.offset + len(column)) * 8])
                least = pc.min(of_day.column("start_us")).as_py()
                most = pc.max(of_day.column("end_us")).as_py()
                known = bounds.setdefault(day, [least, most, 0])
                known[:] = [min(known[0], least), max(known[1], most), known[2] + of_day.num_rows]
    found = {
        day: {"sha256": hashes[day].hexdigest(), "first": bounds[day][0], "last": bounds[day][1], "n": bounds[day][2]}
        for day in sorted(hashes)
    }
    return found, first, last, rows


# ---- Copies across files ----

_ROWS: Final = "SELECT {log} AS log, world, key_hi, key_lo, start_us, end_us, bytes, has_id, line, day FROM {files}"


class Copies:
    """The rows of requests that several lines tell of, of all logs that were held against each other."""

    def __init__(self, kept: Kept, store: DuckDB) -> None:
        self.kept, self.store = kept, store

    def find(self, logs: Sequence[Log], opened: Callable[[Log], Path]) -> dict[int, list[tuple[int, int]]]:
        """Return (position in `logs`, line) of every copy, by day. `opened`: the file of lines of a log."""
        said = self.kept.document(TWICE)
        seen: dict[str, str] = {}
        if said is not None and self.kept.is_whole(said["file"], said["sha256"]):
            seen = said["seen"]  # log → the hash of its lines
        old = [log for log in logs if seen.get(log.name) == log.lines_sha256]
        new = [log for log in logs if seen.get(log.name) != log.lines_sha256]
        places = {log.name: place for place, log in enumerate(logs)}
        names = pa.table([pa.array([*places], pa.string()), pa.array(places.values(), pa.int64())], ["name", "place"])
        self.store.give("places", names)
        rows = _whole("place", "world", "key_hi", "key_lo", "start_us", "end_us", "bytes", "has_id", "line", "day")
        self.store.give("repeated_rows", judging.table([], rows))
        if said is not None and old:
            self.store.files("known_rows", [self.kept.path(said["file"])])
            self.store.give("old_logs", pa.table([pa.array([log.name for log in old], pa.string())], ["name"]))
            self.store.connection.execute(
                "INSERT INTO repeated_rows SELECT p.place, 0, k.key_hi, k.key_lo, k.start_us, k.end_us, k.bytes, "
                "k.has_id, k.line, k.day FROM known_rows k JOIN old_logs o ON k.name = o.name "
                "JOIN places p ON k.name = p.name"
            )
        if new:
            self._hold(new, old, [*map(opened, new)], [*map(opened, old)], places)
        if new or len(seen) != len(old):
            self._note(logs)
        self.store.connection.execute(
            "CREATE OR REPLACE VIEW lines AS SELECT *, CAST(place AS INTEGER) AS file FROM repeated_rows"
        )
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        copies = self.store.ask(
            f"SELECT t.file, t.line, r.day FROM ({judging.TWICE}) t "  # noqa: S608
            "JOIN repeated_rows r ON t.file = r.place AND t.line = r.line"
        )
        for row in copies.to_pylist():
            found[row["day"]].append((row["file"], row["line"]))
        self.store.connection.execute("DROP VIEW lines")
        return {day: sorted(pairs) for day, pairs in found.items()}

    def _hold(
        self,
        new: Sequence[Log],
        old: Sequence[Log],
        new_files: list[Path],
        old_files: list[Path],
        places: dict[str, int],
    ) -> None:
        """Add the rows of requests that new files repeat: among themselves, and against all others."""
        connection = self.store.connection
        new_places = [places[log.name] for log in new]
        old_places = [places[log.name] for log in old]
        connection.execute(f"CREATE OR REPLACE VIEW new_rows AS {_read(new_files, new_places)}")
        connection.execute(
            "CREATE OR REPLACE TABLE repeated_keys AS SELECT key_hi, key_lo FROM new_rows "
            "GROUP BY key_hi, key_lo HAVING count(*) > 1"
        )
        if old_files:
            connection.execute(f"CREATE OR REPLACE VIEW old_rows AS {_read(old_files, old_places)}")
            connection.execute(
                "INSERT INTO repeated_keys SELECT DISTINCT key_hi, key_lo FROM old_rows "
                "WHERE (key_hi, key_lo) IN (SELECT (key_hi, key_lo) FROM new_rows)"
            )
        for view in ("new_rows", "old_rows") if old_files else ("new_rows",):
            connection.execute(
                "INSERT INTO repeated_rows SELECT place, 0, key_hi, key_lo, start_us, end_us, bytes, has_id, line, day "  # noqa: S608
                f"FROM {view} WHERE (key_hi, key_lo) IN (SELECT (key_hi, key_lo) FROM repeated_keys)"
            )
        connection.execute("CREATE OR REPLACE TABLE repeated_rows AS SELECT DISTINCT * FROM repeated_rows")

    def _note(self, logs: Sequence[Log]) -> None:
        made = self.kept.path("twice.making.part")
        self.store.write(
            "SELECT p.name, r.* EXCLUDE (place, world) FROM repeated_rows r JOIN places p ON r.place = p.place", made
        )
        sha = hashlib.sha256(made.read_bytes()).hexdigest()
        file = f"twice-{sha[:16]}.parquet"
        self.kept.take(made, file)
        self.kept.note(TWICE, {"file": file, "sha256": sha, "seen": {log.name: log.lines_sha256 for log in logs}})
        _only(self.kept, "twice-*.parquet", {file})


def _read(files: Sequence[Path], places: Sequence[int]) -> str:
    """Return a SELECT of files of lines, each with its place."""
    names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    place = f"[{', '.join(map(str, places))}][CAST(file_index AS INTEGER) + 1]"
    return f"SELECT *, {place} AS place FROM read_parquet([{names}])"  # noqa: S608


def _only(kept: Kept, pattern: str, names: set[str]) -> None:
    for file in kept.folder.glob(pattern):
        if file.name not in names:
            file.unlink()


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
        self.store.give("book_days", judging.table([(day,) for day in sorted(days)], _whole("day")))
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
        self.store.give("book_days", judging.table([(day,) for day in sorted(good)], _whole("day")))
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
            _only(self.kept, f"{kind}-*.parquet", {files[kind][0]})


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
        f"CREATE OR REPLACE VIEW stale_rows AS {_read([opened(logs[place]) for place in places], places)}"
    )
    store.give("stale_days", judging.table([(day,) for day in stale], _whole("day")))
    store.give("copies", judging.table([pair for day in stale for pair in copies.get(day, ())], _whole("file", "line")))
    store.give("probed", judging.table(_probed(register, terms, numbers), _whole("edge", "operator", "probed")))
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
