"""One Peyman for all browser tests: `peyman up` in processes, on a database of its own, with the sample shop."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, BrowserContext, Page, expect

from peyman.gateways.simulators import SmsSimulator
from peyman.kernel.worktime import TEHRAN
from tests.browser.shopper import Shopper
from tests.browser.staff import Staff
from tests.conftest import REPO, Peyman

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 900}}
PATIENCE = 60_000  # milliseconds: a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)


@dataclass
class House:
    """The running shop, from outside: addresses, the inbox, the supplier's file, the bank's faults, the clock."""

    peyman: Peyman
    url: str
    inbox_url: str
    bank_url: str
    staff: list[dict[str, str]]
    sms: SmsSimulator | None = None  # both providers of texts, where the tests hold them
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _spent: set[tuple[str, int]] = field(default_factory=set)

    def new_mobile(self) -> str:
        """A number that nobody used yet; the process makes runs on one kept database differ."""
        return f"0935{os.getpid() % 1000:03d}{next(self._numbers):04d}"

    def messages(self, mobile: str) -> list[dict[str, Any]]:
        """What was sent to a number, newest first."""
        rows: list[dict[str, Any]] = httpx.get(f"{self.inbox_url}.json", params={"to": mobile}, timeout=60).json()
        return rows

    def code(self, mobile: str) -> str:
        """The log-in code that was sent last to a number; it leaves within two seconds, slow machines apart."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            codes = [str(row["code"]) for row in self.messages(mobile) if row["code"]]
            if codes:
                return codes[0]
            time.sleep(0.1)
        raise AssertionError(f"no code came to {mobile}")

    def message(self, to: str, template: str, *, after: int = 0) -> dict[str, Any]:
        """The newest message of this kind to an address, awaited; `after`: how many there were before."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            rows = [row for row in self.messages(to) if row["template"] == template]
            if len(rows) > after:
                return rows[0]
            time.sleep(0.1)
        raise AssertionError(f"no {template} came to {to}")

    def colleague(self, role: str) -> dict[str, str]:
        """The mobile and the second secret of the member of staff with this role."""
        return next(row for row in self.staff if row["role"] == role)

    def one_time_password(self, role: str) -> str:
        """What this colleague's authenticator shows: one not used yet, of those that the server takes now.

        The next one comes first: a busy machine has a minute or more until it is too old.
        """
        for _ in range(70):
            step = int(time.time()) // 30  # noqa: TID251  the authenticator has a clock of its own
            free = [each for each in (step + 1, step, step - 1) if (role, each) not in self._spent]
            if free:
                self._spent.add((role, free[0]))
                return str(format_hotp_value(hotp_value(self.colleague(role)["totp_secret"], free[0])))
            time.sleep(1)
        raise AssertionError(f"the one-time passwords of {role} are used up")

    def at(self, tehran: str) -> None:
        """Put the shop's clock on an hour of Tehran ("2026-11-28 10:00"), where it stands until it is moved again."""
        _set(Path(self.peyman.environment["PEYMAN_CLOCK_FILE"]), tehran)

    def tick(self) -> None:
        """Do what falls due by the shop's clock, as the worker does each minute."""
        done = self.peyman("tick")
        assert done.returncode == 0, done.stdout + done.stderr

    def supply(self, **goods: tuple[int, int]) -> None:
        """Let a supplier's file tell price (rials) and stock of sample goods: `supply(AVD_A6_01=(98_400_000, 3))`."""
        wanted = {name.replace("_", "-"): pair for name, pair in goods.items()}
        sample = resources.files("peyman.shop.catalog").joinpath("sample/goods.csv").read_text("utf-8")
        rows = [row for row in csv.DictReader(sample.splitlines()) if row["sku"] in wanted]
        assert {row["sku"] for row in rows} == set(wanted)
        file = self.peyman.data / "supply.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, rows[0].keys())
            writer.writeheader()
            for row in rows:
                price, stock = wanted[row["sku"]]
                higher = max(price, int(row["list_price_rial"]))
                writer.writerow(row | {"price_rial": price, "list_price_rial": higher, "stock": stock})
        done = self.peyman("catalogue", "import", str(file), "--json")
        assert done.returncode == 0, done.stdout + done.stderr

    def post(self, to: str, **news: str) -> str:
        """Queue a newsletter, as the newsroom does, in a process of the shop's own: "", or the code that refuses it."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.browser.newsroom", to, json.dumps(news)],
            env={**self.peyman.environment, "PEYMAN_PUBLIC_URL": self.url},
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def bank_faults(self, **switches: Any) -> None:
        httpx.post(f"{self.bank_url}/_sim/faults", content=json.dumps(switches), timeout=60).raise_for_status()


@contextmanager
def _open(peyman: Peyman, sms: SmsSimulator | None = None) -> Iterator[House]:
    with peyman.up() as run:
        yield House(peyman, run["url"], run["inbox_url"], run["bank_url"], run["staff"], sms)


@contextmanager
def open_with_a_clock(folder: Path, database_url: str, tehran: str) -> Iterator[House]:
    """Open a house whose clock stands where its tests put it, and whose providers of texts they hold."""
    with SmsSimulator() as sms:
        clock = folder / "clock"
        peyman = Peyman(
            folder,
            database_url,
            PEYMAN_SANDBOX="1",
            PEYMAN_CLOCK_FILE=str(clock),
            PEYMAN_SMS_URL=sms.url,
            PEYMAN_SMSIR_KEY="sandbox-key",
        )
        _set(clock, tehran)
        with _open(peyman, sms) as house:
            yield house


def _set(clock: Path, tehran: str) -> None:
    now = datetime.fromisoformat(tehran).replace(tzinfo=TEHRAN).astimezone(UTC)
    fresh = clock.with_suffix(".fresh")
    fresh.write_text(now.isoformat())
    fresh.replace(clock)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[House]:
    with _open(Peyman(tmp_path_factory.mktemp("house"), new_database(), PEYMAN_SANDBOX="1")) as house:
        yield house


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[House]:
    """A house for walks that move its terms, its calendar and its clock, which stands where they put it: one for each
    file, so that no walk begins among what another left.
    """
    with open_with_a_clock(tmp_path_factory.mktemp("office"), new_database(), "2026-11-28 10:00") as office:
        yield office


class Watch:
    """What a browser must never do on our pages: call another host, or complain on its console."""

    def __init__(self) -> None:
        self.ours: set[str] = set()
        self.faults: list[str] = []

    def over(self, context: BrowserContext, house: House) -> None:
        self.ours |= {urlsplit(url).netloc for url in (house.url, house.bank_url)}
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script error: {error.error}"))

    def _request(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc not in self.ours:
            self.faults.append(f"request to another host: {request.url}")

    def _console(self, message: Any) -> None:
        # Chromium also logs the page's own status, and 404 or 422 are answers that pages give on purpose.
        is_own_status = message.text.startswith("Failed to load resource") and message.location["url"] == (
            message.page.url if message.page else ""
        )
        if message.type in ("error", "warning") and not is_own_status:
            self.faults.append(f"console {message.type}: {message.text} ({message.location['url']})")


@pytest.fixture
def visit(
    request: pytest.FixtureRequest, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[Callable[..., Page]]:
    """`visit(**context)` opens a browser with nothing remembered, before `house` or the house that is given.

    At the end, nothing it did may be a fault.
    """
    watch = Watch()
    contexts: list[BrowserContext] = []

    def open_page(at: House | None = None, **context: Any) -> Page:
        there = at or request.getfixturevalue("house")
        contexts.append(browser.new_context(**{**browser_context_args, "base_url": there.url, **context}))
        contexts[-1].set_default_timeout(PATIENCE)
        watch.over(contexts[-1], there)
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert watch.faults == []


@pytest.fixture
def shopper(request: pytest.FixtureRequest, visit: Callable[..., Page]) -> Callable[..., Shopper]:
    """`shopper(**context)` is a new customer before a browser, in `house` or the house that is given."""

    def come(at: House | None = None, **context: Any) -> Shopper:
        there = at or request.getfixturevalue("house")
        return Shopper(there, visit(at=there, **context), there.new_mobile())

    return come


@pytest.fixture(scope="session")
def _logged_in() -> dict[tuple[str, str], Any]:
    return {}


@pytest.fixture
def colleague(_logged_in: dict[tuple[str, str], Any], visit: Callable[..., Page]) -> Callable[..., Staff]:
    """`colleague(house, role, **context)` is a member of staff, logged in once for all tests."""

    def come(there: House, role: str, **context: Any) -> Staff:
        place = (str(there.peyman.data), role)
        known = _logged_in.get(place)
        one = Staff(there, visit(at=there, **context, **({"storage_state": known} if known else {})), role)
        if not known:
            one.log_in()
            _logged_in[place] = one.page.context.storage_state()
        return one

    return come


@pytest.fixture(scope="session")
def customer(house: House, browser: Browser, browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A customer with a final order, its promises kept: `.state` of the browser, `.order` address, `.mobile`."""
    context = browser.new_context(**{**browser_context_args, "base_url": house.url, **DESK})
    someone = Shopper(house, context.new_page(), house.new_mobile())
    someone.buy("avand-a6-e-reader", "AVD-A6-01")
    someone.await_promises()
    found = {"state": context.storage_state(), "order": someone.order_path, "mobile": someone.mobile}
    context.close()
    return found


@pytest.fixture(scope="session")
def folder_of_pictures() -> Path | None:
    """Where pictures of pages go, None where nobody wants them (`make screens` does)."""
    named = os.environ.get("PEYMAN_SCREENS")
    return REPO / named if named else None
