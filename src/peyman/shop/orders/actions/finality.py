"""The only commit point of the shop: stock, price and cart code in one short transaction (D57)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, CharField, QuerySet

from peyman.billing import actions as billing
from peyman.billing.actions import Owed, RefundAsk
from peyman.billing.models import Bill, Payment
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.promises import actions as promises
from peyman.promises.queries import reckoning, version
from peyman.promises.rules import parameter
from peyman.sealed import sealed_fields
from peyman.shop.offers import actions as offers
from peyman.shop.orders.actions import guardian, notes
from peyman.shop.orders.actions.moves import move_many
from peyman.shop.orders.models import Order, OrderLine
from peyman.shop.orders.rules import states
from peyman.shop.stock import actions as stock
from peyman.shop.stock.queries import available
from peyman.shop.stock.rules import fit
from peyman.tables import ByKey, Prepared


@dataclass
class Issued:
    """Order codes by how they ended: `final` have their cart code, `short` are paid but sold out."""

    final: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)


@carries_out("D57", "D30")
def issue_cart_codes(ids: Sequence[int], now: datetime) -> Issued:
    """Make paid, registered orders final, first come first served in the order of `ids`.

    In one transaction: stock is claimed by one conditional statement, prices that fell meanwhile are
    applied, each order gets its cart code, money is matched, the buyer is told and what is owed is
    promised. An order whose pieces ran out becomes short and its money is owed back (D30). Orders in
    another state, or not paid in full, are passed over: running it twice changes nothing.
    The number of queries does not grow with orders or lines.
    """
    with transaction.atomic():
        held = {order.pk: order for order in _hold(_registered(ids))}
        orders = [held[pk] for pk in dict.fromkeys(ids) if pk in held]
        waiting = guardian.waiting(orders, now)
        return _issue([order for order in orders if order.pk not in waiting], now)


# What is not looked at here. Opening what is sealed costs more than all else of a row, and a moment more than a text.
_UNREAD = [
    *(column.name for column in sealed_fields(Order)),
    *("shown_total", "placed_at", "pay_until", "processing_date", "final_at", "idempotency_key", "request_hash"),
    "bill__created_at",
    *(f"person__{name}" for name in ("landline", "national_id", "sheba", "password", "last_login", "mobile_hash")),
    *(f"person__{name}" for name in ("national_id_hash", "national_id_confirmed_at", "created_at", "closed_at")),
]


def _locked(**which: Any) -> "QuerySet[Order]":
    """Orders in key order, to be locked, with bill and buyer. Of the address nothing is read."""
    rows = Order.objects.select_for_update(of=("self",)).filter(**which).select_related("bill", "person")
    return rows.defer(*_UNREAD).order_by("pk")


_registered = Prepared(lambda ids: _locked(pk__in=ids, state=states.REGISTERED))
_of_bills = Prepared(lambda bills: _locked(bill__in=bills))
_registered_of_bills = Prepared(lambda bills: _locked(bill__in=bills, state=states.REGISTERED))
_lines = Prepared(lambda orders: OrderLine.objects.filter(order__in=orders).order_by("order_id", "position"))


def _hold(orders: list[Order]) -> list[Order]:
    """Return these orders with their terms, whose document is remembered and not read."""
    for order in orders:
        order.terms = version(order.terms_id, order.terms_sha256)
    return orders


def _issue(orders: Sequence[Order], now: datetime) -> Issued:
    """Make locked, registered orders final, first come first served, where they are paid for."""
    orders = [order for order in orders if order.bill.paid - order.bill.refunded >= order.total]
    if not orders:
        return Issued()
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    for line in _lines(order.pk for order in orders):
        lines[line.order_id].append(line)
    pieces = {order.pk: {line.variant_id: line.quantity for line in lines[order.pk]} for order in orders}
    wanted = {variant for some in pieces.values() for variant in some}
    held = stock.lock(wanted)
    if offers.settle(((variant, counter.offer_until) for variant, counter in held.items()), now=now):
        held = stock.lock(wanted)
    left = {variant: counter.left for variant, counter in held.items()}
    served, refused = fit([(order.pk, pieces[order.pk]) for order in orders], left)
    by_pk = {order.pk: order for order in orders}
    _make_final([by_pk[pk] for pk in served], lines, {variant: counter.price for variant, counter in held.items()}, now)
    for pk in served:
        for variant, n in pieces[pk].items():
            left[variant] -= n
    _make_short([by_pk[pk] for pk in refused], {pk: _gone(lines[pk], left) for pk in refused}, now)
    return Issued(final=[by_pk[pk].code for pk in served], short=[by_pk[pk].code for pk in refused])


@carries_out("D22")
def _make_final(
    orders: list[Order], lines: dict[int, list[OrderLine]], prices: Mapping[int, int], now: datetime
) -> None:
    if not orders:
        return
    pieces: dict[int, int] = defaultdict(int)
    for order in orders:
        for line in lines[order.pk]:
            pieces[line.variant_id] += line.quantity
    stock.claim_many(pieces=pieces)
    _apply_drops(orders, lines, prices)
    cart_codes = {order.pk: codes.new("DBC") for order in orders}
    by = reckoning()
    processing_date = by[1].calendar.processing_date(now)  # set at registration, counted anew from finality (A13)
    move_many(
        orders=orders,
        event="issue_cart_code",
        by="system",
        now=now,
        details={order.pk: {"total": order.total, "paid": order.bill.paid} for order in orders},
        cart_code=ByKey("pk", cart_codes, CharField()),
        final_at=now,
        processing_date=processing_date,
    )
    for order in orders:
        order.cart_code, order.final_at = cart_codes[order.pk], now
        order.processing_date = processing_date
    billing.allocate_many(
        amounts={order.bill_id: order.total for order in orders},
        subjects={order.bill_id: order.code for order in orders},
        now=now,
    )
    _owe_differences(orders, now)
    _read_addresses([order for order in orders if notes.has_mail(order.person)])
    messages.queue_many(
        [message for order in orders for message in notes.cart_code(order, order.person, lines[order.pk], now)], now=now
    )
    promises.make_many([promise for order in orders for promise in _promised(order, now)], by=by, now=now)


def _read_addresses(orders: list[Order]) -> None:
    """Open what a mail prints of the address; an SMS prints nothing of it."""
    if orders:
        read = Order.objects.in_bulk([order.pk for order in orders])
        for order in orders:
            order.street, order.plate = read[order.pk].street, read[order.pk].plate


@carries_out("D57", "D22")
def _promised(order: Order, now: datetime) -> list[promises.NewPromise]:
    """What a final order is owed from here: its cart code in hand, and its processing in working time."""
    return [
        promises.NewPromise(
            clause="D57",
            kind="cart_code",
            subject=f"message:{notes.cart_code_key(order.code)}",
            order=order.code,
            person_id=order.person_id,
            what="رساندن کد سبد، پس از کسر موجودی و ثبت قیمت",
            terms=order.terms,
            start=now,
            hours=parameter(order.terms.parameters, "cart_code_hours"),
            hours_kind="calendar",
            province=order.province,
        ),
        promises.NewPromise(
            clause="D22",
            kind="processing",
            subject=f"order:{order.code}",
            order=order.code,
            person_id=order.person_id,
            what="پردازش سفارش",
            terms=order.terms,
            start=now,
            hours=parameter(order.terms.parameters, "processing_hours"),
            province=order.province,
        ),
    ]


@carries_out("D36")
def _apply_drops(orders: list[Order], lines: dict[int, list[OrderLine]], prices: Mapping[int, int]) -> None:
    """Give each order the prices that fell since it was placed. `prices`: variant → rials today."""
    fallen = [line for order in orders for line in lines[order.pk] if prices[line.variant_id] < line.unit_price]
    if not fallen:
        return
    saved: dict[int, int] = defaultdict(int)
    for line in fallen:
        saved[line.order_id] += (line.unit_price - prices[line.variant_id]) * line.quantity
        line.unit_price = prices[line.variant_id]
    OrderLine.objects.bulk_update(fallen, ["unit_price"])
    touched = [order for order in orders if order.pk in saved]
    for order in touched:
        order.goods_total -= saved[order.pk]
        order.total -= saved[order.pk]
    Order.objects.bulk_update(touched, ["goods_total", "total"])
    Bill.objects.filter(pk__in=[order.bill_id for order in touched]).update(
        amount=ByKey("pk", {order.bill_id: order.total for order in touched}, BigIntegerField())
    )


@carries_out("D36")
def _owe_differences(orders: list[Order], now: datetime) -> None:
    """Owe back what was paid above the final total, whether a price fell just now, or after the token that was paid in
    the end had run out for us and another was asked for at the lower price (A14).
    """
    over = {order.bill_id: order for order in orders if order.bill.paid - order.bill.refunded > order.total}
    if not over:
        return
    asks = []
    for payment in _with_money(over):
        order = over[payment.bill_id]
        spare = order.bill.paid - order.bill.refunded - order.total
        amount = min(spare, payment.amount - payment.refunded)
        if amount > 0:
            order.bill.refunded += amount
            asks.append(
                _ask(
                    order,
                    payment,
                    amount,
                    reason="price_drop",
                    clause="D36",
                    account="unallocated",
                    what=f"واریز {notes.toman_words(amount)} تومان مابه‌التفاوت کاهش قیمت",
                )
            )
    billing.accept_refunds(asks=asks, now=now)


def _gone(lines: Sequence[OrderLine], left: Mapping[int, int]) -> list[str]:
    """Return the SKUs of which fewer are left than an order wants."""
    return [line.sku for line in lines if left.get(line.variant_id, 0) < line.quantity]


@carries_out("D28", "D30")
def _make_short(orders: list[Order], gone: Mapping[int, list[str]], now: datetime) -> None:
    """Tell the truth to those who paid for what ran out, and owe them all of it. `gone`: order → SKUs that ran out."""
    if not orders:
        return
    _run_short(orders, gone, now)
    by_bill = {order.bill_id: order for order in orders}
    asks = [
        _ask(
            by_bill[payment.bill_id],
            payment,
            payment.amount - payment.refunded,
            reason="sold_out",
            clause="D30",
            account="unallocated",
            what=f"بازگرداندن {notes.toman_words(payment.amount - payment.refunded)} تومان، چون کالا تمام شد",
        )
        for payment in _with_money(by_bill)
    ]
    _tell_short(billing.accept_refunds(asks=asks, now=now), by_bill, now)


def _run_short(orders: list[Order], gone: Mapping[int, list[str]], now: datetime) -> None:
    details = {order.pk: {"skus": gone[order.pk]} for order in orders}
    move_many(orders=orders, event="run_short", by="system", now=now, details=details)


def _tell_short(accepted: Sequence[Owed], by_bill: Mapping[int, Order], now: datetime) -> None:
    told = {}
    for owed in accepted:
        order = by_bill[owed.refund.payment.bill_id]
        told[order.pk] = notes.short(order, order.person, owed.refund.amount, owed.due_at)
    messages.queue_many(list(told.values()), now=now)


@carries_out("D28", "D30")
@transaction.atomic
def turn_away_many(*, payments: Sequence[Payment], now: datetime) -> set[int]:
    """Leave paid payments unverified, because what they are for ran out (A14): their orders are short, and the money,
    which is not ours, is promised back all the same; the bank's inquiry proves it.

    Returns the keys of those that were turned away. Nothing has changed for the others: a payment on its way to being
    verified, an order that waits no longer.
    """
    by_bill = {payment.bill_id: payment for payment in payments}
    list(Bill.objects.select_for_update().filter(pk__in=by_bill).order_by("pk").values_list("pk"))  # before the orders
    orders = {order.bill_id: order for order in _hold(_registered_of_bills(by_bill))}
    down = billing.turn_down_many(payments=[by_bill[bill] for bill in orders])
    orders = {bill: order for bill, order in orders.items() if by_bill[bill].pk in down}
    if not orders:
        return down
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    for line in _lines(order.pk for order in orders.values()):
        lines[line.order_id].append(line)
    left = available({line.variant_id for some in lines.values() for line in some})
    short = list(orders.values())
    _run_short(short, {order.pk: _gone(lines[order.pk], left) for order in short}, now)
    asks = [
        _ask(
            order,
            by_bill[order.bill_id],
            by_bill[order.bill_id].amount,
            reason="sold_out",
            clause="D30",
            account=None,
            what=f"بازگرداندن {notes.toman_words(by_bill[order.bill_id].amount)} تومان، چون کالا تمام شد",
        )
        for order in short
    ]
    _tell_short(billing.accept_refunds(asks=asks, now=now), orders, now)
    return down


def _with_money(bills: dict[int, Order]) -> list[Payment]:
    rows = Payment.objects.filter(bill__in=list(bills), state=Payment.State.CAPTURED).order_by("captured_at", "pk")
    return [payment for payment in rows if payment.refunded < payment.amount]


def _ask(
    order: Order, payment: Payment, amount: int, *, reason: str, clause: str, account: str | None, what: str
) -> RefundAsk:
    return RefundAsk(
        payment=payment,
        amount=amount,
        reason=reason,
        clause=clause,
        account=account,
        order=order.code,
        person_id=order.person_id,
        terms=order.terms,
        what=what,
    )


@carries_out("D30")
def take_payments(payments: Sequence[Payment], now: datetime) -> Issued:
    """Let captured payments do their work: make their orders final, or owe the money back.

    For the caller's transaction, right after the capture. Money for an order that is not waiting for
    it (final already, expired, cancelled, a minor's without a guardian's word) is owed back whole, at once. What is
    paid for an incomplete order is kept for its completion, which makes it final (D39).
    """
    orders = {order.bill_id: order for order in _hold(_of_bills(payment.bill_id for payment in payments))}
    first: dict[int, Payment] = {}
    surplus: list[Payment] = []
    waiting = guardian.waiting(orders.values(), now)
    for payment in payments:
        order = orders[payment.bill_id]
        if order.pk not in waiting and payment.bill_id not in first and _is_due(order, payment, payments):
            first[payment.bill_id] = payment
        else:
            surplus.append(payment)
    billing.accept_refunds(
        asks=[
            _ask(
                orders[payment.bill_id],
                payment,
                payment.amount - payment.refunded,
                reason="not_due",
                clause="D30",
                account="unallocated",
                what=f"بازگرداندن {notes.toman_words(payment.amount)} تومان که بیش از یک بار یا دیر پرداخت شد",
            )
            for payment in surplus
        ],
        now=now,
    )
    ready = [orders[bill] for bill in first if orders[bill].state == states.REGISTERED]
    if surplus:  # bills have changed since they were read
        return issue_cart_codes([order.pk for order in ready], now) if ready else Issued()
    return _issue(ready, now)


def _is_due(order: Order, payment: Payment, captured: Sequence[Payment]) -> bool:
    """Say whether an order still waits for this money; an incomplete one waits for its first payment only."""
    if payment.amount < order.total:
        return False
    if order.state == states.INCOMPLETE and not order.cart_code:
        came_now = sum(one.amount for one in captured if one.bill_id == order.bill_id)
        return order.bill.paid - order.bill.refunded - came_now < order.total
    return order.state == states.REGISTERED
