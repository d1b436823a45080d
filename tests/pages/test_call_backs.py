"""Browsers come back from the bank in a crowd, over HTTP, to a web process beside a bank in a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from peyman.billing import queries as bills
from peyman.billing.models import Payment, Refund
from peyman.entrypoints import payments
from peyman.entrypoints.jobs import invariants
from peyman.entrypoints.jobs.bench import serving
from peyman.entrypoints.jobs.bench.browsers import come_back
from peyman.entrypoints.jobs.bench.finalise import call_backs, database_url
from peyman.entrypoints.jobs.bench.finalise_ground import goods, ground, paid_at_the_bank
from peyman.gateways.simulators import BankSimulator
from peyman.messages.models import Message
from peyman.promises.models import Promise
from peyman.shop.orders.models import Order
from peyman.shop.stock.models import Stock
from tests.make import NOW

pytestmark = pytest.mark.django_db(transaction=True)

PIECES, ATTEMPTS, BUYERS = 100, 500, 64
HELD = (
    "postings_balance",
    "captures_are_posted",
    "bills_know_what_was_paid",
    "money_lies_where_it_belongs",
    "receipts_once",
    "refunds_are_promised",
    "stock_adds_up",
    "cart_codes_are_whole",
    "orders_add_up",
)


@pytest.fixture
def clock_file(settings: Any, tmp_path: Path) -> Path:
    file = tmp_path / "clock"
    file.write_text(NOW.isoformat())
    settings.CLOCK_FILE = str(file)
    return file


@pytest.mark.parametrize("writes", ["here", "elsewhere"])
@pytest.mark.clause("D57", "D30")
def test_64_buyers_who_come_back_500_times_for_100_pieces_get_100_codes_and_400_promises(
    clock_file: Path, writes: str
) -> None:
    call_command("createcachetable", verbosity=0)
    (scarce,) = goods(1, PIECES)
    paid = paid_at_the_bank(ground(), ATTEMPTS, [scarce])
    connection.close()
    with serving.bank([(each.token, each.amount) for each in paid]) as (bank, _):
        environment = {
            "DATABASE_URL": database_url(),
            "PEYMAN_BANK_URL": bank,
            "PEYMAN_CLOCK_FILE": str(clock_file),
        }
        options = ["--threads", str(BUYERS), *(["--writer-process"] if writes == "elsewhere" else [])]
        with serving.web(options=options, environment=environment) as (url, _):
            came = come_back(url, call_backs(paid), BUYERS)
            again = come_back(url, call_backs(paid[:BUYERS]), BUYERS)  # some press "reload"
    assert (came.statuses, again.statuses) == ({303: ATTEMPTS}, {303: BUYERS})
    final = Order.objects.filter(state="final")
    assert (final.count(), final.values("cart_code").distinct().count()) == (PIECES, PIECES)
    assert Order.objects.filter(state="short", cart_code=None).count() == ATTEMPTS - PIECES
    assert Stock.objects.values_list("on_hand", "allocated").get() == (PIECES, PIECES)
    assert Refund.objects.filter(reason="sold_out").count() == ATTEMPTS - PIECES
    assert Promise.objects.filter(kind="refund", state="open").count() == ATTEMPTS - PIECES
    assert Promise.objects.filter(kind="cart_code").count() == PIECES
    assert Message.objects.filter(template="cart_code", dead_at=None).count() == PIECES
    assert Message.objects.filter(template="order_short", dead_at=None).count() == ATTEMPTS - PIECES
    assert bills.balance("unallocated") == 0
    assert {name: invariants.CHECKS[name](NOW).bad for name in HELD} == {name: [] for name in HELD}


@pytest.fixture
def bank(settings: Any, clock_file: Path) -> Iterator[BankSimulator]:
    with BankSimulator() as simulator:
        settings.BANK_URL = simulator.url
        yield simulator


@pytest.mark.parametrize("lines", [1, 10, 100])
def test_coming_back_costs_the_same_statements_whatever_the_lines(
    lines: int, bank: BankSimulator, django_assert_num_queries: Any
) -> None:
    (paid,) = paid_at_the_bank(ground(), 1, goods(lines, 5), lines=lines)
    payment = Payment.objects.get(pk=paid.payment)
    bank.till.add(serving.held(paid.token, paid.amount, bank.clock.now()))
    with django_assert_num_queries(26):
        assert payments.check(payment=payment, now=NOW).kind == "final"
    assert Order.objects.get(pk=paid.order).lines.count() == lines
    assert list(Stock.objects.values_list("allocated", flat=True)) == [1] * lines
