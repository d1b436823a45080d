"""The national registry watched: its list is fetched again and again, kept, judged, and handed to the history (B05).

Whatever comes is kept as a file before anything is said of it. A list that is bad leaves the last good one alone; staff
hear of it once. They hear once, too, when the last good list gets old, whatever the reason.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from peyman.entrypoints import alarms
from peyman.gateways import registry
from peyman.gateways.whole import write
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.market.tariff.actions import history
from peyman.market.tariff.models import Fetch, RegistryWatch, Snapshot
from peyman.market.tariff.queries import history as queries
from peyman.market.tariff.rules import quarantine, watch
from peyman.market.tariff.rules.rows import Line, Read, read

log = structlog.get_logger()

SOURCE: Final = "registry"
FOLDER: Final = "registry"  # below PEYMAN_DATA
MAX_KEPT: Final = 10 * registry.MAX_BYTES  # bytes of a file that is still kept, as proof of what came
LEASE: Final = timedelta(minutes=10)  # of the worker that fetches; longer than any fetch lasts
REMEMBERED: Final = 500_000  # rows that are read once for many lists
PIECE: Final = 1 << 20
SOUNDED: Final = 200  # fetches that one look tells of


class NoRegistry(Refused):
    """Nobody said where the registry's list is."""

    code, clause = "no_registry", "B05"
    says = "نشانی سامانه ملی گفته نشده است: PEYMAN_REGISTRY_URL را بگذارید. چیزی گرفته نشد."


# ---- What came, into the history ----


@dataclass
class Met:
    """What one process met so far: hand the same to each `take_file` of a folder, and little is done twice."""

    known: history.Known = field(default_factory=history.Known)
    reads: dict[Line, Read] = field(default_factory=dict)
    summaries: dict[int, quarantine.Summary] = field(default_factory=dict)  # of the last good snapshots

    def read(self, lines: Sequence[Line]) -> Iterator[tuple[Line, Read]]:
        if len(self.reads) > REMEMBERED:
            self.reads.clear()
        for line in lines:
            says = self.reads.get(line)
            if says is None:
                says = self.reads[line] = read(line)
            yield line, says

    def summary_of(self, snapshot: Snapshot | None) -> quarantine.Summary | None:
        """Return what a good snapshot is compared by; two queries where it was not met."""
        if snapshot is None:
            return None
        return self.summaries.get(snapshot.pk) or quarantine.Summary(snapshot.rows, queries.networks_of(snapshot))

    def remember(self, snapshot: Snapshot, summary: quarantine.Summary) -> None:
        self.summaries[snapshot.pk] = summary
        while len(self.summaries) > 4:
            del self.summaries[next(iter(self.summaries))]


def take_file(
    path: Path, *, seen_at: datetime, whole_day: bool, source: str, now: datetime, met: Met | None = None
) -> Snapshot:
    """Keep a file that holds the list, judge it, and let a good one extend the history. The same again changes nothing.

    Raises registry.Unreadable where there is no file, or none of a size that is kept; what was opened and is no list
    becomes a snapshot that says so.
    """
    if not path.is_file() or path.stat().st_size > MAX_KEPT:
        registry.open_list(path)  # says what is wrong with it
    return _take(path, seen_at=seen_at, whole_day=whole_day, source=source, now=now, met=met)


def take_bytes(
    data: bytes,
    *,
    seen_at: datetime,
    whole_day: bool,
    source: str,
    now: datetime,
    hint: str = "",
    met: Met | None = None,
) -> Snapshot:
    """Take a list that came over the line; `hint` is its charset. See `take_file`."""
    return _take(data, seen_at=seen_at, whole_day=whole_day, source=source, now=now, hint=hint, met=met)


