"""Folders with finished answers: believed when every hash holds, kept whole, and found out when they are not."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from peyman.gateways.audit import answers
from peyman.gateways.audit.answers import BadAnswer
from tests import incidents as given


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return given.folder(tmp_path / "answer")


def sealed(folder: Path, name: str, content: bytes) -> None:
    """Write a file of an answer and name its new hash in the manifest: a fault of the writer, not of the way."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["outputs"][name] = sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.clause("B08")
def test_an_answer_is_read_with_operators_and_days(folder: Path) -> None:
    found = answers.read(folder)
    assert found.sha256 == sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert (found.totals, found.intervals, found.operators) == (given.TOTALS, given.INTERVALS, given.OPERATORS)
    assert (found.first_day, found.last_day, found.code_version) == (date(2024, 11, 1), date(2024, 12, 20), "1.0")
    assert found.users == 27
    assert sorted(found.files) == ["by_user_day.parquet", "intervals.json", "report.html", "totals.json"]


def test_without_a_period_the_days_are_those_on_which_somebody_was_overcharged(tmp_path: Path) -> None:
    found = answers.read(given.folder(tmp_path / "answer", manifest={"period": None}))
    assert (found.first_day, found.last_day) == (date(2024, 11, 25), date(2024, 11, 25))
    nothing = given.folder(tmp_path / "nothing", manifest={"period": None}, rows=[], intervals=[])
    assert (answers.read(nothing).operators, answers.read(nothing).first_day) == ({}, None)


def test_rials_that_are_not_known_stay_unknown(tmp_path: Path) -> None:
    rows = [("u", "مهرنت", date(2024, 11, 25), 1, 5, None, None)]
    found = answers.read(given.folder(tmp_path / "answer", rows=rows))
    assert found.operators["مهرنت"]["rials_high"] is None
    both = [*rows, ("anonymous", "مهرنت", date(2024, 11, 25), 2, 5, 3, 4)]
    found = answers.read(given.folder(tmp_path / "both", rows=both))
    told = found.operators["مهرنت"]
    assert found.users == 1
    assert (told["users"], told["lines"], told["bytes"]) == (1, 3, 10)
    assert (told["anonymous_lines"], told["anonymous_bytes"], told["rials_low"], told["rials_high"]) == (2, 5, 3, 4)


@pytest.mark.clause("B10")
@pytest.mark.parametrize("name", ["totals.json", "intervals.json", "by_user_day.parquet", "report.html"])
def test_a_byte_that_was_changed_after_the_audit_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BadAnswer, match=name.replace(".", r"\.")):
        answers.read(folder)


SPOILED: dict[str, Callable[[Path], object]] = {
    "no folder": lambda at: at.rename(at.with_name("gone")),
    "no manifest": lambda at: (at / "manifest.json").unlink(),
    "a file is missing": lambda at: (at / "totals.json").unlink(),
    "a file is a link": lambda at: ((at / "totals.json").rename(at / "x"), (at / "totals.json").symlink_to(at / "x")),
    "the manifest is no JSON": lambda at: (at / "manifest.json").write_bytes(b"\xff{"),
    "the manifest is a list": lambda at: (at / "manifest.json").write_text("[]"),
    "the manifest is deep": lambda at: (at / "manifest.json").write_text("[" * 100_000),
    "no outputs": lambda at: (at / "manifest.json").write_text("{}"),
    "a path of somebody else": lambda at: (at / "manifest.json").write_text(
        json.dumps({"outputs": {"../../etc/passwd": "0" * 64}})
    ),
    "no hash": lambda at: (at / "manifest.json").write_text(json.dumps({"outputs": {"totals.json": 5}})),
    "too little": lambda at: (at / "manifest.json").write_text(json.dumps({"outputs": {"totals.json": "0" * 64}})),
    "totals are a list": lambda at: sealed(at, "totals.json", b"[]"),
    "a fraction of a rial": lambda at: sealed(at, "totals.json", b'{"rials_low": 1.5}'),
    "no number": lambda at: sealed(at, "totals.json", b'{"rials_low": NaN}'),
    "intervals are none": lambda at: sealed(at, "intervals.json", b"[5]"),
    "an interval lacks": lambda at: sealed(at, "intervals.json", b'[{"edges": ["1.2.3.4"]}]'),
    "an interval with a NUL": lambda at: sealed(
        at, "intervals.json", json.dumps([{**given.INTERVALS[0], "operator": "a\0"}]).encode()
    ),
    "an interval of negative bytes": lambda at: sealed(
        at, "intervals.json", json.dumps([{**given.INTERVALS[0], "bytes": -1}]).encode()
    ),
    "an interval without addresses": lambda at: sealed(
        at, "intervals.json", json.dumps([{**given.INTERVALS[0], "edges": []}]).encode()
    ),
    "no parquet": lambda at: sealed(at, "by_user_day.parquet", b"PAR1"),
    "a period that runs backwards": lambda at: _period(at, "2024-12-20", "2024-11-01"),
    "a period that is none": lambda at: _period(at, "x", "y"),
}


