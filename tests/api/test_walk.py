"""docs/api-walk.md is a program: it is taken out of the page and run against a sandbox of its own."""

import json
import re
import subprocess
import sys

import pytest

from tests.conftest import REPO

PAGE = REPO / "docs" / "api-walk.md"


def script() -> str:
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))


def test_the_walk_makes_every_call_of_the_contract():
    calls = set(re.findall(r'call\("([A-Z]+)", f?"(/[a-z]+)', script()))
    assert calls == {
        ("GET", "/terms"),
        ("POST", "/auth"),
        ("DELETE", "/auth"),
        ("GET", "/products"),
        ("PUT", "/cart"),
        ("GET", "/carriers"),
        ("POST", "/orders"),
        ("GET", "/orders"),
    }


@pytest.mark.slow
@pytest.mark.clause("D57")
def test_the_whole_purchase_by_the_api_alone_as_the_page_tells_it(sandbox, tmp_path):
    run = tmp_path / "run.json"
    run.write_text(json.dumps(sandbox))
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script()],
        env={"PEYMAN_RUN": str(run), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^cart code DBC(-[2-9A-Z]+)+ final since ", ended.stdout, re.MULTILINE)
