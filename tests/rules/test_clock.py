"""The sandbox's clock: a file that is written while it is read."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from peyman.entrypoints import clock

EVENING = datetime(2025, 1, 4, 18, 30, tzinfo=UTC)


def test_the_file_says_which_instant_it_is_and_tehrans_offset_is_understood(settings: Any, tmp_path: Path) -> None:
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text("2025-01-04T22:00:00+03:30\n")
    assert clock.now() == EVENING


def test_a_file_that_is_empty_for_a_moment_does_not_give_this_years_time(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text("")
    meanwhile = SimpleNamespace(sleep=lambda _: settings.CLOCK_FILE.write_text(EVENING.isoformat()))
    monkeypatch.setattr(clock, "time", meanwhile)
    assert clock.now() == EVENING


def test_without_a_file_the_machine_tells_the_time(settings: Any, tmp_path: Path) -> None:
    settings.CLOCK_FILE = tmp_path / "clock"
    with time_machine.travel(EVENING, tick=False):
        assert clock.now() == EVENING
        settings.CLOCK_FILE.write_text("half past ten")
        assert clock.now() == EVENING
