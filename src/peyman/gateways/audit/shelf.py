"""The normalised lines of log files, kept by the hash of a file and of all that its lines depended on."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peyman.gateways.audit.kept import Kept
from peyman.gateways.audit.numbers import FIRST_EDGE, Numbers
from peyman.gateways.audit.touching import Joins, number_of
from peyman.kernel.prefixes import address

NUMBERS: Final = "numbers.json"


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
        edges[number] = number_of(str(edge)) % 2**62
    operators = [number_of(name) % 2**62 for name in numbers.operators]
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
