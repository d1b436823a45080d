"""The clock. Read here, in entry points, and nowhere else; everything below is given `now`."""

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings


def now() -> datetime:
    """Return this instant, aware and in UTC.

    In the sandbox PEYMAN_CLOCK_FILE (an ISO instant, re-read at each use) stands in for the clock;
    a file that is missing or unreadable is passed over.
    """
    if settings.CLOCK_FILE:
        try:
            told = datetime.fromisoformat(Path(settings.CLOCK_FILE).read_text().strip())
        except (OSError, ValueError):
            return datetime.now(UTC)
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    return datetime.now(UTC)
