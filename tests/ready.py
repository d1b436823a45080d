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
        _migrate(f"sqlite:///{fresh}")
        fresh.rename(made)
        _forget_old("tables-*.sqlite3", Path.unlink)
    return made


def _lay_on_postgres(database_url: str) -> None:
    create(database_url, like=_tables_on(database_url))


def _tables_on(server: str) -> str:
    """Return the name of the database on this server that has tables with nothing in them."""
    made, fresh = f"tables_{_of_tables()}", beside(server, "tables_fresh")
    with psycopg.connect(beside(server, "postgres"), autocommit=True) as link:
        if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [made]).fetchone():
            create(fresh)
            _migrate(fresh)
            link.execute(f"ALTER DATABASE {_name(fresh)} RENAME TO {made}")
    return made


def bring_tables(database_url: str) -> None:
    """Copy the tables of the tests' own PostgreSQL into an empty database of another server."""
    here = os.environ["DATABASE_URL"]
    with _alone():
        name = _tables_on(here)
        dump = subprocess.run(["pg_dump", "--no-owner", beside(here, name)], capture_output=True, check=True)
    subprocess.run(
        ["psql", "--quiet", "-v", "ON_ERROR_STOP=1", database_url],
        input=dump.stdout,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def create(database_url: str, *, like: str = "") -> None:
    """Make a PostgreSQL database, empty or like another; one that is there already is replaced."""
    drop(database_url)
    with psycopg.connect(beside(database_url, "postgres"), autocommit=True) as link:
        link.execute(f"CREATE DATABASE {_name(database_url)}" + (f" TEMPLATE {like}" if like else ""))


def drop(database_url: str) -> None:
    """Remove a PostgreSQL database, whoever is connected to it."""
    with psycopg.connect(beside(database_url, "postgres"), autocommit=True) as link:
        link.execute(f"DROP DATABASE IF EXISTS {_name(database_url)} WITH (FORCE)")


def beside(database_url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return f"{database_url.rpartition('/')[0]}/{name}"


def _name(database_url: str) -> str:
    return database_url.rpartition("/")[2]


def _migrate(database_url: str) -> None:
    """Run all migrations, in a process of its own: no connection of the tests is touched."""
    for command in ("migrate", "createcachetable"):
        _run(sys.executable, "-m", "django", command, "--verbosity=0", DATABASE_URL=database_url)


def _run(*command: str, **environment: str) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PEYMAN_")}
    own = {
        "PEYMAN_SANDBOX": "1",
        "PEYMAN_DATA": str(SHELF / "data"),
        "DJANGO_SETTINGS_MODULE": "peyman.config.settings",
    }
    done = subprocess.run(command, env=plain | own | environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")


# ---- Collected files ----


def lay_static(folder: Path) -> None:
    """Let `folder` hold the collected page files, as `peyman init` leaves them there."""
    with _alone():
        made = SHELF / f"static-{static.fingerprint()[:16]}"
        if not made.exists():
            fresh = SHELF / "installation"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            database = fresh / "it.sqlite3"
            shutil.copyfile(_sqlite_tables(), database)
            _run(PEYMAN, "init", PEYMAN_DATA=str(fresh), DATABASE_URL=f"sqlite:///{database}")
            (fresh / "static").rename(made)
            shutil.rmtree(fresh)
            _forget_old("static-*", shutil.rmtree)
        shutil.copytree(made, folder)
