"""The audit of whole logs: normalised once to whole numbers, then judged by SQL that runs on any engine.

The rules stand in `market/tariff/rules/audit.py`. What they say of an address over time is worked out in Python, for
the few addresses that logs name, and joined by (address, day); so the SQL decides nothing about the registry. TWICE,
MARKED, PAIRS and ANSWER use nothing that is an engine's own: no function of time, no cast of fractions, no division.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from peyman.gateways.audit.engines import Engine
from peyman.gateways.audit.numbers import NO_EDGE, OF_GATE, UNPROVEN, Numbers, day_of, of_pair
from peyman.gateways.logs.entries import LONGEST_TRANSFER
from peyman.kernel.prefixes import Address
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Register, Shown, Span, Terms

# What must be looked at more closely. `spot`: of `states`, or -1 where the day is of full price as a whole.
WANTED: Final = pa.schema(
    [("pair", pa.int64())]
    + [(name, pa.int32()) for name in ("world", "day")]
    + [("shown", pa.int16()), ("spot", pa.int32()), ("part", pa.int32())]
)
STATES: Final = pa.schema(
    [
        ("spot", pa.int32()),
        ("from_us", pa.int64()),
        ("to_us", pa.int64()),
        ("code", pa.int16()),
        ("part", pa.int32()),
    ]
)

# ---- The SQL ----

# Copies of lines: one request logged twice, or a line that several files hold. Lines without a number are told apart by
# their place among equal ones of their file.
TWICE: Final = """
WITH repeated AS (
    SELECT key_lo FROM lines GROUP BY key_lo HAVING count(*) > 1
), counted AS (
    SELECT l.world, l.key_hi, l.key_lo, l.file, l.line, l.start_us, l.end_us, l.bytes, l.has_id,
        row_number() OVER (PARTITION BY l.world, l.key_hi, l.key_lo, l.file ORDER BY l.line) AS n
    FROM lines l
    JOIN repeated r ON l.key_lo = r.key_lo
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
SELECT l.world, l.edge, l.day, l.start_us, l.end_us, l.person, l.operator,
    CAST(CASE WHEN c.line IS NULL THEN l.gate ELSE {Code.DUPLICATE:d} END AS SMALLINT) AS gate,
    l.shown, l.late, l.bytes, l.key_hi, l.key_lo, l.has_id, l.file, l.line,
    CASE WHEN c.line IS NULL THEN l.pair ELSE l.pair + ({Code.DUPLICATE:d} - l.gate) * {OF_GATE} END AS pair
FROM lines l LEFT JOIN copies c ON l.file = c.file AND l.line = c.line
ORDER BY pair
"""  # noqa: S608

# One look at all lines: what is there, by address and day. It reads no times, and most days need none.
PAIRS: Final = "SELECT pair, count(*) AS n FROM lines GROUP BY pair"

# A closer look at the lines of full price and at those of days on which the price changed. A line in which it changed
# finds no state that holds for all of it.
ANSWER: Final = f"""
WITH summed AS (
    SELECT l.pair, l.person, l.operator, s.code, s.part, count(*) AS n, CAST(sum(l.bytes) AS BIGINT) AS bytes
    FROM lines l
    JOIN wanted w ON l.pair = w.pair
    LEFT JOIN states s ON w.spot = s.spot AND l.start_us >= s.from_us AND l.end_us < s.to_us
    GROUP BY l.pair, l.person, l.operator, s.code, s.part
)
SELECT w.world, CASE
        WHEN w.spot < 0 THEN {Code.OVERCHARGED:d}
        WHEN f.code IS NULL THEN {Code.CROSSES_CHANGE:d}
        WHEN f.code >= {Code.NO_EDGE_ADDRESS:d} THEN f.code
        WHEN w.shown = {Shown.UNKNOWN:d} THEN {Code.SHOWN_UNKNOWN:d}
        ELSE f.code
    END AS result,
    CASE WHEN w.spot < 0 THEN w.part ELSE f.part END AS part,
    f.person, f.operator, w.day, f.n, f.bytes
FROM summed f JOIN wanted w ON f.pair = w.pair
"""  # noqa: S608


# ---- What was billed, by address and day ----


@dataclass(frozen=True, slots=True)
class Part:
    """A span of full price of one address, as states name it by its number."""

    edge: Address
    span: Span


@dataclass(slots=True)
class Looked:
    """What PAIRS alone tells, and what must be looked at more closely (rows of WANTED and STATES)."""

    counts: Counter[tuple[int, Code]] = field(default_factory=Counter)  # lines, by (world, result)
    wanted: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    states: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


Worlds = Callable[[int], tuple[Register, Terms, Numbers]]
_NO_EDGES: Final = {NO_EDGE: Code.NO_EDGE_ADDRESS, UNPROVEN: Code.EDGE_UNPROVEN}


def look(pairs: pa.Table, worlds: Worlds) -> Looked:
    """Judge addresses and days (`pair`, `n` lines) as wholes, where they can be: where nobody was overcharged and
    nothing changed.
    """
    found = Looked()
    timelines: dict[tuple[int, int], tuple[list[Span], list[int], int]] = {}
    numbered: dict[tuple[int, int, int], int] = {}
    spots: dict[tuple[int, int, int], int] = {}
    days: dict[tuple[int, int], tuple[int, int]] = {}
    stated: dict[tuple[int, int], None] = {}
    for pair, many in zip(*_judged(pairs, found.counts), strict=True):
        world, day, edge, _, shown, late = of_pair(pair)
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
                found.wanted.append((pair, world, day, shown, -1, part))
            else:
                found.counts[world, code] += many
            continue
        spot = spots.setdefault((world, edge, day), len(spots))
        found.wanted.append((pair, world, day, shown, spot, -1))
        for span in spans[begin:end]:
            # The same span may be found for lines of other kinds: it is one state.
            if (spot, span.start) not in stated:
                stated[spot, span.start] = None
                part = _part(found, numbered, world, edge, span, worlds) if span.code is Code.OVERCHARGED else -1
                found.states.append((spot, span.start + slack, span.end - slack, span.code, part))
    return found


def _judged(pairs: pa.Table, counts: Counter[tuple[int, Code]]) -> tuple[list[int], list[int]]:
    """Return the pairs that the registry decides, with their lines; count the others."""
    pair, many = pairs.column("pair"), pairs.column("n")
    gate = pc.bit_wise_and(pc.shift_right(pair, 3), 0xFF)
    is_told = pc.not_equal(pc.bit_wise_and(pair, 6), 2 * Shown.NO)
    code = pc.if_else(pc.equal(gate, 0), int(Code.NOT_PROMISED), gate)
    wanted = pc.and_(pc.equal(gate, 0), is_told)
    others = pa.table([pc.shift_right(pair, 47), code, many], ["world", "code", "n"]).filter(pc.invert(wanted))
    for row in others.group_by(["world", "code"]).aggregate([("n", "sum")]).to_pylist():
        counts[row["world"], Code(row["code"])] += row["n_sum"]
    return pair.filter(wanted).to_pylist(), many.filter(wanted).to_pylist()


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
    found = look(engine.ask(PAIRS), worlds)
    engine.give("wanted", table(found.wanted, WANTED))
    engine.give("states", table(found.states, STATES))
    sums = engine.ask(ANSWER)
    is_over = pc.equal(sums.column("result"), int(Code.OVERCHARGED))
    of_world = sums.group_by(["world", "result"]).aggregate([("n", "sum")])
    for row in of_world.to_pylist():
        found.counts[row["world"], Code(row["result"])] += row["n_sum"]
    return dict(found.counts), sums.filter(is_over), found.parts


def table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = [*zip(*rows, strict=True)] or [()] * len(schema)
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)


def whole(*names: str) -> pa.Schema:
    """Return a schema of whole numbers."""
    return pa.schema([(name, pa.int64()) for name in names])


def without_copies(engine: Engine, folder: Path, files: Sequence[Path]) -> list[Path]:
    """Return files of lines in which copies are marked as such; `lines` is then known to the engine."""
    engine.files("lines", files)
    copies = engine.ask(TWICE)
    if not copies.num_rows:
        return [*files]
    engine.give("copies", copies)
    marked = engine.write(MARKED, folder / "marked.parquet")
    engine.files("lines", marked)
    return marked
