"""Paying over the real protocol, against a bank that fails in every way it can."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from peyman.billing.models import Entry, Payment, Refund
from peyman.billing.rules import BankAway, KeyReused, Status, Unknown, UnknownGateway, UnknownPayment
from peyman.entrypoints import payments
from peyman.entrypoints.jobs import sweeps
from peyman.gateways import banks
from peyman.gateways.simulators import BankSimulator
from peyman.promises.models import Promise
from peyman.shop.catalog.models import Variant
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules import money, states
from peyman.shop.stock.models import Stock
from peyman.shop.stock.rules import SoldOut
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import balances, ordered

# The capture is committed by the finaliser's own thread, so nothing here can live inside one test transaction.
pytestmark = pytest.mark.django_db(transaction=True)


class Way:
    """By which bank's protocol the tests pay."""

    gateway = "zarinpal"


way = Way()


@pytest.fixture(params=["zarinpal", "saman"], autouse=True)
def gateway(request: pytest.FixtureRequest) -> str:
    way.gateway = request.param
    return way.gateway


@pytest.fixture
def bank(settings: Any, tmp_path: Path) -> Iterator[BankSimulator]:
    settings.CLOCK_FILE = tmp_path / "clock"  # the finaliser's thread reads the clock by itself
    settings.CLOCK_FILE.write_text(NOW.isoformat())
    with BankSimulator() as simulator:
        settings.BANK_URL = simulator.url
        settings.ZARINPAL_ACCESS_TOKEN = "an-access-token"
        yield simulator


def begin(order: Order, **more: Any) -> str:
    """Start a payment, and return its token."""
    payments.start(order=order, gateway=way.gateway, now=NOW, **more)
    token = Payment.objects.filter(bill=order.bill).latest("pk").token
    assert token
    return token


def back(token: str, *, ok: bool = True, later: int = 0) -> str:
    """The buyer's browser comes back; returns how it ended."""
    now = NOW + timedelta(seconds=later)
    return payments.handle_callback(gateway=way.gateway, token=token, status_ok=ok, now=now).kind


