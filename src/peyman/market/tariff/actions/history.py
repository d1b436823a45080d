"""Snapshots into the history: what came is kept, what is good extends it, what is not waits for a word (B05).

Rows are written first, in short transactions of their own: a row that no stay names is nobody's evidence. Snapshot and
stays follow in one, which writes what changed and nothing else. So an import that is killed has left nothing that can
be seen, and running it again ends where it would have ended.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing, Refused
from peyman.kernel.text import normalise
from peyman.market.tariff.models import Edition, Row, Snapshot, Stay
from peyman.market.tariff.queries import history as queries
from peyman.market.tariff.rules import quarantine
from peyman.market.tariff.rules.quarantine import Summary, Verdict
from peyman.market.tariff.rules.rows import Line, read
from peyman.people.models import Person

log = structlog.get_logger()

BATCH = 2000  # new rows of one transaction
ASKED = 5000  # values of one question
LOOKED_BACK = 3  # lists that were held back and are asked whether they agree
LONGEST_NOTE = 300

T = TypeVar("T")
ReadAgain = Callable[[Snapshot], Sequence[Line] | None]
"""Reads the kept file of a snapshot; None when it is not there as it was. The room knows no files: callers do."""


class SnapshotUnreadable(Refused):
    """There is no list in it that could extend the history."""

    code, clause = "snapshot_unreadable", "B05"
    says = "در این فایل فهرستی نیست که بتوان به تاریخچه افزود؛ چیزی تغییر نکرد."


class SnapshotGoodAlready(Refused):
    """It is part of the history."""

    code, clause = "snapshot_good_already", "B05"
    says = "این فهرست هم‌اکنون بخشی از تاریخچه است؛ چیزی تغییر نکرد."


class NoteMissing(Refused):
    """Who lets a list go says why."""

    code, clause = "note_missing", "B05"
    says = "بنویسید چرا این فهرست با وجود ایرادش پذیرفته می‌شود (تا ۳۰۰ نویسه)؛ چیزی تغییر نکرد."
    status = 422


@dataclass(frozen=True)
class NewSnapshot:
    """A list that came and was judged; its file is kept already. `lines` is empty where it is no list."""

    source: str
    seen_at: datetime  # UTC; of a whole day its beginning in Tehran
    whole_day: bool
    kind: str
    sha256: str
    size: int
    file: str
    lines: Sequence[Line]
    summary: Summary
    verdict: Verdict


@dataclass
class Known:
    """What one process met so far: hand the same to each `take` of many, and only what is new is asked for."""

    rows: dict[Line, tuple[int, int]] = field(default_factory=dict)  # → pk, key as a number
    standing: set[int] = field(default_factory=set)  # rows that the last good snapshot lists …
    edition: int = 0  # … in this edition of the history

    def forget(self) -> None:
        """Know nothing, as one must after what was written did not last."""
        self.rows, self.standing, self.edition = {}, set(), 0


@carries_out("B05", "B10")
def take(
    *, new: NewSnapshot, now: datetime, known: Known | None = None, read_again: ReadAgain | None = None
) -> Snapshot:
    """Keep a list that came, and extend the history by it if it is good. The same one again is the one of then.

    One that is held back is let go by an earlier one that was held back and agrees with it: then both extend the
    history. That needs `read_again`.
    """
    known = known or Known()
    if there := _taken(new):
        return there
    partner, theirs = None, set[Line]()
    if new.verdict.state == quarantine.QUARANTINED and read_again and quarantine.may_agree(new.verdict.codes):
        partner, theirs = _agreeing(new, read_again)
    lines = set(new.lines)
    try:
        if new.verdict.state == quarantine.GOOD or partner:
            _meet(lines | theirs, known)
            snapshot = _joined(new, lines, partner, theirs, known, now=now)
        else:
            with transaction.atomic():
                snapshot = _kept(new, len(lines), None, now=now)
    except IntegrityError:
        if there := _taken(new):  # the same file came twice at once
            return there
        raise
    log.info("registry.taken", snapshot=snapshot.code, state=snapshot.state, rows=snapshot.rows, source=new.source)
    return snapshot


@carries_out("B05")
def release(*, code: str, by: Person | None, note: str, read_again: ReadAgain, now: datetime) -> Snapshot:
    """Let a list that was held back extend the history, on the word of a person (None: of the command line).

    Raises Missing, SnapshotGoodAlready, SnapshotUnreadable and NoteMissing.
    """
    snapshot = Snapshot.objects.filter(code=codes.clean(code)).first()
    if snapshot is None:
        raise Missing
    if snapshot.state == Snapshot.State.GOOD:
        raise SnapshotGoodAlready
    if snapshot.state == Snapshot.State.UNREADABLE or not quarantine.may_release(_codes(snapshot)):
        raise SnapshotUnreadable
    note = normalise(note)
    if not 0 < len(note) <= LONGEST_NOTE:
        raise NoteMissing
    lines, known = set(read_again(snapshot) or ()), Known()
    if not lines:
        raise SnapshotUnreadable
    _meet(lines, known)
    with transaction.atomic():
        edition = _lock()
        if not _let_go(snapshot, lines, known, edition, now=now):
            raise SnapshotGoodAlready
        Snapshot.objects.filter(pk=snapshot.pk).update(released_by=by, note=note)
    log.info("registry.released", snapshot=snapshot.code, by=by.pk if by else None)
    snapshot.refresh_from_db()
    return snapshot


# ---- What came ----


def _taken(new: NewSnapshot) -> Snapshot | None:
    return Snapshot.objects.filter(
        source=new.source, seen_at=new.seen_at, whole_day=new.whole_day, sha256=new.sha256
    ).first()


def _joined(
    new: NewSnapshot, lines: set[Line], partner: Snapshot | None, theirs: set[Line], known: Known, *, now: datetime
) -> Snapshot:
    """Write a good list, or one with a partner that lets it go, and what it changes in the history: all or nothing."""
    try:
        with transaction.atomic():
            edition = _lock()
            if partner and not _let_go(partner, theirs, known, edition, now=now):
                partner = None  # somebody was faster; this list waits for the next word
            snapshot = _kept(new, len(lines), partner, now=now)
            if snapshot.state == Snapshot.State.GOOD:
                _extend(snapshot, lines, known, edition)
            if partner:
                Snapshot.objects.filter(pk=partner.pk).update(agrees_with=snapshot)
    except BaseException:
        known.forget()  # it may not have been written
        raise
    return snapshot


def _kept(new: NewSnapshot, listed: int, partner: Snapshot | None, *, now: datetime) -> Snapshot:
    return Snapshot.objects.create(
        code=codes.new("REG"),
        source=new.source,
        seen_at=new.seen_at,
        whole_day=new.whole_day,
        taken_at=now,
        sha256=new.sha256,
        size=new.size,
        kind=new.kind,
        file=new.file,
        rows=new.summary.rows,
        listed=listed,
        networks=len(new.summary.networks),
        flags=dict(new.summary.flags),
        state=Snapshot.State.GOOD if partner else new.verdict.state,
        reasons=[reason.as_json() for reason in new.verdict.reasons],
        released_at=now if partner else None,
        agrees_with=partner,
    )


def _lock() -> int:
    """Wait until nobody else extends the history, and return the number of the edition that is being made."""
    mine = Edition.objects.filter(pk=1)
    if not mine.update(number=F("number") + 1):
        Edition.objects.bulk_create([Edition(pk=1, number=0)], ignore_conflicts=True)
        mine.update(number=F("number") + 1)
    return mine.get().number


def _codes(snapshot: Snapshot) -> set[str]:
    return {reason["code"] for reason in snapshot.reasons}


def _agreeing(new: NewSnapshot, read_again: ReadAgain) -> tuple[Snapshot | None, set[Line]]:
    """Find a list that was held back beside this one and says the same, with its rows."""
    keys = {line.key for line in new.lines}
    for other in queries.held_beside(new.seen_at)[:LOOKED_BACK]:
        apart = abs(new.seen_at - other.seen_at)
        if quarantine.may_agree(_codes(other)):
            lines = set(read_again(other) or ())
            if quarantine.agrees(keys, {line.key for line in lines}, apart=apart):
                return other, lines
    return None, set()


def _let_go(snapshot: Snapshot, lines: set[Line], known: Known, edition: int, *, now: datetime) -> bool:
    """Make a list that was held back part of the history; False when it is already."""
    held = Snapshot.objects.filter(pk=snapshot.pk, state=Snapshot.State.QUARANTINED)
    if not held.update(state=Snapshot.State.GOOD, released_at=now):
        return False
    _extend(snapshot, lines, known, edition)
    return True


# ---- Rows ----


def _meet(lines: Collection[Line], known: Known) -> None:
    """Give each row its number, and write down those that were never seen."""
    strangers = {line.key: line for line in lines if line not in known.rows}
    for _ in range(2):
        for some in _batches(strangers, ASKED):
            for pk, key in Row.objects.filter(key__in=some).values_list("pk", "key"):
                known.rows[strangers.pop(key)] = pk, int(key, 16)
        # By key, so that two imports at once wait for each other in one order only.
        for some in _batches(sorted(strangers), BATCH):
            with transaction.atomic():
                Row.objects.bulk_create((_row(key, strangers[key]) for key in some), ignore_conflicts=True)
        if not strangers:
            return


def _row(key: str, line: Line) -> Row:
    says = read(line)
    return Row(
        key=key,
        name_as_entered=line.name,
        ip_as_entered=line.ip,
        network_as_entered=line.network,
        update_as_entered=line.update,
        due_as_entered=line.due,
        host=says.host,
        host_path=says.host_path,
        network=says.network,
        update_on=says.update_on,
        due_on=says.due_on,
        flags=list(says.flags),
    )


# ---- Stays ----


def _extend(snapshot: Snapshot, lines: set[Line], known: Known, edition: int) -> None:
    """Put a good snapshot in its place between the others: only what it changes is written."""
    listed, total = set[int](), 0
    for line in lines:
        pk, key = known.rows[line]
        listed.add(pk)
        total += key
    Snapshot.objects.filter(pk=snapshot.pk).update(listed=len(listed), digest=f"{total % 2**128:032x}")
    following = queries.next_good(snapshot)
    if following is None:
        _append(snapshot, listed, known, edition)
    else:
        _insert(snapshot, following, listed)
        if known.edition == edition - 1:
            known.edition = edition  # the last one is still the last


def _append(snapshot: Snapshot, listed: set[int], known: Known, edition: int) -> None:
    if known.edition in (edition, edition - 1):
        standing = known.standing
    else:
        standing = set(Stay.objects.filter(absent=None).values_list("row_id", flat=True))
    for some in _batches(sorted(standing - listed), ASKED):
        Stay.objects.filter(absent=None, row__in=some).update(absent=snapshot)
    Stay.objects.bulk_create(Stay(row_id=row, first=snapshot) for row in sorted(listed - standing))
    known.standing, known.edition = listed, edition


def _insert(snapshot: Snapshot, following: Snapshot, listed: set[int]) -> None:
    """Let a snapshot say what it knows between two that are there, or before the first."""
    over: dict[int, tuple[int, int | None]] = {}  # rows of the snapshot before it: their stay, and where it ends
    for stay, row, absent in queries.stays_over(snapshot):
        over[row] = stay, absent
    begin = dict(Stay.objects.filter(first=following).values_list("row_id", "pk"))
    gone = [(row, *over[row]) for row in over.keys() - listed]
    for some in _batches([stay for _, stay, _ in gone], ASKED):
        Stay.objects.filter(pk__in=some).update(absent=snapshot)
    for some in _batches([begin[row] for row in begin.keys() & listed], ASKED):
        Stay.objects.filter(pk__in=some).update(first=snapshot)
    Stay.objects.bulk_create(
        [
            *(
                Stay(row_id=row, first=following, absent_id=absent)  # it came back: two stays now
                for row, _, absent in gone
                if absent != following.pk
            ),
            *(
                Stay(row_id=row, first=snapshot, absent=following)  # seen here alone
                for row in listed - over.keys() - begin.keys()
            ),
        ]
    )


def _batches(values: Collection[T], size: int) -> Iterator[list[T]]:
    source = iter(list(values))
    while some := list(islice(source, size)):
        yield some
