"""`peyman registry` as its caller meets it: lists in, killed half-way and again; addresses asked, one and many."""

import csv
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from peyman.entrypoints.jobs import invariants, registry, triggers
from peyman.kernel.errors import Refused
from peyman.market.tariff.models import Edition, Row, Snapshot, Stay
from tests.conftest import Peyman
from tests.registry import NOW, tables

HEADER = ["name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali"]
CHECKED = ("registry_stays_do_not_overlap", "registry_snapshots_list_what_they_did", "registry_files_are_kept")
DUE = ("1401/11/01", "1401/11/15")


def write(folder: Path, name: str, *networks: str, host: str = "http://cafebazaar.ir", dates=DUE) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", newline="") as out:
        csv.writer(out).writerows([HEADER, *((host, network, network, *dates) for network in networks)])
    return folder / name


class Here:
    """The command, run in this process on the tests' own database."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end, as `main` does."""
        name, *rest = arguments
        ended = CliRunner().invoke({"registry": registry.command, "check-invariants": invariants.command}[name], rest)
        code, said = ended.exit_code, ended.stderr
        if isinstance(ended.exception, Refused):
            code, said = 1, said + ended.exception.detail
        elif ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return subprocess.CompletedProcess(arguments, code, ended.stdout, said)


@pytest.fixture
def here(db: None, settings: Any, tmp_path: Path) -> Here:
    """A command line without any list yet."""
    settings.DATA_DIR = tmp_path / "data"
    return Here(settings.DATA_DIR)


@pytest.fixture
def ready(here: Here, tmp_path: Path) -> Here:
    """A command line with three lists in its history."""
    lists = tmp_path / "lists"
    write(lists, "2023-02-04.csv", "185.143.232.0/22", "79.175.191.193/26")
    write(lists, "2023-02-10-second.csv", "185.143.232.0/22")
    write(lists, "2023-02-17.csv", "185.143.232.0/22", "5.6.7.8/32")
    assert here("registry", "import", str(lists)).returncode == 0
    return here