def _period(at: Path, first: str, last: str) -> None:
    manifest = json.loads((at / "manifest.json").read_text())
    (at / "manifest.json").write_text(json.dumps(manifest | {"period": {"from": first, "to": last}}))


@pytest.mark.clause("B08")
@pytest.mark.parametrize("fault", SPOILED)
def test_a_folder_that_is_no_whole_answer_is_refused_in_words(folder: Path, fault: str) -> None:
    SPOILED[fault](folder)
    with pytest.raises(BadAnswer) as refused:
        answers.read(folder)
    assert refused.value.says.endswith(".")


# ---- Keeping ----


@pytest.mark.clause("B10")
def test_an_answer_is_kept_once_under_its_hash_without_what_its_manifest_does_not_name(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "notes.txt").write_text("x")
    found = answers.read(folder)
    place = answers.keep(folder, found, tmp_path / "data")
    assert place == f"audits/{found.sha256[:2]}/{found.sha256}"
    kept = tmp_path / "data" / place
    assert sorted(one.name for one in kept.iterdir()) == sorted([*found.files, "manifest.json"])
    before = kept.stat().st_ino
    shutil.rmtree(folder)
    assert answers.read(kept).sha256 == found.sha256
    assert answers.keep(kept, found, tmp_path / "data") == place
    assert kept.stat().st_ino == before


@pytest.mark.clause("B10")
def test_a_kept_answer_that_was_harmed_is_found_and_replaced(folder: Path, tmp_path: Path) -> None:
    found = answers.read(folder)
    kept = tmp_path / answers.keep(folder, found, tmp_path)
    (kept / "totals.json").write_text("{}")
    assert not answers.is_whole(kept, found.sha256, found.files)
    answers.keep(folder, found, tmp_path)
    assert answers.is_whole(kept, found.sha256, found.files)
    assert [one.name for one in kept.parent.iterdir()] == [found.sha256]


def test_when_the_disk_is_full_nothing_half_is_left(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = answers.read(folder)
    written: list[Any] = []

    def full(out: int) -> None:
        written.append(out)
        if len(written) == 3:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(answers.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        answers.keep(folder, found, tmp_path / "data")
    assert list((tmp_path / "data" / "audits" / found.sha256[:2]).iterdir()) == []


def test_a_folder_that_changes_while_it_is_kept_is_refused(folder: Path, tmp_path: Path) -> None:
    found = answers.read(folder)
    (folder / "totals.json").write_text("{}")
    with pytest.raises(BadAnswer, match="عوض شد"):
        answers.keep(folder, found, tmp_path / "data")
    assert not (tmp_path / "data" / "audits" / found.sha256[:2] / found.sha256).exists()
