"""An answer counted again: what the rule in Python says of the sums, against what the SQL said of the lines."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from peyman.entrypoints.jobs.audit import command
from peyman.gateways.audit import judging
from peyman.gateways.audit.recount import NoAnswer, recount
from tests.jobs.test_audit import audit, done, failed, place

__all__ = ["place"]


def sign(folder: Path) -> None:
    """Let the manifest say what the files hold, so that sums alone can tell."""
    file = folder / "manifest.json"
    said = json.loads(file.read_text())
    said["outputs"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in said["outputs"]}
    file.write_text(json.dumps(said))


@pytest.mark.clause("B08")
def test_an_answer_counted_again_is_the_same_to_the_byte_and_the_rial(place: Path) -> None:
    done(place)
    found = recount(place / "out")
    assert found.differences == ()
    assert (found.ok, found.lines, found.bytes_overcharged) == (True, 10, 3_000_003)
    assert (found.rials_low, found.rials_high) == (54, 101)
    written = json.loads((place / "out" / "recount.json").read_text())
    assert written["manifest"] == hashlib.sha256((place / "out" / "manifest.json").read_bytes()).hexdigest()
    assert (written["ok"], written["groups"]) == (True, found.groups)


@pytest.mark.clause("B08")
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("sum(l.bytes)", "sum(l.bytes) + 1"),  # a byte too many
        ("sum(l.bytes)", "sum(l.bytes - l.bytes % 2)"),
        ("l.end_us < s.to_us", "l.end_us <= s.to_us + 60000000"),  # a line over midnight
        ("l.start_us >= s.from_us AND ", ""),
        ("JOIN wanted w ON l.pair = w.pair", "JOIN wanted w ON l.pair = w.pair AND l.operator <> 1"),
    ],
)
def test_sql_that_says_something_else_is_caught_by_one_byte(
    place: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str
) -> None:
    assert right in judging.ANSWER
    monkeypatch.setattr(judging, "ANSWER", judging.ANSWER.replace(right, wrong))
    ended = audit(place)
    if ended.exit_code == 2:  # it does not even add up
        assert "جمع‌ها با هم نخواند" in ended.stderr
        return
    found = recount(place / "out")
    assert (found.ok, len(found.differences) > 0) == (False, True)


@pytest.mark.clause("B08")
def test_bytes_of_one_user_given_to_another_are_caught(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = judging.ANSWER.replace("f.person, f.operator", "min(f.person) OVER () AS person, f.operator")
    monkeypatch.setattr(judging, "ANSWER", wrong)
    assert audit(place).exit_code == 0
    found = recount(place / "out")
    assert [line for line in found.differences if "بایت هر کاربر" in line] != []
    assert not found.ok


def totals(name: str, more: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        said = json.loads((folder / "totals.json").read_text())
        said[name] += more
        (folder / "totals.json").write_text(json.dumps(said))

    return change


def users(name: str, more: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        held = pq.read_table(folder / "by_user_day.parquet")
        values = held.column(name).to_pylist()
        values[-1] += more
        place = held.schema.get_field_index(name)
        pq.write_table(
            held.set_column(place, held.schema.field(place), pa.array(values, held.schema.field(place).type)),
            folder / "by_user_day.parquet",
        )

    return change


def interval(name: str, value: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        said = json.loads((folder / "intervals.json").read_text())
        said[0][name] = value
        (folder / "intervals.json").write_text(json.dumps(said))

    return change


@pytest.mark.clause("B08")
@pytest.mark.parametrize(
    "change",
    [
        totals("bytes_overcharged", 1),
        totals("rials_high", -1),
        totals("overcharged", 1),
        totals("fine", 1),
        users("bytes_overcharged", 1),
        users("rials_low", 1),
        users("lines", 1),
        interval("bytes", 2_000_001),
        interval("to", "2023-05-22T20:30:00.000Z"),
        interval("edges", ["185.143.232.11"]),
        interval("cause", "pending"),
        interval("rials_high", 104),
    ],
    ids=range(12),
)
def test_an_answer_that_somebody_changed_is_caught_even_when_its_manifest_was_made_to_fit(
    place: Path, change: Callable[[Path], None]
) -> None:
    done(place)
    change(place / "out")
    files = recount(place / "out")
    assert [line.startswith("فایل") for line in files.differences][:1] == [True]
    sign(place / "out")
    found = recount(place / "out")
    assert not found.ok
    assert not any(line.startswith("فایل") for line in found.differences)


@pytest.mark.clause("B08")
def test_the_command_ends_with_0_where_nothing_differs_with_1_where_something_does_and_2_where_nothing_is(
    place: Path,
) -> None:
    done(place)
    out = str(place / "out")
    ended = CliRunner().invoke(command, ["recount", out, "--json"])
    assert (ended.exit_code, json.loads(ended.stdout)["ok"]) == (0, True)
    totals("bytes_overcharged", 1)(place / "out")
    ended = CliRunner().invoke(command, ["recount", out, "--json"])
    assert (ended.exit_code, json.loads(ended.stdout)["ok"]) == (1, False)
    assert "تأیید نمی‌شود" in ended.stderr
    failed(CliRunner().invoke(command, ["recount", str(place)]), "پاسخ ممیزی")
    (place / "out" / "sums.parquet").unlink()
    failed(CliRunner().invoke(command, ["recount", out]), "sums.parquet")


def test_a_folder_that_cannot_be_read_is_said_and_nothing_is_written(place: Path) -> None:
    done(place)
    (place / "out" / "evidence.json").write_text("{}")
    sign(place / "out")
    with pytest.raises(NoAnswer):
        recount(place / "out")
    assert not (place / "out" / "recount.json").exists()


@pytest.mark.clause("B08")
def test_sums_that_do_not_add_up_write_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = judging.PAIRS.replace("count(*)", "count(*) + 1")
    assert wrong != judging.PAIRS
    monkeypatch.setattr(judging, "PAIRS", wrong)
    failed(audit(place), "جمع‌ها با هم نخواند")
    assert not (place / "out").exists()
