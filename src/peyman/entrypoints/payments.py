"""Paying: where the shop, the ledger and a bank meet. Doors and sweeps call this, nobody else.

No transaction is open while a bank is asked. What the bank said is handed to one action; what it did
not say is asked again by the sweep (`check`), for as long as the token may be paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urljoin

import structlog
from django.conf import settings
from django.db import transaction

from peyman.billing import actions as billing
from peyman.billing import queries as bills
from peyman.billing.actions import Capture, RefundAsk
from peyman.billing.models import Payment, Refund
from peyman.billing.rules import (
    BankAway,
    ForeignReceipt,
    KeyReused,
    Mismatch,
    RefundAccepted,
    RefundRefused,
    Reversed,
    Status,
    TokenGranted,
    TooLate,
    Unknown,
    UnknownPayment,
    Unpaid,
    Verified,
)
from peyman.billing.rules.paya import is_for_good
from peyman.entrypoints import clock, refunds
from peyman.entrypoints.finaliser import CAPTURE, Answer, Given, Work, Writer
from peyman.gateways import banks
from peyman.gateways.banking import Bank
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import TryLater
from peyman.promises.rules import parameter
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from peyman.shop.orders.queries.payable import ran_out
from peyman.shop.orders.rules import states

log = structlog.get_logger()

UNVERIFIED_LIFE = timedelta(minutes=45)  # a bank returns what nobody verified within 30 minutes; some are left for it
_writer = Writer(clock.now)


@dataclass(frozen=True)
class Started:
    """A payment the customer may go and make."""

    payment: str
    redirect_url: str


@dataclass(frozen=True)
class Outcome:
    """How a return from the bank ended: `final`, `short`, `unpaid`, `unknown`, `returned`, `surplus`, or `kept` for an
    order that waits for its buyer's answer.
    """

    kind: str
    order: str


def start(
    *,
    order: Order,
    gateway: str,
    or_others: bool = False,
    shown_total: int | None = None,
    key: str | None = None,
    request_hash: str = "",
    now: datetime,
) -> Started:
    """Begin paying for an order: look at stock and prices, freeze the amount, get a token from the bank.

    `or_others`: when this bank gives no token, the others that are set up are asked. `shown_total` (rials): what the
    buyer saw, the order's own total when not given. Raises states.NotPayable, SoldOut, TotalRose, GuardianNeeded,
    UnknownGateway, BankAway; nothing was taken then.
    """
    bank = banks.bank(gateway)
    if key and (earlier := Payment.objects.filter(bill=order.bill_id, idempotency_key=key).first()):
        if earlier.request_hash != request_hash:
            raise KeyReused
        if earlier.token:
            return _begun(earlier)
    orders.assert_guardian(order, now)
    order = orders.refresh_prices(order=order, shown_total=order.total if shown_total is None else shown_total, now=now)
    payment = billing.start(
        bill=order.bill,
        gateway=gateway,
        terminal=bank.terminal,
        amount=order.total,
        minutes=parameter(order.terms.parameters, "payment_minutes"),
        key=key,
        request_hash=request_hash,
        now=now,
    )
    for name in dict.fromkeys([gateway, *(banks.names() if or_others else ())]):
        if _token_from(name, payment, order, now):
            break
    return _begun(payment)


def _token_from(gateway: str, payment: Payment, order: Order, now: datetime) -> bool:
    """Ask one bank for a token; True when there is nothing more to ask. No token was ever bound to the payment: what
    another bank may have made without our knowing, nobody can pay.
    """
    bank = banks.bank(gateway)
    minutes = parameter(order.terms.parameters, "payment_minutes")
    if payment.token or not billing.begin_again(
        payment=payment, gateway=gateway, terminal=bank.terminal, amount=order.total, minutes=minutes, now=now
    ):
        return True
    answer = bank.request(
        amount=payment.amount,
        callback_url=urljoin(settings.PUBLIC_URL + "/", f"pay/{gateway}/callback"),
        description=f"سفارش {order.code}",
        order=order.code,
        payment=payment.code,
        mobile=order.person.mobile,
    )
    if not isinstance(answer, TokenGranted):
        log.warning("payment.no_token", payment=payment.code, gateway=gateway, answer=type(answer).__name__)
        billing.no_token(payment=payment)
        return False
    if billing.give_token(payment=payment, token=answer.token, now=now):
        log.info("payment.started", payment=payment.code, order=order.code, gateway=gateway)
    return True


def _begun(payment: Payment) -> Started:
    """Send the buyer to the token that our row is bound to, and to no other."""
    if not payment.token:
        raise BankAway
    return Started(payment.code, banks.bank(payment.gateway).redirect_url(payment.token))


def handle_callback(*, gateway: str, token: str, status_ok: bool, now: datetime) -> Outcome:
    """A browser came back with a token. Nothing it says is believed but the token's name.

    Raises UnknownPayment; TryLater when too many came at once, and the sweep asks the bank then. `status_ok` only
    decides whether the bank is asked to verify or merely how it stands; a false NOK costs nobody anything, a false OK
    gains nobody anything.
    """
    banks.bank(gateway)
    with _writer.expecting():
        if status_ok and token:
            claim = _writer.do(CLAIM, (gateway, token))
            if claim is None:
                raise UnknownPayment
            return _claimed(claim, _writer.do, now)
        return settle(payment=bills.by_token(gateway, token), verify=status_ok, do=_writer.do, now=now)


def check(*, payment: Payment, now: datetime) -> Outcome:
    """The sweep's turn: ask the bank about a payment nobody came back for."""
    return settle(payment=payment, verify=payment.state == Payment.State.VERIFYING, do=_at_once, now=now)


