"""What should not come, given to `peyman audit`: a clear message, exit 2, and nothing half-written."""

import errno
import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from peyman.gateways.audit import engines, kept
from tests.jobs.test_audit import FILES, LINES, audit, by_user_day, done, failed, line, place, prints, write_csv

__all__ = ["place"]


def nothing_is_left(place: Path) -> None:
    assert not (place / "out").exists()
    assert [file.name for file in place.iterdir() if file.name.startswith(".")] == []


# ---- Logs ----


def test_a_packed_log_that_was_cut_short_stops_the_audit(place: Path) -> None:
    packed = gzip.compress((place / "log.csv").read_bytes() * 40)
    (place / "log.csv.gz").write_bytes(packed[:-20])
    failed(audit(place, logs="log.csv.gz"), "log.csv.gz", "ناتمام")
    nothing_is_left(place)


def test_lines_of_another_form_within_a_log_are_counted_and_listed(place: Path) -> None:
    nginx = '5.1.1.1 - - [13/May/2023:13:30:09 +0330] "GET /a.apk HTTP/1.1" 200 1234 "-" "x" 185.143.232.10'
    text = (place / "log.csv").read_text().splitlines()
    (place / "log.csv").write_text("\n".join([*text[:3], nginx, '{"ts_start": "2023-05-13"}', *text[3:]]) + "\n")
    found = done(place)
    assert (found["lines"], found["rejected"]["wrong_columns"]) == (10, 2)
    listed = (place / "out" / "rejected.csv").read_text().splitlines()
    assert [row for row in listed if "wrong_columns" in row] == ["log.csv,4,wrong_columns", "log.csv,5,wrong_columns"]


def test_a_line_of_a_megabyte_is_rejected_and_the_next_is_read(place: Path) -> None:
    text = (place / "log.csv").read_text()
    (place / "log.csv").write_text(text + "x" * 1_000_000 + "\n" + text.splitlines()[1].replace("r1", "last") + "\n")
    found = done(place)
    assert (found["lines"], found["rejected"]["line_too_long"]) == (11, 1)


def test_the_order_of_lines_makes_no_difference_but_to_the_hashes(place: Path) -> None:
    done(place)
    write_csv(place / "back.csv", LINES[::-1])
    done(place, logs="back.csv", out="back")
    for name in ("totals.json", "intervals.json", "by_user_day.parquet", "sums.parquet"):
        assert (place / "out" / name).read_bytes() == (place / "back" / name).read_bytes()


def test_times_that_cannot_be_are_rejected_by_reason(place: Path) -> None:
    write_csv(
        place / "log.csv",
        [
            line(request_id="a"),
            line(request_id="b", ts_start="2023-05-13T10:00:10Z"),  # it ends before it begins
            line(request_id="c", ts_start="1999-12-31T23:59:59Z", ts_end=""),
            line(request_id="d", ts_start="2100-01-01T00:00:00Z", ts_end=""),
            line(request_id="e", ts_start="2023-02-30T10:00:00Z", ts_end=""),
            line(request_id="f", ts_start="2023-05-13T10:00:00Z", ts_end="2023-07-13T10:00:00Z"),
        ],
    )
    assert done(place)["rejected"] == {"bad_time": 4, "ends_before_it_starts": 1}


def test_bytes_that_cannot_be_are_rejected_by_reason(place: Path) -> None:
    sizes = [-1, 10**13 + 1, "1e3", "", 0, 1]
    write_csv(place / "log.csv", [line(request_id=str(n), body_bytes=size) for n, size in enumerate(sizes)])
    found = done(place)
    assert found["rejected"] == {"bad_bytes": 3, "negative_bytes": 1}
    assert (found["counted"], found["not_counted"]) == (1, {"no_bytes": 1})


def test_an_ipv4_address_inside_ipv6_is_the_ipv4_address_and_one_with_a_zone_is_none(place: Path) -> None:
    edges = ["185.143.232.10", "::ffff:185.143.232.10", "::FFFF:B98F:E80A", "fe80::1%eth0", "185.143.232.10%1"]
    write_csv(place / "log.csv", [line(request_id=edge, edge_ip=edge) for edge in edges])
    found = done(place)
    assert (found["overcharged"], found["rejected"]) == (3, {"zoned_edge_address": 2})
    assert [row["edges"] for row in json.loads((place / "out" / "intervals.json").read_text())] == [["185.143.232.10"]]


def test_a_file_given_twice_is_read_once_and_said(place: Path) -> None:
    once = done(place)
    (place / "again.csv").write_bytes((place / "log.csv").read_bytes())
    ended = audit(place, str(place / "*.csv").replace("*", "again"), str(place / "log.csv"))
    assert (ended.exit_code, "یک بار خوانده شد" in ended.stderr) == (0, True)
    assert json.loads((place / "out" / "totals.json").read_text()) == once


def test_no_file_no_log_and_no_good_list_are_said(place: Path) -> None:
    failed(audit(place, logs="nothing-*.log"), "nothing-*.log")
    (place / "log.csv").write_text("")
    found = done(place)
    assert (found["lines"], found["rials_high"]) == (0, None)
    assert json.loads((place / "out" / "manifest.json").read_text())["period"] is None
    for file in (place / "lists").iterdir():
        file.write_text("<html>closed</html>")
    failed(audit(place, out="other"), "هیچ فهرست درستی")
    assert not (place / "other").exists()


