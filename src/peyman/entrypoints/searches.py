"""What is looked for in vain, gathered in memory while pages are served and written down by a thread of its own.

No reader waits for a write, and a busy minute is one transaction. Whatever a process had gathered when it was killed
is lost: these are hints for staff, not evidence.
"""

import threading
from datetime import date, datetime
from typing import Final

import structlog
from django.db import DatabaseError, close_old_connections

from peyman.kernel.worktime import tehran_day
from peyman.shop.finding import actions, rules

log = structlog.get_logger()

EVERY: Final = 30.0  # seconds between two writes
MOST: Final = 2_000  # different texts that are gathered between two writes; more are dropped

_lock = threading.Lock()
_seen: dict[tuple[date, str], tuple[int, int]] = {}
_writer: list[threading.Thread] = []


def note(typed: str, found: int, now: datetime) -> None:
    """Remember that so little was found; what finds enough, and what may tell of a person, is not remembered."""
    if found > rules.FEW or not (kept := rules.worth_keeping(typed)):
        return
    key = (tehran_day(now), kept)
    with _lock:
        if key in _seen or len(_seen) < MOST:
            _seen[key] = (_seen.get(key, (0, 0))[0] + 1, found)


def write_down() -> int:
    """Write what was gathered, and gather anew; return how many texts. What cannot be written is gathered again."""
    with _lock:
        seen = dict(_seen)
        _seen.clear()
    try:
        return actions.count_sought(seen=seen)
    except DatabaseError:
        log.warning("searches.not_written", texts=len(seen))
        with _lock:
            for key, (times, found) in seen.items():
                if len(_seen) < MOST:
                    _seen[key] = (_seen.get(key, (0, 0))[0] + times, _seen.get(key, (0, found))[1])
        return 0


def keep_writing() -> None:
    """Write every EVERY seconds for as long as this process serves pages. Called once, when it begins to."""
    with _lock:
        if _writer:
            return
        _writer.append(threading.Thread(target=_write_forever, name="searches", daemon=True))
        _writer[0].start()


def _write_forever() -> None:
    pause = threading.Event()
    while not pause.wait(EVERY):
        if _seen:
            write_down()
            close_old_connections()


def forget(now: datetime) -> int:
    """Forget what was looked for long ago: a sweep."""
    return actions.forget_older(now=now)
