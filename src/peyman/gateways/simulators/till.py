"""The ledger of the simulated bank: every payment, whatever protocol it came by, the clock, and the switches that make
things fail.

- A payment is IN_BANK → PAID or FAILED → VERIFIED → REVERSED. A token that nobody pays within 30 minutes is FAILED.
- A payment that is never verified goes back to the buyer 30 minutes after it (`auto_return_min`; with `no_auto_return`
  it stays where it is, which is how Zarinpal itself has it).
"""

import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from peyman.gateways.simulators.service import Clock, Faults, Journal, Response

LEAST, MOST = 1_000, 1_000_000_000  # rials, of one payment
TOKEN_LIFE = timedelta(minutes=30)
AUTO_RETURN_MIN = 30
CARD = "603799******5995"

SWITCHES = frozenset(
    {
        "request_drop",  # makes the token, answers nothing
        "request_500",  # makes none
        "verify_drop",  # verifies, answers nothing
        "verify_500",  # verifies, answers 500
        "verify_before_500",  # does not verify, answers 500
        "garbage",  # does it, answers an HTML page with 200
        "other_receipt",  # tells of a payment what is another one's: its receipt (Zarinpal), its ResNum (Saman)
        "inquiry_500",
        "unverified_500",
        "reverse_drop",  # reverses, answers nothing
        "reverse_500",  # does not reverse, answers 500
        "reverse_refuse",  # -60
        "refund_drop",  # refunds, answers nothing
        "refund_500",  # does not refund, answers 500
        "refund_refuse",
        "double_callback",  # the buyer's browser comes back, and a second one at the same moment
        "no_callback",  # the buyer closes the window after paying
        "no_auto_return",
        "down",
    }
)
VALUED = frozenset({"verify_slow_s", "pay_amount", "auto_return_min", "refund_pending_s"})
GARBAGE = Response(200, "<!doctype html><title>خطا</title><p>سامانه در دست تعمیر است.".encode(), "text/html")
ERROR_500 = Response(500, b"<html><body>Internal Server Error</body></html>", "text/html")


@dataclass
class Payment:
    """One token and all that happened to it. Amounts in rials; times as ISO text, None for what did not happen."""

    authority: str
    session_id: str
    merchant: str
    amount: int
    description: str
    callback_url: str
    order_id: str
    mobile: str
    created_at: str
    paid_amount: int = 0
    state: str = "IN_BANK"
    ref_id: int | None = None
    paid_at: str | None = None
    verified_at: str | None = None
    reversed_at: str | None = None
    returned: bool = False  # reversed by the bank itself: nobody verified it, or it was taken back
    refunds: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    gateway: str = "zarinpal"

    def refunded(self) -> int:
        """What went back by refunds."""
        return sum(refund["amount"] for refund in self.refunds)

    def shown(self) -> dict[str, Any]:
        """The row of the ledger."""
        keys = [refund["description"] for refund in self.refunds]
        return asdict(self) | {"refunded": self.refunded(), "duplicates": len(keys) - len(set(keys))}


