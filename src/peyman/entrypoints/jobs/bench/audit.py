"""The tariff audit: logs read, whole answers over normalised lines, a new day, totals from roll-ups.

The lines are those of a market with 140,000 downloads a day from two hundred addresses, of which one in eight was at
full price and some changed within a day; two hundred thousand users, twenty lines each on a day on which they load.
Rates are by processor time: other work on the machine stretches time, and both sides of a share alike.
"""

import gc
import os
import random
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import partial
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from pyarrow import csv

from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.console import tell
from peyman.gateways import logs
from peyman.gateways.audit import engines, judging, money, numbers, reading, rolls
from peyman.gateways.logs.own import CANONICAL
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules.audit import ALWAYS, Code, Register, Shown, Tariff, Terms, by_network, micros
from peyman.market.tariff.rules.audit_joins import DeclaredEdge, Edges, Isp, Operators, Promises, Release
from peyman.market.tariff.rules.history import Listed, seen

ROWS: Final = 20_000_000
A_DAY, EDGES, OPERATORS, USERS = 140_000, 200, 8, 200_000
GROUP, STEP = 200_000, 2_000_000
START: Final = date(2022, 10, 1)  # from then on Tehran is at +03:30 all year, as the made lines are
MEMORY: Final = "1200MB"  # of the engine; the process has the rest of its limit
MOST_MEGABYTES, MOST_OF_A_DAY, LEAST_LINES, LEAST_NGINX = 2000, 50, 500_000, 200_000

TERMS: Final = Terms(tolerance=timedelta(seconds=5))

_FIRST = START.toordinal() - date(1970, 1, 1).toordinal()
_BARE = "SELECT sum(pair), sum(start_us), sum(end_us), sum(person), sum(operator), sum(bytes) FROM lines"
_MADE = f"""
WITH i AS (SELECT range AS i, {{first}} + range // {A_DAY} AS day, hash(range) AS h FROM range({{since}}, {{until}})),
s AS (SELECT *, hash(day * 100000 + h % {A_DAY // 20}) AS session FROM i),
t AS (
    SELECT i, CAST(day AS BIGINT) AS day, h, CAST(session % {USERS} AS BIGINT) AS person,
        CAST({numbers.FIRST_EDGE} + hash(session + (h >> 40) % 3) % {EDGES} AS BIGINT) AS edge,
        CASE WHEN h % 50 = 0 THEN {Code.METHOD:d} WHEN h % 77 = 0 THEN {Code.NO_BYTES:d} ELSE 0 END AS gate,
        CASE (session >> 20) % 10
            WHEN 0 THEN {Shown.NO:d} WHEN 1 THEN {Shown.UNKNOWN:d} ELSE {Shown.YES:d}
        END AS shown,
        CAST(day * 86400000000 - 12600000000 + (h >> 13) % 86390000000 AS BIGINT) AS start_us
    FROM s
), l AS (
    SELECT 0 AS world, edge, day, start_us, CAST(start_us + (h >> 30) % 9000000 AS BIGINT) AS end_us, person,
        person % {OPERATORS} AS operator, gate, shown, 0 AS late, CAST((h >> 7) % 80000000 AS BIGINT) AS bytes,
        CAST(hash(i + 1) >> 1 AS BIGINT) AS key_hi, CAST(hash(i + 7) >> 1 AS BIGINT) AS key_lo, 1 AS has_id, 0 AS file,
        i AS line
    FROM t
)
SELECT *, {numbers.PAIR} AS pair FROM l ORDER BY line // {GROUP}, pair, start_us
"""  # noqa: S608