class Doer(Protocol):
    """Has something done for one: at once, or together with what others ask for."""

    def __call__(self, work: Work[Given, Answer], ask: Given, /) -> Answer: ...


def _at_once(work: Work[Given, Answer], ask: Given, /) -> Answer:
    return work.run([ask], clock.now())[0]


@dataclass(frozen=True)
class Claim:
    """A payment on its way to the bank: `claimed`, so that it may be verified; `gone`, since what it is for ran out;
    or `past` all that.
    """

    payment: Payment
    step: str


def _claim_many(tokens: Sequence[tuple[str, str]], now: datetime) -> list[Claim | None]:
    """Claim the receipts of tokens before the bank is told; None for a token that is nobody's. One transaction."""
    with transaction.atomic():
        held = billing.hold(tokens)
        known = [payment for payment in held.values() if _is_askable(payment)]
        looked_at = [p for p in known if p.state == Payment.State.PENDING and banks.bank(p.gateway).tells_returns]
        gone = ran_out([payment.bill_id for payment in looked_at]) if looked_at else set()
        gone = {payment.pk for payment in looked_at if payment.bill_id in gone}
        claimed = billing.begin_verify_many(payments=[p for p in known if p.pk not in gone], now=now)

    def step(payment: Payment) -> str:
        return "gone" if payment.pk in gone else "claimed" if payment.pk in claimed else "past"

    return [Claim(held[token], step(held[token])) if token in held else None for token in tokens]


def _is_askable(payment: Payment) -> bool:
    if payment.state not in billing.ASKABLE:
        return False
    if payment.terminal != banks.bank(payment.gateway).terminal or not payment.token:
        log.error("payment.foreign_terminal", payment=payment.code)
        return False
    return True


def _turn_away_many(payments: Sequence[Payment], now: datetime) -> list[bool]:
    away = orders.turn_away_many(payments=payments, now=now)
    return [payment.pk in away for payment in payments]


CLAIM: Work[tuple[str, str], Claim | None] = Work("claim", _claim_many)
TURN_AWAY: Work[Payment, bool] = Work("turn_away", _turn_away_many)


def write_elsewhere() -> None:
    """Let a process of its own write for this one. To be called before there are threads."""
    _writer.hand_over(CLAIM, TURN_AWAY, CAPTURE)


def settle(*, payment: Payment, verify: bool, do: Doer, now: datetime) -> Outcome:
    """Bring a payment as far as the bank's word carries it. May run any number of times, side by side."""
    if not _is_askable(payment):
        return outcome_of(payment)
    token = payment.token or ""
    if not verify:
        status = banks.bank(payment.gateway).inquiry(token=token)
        if status not in (Status.PAID, Status.VERIFIED):
            return _not_paid(payment, status, now)
    claim = do(CLAIM, (payment.gateway, token))
    return _claimed(claim, do, now) if claim else outcome_of(payment)


