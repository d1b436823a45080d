"""The database itself."""

from datetime import datetime

from django.db import connection

from peyman.entrypoints.jobs import triggers
from peyman.entrypoints.jobs.invariants.finding import Finding, check


@check("history_is_guarded")
def _triggers(now: datetime) -> Finding:
    """The database refuses to change what may only be added to."""
    return Finding(len(triggers.tables()), triggers.missing())


@check("database_keeps_what_it_promised")
def _durable(now: datetime) -> Finding:
    """What was committed outlives a power cut, and no row points at nothing."""
    found = Finding()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            found.look("synchronous", cursor.fetchone()[0] >= 2)
            cursor.execute("PRAGMA journal_mode")
            found.look("journal_mode", cursor.fetchone()[0] == "wal")
            cursor.execute("PRAGMA foreign_key_check")
            found.look("foreign_keys", not cursor.fetchall())
        else:
            for name in ("fsync", "full_page_writes"):
                cursor.execute("SELECT current_setting(%s)", [name])
                found.look(name, cursor.fetchone()[0] == "on")
            cursor.execute("SELECT current_setting('synchronous_commit')")
            found.look("synchronous_commit", cursor.fetchone()[0] != "off")
    return found
