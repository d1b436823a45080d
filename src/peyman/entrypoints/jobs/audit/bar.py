"""How far a long part of an audit is, for those who wait for it."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from peyman.entrypoints.jobs.console import tell
from peyman.gateways.audit.engines import DuckDB
from peyman.kernel.text import persian_digits


class Bar:
    """How far we are: share, rows and time left; in place on a terminal, else a line every few seconds."""

    def __init__(self, title: str, size: int) -> None:
        self.title, self.size, self.rows = title, size, 0
        self._before = self._here = 0
        self._started = self._told = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def within(self, at: int) -> None:
        """Note how many bytes of this file were read."""
        self._here = at
        self._tell()

    def past(self, size: int) -> None:
        """Note that a file was read."""
        self._before += size
        self.within(0)

    def step(self, name: str) -> None:
        """Name what comes next, where sizes are not known."""
        self._tell(name)

    def done(self) -> None:
        """Say so."""
        if self.rows:
            seconds = max(time.monotonic() - self._started, 0.001)
            tell(f"{self.title}: {persian_digits(self.rows)} سطر در {persian_digits(f'{seconds:.1f}')} ثانیه.")

    def _tell(self, name: str = "") -> None:
        now = time.monotonic()
        if now - self._told < (0.2 if self._is_terminal else 5):
            return
        self._told = now
        line = f"{self.title}: {name}"
        if self.size:
            share = min((self._before + self._here) / self.size, 1)
            left = (now - self._started) * (1 - share) / share if share else 0
            drawn = "█" * round(share * 20)
            line = (
                f"{self.title} {drawn:░<20} ٪{persian_digits(round(share * 100))} · {persian_digits(self.rows)} سطر · "
                f"{persian_digits(round(left))} ثانیه مانده"
            )
        click.echo(f"\r{line} " if self._is_terminal else line, nl=not self._is_terminal, err=True)


@contextmanager
def waiting(title: str, store: DuckDB, rows: int = 0) -> Iterator[None]:
    """Show how far each question is that `store` works on, while it does."""
    bar = Bar(title, 100)
    bar.rows = rows
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            share = store.progress()
            if share > 0:
                bar.within(round(min(share, 100)))
            else:
                bar.step("…")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    bar.done()
