"""Zarinpal v4 at the simulated bank. See `gateways.zarinpal`.

What it holds to, and where it goes beyond the published protocol:

- `verify` compares the amount first, also for a token that was verified before; of competing calls exactly one gets
  code 100, the others 101 with the same `ref_id`.
- `reverse` within 30 minutes of the payment, from PAID or VERIFIED, and not after a refund.
- Refunds are made as often as they are asked for, as long as something is left: the bank knows no idempotency key.
  `duplicates` in the ledger counts those with a description that was there before. A PAYA refund is PENDING when it
  is asked and PAID once `refund_pending_s` seconds have passed (0: when it is next looked at).
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from peyman.gateways.simulators.service import LOOPBACK, Drop, Request, Response, as_json
from peyman.gateways.simulators.till import CARD, ERROR_500, GARBAGE, LEAST, MOST, Payment, Till, instant

REVERSE_WITHIN = timedelta(minutes=30)
SMALLEST_REFUND = 20_000
UNVERIFIED_SHOWN = 100
PAY_PATH = "/pg/StartPay/"

_MERCHANT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FIELD = re.compile(r"(?:(\w+)\s*:\s*)?\b(AddRefund|GetRefunds|Session|Terminals)\b")
_MESSAGES = {
    -9: "The input params invalid, validation error.",
    -50: "Session is not valid, amounts values is not the same.",
    -51: "Session is not valid, session is not active paid try.",
    -53: "Session is not this merchant_id session",
    -54: "Invalid authority.",
    -60: "Session can not be reversed with bank.",
    -61: "Session is not in success status.",
    -63: "Maximum time for reverse this session is expired.",
}


class ZarinpalCounter:
    """Answers the protocol from the bank's ledger."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def call(self, request: Request) -> Response | None:
        """Answer a call of the shop; None for what is none of this protocol's."""
        call = _CALLS.get(request.path)
        return call(self, request) if call and request.method == "POST" else None

    # ---- the protocol ----

    def _request(self, request: Request) -> Response:
        if self._till.switches.strikes("request_500"):
            return ERROR_500
        body = _object(request)
        wrong = _request_errors(body)
        if wrong:
            return _error(-9, wrong)
        amount = int(body["amount"]) * (10 if body.get("currency") == "IRT" else 1)
        told = body.get("metadata")
        metadata: dict[str, Any] = told if isinstance(told, dict) else {}
        with self._till.lock:
            payment = Payment(
                authority="A" + "".join(secrets.choice(_LETTERS) for _ in range(35)),
                session_id=self._till.number(),
                merchant=body["merchant_id"],
                amount=amount,
                description=body["description"],
                callback_url=body["callback_url"],
                order_id=str(metadata.get("order_id", "")),
                mobile=str(metadata.get("mobile", "")),
                created_at=self._till.clock.now().isoformat(),
            )
            self._till.add(payment)
        if self._till.switches.strikes("request_drop"):
            raise Drop
        return self._done({"authority": payment.authority, "fee_type": "Merchant", "fee": 0, "message": "Success"})

    def _verify(self, request: Request) -> Response:
        slow = self._till.switches.strikes("verify_slow_s")
        if slow is not None and slow.value:
            time.sleep(min(float(slow.value), 60))
        if self._till.switches.strikes("verify_before_500"):
            return ERROR_500
        body = _object(request)
        with self._till.lock:
            payment = self._find(body, "verify")
            if isinstance(payment, int):
                return _error(payment)
            if not _is_amount(body.get("amount")):
                return _error(-9, {"amount": "The amount must be an integer."})
            asked = int(body["amount"]) * (10 if body.get("currency") == "IRT" else 1)
            if payment.state in ("PAID", "VERIFIED") and asked != payment.paid_amount:
                return _error(-50)
            if payment.state not in ("PAID", "VERIFIED"):
                return _error(-51)
            again = payment.state == "VERIFIED"
            if not again:
                payment.state, payment.verified_at = "VERIFIED", self._till.clock.now().isoformat()
                payment.ref_id = self._till.reference()
                self._till.keep(payment)
        if self._till.switches.strikes("verify_drop"):
            raise Drop
        if self._till.switches.strikes("verify_500"):
            return ERROR_500
        with self._till.lock:
            ref_id = self._till.other(payment).ref_id
        return self._done(
            {
                "ref_id": ref_id,
                "card_pan": CARD,
                "card_hash": hashlib.sha256(CARD.encode()).hexdigest().upper(),
                "fee_type": "Merchant",
                "fee": 0,
                "message": "Verified" if again else "Paid",
            },
            code=101 if again else 100,
        )

    def _inquiry(self, request: Request) -> Response:
        if self._till.switches.strikes("inquiry_500"):
            return ERROR_500
        with self._till.lock:
            payment = self._find(_object(request), "inquiry")
            if isinstance(payment, int):
                return _error(payment)
            return self._done({"status": payment.state, "message": "Success"})

    def _reverse(self, request: Request) -> Response:
        if self._till.switches.strikes("reverse_500"):
            return ERROR_500
        with self._till.lock:
            payment = self._find(_object(request), "reverse")
            if isinstance(payment, int):
                return _error(payment)
            if payment.state not in ("PAID", "VERIFIED") or payment.refunds:
                return _error(-61)
            if self._till.clock.now() - instant(payment.paid_at) > REVERSE_WITHIN:
                return _error(-63)
            if self._till.switches.strikes("reverse_refuse"):
                return _error(-60)
            payment.state, payment.reversed_at = "REVERSED", self._till.clock.now().isoformat()
            self._till.keep(payment)
        if self._till.switches.strikes("reverse_drop"):
            raise Drop
        return self._done({"message": "Reversed"})

    def _unverified(self, request: Request) -> Response:
        if self._till.switches.strikes("unverified_500"):
            return ERROR_500
        merchant = _object(request).get("merchant_id")
        if not isinstance(merchant, str) or not _MERCHANT.fullmatch(merchant):
            return _error(-9, {"merchant_id": "The merchant id is not valid."})
        with self._till.lock:
            self._till.settle()
            rows = [
                {
                    "authority": payment.authority,
                    "amount": payment.paid_amount,
                    "callback_url": payment.callback_url,
                    "referer": "",
                    "date": payment.paid_at,
                }
                for payment in reversed(self._till.payments.values())
                if payment.merchant == merchant and payment.state == "PAID"
            ]
        return self._done({"message": "Success", "authorities": rows[:UNVERIFIED_SHOWN]})

    def _graphql(self, request: Request) -> Response:
        if not request.headers.get("authorization", "").removeprefix("Bearer ").strip():
            return as_json({"errors": [{"message": "Unauthenticated."}]}, 401)
        body = _object(request)
        query, variables = body.get("query"), body.get("variables") or {}
        found = _FIELD.search(query.partition("{")[2]) if isinstance(query, str) else None
        if found is None or not isinstance(variables, dict):
            return _graph_error("Syntax Error: nothing of ours is asked for")
        name, field_name = found[1] or found[2], found[2]
        if field_name == "AddRefund":
            return self._add_refund(name, variables)
        with self._till.lock:
            self._till.settle()
            rows = _READS[field_name](self, variables)
        return as_json({"data": {name: rows}})

    def _add_refund(self, name: str, variables: dict[str, Any]) -> Response:
        if self._till.switches.strikes("refund_500"):
            return ERROR_500
        amount, description = variables.get("amount"), str(variables.get("description") or "")
        with self._till.lock:
            wanted = str(variables.get("session_id"))
            payment = next((p for p in self._till.payments.values() if p.session_id == wanted), None)
            if payment is None or payment.state != "VERIFIED":
                return _graph_error("session is not refundable")
            self._till.count(payment, "refund")
            if type(amount) is not int or amount < SMALLEST_REFUND:
                return _graph_error("amount is less than the minimum of 20000")
            if amount > payment.paid_amount - payment.refunded():
                return _graph_error("amount is more than what is left of this session")
            if self._till.switches.strikes("refund_refuse"):
                return _graph_error("balance is not enough")
            now = self._till.clock.now().isoformat()
            refund = {
                "id": self._till.number(),
                "amount": amount,
                "description": description,
                "method": variables.get("method") or "PAYA",
                "reason": variables.get("reason") or "OTHER",
                "at": now,
            }
            payment.refunds.append(refund)
            self._till.keep(payment)
            terminal = _terminal(payment.merchant)
        if self._till.switches.strikes("refund_drop"):
            raise Drop
        status = "PAID" if refund["method"] == "CARD" else "PENDING"
        timeline = {"refund_amount": amount, "refund_time": now, "refund_status": status}
        told = {"terminal_id": terminal, "id": refund["id"], "amount": amount, "timeline": timeline}
        return as_json({"data": {name: told}})

    def _terminals(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        merchants = dict.fromkeys(payment.merchant for payment in self._till.payments.values())
        return [
            {"id": _terminal(key), "key": key, "status": "ACTIVE", "domain": LOOPBACK, "name": "sandbox"}
            for key in merchants
        ]

    def _sessions(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        reference, number = variables.get("reference_id"), variables.get("id")
        rows = [
            {
                "id": payment.session_id,
                "status": payment.state,
                "amount": payment.paid_amount,
                "description": payment.description,
                "created_at": payment.created_at,
            }
            for payment in reversed(self._till.payments.values())
            if _terminal(payment.merchant) == str(variables.get("terminal_id"))
            and (reference is None or str(payment.ref_id) == str(reference))
            and (number is None or payment.session_id == str(number))
        ]
        return _page(rows, variables)

    def _refunds(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        pending = self._till.switches.strikes("refund_pending_s")
        until = self._till.clock.now() - timedelta(seconds=float(pending.value or 0) if pending else 0)
        rows = [
            {
                "id": refund["id"],
                "amount": refund["amount"],
                "status": "PAID" if refund["method"] == "CARD" or instant(refund["at"]) <= until else "PENDING",
                "created_at": refund["at"],
                "description": refund["description"],
            }
            for payment in self._till.payments.values()
            if _terminal(payment.merchant) == str(variables.get("terminal_id"))
            for refund in payment.refunds
        ]
        rows.sort(key=lambda row: int(row["id"]), reverse=True)
        return _page(rows, variables)

    def _find(self, body: dict[str, Any], call: str) -> Payment | int:
        """The payment a call is about, or the code of the refusal."""
        merchant, authority = body.get("merchant_id"), body.get("authority")
        if not isinstance(merchant, str) or not _MERCHANT.fullmatch(merchant) or not isinstance(authority, str):
            return -9
        payment = self._till.payments.get(authority)
        if payment is None:
            return -54
        if payment.merchant != merchant:
            return -53
        self._till.settle(payment)
        self._till.count(payment, call)
        return payment

    def _done(self, data: dict[str, Any], code: int = 100) -> Response:
        if self._till.switches.strikes("garbage"):
            return GARBAGE
        return as_json({"data": {"code": code} | data, "errors": []})


_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CALLS: dict[str, Callable[[ZarinpalCounter, Request], Response]] = {
    "/pg/v4/payment/request.json": ZarinpalCounter._request,
    "/pg/v4/payment/verify.json": ZarinpalCounter._verify,
    "/pg/v4/payment/inquiry.json": ZarinpalCounter._inquiry,
    "/pg/v4/payment/reverse.json": ZarinpalCounter._reverse,
    "/pg/v4/payment/unVerified.json": ZarinpalCounter._unverified,
    "/api/v4/graphql/": ZarinpalCounter._graphql,
    "/api/v4/graphql": ZarinpalCounter._graphql,
}
_READS: dict[str, Callable[[ZarinpalCounter, dict[str, Any]], list[dict[str, Any]]]] = {
    "Terminals": ZarinpalCounter._terminals,
    "Session": ZarinpalCounter._sessions,
    "GetRefunds": ZarinpalCounter._refunds,
}


def _object(request: Request) -> dict[str, Any]:
    body = request.json()
    return body if isinstance(body, dict) else {}


def _error(code: int, validations: dict[str, str] | None = None) -> Response:
    rows = [{name: sentence} for name, sentence in (validations or {}).items()]
    errors = {"code": code, "message": _MESSAGES[code], "validations": rows}
    return as_json({"data": [], "errors": errors}, 422 if rows else 200)


def _graph_error(message: str) -> Response:
    return as_json({"errors": [{"message": message, "extensions": {"category": "validation"}}], "data": None})


def _is_amount(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and value.isascii() and value.isdecimal())


def _request_errors(body: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a request for a token: field → sentence."""
    wrong = {}
    if not isinstance(body.get("merchant_id"), str) or not _MERCHANT.fullmatch(body["merchant_id"]):
        wrong["merchant_id"] = "The merchant id is not valid."
    if body.get("currency") not in (None, "IRR", "IRT"):
        wrong["currency"] = "The selected currency is invalid."
    if not _is_amount(body.get("amount")):
        wrong["amount"] = "The amount must be an integer."
    elif not LEAST <= int(body["amount"]) * (10 if body.get("currency") == "IRT" else 1) <= MOST:
        wrong["amount"] = "The amount is out of the allowed range."
    url = body.get("callback_url")
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        wrong["callback_url"] = "The callback url format is invalid."
    description = body.get("description")
    if not isinstance(description, str) or not 0 < len(description) <= 500:
        wrong["description"] = "The description must be a text of at most 500 characters."
    return wrong


@cache
def _terminal(merchant: str) -> str:
    """The number of a merchant on the GraphQL side."""
    return str(100_000 + int(hashlib.sha256(merchant.encode()).hexdigest()[:6], 16))


def _page(rows: list[dict[str, Any]], variables: dict[str, Any]) -> list[dict[str, Any]]:
    offset, limit = int(variables.get("offset") or 0), int(variables.get("limit") or 25)
    return rows[offset : offset + min(limit, 100)]


def back(payment: Payment) -> str:
    """Where the buyer's browser goes."""
    status = "OK" if payment.state in ("PAID", "VERIFIED") else "NOK"
    parts = urlsplit(payment.callback_url)
    query = [*parse_qsl(parts.query), ("Authority", payment.authority), ("Status", status)]
    return urlunsplit(parts._replace(query=urlencode(query)))
