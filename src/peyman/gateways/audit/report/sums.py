"""What the files of an answer come to, by day, operator and user."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peyman.market.tariff.rules.audit_joins import ANONYMOUS

_BATCH = 100_000


@dataclass(slots=True)
class Sum:
    """Of one operator on one day, or of many. Rials are None while none are known."""

    lines: int = 0
    sent: int = 0
    low: int | None = None
    high: int | None = None
    without: int = 0  # bytes whose rials are not known

    def add(self, other: "Sum") -> None:
        self.lines += other.lines
        self.sent += other.sent
        self.without += other.without
        if other.low is not None:
            self.low = (self.low or 0) + other.low
        if other.high is not None:
            self.high = (self.high or 0) + other.high


@dataclass(slots=True)
class Sums:
    days: dict[tuple[date, str], Sum] = field(default_factory=dict)
    users: int = 0  # that are known by a grant or a token
    nobodys: int = 0  # bytes of nobody in particular

    @property
    def whole(self) -> Sum:
        return together(self.days.values())

    def by_operator(self) -> dict[str, Sum]:
        found: dict[str, Sum] = {}
        for (_, operator), one in self.days.items():
            found.setdefault(operator, Sum()).add(one)
        return dict(sorted(found.items(), key=lambda item: (-item[1].sent, item[0])))


def together(sums: Iterable[Sum]) -> Sum:
    found = Sum()
    for one in sums:
        found.add(one)
    return found


def of_file(file: Path) -> Sums:
    """Read `by_user_day.parquet`, which is in order of users, in batches; no user is kept."""
    found = Sums()
    last = ""
    opened = pq.ParquetFile(file)
    try:
        for batch in opened.iter_batches(_BATCH):
            last = _take(found, pa.Table.from_batches([batch]), last)
    finally:
        opened.close()
    return found


def _take(found: Sums, rows: pa.Table, last: str) -> str:
    names = pc.unique(rows.column("user")).to_pylist()
    found.users += sum(name not in (ANONYMOUS, last) for name in names)
    alone = rows.filter(pc.equal(rows.column("user"), ANONYMOUS))
    found.nobodys += pc.sum(alone.column("bytes_overcharged")).as_py() or 0
    unpriced = pc.if_else(pc.is_null(rows.column("rials_high")), rows.column("bytes_overcharged"), 0)
    grouped = (
        rows.append_column("without", unpriced)
        .group_by(["day", "operator"])
        .aggregate([(name, "sum") for name in ("lines", "bytes_overcharged", "rials_low", "rials_high", "without")])
    )
    for row in grouped.to_pylist():
        one = Sum(
            row["lines_sum"],
            row["bytes_overcharged_sum"],
            row["rials_low_sum"],
            row["rials_high_sum"],
            row["without_sum"],
        )
        found.days.setdefault((row["day"], row["operator"]), Sum()).add(one)
    found.days = dict(sorted(found.days.items()))
    return names[-1] if names else last
