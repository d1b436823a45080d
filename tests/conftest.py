"""What every test may lean on: the database of DATABASE_URL, competing threads, Chromium."""

import functools
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection, connections
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from peyman.entrypoints.jobs import triggers
from peyman.kernel.errors import Refused
from tests import environment, make

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"  # data of the project that is not part of the repository; may be absent

T = TypeVar("T")


# ---- The database ----


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite in a file, so that threads can compete; a lost power cut is no loss here, so nothing is synced."""
    default: dict[str, Any] = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        default.setdefault("TEST", {})["NAME"] = f"{environment.DATA}/test.sqlite3"
        default["OPTIONS"]["init_command"] = default["OPTIONS"]["init_command"].replace(
            "synchronous=FULL", "synchronous=OFF"
        )


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


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Forget what processes remember about rows: the next test has other rows under the same keys."""
    make.restart()
    caches["parts"].clear()
    for name, module in list(sys.modules.items()):
        if name.startswith("peyman."):
            for thing in list(vars(module).values()):
                if isinstance(thing, functools._lru_cache_wrapper):
                    thing.cache_clear()


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
                start.wait(60)
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


# ---- The database is PostgreSQL's or SQLite's; the header says which ----


def pytest_report_header() -> str:
    return f"database: {settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}"


@pytest.fixture
def unblocked(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """For tests that drive other processes against the test database themselves."""
    with django_db_blocker.unblock():
        yield
