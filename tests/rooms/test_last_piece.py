"""The last piece is sold once: 40 buyers who all have paid, 25 pieces, on whichever database this is."""

import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from peyman.billing.actions import Capture
from peyman.billing.models import Entry, Payment, Refund
from peyman.entrypoints.finaliser import CAPTURE, Writer, finalise
from peyman.shop.orders.models import Order
from peyman.shop.stock.models import Stock
from tests import make
from tests.conftest import PATIENCE
from tests.make import NOW
from tests.rooms.test_orders import pay_at_bank, place

BUYERS, PIECES = 40, 25


def confirmed() -> list[Capture]:
    """What the bank says of 40 payments for the same thing, none of it taken in yet."""
    variant = make.variant(on_hand=PIECES, price=1_000_000)
    placed = [place(make.person(), [(variant.sku, 1)]).order for _ in range(BUYERS)]
    return [Capture(pay_at_bank(order).pk, f"R{order.pk}", "") for order in placed]


def assert_25_were_sold() -> None:
    final = Order.objects.filter(state="final")
    assert final.count() == PIECES
    assert final.values("cart_code").distinct().count() == PIECES
    assert Order.objects.filter(state="short", cart_code=None).count() == BUYERS - PIECES
    counter = Stock.objects.get()
    assert (counter.on_hand, counter.allocated) == (PIECES, PIECES)
    assert Payment.objects.filter(state="captured").count() == BUYERS
    assert Refund.objects.filter(reason="sold_out").count() == BUYERS - PIECES
    assert sum(entry.amount for entry in Entry.objects.all()) == 0
    assert not sum(entry.amount for entry in Entry.objects.filter(account="unallocated"))


@pytest.mark.clause("D57")
def test_40_threads_that_each_commit_alone_sell_25_pieces(threads: Callable[..., Any]) -> None:
    captures = confirmed()
    threads(BUYERS, lambda n: finalise([captures[n]], NOW))
    assert_25_were_sold()


@pytest.mark.clause("D57")
def test_40_requests_that_share_commits_sell_25_pieces(threads: Callable[..., Any]) -> None:
    captures, writer = confirmed(), Writer(lambda: NOW)
    threads(BUYERS, lambda n: writer.do(CAPTURE, captures[n]))
    assert_25_were_sold()


def _in_a_process(captures: list[Capture], start: Any) -> None:
    connections.close_all()
    start.wait(PATIENCE)
    for capture in captures:
        finalise([capture], NOW)
    connections.close_all()


@pytest.mark.clause("D57")
def test_8_processes_sell_25_pieces(transactional_db: None) -> None:
    captures = confirmed()
    connections.close_all()  # nothing open may cross the fork
    context = multiprocessing.get_context("fork")
    start = context.Barrier(8)
    workers = [context.Process(target=_in_a_process, args=(captures[n::8], start)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert_25_were_sold()


def test_the_same_confirmation_told_24_times_at_once_is_taken_in_once(threads: Callable[..., Any]) -> None:
    order = place(make.person(), [(make.variant(on_hand=5).sku, 1)]).order
    capture = Capture(pay_at_bank(order).pk, "R1", "")
    answers = threads(24, lambda n: finalise([capture], NOW))
    assert sorted(answers, key=len)[-1] == [order.code]
    assert sum(len(answer) for answer in answers) == 1
    order.refresh_from_db()
    assert (order.state, order.bill.paid) == ("final", order.total)
    assert Stock.objects.get().allocated == 1


def test_one_key_sent_by_24_at_once_makes_one_order(threads: Callable[..., Any]) -> None:
    person, sku = make.person(), make.variant(on_hand=50).sku
    make.terms()
    make.calendar()
    answers = threads(24, lambda n: place(person, [(sku, 1)], key="k", request_hash="h"))
    assert len({answer.order.code for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1
    assert Order.objects.count() == 1
