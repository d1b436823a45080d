"""Pictures and videos on their way in: looked at, put aside, made anew by the worker, and removed in the end.

A file is whole and synced before its row says that it is there, and its row says that it is gone before the file is.
Whatever is killed in between leaves a row that falls due again, or a file that no row names, which is removed in time.
"""

import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

import structlog
from django.conf import settings

from peyman.gateways import pictures
from peyman.gateways.whole import write
from peyman.kernel.errors import Refused, TryLater
from peyman.shop.media import actions, queries, rules
from peyman.shop.media.models import MediaFile, Takedown
from peyman.shop.media.rules.blanks import blanked
from peyman.shop.media.rules.pictures import webp

log = structlog.get_logger()

INCOMING: Final = "media/incoming"  # below PEYMAN_DATA
PUT_OFF: Final = timedelta(minutes=5)  # after a fault of ours: a full disk
LEFT: Final = 24 * 3600  # seconds after which a file that no row names was left by somebody who died
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Offered:
    """A file that somebody offers; `name` as it is called there, which nothing is decided by."""

    file: IO[bytes]
    name: str
    alt: str = ""
    color: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file that was offered: `fault` is "" or says why it was not taken, in a word and in Persian."""

    name: str
    fault: str = ""
    says: str = ""


class _Opened:
    """A file as a source: read by pieces, never whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)

    def read(self, at: int, n: int) -> bytes:
        self.file.seek(at)
        return self.file.read(n)

    def pieces(self) -> Iterator[bytes]:
        for at in range(0, self.size, _PIECE):
            yield self.read(at, _PIECE)


def limits() -> dict[str, int]:
    """Return what is taken at most, in megabytes, megapixels and seconds."""
    most: rules.Limits = settings.MEDIA_LIMITS
    return {
        "picture": most.picture_bytes // 1_000_000,
        "pixels": most.picture_pixels // 1_000_000,
        "video": most.video_bytes // 1_000_000,
        "seconds": most.video_seconds,
    }


def keep_days() -> int:
    """Return for how many days what nothing shows can be shown again."""
    days: int = settings.MEDIA_KEEP.days
    return days


def look(file: IO[bytes]) -> rules.Looked:
    """Say what a file is, by its content and under the limits of the settings. Raises Unfit."""
    return _known(_Opened(file))[0]


def _known(source: "_Opened") -> tuple[rules.Looked, str]:
    """Say what a file is, and its key. Raises Unfit, also for what was taken down."""
    looked = rules.look(source, settings.MEDIA_LIMITS)
    key = rules.key_of(source.pieces())
    if queries.is_down(key):
        raise rules.Unfit("taken_down")
    return looked, key


def bring_in(*, code: str, offered: Sequence[Offered], by: str, now: datetime) -> list[Outcome]:
    """Let a product show what is offered, as far as it is fit; what it is made of waits for the worker.

    Raises Missing, TooMany, TakenDown; TryLater where it cannot be put aside. Then nothing is kept.
    """
    came: list[actions.Came] = []
    outcomes = []
    try:
        for one in offered:
            try:
                came.append(_put_aside(one))
                outcomes.append(Outcome(one.name))
            except rules.Unfit as refusal:
                outcomes.append(Outcome(one.name, refusal.fault, refusal.detail))
                log.info("media.refused", fault=refusal.fault, product=code)
        unneeded = actions.take(code=code, came=came, by=by, now=now) if came else []
    except OSError as fault:
        _remove(one.incoming for one in came)
        log.error("media.not_put_aside", fault=str(fault))
        raise TryLater from fault
    except Refused:
        _remove(one.incoming for one in came)
        raise
    _remove(unneeded)
    return outcomes


def _put_aside(offered: Offered) -> actions.Came:
    source = _Opened(offered.file)
    looked, key = _known(source)
    place = f"{INCOMING}/{secrets.token_hex(16)}"
    write(settings.DATA_DIR / place, source.pieces())
    return actions.Came(key, looked, source.size, place, offered.name, offered.alt, offered.color)


# ---- The worker ----


def work(now: datetime, *, most: int = 50) -> int:
    """Make ready what waits, one after the other; returns how many were dealt with. Any number of workers may ask."""
    done = 0
    while done < most and (claimed := actions.claim_due(now=now)):
        for file in claimed:
            _make(file, now)
            done += 1
    return done


def _make(file: MediaFile, now: datetime) -> None:
    path = settings.DATA_DIR / file.incoming
    try:
        made = _make_picture(file, path) if file.kind == MediaFile.Kind.PICTURE else _make_video(file, path)
    except rules.Unfit as refusal:
        actions.give_up(key=file.key, incoming=file.incoming, fault=refusal.fault)
        log.info("media.unfit", key=file.key, fault=refusal.fault)
    except FileNotFoundError:
        # Another was faster; or the tables are older than the folder, after a restore. What is lost is brought again.
        if there := _there(file):
            actions.made(file=file, made=there, now=now)
        else:
            actions.give_up(key=file.key, incoming=file.incoming, fault="torn")
    except OSError as fault:
        actions.put_off(file=file, until=now + PUT_OFF)
        log.error("media.not_made", key=file.key, fault=str(fault))
        return
    else:
        if actions.made(file=file, made=made, now=now):
            log.info("media.made", key=file.key, stored=made.stored)
        elif actions.came_back(file=file, now=now):
            clear_takedowns(now)
    _remove([file.incoming])