def told(ended: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(ended.stdout)


# ---- Lists in ----


@pytest.mark.clause("B05")
def test_a_folder_comes_in_by_the_days_of_its_names_and_again_changes_nothing(ready, tmp_path):
    (tmp_path / "lists" / "notes.txt").write_text("not a list")
    again = ready("registry", "import", str(tmp_path / "lists"), "--json")
    assert again.returncode == 0
    report = told(again)
    assert (report["lists"], report["good"], report["passed_over"]) == (3, 3, ["notes.txt"])
    assert [one["seen_at"] for one in report["snapshots"]] == ["2023-02-04", "2023-02-10", "2023-02-17"]
    lines = [json.loads(line) for line in ready("registry", "snapshots", "--json").stdout.splitlines()]
    assert [(line["seen_at"], line["rows"], line["appeared"], line["gone"]) for line in lines] == [
        ("2023-02-04", 2, 2, 0),
        ("2023-02-10", 1, 0, 1),
        ("2023-02-17", 2, 1, 0),
    ]
    for line in lines:
        kept = ready.data / line["file"]
        assert kept.name == f"{line['sha256']}.csv"
        assert kept.stat().st_size == line["size"]
    checks = ready("check-invariants", "--json")
    found = {row["id"]: row for row in map(json.loads, checks.stdout.splitlines())}
    for name in CHECKED:
        assert (found[name]["ok"], found[name]["checked"] > 0) == (True, True)


@pytest.mark.clause("B05")
def test_what_is_no_list_is_kept_with_its_reason_and_the_rest_comes_in(ready, tmp_path):
    more = tmp_path / "more"
    write(more, "2023-02-24.csv", "185.143.232.0/22")
    (more / "2023-02-25.html").write_text("<html><title>خطای سرور</title><body>503</body></html>")
    (more / "2023-02-26.csv").write_text("")
    write(more, "2023-02-27.csv", "185.143.232.0/22", "0.0.0.0/0")
    ended = ready("registry", "import", str(more), "--json")
    assert ended.returncode == 1
    report = told(ended)
    assert [
        (one["seen_at"], one["state"], [reason["code"] for reason in one["reasons"]]) for one in report["snapshots"]
    ] == [
        ("2023-02-24", "good", []),
        ("2023-02-25", "unreadable", ["html_page"]),
        ("2023-02-26", "unreadable", ["empty"]),
        ("2023-02-27", "quarantined", ["default_route"]),
    ]
    assert (report["good"], report["quarantined"], report["unreadable"]) == (1, 1, 2)
    held = report["snapshots"][3]["code"]
    assert ready("registry", "release", report["snapshots"][1]["code"], "--note", "x").returncode == 1
    assert ready("registry", "release", held).returncode == 1
    released = told(ready("registry", "release", held.lower(), "--note", "سازمان تأیید کرد", "--json"))
    assert (released["state"], released["note"]) == ("good", "سازمان تأیید کرد")
    answer = told(ready("registry", "status", "8.8.8.8", "--at", "2023-02-27T12:00", "--json"))
    assert (answer["status"], answer["reason"]) == ("unregistered", "absent")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.csv"], "پیدا نشد"),
        (["{lists}", "--seen-at", "2023-05-05"], "--seen-at برای یک فایل است"),
        (["{lists}/../empty"], "فایلی با نامی مانند"),
        (["{lists}/../plain.csv"], "بگویید این فهرست کی دیده شده است"),
        (["{lists}/../plain.csv", "--seen-at", "yesterday"], "به شکل ISO"),
        (["{lists}/../plain.csv", "--seen-at", "1402-02-15"], "به شکل ISO و میلادی"),
        (["{lists}/../plain.csv", "--seen-at", "2023-05-05", "--source", " "], "نام منبع"),
    ],
)
def test_what_cannot_be_brought_in_is_told_in_a_sentence(ready, tmp_path, arguments, says):
    (tmp_path / "empty").mkdir()
    write(tmp_path, "plain.csv", "185.143.232.0/22")
    ended = ready("registry", "import", *(each.format(lists=tmp_path / "lists") for each in arguments))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_comes_in_with_its_instant_and_its_source(ready, tmp_path):
    file = write(tmp_path, "list.csv", "185.143.232.0/22", "5.6.7.8/32")
    one = told(
        ready("registry", "import", str(file), "--seen-at", "۲۰۲۳-۰۲-۲۴T۱۰:۳۰", "--source", "a mirror", "--json")
    )["snapshots"][0]
    assert (one["seen_at"], one["source"], one["state"]) == ("2023-02-24T07:00:00Z", "a mirror", "good")
    answer = told(ready("registry", "status", "5.6.7.8", "--at", "2023-02-24T10:30", "--json"))
    assert [side["seen_at"] for side in answer["snapshots"]] == ["2023-02-24T07:00:00Z"] * 2
    assert answer["rows"][0]["last_seen"] == "2023-02-24T07:00:00Z"


# ---- One address ----


@pytest.mark.clause("B05", "B10")
def test_an_answer_names_the_rows_and_snapshots_that_say_so(ready):
    ended = ready("registry", "status", "۷۹.۱۷۵.۱۹۱.۲۰۰", "--at", "۲۰۲۳-۰۲-۰۴T12:00", "--json")
    assert ended.returncode == 0
    answer = told(ended)
    snapshots = [json.loads(line) for line in ready("registry", "snapshots", "--json").stdout.splitlines()]
    side = {name: snapshots[0][name] for name in ("code", "seen_at", "sha256", "source")}
    known_at = answer["rows"][0].pop("known_at")
    assert known_at == snapshots[0]["taken_at"]
    assert answer == {
        "address": "79.175.191.200",
        "at": "2023-02-04T08:30:00Z",
        "registrant": None,
        "status": "registered",
        "reason": "registered",
        "due": "2023-02-04",
        "due_jalali": "1401/11/15",
        "rows": [
            {
                "name": "http://cafebazaar.ir",
                "ip": "79.175.191.193/26",
                "network": "79.175.191.192/26",
                "update": "2023-01-21",
                "due": "2023-02-04",
                "network_as_entered": "79.175.191.193/26",
                "update_jalali": "1401/11/01",
                "due_jalali": "1401/11/15",
                "first_seen": "2023-02-04",
                "last_seen": "2023-02-04",
                "absent_by": "2023-02-10",
                "flags": ["host_bits"],
            }
        ],
        "snapshots": [side, side],
    }