@dataclass(frozen=True)
class Case:
    """Normalised lines in a file, with all that judges them."""

    folder: Path
    lines: Path
    users: Path
    rows: int
    register: Register
    numbers: numbers.Numbers
    edges: Edges
    tariffs: list[Tariff]

    @property
    def days(self) -> list[int]:
        return [*range(_FIRST, _FIRST + -(-self.rows // A_DAY))]


def bench_audit(rows: int = ROWS, texts: int = 300_000, *, others: int = 0) -> list[Figure]:
    """Measure over `rows` normalised lines and `texts` lines of logs; `others`: lines for each of the other engines."""
    with tempfile.TemporaryDirectory(prefix="peyman-bench-", dir=settings.DATA_DIR) as kept:
        folder = Path(kept)
        return [*_logs(folder, texts), *_answers(folder, rows), *(_others(folder, others) if others else ())]


# ---- Whole answers ----


def _answers(folder: Path, rows: int) -> Iterator[Figure]:
    tell(f"making {rows:,} normalised lines")
    case = _made(folder / "whole", rows)
    tell("scanning and answering in turn")
    bare: list[float] = []
    whole: list[float] = []
    walls: list[float] = []
    _forget_peak()
    counts: dict[Any, int] = {}
    for _ in range(ROUNDS):
        bare.append(_cost(lambda: _scanned(case))[0])
        (spent, wall), counts = _measured(lambda: _answered(case))
        whole.append(spent)
        walls.append(wall)
    peak = _peak()
    limit = rows / statistics.median(bare)
    yield Figure(f"audit: {rows:,} rows, whole answer", "rows/s", rows / statistics.median(whole), limit, "bare scan")
    yield Figure("audit: most memory meanwhile", "MB", peak, MOST_MEGABYTES, "what it may take")
    yield Figure("audit: seconds for it, as they passed", "s", statistics.median(walls), 0, "no limit")
    yield _rolled(case, counts, limit)
    yield from _peers(case, limit)
    small = _made(folder / "small", max(rows // 5, 1))
    spent = statistics.median(_cost(lambda: _answered(small))[0] for _ in range(ROUNDS))
    rate = rows / statistics.median(whole)
    yield Figure("audit: rate over a fifth of the rows", "rows/s", small.rows / spent, rate, "rate over all")
    often = _often(case)
    spent = statistics.median(_cost(lambda: _answered(often))[0] for _ in range(ROUNDS))
    yield Figure("audit: rate with 100 times the changes", "rows/s", rows / spent, rate, "rate with today's")
    a_day = _made(folder / "day", min(rows, A_DAY))
    engine = _engine(a_day)
    day = statistics.median(_cost(lambda: _judged(engine, a_day))[0] for _ in range(3 * ROUNDS)) * 1000
    engine.close()
    yield Figure(f"audit: a new day of {a_day.rows:,} rows", "ms", day, MOST_OF_A_DAY, "what it may take")


def _engine(case: Case) -> engines.DuckDB:
    return engines.DuckDB(_fresh(case.folder), memory=MEMORY)


def _scanned(case: Case) -> None:
    engine = _engine(case)
    engine.files("lines", [case.lines])
    engine.ask(_BARE)
    engine.close()


def _answered(case: Case) -> dict[Any, int]:
    """The whole answer: lines by what became of them, what each user was overcharged on each day, intervals."""
    engine = _engine(case)
    try:
        engine.files("lines", [case.lines])
        counts, sums, parts = judging.answer(engine, lambda world: (case.register, TERMS, case.numbers))
        money.prepare(engine, sums, case.numbers, case.tariffs, [case.users])
        paid = money.write_by_user_day(engine, case.folder / "by_user_day.parquet")
        money.intervals(engine, parts, case.edges, case.folder)
        if paid.lines != counts[0, Code.OVERCHARGED]:
            raise RuntimeError("users have other lines than the totals")
        return counts
    finally:
        engine.close()


def _judged(engine: engines.DuckDB, case: Case) -> None:
    """What a day that comes new costs: its lines judged and summed for each user."""
    engine.files("lines", [case.lines])
    judging.answer(engine, lambda world: (case.register, TERMS, case.numbers))


def _rolled(case: Case, counts: dict[Any, int], limit: float) -> Figure:
    """Totals of all lines by a changed history, from the roll-ups of their days."""
    engine = _engine(case)
    engine.files("lines", [case.lines])
    rolls.roll(engine, case.register, TERMS, case.numbers, case.days)
    spent = []
    for _ in range(ROUNDS):
        judge = rolls.Judge(case.register, TERMS, case.numbers.edges.values())
        cost, (found, _) = _measured(partial(rolls.totals, engine, judge))
        spent.append(cost[0])
        if dict(found) != {code: many for (_, code), many in counts.items()}:
            raise RuntimeError("roll-ups and lines differ")
    engine.close()
    return Figure(
        "audit: totals from roll-ups of days", "rows/s", case.rows / statistics.median(spent), limit, "bare scan"
    )


# ---- Peers ----


def _peers(case: Case, limit: float) -> Iterator[Figure]:
    wanted = _wanted(case)
    part = min(case.rows, 200_000)
    columns = ["pair", "start_us", "end_us", "person", "operator", "bytes"]
    few = pq.ParquetFile(case.lines).read_row_group(0, columns=columns).slice(0, part)
    spent = _cost(lambda: _plain(few, wanted))[0]
    yield Figure("audit: plain Python, sums alone", "rows/s", few.num_rows / spent, limit, "bare scan")
    try:
        import polars  # noqa: PLC0415  # for developers only
    except ImportError:
        return
    given = polars.LazyFrame({"pair": wanted.column("pair").to_pylist()})

    def ask() -> None:
        whole = polars.scan_parquet(case.lines)
        whole.group_by("pair").agg(polars.len()).collect()
        found = whole.join(given, on="pair").group_by("pair", "person", "operator")
        found.agg(polars.len(), polars.col("bytes").sum()).collect()

    spent = statistics.median(_cost(ask)[0] for _ in range(ROUNDS))
    yield Figure("audit: Polars, sums alone", "rows/s", case.rows / spent, limit, "bare scan")


def _wanted(case: Case) -> pa.Table:
    engine = _engine(case)
    engine.files("lines", [case.lines])
    looked = judging.look(engine.ask(judging.PAIRS), lambda world: (case.register, TERMS, case.numbers))
    engine.close()
    return pa.table([pa.array([row[0] for row in looked.wanted], pa.int64())], ["pair"])


def _plain(few: pa.Table, wanted: pa.Table) -> None:
    pairs, sums = Counter[int](), Counter[tuple[int, int, int]]()
    asked = set(wanted.column("pair").to_pylist())
    columns = [few.column(name).to_pylist() for name in ("pair", "person", "operator", "bytes")]
    for pair, person, operator, sent in zip(*columns, strict=True):
        pairs[pair] += 1
        if pair in asked:
            sums[pair, person, operator] += sent


# ---- The other engines ----


def _others(folder: Path, rows: int) -> Iterator[Figure]:
    """The same text on each engine: it must come to the same lines and bytes."""
    case = _made(folder / "others", rows)
    found, rates = {}, {}
    for name in engines.NAMES:
        tell(f"{rows:,} lines on {name}")
        engine = engines.start(name, _fresh(case.folder), memory=MEMORY)
        begun = time.perf_counter()
        engine.files("lines", [case.lines])
        counts, sums, _ = judging.answer(engine, lambda world: (case.register, TERMS, case.numbers))
        rates[name] = rows / (time.perf_counter() - begun)
        engine.close()
        by_user = sums.group_by(["person", "operator", "day"]).aggregate([("n", "sum"), ("bytes", "sum")])
        ordered = by_user.sort_by([(key, "ascending") for key in ("person", "operator", "day")])
        found[name] = dict(counts), ordered.to_pylist()
    for name in engines.NAMES[1:]:
        if found[name] != found["duckdb"]:
            raise RuntimeError(f"{name} comes to another answer than DuckDB")
        yield Figure(
            f"audit: {rows:,} rows on {name}, the same answer", "rows/s", rates[name], rates["duckdb"], "DuckDB"
        )


# ---- Logs ----


def _logs(folder: Path, lines: int) -> Iterator[Figure]:
    tell(f"writing logs of {lines:,} lines")
    files = _written(folder, lines)
    for form, file in files.items():
        tell(f"reading {file.name}")
        name = "nginx" if form == "nginx" else "canonical"
        bare = statistics.median(_cost(partial(_bare_read, file))[0] for _ in range(ROUNDS))
        costs = [_cost(partial(_read, folder, file, name)) for _ in range(ROUNDS)]
        spent, walls = zip(*costs, strict=True)
        limit = LEAST_NGINX if form == "nginx" else LEAST_LINES
        rate = lines / statistics.median(spent)
        yield Figure(f"audit: lines of {form}, to numbers", "lines/s", rate, lines / bare, "pyarrow, bare")
        yield Figure(
            f"audit: {form}, as time passed", "lines/s", lines / statistics.median(walls), limit, "what it must give"
        )
        one = _cost(partial(_read, folder, file, name, by_line=True, most=lines // 20))[0]
        yield Figure(f"audit: {form}, one by one", "lines/s", (lines // 20) / one, rate, "the same by columns")


def _bare_read(file: Path) -> None:
    if file.suffix == ".parquet":
        pq.read_table(file, use_threads=False)
    else:
        separator = '"' if file.suffix == ".log" else ","
        csv.read_csv(file, csv.ReadOptions(use_threads=False, autogenerate_column_names=True),
                     csv.ParseOptions(delimiter=separator, quote_char=False))  # fmt: skip


def _read(folder: Path, file: Path, form: str, *, by_line: bool = False, most: int = 0) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        if most:
            cut = Path(place) / file.name
            if file.suffix == ".parquet":
                pq.write_table(pq.read_table(file).slice(0, most), cut)
            else:
                with file.open("rb") as whole:
                    cut.write_bytes(b"".join(line for line, _ in zip(whole, range(most + 1), strict=False)))
            file = cut
        normaliser = numbers.Normaliser(
            Path(place),
            operators=Operators(
                Isp(ip_network(f"5.{n}.0.0/16"), "", f"operator-{n}", micros(day_start(START)), ALWAYS)
                for n in range(OPERATORS)
            ),
            promises=Promises((), [Release("*", 0, ALWAYS, Shown.YES)]),
            edges=Edges([DeclaredEdge("own", ip_network("185.1.0.0/16"), 0, ALWAYS, "")]),
            numbers=numbers.Numbers(),
        )
        for part in reading.take_file(file, form, logs.Options(), normaliser, 0, by_line=by_line):
            if part.bad:
                raise RuntimeError(f"lines were rejected: {part.bad[:3]}")
        normaliser.close()


def _written(folder: Path, lines: int) -> dict[str, Path]:
    """Write the same downloads as our own CSV and Parquet and as nginx's."""
    draw = random.Random(1402)  # noqa: S311  # the same logs in every run
    own, web = folder / "own.csv", folder / "nginx.log"
    at = datetime(2023, 5, 1, tzinfo=UTC)
    with own.open("w") as ours, web.open("w") as theirs:
        ours.write(",".join(CANONICAL) + "\n")
        for number in range(lines):
            at += timedelta(milliseconds=617)
            end = at + timedelta(milliseconds=draw.randrange(9000))
            client = f"5.{draw.randrange(OPERATORS)}.{draw.randrange(256)}.{draw.randrange(25)}"
            edge = f"185.1.{number % 3}.{draw.randrange(EDGES // 3)}"
            token = f"u{draw.randrange(USERS // 10)}" if draw.random() < 0.8 else ""
            path, sent = f"/apk/com.app{draw.randrange(3000)}.apk", draw.randrange(80_000_000)
            request = f"{draw.getrandbits(128):032x}"
            stamps = [moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in (at, end)]
            ours.write(
                f"{stamps[0]},{stamps[1]},{edge},{client},GET,dl.market.ir,{path},206,,,,{sent},true,{request},own,"
                f"edge-{number % 20},{token}\n"
            )
            query = f"?token={token}" if token else ""
            theirs.write(
                f'{client} - - [{end:%d/%b/%Y:%H:%M:%S} +0000] "GET {path}{query} HTTP/1.1" 206 {sent} "-" '
                f'"okhttp/4.{number % 9} (Android {number % 14})" {edge} {end.timestamp():.3f} '
                f"{(end - at).total_seconds():.3f} dl.market.ir {request}\n"
            )
    texts = {name: pa.string() for name in CANONICAL if name not in ("status", "body_bytes")}
    table = csv.read_csv(own, convert_options=csv.ConvertOptions(column_types=texts))
    pq.write_table(table, folder / "own.parquet", compression="zstd")
    return {"our own CSV": own, "our own Parquet": folder / "own.parquet", "nginx": web}


# ---- Lines and histories ----


def _made(folder: Path, rows: int) -> Case:
    folder.mkdir()
    connection = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY, "temp_directory": str(folder / "spill")})
    with pq.ParquetWriter(folder / "lines.parquet", numbers.LINES, compression="zstd") as out:
        for since in range(0, rows, STEP):
            sql = _MADE.format(first=_FIRST, since=since, until=min(rows, since + STEP))
            out.write_table(connection.sql(sql).to_arrow_table().cast(numbers.LINES), row_group_size=GROUP)
    connection.close()
    names = pa.table(
        [pa.array(range(USERS), pa.int64()), pa.array([f"user-{n}" for n in range(USERS)])], numbers.USERS.names
    )
    pq.write_table(names, folder / "users.parquet")
    known = numbers.Numbers()
    for number in range(EDGES):
        known.edge(IPv4Address("185.1.0.0") + number)
    for number in range(OPERATORS):
        known.operator(f"operator-{number}")
    days = -(-rows // A_DAY)
    return Case(
        folder,
        folder / "lines.parquet",
        folder / "users.parquet",
        rows,
        _register(days, 1),
        known,
        Edges([DeclaredEdge("own", ip_network("185.1.0.0/16"), 0, ALWAYS, "")]),
        [
            Tariff(f"operator-{n}", "web", plan, 0, ALWAYS, Fraction(full), Fraction(1, 2), 1_000_000, True)
            for n in range(OPERATORS - 1)
            for plan, full in (("payg", 100 + n), ("pack", 41 + n))
        ],
    )


def _register(days: int, times: int) -> Register:
    """A list a week, every third dated by the second; one address in eight comes late. `times`: as many changes."""
    draw = random.Random(1402)  # noqa: S311
    looks = [
        seen(f"S{n}", day_start(START + timedelta(days=7 * n - 7)) + timedelta(seconds=3601 * (n % 3 == 1)), n % 3 != 1)
        for n in range(days // 7 + 3)
    ]
    rows = []
    for number in range(EDGES):
        text = f"{IPv4Address('185.1.0.0') + number}/32"
        is_late = number % 8 == 0
        first = draw.randrange(1, len(looks)) if is_late else 0
        due = START + timedelta(days=7 * first + 3 if is_late else -30)
        # One in three vanishes from every tenth list and comes back, so that some days are of several prices.
        away = [*range(10 + number % 7, len(looks), 10)] if number % 3 == 1 and not is_late else []
        for begin, end in zip([first, *(at + 1 for at in away)], [*away, None], strict=True):
            if begin < len(looks):
                rows.append(Listed(number, text, "market.ir", due - timedelta(days=15), due, begin, end))
    others = 50 * times  # rows of others that cover the same addresses now and then
    for number in range(others if times > 1 else 20):
        first = draw.randrange(len(looks) - 1)
        network = f"{IPv4Address('185.1.0.0') + draw.randrange(EDGES)}/32"
        due = START + timedelta(days=7 * first + draw.randrange(20))
        absent = draw.randrange(first + 1, len(looks) + 1)
        rows.append(
            Listed(EDGES + number, network, "other.ir", due, due, first, absent if absent < len(looks) else None)
        )
    return Register(looks, by_network(rows))


def _often(case: Case) -> Case:
    return Case(**{**case.__dict__, "register": _register(-(-case.rows // A_DAY), 100)})


# ---- Measuring ----


def _fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder))


def _measured(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Return seconds of all processors and seconds that passed, and what was found."""
    gc.collect()
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = work()
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (spent, ended - begun), found


def _cost(work: Callable[[], Any]) -> tuple[float, float]:
    return _measured(work)[0]


def _forget_peak() -> None:
    """Let the most memory of this process be counted from now on, where the system can."""
    pa.default_memory_pool().release_unused()
    if os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """Return the most megabytes that this process held."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) / 1000 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