@carries_out("B05")
def _take(
    content: bytes | Path,
    *,
    seen_at: datetime,
    whole_day: bool,
    source: str,
    now: datetime,
    hint: str = "",
    met: Met | None = None,
) -> Snapshot:
    met = met or Met()
    lines: Sequence[Line] = ()
    try:
        opened = registry.open_list(content, hint=hint)
    except registry.Unreadable as refusal:
        kind = _kind(content)
        summary = quarantine.Summary(0, frozenset())
        verdict = quarantine.Verdict(quarantine.UNREADABLE, (refusal.reason,))
    else:
        kind, lines = opened.kind, opened.lines
        summary = quarantine.summarise(met.read(lines), lost=opened.lost, faults=opened.faults)
        before = queries.good_before(seen_at)
        after = None if before else queries.good_after(seen_at)
        verdict = quarantine.judge(summary, met.summary_of(before), following=met.summary_of(after))
    sha256, size, file = keep(content, kind)
    snapshot = history.take(
        new=history.NewSnapshot(
            source=source,
            seen_at=seen_at,
            whole_day=whole_day,
            kind=kind,
            sha256=sha256,
            size=size,
            file=file,
            lines=lines,
            summary=summary,
            verdict=verdict,
        ),
        now=now,
        known=met.known,
        read_again=read_again,
    )
    if snapshot.state == Snapshot.State.GOOD and snapshot.sha256 == sha256:
        met.remember(snapshot, summary)
    return snapshot


def read_again(snapshot: Snapshot) -> list[Line] | None:
    """Return the rows in the kept file of a snapshot; None where the file is gone or is not what it was."""
    path = settings.DATA_DIR / snapshot.file
    try:
        if not path.is_file() or _digest(path)[0] != snapshot.sha256:
            return None
        return registry.open_list(path).lines
    except (OSError, registry.Unreadable):
        return None


def _kind(content: bytes | Path) -> str:
    if isinstance(content, Path):
        with content.open("rb") as file:
            content = file.read(4096)
    return registry.kind_of(content) or "other"


# ---- Files ----


def keep(content: bytes | Path, kind: str) -> tuple[str, int, str]:
    """Keep what came under the name of its content. Return digest, size and place below PEYMAN_DATA.

    The file is whole or not there, whenever the power fails; the same content is one file.
    """
    sha256, size = _digest(content)
    file = f"{FOLDER}/{sha256[:2]}/{sha256}.{kind}"
    path: Path = settings.DATA_DIR / file
    if path.is_file() and path.stat().st_size == size and _digest(path)[0] == sha256:
        return sha256, size, file
    write(path, _pieces(content))
    return sha256, size, file


