"""Orders whose data are missing: asked for, waiting with their clocks stopped, answered, silent, cancelled."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from peyman.billing.actions import Capture
from peyman.billing.models import Entry, Refund
from peyman.entrypoints.finaliser import finalise
from peyman.entrypoints.jobs import invariants
from peyman.kernel.errors import Invalid, Refused
from peyman.messages.models import Message
from peyman.promises import actions as promises
from peyman.promises.models import Promise, PromiseEvent
from peyman.shop.orders import actions as orders
from peyman.shop.orders import queries
from peyman.shop.orders.models import InformationRequest, Order, OrderEvent
from peyman.shop.orders.rules import form, states
from peyman.shop.orders.rules.public_places import PublicPlace
from peyman.shop.orders.rules.requests import AnswerIncomplete
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import balances, counter, ordered, pay, pay_at_bank, place

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ANSWER = {"street": "خیابان دماوند، کوچه دوم", "plate": "۷", "postal_code": "1739955471"}
COMPANY = form.Buyer("legal_entity", "پارس نگار", "10380284790", "411111111111", "12345", "1439955471", "02188888888")


def asked(order: Order, *fields: str, at: Any = NOW) -> InformationRequest:
    names = fields or ("street", "plate", "postal_code")
    return orders.ask(
        order=order, fields=names, note="پلاک با کد پستی نمی‌خواند.", by=make.person(role="orders"), now=at
    )


def answered(order: Order, raw: Mapping[str, object] = ANSWER, *, at: Any = NOW + HOUR) -> Order:
    return orders.answer(order=order, raw=raw, by="customer", now=at)


def final_order(**more: Any) -> Order:
    order = ordered(**more)
    with transaction.atomic():
        orders.take_payments(pay(order), NOW)
    return Order.objects.get(pk=order.pk)


def state_of(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def broken(now: Any = NOW + HOUR) -> list[str]:
    """The invariants of orders and money that do not hold."""
    ours = ("money_lies_where_it_belongs", "stock_adds_up", "cart_codes_are_whole", "orders_moved_by_the_table")
    more = ("bills_know_what_was_paid", "refunds_are_promised", "due_times_are_counted_right", "postings_balance")
    return [name for name, found in invariants.run(now) if name in (*ours, *more) and found.bad]


# ---- Asking ----


@pytest.mark.clause("D39", "D41")
def test_who_is_asked_for_more_is_told_what_and_until_when_by_sms_and_mail() -> None:
    order = ordered()
    order.person.email, order.person.email_confirmed_at = "sara@example.ir", NOW
    order.person.mail_for_orders = True
    order.person.save(update_fields=["email", "email_confirmed_at", "mail_for_orders"])
    request = asked(order, "city", "plate")
    assert state_of(order) == "incomplete"
    assert request.fields == ["province", "city", "plate"]  # a city is asked for with its province
    assert request.answer_until == NOW + timedelta(days=2)  # 48 working hours from Saturday 10:00
    sms, mail = Message.objects.filter(template="order_data_asked").order_by("pk")
    assert (sms.channel, mail.channel, mail.to) == ("sms", "email", "sara@example.ir")
    assert "استان، شهر، پلاک\nتا دوشنبه ۱۷ دی، ساعت ۱۰ بنویسید" in sms.text
    assert "پلاک با کد پستی نمی‌خواند." in mail.text
    step = OrderEvent.objects.latest("pk")
    assert (step.event, step.clause, step.by) == ("ask_more", "D41", f"staff:{request.asked_by.code}")


@pytest.mark.clause("D39")
def test_the_clock_of_an_incomplete_order_stands_and_runs_on_with_what_was_left() -> None:
    order = final_order()
    was = Promise.objects.get(kind="processing").due_at
    asked(order, at=NOW + HOUR)
    held = Promise.objects.get(kind="processing")
    assert held.held_since == NOW + HOUR
    promises.sweep_overdue(now=NOW + timedelta(days=30))
    assert Promise.objects.get(kind="processing").state == "open"
    answered(order, at=NOW + 4 * HOUR)
    runs = Promise.objects.get(kind="processing")
    assert (runs.held_since, runs.due_at) == (None, was + 3 * HOUR)
    assert [row.evidence["source"] for row in PromiseEvent.objects.filter(promise=runs, event="moved")] == [
        "order incomplete"
    ] * 2
    assert broken(NOW + 4 * HOUR) == []


@pytest.mark.clause("D39")
def test_a_clock_that_stood_twice_has_lost_both_spans() -> None:
    order = final_order()
    was = Promise.objects.get(kind="processing").due_at
    for hour in (1, 5):
        asked(order, at=NOW + hour * HOUR)
        answered(order, at=NOW + (hour + 2) * HOUR)
    assert Promise.objects.get(kind="processing").due_at == was + 4 * HOUR


@pytest.mark.clause("D39")
def test_a_holiday_that_is_added_meanwhile_is_counted_with_the_pause() -> None:
    order = final_order()
    asked(order, at=NOW + HOUR)
    promises.change_calendar(close={(NOW + timedelta(days=1)).date(): "تعطیل"}, source="test", now=NOW + 2 * HOUR)
    answered(order, at=NOW + 3 * HOUR)
    # 24 working hours from Saturday 10:00 end on Monday 10:00 when Sunday is closed, and two hours stood still.
    assert Promise.objects.get(kind="processing").due_at == NOW + timedelta(days=2, hours=2)
    assert broken(NOW + 3 * HOUR) == []


@pytest.mark.clause("D39")
def test_what_is_owed_back_and_what_is_to_be_told_does_not_wait_for_an_answer() -> None:
    order = final_order()
    before = dict(Promise.objects.exclude(kind="processing").values_list("kind", "due_at"))
    asked(order)
    after = Promise.objects.exclude(kind="processing")
    assert dict(after.values_list("kind", "due_at")) == before
    assert not after.filter(held_since__isnull=False).exists()


@pytest.mark.parametrize("state", ["expired", "short", "processed", "handed_over", "delivered", "cancelled", "void"])
def test_in_any_other_state_nothing_is_asked(state: str) -> None:
    order = ordered()
    Order.objects.filter(pk=order.pk).update(state=state, cart_code="DBC-X", final_at=NOW)
    with pytest.raises(states.NotNow):
        asked(order)
    assert not InformationRequest.objects.exists()
    assert not Message.objects.filter(template="order_data_asked").exists()


def test_an_order_whose_time_to_pay_is_over_is_not_asked_about() -> None:
    order = ordered()
    with pytest.raises(states.NotNow):
        asked(order, at=order.pay_until)


@pytest.mark.clause("D41", "D44")
@pytest.mark.parametrize(
    ("fields", "note", "wrong"),
    [
        ([], "چرا", {"fields"}),
        (["carrier"], "چرا", {"fields"}),
        (["buyer.kind"], "چرا", {"fields"}),  # who buys was chosen with the order, or never
        (["buyer.name"], "چرا", {"fields"}),  # a person has no particulars of an organisation
        (["plate"], " ", {"note"}),
        (["plate"], "چ" * 301, {"note"}),
        ([], "", {"fields", "note"}),
    ],
)
def test_what_cannot_be_asked_is_refused_and_the_order_stays(fields: list[str], note: str, wrong: set[str]) -> None:
    order = ordered()
    with pytest.raises(Invalid) as refused:
        orders.ask(order=order, fields=fields, note=note, by=make.person(role="orders"), now=NOW)
    assert set(refused.value.fields) == wrong
    assert state_of(order) == "registered"


# ---- Answering ----


@pytest.mark.clause("D39")
def test_an_answer_changes_what_was_asked_for_and_nothing_else_and_gives_the_time_to_pay_back() -> None:
    order = ordered()
    asked(order)
    after = answered(order, {**ANSWER, "recipient": "کس دیگر", "city": "اصفهان"}, at=NOW + 5 * HOUR)
    assert (after.state, after.pay_until) == ("registered", order.pay_until + 5 * HOUR)
    assert (after.street, after.plate, after.postal_code) == ("خیابان دماوند، کوچه دوم", "7", "1739955471")
    assert (after.recipient, after.city) == ("سارا احمدی", "تهران")
    closed = InformationRequest.objects.get()
    assert (closed.outcome, closed.answered_at) == ("answered", NOW + 5 * HOUR)
    step = OrderEvent.objects.latest("pk")
    assert (step.event, step.by, step.clause) == ("complete", "customer", "D39")
    assert step.details["changed"] == ["plate", "postal_code", "street"]  # names, never what was written


@pytest.mark.clause("D39", "D45")
def test_a_final_order_keeps_code_and_pieces_and_takes_the_address_of_the_answer() -> None:
    variant = make.variant(on_hand=5)
    order = final_order(variant=variant, quantity=2)
    asked(order)
    assert counter(variant) == (5, 2)
    assert broken() == []
    after = answered(order)
    assert (after.state, after.cart_code, after.street) == ("final", order.cart_code, "خیابان دماوند، کوچه دوم")
    assert counter(variant) == (5, 2)
    assert broken() == []


@pytest.mark.clause("D38", "D39")
def test_an_answer_with_faults_names_them_all_and_changes_nothing() -> None:
    order = ordered()
    asked(order, "street", "unit", "postal_code")
    with pytest.raises(AnswerIncomplete) as refused:
        answered(order, {"postal_code": "12"})
    assert refused.value.fields == {
        "street": "خیابان و کوچه را بنویسید.",
        "unit": "واحد را بنویسید؛ اگر ندارد، «ندارد» بنویسید.",
        "postal_code": "کد پستی ۲ رقم است؛ باید ۱۰ رقم باشد.",
    }
    assert state_of(order) == "incomplete"
    assert answered(order, {**ANSWER, "unit": "ندارد"}).unit == ""


@pytest.mark.clause("D49")
def test_an_answer_leads_into_no_public_place_either() -> None:
    order = ordered()
    asked(order)
    with pytest.raises(PublicPlace):
        answered(order, {**ANSWER, "street": "خیابان انقلاب، کافه نادری"})
    assert state_of(order) == "incomplete"


@pytest.mark.clause("D44")
def test_no_answer_makes_an_organisation_of_a_person_nor_the_other_way_round() -> None:
    mine = ordered()
    asked(mine)
    after = answered(mine, {**ANSWER, "buyer.kind": "legal_entity", "kind": "legal_entity", "buyer.name": "پارس نگار"})
    assert (after.buyer_kind, after.buyer) == ("individual", {})
    theirs = place(make.person(), [(make.variant().sku, 1)], buyer=COMPANY).order
    asked(theirs, "buyer.economic_code")
    kept = answered(theirs, {"buyer.economic_code": "۴۲۲۲۲۲۲۲۲۲۲۲", "buyer.kind": "individual"})
    assert (kept.buyer_kind, kept.buyer["economic_code"]) == ("legal_entity", "422222222222")
    assert kept.buyer["name"] == "پارس نگار"


def test_what_nobody_asked_is_not_answered() -> None:
    order = ordered()
    with pytest.raises(states.NothingAsked):
        answered(order)
    asked(order)
    answered(order)
    with pytest.raises(states.NothingAsked):
        answered(order)


# ---- Money while it waits ----


@pytest.mark.clause("D39")
def test_money_that_comes_meanwhile_is_kept_and_makes_the_order_final_with_the_answer() -> None:
    order = ordered()
    payment = pay_at_bank(order)
    asked(order)
    finalise([Capture(payment.pk, "R-1", "")], NOW + HOUR)
    assert state_of(order) == "incomplete"
    assert balances() == {"gateway:zarinpal": order.total, "unallocated": -order.total}
    assert not Refund.objects.exists()
    assert broken() == []
    after = answered(order, at=NOW + 2 * HOUR)
    assert (after.state, bool(after.cart_code), after.street) == ("final", True, "خیابان دماوند، کوچه دوم")
    assert balances() == {"gateway:zarinpal": order.total, "orders": -order.total}
    assert broken() == []


@pytest.mark.clause("D30", "D39")
def test_the_second_payment_of_an_incomplete_order_is_owed_back_at_once() -> None:
    order = ordered()
    one, two, three = (pay_at_bank(order) for _ in range(3))
    asked(order)
    finalise([Capture(one.pk, "R-1", "")], NOW)
    finalise([Capture(two.pk, "R-2", ""), Capture(three.pk, "R-3", "")], NOW)
    assert list(Refund.objects.order_by("pk").values_list("payment_id", "reason")) == [
        (two.pk, "not_due"),
        (three.pk, "not_due"),
    ]
    assert broken() == []


@pytest.mark.clause("D30", "D39")
def test_a_payment_for_an_incomplete_order_that_is_final_already_is_owed_back() -> None:
    order = final_order()
    late = pay_at_bank(order)
    asked(order)
    finalise([Capture(late.pk, "R-late", "")], NOW)
    assert Refund.objects.get().reason == "not_due"
    assert broken() == []


@pytest.mark.clause("D28", "D30")
def test_what_ran_out_while_the_order_waited_is_told_and_owed_back_with_the_answer() -> None:
    order = ordered(on_hand=1)
    payment = pay_at_bank(order)
    asked(order)
    finalise([Capture(payment.pk, "R-1", "")], NOW)
    Stock.objects.update(on_hand=0, initial=0)
    assert answered(order).state == "short"
    assert Refund.objects.get().reason == "sold_out"
    assert broken() == []


def test_a_price_that_fell_while_a_paid_order_waited_is_given_back_and_a_rise_is_not_taken() -> None:
    fell, rose = ordered(price=1_000_000), ordered(price=1_000_000)
    for order in (fell, rose):
        payment = pay_at_bank(order)
        asked(order)
        finalise([Capture(payment.pk, f"R-{order.pk}", "")], NOW)
    line, other = fell.lines.get(), rose.lines.get()
    type(line.variant).objects.filter(pk=line.variant_id).update(price=900_000)
    type(line.variant).objects.filter(pk=other.variant_id).update(price=1_200_000, list_price=1_200_000)
    assert [answered(order).state for order in (fell, rose)] == ["final", "final"]
    assert Order.objects.get(pk=fell.pk).total == fell.total - 100_000
    assert Order.objects.get(pk=rose.pk).total == rose.total
    assert list(Refund.objects.values_list("payment__bill", "amount")) == [(fell.bill_id, 100_000)]


def test_an_incomplete_order_is_not_begun_to_be_paid_and_does_not_expire() -> None:
    order = ordered()
    asked(order)
    with pytest.raises(states.NotPayable):
        orders.refresh_prices(order=order, shown_total=order.total, now=NOW)
    assert orders.expire_due(now=order.pay_until + timedelta(days=9)) == 0


# ---- Silence, and cancelling ----


@pytest.mark.clause("D41", "D30")
def test_silence_ends_the_order_and_what_was_paid_is_owed_back() -> None:
    variant = make.variant(on_hand=5)
    order = final_order(variant=variant, quantity=2)
    until = asked(order).answer_until
    assert orders.cancel_unanswered(now=until - timedelta(seconds=1)) == 0
    assert orders.cancel_unanswered(now=until) == 1
    assert orders.cancel_unanswered(now=until) == 0
    assert state_of(order) == "cancelled"
    assert counter(variant) == (5, 0)
    refund = Refund.objects.get()
    assert (refund.amount, refund.reason, refund.clause) == (order.total, "unanswered", "D41")
    assert Promise.objects.get(kind="refund").due_at == until + timedelta(days=2)
    assert Promise.objects.get(kind="processing").state == "waived"
    told = Message.objects.get(template="order_unanswered")
    assert "تومان تا چهارشنبه ۱۹ دی، ساعت ۱۰ به شما برمی‌گردد" in told.text
    assert InformationRequest.objects.get().outcome == "unanswered"
    assert broken(until) == []


@pytest.mark.clause("D41")
def test_silence_about_what_nobody_paid_costs_nothing() -> None:
    order = ordered()
    until = asked(order).answer_until
    orders.cancel_unanswered(now=until)
    assert state_of(order) == "cancelled"
    assert not Refund.objects.exists()
    assert "تومان" not in Message.objects.get(template="order_unanswered").text


@pytest.mark.clause("D31", "D30")
@pytest.mark.parametrize("paid", [False, True])
def test_a_customer_withdraws_from_an_incomplete_order(paid: bool) -> None:
    order = ordered()
    payment = pay_at_bank(order)
    asked(order)
    if paid:
        finalise([Capture(payment.pk, "R-1", "")], NOW)
    assert orders.cancel(order=order, by="customer", now=NOW).state == "cancelled"
    assert InformationRequest.objects.get().outcome == "cancelled"
    assert [refund.amount for refund in Refund.objects.all()] == [order.total] * paid
    assert broken() == []


@pytest.mark.clause("D31", "D30")
def test_withdrawing_from_a_short_order_ends_it_and_leaves_its_refund_promised_once() -> None:
    order = ordered(on_hand=1)
    Stock.objects.update(allocated=1)
    orders.take_payments(pay(order), NOW)
    due = Promise.objects.get(kind="refund").due_at
    assert orders.cancel(order=order, by="customer", now=NOW + HOUR).state == "cancelled"
    refund = Refund.objects.get()
    assert (refund.reason, Promise.objects.get(kind="refund").due_at) == ("sold_out", due)
    assert "تا دوشنبه ۱۷ دی، ساعت ۱۰" in Message.objects.get(template="order_cancelled").text
    orders.give_back_done(refund=refund, provider_ref="9", proof="inquiry", now=NOW + 2 * HOUR)
    assert state_of(order) == "cancelled"
    assert Promise.objects.get(kind="refund").state == "kept"


# ---- At the same moment ----


@pytest.mark.clause("D39", "D41")
@pytest.mark.django_db(transaction=True)
def test_of_an_answer_and_the_end_of_its_time_one_wins(threads: Callable[..., Any]) -> None:
    placed = [final_order() for _ in range(4)]
    until = {asked(order).answer_until for order in placed}.pop()

    def act(n: int) -> object:
        return orders.cancel_unanswered(now=until) if n % 2 else answered(placed[n // 2], at=until)

    threads(8, act)
    for order in placed:
        outcome = InformationRequest.objects.get(order=order).outcome
        assert (state_of(order), outcome) in {("final", "answered"), ("cancelled", "unanswered")}
        assert Refund.objects.filter(payment__bill=order.bill_id).count() == (outcome == "unanswered")
    assert broken(until) == []


@pytest.mark.clause("D39")
@pytest.mark.django_db(transaction=True)
def test_of_an_answer_and_the_money_whichever_comes_second_makes_it_final(threads: Callable[..., Any]) -> None:
    placed = [ordered() for _ in range(4)]
    captures = [Capture(pay_at_bank(order).pk, f"R-{order.pk}", "") for order in placed]
    for order in placed:
        asked(order)

    def act(n: int) -> object:
        return finalise([captures[n // 2]], NOW + HOUR) if n % 2 else answered(placed[n // 2])

    threads(8, act)
    assert [state_of(order) for order in placed] == ["final"] * 4
    assert not Refund.objects.exists()
    assert broken() == []


@pytest.mark.clause("D31", "D30")
@pytest.mark.django_db(transaction=True)
def test_of_a_withdrawal_and_the_money_none_is_lost(threads: Callable[..., Any]) -> None:
    placed = [ordered() for _ in range(4)]
    captures = [Capture(pay_at_bank(order).pk, f"R-{order.pk}", "") for order in placed]

    def act(n: int) -> object:
        if n % 2:
            return finalise([captures[n // 2]], NOW)
        return orders.cancel(order=placed[n // 2], by="customer", now=NOW)

    threads(8, act)
    for order in placed:
        assert state_of(order) == "cancelled"
        assert sum(Refund.objects.filter(payment__bill=order.bill_id).values_list("amount", flat=True)) == order.total
    assert sum(Entry.objects.filter(account="unallocated").values_list("amount", flat=True)) == 0
    assert broken() == []


@pytest.mark.clause("D39")
@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_ask_once(threads: Callable[..., Any]) -> None:
    order = final_order()
    by = make.person(role="orders")
    told = threads(4, lambda n: orders.ask(order=order, fields=["plate"], note="پلاک؟", by=by, now=NOW))
    assert sum(isinstance(one, Refused) for one in told) == 3
    assert InformationRequest.objects.count() == 1


# ---- Cost ----


@pytest.mark.parametrize("lines", [1, 10])
def test_asking_answering_and_silence_cost_the_same_queries_whatever_the_lines(
    lines: int, django_assert_num_queries: Any
) -> None:
    order = place(make.person(), [(make.variant(on_hand=5).sku, 1) for _ in range(lines)]).order
    orders.take_payments(pay(order), NOW)
    by = make.person(role="orders")
    with django_assert_num_queries(14):
        orders.ask(order=order, fields=["plate"], note="پلاک؟", by=by, now=NOW)
    with django_assert_num_queries(13):
        orders.answer(order=order, raw={"plate": "9"}, by="customer", now=NOW)
    orders.ask(order=order, fields=["plate"], note="پلاک؟", by=by, now=NOW)
    with django_assert_num_queries(31):
        orders.cancel_unanswered(now=NOW + timedelta(days=3))


def test_the_page_asks_for_the_request_only_where_there_is_one(django_assert_num_queries: Any) -> None:
    order = ordered()
    with django_assert_num_queries(6):
        assert queries.view(order.person, order.code, NOW).request is None
    asked(order, "plate")
    with django_assert_num_queries(7):
        view = queries.view(order.person, order.code, NOW)
    assert view.request and view.request.fields == {"plate": "پلاک"}
    assert [step.state for step in view.road if step.at is None] == [
        "incomplete",
        "final",
        "processed",
        "handed_over",
        "delivered",
    ]
