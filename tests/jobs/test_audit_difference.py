"""What a later answer says otherwise than an earlier one, and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from peyman.gateways.audit.recount import recount
from tests.jobs.test_audit import FILES, LINES, audit, done, failed, line, place, prints, write_csv

__all__ = ["place"]


def later(place: Path, *more: str) -> dict[str, Any]:
    done(place, "--earlier", str(place / "out"), *more, logs="*log.csv", out="later")
    return json.loads((place / "later" / "difference.json").read_text())


def moved(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (row["user"], row["operator"], row["day"], row["bytes"], row["direction"], row["why"])
        for row in found["changes"]
    ]


@pytest.fixture
def before(place: Path) -> Path:
    done(place, logs="log.csv")
    return place


@pytest.mark.clause("B08")
def test_late_lines_of_a_day_raise_what_is_owed_for_it_and_say_so(before: Path) -> None:
    late = [
        line(request_id="late", download_token="sara"),
        line(request_id="x", ts_start="2023-05-14T10:00:00Z", ts_end=""),
    ]
    write_csv(before / "late-log.csv", late)
    found = later(before)
    assert moved(found) == [
        ("anonymous", "mci", "2023-05-14", [0, 1_000_001], "rise", ["logs"]),
        ("sara", "mci", "2023-05-13", [2_000_002, 3_000_003], "rise", ["logs"]),
    ]
    assert found["changes"][1]["rials_high"] == [101, 151]
    assert found["rises"] == {"users": 2, "bytes": 2_000_002, "rials_low": 54, "rials_high": 101}
    assert found["falls"] == {"users": 0, "bytes": 0, "rials_low": 0, "rials_high": 0}
    assert found["days_added"] == ["2023-05-14"]
    assert "دیررسیده" in (before / "later" / "difference.txt").read_text()
    assert {"difference.json", "difference.txt"} <= set(
        json.loads((before / "later" / "manifest.json").read_text())["outputs"]
    )
    assert recount(before / "later").ok


@pytest.mark.clause("B08")
def test_another_history_lowers_what_is_owed_and_the_fall_stands_apart(before: Path) -> None:
    (before / "lists" / "2023-05-12.csv").unlink()
    (before / "lists" / "2023-05-19.csv").unlink()
    found = later(before)
    assert [(row[0], row[4], row[5]) for row in moved(found)] == [
        ("anonymous", "fall", ["history"]),
        ("sara", "fall", ["history"]),
    ]
    assert (found["falls"]["bytes"], found["falls"]["rials_high"], found["rises"]["users"]) == (3_000_003, 101, 0)
    assert "پس گرفته نمی‌شود" in (before / "later" / "difference.txt").read_text()


@pytest.mark.clause("B08")
def test_another_tariff_moves_rials_alone(before: Path) -> None:
    (before / "tariffs.csv").write_text(FILES["tariffs"].replace("payg,2020-01-01,,100,", "payg,2020-01-01,,90,", 1))
    found = later(before)
    assert moved(found) == [("sara", "mci", "2023-05-13", [2_000_002, 2_000_002], "fall", ["tariffs"])]
    assert found["changes"][0]["rials_high"] == [101, 91]


def test_another_table_is_named_as_the_cause(before: Path) -> None:
    (before / "isps.csv").write_text(FILES["isps"] + "5.1.0.0/16,AS3,rightel,2020-01-01,\n")
    assert {(row[1], row[4], *row[5]) for row in moved(later(before))} == {
        ("mci", "fall", "isps"),
        ("rightel", "rise", "isps"),
    }


def test_rials_that_became_known_are_a_rise(before: Path) -> None:
    (before / "tariffs.csv").write_text(FILES["tariffs"].replace("1000000,no,page", "1000000,yes,page"))
    found = later(before)
    assert moved(found) == [("anonymous", "tci", "2023-05-13", [1_000_001, 1_000_001], "rise", ["tariffs"])]
    assert found["changes"][0]["rials_low"] == [None, 51]


def test_the_same_inputs_differ_in_nothing_and_a_kept_run_says_the_same(before: Path) -> None:
    found = later(before)
    assert (found["changes"], found["days"]) == ([], [])
    write_csv(before / "late-log.csv", [LINES[1] | {"request_id": "late"}])
    later(before, "--keep", str(before / "kept"))
    first = prints(before / "later")
    later(before, "--keep", str(before / "kept"))
    assert prints(before / "later") == first


def test_an_earlier_answer_that_is_none_is_refused(before: Path) -> None:
    failed(audit(before, "--earlier", str(before / "lists"), out="later"), "--earlier")
    (before / "out" / "days.json").unlink()
    failed(audit(before, "--earlier", str(before / "out"), out="later"), "days.json")
    assert not (before / "later").exists()