def _claimed(claim: Claim, do: Doer, now: datetime) -> Outcome:
    payment = claim.payment
    bank = banks.bank(payment.gateway)
    token = payment.token or ""
    if claim.step == "gone":
        ended = _turn_away(payment, bank.inquiry(token=token), do, now)
        if ended:
            return ended
    elif claim.step == "past":
        return outcome_of(payment)
    if claim.step != "claimed" and not billing.begin_verify(payment=payment, now=now):
        return outcome_of(Payment.objects.get(pk=payment.pk))
    # The receipt is claimed: our row names this token, so "verified before" can only be our own earlier word.
    answer = bank.verify(token=token, amount=payment.amount, payment=payment.code)
    if isinstance(answer, Verified):
        try:
            done = do(CAPTURE, Capture(payment.pk, answer.refnum, answer.card_mask))
        except (ForeignReceipt, TryLater):
            billing.ask_again(payment=payment, now=now)
            return Outcome("unknown", _order_of(payment).code)
        order = payment.bill.subject.removeprefix("order:")
        kind = done.kind(payment.pk, order)
        return Outcome(kind, order) if kind else outcome_of(Payment.objects.get(pk=payment.pk))
    if isinstance(answer, Mismatch):
        return _mismatch(payment, bank.inquiry(token=token), now)
    if isinstance(answer, Unpaid):
        # Verifying was asked for already, so a bank that only then tells what it gave back itself may be asked again.
        return _not_paid(payment, bank.inquiry(token=token, is_ours=True), now)
    billing.ask_again(payment=payment, now=now)
    log.warning("payment.unknown", payment=payment.code)
    return Outcome("unknown", _order_of(payment).code)


@carries_out("D28", "D30")
def _turn_away(payment: Payment, status: Status | Unknown, do: Doer, now: datetime) -> Outcome | None:
    """What was paid ran out meanwhile (A14): it is not verified, so that the bank gives it back by itself, at the
    latest. None when it has to be verified after all: the bank holds it as ours, or the order waits no longer.
    """
    if status is Status.VERIFIED:
        return None
    if status is not Status.PAID:
        return _not_paid(payment, status, now)
    if not do(TURN_AWAY, payment):
        return None
    order = payment.bill.subject.removeprefix("order:")
    log.warning("order.short", orders=[order])
    return Outcome("short", order)


def _not_paid(payment: Payment, status: Status | Unknown, now: datetime) -> Outcome:
    order = _order_of(payment).code
    if isinstance(status, Unknown):
        billing.ask_again(payment=payment, now=now)
        return Outcome("unknown", order)
    if status is Status.REVERSED:
        billing.returned(payment=payment)
        return Outcome("returned", order)
    if status in (Status.PAID, Status.VERIFIED):
        billing.ask_again(payment=payment, now=now)
        return Outcome("unknown", order)
    if now >= payment.token_until + UNVERIFIED_LIFE or (status is Status.FAILED and now >= payment.token_until):
        billing.fail(payment=payment)
    else:
        billing.ask_again(payment=payment, now=now)
    return Outcome("unpaid", order)


@carries_out("D30")
def _mismatch(payment: Payment, status: Status | Unknown, now: datetime) -> Outcome:
    """Our amount is not what was paid: the money never becomes ours, and its way back is promised.

    Where the bank has no such token of ours there is no money to give back.
    """
    order = _order_of(payment)
    log.error("payment.mismatch", payment=payment.code, order=order.code)
    if isinstance(status, Unknown):
        billing.ask_again(payment=payment, now=now)
        return Outcome("unknown", order.code)
    if status not in (Status.PAID, Status.VERIFIED):
        billing.stop_asking(payment=payment)
        return Outcome("unpaid", order.code)
    with transaction.atomic():
        # Another request may have heard "verified" meanwhile: what was captured is ours, and owed to nobody.
        if not billing.stop_asking(payment=payment):
            return outcome_of(Payment.objects.get(pk=payment.pk))
        billing.accept_refunds(
            asks=[
                RefundAsk(
                    payment=payment,
                    amount=payment.amount,
                    reason="mismatch",
                    clause="D30",
                    account=None,
                    order=order.code,
                    person_id=order.person_id,
                    terms=order.terms,
                    what="بازگرداندن مبلغی که با مبلغ سفارش یکی نبود",
                )
            ],
            now=now,
        )
    return Outcome("returned", order.code)


