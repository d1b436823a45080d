"""The registry's lists for tests: written by hand, taken as the readers hand them over, and kept whole to count by.

`runs` is what the history must come to: it keeps every list and looks into each.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.actions import history as actions
from peyman.market.tariff.models import Row, Snapshot, Stay
from peyman.market.tariff.rules import quarantine, rows
from peyman.market.tariff.rules.history import moment

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)
GOOD = quarantine.Verdict("good")


def line(
    network: str = "185.143.232.0/22",
    *,
    name: str = "http://cafebazaar.ir",
    ip: str = "",
    update: str = "1401/11/01",
    due: str = "1401/11/15",
) -> rows.Line:
    """A row of the list."""
    return rows.line([name, ip or network, network, update, due])


@dataclass(frozen=True)
class Listing:
    """One whole list: when it was seen ("2023-05-05": that day; with a time: that instant), and what was in it."""

    seen: str
    lines: tuple[rows.Line, ...]
    source: str = "mirror"

    @property
    def sha256(self) -> str:
        return hashlib.sha256("\n".join(sorted(one.key for one in self.lines)).encode()).hexdigest()

    @property
    def place(self) -> tuple[datetime, bool, str, str]:
        return (*moment(self.seen), self.sha256, self.source)


def listing(seen: str, *lines: rows.Line, source: str = "mirror") -> Listing:
    return Listing(seen, lines, source)


def new(one: Listing, verdict: quarantine.Verdict = GOOD) -> actions.NewSnapshot:
    """The list as the readers hand it over."""
    seen_at, whole_day = moment(one.seen)
    return actions.NewSnapshot(
        source=one.source,
        seen_at=seen_at,
        whole_day=whole_day,
        kind="csv",
        sha256=one.sha256,
        size=100,
        file=f"registry/{one.sha256[:2]}/{one.sha256}.csv",
        lines=one.lines,
        summary=quarantine.summarise((each, rows.read(each)) for each in one.lines),
        verdict=verdict,
    )


def take(one: Listing, *, known: actions.Known | None = None, now: datetime = NOW) -> Snapshot:
    """Take a good list."""
    return actions.take(new=new(one), known=known, now=now)


def held(one: Listing, *codes: str, now: datetime = NOW, others: Sequence[Listing] = ()) -> Snapshot:
    """Take a list that is held back; `others` are the lists whose kept files can be read again."""
    verdict = quarantine.Verdict("quarantined", tuple(quarantine.Reason(code, code) for code in codes))
    return actions.take(new=new(one, verdict), read_again=shelf(*others), now=now)


def shelf(*kept: Listing) -> actions.ReadAgain:
    """Kept files, by what is in them."""
    files = {one.sha256: one.lines for one in kept}
    return lambda snapshot: files.get(snapshot.sha256)


Run = tuple[str, str, str | None]  # key of a row, its first list, the first without it


def runs(lists: Iterable[Listing]) -> set[Run]:
    """Return every stay, counted from whole lists."""
    order = sorted(set(lists), key=lambda one: one.place)
    found = set[Run]()
    began: dict[str, str] = {}
    for one in order:
        keys = {each.key for each in one.lines}
        for key in began.keys() - keys:
            found.add((key, began.pop(key), mark(one)))
        for key in keys - began.keys():
            began[key] = mark(one)
    return found | {(key, first, None) for key, first in began.items()}


def mark(one: Listing) -> str:
    seen_at, whole_day = moment(one.seen)
    return f"{seen_at.isoformat()} {whole_day} {one.sha256} {one.source}"


def stays() -> set[Run]:
    """Return every stay of the tables, as `runs` names them."""
    marks = {
        one.pk: f"{one.seen_at.isoformat()} {one.whole_day} {one.sha256} {one.source}" for one in Snapshot.objects.all()
    }
    found = [
        (row, marks[first], None if absent is None else marks[absent])
        for row, first, absent in Stay.objects.values_list("row__key", "first", "absent")
    ]
    assert len(found) == len(set(found))
    return set(found)


def tables() -> dict[str, set[tuple[object, ...]]]:
    """Return what the tables of the history hold, without keys and codes that differ from one import to the next."""
    return {
        "rows": set(Row.objects.values_list(*(f.name for f in Row._meta.fields if f.name not in ("id", "flags")))),
        "flags": {(key, tuple(flags)) for key, flags in Row.objects.values_list("key", "flags")},
        "snapshots": set(
            Snapshot.objects.values_list(
                "source", "seen_at", "whole_day", "sha256", "size", "kind", "file", "rows", "listed", "digest",
                "networks", "state", "agrees_with__sha256",
            )
        ),
        "stays": set(stays()),
    }  # fmt: skip


def tehran(text: str) -> datetime:
    """Return the instant of "2023-05-05 00:00" on Tehran's clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)
