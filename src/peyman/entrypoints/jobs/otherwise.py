"""`peyman web` as it would be on a slower disk, or without its one writer: what a benchmark compares with.

    python -m peyman.entrypoints.jobs.otherwise [--alone] [--flush MS] [--addresses MODULE] web --bind …

`--alone`: each request commits its own order. `--flush`: each commit of SQLite takes so many milliseconds longer, with
the write lock held, as on a disk that is slower to flush (PostgreSQL has a setting for it: `commit_delay`).
`--addresses`: it answers to those of this module.
"""

import importlib
import os
import sys
import time
from typing import Any

import django
from django.conf import settings
from django.db.backends.sqlite3 import base

_WRITES = ("INSERT", "UPDATE", "DELETE")


def _slow_flush(seconds: float) -> None:
    commit, execute = base.DatabaseWrapper._commit, base.SQLiteCursorWrapper.execute  # type: ignore[attr-defined]

    def slow_commit(self: Any) -> None:
        if self.connection is not None and self.connection.in_transaction:
            time.sleep(seconds)
        commit(self)

    def slow_execute(self: Any, query: str, params: Any = None) -> Any:
        line = self.connection
        if line.in_transaction or not query.lstrip().upper().startswith(_WRITES):
            return execute(self, query, params)
        line.execute("BEGIN IMMEDIATE")
        try:
            answer = execute(self, query, params)
            time.sleep(seconds)
        except BaseException:
            line.rollback()
            raise
        line.commit()
        return answer

    base.DatabaseWrapper._commit = slow_commit  # type: ignore[attr-defined]
    base.SQLiteCursorWrapper.execute = slow_execute  # type: ignore[method-assign]


def _alone() -> None:
    payments = importlib.import_module("peyman.entrypoints.payments")  # by name: it asks for a settled Django
    payments._writer.do = payments._at_once


def main(arguments: list[str]) -> None:
    """Change what is asked for, and be the command line; the server forks its workers with the change in them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peyman.config.settings")
    django.setup()
    while arguments[0].startswith("--"):
        match arguments.pop(0):
            case "--alone":
                _alone()
            case "--addresses":
                settings.ROOT_URLCONF = arguments.pop(0)
            case "--flush":
                _slow_flush(float(arguments.pop(0)) / 1000)
    sys.argv[1:] = arguments
    importlib.import_module("peyman.entrypoints.jobs.cli").main()


if __name__ == "__main__":
    main(sys.argv[1:])