def _digest(content: bytes | Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(content):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


# ---- The watch ----


@carries_out("B05")
def fetch_once(*, now: datetime) -> Fetch:
    """Ask the registry for its list, take what comes, and write down how it went. Raises NoRegistry.

    What came holds for `now`: the instant at which it was asked for.
    """
    url = settings.REGISTRY_URL
    if not url:
        raise NoRegistry
    state = _state()
    etag, modified = (state.etag, state.modified) if _is_kept(state) else ("", "")
    begun = time.monotonic()
    try:
        answer = registry.fetch(url, etag=etag, modified=modified, whole=settings.REGISTRY_DEADLINE)
    except registry.Failed as failure:
        detail = registry.OUTCOMES.get(failure.outcome, "")
        seconds = time.monotonic() - begun
        return _written(now, registry.shown(url), failure.outcome, f"{detail} {failure.detail}".strip(), seconds)
    if answer.body is None:
        content: bytes | Path = settings.DATA_DIR / state.file  # nothing changed: it says the same of this instant
    else:
        content = answer.body
    last = queries.last_good()
    snapshot = _take(content, seen_at=now, whole_day=False, source=SOURCE, now=now, hint=answer.charset)
    if answer.body is not None:
        RegistryWatch.objects.filter(pk=state.pk).update(
            etag=answer.etag, modified=answer.modified, file=snapshot.file, sha256=snapshot.sha256
        )
    outcome = str(snapshot.state)
    if outcome == Snapshot.State.GOOD:
        snapshot.refresh_from_db(fields=["digest"])  # a workbook has other bytes each time it is made
        outcome = "same" if last is not None and last.digest == snapshot.digest else "taken"
    detail = " ".join(reason["detail"] for reason in snapshot.reasons) if outcome not in ("taken", "same") else ""
    return _written(now, answer.url, outcome, detail, answer.seconds, snapshot)


def _written(
    now: datetime, url: str, outcome: str, detail: str, seconds: float, snapshot: Snapshot | None = None
) -> Fetch:
    log.info("registry.fetched", outcome=outcome, seconds=round(seconds, 1))
    return Fetch.objects.create(
        at=now, url=url, outcome=outcome, detail=detail[:300], seconds=round(seconds, 3), snapshot=snapshot
    )


def sweep(*, now: datetime) -> int:
    """Fetch if it is time, and sound the alarms; returns how many fetches were made. Any number of workers may ask."""
    if not settings.REGISTRY_URL:
        return 0
    done = 0
    if _is_due(now) and _claim(now):
        try:
            if _is_due(now):  # another may have been faster
                fetch_once(now=now)
                done = 1
        finally:
            RegistryWatch.objects.filter(pk=1, busy_until=now + LEASE).update(busy_until=None)
    sound(now=now)
    return done


def _is_due(now: datetime) -> bool:
    recent = list(Fetch.objects.order_by("-at", "-pk").values_list("at", "outcome")[: watch.LOOKED_AT])
    return now >= watch.next_fetch(recent, every=settings.REGISTRY_EVERY)


def _claim(now: datetime) -> bool:
    _state()
    free = RegistryWatch.objects.filter(Q(busy_until=None) | Q(busy_until__lte=now), pk=1)
    return bool(free.update(busy_until=now + LEASE))


def _state() -> RegistryWatch:
    RegistryWatch.objects.bulk_create([RegistryWatch(pk=1)], ignore_conflicts=True)
    return RegistryWatch.objects.get(pk=1)


def _is_kept(state: RegistryWatch) -> bool:
    """Whether "nothing changed" can be believed: what it was said of is still here, whole."""
    path = settings.DATA_DIR / state.file
    return bool(state.file) and path.is_file() and _digest(path)[0] == state.sha256


# ---- Alarms ----


@transaction.atomic
def sound(*, now: datetime) -> int:
    """Tell staff of lists that were held back and of a history that gets old; returns how many alarms.

    Of the same fault day after day they hear once, and again after it was away.
    """
    state = _state()
    told = 0
    fetches = list(Fetch.objects.filter(pk__gt=state.told_of).select_related("snapshot").order_by("pk")[:SOUNDED])
    if fetches and RegistryWatch.objects.filter(pk=1, told_of=state.told_of).update(told_of=fetches[-1].pk):
        before = (
            Fetch.objects.filter(pk__lte=state.told_of, snapshot__isnull=False)
            .select_related("snapshot")
            .order_by("-pk")
            .first()
        )
        known = _codes(before.snapshot) if before else set()
        for snapshot in (fetch.snapshot for fetch in fetches if fetch.snapshot is not None):
            codes = _codes(snapshot)
            if codes and codes != known and snapshot.state != Snapshot.State.GOOD:
                _tell("held", snapshot.code, watch.held_words(snapshot.reasons), now=now)
                told += 1
            known = codes
    return told + _sound_age(now)


def _codes(snapshot: Snapshot | None) -> set[str]:
    return {reason["code"] for reason in snapshot.reasons} if snapshot else set()


def _sound_age(now: datetime) -> int:
    """Tell once that the last good list is old; where there never was one, that the first fetch is long ago."""
    last = queries.last_good()
    if last is not None:
        seen_at, whole_day, about = last.seen_at, last.whole_day, last.pk
        what = f"آخرین فهرست درست سامانه ملی از {jalali.moment(seen_at)} است."
    else:
        first = Fetch.objects.order_by("at", "pk").first()
        if first is None:
            return 0
        seen_at, whole_day, about = first.at, False, 0
        what = f"از {jalali.moment(seen_at)} هیچ فهرست درستی از سامانه ملی گرفته نشده است."
    if not watch.is_old(seen_at, whole_day=whole_day, now=now):
        return 0
    fresh = RegistryWatch.objects.filter(Q(told_old_of=None) | ~Q(told_old_of=about), pk=1)
    if not fresh.update(told_old_of=about):
        return 0
    _tell("old", last.code if last else "none", what, now=now)
    return 1


def _tell(kind: str, code: str, what: str, *, now: datetime) -> None:
    alarms.tell(
        template="registry_alarm",
        key=f"registry:{kind}:{code}",
        about=f"snapshot:{code}",
        context={"what": what, "link": f"{settings.PUBLIC_URL}/desk/tariff/"},
        now=now,
    )
