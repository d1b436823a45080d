"""Cart codes per second over HTTP, held against the same rows written by bare SQL.

One order here is what happens when a buyer comes back from the bank: the call-back is received by `peyman web`, the
bank (the simulator, in a process of its own, which has the money already) is asked to verify, and what it says is
captured, made final and answered.
"""

import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from peyman.entrypoints.jobs import triggers
from peyman.entrypoints.jobs.bench import finalise_bare as bare
from peyman.entrypoints.jobs.bench import serving
from peyman.entrypoints.jobs.bench.browsers import Came, come_back
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.bench.finalise_ground import PLENTY, Paid, goods, ground, paid_at_the_bank
from peyman.entrypoints.jobs.bench.scratch import scratch_database
from peyman.entrypoints.jobs.console import CouldNot, tell
from peyman.shop.orders.models import Order
from peyman.shop.stock.models import Stock

CLIENTS = 64
SHELF = 1000
FLUSH_MS = 2
PIECES, ATTEMPTS = 100, 500
_OTHERWISE = (sys.executable, "-m", "peyman.entrypoints.jobs.otherwise")


@dataclass
class Orders:
    """What is left of the orders that were laid out for one shelf."""

    paid: list[Paid]
    _taken: int = field(default=0)

    def take(self, count: int) -> list[Paid]:
        """Return the next of them, each once."""
        self._taken += count
        if self._taken > len(self.paid):
            raise AssertionError("too few orders were laid out")
        return self.paid[self._taken - count : self._taken]


