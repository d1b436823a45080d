"""The daily audit of the worker: once a day, only what is new, and staff hear where it could not be."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from peyman.entrypoints.jobs import daily_audit
from peyman.entrypoints.jobs.audit import command
from peyman.kernel.worktime import day_start
from peyman.market.incidents.models import AuditRun, Incident
from peyman.market.tariff.models import AuditWatch
from peyman.market.tariff.rules.watch import audit_is_due
from peyman.messages.models import Message
from tests.jobs.test_audit import line, place, write_csv
from tests.rooms.test_audit_of_database import fill

__all__ = ["place"]
pytestmark = pytest.mark.django_db
NOW = datetime(2023, 6, 1, 2, 0, tzinfo=UTC)  # half past five in Tehran


@pytest.fixture
def shop(place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A market whose worker audits; its process is one of ours, so that it sees our database."""
    settings.DATA_DIR = place / "data"
    settings.AUDIT_LOGS = [str(place / "logs" / "*.csv")]
    settings.AUDIT_OPTIONS = f"--releases '{place / 'releases.csv'}'"
    (place / "logs").mkdir()
    (place / "log.csv").rename(place / "logs" / "a.csv")
    fill(place, NOW)

    def run(arguments: list[str], **given: Any) -> Any:
        ended = CliRunner().invoke(command, arguments[4:])
        assert arguments[3] == "audit"
        return SimpleNamespace(returncode=ended.exit_code, stderr=ended.stderr)

    monkeypatch.setattr(subprocess, "run", run)
    yield place


@pytest.mark.parametrize(
    ("case", "tried", "done", "at", "is_due"),
    [
        ("never", None, None, "04:00", True),
        ("before its hour", None, None, "03:59", False),
        ("done today", "04:00", "04:00", "09:00", False),
        ("done yesterday", "-20:00", "-20:00", "04:00", True),
        ("failed just now", "04:00", "-20:00", "04:59", False),
        ("failed an hour ago", "04:00", "-20:00", "05:00", True),
        ("failed late yesterday", "-00:10", "-20:00", "04:00", True),
    ],
)
def test_the_audit_is_due_once_a_day_and_hourly_until_it_is_finished(
    case: str, tried: str | None, done: str | None, at: str, is_due: bool
) -> None:
    midnight = day_start(date(2023, 6, 1))

    def when(text: str | None) -> datetime | None:
        if text is None:
            return None
        hours, minutes = text.lstrip("-").split(":")
        apart = timedelta(hours=int(hours), minutes=int(minutes))
        return midnight - apart if text.startswith("-") else midnight + apart

    now = when(at)
    assert now is not None
    assert audit_is_due(when(tried), when(done), hour=4, now=now) is is_due


@pytest.mark.clause("B08")
def test_the_worker_audits_once_a_day_and_hands_in_what_is_new(shop: Path) -> None:
    assert daily_audit.sweep(now=NOW) == 1
    run = AuditRun.objects.get()
    assert (run.state, run.totals["overcharged"], run.made_by) == ("recounted", 3, None)
    assert Incident.objects.count() == 1
    assert daily_audit.sweep(now=NOW + timedelta(hours=3)) == 0  # not again today
    assert daily_audit.sweep(now=NOW + timedelta(days=1)) == 1  # nothing is new
    assert AuditRun.objects.count() == 1
    write_csv(shop / "logs" / "b.csv", [line(request_id="late", download_token="sara")])
    assert daily_audit.sweep(now=NOW + timedelta(days=2)) == 1
    newest = AuditRun.objects.order_by("pk").last()
    assert newest is not None
    assert (AuditRun.objects.count(), newest.totals["overcharged"]) == (2, 4)
    changes = json.loads((shop / "data" / newest.folder / "difference.json").read_text())["changes"]
    assert [(row["user"], row["why"]) for row in changes] == [("sara", ["logs"])]


def test_an_audit_that_cannot_be_is_told_once_and_tried_each_hour(shop: Path) -> None:
    (shop / "logs" / "a.csv").write_bytes(b"\x1f\x8b broken")
    assert daily_audit.sweep(now=NOW) == 0
    state = AuditWatch.objects.get()
    assert (state.busy_until, "a.csv" in state.fault) == (None, True)
    assert Message.objects.filter(template="audit_alarm").count() == 1
    assert daily_audit.sweep(now=NOW + timedelta(minutes=59)) == 0
    assert daily_audit.sweep(now=NOW + timedelta(hours=1)) == 0
    assert Message.objects.filter(template="audit_alarm").count() == 1
    write_csv(shop / "logs" / "a.csv", [line(request_id="r")])
    assert daily_audit.sweep(now=NOW + timedelta(hours=2)) == 1
    assert AuditWatch.objects.get().fault == ""


def test_a_worker_leaves_the_audit_to_one_that_has_begun_and_takes_it_over_when_that_one_was_killed(shop: Path) -> None:
    AuditWatch.objects.create(pk=1, busy_until=NOW + timedelta(hours=5), tried_at=NOW - timedelta(hours=1))
    assert daily_audit.sweep(now=NOW) == 0
    assert AuditRun.objects.count() == 0
    assert daily_audit.sweep(now=NOW + timedelta(hours=5)) == 1


def test_without_logs_nothing_is_audited(shop: Path, settings: Any) -> None:
    settings.AUDIT_LOGS = []
    assert daily_audit.sweep(now=NOW) == 0
    assert AuditWatch.objects.count() == 0
