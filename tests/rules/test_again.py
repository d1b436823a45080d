"""What is run twice: a walk through Chromium that failed, once, in the open, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

WALK = """
from pathlib import Path
import pytest
pytestmark = pytest.mark.browser
WALKED = Path(__file__).with_suffix(".walked")

@pytest.fixture(scope="module")
def house():
    yield object()
    WALKED.open("a").write("closed ")

def test_before(house):
    WALKED.open("a").write("before ")

def test_walk(house):
    WALKED.open("a").write("walk ")
    assert WALKED.read_text().count("walk") == {times}

def test_after(house):
    WALKED.open("a").write("after ")
"""


def told(folder: Path, place: str, times: int, *options: str) -> tuple[int, str, str]:
    """Run three tests in `place`, of which one passes at its n-th time: exit code, what pytest said, who ran."""
    file = folder / place / "test_it.py"
    file.parent.mkdir(parents=True)
    file.write_text(WALK.replace("{times}", str(times)))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.again", "-p", "xdist", "-q", *options, place],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPO), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, file.with_suffix(".walked").read_text()


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["in one process", "in another process"])
def test_a_walk_that_fails_is_walked_once_more_in_a_house_of_its_own_and_named(
    tmp_path: Path, options: list[str]
) -> None:
    code, said, ran = told(tmp_path, "tests/browser", 2, *options)
    assert (code, ran) == (0, "before walk closed walk after closed ")
    assert "RERUN tests/browser/test_it.py::test_walk (its call)" in said
    assert "assert 1 == 2" in said
    assert "3 passed, 1 rerun" in said


def test_a_walk_that_fails_twice_has_failed(tmp_path: Path) -> None:
    code, said, ran = told(tmp_path, "tests/browser", 3)
    assert (code, ran) == (1, "before walk closed walk after closed ")
    assert "1 failed, 2 passed, 1 rerun" in said


def test_nothing_else_is_run_twice(tmp_path: Path) -> None:
    code, said, ran = told(tmp_path, "tests/pages", 2)
    assert (code, ran) == (1, "before walk after closed ")
    assert "rerun" not in said
