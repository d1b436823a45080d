"""What takes seconds to make and is the same each time: tables after all migrations, and collected page files.

Each is made once, kept beside pytest's own cache under a name that says what it was made of, and copied for whoever
needs one. Making and copying are done by one process at a time. That `peyman init` makes both out of nothing is tested
on its own (the fixture `bare`).
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.core.management import call_command
from django.db import connection

from peyman.entrypoints.jobs import static

ROOT = Path(__file__).resolve().parent.parent
SHELF = ROOT / ".pytest_cache" / "ready"
PEYMAN = str(Path(sys.executable).with_name("peyman"))
KEPT = 4  # of each kind: a few branches of work
MADE_OF = ("**/migrations/*.py", "**/models.py", "**/models/*.py", "sealed.py", "config/settings.py")
BY = ("django", "django-allauth")


@contextmanager
def _alone() -> Iterator[None]:
    SHELF.mkdir(parents=True, exist_ok=True)
    with (SHELF / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _of_tables() -> str:
    """Name the tables of this source: whatever migrations and what follows them read."""
    digest = hashlib.sha256(" ".join([*map(version, BY), sqlite3.sqlite_version]).encode())
    package = ROOT / "src/peyman"
    files = {file for pattern in MADE_OF for file in package.glob(pattern)}
    for file in sorted(file for file in files | {package / "entrypoints/jobs/triggers.py"} if file.is_file()):
        digest.update(f"\0{file.relative_to(package)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old(pattern: str, remove: Callable[[Path], object]) -> None:
    for old in sorted(SHELF.glob(pattern), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        remove(old)


# ---- Tables ----


def lay_tables(database_url: str) -> None:
    """Make a database that has tables with nothing in them; one that is there already is replaced."""
    with _alone():
        if database_url.startswith("postgres"):
            _lay_on_postgres(database_url)
        else:
            shutil.copyfile(_sqlite_tables(), urlsplit(database_url).path)


def _sqlite_tables() -> Path:
    made = SHELF / f"tables-{_of_tables()}.sqlite3"
    if not made.exists():
        fresh = SHELF / "fresh.sqlite3"
        fresh.unlink(missing_ok=True)
        _migrate(str(fresh))
        fresh.rename(made)
        _forget_old("tables-*.sqlite3", Path.unlink)
    return made


def _lay_on_postgres(database_url: str) -> None:
    tables = f"tables_{_of_tables()}"
    fresh, made = beside(database_url, "tables_fresh"), beside(database_url, tables)
    with psycopg.connect(beside(database_url, "postgres"), autocommit=True) as link:
        if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [tables]).fetchone():
            create(fresh)
            _migrate(_name(fresh))
            link.execute(f"ALTER DATABASE {_name(fresh)} RENAME TO {_name(made)}")
    create(database_url, like=made)


def create(database_url: str, *, like: str = "") -> None:
    """Make a PostgreSQL database, empty or like another; one that is there already is replaced."""
    drop(database_url)
    with psycopg.connect(beside(database_url, "postgres"), autocommit=True) as link:
        link.execute(f"CREATE DATABASE {_name(database_url)}" + (f" TEMPLATE {_name(like)}" if like else ""))


def drop(database_url: str) -> None:
    """Remove a PostgreSQL database, whoever is connected to it."""
    with psycopg.connect(beside(database_url, "postgres"), autocommit=True) as link:
        link.execute(f"DROP DATABASE IF EXISTS {_name(database_url)} WITH (FORCE)")


def beside(database_url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return f"{database_url.rpartition('/')[0]}/{name}"


def _name(database_url: str) -> str:
    return database_url.rpartition("/")[2]


def _migrate(name: str) -> None:
    """Run all migrations on the database of this name, through the tests' own connection."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own


# ---- Collected files ----


def lay_static(folder: Path) -> None:
    """Let `folder` hold the collected page files, as `peyman init` leaves them there."""
    with _alone():
        made = SHELF / f"static-{static.fingerprint()[:16]}"
        if not made.exists():
            fresh = SHELF / "installation"
            shutil.rmtree(fresh, ignore_errors=True)
            plain = {name: value for name, value in os.environ.items() if not name.startswith("PEYMAN_")}
            own = {"PEYMAN_SANDBOX": "1", "PEYMAN_DATA": str(fresh), "DATABASE_URL": f"sqlite:///{fresh}/it.sqlite3"}
            fresh.mkdir()
            subprocess.run([PEYMAN, "init"], env=plain | own, check=True, capture_output=True, timeout=120)
            (fresh / "static").rename(made)
            shutil.rmtree(fresh)
            _forget_old("static-*", shutil.rmtree)
        shutil.copytree(made, folder)
