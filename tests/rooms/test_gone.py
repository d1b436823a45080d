"""The database dies, or its disk takes nothing more, at whichever statement of a payment: the buyer hears of it,
nothing is half done, and when it is back the sweeps finish what was begun, once.

PostgreSQL ends the connection itself (`pg_terminate_backend`); SQLite's files may not grow any more (RLIMIT_FSIZE).
That every process and the whole server are killed is what `make proof` does.
"""

import logging
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import connection
from django.test import Client

from peyman.billing.models import Entry, Payment
from peyman.entrypoints import payments
from peyman.entrypoints.jobs import invariants
from peyman.gateways.simulators import BankSimulator
from peyman.messages.models import Message
from peyman.promises.models import Promise
from peyman.shop.orders.models import Order
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import balances, ordered
from tests.rooms.test_payments import sweep
from tests.stories.money.world import AT_ONCE, INVARIANTS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

EVERY = 3  # of the statements of a step, one in so many is its last


class Dying:
    """Counts statements, and lets the database die before one of them."""

    def __init__(self, last: int) -> None:
        self.last, self.seen = last, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen += 1
        if self.seen == self.last:
            self._die()
        return execute(sql, params, many, context)

    def _die(self) -> None:
        if connection.vendor == "sqlite":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            return
        with psycopg.connect(_address(), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])


def _address() -> str:
    database = configured.DATABASES["default"]
    parts = {"dbname": database["NAME"], "host": database["HOST"], "user": database["USER"], "port": database["PORT"]}
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


@contextmanager
def dying(last: int) -> Iterator[Dying]:
    dies = Dying(last)
    with connection.execute_wrapper(dies):
        yield dies
    back_again()


def back_again() -> None:
    if connection.vendor == "sqlite":
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    connection.close()


@pytest.fixture
def bank(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BankSimulator]:
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(NOW.isoformat())
    monkeypatch.setattr(payments, "_writer", AT_ONCE)  # one connection, so that every statement is counted
    logging.disable(logging.CRITICAL)
    with BankSimulator() as simulator:
        settings.BANK_URL = simulator.url
        yield simulator
    back_again()
    logging.disable(logging.NOTSET)


def steps_of(act: Callable[[], object]) -> list[int]:
    """Which statements of an act are somebody's last: some of them, each time the same."""
    with dying(0) as counted:
        act()
    return list(range(1, counted.seen + 1, EVERY))


def assert_one_final_order_each(orders: list[Order]) -> None:
    total = sum(order.total for order in orders)
    assert set(Order.objects.values_list("state", flat=True)) == {"final"}
    assert Stock.objects.get().allocated == len(orders)
    assert {account: amount for account, amount in balances().items() if account == "orders"} == {"orders": -total}
    assert Entry.objects.filter(posting__startswith="capture").count() == 2 * len(orders)
    assert Promise.objects.filter(kind="cart_code").count() == len(orders)
    assert Message.objects.filter(template="cart_code", channel="sms").count() == len(orders)
    for name in INVARIANTS:
        assert invariants.CHECKS[name](NOW).bad == []


@pytest.mark.parametrize("gateway", ["zarinpal", "saman"])
def test_wherever_the_database_dies_on_the_way_back_the_order_becomes_final_once(
    bank: BankSimulator, gateway: str
) -> None:
    variant = make.variant(on_hand=100)
    browser = Client(raise_request_exception=False)
    orders: list[Order] = []

    def paid() -> str:
        orders.append(ordered(variant=variant))
        payments.start(order=orders[-1], gateway=gateway, now=NOW)
        token = Payment.objects.latest("pk").token or ""
        bank.pay(token)
        return token

    def come_back(token: str) -> int:
        names = {"Authority": token, "Status": "OK", "Token": token, "State": "OK"}
        return browser.post(f"/pay/{gateway}/callback", names).status_code

    said, steps = [], steps_of(partial(come_back, paid()))
    for last in steps:
        token = paid()
        with dying(last):
            said.append(come_back(token))
        assert Order.objects.get(pk=orders[-1].pk).state in ("registered", "final")
    assert set(said) <= {303, 503} and said.count(503) >= len(said) // 2
    sweep(later=60)
    sweep(later=3_000)
    assert_one_final_order_each(orders)


def test_wherever_the_database_dies_as_a_payment_begins_the_same_request_begins_it_after_all(
    bank: BankSimulator,
) -> None:
    person = make.person()
    browser = Client(raise_request_exception=False)
    bearer = {"Authorization": f"Bearer {make.token(person)}"}
    variant = make.variant(on_hand=100)
    orders = [ordered(variant=variant)]
    Order.objects.update(person=person)

    def begin(order: Order, key: str) -> int:
        return browser.post(
            f"/api/v1/orders/{order.code}/payments", {"gateway": "zarinpal"}, content_type="application/json",
            headers={**bearer, "Idempotency-Key": key},
        ).status_code  # fmt: skip

    steps = steps_of(lambda: begin(orders[0], "key-first-of-all"))
    for n, last in enumerate(steps):
        orders.append(ordered(variant=variant))
        Order.objects.update(person=person)
        with dying(last):
            assert begin(orders[-1], f"key-of-order-{n}") in (200, 201, 503)
        assert begin(orders[-1], f"key-of-order-{n}") in (200, 201)
    known = set(Payment.objects.exclude(token=None).values_list("token", flat=True))
    assert Payment.objects.count() == len(orders) == len(known)
    for token in known:
        bank.pay(token)
    sweep(later=60)
    assert_one_final_order_each(orders)
