"""The command line as its caller meets it."""

import json
import shutil
import subprocess

import pytest

from peyman.entrypoints.jobs.cli import COMMANDS
from tests.conftest import PATIENCE


@pytest.mark.any_database
def test_the_help_names_every_command_in_persian(peyman):
    ended = peyman("--help")
    assert ended.returncode == 0
    for name, (_, about) in COMMANDS.items():
        assert f"  {name} " in ended.stdout
        assert about in " ".join(ended.stdout.split())


@pytest.mark.any_database
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_explains_itself(peyman, name):
    ended = peyman(name, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.any_database
@pytest.mark.parametrize("arguments", [["fly"], ["tick", "--fly"], ["web", "--workers", "many"]])
def test_what_nobody_can_do_ends_with_two(peyman, arguments):
    ended = peyman(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


@pytest.mark.any_database
def test_an_unreadable_environment_is_told_in_a_sentence(peyman):
    ended = peyman("tick", DATABASE_URL="mysql://somewhere/else")
    assert ended.returncode == 2
    assert ended.stderr.startswith("تنظیم‌های محیط خواندنی نیست")


@pytest.mark.any_database
def test_a_database_that_is_away_is_told_in_a_sentence(peyman):
    ended = peyman("tick", DATABASE_URL="postgres://nobody@127.0.0.1:1/nowhere")
    assert ended.returncode == 2
    assert ended.stderr.startswith("پایگاه داده پاسخ نداد و کار انجام نشد")
    assert "Traceback" not in ended.stderr


@pytest.mark.any_database
def test_a_bug_is_told_by_a_reference_and_its_traceback_is_kept(peyman):
    shutil.rmtree(peyman.data / "static")
    (peyman.data / "static").write_text("a file where a folder must be")
    ended = peyman("init")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    reference = ended.stderr.partition("نشانه پیگیری: ")[2].split()[0]
    kept = (peyman.data / "log" / "faults.log").read_text()
    assert reference in kept
    assert "NotADirectoryError" in kept


def test_init_twice_and_twice_at_once_changes_nothing_more(bare):
    both = [bare.start("init", "--sample", "--json") for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    first, second = (json.loads(text.splitlines()[-1]) for text in said)
    assert first == second == json.loads(bare("init", "--sample", "--json").stdout)
    assert [(row["mobile"], row["role"]) for row in first["staff"]] == [
        ("09120000001", "orders"),
        ("09120000002", "catalogue"),
        ("09120000003", "manager"),
        ("09120000004", "privacy"),
        ("09120000005", "tariff"),
        ("09120000006", "finance"),
    ]
    assert all(len(row["totp_secret"]) == 32 for row in first["staff"])
    assert first["customers"] == [{"mobile": "09120000101"}, {"mobile": "09120000102"}, {"mobile": "09120000103"}]


def test_tick_does_all_that_is_due_and_tells_how_much(peyman):
    peyman("init")
    told = json.loads(peyman("tick", "--json", "--now", "2030-01-01T00:00").stdout)
    assert {name: many for name, many in told.items() if many} == {"keys": 1}  # the first key of tickets is made
    assert {"payments", "refunds", "expired", "broken", "sent"} <= set(told)


@pytest.mark.any_database
def test_another_hour_is_for_the_sandbox_only(peyman):
    ended = peyman("tick", "--now", "2030-01-01T00:00", PEYMAN_SANDBOX="", PEYMAN_SECRET_KEY="x")
    assert ended.returncode == 2
    assert "تنها در فروشگاه آزمایشی" in ended.stderr


def test_a_worker_ends_by_itself_when_told_to(peyman):
    peyman("init")
    worker = peyman.start("worker")
    try:
        assert "worker.started" in _first_line_with(worker, "worker.")
        worker.terminate()
        out, _ = worker.communicate(timeout=PATIENCE)
    finally:
        worker.kill()
    assert worker.returncode == 0
    assert "worker.stopped" in out


@pytest.mark.any_database
def test_a_worker_waits_for_a_database_that_is_away(peyman):
    peyman.environment["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nowhere"
    worker = peyman.start("worker")
    try:
        assert "database.away" in _first_line_with(worker, "database.away")
        assert worker.poll() is None
        worker.terminate()
        worker.communicate(timeout=PATIENCE)
    finally:
        worker.kill()
    assert worker.returncode == 0


def _first_line_with(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    return next((line for line in process.stdout if word in line), "")
