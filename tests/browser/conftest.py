"""One Peyman for all browser tests: `peyman up` in processes, on a database of its own, with the sample shop."""

import csv
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.shopper import Shopper
from tests.conftest import REPO, Peyman

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 900}}
PATIENCE = 20_000  # milliseconds: a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)


@dataclass
class House:
    """The running shop, from outside: addresses, the inbox, the supplier's file, the bank's faults."""

    peyman: Peyman
    url: str
    inbox_url: str
    bank_url: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_mobile(self) -> str:
        """A number that nobody used yet; the process makes runs on one kept database differ."""
        return f"0935{os.getpid() % 1000:03d}{next(self._numbers):04d}"

    def messages(self, mobile: str) -> list[dict[str, Any]]:
        """What was sent to a number, newest first."""
        rows: list[dict[str, Any]] = httpx.get(f"{self.inbox_url}.json", params={"to": mobile}, timeout=10).json()
        return rows

    def code(self, mobile: str) -> str:
        """The log-in code that was sent last to a number; it leaves within two seconds, slow machines apart."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            codes = [str(row["code"]) for row in self.messages(mobile) if row["code"]]
            if codes:
                return codes[0]
            time.sleep(0.1)
        raise AssertionError(f"no code came to {mobile}")

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

    def bank_faults(self, **switches: Any) -> None:
        httpx.post(f"{self.bank_url}/_sim/faults", content=json.dumps(switches), timeout=10).raise_for_status()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[House]:
    peyman = Peyman(tmp_path_factory.mktemp("house"), new_database(), PEYMAN_SANDBOX="1")
    with peyman.up() as run:
        yield House(peyman, run["url"], run["inbox_url"], run["bank_url"])


class Watch:
    """What a browser must never do on our pages: call another host, or complain on its console."""

    def __init__(self, house: House) -> None:
        self.ours = {urlsplit(url).netloc for url in (house.url, house.bank_url)}
        self.faults: list[str] = []

    def over(self, context: BrowserContext) -> None:
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
def visit(house: House, browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Callable[..., Page]]:
    """`visit(**context)` opens a browser with nothing remembered; at the end, nothing it did may be a fault."""
    watch = Watch(house)
    contexts: list[BrowserContext] = []

    def open_page(**context: Any) -> Page:
        contexts.append(browser.new_context(**{**browser_context_args, "base_url": house.url, **context}))
        contexts[-1].set_default_timeout(PATIENCE)
        watch.over(contexts[-1])
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert watch.faults == []


@pytest.fixture
def shopper(house: House, visit: Callable[..., Page]) -> Callable[..., Shopper]:
    """`shopper(**context)` is a new customer before a browser."""
    return lambda **context: Shopper(house, visit(**context), house.new_mobile())


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
