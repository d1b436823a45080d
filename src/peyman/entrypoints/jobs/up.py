"""`peyman up`: the whole sandbox on this machine, as one process group.

Web, worker and the providers' simulators are children; one that ends, however it ends, is started again. All of it
listens on loopback only. Nothing here needs the settings: they are made, in the children, of what is decided here.
"""

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from peyman.entrypoints.jobs import parent
from peyman.entrypoints.jobs.console import COULD_NOT, CouldNot, tell

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_000)
READY_WITHIN = 180.0  # seconds; a busy machine is slow, not wrong
GRACE = 20.0  # seconds for children to end by themselves
STEADY = 10.0  # a child that lived this long is started again at once
LONGEST_PAUSE = 5.0

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Child:
    """A program that is kept running."""

    name: str  # of its log
    title: str  # in Persian
    command: list[str]
    environment: dict[str, str]
    log: IO[bytes]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0  # before the next start

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            preexec_fn=parent.end_with_parent if sys.platform == "linux" else None,
        )

    def revive(self) -> None:
        """Start it again if it ended: at once if it had been steady, with growing pauses if not."""
        if self.process is None or self.process.poll() is None:
            return
        lived = time.monotonic() - self.started
        if lived < self.pause:
            return
        self.pause = 0.0 if lived > STEADY else min(max(self.pause * 2, 0.2), LONGEST_PAUSE)
        tell(f"↻ {self.title} ایستاد (پایان {self.process.returncode}) و دوباره بالا آمد.")
        self.start()