def bench_finalise(count: int) -> list[Figure]:
    """Measure the limit, the gathering server and what it is compared with, on the database that is configured."""
    _assert_durable()
    with scratch_database():
        _furnish()
        base = ground()
        tell(f"finalise: {connection.vendor}, laying out orders")
        few, alone = max(count // 8, CLIENTS), max(count // 4, 2 * CLIENTS)
        scarce = goods(1, PIECES)
        stage = Stage(
            spread=Orders(paid_at_the_bank(base, ROUNDS * count + 4 * CLIENTS, goods(SHELF, PLENTY))),
            hot=Orders(paid_at_the_bank(base, ROUNDS * (2 * count + alone + 2 * few) + 8 * CLIENTS, goods(1, PLENTY))),
            race=paid_at_the_bank(base, ATTEMPTS, scarce),
            scarce=scarce[0].pk,
        )
        tokens = [(paid.token, paid.amount) for paid in [*stage.spread.paid, *stage.hot.paid, *stage.race]]
        with bare.copy_of_database() as connect, serving.bank(tokens) as (bank, bank_group):
            stage.connect, stage.bank, stage.bank_group = connect, bank, bank_group
            return [*_at_this_disk(stage, count, few), *_at_a_slow_disk(stage, count, alone)]


@dataclass
class Stage:
    """What all rounds share."""

    spread: Orders
    hot: Orders
    race: list[Paid]
    scarce: int
    connect: Callable[[], Any] = field(init=False)
    bank: str = field(init=False)
    bank_group: int = field(init=False)

    def server(self, *, alone: bool = False, flush: bool = False) -> AbstractContextManager[tuple[str, int]]:
        """Start `peyman web` over the scratch database, as it is or otherwise."""
        sqlite = connection.vendor == "sqlite"
        slow = ["--flush", str(FLUSH_MS)] if flush and sqlite else []
        changed = [*(["--alone"] if alone else []), *slow]
        return serving.web(
            [*_OTHERWISE, *changed] if changed else [serving.PEYMAN],
            ["--threads", str(CLIENTS), *([] if alone else ["--writer-process"])],
            {
                "DATABASE_URL": database_url(flush and not sqlite),
                "PEYMAN_BANK_URL": self.bank,
                "PEYMAN_SANDBOX": "1",
                "PEYMAN_DATA": str(settings.DATA_DIR),
            },
        )


def _at_this_disk(stage: Stage, count: int, few: int) -> list[Figure]:
    where = connection.vendor
    rounds: dict[str, list[float]] = defaultdict(list)
    with stage.server() as (url, group), stage.server(alone=True) as (alone_url, _):
        _warm_up(stage, url, alone_url)
        for round_ in range(ROUNDS):
            tell(f"finalise: {where}, {CLIENTS} browsers, round {round_ + 1} of {ROUNDS}")
            for name, orders in (("spread", stage.spread), ("hot", stage.hot)):
                rate, limit = _beside(stage, url, group, orders.take(count))
                rounds[name].append(rate)
                rounds[f"{name} limit"].append(limit)
            rounds["one"].append(_rate(url, stage.hot.take(few), 1))
            rounds["one alone"].append(_rate(alone_url, stage.hot.take(few), 1))
        tell(f"finalise: {where}, the last {PIECES} pieces")
        seconds = _race(url, stage.race, stage.scarce)
    median = {name: statistics.median(rates) for name, rates in rounds.items()}
    bare_sql = f"the same rows by bare SQL, one writer, {bare.BATCH} to a commit"
    return [
        Figure(
            f"finalise: {where}, {SHELF:,} items, {CLIENTS} browsers",
            "orders/s",
            median["spread"],
            median["spread limit"],
            bare_sql,
        ),
        Figure(
            f"finalise: {where}, one item, {CLIENTS} browsers", "orders/s", median["hot"], median["hot limit"], bare_sql
        ),
        Figure(
            f"finalise: {where}, one item beside {SHELF:,}",
            "orders/s",
            median["hot"],
            median["spread"],
            f"{SHELF:,} items",
        ),
        Figure(
            f"finalise: {where}, one browser",
            "orders/s",
            median["one"],
            median["one alone"],
            "each request commits by itself",
        ),
        Figure(
            f"finalise: {where}, {PIECES} pieces, {ATTEMPTS} buyers, {CLIENTS} at once",
            "ms",
            seconds * 1000,
            1000,
            "what it may take",
        ),
    ]


def _at_a_slow_disk(stage: Stage, count: int, alone: int) -> list[Figure]:
    where = connection.vendor
    rounds: dict[str, list[float]] = defaultdict(list)
    with stage.server(flush=True) as (url, _), stage.server(alone=True, flush=True) as (alone_url, _):
        _warm_up(stage, url, alone_url)
        for round_ in range(ROUNDS):
            tell(f"finalise: {where}, a flush of {FLUSH_MS} ms, round {round_ + 1} of {ROUNDS}")
            rounds["gathered"].append(_rate(url, stage.hot.take(count), CLIENTS))
            rounds["alone"].append(_rate(alone_url, stage.hot.take(alone), CLIENTS))
    gathered, each = statistics.median(rounds["gathered"]), statistics.median(rounds["alone"])
    name = f"finalise: {where}, one item, {CLIENTS} browsers, flush of {FLUSH_MS} ms"
    return [Figure(name, "orders/s", gathered, each, "each request commits by itself")]


def _beside(stage: Stage, url: str, group: int, orders: list[Paid]) -> tuple[float, float]:
    """Return orders per second over HTTP, and those of the same rows by bare SQL."""
    before = bare.tops()
    spent = serving.processor_seconds(group), serving.processor_seconds(stage.bank_group)
    rate = _rate(url, orders, CLIENTS)
    web, bank = serving.processor_seconds(group) - spent[0], serving.processor_seconds(stage.bank_group) - spent[1]
    columns, written = bare.written_since(before, orders)
    batches = [bare.statements(batch, columns) for batch in bare.batches_of(written, len(orders))]
    limit = bare.rate(stage.connect, batches, len(orders))
    each = 1000 / len(orders)
    tell(f"  {rate:.0f}/s of {limit:.0f}/s; processor of an order: web {web * each:.2f} ms, bank {bank * each:.2f} ms")
    return rate, limit


def _rate(url: str, orders: list[Paid], clients: int) -> float:
    """Return how many orders a second became final. Raises AssertionError when one did not."""
    came = come_back(url, call_backs(orders), clients)
    _assert_answered(came, len(orders))
    final = Order.objects.filter(
        pk__in=[paid.order for paid in orders], state=Order.State.FINAL, cart_code__isnull=False
    )
    if final.count() != len(orders):
        raise AssertionError(f"{len(orders) - final.count()} orders were not made final")
    return len(orders) / came.seconds


def _race(url: str, orders: list[Paid], variant: int) -> float:
    """Let many go for few pieces. Returns the seconds for all. Raises AssertionError when they are not sold exactly."""
    came = come_back(url, call_backs(orders), CLIENTS)
    _assert_answered(came, len(orders))
    mine = Order.objects.filter(pk__in=[paid.order for paid in orders])
    sold = mine.filter(state=Order.State.FINAL).values("cart_code").distinct().count()
    allocated = Stock.objects.get(variant=variant).allocated
    if (sold, allocated) != (PIECES, PIECES):
        raise AssertionError(f"{sold} codes and {allocated} pieces for {PIECES}")
    return came.seconds


def _assert_answered(came: Came, count: int) -> None:
    if came.statuses != {303: count}:
        raise AssertionError(f"{count} came back and were answered {dict(came.statuses)}")


def call_backs(orders: Iterable[Paid]) -> list[str]:
    """Return what their buyers' browsers ask for when they come back."""
    return [f"/pay/zarinpal/callback?Authority={paid.token}&Status=OK" for paid in orders]


def _warm_up(stage: Stage, *urls: str) -> None:
    for url in urls:
        for orders in (stage.spread, stage.hot):
            _rate(url, orders.take(CLIENTS), CLIENTS)


def _furnish() -> None:
    """Make of the tables what `peyman web` asks for at its start."""
    call_command("createcachetable", verbosity=0)
    triggers.install()


def _assert_durable() -> None:
    """Refuse a PostgreSQL that does not sync: what it does not do would be counted as speed."""
    if connection.vendor == "sqlite":
        return
    with connection.cursor() as cursor:
        for name in ("fsync", "synchronous_commit"):
            cursor.execute(f"SHOW {name}")
            if cursor.fetchone() == ("off",):
                raise CouldNot(f"این PostgreSQL با {name}=off کار می‌کند؛ سرعت آن چیزی را نشان نمی‌دهد.")


def database_url(slow: bool = False) -> str:
    """Name the scratch database to another process; `slow`: its commits take longer to flush (needs a superuser)."""
    name = str(settings.DATABASES["default"]["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    parts = urlsplit(os.environ["DATABASE_URL"])
    delay = quote(f"-c commit_delay={FLUSH_MS * 1000} -c commit_siblings=0")
    return urlunsplit(parts._replace(path=f"/{quote(name)}", query=f"options={delay}" if slow else parts.query))
