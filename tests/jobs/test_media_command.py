"""`peyman media`: a folder of pictures as an operator brings it, and what is told of each file."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints.jobs.media import command
from tests import make, media

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path) -> Path:
    settings.CLOCK_FILE = ""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path / "data", tmp_path / "data/media"
    make.product(code="AVD-A6", title="کتاب‌خوان آوند A6")
    return tmp_path / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def counts() -> dict[str, int]:
    return json.loads(run("status", "--json").stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures by code, by number, by their supplier's name and colour; and what is none."""
    place = tmp_path / "pictures"
    for name, data in {
        "AVD-A6.jpg": media.jpeg(),
        "AVD-A6-2.png": media.png(),
        "AVD-A6/film.mp4": media.mp4(),
        "nobody.jpg": media.jpeg(),
        "AVD-A6-3.jpg": b"MZ" + b"\0" * 99,
        "AVD-A6-4.png": media.png_bomb(),
        ".DS_Store": b"hidden",
    }.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return place


def test_a_folder_is_looked_through_and_nothing_is_changed(folder: Path) -> None:
    ended = run("import", str(folder), "--dry-run", "--json")
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.exit_code == 1
    assert {line["file"]: (line["product"], line["outcome"], line["code"]) for line in lines} == {
        "AVD-A6.jpg": ("AVD-A6", "accept", ""),
        "AVD-A6-2.png": ("AVD-A6", "accept", ""),
        "AVD-A6-3.jpg": ("AVD-A6", "refuse", "program"),
        "AVD-A6-4.png": ("AVD-A6", "refuse", "vast"),
        "AVD-A6/film.mp4": ("AVD-A6", "accept", ""),
        "nobody.jpg": ("", "skip", "nobodys"),
    }
    assert [line["alt"] for line in lines][:2] == ["کتاب‌خوان آوند A6", "کتاب‌خوان آوند A6، نمای ۲"]
    assert counts() == {"waiting": 0, "ready": 0, "unfit": 0, "swept": 0, "down": 0}


def test_a_folder_is_brought_in_once(folder: Path, data: Path) -> None:
    ended = run("import", str(folder))
    assert ended.exit_code == 1 and "AVD-A6.jpg ← AVD-A6: پذیرفته\n" in ended.stdout
    assert "AVD-A6-3.jpg ← AVD-A6: ردشده، محتوای فایل یک برنامه است، نه تصویر." in ended.stdout
    assert "پذیرفته: ۳، ردشده: ۲، گذشته: ۱" in ended.stdout and "۳ فایل نیامد و باقی انجام شد." in ended.stderr
    assert counts() == {"waiting": 3, "ready": 0, "unfit": 0, "swept": 0, "down": 0}

    assert run("import", str(folder), "--make").exit_code == 1
    assert counts() == {"waiting": 0, "ready": 3, "unfit": 0, "swept": 0, "down": 0}
    assert len(list((data / "media").glob("??/*.webp"))) == 8
    assert list((data / "media/incoming").iterdir()) == []
    assert "آماده: ۳" in run("status").stdout


def test_a_folder_of_which_all_came_in_ends_well(tmp_path: Path) -> None:
    make.variant(product=make.product(code="KTL-1", title="کتری"), color="قرمز", image_hint="kettle/red")
    (tmp_path / "in/kettle").mkdir(parents=True)
    (tmp_path / "in/kettle/red.png").write_bytes(media.png())
    ended = run("import", str(tmp_path / "in"), "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == {
        "file": "kettle/red.png", "product": "KTL-1", "color": "قرمز", "alt": "کتری، قرمز",
        "outcome": "accept", "code": "", "says": "",
    }  # fmt: skip


def test_a_folder_that_is_not_there_is_told_in_a_sentence() -> None:
    ended = run("import", "/nowhere")
    assert (ended.exit_code, ended.stderr) == (2, "/nowhere: پوشه‌ای به این نام نیست.\n")