def outcome_of(payment: Payment) -> Outcome:
    """Return how a payment stands by our own rows; `unknown` while the bank has not told us the end."""
    order = _order_of(payment)
    if payment.state in (Payment.State.FAILED, Payment.State.RETURNED) and _was_turned_away(payment):
        return Outcome("short", order.code)
    if payment.state == Payment.State.FAILED:
        return Outcome("unpaid", order.code)
    if payment.state == Payment.State.RETURNED:
        return Outcome("returned", order.code)
    if payment.state != Payment.State.CAPTURED:
        return Outcome("unknown", order.code)
    if order.state == states.SHORT or _was_turned_away(payment):
        return Outcome("short", order.code)
    if order.cart_code and not payment.refunds.filter(reason="not_due").exists():
        return Outcome("final", order.code)
    if order.state == states.INCOMPLETE and not payment.refunds.exists():
        return Outcome("kept", order.code)
    return Outcome("surplus", order.code)


def _was_turned_away(payment: Payment) -> bool:
    return payment.refunds.filter(reason="sold_out").exists()


def _order_of(payment: Payment) -> Order:
    return Order.objects.select_related("person", "terms", "bill").get(bill=payment.bill_id)


# ---- Giving back ----


def give_back(*, refund: Refund, now: datetime) -> bool:
    """Take one refund a step further with the bank. Returns whether it is proven done.

    One that leaves by Paya is no matter of the gateway's, and one that waits for a second person is not sent.
    """
    if refund.kind == Refund.Kind.PAYA or refund.given < refund.needs:
        return False
    payment = refund.payment
    bank = banks.bank(payment.gateway)
    if not payment.token:
        log.error("refund.no_token", refund=refund.code)
        return False
    if refund.kind == Refund.Kind.REVERSAL:
        return _reverse(refund, payment, bank, now)
    return _transfer(refund, payment, bank, now)


def _reverse(refund: Refund, payment: Payment, bank: Bank, now: datetime) -> bool:
    if refund.state == Refund.State.ASKED and _proven(refund, payment, bank, now) is True:
        return True
    billing.asked_bank(refund=refund)
    answer = bank.reverse(token=payment.token or "")
    proven = None if isinstance(answer, Unknown) else _proven(refund, payment, bank, now)
    if proven:
        return True
    if isinstance(answer, Reversed | Unknown) or proven is None or payment.state != Payment.State.CAPTURED:
        # Not proven yet: a bank that refuses may have reversed it when we last asked, and its answer was lost. What was
        # never captured cannot be transferred: it is reversed, or a person sees to it.
        billing.retry_refund(refund=refund, now=now)
    else:
        way = "too_late" if isinstance(answer, TooLate) else "refused"
        log.warning("refund.no_reversal", refund=refund.code, why=way, code=answer.code)
        billing.retry_refund(refund=refund, now=now, kind=Refund.Kind.REFUND)
    return False


def _proven(refund: Refund, payment: Payment, bank: Bank, now: datetime) -> bool | None:
    """The inquiry is the proof (design §2): only a bank that says "reversed" keeps the promise. None: no answer."""
    status = bank.inquiry(token=payment.token or "", is_ours=True)
    if isinstance(status, Unknown):
        return None
    if status is not Status.REVERSED:
        return False
    orders.give_back_done(refund=refund, provider_ref=payment.refnum or payment.token or "", proof="inquiry", now=now)
    log.info("refund.done", refund=refund.code, kind="reversal")
    return True


def _transfer(refund: Refund, payment: Payment, bank: Bank, now: datetime) -> bool:
    """Ask for a transfer, or how the one we asked for stands: the port finds it again by the refund's code."""
    if not payment.refnum:
        log.error("refund.no_receipt", refund=refund.code)
        return False
    billing.asked_bank(refund=refund)
    answer = bank.refund(refnum=payment.refnum, amount=refund.amount, reason=refund.reason, key=refund.code)
    if isinstance(answer, RefundAccepted) and answer.done:
        orders.give_back_done(refund=refund, provider_ref=answer.ref, proof="bank", now=now)
        log.info("refund.done", refund=refund.code, kind="refund")
        return True
    if isinstance(answer, RefundRefused):
        log.warning("refund.refused", refund=refund.code, code=answer.code)
        proven = _proven(refund, payment, bank, now)
        if proven:  # reversed after all, by a request whose answer was lost
            return True
        if proven is False and is_for_good(answer.code, refund.tries):
            refunds.fall_to_paya(refund=refund, why=answer.code, now=now)
            return False
    billing.retry_refund(refund=refund, now=now)
    return False