def peyman(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from peyman.entrypoints.jobs.cli import main; main()", *arguments]


def free_port(given: set[int]) -> int:
    """Return a port nobody listens on that is not among `given`, and add it: a child may not listen on its own yet.

    It is none of those that systems give to whoever asks for any: such a one is somebody else's by the time that its
    child listens, or comes back. Each process looks from a place of its own.
    """
    first = PORTS.start + 10 * os.getpid() % len(PORTS)
    for port in (*range(first, PORTS.stop), *range(PORTS.start, first)):
        if port not in given and is_free(port):
            given.add(port)
            return port
    raise CouldNot("درگاه آزادی پیدا نشد؛ درگاه را با --port بگویید.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def get(url: str) -> int:
    """Return the status of `url`, 0 when nobody answers."""
    try:
        with OPENER.open(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as answered:
        return answered.code
    except (OSError, ValueError, http.client.HTTPException):
        return 0


@contextmanager
def sole_use(data: Path) -> Iterator[None]:
    """Two sandboxes do not share one folder of data."""
    with (data / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CouldNot(f"در {data} فروشگاه دیگری در کار است؛ آن را ببندید یا پوشه دیگری با --data بدهید.") from None
        yield


@click.command("up", help="فروشگاه آزمایشی را روی همین دستگاه بالا می‌آورد و نشانی‌اش را می‌گوید. Ctrl+C آن را می‌بندد.")
@click.option("--port", default=8000, show_default=True, metavar="N", help="درگاه؛ 0 یعنی هر درگاه آزاد")
@click.option("--data", default="", metavar="DIR", help="پوشه داده‌ها؛ اگر نگویید PEYMAN_DATA یا var")
@click.option("--no-sample", is_flag=True, help="کالاها و کسان نمونه را نگذار")
@click.option("--tariff-sample", is_flag=True, help="شبکه توزیع و فهرست ملی نمونه را هم بگذار")
def command(port: int, data: str, no_sample: bool, tariff_sample: bool) -> None:
    folder = Path(data or os.environ.get("PEYMAN_DATA") or "var").absolute()
    if not 0 <= port < 65536:
        raise CouldNot("درگاه عددی از 0 تا 65535 است.")
    try:
        (folder / "log").mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise CouldNot(f"پوشه {folder} ساختنی نیست: {fault.strerror}") from None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with sole_use(folder), ExitStack() as endings:
        (folder / "run.json").unlink(missing_ok=True)
        Sandbox(folder, port, (not no_sample, tariff_sample), stop, endings).run()
    tell("فروشگاه بسته شد.")


class Sandbox:
    """What `up` starts, watches and ends."""

    def __init__(
        self, data: Path, port: int, samples: tuple[bool, bool], stop: threading.Event, endings: ExitStack
    ) -> None:
        self.data, self.stop, self.endings = data, stop, endings
        self.samples = [name for name, wanted in zip(("--sample", "--tariff-sample"), samples, strict=True) if wanted]
        deadline = time.monotonic() + 3  # a web process that was just killed may still be letting go
        while port and not is_free(port):
            if time.monotonic() > deadline:
                raise CouldNot(f"درگاه {port} در دست برنامه دیگری است؛ درگاه دیگری با --port بدهید.")
            time.sleep(0.2)
        self.ports = {port}
        self.port = port or free_port(self.ports)
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.environment = {
            **os.environ,
            "PEYMAN_SANDBOX": "1",
            "PEYMAN_DATA": str(data),
            "PEYMAN_PUBLIC_URL": os.environ.get("PEYMAN_PUBLIC_URL") or self.url,
            "PYTHONUNBUFFERED": "1",
        }
        if "--tariff-sample" in self.samples:
            self.environment.setdefault("PEYMAN_REGISTRANT", "bazargah.example")  # of sample_tariff
        self.children: list[Child] = []

    def run(self) -> None:
        tell("آماده‌سازی…")
        known = self.prepare()
        if known is None:
            return
        self.endings.callback(self.end)
        self.start_simulators()
        self.add("web", "وب", "web", "--bind", f"{LOOPBACK}:{self.port}")
        self.add("worker", "کارگر", "worker")
        if not self.wait_until_ready():
            return
        run = {
            "url": self.url,
            "inbox_url": f"{self.url}/sandbox/inbox",
            "bank_url": self.environment["PEYMAN_BANK_URL"],
            "staff": known.get("staff", []),
            "customers": known.get("customers", []),
        }
        self.write_run(run)
        self.greet(run)
        while not self.stop.wait(0.2):
            for child in self.children:
                child.revive()
        tell("بستن…")

    def prepare(self) -> dict[str, Any] | None:
        """Run `peyman init`; what it answers is who may log in. None when we are told to stop."""
        process = subprocess.Popen(
            peyman("init", "--json", *self.samples),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        while process.poll() is None:
            if self.stop.wait(0.05):
                process.terminate()
                process.wait()
                return None
        if process.returncode:
            raise CouldNot("آماده‌سازی ناتمام ماند.")
        known: dict[str, Any] = json.load(process.stdout) if process.stdout else {}
        return known

    def start_simulators(self) -> None:
        """Stand in for the providers that the environment names no address of."""
        lacking = [name for name in ("BANK", "SMS", "SMTP") if not self.environment.get(f"PEYMAN_{name}_URL")]
        if not lacking:
            return
        state = self.data / "simulators"
        state.mkdir(exist_ok=True)
        ports = {name: free_port(self.ports) for name in ("bank", "sms", "smtp", "control", "registry")}
        command = [sys.executable, "-m", "peyman.gateways.simulators", "--state", str(state)]
        for name, port in ports.items():
            command += [f"--{name}-port", str(port)]
        self.keep(Child("simulators", "شبیه‌ساز بانک و پیامک", command, self.environment, self.open_log("simulators")))
        addresses = {
            "BANK": f"http://{LOOPBACK}:{ports['bank']}",
            "SMS": f"http://{LOOPBACK}:{ports['sms']}",
            "SMTP": f"smtp://{LOOPBACK}:{ports['smtp']}",
        }
        self.environment = {
            **self.environment,
            **{f"PEYMAN_{name}_URL": addresses[name] for name in lacking},
        }
        if (state / "registry.csv").is_file():  # the last list of the sample
            self.environment.setdefault("PEYMAN_REGISTRY_URL", f"http://{LOOPBACK}:{ports['registry']}/page/iplist")
        if "SMS" in lacking:  # the simulator is both providers, so that one can fail over to the other
            self.environment.setdefault("PEYMAN_SMSIR_KEY", "sandbox-key")
        self.wait_for("شبیه‌سازها", lambda: all(not is_free(port) for port in ports.values()))

    def add(self, name: str, title: str, *arguments: str) -> None:
        self.keep(Child(name, title, peyman(*arguments), self.environment, self.open_log(name)))

    def keep(self, child: Child) -> None:
        child.start()
        self.children.append(child)

    def open_log(self, name: str) -> IO[bytes]:
        return self.endings.enter_context((self.data / "log" / f"{name}.log").open("wb"))

    def wait_until_ready(self) -> bool:
        return self.wait_for("وب", lambda: get(f"{self.url}/readyz") == 200)

    def wait_for(self, what: str, is_there: Callable[[], bool]) -> bool:
        """Wait until `is_there()`; False when we are told to stop. Raises CouldNot when a child cannot start."""
        begun = time.monotonic()
        while not self.stop.wait(0.1):
            if is_there():
                return True
            for child in self.children:
                if child.process and child.process.poll() == COULD_NOT:
                    raise CouldNot(f"{child.title} بالا نیامد:\n{self.tail(child)}")
                child.revive()
            if time.monotonic() - begun > READY_WITHIN:
                raise CouldNot(f"{what} تا {READY_WITHIN:.0f} ثانیه پاسخ نداد؛ {self.data / 'log'} را ببینید.")
        return False

    def tail(self, child: Child) -> str:
        lines = (self.data / "log" / f"{child.name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-8:])

    def write_run(self, run: dict[str, Any]) -> None:
        """Tell outsiders where we are, whole or not at all; taken away at the end."""
        target = self.data / "run.json"
        fresh = self.data / f"run.json.{os.getpid()}"
        fresh.write_text(json.dumps(run, ensure_ascii=False, indent=1) + "\n")
        fresh.replace(target)
        self.endings.callback(target.unlink, missing_ok=True)

    def greet(self, run: dict[str, Any]) -> None:
        tell("")
        tell("فروشگاه آزمایشی پیمان آماده است:")
        click.echo(f"  فروشگاه: {run['url']}/")
        click.echo(f"  صندوق پیامک و نامه: {run['inbox_url']}")
        click.echo(f"  بانک آزمایشی: {run['bank_url']}")
        if run["customers"]:
            mobiles = "، ".join(row["mobile"] for row in run["customers"])
            tell(f"  با هر شماره‌ای می‌توانید وارد شوید، یا با مشتری‌های نمونه: {mobiles}")
        tell(f"  گزارش‌ها: {self.data / 'log'}    بستن: Ctrl+C")

    def end(self) -> None:
        """End all children: kindly, then not."""
        alive = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + GRACE
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
