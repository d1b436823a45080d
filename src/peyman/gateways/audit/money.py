"""Sums to rials: what each user was overcharged on each day, and when which addresses were at full price."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peyman.gateways.audit.engines import DuckDB
from peyman.gateways.audit.judging import Part, table
from peyman.gateways.audit.numbers import Numbers, day_of
from peyman.kernel.prefixes import Address
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Tariff
from peyman.market.tariff.rules.audit_joins import Edges

_RATES: Final = pa.schema(
    [
        ("operator", pa.int32()),
        ("day", pa.int32()),
        ("low", pa.int64()),
        ("low_for", pa.int64()),
        ("high", pa.int64()),
        ("high_for", pa.int64()),
        ("bare_low", pa.int64()),  # without what no log sees
        ("bare_low_for", pa.int64()),
        ("bare_high", pa.int64()),
        ("bare_high_for", pa.int64()),
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


def rates(
    days: Iterable[tuple[int, int]],
    operators: Sequence[str],
    tariffs: Iterable[Tariff],
    overhead: Fraction = Fraction(1),
) -> pa.Table:
    """Return the bounds of each (operator, day) that has any, as fractions of whole numbers, `overhead` in them."""
    of: dict[str, list[Tariff]] = {}
    for row in tariffs:
        of.setdefault(row.operator, []).append(row)
    rows = []
    for operator, day in days:
        found = rules.bounds(of.get(operators[operator], []), day_of(day)) if operator >= 0 else None
        if found:
            each = (found.low * overhead, found.high * overhead, found.low, found.high)
            parts = [part for one in each for part in (one.numerator, one.denominator)]
            rows.append((operator, day, *parts))
    return table(rows, _RATES)


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
    bare_low: int | None  # rials of the bytes that logs name, without what no log sees
    bare_high: int | None


def prepare(
    engine: DuckDB,
    sums: pa.Table,
    numbers: Numbers,
    tariffs: Sequence[Tariff],
    users: Sequence[Path],
    overhead: Fraction = Fraction(1),
) -> None:
    """Make what `answer` said known, with names and rates. Raises RuntimeError if two users have one number.

    `overhead`: what headers, TLS and retransmits add to the bytes that logs name, as a factor.
    """
    engine.give("overcharged", sums)
    engine.files("all_users", users)
    engine.connection.execute("CREATE OR REPLACE TABLE users AS SELECT DISTINCT person, name FROM all_users")
    if engine.ask("SELECT person FROM users GROUP BY person HAVING count(*) > 1 LIMIT 1").num_rows:
        raise RuntimeError("two users have one number")
    days = engine.ask("SELECT DISTINCT operator, day FROM overcharged").to_pylist()
    engine.give("rates", rates(((row["operator"], row["day"]) for row in days), numbers.operators, tariffs, overhead))
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
        SELECT u.name AS "user", o.name AS operator, s.day, s.n, s.bytes, r.*
        FROM (
            SELECT person, operator, day, CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes
            FROM overcharged GROUP BY person, operator, day
        ) s
        JOIN users u ON s.person = u.person
        JOIN operators o ON s.operator = o.operator
        LEFT JOIN (SELECT * RENAME (operator AS of_operator, day AS of_day) FROM rates) r
            ON s.operator = r.of_operator AND s.day = r.of_day
        ORDER BY u.name, o.name, s.day
    """
    lines = sent = without = 0
    low: int | None = None
    high: int | None = None
    bare_low: int | None = None
    bare_high: int | None = None
    with pq.ParquetWriter(file, BY_USER_DAY, compression="zstd") as out:
        for batch in batches(engine, sql):
            of = {name: batch.column(name) for name in batch.schema.names}
            least, most, bare_least, bare_most = (
                rials_of(of["bytes"], of[name], of[f"{name}_for"])
                if not is_sample
                else pa.nulls(batch.num_rows, pa.int64())
                for name in ("low", "high", "bare_low", "bare_high")
            )
            lines += pc.sum(of["n"]).as_py()
            sent += pc.sum(of["bytes"]).as_py()
            without += pc.sum(pc.if_else(pc.is_null(of["low"]), of["bytes"], 0)).as_py()
            low, high = _plus(low, least), _plus(high, most)
            bare_low, bare_high = _plus(bare_low, bare_least), _plus(bare_high, bare_most)
            day = pc.cast(pc.cast(of["day"], pa.int32()), pa.date32())
            out.write_table(
                pa.table([of["user"], of["operator"], day, of["n"], of["bytes"], least, most], schema=BY_USER_DAY)
            )
    return Sums(lines, sent, low, high, without, bare_low, bare_high)


def _plus(total: int | None, more: pa.Array) -> int | None:
    found = pc.sum(more).as_py()
    return total if found is None else (total or 0) + found


def intervals(
    engine: DuckDB, parts: Sequence[Part], edges: Edges, folder: Path, *, is_sample: bool = False
) -> list[dict[str, Any]]:
    """Return the times of full price in which users of an operator were overcharged, and on which addresses.

    An interval is as long as the registry says, within the time in which the addresses were declared to serve. Its
    rials are rounded for each of its user days, so that all intervals may come to some rials more than the totals.
    """
    spans = [declared(part, edges) for part in parts]
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
    addresses: dict[tuple[int, str], set[Address]] = {}
    where = engine.ask(
        "SELECT DISTINCT c.part, o.name AS operator FROM overcharged c JOIN operators o ON c.operator = o.operator"
    )
    for row in where.to_pylist():
        part = parts[row["part"]]
        addresses.setdefault((numbers[spans[row["part"]]], row["operator"]), set()).add(part.edge)
    by_number = [*numbers]
    found = [
        {
            "edges": [
                str(one)
                for one in sorted(addresses[row["stretch"], row["operator"]], key=lambda at: (at.version, int(at)))
            ],
            "operator": row["operator"],
            "from": iso(by_number[row["stretch"]][0]),
            "to": iso(by_number[row["stretch"]][1]),
            "lines": row["lines"],
            "bytes": row["bytes"],
            "rials_low": row["low"],
            "rials_high": row["high"],
            "cause": by_number[row["stretch"]][2],
        }
        for row in rows
    ]
    return sorted(found, key=lambda row: (row["from"], row["to"], row["operator"], row["edges"], row["cause"]))


def declared(part: Part, edges: Edges) -> tuple[int, int, str]:
    """Return a span cut to the time in which its address was declared to serve, if it was at all."""
    span = part.span
    said = [row for row in edges.over(part.edge) if row.start < span.end and span.start < row.end]
    start = max(span.start, min((row.start for row in said), default=span.start))
    end = min(span.end, max((row.end for row in said), default=span.end))
    return start, end, span.cause


def iso(at: int) -> str:
    return rules.instant(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
