"""Several at once at the same refund, batch, account or statement: each thing happens once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from peyman.billing import queries as bills
from peyman.billing.actions import RefundAsk, accept_refunds
from peyman.billing.actions import paya as actions
from peyman.billing.models import Account, Entry, PayaBatch, PayaLine, Payment, Refund, RefundApproval
from peyman.billing.rules import OverRefund
from peyman.entrypoints import contacts, refunds, statements
from peyman.kernel.errors import Refused
from peyman.promises.models import Promise
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import ordered, pay
from tests.rooms.test_paya import LATER, LIMIT, OTHER, SHEBA, fallen, house, ready, sent, sound, statement, told

__all__ = ["house"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)

Threads = Callable[..., Any]
MANY = 6


def tried(act: Callable[[int], object]) -> Callable[[int], str]:
    """Return how `act` ended: "" or the code of the refusal."""

    def run(n: int) -> str:
        try:
            act(n)
        except Refused as refusal:
            return refusal.code
        return ""

    return run


def test_of_six_batches_at_once_one_carries_a_refund(threads: Threads) -> None:
    refund, staff = ready(), make.person(role="finance")
    ended = threads(MANY, tried(lambda n: actions.draft(refunds=[refund.code], by=staff, now=NOW)))
    assert sorted(ended) == ["", *["refund_not_ready"] * (MANY - 1)]
    assert (PayaBatch.objects.count(), PayaLine.objects.count()) == (1, 1)
    sound()


def test_batches_of_different_refunds_at_once_have_different_numbers(threads: Threads) -> None:
    rows, staff = [ready() for _ in range(4)], make.person(role="finance")
    ended = threads(4, tried(lambda n: actions.draft(refunds=[rows[n].code], by=staff, now=NOW)))
    assert set(ended) == {""}
    assert sorted(PayaBatch.objects.values_list("number", flat=True)) == [1, 2, 3, 4]


def test_six_clicks_of_one_person_are_one_approval(threads: Threads) -> None:
    refund, staff = fallen(price=LIMIT), make.person(role="finance")
    ended = threads(MANY, tried(lambda n: actions.approve_refund(code=refund.code, by=staff, now=NOW)))
    assert sorted(ended) == ["", *["same_person"] * (MANY - 1)]
    refund.refresh_from_db()
    assert (refund.given, RefundApproval.objects.count()) == (1, 1)


def test_of_six_persons_at_once_two_stand_behind_a_refund(threads: Threads) -> None:
    refund = fallen(price=LIMIT)
    staff = [make.person(role="finance") for _ in range(MANY)]
    ended = threads(MANY, tried(lambda n: actions.approve_refund(code=refund.code, by=staff[n], now=NOW)))
    assert sorted(ended) == ["", "", *["refund_stands"] * (MANY - 2)]
    assert RefundApproval.objects.count() == 2
    sound()


def test_a_batch_that_is_approved_and_put_aside_at_once_is_one_of_both(threads: Threads) -> None:
    staff = make.person(role="finance")
    batch = actions.draft(refunds=[ready().code], by=staff, now=NOW)

    def act(n: int) -> None:
        if n % 2:
            actions.drop(code=batch.code, why="ناتمام بود", by=staff, now=NOW)
        else:
            refunds.approve_batch(code=batch.code, by=staff, now=NOW)
            refunds.take_file(code=batch.code, kind="ccti", by=staff, now=NOW)

    threads(2, tried(act))
    batch.refresh_from_db()
    assert batch.state in ("sent", "dropped")
    sound()


def test_one_statement_taken_in_by_six_at_once_pays_once(threads: Threads) -> None:
    line = sent().rows.get()
    data = statement(told(line))
    threads(MANY, lambda n: statements.reconcile(data=data, now=LATER))
    line.refresh_from_db()
    assert (line.state, Entry.objects.filter(posting=f"paid:{line.reference}").count()) == ("paid", 2)
    assert Promise.objects.get(kind="refund").state == "kept"
    sound()


def test_one_return_taken_in_by_six_at_once_is_owed_again_once(threads: Threads) -> None:
    line = sent().rows.get()
    statements.reconcile(data=statement(told(line)), now=LATER)
    data = statement(told(line, "returned"))
    threads(MANY, lambda n: statements.reconcile(data=data, now=LATER))
    refund = Refund.objects.get()
    assert (refund.state, refund.returns, refund.carried) == ("owed", 1, 0)
    assert Promise.objects.filter(kind="refund").count() == 2
    sound()


def test_a_customer_who_declares_two_accounts_at_once_has_one_of_them(threads: Threads) -> None:
    person = make.person()
    threads(2, lambda n: contacts.tell_sheba(type(person).objects.get(pk=person.pk), (SHEBA, OTHER)[n], NOW))
    person.refresh_from_db()
    assert Account.objects.get(replaced_at=None).number == person.sheba


@pytest.mark.clause("D30")
def test_refunds_asked_by_six_at_once_give_back_no_more_than_was_paid(threads: Threads) -> None:
    order = ordered()
    with transaction.atomic():
        orders.take_payments(pay(order), NOW)
    payment, order = Payment.objects.select_related("bill").get(), Order.objects.get()
    half = payment.amount // 2

    def ask(n: int) -> None:
        fresh = Payment.objects.select_related("bill").get()
        given = RefundAsk(fresh, half, f"part{n}", "D30", "orders", order.code, order.person_id, order.terms)
        accept_refunds(asks=[given], now=NOW)

    ended = threads(MANY, tried(ask))
    assert sorted(ended) == ["", "", *[OverRefund.code] * (MANY - 2)]
    payment.refresh_from_db()
    assert (payment.refunded, Refund.objects.count()) == (payment.amount, 2)
    assert sum(amount for _, amount in bills.trial_balance()) == 0