def _make_picture(file: MediaFile, path: Path) -> actions.Made:
    picture = pictures.make(path, file.form)
    for width, data in picture.files.items():
        write(settings.MEDIA_ROOT / rules.picture_file(file.key, width), [data])
    return actions.Made(picture.width, picture.height, sum(map(len, picture.files.values())))


def _make_video(file: MediaFile, path: Path) -> actions.Made:
    with path.open("rb") as opened:
        source = _Opened(opened)
        looked = rules.look(source, settings.MEDIA_LIMITS)
        write(settings.MEDIA_ROOT / rules.video_file(file.key, file.form), blanked(source.pieces(), looked.blanks))
        return actions.Made(looked.width, looked.height, source.size)


def _there(file: MediaFile) -> actions.Made | None:
    """Return what was made of a file before, if all of it lies there."""
    if file.kind == MediaFile.Kind.VIDEO:
        path = settings.MEDIA_ROOT / rules.video_file(file.key, file.form)
        return actions.Made(file.width, file.height, path.stat().st_size) if path.is_file() else None
    paths = {width: settings.MEDIA_ROOT / rules.picture_file(file.key, width) for width in rules.WIDTHS}
    made = {width: path.read_bytes() for width, path in paths.items() if path.is_file()}
    if not made:
        return None
    width, height = webp(rules.Held(made[max(made)]))
    return actions.Made(width, height, sum(map(len, made.values()))) if list(made) == rules.widths_of(width) else None


def sweep(now: datetime) -> int:
    """Remove files that nothing has shown for long, and what the dead left; returns how many were given up."""
    rows = actions.sweep_unused(before=now - settings.MEDIA_KEEP)
    for row in rows:
        for place in _places(row):
            (settings.MEDIA_ROOT / place).unlink(missing_ok=True)
    actions.swept(rows)
    _remove_left()
    return len(rows)


def _places(row: MediaFile) -> list[str]:
    if row.kind == MediaFile.Kind.VIDEO:
        return [rules.video_file(row.key, row.form)]
    return [rules.picture_file(row.key, width) for width in rules.WIDTHS]


def _remove_left() -> None:
    """Remove what was put aside or half written by processes that died. Its age is the file system's to say."""
    oldest = time.time() - LEFT  # noqa: TID251  of files, which no clock of ours made
    folder = settings.DATA_DIR / INCOMING
    for path in [*folder.glob("*"), *settings.MEDIA_ROOT.glob("??/.*")]:
        place = f"{INCOMING}/{path.name}"
        is_named = path.parent == folder and MediaFile.objects.filter(incoming=place).exists()
        if path.is_file() and path.stat().st_mtime < oldest and not is_named:
            path.unlink(missing_ok=True)


# ---- Taken down ----


def take_down(*, key: str, reason: str, why: str, by: str, now: datetime) -> Takedown:
    """Take a file out of the world: off all products, and out of the folder before this returns, or soon by the worker.

    Raises Invalid, Missing.
    """
    row = actions.take_down(key=key, reason=reason, why=why, by=by, now=now)
    log.info("media.taken_down", key=key, reason=row.reason)
    clear_takedowns(now)
    row.refresh_from_db()
    return row


def lift(*, takedown_id: int, why: str, by: str, now: datetime) -> None:
    """Let a file that was taken down be brought in again. Raises Invalid, Missing, NotYetGone."""
    row = actions.lift(takedown_id=takedown_id, why=why, by=by, now=now)
    log.info("media.lifted", key=row.file.key)
    clear_takedowns(now)


def clear_takedowns(now: datetime) -> int:
    """Delete what was taken down, also what came back; returns of how many nothing is left since now."""
    return sum(_clear(row, now) for row in actions.claim_takedowns(now=now))


def _clear(row: Takedown, now: datetime) -> bool:
    key = row.file.key
    mark = settings.MEDIA_ROOT / rules.tombstone(key)
    try:
        if row.lifted_at is not None:
            mark.unlink(missing_ok=True)
        else:
            _bury(row.file, mark)
    except OSError as fault:
        log.error("media.not_deleted", key=key, fault=str(fault))  # it falls due again
        return False
    return actions.cleared(row=row, now=now)


def _bury(file: MediaFile, mark: Path) -> None:
    """Mark the addresses of a file as gone, and delete all that lies under its key, finished or not."""
    try:
        if not mark.is_file():
            write(mark, [])
    finally:  # a full disk takes no mark, and lets itself be emptied
        for path in mark.parent.glob(f"*{file.key}*"):
            if path != mark:
                path.unlink(missing_ok=True)
        _remove([file.incoming])


# ---- Files ----


def _remove(places: Iterable[str]) -> None:
    for place in places:
        if place:
            (settings.DATA_DIR / place).unlink(missing_ok=True)