def state_of(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def captured(bank: BankSimulator) -> list[int]:
    """What the bank holds for us: verified and not given back."""
    return [row["amount"] for row in bank.ledger() if row["state"] == "VERIFIED"]


def sweep(*, later: int) -> None:
    sweeps.run_due(NOW + timedelta(seconds=later))


@pytest.mark.clause("D57")
def test_a_paid_order_becomes_final_when_the_buyer_comes_back(bank: BankSimulator) -> None:
    order = ordered()
    token = begin(order)
    bank.pay(token)
    assert back(token) == "final"
    order.refresh_from_db()
    payment = Payment.objects.get()
    assert order.state == "final" and order.cart_code
    number = bank.ledger()[0]["ref_id"]
    assert payment.refnum == (str(number) if way.gateway == "zarinpal" else f"Gmshtyjw{number}==")
    assert payment.card_mask == "603799******5995"
    assert captured(bank) == [order.total]


def test_the_bank_is_told_whose_the_payment_is_and_where_to_come_back(bank: BankSimulator) -> None:
    order = ordered()
    begin(order)
    told = bank.ledger()[0]
    name = order.code if way.gateway == "zarinpal" else Payment.objects.get().code  # Saman: once for each payment
    assert (told["amount"], told["order_id"]) == (order.total, name)
    assert told["callback_url"].endswith(f"/pay/{way.gateway}/callback")


def test_coming_back_again_and_again_changes_nothing(bank: BankSimulator) -> None:
    order = ordered()
    token = begin(order)
    bank.pay(token)
    assert [back(token) for _ in range(3)] == ["final"] * 3
    assert [back(token, ok=False) for _ in range(2)] == ["final"] * 2
    assert Entry.objects.filter(posting__startswith="capture").count() == 2


def test_24_browsers_at_once_make_one_capture(bank: BankSimulator, threads: Callable[..., Any]) -> None:
    order = ordered()
    token = begin(order)
    bank.pay(token)
    assert threads(24, lambda n: back(token, ok=n % 3 != 0)) == ["final"] * 24
    assert Stock.objects.get().allocated == 1
    assert balances() == {f"gateway:{way.gateway}": order.total, "orders": -order.total}


def test_ok_without_paying_gains_nothing(bank: BankSimulator) -> None:
    order = ordered()
    assert back(begin(order)) == "unpaid"
    assert state_of(order) == "registered"
    assert captured(bank) == []


def test_a_false_nok_costs_nothing(bank: BankSimulator) -> None:
    order = ordered()
    token = begin(order)
    bank.pay(token)
    assert back(token, ok=False) == "final"


def test_a_token_we_never_gave_out_is_nobodys(bank: BankSimulator) -> None:
    for forged in ("A" + "0" * 35, "", "x' OR 1=1 --"):
        with pytest.raises(UnknownPayment):
            back(forged)
    with pytest.raises(UnknownGateway):
        payments.handle_callback(gateway="mellat", token="A", status_ok=True, now=NOW)


def test_a_small_receipt_never_pays_a_large_order(bank: BankSimulator) -> None:
    large, small = ordered(price=500_000_000), ordered(price=10_000)
    for_large, for_small = begin(large), begin(small)
    bank.pay(for_small)
    assert back(for_large) == "unpaid"
    assert back(for_small) == "final"
    assert (state_of(large), state_of(small)) == ("registered", "final")


@pytest.mark.clause("D30")
def test_a_buyer_who_pays_another_amount_gets_it_back_and_no_order(bank: BankSimulator) -> None:
    bank.faults(pay_amount=10_000)
    order = ordered(price=500_000_000)
    token = begin(order)
    bank.pay(token)
    assert back(token) == "returned"
    assert state_of(order) == "registered"
    sweep(later=1)
    sweep(later=60)
    assert [row["state"] for row in bank.ledger()] == ["REVERSED"]
    assert (Refund.objects.get().state, Payment.objects.get().state) == ("done", "returned")
    assert Promise.objects.get(kind="refund").state == "kept"
    assert balances() == {}


@pytest.mark.parametrize("fault", ["verify_drop", "verify_500", "garbage"])
def test_an_answer_that_was_lost_is_asked_for_again(bank: BankSimulator, fault: str) -> None:
    order = ordered()
    token = begin(order)
    bank.pay(token)
    bank.faults(**{fault: 1.0})
    assert back(token) == "unknown"
    assert state_of(order) == "registered"
    assert Payment.objects.get().state == "verifying"
    bank.faults(**{fault: 0.0})
    sweep(later=120)
    assert state_of(order) == "final"
    assert captured(bank) == [order.total]


def test_a_buyer_who_closes_the_window_still_gets_the_order(bank: BankSimulator) -> None:
    order = ordered()
    bank.pay(begin(order))
    sweep(later=10)
    assert state_of(order) == "registered"  # nothing is due yet
    sweep(later=30)
    assert state_of(order) == "final"


def test_a_bank_that_is_silent_for_long_is_asked_until_it_speaks(bank: BankSimulator) -> None:
    order = ordered()
    bank.pay(begin(order))
    bank.faults(inquiry_500=1.0, verify_before_500=1.0)
    for seconds in (30, 120, 600, 3600):
        sweep(later=seconds)
    assert state_of(order) == "registered"
    bank.faults(inquiry_500=0.0, verify_before_500=0.0)
    sweep(later=7200)
    assert state_of(order) == "final"


def test_what_the_bank_gave_back_before_we_verified_it_is_let_go_and_the_order_expires(bank: BankSimulator) -> None:
    order = ordered()
    token = begin(order)
    bank.pay(token)
    bank.faults(verify_before_500=1.0)
    assert back(token) == "unknown"
    bank.faults(verify_before_500=0.0)
    bank.advance(31 * 60)
    sweep(later=31 * 60)
    assert (Payment.objects.get().state, Payment.objects.get().check_at) == ("returned", None)
    assert balances() == {}
    assert orders.expire_due(now=order.pay_until) == 1


def test_a_bank_that_gives_no_token_takes_nothing(bank: BankSimulator) -> None:
    order = ordered()
    bank.faults(request_500=1.0)
    with pytest.raises(BankAway):
        begin(order)
    assert (state_of(order), Payment.objects.get().state) == ("registered", "failed")
    bank.faults(request_500=0.0)
    token = begin(order)
    bank.pay(token)
    assert back(token) == "final"


def test_the_same_key_after_a_bank_that_was_away_gets_a_token_that_is_ours(bank: BankSimulator) -> None:
    order = ordered(price=1_000_000)
    bank.faults(request_drop=1.0)
    with pytest.raises(BankAway):
        begin(order, key="k", request_hash="h")
    bank.faults(request_drop=0.0)
    Variant.objects.update(price=900_000)
    token = begin(order, key="k", request_hash="h")
    payment = Payment.objects.get()
    assert (payment.token, payment.amount, payment.state) == (token, 1_403_000, "pending")
    bank.pay(token)
    assert back(token) == "final"


def test_one_key_sent_by_8_at_once_sends_everybody_to_the_same_token(
    bank: BankSimulator, threads: Callable[..., Any]
) -> None:
    order = ordered()
    begun = threads(
        8, lambda n: payments.start(order=order, gateway=way.gateway, key="k", request_hash="h", now=NOW).redirect_url
    )
    assert len(set(begun)) == 1
    assert begun[0].endswith(Payment.objects.get().token or "-")


def test_one_key_starts_one_payment(bank: BankSimulator) -> None:
    order = ordered()
    first = payments.start(order=order, gateway=way.gateway, key="k", request_hash="h", now=NOW)
    again = payments.start(order=order, gateway=way.gateway, key="k", request_hash="h", now=NOW)
    assert first == again
    with pytest.raises(KeyReused):
        payments.start(order=order, gateway=way.gateway, key="k", request_hash="other", now=NOW)
    assert len(bank.ledger()) == 1


@pytest.mark.clause("D30")
def test_paying_twice_gives_the_second_back_within_seconds(bank: BankSimulator) -> None:
    order = ordered()
    one, two = begin(order), begin(order)
    bank.pay(one)
    bank.pay(two)
    assert (back(one), back(two)) == ("final", "surplus")
    sweep(later=1)
    assert captured(bank) == [order.total]
    assert Refund.objects.get().state == "done"
    assert balances() == {f"gateway:{way.gateway}": order.total, "orders": -order.total}


@pytest.mark.clause("D28")
@pytest.mark.clause("D30")
def test_who_comes_after_the_last_piece_gets_the_money_back_at_once(bank: BankSimulator) -> None:
    variant = make.variant(on_hand=1)
    first, second = ordered(variant=variant), ordered(variant=variant)
    one, two = begin(first), begin(second)
    bank.pay(one)
    bank.pay(two)
    assert (back(one), back(two)) == ("final", "short")
    sweep(later=1)
    assert (state_of(first), state_of(second)) == ("final", "cancelled")
    assert captured(bank) == [first.total]
    promise = Promise.objects.get(kind="refund")
    assert (promise.state, promise.evidence["proof"]) == ("kept", "inquiry")


@pytest.mark.clause("D28")
def test_paying_for_what_is_sold_out_is_not_even_begun(bank: BankSimulator) -> None:
    variant = make.variant(on_hand=1)
    order = ordered(variant=variant)
    Stock.objects.update(allocated=1)
    with pytest.raises(SoldOut):
        begin(order)
    assert bank.ledger() == []


@pytest.mark.clause("D56")
def test_a_rise_before_paying_needs_the_buyers_word(bank: BankSimulator) -> None:
    variant = make.variant(price=1_000_000)
    order = ordered(variant=variant)
    Variant.objects.update(price=1_100_000, list_price=1_100_000)
    with pytest.raises(money.TotalRose):
        begin(order)
    token = begin(order, shown_total=1_603_000)
    assert bank.ledger()[0]["amount"] == 1_603_000
    bank.pay(token)
    assert back(token) == "final"


@pytest.mark.clause("D36")
def test_who_pays_a_token_from_before_a_drop_gets_the_difference_back(bank: BankSimulator) -> None:
    order = ordered(price=1_000_000)
    old, later = begin(order), NOW + timedelta(minutes=21)  # ours for 20 minutes, the bank's for 30
    Variant.objects.update(price=900_000)
    payments.start(order=order, gateway=way.gateway, now=later)
    bank.pay(old)
    assert back(old, later=25 * 60) == "final"
    order.refresh_from_db()
    refund = Refund.objects.get()
    assert (order.total, refund.amount, refund.reason) == (1_403_000, 100_000, "price_drop")
    assert balances() == {f"gateway:{way.gateway}": 1_503_000, "orders": -1_403_000, "refunds": -100_000}


@pytest.mark.clause("D57")
@pytest.mark.parametrize("state", ["final", "cancelled", "expired", "short"])
def test_only_a_registered_order_is_paid_for(bank: BankSimulator, state: str) -> None:
    order = ordered()
    Order.objects.filter(pk=order.pk).update(state=state, cart_code="DBC-X", final_at=NOW)
    with pytest.raises(states.NotPayable):
        begin(order)
    assert bank.ledger() == []


@pytest.mark.clause("D30")
def test_money_that_comes_after_the_order_was_cancelled_goes_back(bank: BankSimulator) -> None:
    order = ordered()
    token = begin(order)
    orders.cancel(order=order, by="customer", now=NOW)
    bank.pay(token)
    assert back(token) == "surplus"
    sweep(later=1)
    assert captured(bank) == []
    assert balances() == {}


def paid_twice(bank: BankSimulator) -> Order:
    """An order that is final, and paid once more: the second payment is owed back."""
    order = ordered()
    one, two = begin(order), begin(order)
    bank.pay(one)
    bank.pay(two)
    back(one)
    back(two)
    return order


@pytest.mark.clause("D30")
@pytest.mark.parametrize("fault", ["reverse_drop", "reverse_500"])
def test_a_reversal_whose_answer_is_lost_is_proven_or_tried_again(bank: BankSimulator, fault: str) -> None:
    order = paid_twice(bank)
    bank.faults(**{fault: 1.0})
    sweep(later=1)
    bank.faults(**{fault: 0.0})
    sweep(later=60)
    assert (Refund.objects.get().state, captured(bank)) == ("done", [order.total])
    assert balances() == {f"gateway:{way.gateway}": order.total, "orders": -order.total}


@pytest.mark.clause("D30")
def test_another_amount_that_is_heard_after_the_capture_gives_nothing_back(bank: BankSimulator) -> None:
    """Two requests came back at once: one heard "verified", the other, too late, the receipt of somebody else."""
    order = ordered()
    token = begin(order)
    stale = Payment.objects.get()
    bank.pay(token)
    assert back(token) == "final"
    stale.state = Payment.State.VERIFYING
    assert payments._mismatch(stale, Status.VERIFIED, NOW).kind == "final"
    assert not Refund.objects.exists()
    assert balances() == {f"gateway:{way.gateway}": order.total, "orders": -order.total}


@pytest.mark.clause("D30")
def test_a_bank_that_refuses_what_it_reversed_before_is_asked_until_it_says_so(bank: BankSimulator) -> None:
    """The answer to the reversal is lost, the next one is refused, and the inquiry behind it fails as well."""
    order = paid_twice(bank)
    bank.faults(reverse_drop=1.0)
    sweep(later=1)
    bank.faults(reverse_drop=0.0, inquiry_500=1.0)
    for later in (60, 120):
        sweep(later=later)
    refund = Refund.objects.get()
    assert (refund.kind, refund.state) == ("reversal", "asked")
    bank.faults(inquiry_500=0.0)
    sweep(later=600)
    assert (Refund.objects.get().kind, Refund.objects.get().state) == ("reversal", "done")
    assert balances() == {f"gateway:{way.gateway}": order.total, "orders": -order.total}


@pytest.mark.clause("D30")
@pytest.mark.parametrize("gateway", ["zarinpal"], indirect=True)  # Saman transfers nothing by itself
def test_a_transfer_that_is_refused_since_the_bank_reversed_is_found_done(bank: BankSimulator) -> None:
    order = paid_twice(bank)
    bank.faults(reverse_drop=1.0)
    sweep(later=1)
    bank.faults(reverse_drop=0.0)
    Refund.objects.update(kind="refund", state="owed")  # as an earlier version took it
    sweep(later=60)
    assert (Refund.objects.get().state, Refund.objects.get().kind) == ("done", "refund")
    assert balances() == {f"gateway:{way.gateway}": order.total, "orders": -order.total}


@pytest.mark.clause("D30")
@pytest.mark.parametrize("gateway", ["zarinpal"], indirect=True)  # Saman transfers nothing by itself
def test_a_bank_that_will_not_reverse_is_asked_for_a_transfer_once(bank: BankSimulator) -> None:
    paid_twice(bank)
    bank.faults(reverse_refuse=1.0, refund_drop=1.0)
    sweep(later=1)
    sweep(later=60)
    bank.faults(refund_drop=0.0)
    for later in (120, 240, 480):
        sweep(later=later)
    refunded = [row["refunds"] for row in bank.ledger() if row["refunds"]]
    assert [len(rows) for rows in refunded] == [1]
    assert (Refund.objects.get().state, Refund.objects.get().kind) == ("done", "refund")


def test_a_token_nobody_paid_is_let_go_after_its_life(bank: BankSimulator) -> None:
    order = ordered()
    begin(order)
    sweep(later=60)
    assert Payment.objects.get().state == "pending"
    sweep(later=70 * 60)
    payment = Payment.objects.get()
    assert (payment.state, payment.check_at) == ("failed", None)


# ---- Two banks ----


def away(gateway: str, bank: BankSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one of the two banks give no token."""
    port = banks.bank(gateway)
    monkeypatch.setattr(port, "request", lambda **_: Unknown("away"))


def test_when_one_bank_gives_no_token_the_other_is_asked_and_the_payment_is_its_own(
    bank: BankSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ordered()
    away(way.gateway, bank, monkeypatch)
    started = payments.start(order=order, gateway=way.gateway, or_others=True, key="k", request_hash="h", now=NOW)
    payment = Payment.objects.get()
    other = "saman" if way.gateway == "zarinpal" else "zarinpal"
    assert (payment.gateway, payment.state, payment.amount) == (other, "pending", order.total)
    assert started.redirect_url == banks.bank(other).redirect_url(payment.token or "")
    again = payments.start(order=order, gateway=way.gateway, or_others=True, key="k", request_hash="h", now=NOW)
    assert again == started
    bank.pay(payment.token or "")
    done = payments.handle_callback(gateway=other, token=payment.token or "", status_ok=True, now=NOW)
    assert done.kind == "final"
    assert balances() == {f"gateway:{other}": order.total, "orders": -order.total}


def test_a_bank_that_was_asked_for_by_name_is_the_only_one_asked(
    bank: BankSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ordered()
    away(way.gateway, bank, monkeypatch)
    with pytest.raises(BankAway):
        payments.start(order=order, gateway=way.gateway, now=NOW)
    assert bank.ledger() == []


def test_one_bank_s_token_is_nothing_at_the_other(bank: BankSimulator) -> None:
    token = begin(ordered())
    bank.pay(token)
    other = "saman" if way.gateway == "zarinpal" else "zarinpal"
    with pytest.raises(UnknownPayment):
        payments.handle_callback(gateway=other, token=token, status_ok=True, now=NOW)
    assert captured(bank) == []
    assert Payment.objects.get().state == "pending"  # nobody claimed it


def test_banks_are_offered_in_the_order_of_the_settings(settings: Any) -> None:
    assert banks.names() == ["zarinpal", "saman"]
    settings.GATEWAYS = ["saman", "zarinpal", "mellat"]
    assert banks.names() == ["saman", "zarinpal"]
    settings.SAMAN_TERMINAL = ""
    assert banks.names() == ["zarinpal"]
    with pytest.raises(UnknownGateway):
        banks.bank("saman")
