"""A whole installation in processes of our own, each of which may be killed and is started again."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from django.conf import settings

from peyman.entrypoints.jobs.up import free_port
from tests import ready

REPO = Path(__file__).resolve().parents[2]
PEYMAN = str(Path(sys.executable).parent / "peyman")


class House:
    """Bank, SMS and mail simulators that live on; web, workers and PostgreSQL that do not."""

    def __init__(
        self,
        folder: Path,
        *,
        database: str,
        workers: int = 2,
        web: bool = True,
        writer_process: bool = False,
        **environment: str,
    ) -> None:
        self.folder, self.database, self._writer_process = folder, database, writer_process
        self.clock = folder / "clock"
        if database == "postgres":
            self.postgres = Path(tempfile.mkdtemp(prefix="peyman-pg-", dir="/tmp"))  # a socket's path must be short
        self.kills: Counter[str] = Counter()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._log = (folder / "processes.log").open("ab")
        self.url = f"http://127.0.0.1:{free_port(set())}"
        self._web, self._more = web, environment
        self._names = [*(["web"] if web else []), *(f"worker-{n}" for n in range(workers))]

    # ---- Raising ----

    def __enter__(self) -> "House":
        try:
            return self._raise()
        except BaseException:
            self.__exit__()
            raise

    def _raise(self) -> "House":
        self.sim = self._simulators()
        self.bank_url = self.sim["bank_url"]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PEYMAN_", "DATABASE_"))},
            "PEYMAN_SANDBOX": "1",
            "PEYMAN_DATA": str(self.folder / "data"),
            "PEYMAN_PUBLIC_URL": self.url,
            "PEYMAN_BANK_URL": self.sim["bank_url"],
            "PEYMAN_SMS_URL": self.sim["sms_url"],
            "PEYMAN_SMTP_URL": self.sim["smtp_url"],
            "PEYMAN_CLOCK_FILE": str(self.clock),
            **self._more,
        }
        if self.database == "postgres":
            self.environment["DATABASE_URL"] = self._postgres("start")
        self._lay_what_is_ready()
        self.run("init", *(["--sample"] if self._web else []))
        for name in self._names:
            self._start(name)
        threading.Thread(target=self._keep_alive, daemon=True).start()
        if self._web:
            self._wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with self._lock:
            for process in self._processes.values():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self.database == "postgres":
            self._postgres("stop")
        self._log.close()

    def _simulators(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "peyman.gateways.simulators"]
        ports = ["--bank-port", "0", "--sms-port", "0", "--smtp-port", "0", "--control-port", "0"]
        process = subprocess.Popen(
            [*command, *ports, "--state", str(self.folder / "simulators")],
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            cwd=REPO,
        )
        self._processes["simulators"] = process
        assert process.stdout
        return dict(json.loads(process.stdout.readline()))

    def _postgres(self, verb: str) -> str:
        done = subprocess.run(
            [str(REPO / "scripts/postgres.sh"), verb, str(self.postgres)],
            env={**os.environ, "PEYMAN_DURABLE": "1"},
            capture_output=True,
            text=True,
            check=verb == "start",
        )
        if verb == "stop":
            shutil.rmtree(self.postgres, ignore_errors=True)
        return done.stdout.strip()

    def _lay_what_is_ready(self) -> None:
        """In a test, copy tables and page files, and let `init` find them done: elsewhere it makes them out of nothing,
        which takes ten seconds and has a test of its own.
        """
        if not settings.configured:
            return
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        ready.lay_static(data / "static")
        if self.database == "postgres":
            ready.bring_tables(self.environment["DATABASE_URL"])
        else:
            ready.lay_tables(f"sqlite:///{data}/peyman.sqlite3")

    def _start(self, name: str) -> None:
        bind = self.url.removeprefix("http://")
        options = ["--writer-process"] if self._writer_process else []
        command = [PEYMAN, "web", "--bind", bind, *options] if name == "web" else [PEYMAN, "worker"]
        self._processes[name] = subprocess.Popen(
            command,
            env=self.environment,
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def _keep_alive(self) -> None:
        while not self._stop.wait(0.2):
            with self._lock:
                for name in self._names:
                    if self._processes[name].poll() is not None and not self._stop.is_set():
                        self._start(name)

    def _wait_ready(self) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < 300:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=20).status_code == 200:
                    return
            time.sleep(0.3)
        raise AssertionError(f"the house did not come up; see {self.folder / 'processes.log'}")

    def workers(self) -> set[int]:
        """The processes of the workers that are alive."""
        with self._lock:
            workers = [process for name, process in self._processes.items() if name.startswith("worker")]
            return {process.pid for process in workers if process.poll() is None}

    # ---- Using ----

    def run(self, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
        """Run a command of the command line; returns what it printed."""
        done = subprocess.run([PEYMAN, *arguments], env=self.environment, cwd=REPO, capture_output=True, text=True)
        if done.returncode not in ok:
            raise AssertionError(f"peyman {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def set_clock(self, now: datetime) -> None:
        """Put the clock of all processes to `now`, in one step: a file that is written may be read empty."""
        fresh = self.clock.with_suffix(".fresh")
        fresh.write_text(now.isoformat())
        fresh.replace(self.clock)

    def export(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("export", name).splitlines()]

    def faults(self, **switches: Any) -> None:
        httpx.post(f"{self.bank_url}/_sim/faults", json=switches, timeout=30).raise_for_status()

    def faults_happened(self) -> dict[str, int]:
        """How often each fault of the bank struck."""
        return dict(httpx.get(f"{self.bank_url}/_sim/faults", timeout=30).json()["happened"])

    def take_back(self, token: str) -> None:
        """Let the bank give a verified payment back, and tell nobody."""
        httpx.post(f"{self.bank_url}/_sim/take_back/{token}", timeout=30).raise_for_status()

    def reconcile(self, file: Path, lines: list[str]) -> dict[str, Any]:
        """Take a bank's statement in; returns what came of it."""
        file.write_text("\n".join(["refnum,terminal,amount,kind,at", *lines]) + "\n", "utf-8")
        return dict(json.loads(self.run("reconcile", "--statement", str(file), "--json", ok=(0, 1))))

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        if self.database == "postgres":
            with psycopg.connect(self.environment["DATABASE_URL"], connect_timeout=5) as link:
                return link.execute(question).fetchall()
        with closing(sqlite3.connect(f"file:{self.folder / 'data' / 'peyman.sqlite3'}?mode=ro", uri=True)) as link:
            return link.execute(question).fetchall()

    def ledger(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = httpx.get(f"{self.bank_url}/_sim/ledger", timeout=60).json()
        return rows

    def texts(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = httpx.get(f"{self.sim['sms_url']}/_sim/messages", timeout=60).json()
        return rows

    def mails(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = httpx.get(f"{self.sim['control_url']}/_sim/mails", timeout=60).json()
        return rows

    def provider_faults(self, **switches: Any) -> None:
        """Turn the switches of both SMS providers (those of SMS.ir with their prefix)."""
        httpx.post(f"{self.sim['sms_url']}/_sim/faults", json=switches, timeout=30).raise_for_status()

    def mail_faults(self, **switches: Any) -> None:
        httpx.post(f"{self.sim['control_url']}/_sim/faults", json=switches, timeout=30).raise_for_status()

    # ---- Killing ----

    def kill(self, victim: str) -> None:
        """SIGKILL a process group; the database is PostgreSQL's postmaster, and on SQLite everyone who has it open."""
        if victim == "database" and self.database == "postgres":
            pid = int((self.postgres / "data" / "postmaster.pid").read_text().splitlines()[0])
            subprocess.run(["pkill", "-KILL", "-P", str(pid)], check=False)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.kills["database"] += 1
            time.sleep(0.5)
            self._restart_postgres()
            return
        if victim == "scribe":
            self._kill_scribe()
            return
        names = self._names if victim == "database" else [n for n in self._names if n.startswith(victim)][:1]
        with self._lock:
            for name in names:
                with suppress(ProcessLookupError):
                    os.killpg(self._processes[name].pid, signal.SIGKILL)
                self._processes[name].wait()
        self.kills[victim] += 1

    def _kill_scribe(self) -> None:
        """Kill the process that writes for the web process, and nothing else; it may be gone already."""
        head = self._processes["web"].pid
        for server in _children(head):
            for scribe in _children(server):
                with suppress(ProcessLookupError):
                    os.kill(scribe, signal.SIGKILL)
                    self.kills["scribe"] += 1

    def _restart_postgres(self) -> None:
        for _ in range(20):
            with suppress(subprocess.CalledProcessError):
                self._postgres("start")
                return
            time.sleep(0.5)
        raise AssertionError("PostgreSQL did not come back")

    def kill_at_random(self, chance: random.Random, mean: float, until: threading.Event) -> None:
        """Kill something every `mean` seconds on average, until told to stop."""
        while not until.wait(chance.expovariate(1 / mean)):
            scribes = ["scribe"] * 2 if self._writer_process else []
            self.kill(chance.choice(["web", "worker", "worker", "web", "database", *scribes]))


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
