"""What the report needs beside the files of the answer: what an audit knew of each address, and how much each gave."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa

from peyman.gateways.audit.judging import Part
from peyman.kernel.prefixes import Address, translated
from peyman.kernel.worktime import DAY, day_start
from peyman.market.tariff.rules import drift
from peyman.market.tariff.rules.audit import Register, Terms, instant, micros
from peyman.market.tariff.rules.audit_joins import Edges
from peyman.market.tariff.rules.drift import Stretch
from peyman.market.tariff.rules.history import Listed, Seen, State

MOST_ADDRESSES: Final = 5_000  # whose story is told; those with most overcharged bytes first


@dataclass(frozen=True, slots=True)
class Story:
    """One address: when it was declared to serve, what the registry said meanwhile, and what was overcharged on it."""

    address: Address
    cdns: tuple[str, ...]
    serves: tuple[tuple[datetime, datetime], ...]
    registry: tuple[Stretch, ...]
    lines: int  # overcharged
    sent: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What `write` cannot read from the folder. `manifest`: inputs, code and parameters as manifest.json names them."""

    manifest: Mapping[str, Any]
    first: date | None  # the days of the log in Tehran; None: it holds no line
    last: date | None
    looks: tuple[Seen, ...]
    stories: tuple[Story, ...]
    left_out: int  # addresses whose story is not told, for they are too many


def gather(
    *,
    manifest: Mapping[str, Any],
    days: tuple[date, date] | None,
    register: Register,
    terms: Terms,
    edges: Edges,
    addresses: Iterable[Address],
    sums: pa.Table,
    parts: Sequence[Part],
) -> Answer:
    """Tell what an audit knew. `days`: first and last of the log; `addresses`: all that it names; `sums` and `parts` as
    `judging.answer` gives them (columns `part`, `n`, `bytes`).
    """
    lines, sent = Counter[Address](), Counter[Address]()
    of_part = sums.group_by("part").aggregate([("n", "sum"), ("bytes", "sum")])
    for row in of_part.to_pylist():
        edge = parts[row["part"]].edge
        lines[edge] += row["n_sum"]
        sent[edge] += row["bytes_sum"]
    ordered = sorted({*addresses}, key=lambda one: (-sent[one], one.version, int(one)))
    told = ordered[:MOST_ADDRESSES]
    since, until = _span(days, register.snapshots, parts, edges, told)
    memory: dict[tuple[Listed, ...], tuple[Stretch, ...]] = {}
    stories = []
    for one in told:
        rows = () if translated(one) else register.covering(one)
        if rows not in memory:
            memory[rows] = _stood(register.snapshots, rows, since, until, terms)
        declared = edges.over(one)
        stories.append(
            Story(
                one,
                tuple(sorted({row.cdn for row in declared})),
                _serves([(row.start, row.end) for row in declared], since, until),
                memory[rows],
                lines[one],
                sent[one],
            )
        )
    first, last = days or (None, None)
    return Answer(manifest, first, last, tuple(register.snapshots), tuple(stories), len(ordered) - len(told))


def _span(
    days: tuple[date, date] | None,
    looks: Sequence[Seen],
    parts: Sequence[Part],
    edges: Edges,
    addresses: Sequence[Address],
) -> tuple[datetime, datetime]:
    """Return the time that is told: that of the log and of what was overcharged in it, and of serving before it as far
    as five times as long.
    """
    if days is None:
        return looks[0].starts_at - DAY, looks[-1].ends_at + DAY
    first, last = day_start(days[0]), day_start(days[1] + DAY)
    begun = [row.start for one in addresses for row in edges.over(one)]
    since = max(min(begun, default=micros(first)), micros(first - 5 * (last - first)))
    until = max([min(part.span.end, micros(last + (last - first))) for part in parts], default=micros(last))
    margin = max(DAY, (last - first) / 40)
    return min(instant(since), first) - margin, max(instant(until), last) + margin


def _stood(
    looks: Sequence[Seen], rows: Sequence[Listed], since: datetime, until: datetime, terms: Terms
) -> tuple[Stretch, ...]:
    """Return what the registry said; after our last look it says nothing, as the rule of the audit has it."""
    ends = min(until, max(since, looks[-1].ends_at)) if looks else since
    found = drift.timeline(looks, rows, since, ends, gap=terms.gap) if since < ends else []
    if ends < until:
        found.append(Stretch(State.UNKNOWN, "after_history" if looks else "no_history", None, ends, until))
    return tuple(found)


def _serves(
    declared: Iterable[tuple[int, int]], since: datetime, until: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    found: list[tuple[datetime, datetime]] = []
    first, last = micros(since), micros(until)
    for start, end in sorted(declared):
        begins, ends = instant(max(start, first)), instant(min(end, last))
        if begins >= ends:
            continue
        if found and begins <= found[-1][1]:
            found[-1] = found[-1][0], max(ends, found[-1][1])
        else:
            found.append((begins, ends))
    return tuple(found)
