"""The simulators as one process."""

import json
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

import httpx

from peyman.gateways.simulators.__main__ import main


def test_one_process_serves_all_of_them_until_it_is_told_to_stop(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "peyman.gateways.simulators", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            urls = json.loads(process.stdout.readline())
            assert urls.keys() == {"bank_url", "sms_url", "smtp_url", "control_url", "registry_url"}
            for name in ("bank_url", "sms_url", "control_url", "registry_url"):
                assert httpx.get(f"{urls[name]}/_sim/health", trust_env=False, timeout=60).json()["ok"] is True
            with smtplib.SMTP("127.0.0.1", int(urls["smtp_url"].rpartition(":")[2]), timeout=30) as line:
                assert line.noop()[0] == 250
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"bank.jsonl", "sms.jsonl", "mail.jsonl"}


def test_it_listens_on_loopback_or_not_at_all() -> None:
    assert main(["--host", "0.0.0.0"]) == 2  # noqa: S104  # that it is refused is the test
