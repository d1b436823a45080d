"""`peyman audit` by what the database holds: history, edges, ISPs, tariffs and probes."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from peyman.entrypoints import registry_watch, tariff_tables
from peyman.entrypoints.jobs.audit import command
from peyman.entrypoints.jobs.edges import command as edges_command
from peyman.kernel.worktime import day_start
from peyman.market.incidents.models import AuditRun
from tests import make
from tests.jobs.test_audit import FILES, LISTS, audit, by_user_day, done, failed, place

__all__ = ["place"]
pytestmark = pytest.mark.django_db
NOW = datetime(2023, 6, 1, 2, 0, tzinfo=UTC)
DATABASE = {"registry": "db", "edges": "db", "isps": "db", "tariffs": "db"}


def fill(place: Path, now: datetime) -> None:
    """Bring the files of a place into the database, verified rates among them."""
    for day in sorted(LISTS):
        seen_at = day_start(date.fromisoformat(day))
        file = place / "lists" / f"{day}.csv"
        registry_watch.take_file(file, seen_at=seen_at, whole_day=True, source="mirror", now=now)
    ended = CliRunner().invoke(edges_command, ["import", str(place / "edges.csv")])
    assert ended.exit_code == 0, ended.output
    tariff_tables.bring("isps", FILES["isps"].encode(), name="isps.csv", by=None, now=now)
    tariffs = FILES["tariffs"].encode()
    tariff_tables.bring("tariffs", tariffs, name="tariffs.csv", by=None, now=now)
    tariff_tables.verify_said(tariffs, name="tariffs.csv", by=make.person(role="manager"), seen="page", now=now)


@pytest.fixture
def filled(place: Path, settings: Any) -> Path:
    settings.DATA_DIR = place / "data"
    fill(place, NOW)
    return place


@pytest.mark.clause("B08")
def test_what_the_database_holds_gives_the_answer_of_the_files_it_came_from(filled: Path) -> None:
    by_files = done(filled)
    users = by_user_day(filled)
    assert done(filled, **DATABASE, out="db") == by_files
    assert by_user_day(filled, "db") == users
    inputs = json.loads((filled / "db" / "manifest.json").read_text())["inputs"]
    assert (inputs["edges"]["rows"], inputs["isps"]["rows"], inputs["tariffs"]["rows"]) == (2, 2, 3)


def test_a_table_that_is_empty_is_said(place: Path) -> None:
    failed(audit(place, edges="db"), "--edges db", "peyman edges import")
    failed(audit(place, isps="db"), "--isps db")
    failed(audit(place, releases="db"), "--releases")


@pytest.mark.clause("B08", "B10")
def test_a_recorded_answer_is_kept_counted_again_and_stands_at_the_desk(filled: Path) -> None:
    done(filled, "--record", **DATABASE)
    run = AuditRun.objects.get()
    assert (run.state, run.totals["bytes_overcharged"]) == ("recounted", 3_000_003)
    ended = CliRunner().invoke(command, ["recount", str(filled / "data" / run.folder), "--json"])
    assert ended.exit_code == 0, ended.output
    done(filled, "--record", **DATABASE)
    assert AuditRun.objects.count() == 1
