"""The environment of a test run; a pytest plugin, so that it is set before the settings are read.

DATABASE_URL decides the database: PostgreSQL, or (the default) SQLite in a file, since threads that compete for a row
need one each can open. Everything else that Peyman reads from its environment is set here, whatever the caller's says.
"""

import atexit
import ipaddress
import os
import shutil
import socket
import tempfile
from typing import Any

import hypothesis
import pytest

DATA = tempfile.mkdtemp(prefix="peyman-test-")
os.mkdir(f"{DATA}/static")  # where collected files would be; the middleware asks for it
atexit.register(shutil.rmtree, DATA, ignore_errors=True)

for name in [name for name in os.environ if name.startswith("PEYMAN_")]:
    if name not in ("PEYMAN_SKIP", "PEYMAN_TEST_CHROMIUM", "PEYMAN_SCREENS"):
        del os.environ[name]
os.environ.pop("CACHE_URL", None)
os.environ.update(PEYMAN_SANDBOX="1", PEYMAN_DATA=DATA)
if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
    os.environ["DATABASE_URL"] = f"sqlite:///{DATA}/peyman.sqlite3"
# Playwright runs an event loop in the thread of the test; Django would refuse to query beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

# A slow machine is not wrong, and every run draws the same examples: `--hypothesis-profile=afresh` draws others.
_PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("afresh", **_PATIENT)
hypothesis.settings.register_profile("steady", **_PATIENT, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

_connect, _connect_ex, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo


class OutsideWorld(AssertionError):
    """A test reached for the network; only this machine's own addresses are there for tests."""


def _is_here(host: object) -> bool:
    if host in (None, "", b"", "localhost", "localhost.localdomain"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(sock: socket.socket, address: Any) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
        raise OutsideWorld(f"connect to {address}")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _guard(self, address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _guard(self, address)
    return _connect_ex(self, address)


def _guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    if not _is_here(host.decode() if isinstance(host, bytes) else host):
        raise OutsideWorld(f"look up {host!r}")
    return _getaddrinfo(host, *args, **kwargs)


DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "new_database", "django_db_setup", "on_postgres"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only",
        action="store_true",
        help="only tests that use a database and are not marked any_database: the others say the same on every one",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--database-only"):
        return
    kept = [
        item
        for item in items
        if (item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))
        and not item.get_closest_marker("any_database")
    ]
    gone = [item for item in items if item not in set(kept)]
    config.hook.pytest_deselected(items=gone)
    items[:] = kept


def pytest_configure(config: pytest.Config) -> None:
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign]  # the guard stands in for it
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign]  # likewise
    socket.getaddrinfo = _guarded_getaddrinfo


def pytest_unconfigure(config: pytest.Config) -> None:
    socket.socket.connect = _connect  # type: ignore[method-assign]  # back as it was
    socket.socket.connect_ex = _connect_ex  # type: ignore[method-assign]  # back as it was
    socket.getaddrinfo = _getaddrinfo
