"""From logs to an incident: an answer of `peyman audit` handed in, counted again, and told."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints import audit_runs
from peyman.entrypoints.jobs import incidents as jobs
from peyman.entrypoints.jobs import invariants
from peyman.entrypoints.jobs.export import command as export
from peyman.market.incidents.actions import incidents
from peyman.market.incidents.models import AuditRun, Incident
from peyman.market.incidents.queries import public
from peyman.market.incidents.rules import steps
from peyman.market.incidents.rules.runs import BadRun
from peyman.messages.models import Message
from tests import incidents as given
from tests import make
from tests.incidents import HOUR, NOW
from tests.jobs.test_audit import LINES, done, line, place, write_csv

__all__ = ["place"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    make.calendar()
    make.terms()
    make.person(role="manager")
    return settings.DATA_DIR


def take(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(jobs.command, ["take", str(folder), *more])


@pytest.mark.clause("B08", "B10")
def test_an_answer_of_the_audit_is_taken_counted_again_and_opens_an_incident(place: Path) -> None:
    totals = done(place)
    found = audit_runs.take(place / "out", now=NOW)
    assert (found.state, found.totals) == ("recounted", totals)
    incident = Incident.objects.get()
    assert (incident.state, incident.run) == ("detected", found)
    assert sum(one.bytes or 0 for one in incident.stretches.all()) == totals["bytes_overcharged"]
    assert incident.code in Message.objects.get(template="incident").text
    again = audit_runs.take(place / "out", now=NOW + HOUR)
    assert (again.pk, Incident.objects.count(), AuditRun.objects.count()) == (found.pk, 1, 1)
    for check in ("runs_of_the_audit_are_kept", "incidents_hold_what_their_run_found", "steps_of_incidents_are_signed"):
        assert invariants.CHECKS[check](NOW).bad == []


@pytest.mark.clause("B10", "B11")
def test_what_was_audited_is_published_to_the_rial(place: Path) -> None:
    totals = done(place)
    audit_runs.take(place / "out", now=NOW)
    incident = Incident.objects.get()
    first, second = make.person(role="tariff"), make.person(role="tariff")
    incidents.confirm(code=incident.code, reason="سنجیدم.", by=first, now=NOW)
    incidents.publish(code=incident.code, words=given.words(incident), reason="خواندم.", by=second, now=NOW)
    said = public.document(incident.code)
    assert said["totals"] == totals == json.loads((place / "out" / "totals.json").read_text())
    assert sum(one["bytes"] for one in said["operators"].values()) == totals["bytes_overcharged"]


@pytest.mark.clause("B10")
def test_a_byte_of_difference_in_the_recount_stops_the_confirmation(place: Path, data: Path) -> None:
    done(place)
    found = audit_runs.take(place / "out", now=NOW)
    harmed = data / found.folder / "by_user_day.parquet"
    content = bytearray(harmed.read_bytes())
    content[len(content) // 2] ^= 1
    harmed.write_bytes(content)
    assert invariants.CHECKS["runs_of_the_audit_are_kept"](NOW).bad == [found.code]
    assert audit_runs.count_again(found, now=NOW + HOUR).state == "differs"
    with pytest.raises(steps.RunDiffers):
        incidents.confirm(code=Incident.objects.get().code, reason="چون", by=make.person(role="tariff"), now=NOW + HOUR)
    assert Incident.objects.get().state == "detected"


def test_a_later_run_of_the_same_days_replaces_the_first_and_opens_no_second_incident(place: Path) -> None:
    done(place)
    first = audit_runs.take(place / "out", now=NOW)
    write_csv(place / "late.csv", [*LINES, line(request_id="late", download_token="sara")])
    done(place, logs="late.csv", out="later")
    later = audit_runs.take(place / "later", now=NOW + HOUR)
    assert later.replaces == first
    assert Incident.objects.count() == 1


def test_an_answer_without_harm_opens_nothing(place: Path) -> None:
    write_csv(place / "quiet.csv", [line(request_id="r1", host="dl.quiet.ir")])
    assert done(place, logs="quiet.csv")["overcharged"] == 0
    assert audit_runs.take(place / "out", now=NOW).state == "recounted"
    assert not Incident.objects.exists()


@pytest.mark.clause("B08")
def test_a_folder_that_is_no_answer_is_refused_and_leaves_nothing(tmp_path: Path, data: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(BadRun):
            audit_runs.take(folder, now=NOW)
    folder = given.folder(tmp_path / "answer", totals=given.TOTALS | {"fine": 699})
    with pytest.raises(BadRun) as refused:
        audit_runs.take(folder, now=NOW)
    assert "بخش‌های سطرهای شمرده" in refused.value.detail
    assert not AuditRun.objects.exists()


# ---- The command ----


def test_the_command_tells_run_state_and_incident(place: Path) -> None:
    done(place)
    ended = take(place / "out", "--json")
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert (told["state"], told["differences"], told["replaces"]) == ("recounted", [], None)
    assert told["incidents"] == [Incident.objects.get().code]
    ended = take(place / "out")
    assert ended.exit_code == 0
    assert told["run"] in ended.stdout
    assert "بازشماری شد و یکی است" in ended.stdout
    assert f"پرونده: {told['incidents'][0]}" in ended.stdout


def test_an_answer_that_cannot_be_counted_again_is_taken_and_said_with_exit_1(tmp_path: Path) -> None:
    ended = take(given.folder(tmp_path / "answer"), "--json")
    assert ended.exit_code == 1
    told = json.loads(ended.stdout)
    assert (told["state"], len(told["differences"])) == ("differs", 1)


def test_the_command_says_no_in_words_and_in_json(tmp_path: Path) -> None:
    ended = take(tmp_path, "--json")
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["error"]["code"] == "bad_run"
    assert "manifest.json در آن نیست" in take(tmp_path).output


def test_incidents_are_listed_and_a_notice_is_printed(place: Path) -> None:
    assert "رویدادی ثبت نشده است" in CliRunner().invoke(jobs.command, ["list"]).stdout
    done(place)
    audit_runs.take(place / "out", now=NOW)
    incident = Incident.objects.get()
    assert "پیداشده" in CliRunner().invoke(jobs.command, ["list"]).stdout
    (told,) = json.loads(CliRunner().invoke(jobs.command, ["list", "--json"]).stdout)
    assert (told["incident"], told["opened_at"]) == (incident.code, "2025-01-04T06:30:00Z")
    first, second = make.person(role="tariff"), make.person(role="tariff")
    incidents.confirm(code=incident.code, reason="سنجیدم.", by=first, now=NOW)
    incidents.publish(code=incident.code, words=given.words(incident), reason="خواندم.", by=second, now=NOW)
    ended = CliRunner().invoke(jobs.command, ["notice", incident.code])
    assert json.loads(ended.stdout) == json.loads(json.dumps(public.document(incident.code)))


def test_incidents_are_exported_line_by_line(place: Path) -> None:
    done(place)
    audit_runs.take(place / "out", now=NOW)
    (row,) = map(json.loads, CliRunner().invoke(export, ["incidents"]).stdout.splitlines())
    assert row["incident"] == Incident.objects.get().code
    assert row["opened_at"] == "2025-01-04T06:30:00Z"
    assert row["totals"] == AuditRun.objects.get().totals
