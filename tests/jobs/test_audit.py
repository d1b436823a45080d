"""`peyman audit`, as those who run it meet it."""

import csv
import errno
import gzip
import hashlib
import json
import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints import registry_watch
from peyman.entrypoints.jobs.audit import command
from peyman.gateways.logs.own import CANONICAL
from peyman.kernel.worktime import TEHRAN, day_start

HEADER = "name_as_entered,ip_as_entered,ip_network,update_date_jalali,due_date_jalali"
OLD = "https://market.ir,185.112.32.64/26,185.112.32.64/26,1402/02/01,1402/02/15"  # due 2023-05-05
NEW = "https://market.ir,185.143.232.10/32,185.143.232.10/32,1402/02/17,1402/03/01"  # due 2023-05-22
LISTS = {"2023-05-05": [OLD], "2023-05-12": [OLD, NEW], "2023-05-19": [OLD, NEW], "2023-05-26": [OLD, NEW]}
FILES = {
    "edges": "cdn,prefix,valid_from,valid_to,source\nown,185.112.32.64/26,2021-01-01,,contract\n"
    "arvan,185.143.232.0/22,2023-05-10,,feed\n",
    "isps": "prefix,asn,operator,valid_from,valid_to\n5.0.0.0/8,AS1,mci,2020-01-01,\n5.5.0.0/16,AS2,tci,2020-01-01,\n",
    "tariffs": "operator,service_class,plan,valid_from,valid_to,full_rial_per_mb,factor,unit_bytes,verified,source\n"
    "mci,web,payg,2020-01-01,,100,1/2,1000000,yes,page\nmci,web,pack,2020-01-01,,40,1/3,1000000,yes,page\n"
    "tci,web,payg,2020-01-01,,100,1/2,1000000,no,page\n",
    "releases": "channel,valid_from,valid_to,shown\n*,2020-01-01,,yes\ndl.quiet.ir,2020-01-01,,no\n",
}


def line(**given: Any) -> dict[str, Any]:
    known = {
        "ts_start": "2023-05-13T10:00:00.000Z",
        "ts_end": "2023-05-13T10:00:09.000Z",
        "edge_ip": "185.143.232.10",
        "client_ip": "5.1.1.1",
        "method": "GET",
        "host": "dl.market.ir",
        "path": "/a.apk",
        "status": 200,
        "body_bytes": 1_000_001,
        "complete": "true",
        "cdn": "own",
    }
    return dict.fromkeys(CANONICAL, "") | known | given


LINES = [
    line(request_id="r1", edge_ip="185.112.32.70"),
    line(request_id="r2", download_token="sara"),
    line(request_id="r3", download_token="sara", status=206),
    line(request_id="r3", download_token="sara", status=206),
    line(request_id="r4", client_ip="5.5.1.1"),
    line(request_id="r5", host="dl.quiet.ir"),
    line(request_id="r6", ts_start="2023-05-21T20:29:59Z", ts_end="2023-05-21T20:30:00Z"),
    line(request_id="r7", ts_start="2023-05-21T20:30:00Z", ts_end="2023-05-21T20:30:09Z"),
    line(request_id="r8", method="HEAD"),
    line(request_id="r9", client_ip="185.143.233.1"),
    line(request_id="r10", edge_ip="fe80::1%eth0"),
    line(request_id="r11", body_bytes=-5),
]


