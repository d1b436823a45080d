"""Orders: placing, finality, running short, cancelling, expiring."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from peyman.billing import actions as billing
from peyman.billing import queries as bills
from peyman.billing.actions import Capture
from peyman.billing.models import Entry, Payment, Refund
from peyman.billing.rules import KeyReused
from peyman.kernel import codes
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.models import Acceptance, Promise
from peyman.shop.carts import actions as carts
from peyman.shop.carts import rules as cart_rules
from peyman.shop.carts.models import CartLine
from peyman.shop.catalog.models import Variant
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order, OrderEvent
from peyman.shop.orders.rules import form, money, states
from peyman.shop.stock.models import Stock
from peyman.shop.stock.rules import SoldOut
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db

HOME = form.Delivery(
    recipient="سارا احمدی",
    mobile="+989121234567",
    landline="",
    province="تهران",
    city="تهران",
    street="خیابان کارگر شمالی، کوچه نهم",
    plate="۱۲",
    unit="3",
    postal_code="1439955471",
)
ME = form.Buyer("individual")


@dataclass(frozen=True)
class Post:
    slug: str = "post-pishtaz"
    title: str = "پست پیشتاز"
    fee: int = 500_000
    is_express: bool = False


def place(person: Person, lines: list[tuple[str, object]] | None, **changes: Any) -> orders.Placed:
    """Place with a generous shown total, unless told otherwise."""
    make.terms()
    if not make.CalendarVersion.objects.exists():
        make.calendar()
    asked: dict[str, Any] = {
        "person": person,
        "lines": lines,
        "shown_total": 10**12,
        "terms_version": 1,
        "delivery": HOME,
        "buyer": ME,
        "carrier": Post(),
        "now": NOW,
    }
    return orders.place(**{**asked, **changes})


def ordered(*, on_hand: int = 10, price: int = 1_000_000, quantity: int = 1, variant: Variant | None = None) -> Order:
    variant = variant or make.variant(on_hand=on_hand, price=price)
    return place(make.person(), [(variant.sku, quantity)]).order


def pay_at_bank(order: Order, *, amount: int | None = None, now: Any = NOW) -> Payment:
    """A payment with its token, as the bank has it."""
    payment = billing.start(
        bill=order.bill,
        gateway="zarinpal",
        terminal="m",
        amount=amount or order.total,
        minutes=20,
        key=None,
        request_hash="",
        now=now,
    )
    billing.give_token(payment=payment, token=f"A-{payment.pk}", now=now)
    return payment


def pay(order: Order, *, amount: int | None = None, now: Any = NOW) -> list[Payment]:
    """A payment that the bank confirmed, captured but not yet put to work."""
    payment = pay_at_bank(order, amount=amount, now=now)
    return billing.capture_many(captures=[Capture(payment.pk, f"R-{payment.pk}", "")], now=now)


def balances() -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in Entry.objects.all():
        found[entry.account] = found.get(entry.account, 0) + entry.amount
    return {account: amount for account, amount in found.items() if amount}


def counter(variant: Variant) -> tuple[int, int]:
    row = Stock.objects.get(variant=variant)
    return row.on_hand, row.allocated


# ---- Placing ----


@pytest.mark.clause("D02")
@pytest.mark.clause("D06")
def test_placing_keeps_the_version_and_hash_of_the_terms_it_was_placed_under() -> None:
    person = make.person()
    order = place(person, [(make.variant().sku, 1)]).order
    accepted = Acceptance.objects.get(person=person, kind="order")
    assert (order.terms.number, order.terms_sha256) == (1, order.terms.sha256)
    assert (accepted.subject, accepted.sha256) == (f"order:{order.code}", order.terms.sha256)


@pytest.mark.clause("D54")
def test_neither_a_cart_nor_a_registered_order_takes_anything_from_stock() -> None:
    variant, person = make.variant(on_hand=3), make.person()
    cart = carts.of_person(person=person, now=NOW)
    carts.set_quantity(cart=cart, sku=variant.sku, quantity=3, terms=make.terms(), now=NOW)
    assert counter(variant) == (3, 0)
    place(person, None, cart=cart)
    assert counter(variant) == (3, 0)
    assert not CartLine.objects.exists()


@pytest.mark.clause("D56")
def test_a_total_above_what_the_buyer_saw_is_refused_with_both_numbers_and_nothing_is_written() -> None:
    variant, person = make.variant(price=1_000_000), make.person()
    with pytest.raises(money.TotalRose) as refused:
        place(person, [(variant.sku, 2)], shown_total=2_505_999)
    # 2,000,000 of goods, 500,000 of post, 3 per mille insurance = 6,000
    assert refused.value.details["total"] == 2_506_000
    assert refused.value.details["shown_total"] == 2_505_999
    assert not Order.objects.exists() and not Message.objects.exists() and not Acceptance.objects.exists()


@pytest.mark.clause("D56")
def test_a_total_below_what_the_buyer_saw_is_taken_without_asking() -> None:
    order = place(make.person(), [(make.variant(price=1_000_000).sku, 2)], shown_total=3_000_000).order
    assert (order.total, order.shown_total, order.bill.amount) == (2_506_000, 3_000_000, 2_506_000)


@pytest.mark.clause("D03")
def test_another_version_of_the_terms_than_the_one_in_force_is_not_accepted() -> None:
    with pytest.raises(money.TermsChanged):
        place(make.person(), [(make.variant().sku, 1)], terms_version=2)
    assert not Order.objects.exists()


@pytest.mark.clause("D22")
@pytest.mark.clause("D23")
@pytest.mark.parametrize(
    ("case", "hours_later", "day"),
    [
        ("Saturday at ten", 0, "2025-01-04"),
        ("Thursday, a minute before midnight", 5 * 24 + 13, "2025-01-09"),
        ("Friday noon", 6 * 24 + 2, "2025-01-11"),
    ],
)
def test_an_order_is_taken_at_any_hour_and_processed_on_the_same_or_the_next_working_day(
    case: str, hours_later: int, day: str
) -> None:
    order = place(make.person(), [(make.variant().sku, 1)], now=NOW + timedelta(hours=hours_later)).order
    assert str(order.processing_date) == day


@pytest.mark.clause("D24")
def test_placing_sends_a_pro_forma_by_sms_with_a_signed_link_and_promises_its_hour() -> None:
    order = place(make.person(mobile="+989120000001"), [(make.variant().sku, 1)]).order
    message = Message.objects.get()
    promise = Promise.objects.get()
    assert (message.channel, message.to, message.template) == ("sms", "+989120000001", "pro_forma")
    assert f"/p/{order.code}/" in message.text
    assert message.dead_at is None
    assert (promise.clause, promise.subject, promise.order) == ("D24", f"message:{message.key}", order.code)
    assert promise.due_at == NOW + timedelta(hours=1)


def test_a_confirmed_mail_address_gets_the_pro_forma_as_mail() -> None:
    person = make.person(email="sara@example.ir", email_confirmed_at=NOW)
    place(person, [(make.variant().sku, 1)])
    message = Message.objects.get()
    assert (message.channel, message.to, message.dead_at) == ("email", "sara@example.ir", None)


def test_the_same_key_and_request_is_answered_with_the_same_order() -> None:
    person, sku = make.person(), make.variant().sku
    first = place(person, [(sku, 1)], key="k1", request_hash="h1")
    again = place(person, [(sku, 1)], key="k1", request_hash="h1")
    assert (again.order.code, first.created, again.created) == (first.order.code, True, False)
    assert Order.objects.count() == 1


def test_the_same_key_with_another_request_is_refused() -> None:
    person, sku = make.person(), make.variant().sku
    place(person, [(sku, 1)], key="k1", request_hash="h1")
    with pytest.raises(KeyReused):
        place(person, [(sku, 2)], key="k1", request_hash="h2")
    assert Order.objects.count() == 1


@pytest.mark.parametrize("quantity", [0, -1, 1.5, 10**9, None, True, "", "یک", "1e1", "-۲", [], float("nan")])
def test_a_quantity_that_is_none_is_refused(quantity: object) -> None:
    with pytest.raises(cart_rules.QuantityInvalid):
        place(make.person(), [(make.variant().sku, quantity)])
    assert not Order.objects.exists()


@pytest.mark.parametrize("quantity", ["2", "٢", "۲", " ۲ "])
def test_a_quantity_in_any_digits_is_understood(quantity: str) -> None:
    assert place(make.person(), [(make.variant().sku, quantity)]).order.lines.get().quantity == 2


def test_what_is_sold_out_unknown_twice_or_nothing_is_refused() -> None:
    variant, person = make.variant(on_hand=1), make.person()
    with pytest.raises(SoldOut):
        place(person, [(variant.sku, 2)])
    with pytest.raises(cart_rules.UnknownSku):
        place(person, [("NO-SUCH", 1)])
    with pytest.raises(money.SameSkuTwice):
        place(person, [(variant.sku, 1), (variant.sku, 1)])
    with pytest.raises(money.NothingToOrder):
        place(person, [])
    assert not Order.objects.exists()


@pytest.mark.parametrize("lines", [1, 20])
def test_placing_costs_the_same_queries_whatever_the_lines(lines: int, django_assert_num_queries: Any) -> None:
    person = make.person()
    asked: list[tuple[str, object]] = [(make.variant().sku, 1) for _ in range(lines)]
    place(make.person(), [(make.variant().sku, 1)])
    # Savepoints in and out (6), terms, variants with stock, calendar twice, acceptance found, and one insert each for
    # bill, order, lines, event, acceptance, pro-forma, message, promise, its event; message and promise read back.
    with django_assert_num_queries(23):
        place(person, asked)


# ---- Finality ----


@pytest.mark.clause("D57")
def test_a_paid_order_gets_its_cart_code_and_stock_price_and_money_in_one_go() -> None:
    variant = make.variant(on_hand=5, price=1_000_000)
    order = ordered(variant=variant, quantity=2)
    issued = orders.take_payments(pay(order), NOW)
    order.refresh_from_db()
    assert issued == orders.Issued(final=[order.code], short=[])
    assert order.state == "final" and order.cart_code and codes.is_valid(order.cart_code, "DBC")
    assert order.final_at == NOW
    assert counter(variant) == (5, 2)
    assert balances() == {"gateway:zarinpal": 2_506_000, "orders": -2_506_000}
    assert Message.objects.get(template="cart_code").dead_at is None
    assert Promise.objects.get(kind="cart_code").subject == f"message:cart_code:{order.code}"
    processing = Promise.objects.get(kind="processing")  # 24 working hours from Saturday 10:00
    assert (processing.clause, processing.subject) == ("D22", f"order:{order.code}")
    assert (processing.state, processing.due_at) == ("open", NOW + timedelta(days=1))
    assert list(OrderEvent.objects.order_by("pk").values_list("event", "from_state", "to_state", "clause")) == [
        ("place", "", "registered", "D24"),
        ("issue_cart_code", "registered", "final", "D57"),
    ]


@pytest.mark.clause("D22")
def test_the_processing_date_is_counted_anew_when_the_order_becomes_final() -> None:
    order = ordered()  # on a Saturday
    thursday_night = NOW + timedelta(days=5, hours=13, minutes=20)  # 23:50 in Tehran
    friday = thursday_night + timedelta(hours=1)
    late = ordered()
    orders.take_payments(pay(order), thursday_night)
    orders.take_payments(pay(late), friday)
    order.refresh_from_db()
    late.refresh_from_db()
    assert (str(order.processing_date), str(late.processing_date)) == ("2025-01-09", "2025-01-11")


@pytest.mark.clause("D57")
def test_without_money_there_is_no_cart_code() -> None:
    order = ordered()
    assert orders.issue_cart_codes([order.pk], NOW) == orders.Issued()
    order.refresh_from_db()
    assert (order.state, order.cart_code) == ("registered", None)


@pytest.mark.clause("D57")
def test_issuing_twice_changes_nothing_the_second_time() -> None:
    order = ordered()
    orders.take_payments(pay(order), NOW)
    order.refresh_from_db()
    code = order.cart_code
    assert orders.issue_cart_codes([order.pk, order.pk], NOW) == orders.Issued()
    order.refresh_from_db()
    assert order.cart_code == code


@pytest.mark.clause("D28")
@pytest.mark.clause("D30")
def test_who_pays_after_the_last_piece_is_told_the_truth_and_owed_the_money() -> None:
    variant = make.variant(on_hand=1)
    first, second = ordered(variant=variant), ordered(variant=variant)
    both = pay(first) + pay(second)
    assert orders.take_payments(both, NOW) == orders.Issued(final=[first.code], short=[second.code])
    second.refresh_from_db()
    refund, promise = Refund.objects.get(), Promise.objects.get(kind="refund")
    assert (second.state, second.cart_code) == ("short", None)
    assert (refund.amount, refund.kind, refund.reason) == (second.total, "reversal", "sold_out")
    # 48 working hours from Saturday 10:00 are Monday 10:00
    assert (promise.clause, promise.due_at, promise.order) == ("D30", NOW + timedelta(days=2), second.code)
    assert "تا دوشنبه" in Message.objects.get(template="order_short").text
    assert counter(variant) == (1, 1)
    assert balances() == {
        "gateway:zarinpal": first.total + second.total,
        "orders": -first.total,
        "refunds": -second.total,
    }


@pytest.mark.clause("D30")
def test_a_proven_refund_keeps_its_promise_closes_the_order_and_empties_the_account() -> None:
    variant = make.variant(on_hand=1)
    first, second = ordered(variant=variant), ordered(variant=variant)
    orders.take_payments(pay(first) + pay(second), NOW)
    refund = Refund.objects.select_related("payment").get()
    for _ in range(2):  # the second time is a no-op
        orders.give_back_done(refund=refund, provider_ref="77", proof="inquiry", now=NOW + timedelta(minutes=1))
    second.refresh_from_db()
    promise = Promise.objects.get(kind="refund")
    assert (second.state, promise.state, promise.kept_at) == ("cancelled", "kept", NOW + timedelta(minutes=1))
    assert promise.evidence["proof"] == "inquiry"
    assert balances() == {"gateway:zarinpal": first.total, "orders": -first.total}
    assert Message.objects.filter(template="refund_done").count() == 1


@pytest.mark.clause("D36")
def test_a_price_that_fell_after_payment_is_given_back() -> None:
    variant = make.variant(price=1_000_000)
    order = ordered(variant=variant, quantity=2)
    taken = pay(order)
    Variant.objects.filter(pk=variant.pk).update(price=900_000)
    orders.take_payments(taken, NOW)
    order.refresh_from_db()
    assert (order.state, order.total, order.bill.amount) == ("final", 2_306_000, 2_306_000)
    assert Refund.objects.get().amount == 200_000
    assert balances() == {"gateway:zarinpal": 2_506_000, "orders": -2_306_000, "refunds": -200_000}


@pytest.mark.clause("D30")
def test_a_price_that_rose_after_the_payment_began_is_not_applied() -> None:
    variant = make.variant(price=1_000_000)
    order = ordered(variant=variant)
    taken = pay(order)
    Variant.objects.filter(pk=variant.pk).update(price=2_000_000, list_price=2_000_000)
    orders.take_payments(taken, NOW)
    order.refresh_from_db()
    assert (order.state, order.total) == ("final", 1_503_000)


@pytest.mark.clause("D30")
def test_a_second_payment_of_the_same_order_is_owed_back_whole() -> None:
    order = ordered()
    orders.take_payments(pay(order), NOW)
    orders.take_payments(pay(order), NOW)
    assert [(r.reason, r.amount) for r in Refund.objects.all()] == [("not_due", order.total)]
    assert balances() == {"gateway:zarinpal": 2 * order.total, "orders": -order.total, "refunds": -order.total}


@pytest.mark.clause("D30")
def test_two_payments_of_one_order_in_one_batch_make_one_final_order_and_one_refund() -> None:
    order = ordered()
    assert orders.take_payments(pay(order) + pay(order), NOW).final == [order.code]
    assert Refund.objects.get().amount == order.total
    assert counter(order.lines.get().variant) == (10, 1)


@pytest.mark.clause("D30")
@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_money_for_an_order_that_no_longer_waits_is_owed_back(state: str) -> None:
    order = ordered()
    taken = pay(order)
    Order.objects.filter(pk=order.pk).update(state=state)
    assert orders.take_payments(taken, NOW) == orders.Issued()
    assert Refund.objects.get().amount == order.total


def test_too_little_money_never_makes_an_order_final() -> None:
    order = ordered()
    orders.take_payments(pay(order, amount=10_000), NOW)
    order.refresh_from_db()
    assert (order.state, Refund.objects.get().amount) == ("registered", 10_000)


@pytest.mark.parametrize(("count", "lines"), [(1, 1), (10, 5)])
def test_issuing_costs_the_same_queries_whatever_the_orders_and_lines(
    count: int, lines: int, django_assert_num_queries: Any
) -> None:
    variants = [make.variant(on_hand=100) for _ in range(lines)]
    placed = [place(make.person(), [(v.sku, 1) for v in variants]).order for _ in range(count)]
    paid = [payment for order in placed for payment in pay(order)]
    with django_assert_num_queries(15):
        assert len(orders.take_payments(paid, NOW).final) == count


# ---- Undoing ----


@pytest.mark.clause("D31")
def test_a_registered_order_is_cancelled_without_any_cost() -> None:
    order = ordered()
    assert orders.cancel(order=order, by="customer", now=NOW).state == "cancelled"
    assert not Refund.objects.exists()


@pytest.mark.clause("D31")
@pytest.mark.clause("D30")
def test_a_final_order_that_is_cancelled_gives_its_pieces_and_its_money_back() -> None:
    variant = make.variant(on_hand=5)
    order = ordered(variant=variant, quantity=2)
    orders.take_payments(pay(order), NOW)
    orders.cancel(order=order, by="customer", now=NOW)
    assert counter(variant) == (5, 0)
    assert Promise.objects.get(kind="processing").state == "waived"
    assert Refund.objects.get().amount == order.total
    assert balances() == {"gateway:zarinpal": order.total, "refunds": -order.total}
    assert Promise.objects.get(kind="refund").due_at == NOW + timedelta(days=2)


@pytest.mark.clause("D31")
@pytest.mark.parametrize("state", ["expired", "processed", "handed_over", "delivered", "cancelled", "void"])
def test_from_any_other_state_there_is_no_withdrawal_and_nothing_changes(state: str) -> None:
    order = ordered()
    Order.objects.filter(pk=order.pk).update(state=state, cart_code="DBC-X", final_at=NOW)
    with pytest.raises(states.NotCancellable):
        orders.cancel(order=order, by="customer", now=NOW)
    assert Order.objects.get().state == state


@pytest.mark.clause("D57")
def test_an_order_that_nobody_paid_expires_and_the_buyer_is_told() -> None:
    order = ordered()
    assert orders.expire_due(now=NOW + timedelta(hours=24) - timedelta.resolution) == 0
    assert orders.expire_due(now=NOW + timedelta(hours=24)) == 1
    order.refresh_from_db()
    assert order.state == "expired"
    assert Message.objects.filter(template="order_expired", dead_at=None).count() == 1


def test_an_order_waits_for_a_payment_that_may_still_come() -> None:
    order = ordered()
    payment = pay_at_bank(order)
    assert orders.expire_due(now=NOW + timedelta(hours=30)) == 0
    billing.fail(payment=payment)
    assert orders.expire_due(now=NOW + timedelta(hours=30)) == 1


@pytest.mark.clause("D36")
def test_before_paying_a_drop_is_applied_with_a_new_pro_forma_and_a_rise_is_asked() -> None:
    variant = make.variant(price=1_000_000)
    order = ordered(variant=variant)
    Variant.objects.filter(pk=variant.pk).update(price=900_000)
    order = orders.refresh_prices(order=order, shown_total=order.total, now=NOW)
    assert (order.total, order.bill.amount) == (1_403_000, 1_403_000)
    assert order.pro_formas.count() == 2
    Variant.objects.filter(pk=variant.pk).update(price=950_000)
    with pytest.raises(money.TotalRose):
        orders.refresh_prices(order=order, shown_total=order.total, now=NOW)
    order = orders.refresh_prices(order=order, shown_total=1_453_000, now=NOW)
    assert (order.total, order.lines.get().unit_price) == (1_453_000, 950_000)


def test_while_a_token_lives_the_amount_is_frozen() -> None:
    variant = make.variant(price=1_000_000)
    order = ordered(variant=variant)
    pay_at_bank(order)
    Variant.objects.filter(pk=variant.pk).update(price=900_000)
    assert orders.refresh_prices(order=order, shown_total=order.total, now=NOW).total == 1_503_000
    later = orders.refresh_prices(order=order, shown_total=order.total, now=NOW + timedelta(minutes=20))
    assert later.total == 1_403_000


def test_what_a_bill_was_paid_is_found_by_its_payments() -> None:
    order = ordered()
    pay(order)
    assert [p.amount for p in bills.captured_of(order.bill)] == [order.total]
