"""What the registry's history says of an address at an instant, and which rows and snapshots say so.

The registry keeps no history and removes silently. We know its list only where we looked: on a snapshot's own day, and
between two looks that are near enough and agree. Everything else is unknown, and said so (clause B09).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from peyman.kernel.clauses import carries_out
from peyman.kernel.text import normalise
from peyman.kernel.worktime import TEHRAN, day_start, tehran_day

GAP = timedelta(days=8)  # the widest distance between two looks that still says what was between them
_DAY = timedelta(days=1)
_LONGEST_DAY = timedelta(hours=25)  # on which a clock was set back


class State(StrEnum):
    """Whether operators may discount an address: only REGISTERED is half price."""

    REGISTERED = "registered"
    PENDING = "pending"  # on the list, its due date not come yet: full price
    UNREGISTERED = "unregistered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """A good snapshot: one that is dated by day holds for that whole day in Tehran, any other for its instant."""

    code: str
    starts_at: datetime  # UTC
    ends_at: datetime  # half-open for a whole day; for an instant the same as starts_at
    whole_day: bool

    def holds_at(self, at: datetime) -> bool:
        """Say whether this snapshot's list alone decides at `at`."""
        return self.starts_at == at or self.starts_at < at < self.ends_at


@dataclass(frozen=True, slots=True)
class Listed:
    """One stay of one row on the list: in the good snapshots at positions `first` ≤ p < `absent` (None: to the end)."""

    row: int
    network: str
    host: str
    update_on: date | None
    due_on: date | None
    first: int
    absent: int | None

    def is_at(self, position: int) -> bool:
        """Say whether the good snapshot at `position` lists it."""
        return self.first <= position and (self.absent is None or position < self.absent)


@dataclass(frozen=True, slots=True)
class Answer:
    """The state of an address at an instant, with what says so.

    `due`: the due date that decides, where one does. `before` and `after`: positions of the snapshots on both sides,
    equal where one snapshot's own day decides, None where there is none on that side.
    """

    state: State
    reason: str
    due: date | None = None
    rows: tuple[Listed, ...] = ()
    before: int | None = None
    after: int | None = None


def moment(text: str) -> tuple[datetime, bool]:
    """Read when something was seen, ISO: "2023-05-05" is that whole day in Tehran, (its beginning, True).

    With a time it is an instant, (instant, False); one without an offset is Tehran's time. UTC. Raises ValueError.
    """
    typed = normalise(text, digits=True)
    read = datetime.fromisoformat(typed)
    if len(typed) <= len("2023-05-05"):
        return day_start(read.date()), True
    return (read if read.tzinfo else read.replace(tzinfo=TEHRAN)).astimezone(UTC), False


def seen(code: str, seen_at: datetime, whole_day: bool) -> Seen:
    """Return what a good snapshot of `seen_at` holds for."""
    if not whole_day:
        return Seen(code, seen_at, seen_at, False)
    return Seen(code, seen_at, day_start(tehran_day(seen_at) + _DAY), True)


def is_own(host: str, registrant: str) -> bool:
    """Say whether a row's host is the registrant or below it ("dl.market.ir" is of "market.ir", "notmarket.ir" not)."""
    return host == registrant or (bool(registrant) and host.endswith(f".{registrant}"))


@carries_out("B05")
def status(snapshots: Sequence[Seen], rows: Sequence[Listed], at: datetime, *, gap: timedelta = GAP) -> Answer:
    """Return the state at `at` of an address that `rows` cover (all of them that the policy counts, and no others).

    `snapshots` are the good ones in order of their beginning. One row that is due is enough, whatever others say; rows
    that differ in name alone are one row. `tariff.md` §3.2 is the rule; what it decides for a snapshot's day holds
    for that day whole.
    """
    if not snapshots:
        return Answer(State.UNKNOWN, "no_history")
    looks = _deciding(snapshots, at)
    if looks:
        return _judged(rows, at, looks, "list_disagrees", looks[0], looks[-1])
    after = bisect_left(snapshots, at, key=_starts)
    before = after - 1
    if before < 0:
        return Answer(State.UNKNOWN, "before_history", rows=tuple(rows), after=0)
    if after == len(snapshots):
        return Answer(State.UNKNOWN, "after_history", rows=_at_any(rows, [before]), before=before)
    looks = [*_together(snapshots, before), *_together(snapshots, after)]
    if _apart(snapshots[before], snapshots[after]) > gap:
        return Answer(State.UNKNOWN, "gap_too_wide", rows=_at_any(rows, looks), before=before, after=after)
    return _judged(rows, at, looks, "changed_in_gap", before, after)


