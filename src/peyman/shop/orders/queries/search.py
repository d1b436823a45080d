"""Finding an order by whatever somebody has in hand: its code, its cart code, a receipt of a bank, a payment's code."""

from collections.abc import Collection

from peyman.billing.models import Payment, Refund
from peyman.kernel import codes
from peyman.kernel.text import normalise
from peyman.shop.orders.models import Order

_LONGEST = 80  # of a receipt


def by_number(typed: str, gateways: Collection[str]) -> list[str]:
    """Return the codes of the orders that a typed number names, the newest first; at most ten.

    Digits of any script, lost dashes and lower case are read as they were meant. A receipt is looked for at these
    `gateways`, and the case of its letters counts. Four queries at most.
    """
    plain = normalise(typed, digits=True)[:_LONGEST]
    if not plain:
        return []
    code = codes.clean(plain)
    for prefix, column in (("ORD", "code"), ("DBC", "cart_code")):
        if codes.is_valid(code, prefix):
            return list(Order.objects.filter(**{column: code}).values_list("code", flat=True))
    receipts = {plain, plain.replace(" ", "").replace("-", "")}
    bills = set(
        Payment.objects.filter(gateway__in=gateways, refnum__in=receipts).values_list("bill_id", flat=True)[:10]
    )
    bills |= set(Refund.objects.filter(provider_ref__in=receipts).values_list("payment__bill_id", flat=True)[:10])
    if codes.is_valid(code, "PAY"):
        bills |= set(Payment.objects.filter(code=code).values_list("bill_id", flat=True))
    if codes.is_valid(code, "REF"):
        bills |= set(Refund.objects.filter(code=code).values_list("payment__bill_id", flat=True))
    if not bills:
        return []
    return list(Order.objects.filter(bill__in=bills).order_by("-pk").values_list("code", flat=True)[:10])
