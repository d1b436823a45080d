"""What every test may lean on: the database of DATABASE_URL, competing threads, Chromium."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection, connections
from django.test import TransactionTestCase

from peyman.entrypoints.jobs import triggers
from peyman.entrypoints.storefront import kept
from peyman.gateways import banking
from peyman.kernel.errors import Refused
from peyman.shop.catalog.queries import marks, search
from tests import environment, make, ready

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"  # data of the project that is not part of the repository; may be absent
PATIENCE = 300  # seconds, for what ends sooner: a busy machine is slow, not wrong

T = TypeVar("T")


# ---- The database ----


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Lay out the tables, a copy of ready ones, and let the connection of the tests lead there.

    SQLite lies in a file, so that threads can compete; a lost power cut is no loss here, so nothing is synced.
    """
    server = os.environ["DATABASE_URL"]
    on_postgres = server.startswith("postgres")
    name = f"test_{os.getpid()}" if on_postgres else f"{environment.DATA}/test.sqlite3"
    url = ready.beside(server, name) if on_postgres else f"sqlite:///{name}"
    with django_db_blocker.unblock():
        ready.lay_tables(url)
        connection.close()
    default = connection.settings_dict
    default["NAME"] = settings.DATABASES["default"]["NAME"] = name
    if not on_postgres:
        default["OPTIONS"]["init_command"] = default["OPTIONS"]["init_command"].replace(
            "synchronous=FULL", "synchronous=OFF"
        )
    yield
    if on_postgres:
        with django_db_blocker.unblock():
            connections.close_all()
        ready.drop(url)


_flush = TransactionTestCase._fixture_teardown


def _flush_around_the_triggers(self: TransactionTestCase) -> None:
    """Emptying the tables between tests is what the triggers are there to refuse: take them off, put them back."""
    triggers.remove()
    try:
        _flush(self)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM shared_cache")
    finally:
        triggers.install()


@pytest.fixture(scope="session", autouse=True)
def _transactional_tests_may_empty_append_only_tables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", _flush_around_the_triggers)
        yield


def _remember_nothing_of_rows(name: str) -> bool:
    """Say whether a module knows nothing of rows and settings: the kernel and the rules are plain Python (a contract
    of pyproject.toml), and what they remember, of which the words of moderation take seconds to read, stays true,
    whoever else imports it.
    """
    return name.startswith("peyman.kernel.") or ".rules." in f"{name}."


@functools.cache
def _memories(modules: int) -> list[Any]:
    """All functions of ours that remember answers; found anew when there are more modules."""
    return [
        thing
        for name, module in list(sys.modules.items())
        if name.startswith("peyman.")
        for thing in list(vars(module).values())
        if isinstance(thing, functools._lru_cache_wrapper) and not _remember_nothing_of_rows(thing.__module__)
    ]


_lines = weakref.WeakSet[banking.Line]()  # to banks, kept open by the ports that `gateways.banks` remembers


@pytest.fixture(scope="session", autouse=True)
def _lines_to_banks_are_known() -> Iterator[None]:
    honest = banking.Line.__init__

    def known(self: banking.Line, *args: Any, **kwargs: Any) -> None:
        honest(self, *args, **kwargs)
        _lines.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(banking.Line, "__init__", known)
        yield


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Forget what processes remember about rows: the next test has other rows under the same keys."""
    make.restart()
    caches["parts"].clear()
    marks.forget()
    kept.memory.clear()
    search.forget()
    for thing in _memories(len(sys.modules)):
        thing.cache_clear()
    for line in list(_lines):
        line.close()


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def threads(transactional_db: None) -> Callable[[int, Callable[[int], T]], list[T | Refused]]:
    """`threads(n, function)` runs function(0) … function(n - 1) at once, each on a connection of its own.

    All wait until the last is connected. Answers come back in the order of their numbers; a refusal is an answer,
    any other exception is raised here.
    """

    def run(n: int, function: Callable[[int], T]) -> list[T | Refused]:
        start = threading.Barrier(n)

        def one(number: int) -> T | Refused:
            try:
                connection.ensure_connection()
                start.wait(PATIENCE)
                return function(number)
            except Refused as refusal:
                return refusal
            finally:
                connections.close_all()

        with ThreadPoolExecutor(n) as pool:
            return [future.result() for future in [pool.submit(one, number) for number in range(n)]]

    return run


@pytest.fixture(scope="session")
def on_postgres() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("postgresql")


# ---- Chromium ----


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is: Debian's, or the one that PEYMAN_TEST_CHROMIUM names."""
    found = os.environ.get("PEYMAN_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.fail("Chromium is missing; `make test` says how to go without (PEYMAN_SKIP=browser).")
    return found


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium: str) -> dict[str, Any]:
    quiet = "disable-gpu disable-quic no-first-run disable-background-networking disable-component-update disable-sync"
    return {
        **browser_type_launch_args,
        "executable_path": chromium,
        "args": ["--no-sandbox", "--force-color-profile=srgb", *(f"--{flag}" for flag in quiet.split())],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "fa-IR", "timezone_id": "Asia/Tehran"}


