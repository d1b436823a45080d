"""Lines rolled up by address, day, operator, reason, showing and stretch of history: about 3 % of the lines.

A stretch (bucket) lies between cuts: midnights of Tehran and all instants at which the history may say something else.
It is `since` ≤ t < `until` for every moment of its lines, give or take their clocks, and no wider than need be. So the
rule may be asked of a bucket in place of its lines, also of a history that changes at no other instant
(`recount.py`, `totals`).
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from peyman.gateways.audit.engines import DuckDB
from peyman.gateways.audit.judging import table
from peyman.gateways.audit.money import batches
from peyman.gateways.audit.numbers import NO_EDGE, UNPROVEN, Numbers, day_of
from peyman.kernel.prefixes import Address
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Line, Register, Shown, Terms

UNPROVEN_EDGE: Final = "unproven"  # in place of an address; "" where the log names none
LONGEST: Final = 32  # days that a transfer may end after it began
SHARES: Final = 0xFFFF  # by which a user's bytes are weighed, so that bytes of another user show

SUMS: Final = pa.schema(
    [
        ("edge", pa.string()),
        ("operator", pa.string()),
        ("day", pa.int32()),  # in Tehran, since 1970
        ("gate", pa.int16()),  # why the lines are not counted, or 0
        ("shown", pa.int16()),
        ("since_us", pa.int64()),
        ("until_us", pa.int64()),
        ("lines", pa.int64()),
        ("bytes", pa.int64()),
        ("weighed", pa.decimal128(38, 0)),  # Σ bytes × a number of the user
    ]
)

_ROLL: Final = """
WITH told AS (
    SELECT l.edge, l.operator, l.day, l.gate, l.shown, l.person, l.bytes, d.begins, d.ends, d.is_cut,
        l.start_us - {slack} AS since, l.end_us + {slack} AS until,
        l.start_us - {slack} >= d.begins AND l.end_us + {slack} < d.ends AS is_inside
    FROM lines l JOIN roll_days d ON l.day = d.day
), placed AS (
    SELECT edge, operator, day, gate, shown, person, bytes, begins AS since_us, ends AS until_us FROM told
    WHERE gate <> 0 OR (is_inside AND is_cut = 0)
    UNION ALL
    SELECT t.edge, t.operator, t.day, t.gate, t.shown, t.person, t.bytes, a.since_us, b.until_us
    FROM told t
    JOIN roll_buckets a ON t.day = a.day AND t.since >= a.since_us AND t.since < a.until_us
    JOIN roll_buckets b ON t.day = b.day AND t.until >= b.since_us AND t.until < b.until_us
    WHERE t.gate = 0 AND t.is_inside AND t.is_cut = 1
    UNION ALL
    SELECT t.edge, t.operator, t.day, t.gate, t.shown, t.person, t.bytes, a.since_us, b.until_us
    FROM (SELECT * FROM told WHERE gate = 0 AND NOT is_inside) t
    ASOF JOIN roll_cuts a ON t.since >= a.since_us
    ASOF JOIN roll_cuts b ON t.until >= b.since_us
)
SELECT edge, operator, day, gate, shown, since_us, until_us, count(*) AS n, CAST(sum(bytes) AS BIGINT) AS bytes,
    CAST(sum(bytes * (person & {shares})) AS DECIMAL(38, 0)) AS weighed
FROM placed GROUP BY edge, operator, day, gate, shown, since_us, until_us
"""

_NAMED: Final = """
SELECT e.name AS edge, o.name AS operator, CAST(r.day AS INTEGER) AS day, CAST(r.gate AS SMALLINT) AS gate,
    CAST(r.shown AS SMALLINT) AS shown, r.since_us, r.until_us, CAST(sum(r.n) AS BIGINT) AS lines,
    CAST(sum(r.bytes) AS BIGINT) AS bytes, CAST(sum(r.weighed) AS DECIMAL(38, 0)) AS weighed
