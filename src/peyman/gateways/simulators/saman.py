"""Saman's protocol at the simulated bank. See `gateways.saman`.

What it holds to, and where it goes beyond the published protocol:

- The receipt number is there from the payment on. `VerifyTransaction` within 30 minutes of the payment: 0, then 2 each
  time; 5 once it was given back, by the shop or, since nobody verified it, by the bank itself.
- `ReverseTransaction` of what was verified, within 50 minutes of the payment.
- The browser goes back to the shop by a form that it sends by POST.

Zarinpal's switches work here too: `verify_…` on verifying, `inquiry_500` on the receipt, `reverse_…` on reversing.
"""

import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from peyman.gateways import saman as protocol
from peyman.gateways.simulators.service import Drop, Request, Response, as_json
from peyman.gateways.simulators.till import CARD, ERROR_500, GARBAGE, LEAST, MOST, Payment, Till, instant

PAY_PATH = protocol.PAY_PATH
VERIFY_WITHIN, REVERSE_WITHIN = timedelta(minutes=30), timedelta(minutes=50)
_STATUS = {"IN_BANK": 0, "FAILED": 3}
_STATES = {0: "InProgress", 2: "OK", 3: "Failed"}
_WORDS = {
    protocol.DONE: "عملیات با موفقیت انجام شد",
    protocol.AGAIN: "درخواست تکراری می باشد",
    protocol.GIVEN_BACK: "تراکنش برگشت خورده می باشد",
    protocol.NO_SUCH: "تراکنش یافت نشد",
    protocol.TOO_LATE: "بیش از نیم ساعت از زمان اجرای تراکنش گذشته است",
}