@pytest.mark.parametrize(
    ("address", "at", "registrant", "expected"),
    [
        ("185.143.233.1", "2023-02-07", "", ("registered", "registered")),
        ("::ffff:185.143.233.1", "2023-02-07", "cafebazaar.ir", ("registered", "registered")),
        ("185.143.233.1", "2023-02-07", "HTTP://Arvancloud.ir/", ("unregistered", "absent")),
        ("79.175.191.200", "2023-02-07", "", ("unknown", "changed_in_gap")),
        ("79.175.191.200", "2023-02-12", "", ("unregistered", "absent")),
        ("185.143.233.1", "2023-02-03", "", ("unknown", "before_history")),
        ("185.143.233.1", "2023-02-18", "", ("unknown", "after_history")),
        ("[2001:db8::1]", "2023-02-07", "", ("unregistered", "absent")),
        ("2002:b98f:e901::1", "2023-02-07", "", ("unknown", "translated")),
    ],
)
def test_an_address_stands_as_the_lists_say(ready, address, at, registrant, expected):
    answer = told(ready("registry", "status", address, "--at", at, "--registrant", registrant, "--json"))
    assert (answer["status"], answer["reason"]) == expected
    plain = ready("registry", "status", address, "--at", at, "--registrant", registrant)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert answer["address"] in plain.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["185.143.233", "--at", "2023-02-07"], "bad_address"),
        (["fe80::1%eth0", "--at", "2023-02-07"], "bad_address"),
        (["185.143.233.1/32", "--at", "2023-02-07"], "bad_address"),
        (["", "--at", "2023-02-07"], "bad_address"),
        (["185.143.233.1", "--at", "soon"], "bad_time"),
        (["185.143.233.1", "--at", "1402-02-15"], "bad_time"),
        (["185.143.233.1", "--at", "2023-02-07", "--registrant", "://"], "bad_registrant"),
    ],
)
def test_a_question_that_cannot_be_read_is_told_by_code_and_sentence(ready, arguments, code):
    ended = ready("registry", "status", *arguments, "--json")
    assert ended.returncode == 2
    refusal = told(ended)
    assert refusal["error"] == code
    assert refusal["detail"] == ended.stderr.strip()
    assert ready("registry", "status", *arguments).stdout == ""


def test_a_history_that_is_empty_knows_nothing(here):
    answer = told(here("registry", "status", "8.8.8.8", "--at", "2023-02-07", "--json"))
    assert (answer["status"], answer["reason"], answer["snapshots"]) == ("unknown", "no_history", [None, None])


# ---- Many ----


