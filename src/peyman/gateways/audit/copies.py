"""Copies across files: the rows of requests that several lines tell of."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from peyman.gateways.audit import judging
from peyman.gateways.audit.engines import DuckDB
from peyman.gateways.audit.kept import Kept
from peyman.gateways.audit.shelf import Log

TWICE: Final = "twice.json"
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
        rows = judging.whole(
            "place", "world", "key_hi", "key_lo", "start_us", "end_us", "bytes", "has_id", "line", "day"
        )
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
        connection.execute(f"CREATE OR REPLACE VIEW new_rows AS {placed(new_files, new_places)}")
        connection.execute(
            "CREATE OR REPLACE TABLE repeated_keys AS SELECT key_hi, key_lo FROM new_rows "
            "GROUP BY key_hi, key_lo HAVING count(*) > 1"
        )
        if old_files:
            connection.execute(f"CREATE OR REPLACE VIEW old_rows AS {placed(old_files, old_places)}")
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
        self.kept.only("twice-*.parquet", {file})


def placed(files: Sequence[Path], places: Sequence[int]) -> str:
    """Return a SELECT of files of lines, each with its place."""
    names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    place = f"[{', '.join(map(str, places))}][CAST(file_index AS INTEGER) + 1]"
    return f"SELECT *, {place} AS place FROM read_parquet([{names}])"  # noqa: S608