class SamanCounter:
    """Answers the protocol from the bank's ledger."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def call(self, request: Request) -> Response | None:
        """Answer a call of the shop; None for what is none of this protocol's."""
        call = _CALLS.get(request.path.lower())
        return call(self, request) if call and request.method == "POST" else None

    def _token(self, request: Request) -> Response:
        if self._till.switches.strikes("request_500"):
            return ERROR_500
        body = _object(request)
        amount, terminal, url = body.get("Amount"), str(body.get("TerminalId", "")), str(body.get("RedirectUrl", ""))
        if body.get("action") != "token" or not terminal.isdigit() or not body.get("ResNum"):
            return _no_token("-1", "پارامترهای ارسالی نادرست است.")
        if type(amount) is not int or not LEAST <= amount <= MOST or not url.startswith(("http://", "https://")):
            return _no_token("-1", "مبلغ یا نشانی بازگشت نادرست است.")
        with self._till.lock:
            payment = Payment(
                authority=secrets.token_hex(20),
                session_id=self._till.number(),
                merchant=terminal,
                amount=amount,
                description=str(body["ResNum"]),
                callback_url=url,
                order_id=str(body["ResNum"]),
                mobile=f"0{body['CellNumber']}" if body.get("CellNumber") else "",
                created_at=self._till.clock.now().isoformat(),
                gateway="saman",
            )
            self._till.add(payment)
        if self._till.switches.strikes("request_drop"):
            raise Drop
        return self._done({"status": 1, "token": payment.authority})

    def _receipt(self, request: Request) -> Response:
        if self._till.switches.strikes("inquiry_500"):
            return ERROR_500
        body = _object(request)
        with self._till.lock:
            payment = self._till.payments.get(str(body.get("Token")))
            if payment is None or payment.merchant != str(body.get("TerminalNumber")):
                return self._done({"HasError": True, "Data": None, "ErrorCode": -2, "ErrorMessage": "TokenNotFound"})
            self._till.settle(payment)
            self._till.count(payment, "inquiry")
            status = _STATUS.get(payment.state, 2)
            data = {
                "State": _STATES[status],
                "Status": status,
                "TerminalId": int(payment.merchant),
                "Token": payment.authority,
                "RefNum": refnum(payment),
                "ResNum": self._till.other(payment).order_id,
                "TraceNo": int(payment.session_id),
                "Amount": payment.paid_amount,
                "AffectiveAmount": payment.paid_amount,
                "Rrn": payment.ref_id or 0,
                "HashedCardNumber": "",
            }
        return self._done({"HasError": False, "Data": data, "ErrorCode": 0, "ErrorMessage": ""})

    def _verify(self, request: Request) -> Response:
        switches = self._till.switches
        slow = switches.strikes("verify_slow_s")
        if slow is not None and slow.value:
            time.sleep(min(float(slow.value), 60))
        if switches.strikes("verify_before_500"):
            return ERROR_500
        with self._till.lock:
            payment = self._find(_object(request), "verify")
            if payment is None:
                return self._result(protocol.NO_SUCH)
            if payment.state == "REVERSED":
                return self._result(protocol.GIVEN_BACK)
            code = protocol.AGAIN if payment.state == "VERIFIED" else protocol.DONE
            if code == protocol.DONE:
                if self._age(payment) > VERIFY_WITHIN:
                    return self._result(protocol.TOO_LATE)
                payment.state, payment.verified_at = "VERIFIED", self._till.clock.now().isoformat()
                self._till.keep(payment)
        if switches.strikes("verify_drop"):
            raise Drop
        if switches.strikes("verify_500"):
            return ERROR_500
        return self._result(code, payment)

    def _reverse(self, request: Request) -> Response:
        switches = self._till.switches
        if switches.strikes("reverse_500"):
            return ERROR_500
        with self._till.lock:
            payment = self._find(_object(request), "reverse")
            if payment is None or payment.state == "PAID":
                return self._result(protocol.NO_SUCH)
            if payment.state == "REVERSED":
                return self._result(protocol.GIVEN_BACK)
            if self._age(payment) > REVERSE_WITHIN:
                return self._result(protocol.TOO_LATE)
            if switches.strikes("reverse_refuse"):
                return self._result(-1)
            payment.state, payment.reversed_at = "REVERSED", self._till.clock.now().isoformat()
            self._till.keep(payment)
        if switches.strikes("reverse_drop"):
            raise Drop
        return self._result(protocol.DONE, payment)

    def _find(self, body: dict[str, Any], call: str) -> Payment | None:
        """The payment with a receipt number, of this terminal; the lock is held."""
        for payment in self._till.payments.values():
            if payment.gateway == "saman" and payment.ref_id and refnum(payment) == body.get("RefNum"):
                self._till.settle(payment)
                self._till.count(payment, call)
                return payment if payment.merchant == str(body.get("TerminalNumber")) else None
        return None

    def _age(self, payment: Payment) -> timedelta:
        return self._till.clock.now() - instant(payment.paid_at)

    def _result(self, code: int, payment: Payment | None = None) -> Response:
        detail = payment and {
            "RRN": str(payment.ref_id),
            "RefNum": refnum(payment),
            "MaskedPan": CARD,
            "HashedPan": "",
            "TerminalNumber": int(payment.merchant),
            "OrginalAmount": payment.paid_amount,
            "AffectiveAmount": payment.paid_amount,
            "StraceDate": payment.paid_at,
            "StraceNo": payment.session_id,
        }
        return self._done(
            {
                "TransactionDetail": detail,
                "ResultCode": code,
                "ResultDescription": _WORDS.get(code, "خطا"),
                "Success": detail is not None,
            }
        )

    def _done(self, document: dict[str, Any]) -> Response:
        return GARBAGE if self._till.switches.strikes("garbage") else as_json(document)


_CALLS: dict[str, Callable[[SamanCounter, Request], Response]] = {
    protocol.TOKEN_PATH.lower(): SamanCounter._token,
    protocol.RECEIPT_PATH.lower(): SamanCounter._receipt,
    protocol.VERIFY_PATH.lower(): SamanCounter._verify,
    protocol.REVERSE_PATH.lower(): SamanCounter._reverse,
}


def refnum(payment: Payment) -> str:
    """The receipt number of what was paid, "" before."""
    return f"Gmshtyjw{payment.ref_id}==" if payment.ref_id else ""


def form(payment: Payment) -> dict[str, str]:
    """What the buyer's browser brings back. It proves nothing."""
    is_paid = payment.state in ("PAID", "VERIFIED")
    return {
        "MID": payment.merchant,
        "TerminalId": payment.merchant,
        "State": "OK" if is_paid else "CanceledByUser",
        "Status": "2" if is_paid else "1",
        "RRN": str(payment.ref_id or ""),
        "RefNum": refnum(payment),
        "ResNum": payment.order_id,
        "TraceNo": payment.session_id,
        "Amount": str(payment.paid_amount or payment.amount),
        "SecurePan": CARD if is_paid else "",
        "Token": payment.authority,
    }


def _object(request: Request) -> dict[str, Any]:
    body = request.json()
    return body if isinstance(body, dict) else {}


def _no_token(code: str, words: str) -> Response:
    return as_json({"status": -1, "errorCode": code, "errorDesc": words})