# ---- Tables ----


@pytest.mark.clause("B08")
def test_tariffs_that_contradict_each_other_are_refused_with_both_rows(place: Path) -> None:
    tariffs = FILES["tariffs"] + "mci,web,payg,2023-01-01,2023-02-01,110,1/2,1000000,yes,other page\n"
    (place / "tariffs.csv").write_text(tariffs)
    failed(audit(place), "tariffs.csv", "دو بها", "mci / web / payg", "other page")
    nothing_is_left(place)
    (place / "tariffs.csv").write_text(tariffs.replace("yes,other page", "no,other page"))  # unverified: says nothing
    done(place)
    (place / "tariffs.csv").write_text(tariffs.replace(",110,", ",100,"))  # the same price twice
    done(place)


@pytest.mark.clause("B08")
def test_edges_that_overlap_are_said_and_count_no_line_twice(place: Path) -> None:
    once = done(place)
    again = "other,185.143.232.0/22,2023-05-01,,guess\nother,185.143.232.10/32,2023-05-01,2023-06-01,guess\n"
    (place / "edges.csv").write_text(FILES["edges"] + again)
    ended = audit(place)
    assert (ended.exit_code, "سطر دیگری هم گفته" in ended.stderr) == (0, True)
    assert json.loads((place / "out" / "totals.json").read_text()) == once


# ---- The disk ----


@pytest.mark.parametrize("limit", [0, 700, 3_000, 20_000])
def test_a_disk_that_is_full_is_said_wherever_it_is(place: Path, limit: int) -> None:
    """Files may not grow over a limit: what full disks and quotas do to whoever writes."""
    given = {name: str(place / f"{name}.csv") for name in FILES} | {"registry": str(place / "lists")}
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    code = "import django; django.setup(); from peyman.entrypoints.jobs.audit import command; command()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "--logs", str(place / "log.csv"), *options, "--out", str(place / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "peyman.config.settings"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    nothing_is_left(place)


class Broken:
    """Writing that ends at the n-th time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, end: Callable[[], None]) -> None:
        self.left, self.end = 10**9, end
        for owner, name in (
            (pq.ParquetWriter, "write_table"),
            (pq.ParquetWriter, "close"),
            (Path, "write_text"),
            (Path, "write_bytes"),
            (Path, "rename"),
            (engines.DuckDB, "write"),
            (kept.Kept, "take"),
            (kept.Kept, "note"),
        ):
            monkeypatch.setattr(owner, name, self.counted(getattr(owner, name)))

    def counted(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **given: Any) -> Any:
            if sys._getframe(1).f_code.co_name == "__del__":
                return write(*args, **given)  # what an earlier fault left open is swept away whenever Python likes
            self.left -= 1
            if self.left == 0:
                self.end()
            return write(*args, **given)

        return counting


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_whichever_write_finds_the_disk_full_the_old_answer_stays_and_the_next_run_is_right(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(place)
    before = prints(place / "out")
    write_csv(place / "more.csv", [line(request_id="m")])
    broken = Broken(monkeypatch, full)
    keep = ["--keep", str(place / "kept")]
    number = 0
    while number < 100:
        number += 1
        broken.left = number
        ended = audit(place, str(place / "more.csv"), *keep)
        if ended.exit_code == 0:
            break
        assert (ended.exit_code, "No space left" in ended.stderr) == (2, True), ended.output
        assert prints(place / "out") == before
        assert [file.name for file in place.iterdir() if file.name.startswith(".")] == []
    assert 12 < number < 100
    broken.left = 10**9
    done(place, str(place / "more.csv"), out="plain")
    assert prints(place / "out") == prints(place / "plain")


KILLED = """
import os, signal, sys
import django
import pytest
django.setup()
from click.testing import CliRunner
from tests.jobs import test_audit_bad_input as bad
from tests.jobs.test_audit import audit
from pathlib import Path
broken = bad.Broken(pytest.MonkeyPatch(), lambda: os.kill(os.getpid(), signal.SIGKILL))
broken.left = int(sys.argv[2])
place = Path(sys.argv[1])
audit(place, str(place / "more.csv"), "--keep", str(place / "kept"))
"""


def test_a_run_that_is_killed_leaves_the_old_answer_and_a_kept_folder_that_serves(place: Path) -> None:
    done(place)
    before = prints(place / "out")
    write_csv(place / "more.csv", [line(request_id="m")])
    for number in (9, 17, 24):
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(place), str(number)],
            capture_output=True,
            check=False,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "peyman.config.settings"},
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert prints(place / "out") == before
    done(place, str(place / "more.csv"), "--keep", str(place / "kept"))
    done(place, str(place / "more.csv"), out="plain")
    assert prints(place / "out") == prints(place / "plain")
    assert [file.name for file in place.iterdir() if file.name.startswith(".")] == []  # what killed runs left is gone
    assert [row["user"] for row in by_user_day(place)] == ["anonymous", "anonymous", "sara"]
