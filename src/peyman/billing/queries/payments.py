"""What was paid, and where every rial lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q, Sum

from peyman.billing.models import Bill, Entry, Payment, Refund
from peyman.billing.rules.payments import UnknownPayment


def by_token(gateway: str, token: str) -> Payment:
    """Return the payment a bank's token is bound to; raises UnknownPayment."""
    found = Payment.objects.select_related("bill").filter(gateway=gateway, token=token).first() if token else None
    if found is None:
        raise UnknownPayment
    return found


def payments_of(bill: Bill) -> list[Payment]:
    """Return the payments of a bill, oldest first."""
    return list(Payment.objects.filter(bill=bill).order_by("created_at", "pk"))


def refunds_of(bill: Bill) -> list[Refund]:
    """Return what was or is to be given back of a bill, oldest first."""
    return list(Refund.objects.filter(payment__bill=bill).select_related("payment").order_by("created_at", "pk"))


def captured_of(bill: Bill) -> list[Payment]:
    """Return the captured payments of a bill that still have money in them."""
    rows = Payment.objects.filter(bill=bill, state=Payment.State.CAPTURED).order_by("captured_at", "pk")
    return [payment for payment in rows if payment.refunded < payment.amount]


def live_payment(bill: Bill, now: object) -> Payment | None:
    """Return a payment whose token may still be paid: its amount is frozen (A14)."""
    return (
        Payment.objects.filter(bill=bill, state__in=["new", "pending", "verifying"], token_until__gt=now)
        .order_by("pk")
        .last()
    )


@dataclass(frozen=True)
class Answers:
    """How a bank did lately: when it last told of money that came, and whether it owes us an answer for long."""

    captured_at: datetime | None
    is_silent: bool


def answers_of_banks(now: datetime, *, span: timedelta, patience: timedelta) -> dict[str, Answers]:
    """Return gateway → how it did in the `span` before `now`: silent where a payment has been at it for longer than
    `patience` and it still does not say how it stands. One query.
    """
    rows = Payment.objects.filter(created_at__gt=now - span).order_by().values("gateway")
    waits = Q(state=Payment.State.VERIFYING, created_at__lt=now - patience)
    told = rows.annotate(last=Max("captured_at"), waiting=Count("pk", filter=waits))
    return {row["gateway"]: Answers(row["last"], row["waiting"] > 0) for row in told}


def balance(account: str) -> int:
    """Return the balance of an account of the ledger, in rials, debit positive."""
    return Entry.objects.filter(account=account).aggregate(total=Sum("amount"))["total"] or 0


def trial_balance() -> list[tuple[str, int]]:
    """Return each account of the ledger and its balance in rials, debit positive. They add up to nothing. One query."""
    rows = Entry.objects.order_by("account").values("account").annotate(total=Sum("amount"))
    return [(row["account"], row["total"]) for row in rows]


def export_rows() -> Iterator[dict[str, object]]:
    """Yield payments, then refunds and reversals: payment, order, gateway, token, refnum, amount, kind, state."""
    for payment in Payment.objects.select_related("bill").order_by("pk").iterator():
        yield {
            "payment": payment.code,
            "order": payment.bill.subject.removeprefix("order:"),
            "gateway": payment.gateway,
            "token": payment.token,
            "refnum": payment.refnum,
            "amount": payment.amount,
            "kind": "payment",
            "state": payment.state,
        }
    for refund in Refund.objects.select_related("payment__bill").order_by("pk").iterator():
        yield {
            "payment": refund.payment.code,
            "order": refund.payment.bill.subject.removeprefix("order:"),
            "gateway": refund.payment.gateway,
            "token": refund.payment.token,
            "refnum": refund.provider_ref or None,
            "amount": refund.amount,
            "kind": refund.kind,
            "state": refund.state,
        }


def unsettled(bill: Bill) -> bool:
    """Return whether the bank may still bring money for a bill."""
    return Payment.objects.filter(bill=bill, state__in=["pending", "verifying"]).exists()