FROM ({rolled}) r JOIN roll_edges e ON r.edge = e.edge JOIN roll_operators o ON r.operator = o.operator
GROUP BY e.name, o.name, r.day, r.gate, r.shown, r.since_us, r.until_us
"""


def cuts(register: Register, first: int, last: int) -> list[int]:
    """Return every midnight about day `first` through `last`, and every instant at which the history or a probe may say
    something else than a moment before.
    """
    begins, ends = first - 2, last + LONGEST + 2
    found = {rules.micros(day_start(day_of(day))) for day in range(begins, ends + 1)}
    least, most = min(found), max(found)
    for one in register.snapshots:
        start = rules.micros(one.starts_at)
        found |= {start, rules.micros(one.ends_at) if one.whole_day else start + 1}
    found |= {at for probes in register.probes.values() for probe in probes for at in (probe.at, probe.at + 1)}
    return sorted(at for at in found if least <= at <= most)


def roll(engine: DuckDB, register: Register, terms: Terms, numbers: Numbers, days: Sequence[int]) -> None:
    """Roll `lines` of `days` up into the table `rolls`, by name as SUMS says."""
    slack = terms.tolerance // rules.MICROSECOND
    found = cuts(register, min(days, default=0), max(days, default=0))
    of_days, buckets = [], []
    for day in days:
        begins, ends = (rules.micros(day_start(day_of(one))) for one in (day, day + 1))
        inner = found[bisect_right(found, begins) : bisect_right(found, ends - 1)]
        of_days.append((day, begins, ends, 1 if inner else 0))
        if inner:
            buckets += [(day, since, until) for since, until in zip([begins, *inner], [*inner, ends], strict=True)]
    whole = pa.int64()
    engine.give("roll_days", table(of_days, _schema("day", "begins", "ends", "is_cut")))
    engine.give("roll_buckets", table(buckets, _schema("day", "since_us", "until_us")))
    every = [-(2**62), *found, 2**62]
    engine.give("roll_cuts", table([*pairwise(every)], _schema("since_us", "until_us")))
    texts = {NO_EDGE: "", UNPROVEN: UNPROVEN_EDGE} | {number: str(edge) for number, edge in numbers.edges.items()}
    engine.give(
        "roll_edges", pa.table([pa.array(texts, whole), pa.array(texts.values(), pa.string())], ["edge", "name"])
    )
    engine.give(
        "roll_operators",
        pa.table(
            [pa.array(range(len(numbers.operators)), whole), pa.array(numbers.operators, pa.string())],
            ["operator", "name"],
        ),
    )
    rolled = _ROLL.format(slack=slack, shares=SHARES)
    engine.connection.execute(f"CREATE OR REPLACE TABLE rolls AS {_NAMED.format(rolled=rolled)}")


def write(engine: DuckDB, file: Path) -> None:
    """Write `rolls`, ordered."""
    sql = "SELECT * FROM rolls ORDER BY edge, operator, day, gate, shown, since_us, until_us"
    with pq.ParquetWriter(file, SUMS, compression="zstd") as out:
        for batch in batches(engine, sql):
            out.write_table(pa.Table.from_batches([batch]).cast(SUMS))


def _schema(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.int64()) for name in names])


# ---- The rule asked of buckets ----


class Judge:
    """What the rule in Python says of buckets: of one line of each."""

    def __init__(self, register: Register, terms: Terms, edges: Iterable[Address]) -> None:
        self._register, self._terms = register, terms
        self._edges: dict[str, Address] = {str(edge): edge for edge in edges}
        self._known: dict[tuple[str, str, int, int, int], Code] = {}

    @property
    def probed(self) -> Iterable[tuple[Address, str]]:
        """Addresses at which operators were measured, and these."""
        return self._register.probes

    def code(self, edge: str, operator: str, gate: int, shown: int, since: int, until: int) -> Code:
        """Return what became of the lines of a bucket."""
        if gate:
            return Code(gate)
        address = self._edges.get(edge)
        if address is None or (address, operator) not in self._register.probes:
            operator = ""
        key = edge, operator, shown, since, until
        if key not in self._known:
            line = Line(
                since,
                until - 1,
                address,
                "GET",
                200,
                1,
                no_edge=Code.EDGE_UNPROVEN if edge == UNPROVEN_EDGE else Code.NO_EDGE_ADDRESS,
            )
            self._known[key] = rules.classify(
                line, Shown(shown), self._register, self._terms, operator=operator, tolerance=_NONE
            )
        return self._known[key]


_NONE: Final = rules.MICROSECOND * 0  # the tolerance is in the bucket


def totals(engine: DuckDB, judge: Judge) -> tuple[Counter[Code], Counter[Code]]:
    """Return lines and bytes of `rolls` by what became of them, for whatever history `judge` goes by, without reading a
    line again.
    """
    # Operators matter where one was measured, and nothing does for what is not counted: so the rule is asked little.
    probed = pa.table([pa.array(sorted({str(edge) for edge, _ in judge.probed}), pa.string())], ["probed_edge"])
    engine.give("roll_probed", probed)
    engine.connection.execute(
        """CREATE OR REPLACE TABLE asked AS
        SELECT CASE WHEN gate = 0 THEN edge ELSE '' END AS edge, CASE WHEN p.probed_edge IS NULL THEN '' ELSE operator
            END AS operator, gate, CASE WHEN gate = 0 THEN shown ELSE 0 END AS shown,
            CASE WHEN gate = 0 THEN since_us ELSE 0 END AS since_us, CASE WHEN gate = 0 THEN until_us ELSE 0
            END AS until_us, CAST(sum(lines) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes
        FROM rolls LEFT JOIN roll_probed p ON edge = p.probed_edge GROUP BY ALL"""
    )
    asked = engine.ask("SELECT edge, operator, gate, shown, since_us, until_us, n, bytes FROM asked")
    of = [asked.column(name).to_pylist() for name in asked.schema.names[:6]]
    codes = pa.array([int(judge.code(*row)) for row in zip(*of, strict=True)], pa.int64())
    found = asked.append_column("code", codes).group_by("code").aggregate([("n", "sum"), ("bytes", "sum")])
    found = found.rename_columns(["code", "n", "bytes"]).to_pylist()
    return (
        Counter({Code(row["code"]): row["n"] for row in found}),
        Counter({Code(row["code"]): row["bytes"] for row in found}),
    )