def write_csv(file: Path, rows: list[dict[str, Any]]) -> Path:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, CANONICAL, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    for day, rows in LISTS.items():
        (tmp_path / "lists" / f"{day}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text)
    write_csv(tmp_path / "log.csv", LINES)
    return tmp_path


def audit(place: Path, *more: str, logs: str = "log.csv", out: str = "out", **files: str) -> Result:
    given = {name: str(place / f"{name}.csv") for name in FILES} | {"registry": str(place / "lists")} | files
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    return CliRunner().invoke(command, ["--logs", str(place / logs), *options, "--out", str(place / out), *more])


def done(place: Path, *more: str, **given: str) -> dict[str, Any]:
    ended = audit(place, *more, **given)
    assert ended.exit_code == 0, ended.output
    return json.loads((place / given.get("out", "out") / "totals.json").read_text())


def by_user_day(place: Path, out: str = "out") -> list[dict[str, Any]]:
    return pq.read_table(place / out / "by_user_day.parquet").to_pylist()


def prints(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


# ---- The answer ----


@pytest.mark.clause("B08", "B09")
def test_a_log_is_counted_to_the_rial_and_adds_up(place: Path) -> None:
    assert done(place) == {
        "lines": 10,
        "counted": 7,
        "not_counted": {"method": 1, "fill": 1, "duplicate": 1},
        "fine": 2,
        "overcharged": 3,
        "not_promised": 1,
        "unknown": {"crosses_change": 1},
        "bytes_overcharged": 3_000_003,
        "bytes_without_tariff": 1_000_001,
        "rials_low": 54,  # ⌈2,000,002 · 40 · 2/3 / 10⁶⌉
        "rials_high": 101,  # ⌈2,000,002 · 100 · 1/2 / 10⁶⌉
        "rejected": {"negative_bytes": 1, "zoned_edge_address": 1},
    }
    day = date(2023, 5, 13)
    names = ("user", "operator", "day", "lines", "bytes_overcharged", "rials_low", "rials_high")
    assert [tuple(row[name] for name in names) for row in by_user_day(place)] == [
        ("anonymous", "tci", day, 1, 1_000_001, None, None),
        ("sara", "mci", day, 2, 2_000_002, 54, 101),
    ]


@pytest.mark.clause("B08")
def test_an_interval_runs_from_when_the_address_served_to_the_midnight_of_its_due_date(place: Path) -> None:
    done(place)
    found = json.loads((place / "out" / "intervals.json").read_text())
    assert [(row["operator"], row["lines"], row["bytes"]) for row in found] == [
        ("mci", 2, 2_000_002),
        ("tci", 1, 1_000_001),
    ]
    for row in found:
        assert row["edges"] == ["185.143.232.10"]
        assert (row["from"], row["to"]) == ("2023-05-09T20:30:00.000Z", "2023-05-21T20:30:00.000Z")
        assert row["cause"] == "unregistered"
    assert (found[0]["rials_low"], found[0]["rials_high"], found[1]["rials_high"]) == (54, 101, None)


def test_rejected_lines_are_listed_with_file_and_number(place: Path) -> None:
    done(place)
    assert (place / "out" / "rejected.csv").read_text().splitlines() == [
        "file,line,reason",
        "log.csv,12,zoned_edge_address",
        "log.csv,13,negative_bytes",
    ]


@pytest.mark.clause("B08")
def test_the_manifest_names_every_input_by_its_hash_and_every_parameter(place: Path) -> None:
    done(place)
    found = json.loads((place / "out" / "manifest.json").read_text())
    sha = hashlib.sha256((place / "log.csv").read_bytes()).hexdigest()
    assert found["inputs"]["logs"] == [{"name": "log.csv", "size": (place / "log.csv").stat().st_size, "sha256": sha}]
    assert [one["name"] for one in found["inputs"]["registry"]["files"]] == [f"{day}.csv" for day in LISTS]
    assert set(found["inputs"]) == {"logs", "registry", *FILES}
    assert found["outputs"] == {
        name: print_ for name, print_ in prints(place / "out").items() if name != "manifest.json"
    }
    assert found["parameters"]["gap_days"] == 8
    assert len(found["code"]["sha256"]) == 64


@pytest.mark.clause("B08")
def test_the_same_inputs_give_the_same_bytes_wherever_they_lie(place: Path, tmp_path: Path) -> None:
    write_csv(place / "more.csv", [line(request_id=f"m{n}", download_token=f"u{n % 7}") for n in range(50)])
    done(place, str(place / "more.csv"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("more.csv", "log.csv"):
        (place / name).rename(elsewhere / name)
    done(place, "--memory", "500MB", logs="elsewhere/*.csv", out="again")
    assert prints(place / "out") == prints(place / "again")


def test_a_file_twice_a_line_twice_and_a_packed_copy_change_nothing(place: Path) -> None:
    once = done(place)
    (place / "copy.csv").write_bytes((place / "log.csv").read_bytes())
    assert done(place, str(place / "copy.csv")) == once
    (place / "log.csv.gz").write_bytes(gzip.compress((place / "log.csv").read_bytes()))
    packed = done(place, str(place / "log.csv.gz"))
    assert packed["not_counted"].pop("duplicate") == once["not_counted"]["duplicate"] + 10
    for name in ("counted", "overcharged", "bytes_overcharged", "rials_low", "rials_high"):
        assert packed[name] == once[name]


@pytest.mark.clause("B08")
def test_a_grant_names_the_user_and_proves_the_showing(place: Path) -> None:
    (place / "grants.csv").write_text(
        "token,user,operator,object,shown_at,expires_at\n"
        "sara,u-17,mci,a.apk,2023-05-13T09:59:00Z,2023-05-13T10:05:00Z\n"
        "late,u-18,mci,a.apk,2023-05-13T10:00:01Z,2023-05-13T10:05:00Z\n"
    )
    (place / "releases.csv").write_text("channel,valid_from,valid_to,shown\n")
    write_csv(place / "log.csv", [line(download_token="sara"), line(download_token="late"), line()])
    found = done(place, grants=str(place / "grants.csv"))
    assert (found["overcharged"], found["unknown"]) == (1, {"shown_unknown": 2})
    assert [row["user"] for row in by_user_day(place)] == ["u-17"]


@pytest.mark.clause("B09")
def test_of_a_sample_nobodys_rials_are_known_and_the_total_is_an_estimate(place: Path) -> None:
    found = done(place, "--sample-rate", "10")
    assert (found["rials_low"], found["rials_high"], found["bytes_overcharged"]) == (None, None, 3_000_003)
    assert found["estimate"]["about"] == 30_000_030
    assert found["estimate"]["low"] < 30_000_030 < found["estimate"]["high"]
    assert {row["rials_high"] for row in by_user_day(place)} == {None}


@pytest.mark.clause("B09")
def test_a_format_without_the_address_connected_to_gives_unknown_with_that_reason(place: Path) -> None:
    combined = '5.1.1.1 - - [13/May/2023:13:30:09 +0330] "GET /a.apk HTTP/1.1" 200 1234 "-" "x"\n'
    (place / "log.csv").write_text(combined + combined.replace("GET", "HEAD"))
    found = done(place, "--log-format", "combined")
    assert (found["counted"], found["unknown"], found["not_counted"]) == (1, {"no_edge_address": 1}, {"method": 1})
    server = {
        "ip": "5.1.1.1",
        "bytes_sent": 9,
        "timestamp": 1683972009,
        "method": "GET",
        "uri": "/a.apk",
        "status": 200,
    }
    lines = [json.dumps(server | {"server_ip": at}) for at in ("185.143.232.10", "10.0.0.7")]
    (place / "log.csv").write_text("\n".join(lines))
    found = done(place, "--log-format", "arvancloud")
    assert (found["overcharged"], found["unknown"]) == (1, {"edge_unproven": 1})


def test_staff_and_what_is_no_download_are_not_counted_when_told(place: Path) -> None:
    found = done(place, "--staff", "5.5.0.0/16", "--downloads", "/b/*")
    assert found["not_counted"] == {"method": 1, "fill": 1, "staff": 1, "not_a_download": 6, "duplicate": 1}


@pytest.mark.clause("B05")
def test_a_bad_list_is_left_out_and_named(place: Path) -> None:
    (place / "lists" / "2023-05-15.csv").write_text("<html><body>soon</body></html>")
    ended = audit(place)
    assert ended.exit_code == 0
    assert "2023-05-15.csv" in ended.stderr
    assert json.loads((place / "out" / "totals.json").read_text())["overcharged"] == 3
    assert json.loads((place / "out" / "manifest.json").read_text())["inputs"]["registry"]["not_used"] == [
        "2023-05-15.csv"
    ]


@pytest.mark.django_db
def test_the_history_of_the_database_says_what_the_folder_of_its_lists_says(place: Path, settings: Any) -> None:
    settings.DATA_DIR = place / "data"
    for day in sorted(LISTS):
        seen_at = day_start(date.fromisoformat(day))
        registry_watch.take_file(
            place / "lists" / f"{day}.csv",
            seen_at=seen_at,
            whole_day=True,
            source="mirror",
            now=datetime(2024, 1, 1, tzinfo=UTC),
        )
    assert done(place, registry="db", out="other") == done(place)
    assert by_user_day(place, "other") == by_user_day(place)


# ---- A drawn log against plain counting ----


@pytest.mark.clause("B08")
def test_a_drawn_log_equals_a_plain_count_by_fractions(place: Path) -> None:
    draw = random.Random(17)
    rows = []
    for n in range(3_000):
        at = datetime(2023, 5, 4, 18, tzinfo=UTC) + timedelta(milliseconds=draw.randrange(23 * 86_400_000))
        rows.append(
            line(
                ts_start=at.isoformat(timespec="milliseconds"),
                ts_end=(at + timedelta(seconds=draw.randrange(20))).isoformat(timespec="milliseconds"),
                edge_ip=draw.choice(["185.112.32.70", "185.143.232.10", "::ffff:185.143.232.10", "185.143.232.11"]),
                client_ip=draw.choice(["5.1.1.1", "5.5.1.1", "5.5.1.2", "9.9.9.9"]),
                body_bytes=draw.randrange(10**9),
                download_token=draw.choice(["", *"abc"]),
                request_id=f"r{n}",
            )
        )
    write_csv(place / "log.csv", rows)
    found = done(place)
    sums, lines = Counter[tuple[str, str, date]](), 0
    due = {"185.112.32.70": date(2023, 5, 5), "185.143.232.10": date(2023, 5, 22)}
    unknown = 0
    for row in rows:
        start, end = (datetime.fromisoformat(row[name]).astimezone(TEHRAN) for name in ("ts_start", "ts_end"))
        edge = str(row["edge_ip"]).removeprefix("::ffff:")
        half = [edge in due and at.date() >= due[edge] for at in (start, end)]
        if not all(date(2023, 5, 5) <= at.date() <= date(2023, 5, 26) for at in (start, end)) or half[0] != half[1]:
            unknown += 1
        elif not half[0]:
            client = ip_address(row["client_ip"])
            operator = (
                "tci"
                if client in ip_network("5.5.0.0/16")
                else "mci"
                if client in ip_network("5.0.0.0/8")
                else "unknown"
            )
            sums[row["download_token"] or "anonymous", operator, start.date()] += row["body_bytes"]
            lines += 1
    assert (found["overcharged"], sum(found["unknown"].values())) == (lines, unknown)
    expected = [
        (
            user,
            operator,
            day,
            sent,
            *(rials(sent, rate) if operator == "mci" else None for rate in ("40 2/3", "100 1/2")),
        )
        for (user, operator, day), sent in sorted(sums.items())
    ]
    names = ("user", "operator", "day", "bytes_overcharged", "rials_low", "rials_high")
    assert [tuple(row[name] for name in names) for row in by_user_day(place)] == expected
    assert found["rials_high"] == sum(row[5] or 0 for row in expected)
    assert found["rials_low"] == sum(row[4] or 0 for row in expected)
    assert sum(row["bytes"] for row in json.loads((place / "out" / "intervals.json").read_text())) == sum(sums.values())


def rials(sent: int, rate: str) -> int:
    full, lost = rate.split()
    exact = Fraction(sent, 1_000_000) * int(full) * Fraction(lost)
    return int(exact) + (exact.denominator != 1)


# ---- What cannot be ----


def failed(ended: Result, *says: str) -> None:
    assert ended.exit_code == 2, ended.output
    assert isinstance(ended.exception, SystemExit)
    for text in says:
        assert text in ended.stderr


def test_nothing_to_read_is_said(place: Path) -> None:
    failed(audit(place, logs="none-*.csv"), "none-*.csv")
    failed(audit(place, "--log-format", "papyrus"), "canonical")
    failed(audit(place, registry=str(place / "nowhere")), "nowhere")
    failed(audit(place, edges=str(place / "nowhere.csv")), "nowhere.csv")
    failed(audit(place, "--registrant", "@@"), "--registrant")
    failed(audit(place, "--tolerance", "-1"), "--tolerance")
    failed(audit(place, "--memory", "all"), "--memory")
    failed(CliRunner().invoke(command, []), "--logs")
    failed(CliRunner().invoke(command, ["--logs", str(place / "log.csv"), "--registry", "x", "--out", "y"]), "--edges")
    assert not (place / "out").exists()


def test_only_bad_lists_are_no_history(place: Path) -> None:
    for file in (place / "lists").iterdir():
        file.write_text("<html>closed</html>")
    failed(audit(place), "2023-05-05.csv")
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("name", "rows", "says"),
    [
        ("isps", ["5.0.0.0/33,AS1,mci,2020-01-01,", "5.0.0.0/8,AS1,,2020-01-01,"], ["سطر ۲", "سطر ۳", "operator"]),
        ("isps", ["5.0.0.0/8,AS1,mci,2020-01-01,2020-01-01"], ["valid_to"]),
        ("edges", ["own,185.1.1.1,,,x"], ["valid_from"]),
        ("edges", ["own,185.1.1.1,2020-01-01,,x,y"], ["سطر ۲"]),
        ("tariffs", ["mci,w,p,2020-01-01,,100,3/2,1000000,yes,x"], ["factor"]),
        ("tariffs", ["mci,w,p,2020-01-01,,-100,1/2,1000000,yes,x"], ["full_rial_per_mb"]),
        ("tariffs", ["mci,w,p,2020-01-01,,100,1/0,1000000,yes,x"], ["factor"]),
        ("tariffs", ["mci,w,p,2020-01-01,,100,1/2,0,yes,x"], ["unit_bytes"]),
        ("tariffs", ["mci,w,p,2020-01-01,,100,1/2,1000000,perhaps,x"], ["verified"]),
        ("releases", ["*,2020-01-01,,maybe"], ["shown"]),
        ("releases", ['*,2020-01-01,,"yes'], ["CSV"]),
    ],
)
def test_a_file_with_a_bad_line_is_not_used_and_every_bad_line_is_named(
    place: Path, name: str, rows: list[str], says: list[str]
) -> None:
    header = FILES[name].splitlines()[0]
    (place / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    failed(audit(place), f"{name}.csv", *says)
    assert not (place / "out").exists()


def test_a_file_with_other_columns_or_another_encoding_is_not_used(place: Path) -> None:
    (place / "isps.csv").write_text("prefix,operator\n")
    failed(audit(place), "asn")
    (place / "isps.csv").write_bytes(FILES["isps"].encode() + "6.0.0.0/8,AS9,همراه,2020-01-01,\n".encode("cp1256"))
    failed(audit(place), "سطر ۴", "UTF-8")


def test_a_log_cut_short_leaves_the_old_answer_and_nothing_half_written(place: Path) -> None:
    done(place)
    before = prints(place / "out")
    packed = gzip.compress((place / "log.csv").read_bytes() * 50)
    (place / "torn.csv.gz").write_bytes(packed[: len(packed) // 2])
    failed(audit(place, logs="torn.csv.gz"), "torn.csv.gz")
    assert prints(place / "out") == before
    assert [file.name for file in place.iterdir() if file.name.startswith(".")] == []


def test_a_log_of_another_form_is_no_log(place: Path) -> None:
    failed(audit(place, "--log-format", "cloudflare"), "log.csv", "cloudflare")


def test_a_full_disk_is_said_and_nothing_is_left(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    failed(audit(place), "No space left on device")
    assert [file.name for file in place.iterdir() if file.name.startswith(".") or file.name == "out"] == []


def test_a_folder_that_holds_something_else_is_not_written_over(place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "letter.txt").write_text("dear")
    failed(audit(place), "out")
    assert [file.name for file in (place / "out").iterdir()] == ["letter.txt"]


def test_the_web_process_starts_without_the_engine() -> None:
    code = "import peyman.config.wsgi, sys; print([name for name in ('duckdb', 'pyarrow') if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout.strip(), ended.returncode) == ("[]", 0), ended.stderr
