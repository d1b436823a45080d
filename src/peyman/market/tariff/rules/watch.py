"""How the registry is watched: when it is asked again, and from when on the last good list is old (B05)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.rules.quarantine import AGREE_AFTER

OLD: Final = timedelta(hours=36)
SOON: Final = timedelta(minutes=15)  # after the first failure; twice as long after each more
AGAIN: Final = AGREE_AFTER + timedelta(minutes=15)  # after a list was held back: a second one may let it go
JITTER: Final = 0.1  # of the pause, more or less, so that not all who watch ask in the same minute
LOOKED_AT: Final = 8  # of the last fetches

_WENT_WELL: Final = frozenset({"taken", "same"})


def next_fetch(recent: Sequence[tuple[datetime, str]], *, every: timedelta) -> datetime:
    """Return when the registry is asked again. `recent`: instant and outcome of the last fetches, newest first.

    As often as `every` says; sooner after a failure, and an hour and some minutes after a list was held back.
    """
    if not recent:
        return datetime.min.replace(tzinfo=UTC)
    at, outcome = recent[0]
    if outcome in _WENT_WELL:
        pause = every
    else:
        bad = next((place for place, (_, how) in enumerate(recent) if how in _WENT_WELL), len(recent))
        begin = AGAIN if outcome == "quarantined" else SOON
        pause = min(begin * 2 ** (bad - 1), every)
    return at + pause * (1 + JITTER * _chance(at))


def _chance(at: datetime) -> float:
    """From -1 to 1, the same for the same instant: all workers agree on when it is time."""
    drawn = blake2b(at.astimezone(UTC).isoformat().encode(), digest_size=4).digest()
    return int.from_bytes(drawn) / 2**31 - 1


AUDIT_AGAIN: Final = timedelta(hours=1)  # after an audit that was not finished


def audit_is_due(tried_at: datetime | None, done_at: datetime | None, *, hour: int, now: datetime) -> bool:
    """Say whether the daily audit is due: once on each day of Tehran from `hour` on, hourly until it is finished."""
    begins = day_start(tehran_day(now)) + timedelta(hours=hour)
    if now < begins or (done_at is not None and done_at >= begins):
        return False
    return tried_at is None or now - tried_at >= AUDIT_AGAIN or tried_at < begins


def is_old(seen_at: datetime, *, whole_day: bool, now: datetime) -> bool:
    """Say whether the last good list is too old to be left unsaid; one of a whole day holds until its end."""
    holds_until = day_start(tehran_day(seen_at) + timedelta(days=1)) if whole_day else seen_at
    return now - holds_until > OLD


def held_words(reasons: Sequence[Mapping[str, str]]) -> str:
    """Say in one sentence that a list was held back, and why."""
    why = reasons[0]["detail"] if reasons else ""
    return f"فهرست تازه سامانه ملی پذیرفته نشد: {why}".strip()