def pytest_report_header() -> str:
    return f"database: {settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}"


# ---- Peyman from outside: other processes on a database of their own ----


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Callable[..., str]]:
    """`new_database()` makes a database beside the tests' own, and returns its DATABASE_URL.

    Its tables are there, with nothing in them; a `bare` one does not even have tables.
    """
    server = os.environ["DATABASE_URL"]
    made: list[str] = []

    def make_one(*, bare: bool = False) -> str:
        if not server.startswith("postgres"):
            url = f"sqlite:///{tmp_path_factory.mktemp('database')}/peyman.sqlite3"
        else:
            url = ready.beside(server, f"outside_{os.getpid()}_{len(made)}")
            made.append(url)
        if not bare:
            with django_db_blocker.unblock():
                ready.lay_tables(url)
        elif server.startswith("postgres"):
            ready.create(url)
        return url

    yield make_one
    for url in made:
        ready.drop(url)


class Peyman:
    """One installation of Peyman as its operator sees it: an environment, a folder, a command line.

    The files of its pages are collected already, unless it is `bare`.
    """

    def __init__(self, data: Path, database_url: str, *, bare: bool = False, **environment: str) -> None:
        self.data = data
        if not bare and not (data / "static").exists():
            ready.lay_static(data / "static")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PEYMAN_", "DJANGO_"))}
        self.environment = {**plain, "PEYMAN_DATA": str(data), "DATABASE_URL": database_url, **environment}

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end: `.returncode`, `.stdout`, `.stderr`."""
        return subprocess.run(
            [PEYMAN, *arguments],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that goes on; the caller ends it."""
        return subprocess.Popen(
            [PEYMAN, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextlib.contextmanager
    def up(self, *options: str) -> Iterator[dict[str, Any]]:
        """Run `peyman up` on a free port; yields what run.json says once it is ready."""
        told = self.data / "run.json"
        told.unlink(missing_ok=True)  # left by one that was killed
        process = self.start("up", "--port", "0", *options)
        try:
            deadline = time.monotonic() + PATIENCE
            while not told.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    pytest.fail(f"peyman up did not come up:\n{process.communicate()[0]}")
                time.sleep(0.05)
            yield {**json.loads(told.read_text()), "pid": process.pid}
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


PEYMAN = str(Path(sys.executable).with_name("peyman"))


@pytest.fixture
def peyman(tmp_path: Path, new_database: Callable[[], str]) -> Peyman:
    """An installation of the sandbox that nothing was done in yet."""
    return Peyman(tmp_path, new_database(), PEYMAN_SANDBOX="1")


@pytest.fixture
def bare(tmp_path: Path, new_database: Callable[..., str]) -> Peyman:
    """An installation of the sandbox that `init` has to make out of nothing."""
    return Peyman(tmp_path, new_database(bare=True), bare=True, PEYMAN_SANDBOX="1")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[dict[str, Any]]:
    """The sandbox, running, with web, worker and simulators: what run.json says. All tests that ask for it share it."""
    with Peyman(tmp_path_factory.mktemp("sandbox"), new_database()).up() as run:
        yield run
