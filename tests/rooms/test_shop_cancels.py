"""The shop cancels an order: reason, notice, money and pieces in one act, and what ran out before it was verified."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from peyman.billing.actions import Capture
from peyman.billing.models import Payment, Refund
from peyman.entrypoints.finaliser import finalise
from peyman.entrypoints.jobs import outbox
from peyman.kernel.errors import Invalid, Refused
from peyman.messages import actions as messages
from peyman.messages.models import Message
from peyman.promises.models import Promise
from peyman.shop.orders import actions as orders
from peyman.shop.orders import queries
from peyman.shop.orders.models import Cancellation, Order, OrderEvent
from peyman.shop.orders.queries.payable import ran_out
from peyman.shop.orders.rules import reasons, states
from peyman.shop.stock.models import Movement, Stock
from tests import make
from tests.make import NOW
from tests.rooms.test_incomplete_orders import HOUR, asked, broken, final_order, state_of
from tests.rooms.test_orders import balances, counter, ordered, pay, pay_at_bank, place

pytestmark = pytest.mark.django_db


def cancelled(order: Order, reason: str = "cannot_deliver", *, at: Any = NOW + HOUR, **more: Any) -> Order:
    asked_for = {"note": "", "detected_at": NOW, "by": make.person(role="orders"), **more}
    return orders.cancel_by_shop(order=order, reason=reason, now=at, **asked_for)


@pytest.mark.clause("D32", "D33")
def test_an_order_that_cannot_be_delivered_is_cancelled_with_its_notice_and_its_refund_in_one_act() -> None:
    variant = make.variant(on_hand=5)
    order = final_order(variant=variant, quantity=2)
    by = make.person(role="orders")
    cancelled(order, "market_swing", note="قیمت ارز یک‌شبه دو برابر شد.", by=by)
    assert state_of(order) == "cancelled"
    told = Message.objects.get(template="order_cancelled_by_shop")
    assert "چون نوسان بازار تحویل آن را ناممکن کرد" in told.text
    assert "تومان تا دوشنبه ۱۷ دی، ساعت ۱۱ به شما برمی‌گردد" in told.text
    refund = Refund.objects.get()
    assert (refund.amount, refund.reason, refund.clause) == (order.total, "shop_cancelled", "D32")
    assert counter(variant) == (5, 0)
    assert balances() == {"gateway:zarinpal": order.total, "refunds": -order.total}
    assert Promise.objects.get(kind="processing").state == "waived"
    row = Cancellation.objects.get()
    assert (row.reason, row.note, row.by, row.detected_at) == ("market_swing", "قیمت ارز یک‌شبه دو برابر شد.", by, NOW)
    step = OrderEvent.objects.latest("pk")
    assert (step.event, step.clause, step.by) == ("cancel_by_shop", "D32", f"staff:{by.code}")
    assert broken() == []


@pytest.mark.clause("D32")
def test_the_notice_is_promised_from_when_we_knew_and_its_leaving_keeps_the_promise() -> None:
    order = final_order()
    cancelled(order, at=NOW + 3 * HOUR)
    promise = Promise.objects.get(kind="notice")
    assert (promise.clause, promise.start, promise.due_at) == ("D32", NOW, NOW + timedelta(days=1))
    message = Message.objects.get(template="order_cancelled_by_shop")
    messages.mark_sent(message=message, provider="kavenegar", provider_id="1", now=NOW + 4 * HOUR)
    outbox.keep_told_promises(now=NOW + 4 * HOUR)
    assert Promise.objects.get(kind="notice").state == "kept"


@pytest.mark.clause("D32")
def test_who_is_told_too_late_has_a_broken_promise() -> None:
    order = final_order()
    cancelled(order, at=NOW + timedelta(days=3))
    message = Message.objects.get(template="order_cancelled_by_shop")
    messages.mark_sent(message=message, provider="kavenegar", provider_id="1", now=NOW + timedelta(days=3))
    outbox.keep_told_promises(now=NOW + timedelta(days=3))
    promise = Promise.objects.get(kind="notice")
    assert (promise.state, promise.broken_at) == ("broken", NOW + timedelta(days=1))


@pytest.mark.clause("D28")
def test_what_ran_out_is_named_line_by_line_and_leaves_the_count_the_rest_returns_to_sale() -> None:
    there, gone = make.variant(on_hand=5), make.variant(on_hand=4)
    order = place(make.person(), [(there.sku, 1), (gone.sku, 3)]).order
    orders.take_payments(pay(order), NOW)
    cancelled(Order.objects.get(), "stock_out", skus=[gone.sku])
    assert (counter(there), counter(gone)) == ((5, 0), (1, 0))
    moved = Movement.objects.get()
    assert (moved.variant, moved.quantity, moved.reason) == (gone, -3, "stock_out")
    view = queries.view(order.person, order.code, NOW)
    assert [(line.sku, line.is_gone) for line in view.lines] == [(there.sku, False), (gone.sku, True)]
    assert view.cancellation and view.cancellation.clause == "D28"
    assert broken() == []


@pytest.mark.clause("D33", "D30")
@pytest.mark.parametrize("state", ["registered", "incomplete", "short", "final"])
def test_the_shop_cancels_in_every_state_before_the_hand_over_and_owes_what_was_paid_once(state: str) -> None:
    order = ordered(on_hand=1)
    payment = pay_at_bank(order)
    if state == "incomplete":
        asked(order)
    if state == "short":
        Stock.objects.update(allocated=1)
    if state != "registered":
        finalise([Capture(payment.pk, "R-1", "")], NOW)
    Stock.objects.filter(allocated=1).update(allocated=int(state == "final"))
    assert state_of(order) == state
    cancelled(order)
    assert state_of(order) == "cancelled"
    assert [refund.amount for refund in Refund.objects.all()] == [order.total] * (state != "registered")
    assert broken() == []


@pytest.mark.clause("D33")
@pytest.mark.parametrize("state", ["expired", "processed", "handed_over", "delivered", "cancelled", "void"])
def test_in_no_other_state_does_the_shop_cancel(state: str) -> None:
    order = ordered()
    Order.objects.filter(pk=order.pk).update(state=state, cart_code="DBC-X", final_at=NOW)
    with pytest.raises(states.NotNow):
        cancelled(order)
    assert (state_of(order), Cancellation.objects.count()) == (state, 0)
    assert not Message.objects.filter(template="order_cancelled_by_shop").exists()


@pytest.mark.clause("D28", "D32")
@pytest.mark.parametrize(
    ("reason", "more", "wrong"),
    [
        ("whim", {}, {"reason"}),
        ("stock_out", {}, {"skus"}),  # which goods must be said
        ("stock_out", {"skus": ["NO-SUCH"]}, {"skus"}),
        ("cannot_deliver", {"skus": ["SKU"]}, {"skus"}),
        ("cannot_deliver", {"note": "ن" * 301}, {"note"}),
        ("cannot_deliver", {"detected_at": NOW + 2 * HOUR}, {"detected_at"}),
        ("cannot_deliver", {"detected_at": NOW - HOUR}, {"detected_at"}),
        ("whim", {"skus": ["NO-SUCH"], "note": "ن" * 301}, {"reason", "skus", "note"}),
    ],
)
def test_without_a_good_reason_nothing_is_cancelled(reason: str, more: dict[str, Any], wrong: set[str]) -> None:
    order = place(make.person(), [(make.variant(sku="SKU").sku, 1)]).order
    with pytest.raises(Invalid) as refused:
        cancelled(order, reason, **more)
    assert set(refused.value.fields) == wrong
    assert (state_of(order), Cancellation.objects.count()) == ("registered", 0)


@pytest.mark.parametrize("reason", list(reasons.REASONS))
def test_every_reason_has_its_words_and_its_clause_in_the_terms(reason: str) -> None:
    order = final_order()
    skus = [order.lines.get().sku] if reason == "stock_out" else []
    cancelled(order, reason, skus=skus)
    assert f"چون {reasons.REASONS[reason].title}." in Message.objects.get(template="order_cancelled_by_shop").text
    assert Promise.objects.filter(kind="notice").exists() == reasons.REASONS[reason].is_ours


@pytest.mark.clause("D31", "D33")
@pytest.mark.django_db(transaction=True)
def test_of_shop_and_customer_who_cancel_at_once_one_does(threads: Callable[..., Any]) -> None:
    placed = [final_order() for _ in range(4)]
    by = make.person(role="orders")

    def act(n: int) -> object:
        if n % 2:
            return orders.cancel(order=placed[n // 2], by="customer", now=NOW)
        return orders.cancel_by_shop(
            order=placed[n // 2], reason="cannot_deliver", note="", detected_at=NOW, by=by, now=NOW
        )

    told = threads(8, act)
    assert sum(isinstance(one, Refused) for one in told) == 4
    for order in placed:
        refund = Refund.objects.get(payment__bill=order.bill_id)
        by_shop = Cancellation.objects.filter(order=order).exists()
        assert (refund.reason, refund.amount) == ("shop_cancelled" if by_shop else "cancelled", order.total)
    assert broken() == []


@pytest.mark.parametrize("lines", [1, 10])
def test_cancelling_by_the_shop_costs_the_same_queries_whatever_the_lines(
    lines: int, django_assert_num_queries: Any
) -> None:
    order = place(make.person(), [(make.variant(on_hand=5).sku, 1) for _ in range(lines)]).order
    orders.take_payments(pay(order), NOW)
    by = make.person(role="orders")
    with django_assert_num_queries(34):
        orders.cancel_by_shop(order=order, reason="price_error", note="", detected_at=NOW, by=by, now=NOW)


# ---- Running short before the money was ours (A14) ----


def turned_away(order: Order) -> Payment:
    payment = pay_at_bank(order)
    Stock.objects.update(allocated=1)
    assert orders.turn_away_many(payments=[payment], now=NOW) == {payment.pk}
    return Payment.objects.get(pk=payment.pk)


@pytest.mark.clause("D28", "D30")
def test_what_ran_out_before_it_was_verified_is_promised_back_and_never_becomes_ours() -> None:
    order = ordered(on_hand=1)
    payment = turned_away(order)
    assert (state_of(order), payment.state) == ("short", "failed")
    assert OrderEvent.objects.latest("pk").details == {"skus": [order.lines.get().sku]}
    refund = Refund.objects.get()
    assert (refund.amount, refund.kind, refund.reason) == (order.total, "reversal", "sold_out")
    assert Promise.objects.get(kind="refund").due_at == NOW + timedelta(days=2)
    assert balances() == {}
    assert Message.objects.filter(template="order_short").count() == 1
    assert broken() == ["stock_adds_up"]  # the other buyer's piece has no order in this test
    orders.give_back_done(refund=refund, provider_ref="A", proof="inquiry", now=NOW + HOUR)
    assert (state_of(order), Payment.objects.get().state) == ("cancelled", "returned")
    assert Promise.objects.get(kind="refund").state == "kept"


@pytest.mark.clause("D28")
@pytest.mark.parametrize("payment_state", ["verifying", "captured", "failed", "returned"])
def test_a_payment_on_its_way_to_being_ours_is_not_turned_away(payment_state: str) -> None:
    order = ordered(on_hand=1)
    payment = pay_at_bank(order)
    Payment.objects.update(state=payment_state, refnum="R", captured_at=NOW)
    Stock.objects.update(allocated=1)
    assert orders.turn_away_many(payments=[payment], now=NOW) == set()
    assert (state_of(order), Refund.objects.count()) == ("registered", 0)


@pytest.mark.clause("D28")
def test_only_who_still_waits_is_looked_at_and_by_one_query(django_assert_num_queries: Any) -> None:
    enough, gone = ordered(on_hand=1), ordered(on_hand=1)
    Stock.objects.filter(variant=gone.lines.get().variant).update(allocated=1)
    with django_assert_num_queries(1):
        assert ran_out([enough.bill_id, gone.bill_id]) == {gone.bill_id}
    orders.cancel(order=gone, by="customer", now=NOW)
    assert ran_out([enough.bill_id, gone.bill_id]) == set()