def _judged(rows: Sequence[Listed], at: datetime, looks: list[int], unsure: str, before: int, after: int) -> Answer:
    """Decide by the lists at positions `looks`; `unsure` is the reason where they differ in what matters."""
    day = tehran_day(at)
    old, new = _replaced(rows, day)
    listed = _at_any(rows, looks)
    always = _at_all(listed, looks)
    standing = tuple(row for row in always if _is_due(row, day) and row not in old)
    if standing:
        return Answer(State.REGISTERED, "registered", _earliest(standing), standing, before, after)
    if not listed:
        return Answer(State.UNREGISTERED, "absent", before=before, after=after)
    if new:
        return Answer(State.UNKNOWN, "replaced", _earliest(new), (*old, *new), before, after)
    if always and not any(_is_due(row, day) for row in listed):
        return Answer(State.PENDING, "not_due", _earliest(always), always, before, after)
    return Answer(State.UNKNOWN, unsure, _earliest(listed), listed, before, after)


# ---- Looks ----


def _deciding(snapshots: Sequence[Seen], at: datetime) -> list[int]:
    """Positions of the snapshots on whose own day, or at whose very instant, `at` lies."""
    first = bisect_left(snapshots, at - _LONGEST_DAY, key=_starts)
    last = bisect_right(snapshots, at, key=_starts)
    return [position for position in range(first, last) if snapshots[position].holds_at(at)]


def _together(snapshots: Sequence[Seen], position: int) -> list[int]:
    """Positions of the snapshots that say the same moment: several of one day, of which one holds all day, or of one
    instant. Which of them came first is not known, so only what all of them say is.
    """
    one = snapshots[position]
    day = tehran_day(one.starts_at)
    first = bisect_left(snapshots, day_start(day), key=_starts)
    last = bisect_left(snapshots, day_start(day + _DAY), key=_starts)
    of_day = range(first, last)
    if any(snapshots[other].whole_day for other in of_day):
        return list(of_day)
    return [other for other in of_day if snapshots[other].starts_at == one.starts_at]


def _apart(one: Seen, other: Seen) -> timedelta:
    """Return how far two looks are apart: by days in Tehran where one is dated by day, so that no change of the clock
    counts.
    """
    if one.whole_day or other.whole_day:
        return tehran_day(other.starts_at) - tehran_day(one.starts_at)
    return other.starts_at - one.starts_at


def _starts(snapshot: Seen) -> datetime:
    return snapshot.starts_at


# ---- Rows ----


def _identity(row: Listed) -> tuple[str, date | None, date | None]:
    return row.network, row.update_on, row.due_on


def _at_any(rows: Sequence[Listed], looks: Sequence[int]) -> tuple[Listed, ...]:
    return tuple(row for row in rows if any(row.is_at(look) for look in looks))


def _at_all(rows: Sequence[Listed], looks: Sequence[int]) -> tuple[Listed, ...]:
    """Return the rows that each of `looks` lists, under whatever name."""
    if len(looks) == 1:
        return tuple(rows)
    stays: dict[tuple[str, date | None, date | None], list[Listed]] = {}
    for row in rows:
        stays.setdefault(_identity(row), []).append(row)
    there = {
        identity for identity, same in stays.items() if all(any(row.is_at(look) for row in same) for look in looks)
    }
    return tuple(row for row in rows if _identity(row) in there)


def _is_due(row: Listed, day: date) -> bool:
    return row.due_on is not None and row.due_on <= day


def _earliest(rows: Sequence[Listed]) -> date | None:
    return min((row.due_on for row in rows if row.due_on is not None), default=None)


def _replaced(rows: Sequence[Listed], day: date) -> tuple[tuple[Listed, ...], tuple[Listed, ...]]:
    """Return older rows and those with later dates that took their place, where `day` lies before the new due date.

    From the new update date on the list may have shown either; whether operators went by the old dates until the
    new ones, nobody can tell.
    """
    coming = [row for row in rows if row.first and row.update_on and row.due_on and row.update_on <= day < row.due_on]
    pairs = [(old, new) for new in coming for old in rows if _takes_place(new, old, rows)]
    return tuple(dict.fromkeys(old for old, _ in pairs)), tuple(dict.fromkeys(new for _, new in pairs))


def _takes_place(new: Listed, old: Listed, rows: Sequence[Listed]) -> bool:
    if old.absent != new.first or not (old.update_on and old.due_on and new.update_on and new.due_on):
        return False
    if not (old.update_on < new.update_on and old.due_on < new.due_on):
        return False
    stayed = any(_identity(row) == _identity(old) and row.is_at(new.first) for row in rows)
    was_there = any(_identity(row) == _identity(new) and row.is_at(new.first - 1) for row in rows)
    return not stayed and not was_there
