"""A web process and a bank of our own for a benchmark, and what each of them spends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from peyman.entrypoints.jobs import parent
from peyman.entrypoints.jobs.console import CouldNot
from peyman.gateways.simulators.service import Clock
from peyman.gateways.simulators.till import Payment

PEYMAN = str(Path(sys.executable).parent / "peyman")
_SUPPLIER = (sys.executable, "-m", "peyman.gateways.simulators")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web(
    command: Sequence[str] = (PEYMAN,), options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """A web process of our own; yields its address and process group."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [*command, "web", "--bind", f"127.0.0.1:{port}", *options],
        env={**os.environ, **(environment or {}), "PEYMAN_PUBLIC_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=parent.end_with_parent,
    )
    try:
        for _ in range(300):
            time.sleep(0.2)
            if _status(url, "/readyz") == 200:
                break
            if process.poll() is not None:
                raise CouldNot("سرور بالا نیامد؛ نخست peyman init --sample را اجرا کنید.")
        else:
            raise CouldNot("سرور در ۶۰ ثانیه آماده نشد.")
        yield url, process.pid
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _status(url: str, path: str) -> int:
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        client.request("GET", path)
        return client.getresponse().status
    except OSError:
        return 0
    finally:
        client.close()


def held(token: str, amount: int, now: datetime) -> Payment:
    """Return how the simulated bank writes down `amount` rials that it holds for a token of ours."""
    return Payment(
        authority=token,
        session_id=str(400_000_000 + int(token[-7:], 16)),
        merchant=settings.ZARINPAL_MERCHANT,
        amount=amount,
        description="bench",
        callback_url="http://127.0.0.1/",
        order_id="",
        mobile="",
        created_at=now.isoformat(),
        paid_amount=amount,
        state="PAID",
        paid_at=now.isoformat(),
    )


@contextmanager
def bank(tokens: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """The simulated bank in a process of its own, which holds the money of these tokens (token, rials) already.

    Yields its address and process group.
    """
    now = Clock().now()
    with tempfile.TemporaryDirectory(prefix="peyman-bench-bank-", dir=settings.DATA_DIR) as folder:
        with (Path(folder) / "bank.jsonl").open("w", encoding="utf-8") as ledger:
            ledger.writelines(json.dumps(asdict(held(token, amount, now))) + "\n" for token, amount in tokens)
        process = subprocess.Popen(
            [*_SUPPLIER, "--state", folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=parent.end_with_parent,
        )
        try:
            said = process.stdout.readline() if process.stdout else b""
            if not said:
                raise CouldNot("شبیه‌ساز بانک بالا نیامد.")
            yield json.loads(said)["bank_url"], process.pid
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def processor_seconds(group: int) -> float:
    """Return what the living processes of a group have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident(group: int) -> int:
    """Return the bytes of memory that the living processes of a group hold, what they share counted once."""
    held = 0
    for rollup in Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            if os.getpgid(int(rollup.parent.name)) == group:
                held += sum(int(line.split()[1]) for line in rollup.read_text().splitlines() if line.startswith("Pss:"))
        except OSError:
            continue  # it ended while we looked, or is another's
    return held * 1024