def test_a_file_of_questions_is_answered_line_by_line_as_each_alone(ready, tmp_path):
    asked = tmp_path / "asked.csv"
    questions = [
        ("185.143.233.1", "2023-02-07", "cafebazaar.ir"),
        ("79.175.191.200", "2023-02-04T12:00+03:30", ""),
        ("۵.۶.۷.۸", "2023-02-17", ""),
        ("79.175.191.200", "2023-02-12", "arvancloud.ir"),
    ]
    with asked.open("w", newline="", encoding="utf-8-sig") as out:
        csv.writer(out).writerows([("At", "address ", "registrant"), *((at, a, r) for a, at, r in questions)])
    ended = ready("registry", "status", "--batch", str(asked), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    alone = [
        ready("registry", "status", address, "--at", at, "--registrant", host, "--json").stdout
        for address, at, host in questions
    ]
    assert ended.stdout == "".join(alone)


def test_a_question_of_many_that_cannot_be_read_does_not_stop_the_others(ready, tmp_path):
    asked = tmp_path / "asked.csv"
    asked.write_text("address,at\n185.143.233.1,2023-02-07\nfe80::1%eth0,2023-02-07\n\n8.8.8.8\n5.6.7.8,2023-02-17\n")
    ended = ready("registry", "status", "--batch", str(asked), "--json")
    assert ended.returncode == 1
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line.get("status") or (line["line"], line["error"]) for line in lines] == [
        "registered",
        (3, "bad_address"),
        (5, "bad_time"),
        "registered",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"ip,when\n1.2.3.4,2023-02-07\n", "نام ستون‌ها"), (b"", "نام ستون‌ها"), (b"address,at\n\xff\xfe", "خوانده نشد")],
)
def test_a_file_that_holds_no_questions_is_told_in_a_sentence(ready, tmp_path, content, says):
    (tmp_path / "asked.csv").write_bytes(content)
    ended = ready("registry", "status", "--batch", str(tmp_path / "asked.csv"), "--json")
    assert ended.returncode == 2
    assert says in ended.stderr
    assert ready("registry", "status", "--batch", str(tmp_path / "nowhere.csv")).returncode == 2
    assert ready("registry", "status").returncode == 2


# ---- Killed, and two at once ----


def churning(folder: Path, lists: int = 12, rows: int = 1500) -> Path:
    """Lists that change a little from one to the next."""
    chance = random.Random(7)
    pool = [f"5.{n // 250}.{n % 250}.0/24" for n in range(rows * 2)]
    there = set(pool[:rows])
    for week in range(lists):
        write(folder, f"2023-{1 + week // 4:02}-{1 + 7 * (week % 4):02}.csv", *sorted(there))
        for _ in range(40):
            there ^= {chance.choice(pool)}
    return folder


@pytest.fixture
def outside(transactional_db: None, settings: Any, tmp_path: Path) -> Peyman:
    """The command line in other processes, on the database of this test."""
    settings.DATA_DIR = tmp_path / "data"
    name, server = str(settings.DATABASES["default"]["NAME"]), os.environ["DATABASE_URL"]
    url = f"{server.rpartition('/')[0]}/{name}" if server.startswith("postgres") else f"sqlite:///{name}"
    return Peyman(settings.DATA_DIR, url, PEYMAN_SANDBOX="1")


def undisturbed(folder: Path) -> dict[str, set[tuple[object, ...]]]:
    """What the history comes to by one import that nothing disturbs; the tables are emptied before."""
    triggers.remove()
    for model in (Stay, Row, Snapshot, Edition):
        model.objects.all()._raw_delete("default")
    triggers.install()
    registry.bring_all(registry.files_of(folder, None)[0], "import", lambda number, name: None)
    return tables()


@pytest.mark.slow
def test_an_import_killed_at_any_moment_and_run_again_ends_as_one_that_was_not(outside, tmp_path):
    folder, chance, blows = churning(tmp_path / "churning"), random.Random(20230203), 0
    for target in (0, 1, 4, 9):  # lists that are in when the blow falls, some moment later
        process = outside.start("registry", "import", str(folder))
        while process.poll() is None and (Row.objects.count() == 0 or Snapshot.objects.count() < target):
            time.sleep(0.01)
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)  # three lists more, and it was done
        blows += process.returncode == -signal.SIGKILL
        assert set(Snapshot.objects.values_list("state", flat=True)) <= {"good"}
        assert sum(len(invariants.CHECKS[name](NOW).bad) for name in CHECKED) == 0
    assert blows >= 3
    assert outside("registry", "import", str(folder)).returncode == 0
    again = tables()
    assert len(again["snapshots"]) == 12
    assert again == undisturbed(folder)


@pytest.mark.slow
def test_two_imports_at_once_make_the_history_of_one(outside, tmp_path):
    folder = churning(tmp_path / "churning")
    both = [outside.start("registry", "import", str(folder)) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert tables() == undisturbed(folder)
