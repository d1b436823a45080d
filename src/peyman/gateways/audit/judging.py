"""The audit of whole logs: normalised once to whole numbers, then judged by SQL that runs on any engine.

The rules stand in `market/tariff/rules/audit.py`. What they say of an address over time is worked out in Python, for
the few addresses that logs name, and joined by (address, day); so the SQL decides nothing about the registry. TWICE,
PAIRS and ANSWER use nothing that is an engine's own: no function of time, no cast of fractions, no division.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from peyman.gateways.audit.engines import DuckDB, Engine
from peyman.gateways.audit.numbers import NO_EDGE, UNPROVEN, Numbers, day_of
from peyman.gateways.logs import LONGEST_TRANSFER
from peyman.kernel.prefixes import Address
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Register, Shown, Span, Terms

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
            line = register.timeline(numbers.edges[edge], terms, numbers.probed.get(edge, ""))
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
    engine.give("whole", table(found.whole, _WHOLE))
    engine.give("mixed", table(found.mixed, _MIXED))
    engine.give("states", table([(*key, *state) for key, state in found.states.items()], STATES))
    sums = engine.ask(ANSWER)
    is_over = pc.equal(sums.column("result"), int(Code.OVERCHARGED))
    of_world = sums.group_by(["world", "result"]).aggregate([("n", "sum")])
    for row in of_world.to_pylist():
        found.counts[row["world"], Code(row["result"])] += row["n_sum"]
    return dict(found.counts), sums.filter(is_over), found.parts


def table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
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