class Till:
    """The ledger. `state` is a folder whose bank.jsonl keeps it over restarts; None keeps it in memory."""

    def __init__(self, state: Path | str | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.switches = Faults(SWITCHES, VALUED)
        self.lock = threading.RLock()
        self._journal = Journal(Path(state) / "bank.jsonl" if state else None)
        self.payments: dict[str, Payment] = {}
        for row in self._journal.read():
            self.payments[row["authority"]] = Payment(**row)
        self._next_ref = max((p.ref_id or 0 for p in self.payments.values()), default=200_000_000) + 1
        numbers = [p.session_id for p in self.payments.values()]
        numbers += [refund["id"] for p in self.payments.values() for refund in p.refunds]
        self._next_number = max(map(int, numbers), default=400_000_000) + 1

    def close(self) -> None:
        """Let the file go; what was kept stays."""
        self._journal.close()

    def shown(self) -> list[dict[str, Any]]:
        """Every token, oldest first."""
        with self.lock:
            self.settle()
            return [payment.shown() for payment in self.payments.values()]

    def clear(self) -> None:
        """Forget all payments and turn all switches off."""
        with self.lock:
            self.payments.clear()
            self._journal.clear()
            self.switches.clear()

    def pay(self, authority: str, status: str) -> tuple[Payment, int]:
        """Do what the buyer does: pay ("OK") or give up ("NOK"). KeyError for no such token.

        Returns the payment and how many times the buyer's browser goes back to the shop.
        """
        with self.lock:
            payment = self.payments[authority]
            self.settle(payment)
            if payment.state == "IN_BANK":
                now = self.clock.now().isoformat()
                if status == "OK":
                    payment.state, payment.paid_at = "PAID", now
                    payment.paid_amount = self._paid_amount(payment.amount)
                    if payment.gateway != "zarinpal":  # its receipts are numbered when they are verified
                        payment.ref_id = self.reference()
                else:
                    payment.state = "FAILED"
                self.keep(payment)
            paid = payment.state in ("PAID", "VERIFIED")
            if paid and self.switches.strikes("no_callback"):
                return payment, 0
            return payment, 2 if paid and self.switches.strikes("double_callback") else 1

    def take_back(self, authority: str) -> Payment:
        """Give a verified payment back to its card, as a bank does days later, and tell nobody. KeyError for no such
        token, ValueError for one that holds nothing.
        """
        with self.lock:
            payment = self.payments[authority]
            if payment.state != "VERIFIED" or payment.refunds:
                raise ValueError("only a payment that is verified and whole is taken back")
            payment.state, payment.reversed_at, payment.returned = "REVERSED", self.clock.now().isoformat(), True
            self.keep(payment)
            return payment

    # ---- for the protocols; the lock is held ----

    def other(self, payment: Payment) -> Payment:
        """Return the payment whose receipt is told in place of this one's: one that was verified before, where
        `other_receipt` strikes and there is one, else the payment itself.
        """
        if self.switches.strikes("other_receipt"):
            for one in self.payments.values():
                if one.gateway == payment.gateway and one.verified_at and one is not payment:
                    return one
        return payment

    def number(self) -> str:
        """Return the next number of a session or a refund."""
        self._next_number += 1
        return str(self._next_number - 1)

    def reference(self) -> int:
        """Return the next number of a receipt."""
        self._next_ref += 1
        return self._next_ref - 1

    def add(self, payment: Payment) -> None:
        """Take a new token in."""
        self.payments[payment.authority] = payment
        self.count(payment, "request")
        self.keep(payment)

    def settle(self, *payments: Payment) -> None:
        """Let happen what is due by the bank's clock, to these payments or to all."""
        now, switches = self.clock.now(), self.switches.shown()
        returns = "no_auto_return" not in switches
        minutes = switches.get("auto_return_min", {}).get("value") or AUTO_RETURN_MIN
        for payment in payments or self.payments.values():
            if payment.state == "IN_BANK" and now - instant(payment.created_at) > TOKEN_LIFE:
                payment.state = "FAILED"
                self.keep(payment)
            elif payment.state == "PAID" and returns and now - instant(payment.paid_at) > timedelta(minutes=minutes):
                payment.state, payment.reversed_at, payment.returned = "REVERSED", now.isoformat(), True
                self.keep(payment)

    def _paid_amount(self, amount: int) -> int:
        fault = self.switches.strikes("pay_amount")
        if fault is None:
            return amount
        if isinstance(fault.value, dict):
            return max(1, amount + int(fault.value.get("by", 0)))
        return int(fault.value or amount)

    @staticmethod
    def count(payment: Payment, call: str) -> None:
        """Note that the shop asked something about a payment."""
        payment.requests[call] = payment.requests.get(call, 0) + 1

    def keep(self, payment: Payment) -> None:
        """Write a payment down as it is now."""
        self._journal.write(asdict(payment))


def instant(text: str | None) -> datetime:
    """Read a time of a payment. ValueError for what has not happened."""
    if text is None:
        raise ValueError("this has not happened")
    return datetime.fromisoformat(text)
