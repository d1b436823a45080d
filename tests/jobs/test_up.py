"""`peyman up`: the sandbox on one machine, whatever is killed in it."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import PATIENCE

pytestmark = pytest.mark.slow


def children_of(pid: int) -> dict[str, int]:
    """The running parts of a sandbox by name, read from the process table."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            words = (status.parent / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if lines.get("PPid", "").strip() == str(pid):
            name = next((word for word in ("web", "worker", "peyman.gateways.simulators") if word in words), "")
            found[name] = int(status.parent.name)
    return found


def within(seconds: float, is_so) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=60).status_code == 200
    except httpx.HTTPError:
        return False


def test_run_json_tells_outsiders_all_they_need_and_goes_with_the_sandbox(peyman):
    with peyman.up() as run:
        assert run["url"].startswith("http://127.0.0.1:")
        assert httpx.get(f"{run['url']}/readyz", timeout=PATIENCE).text == "ready\n"
        assert httpx.get(f"{run['inbox_url']}.json", params={"to": "09121234567"}, timeout=PATIENCE).json() == []
        assert httpx.get(run["bank_url"], timeout=PATIENCE).status_code < 500
        assert {row["role"] for row in run["staff"]} == {
            "orders",
            "catalogue",
            "privacy",
            "tariff",
            "finance",
            "manager",
        }
        assert len(run["customers"]) == 3
        assert (peyman.data / "run.json").exists()
    assert not (peyman.data / "run.json").exists()
    assert not answers(f"{run['url']}/healthz")


def test_each_part_that_is_killed_comes_back(peyman):
    with peyman.up("--no-sample") as run:
        for name in ("web", "worker", "peyman.gateways.simulators"):
            before = children_of(run["pid"])
            os.kill(before[name], signal.SIGKILL)
            assert within(
                PATIENCE, lambda name=name, old=before[name]: children_of(run["pid"]).get(name, old) != old
            ), name
            assert within(PATIENCE, lambda: answers(f"{run['url']}/readyz")), name


def test_nothing_is_left_running_when_up_itself_is_killed(peyman):
    with peyman.up("--no-sample") as run:
        os.kill(run["pid"], signal.SIGKILL)
        assert within(PATIENCE, lambda: not answers(f"{run['url']}/healthz"))
        assert within(PATIENCE, lambda: not _listens(run["bank_url"]))
    with peyman.up("--no-sample") as again:
        assert answers(f"{again['url']}/readyz")


def test_a_port_in_use_is_told_and_nothing_is_started(peyman):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = peyman("up", "--port", str(port))
    assert ended.returncode == 2
    assert f"درگاه {port} در دست برنامه دیگری است" in ended.stderr
    assert not (peyman.data / "run.json").exists()


def test_two_sandboxes_do_not_share_a_folder(peyman):
    with peyman.up("--no-sample"):
        ended = peyman("up", "--port", "0")
        assert ended.returncode == 2
        assert "فروشگاه دیگری در کار است" in ended.stderr
        assert json.loads((peyman.data / "run.json").read_text())


def test_a_log_in_code_leaves_within_two_seconds(sandbox):
    def inbox(mobile):
        return httpx.get(f"{sandbox['inbox_url']}.json", params={"to": mobile}, timeout=PATIENCE).json()

    def is_quick(mobile):
        asked = httpx.post(f"{sandbox['url']}/api/v1/auth/code", json={"mobile": mobile}, timeout=PATIENCE)
        assert asked.status_code == 202, asked.text
        quick = within(2, lambda: inbox(mobile))
        assert within(PATIENCE, lambda: inbox(mobile))
        (message,) = inbox(mobile)
        assert message["template"] == "login_code"
        assert len(message["code"]) == 6
        return quick

    # It is the machine that may be busy for a moment; a worker that waited for its next round would never be in time.
    assert any(is_quick(f"0912111223{n}") for n in range(6))


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
