"""Zarinpal v4 on loopback, with a ledger of its own and switches that make it fail. See `gateways.zarinpal`.

What it holds to, and where it goes beyond the published protocol:

- A payment is IN_BANK → PAID or FAILED → VERIFIED → REVERSED. A token that nobody pays within 30 minutes is FAILED.
- `verify` compares the amount first, also for a token that was verified before; of competing calls exactly one gets
  code 100, the others 101 with the same `ref_id`.
- `reverse` within 30 minutes of the payment, from PAID or VERIFIED, and not after a refund.
- A payment that is never verified goes back to the buyer 30 minutes after it (`auto_return_min`; with `no_auto_return`
  it stays where it is, which is how Zarinpal itself has it).
- Refunds are made as often as they are asked for, as long as something is left: the bank knows no idempotency key.
  `duplicates` in the ledger counts those with a description that was there before. A PAYA refund is PENDING when it
  is asked and PAID once `refund_pending_s` seconds have passed (0: when it is next looked at).
"""

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import structlog

from peyman.gateways.simulators import pages
from peyman.gateways.simulators.service import (
    LOOPBACK,
    BadSwitch,
    Clock,
    Drop,
    Faults,
    Journal,
    Request,
    Response,
    Service,
    as_json,
    as_page,
)

log = structlog.get_logger(__name__)

LEAST, MOST = 1_000, 1_000_000_000  # rials, of one payment
REVERSE_WITHIN = TOKEN_LIFE = timedelta(minutes=30)
AUTO_RETURN_MIN = 30
SMALLEST_REFUND = 20_000
UNVERIFIED_SHOWN = 100
CARD = "603799******5995"

SWITCHES = frozenset(
    {
        "request_drop",  # makes the token, answers nothing
        "request_500",  # makes none
        "verify_drop",  # verifies, answers nothing
        "verify_500",  # verifies, answers 500
        "verify_before_500",  # does not verify, answers 500
        "garbage",  # does it, answers an HTML page with 200
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
_GARBAGE = Response(200, "<!doctype html><title>خطا</title><p>سامانه در دست تعمیر است.".encode(), "text/html")
_ERROR_500 = Response(500, b"<html><body>Internal Server Error</body></html>", "text/html")
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
    returned: bool = False  # reversed by the bank itself, since nobody verified it
    refunds: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)

    def refunded(self) -> int:
        """What went back by refunds."""
        return sum(refund["amount"] for refund in self.refunds)

    def shown(self) -> dict[str, Any]:
        """The row of the ledger."""
        keys = [refund["description"] for refund in self.refunds]
        return asdict(self) | {"refunded": self.refunded(), "duplicates": len(keys) - len(set(keys))}


class BankSimulator(Service):
    """The bank: `with BankSimulator() as bank: Zarinpal(merchant, bank.url)`.

    `state` is a folder whose bank.jsonl keeps the ledger over restarts; None keeps it in memory.
    """

    def __init__(self, port: int = 0, state: Path | str | None = None, clock: Clock | None = None) -> None:
        super().__init__(port)
        self.clock = clock or Clock()
        self.switches = Faults(SWITCHES, VALUED)
        self._lock = threading.RLock()
        self._journal = Journal(Path(state) / "bank.jsonl" if state else None)
        self._payments: dict[str, Payment] = {}
        for row in self._journal.read():
            self._payments[row["authority"]] = Payment(**row)
        self._next_ref = max((p.ref_id or 0 for p in self._payments.values()), default=200_000_000) + 1
        numbers = [p.session_id for p in self._payments.values()]
        numbers += [refund["id"] for p in self._payments.values() for refund in p.refunds]
        self._next_number = max(map(int, numbers), default=400_000_000) + 1

    def stop(self) -> None:
        """Close the port; what was kept stays."""
        super().stop()
        self._journal.close()

    # ---- for scripts and tests ----

    def faults(self, **switches: Any) -> None:
        """Turn fault switches; BadSwitch for one that is not known."""
        self.switches.set(**switches)

    def ledger(self) -> list[dict[str, Any]]:
        """Every token, oldest first."""
        with self._lock:
            self._settle()
            return [payment.shown() for payment in self._payments.values()]

    def pay(self, authority: str, status: str = "OK") -> dict[str, Any]:
        """Do what the buyer does at the bank: pay ("OK") or give up ("NOK"). KeyError for no such token.

        Answers `{authority, state, callback_url, callbacks}`: where the buyer's browser goes and how many times
        (0 and None when `no_callback` strikes, 2 when `double_callback` does).
        """
        with self._lock:
            payment = self._payments[authority]
            self._settle(payment)
            if payment.state == "IN_BANK":
                now = self.clock.now().isoformat()
                if status == "OK":
                    payment.state, payment.paid_at = "PAID", now
                    payment.paid_amount = self._paid_amount(payment.amount)
                else:
                    payment.state = "FAILED"
                self._keep(payment)
            paid = payment.state in ("PAID", "VERIFIED")
            callbacks = 1
            if paid and self.switches.strikes("no_callback"):
                callbacks = 0
            elif paid and self.switches.strikes("double_callback"):
                callbacks = 2
            back = _back(payment) if callbacks else None
            return {"authority": authority, "state": payment.state, "callback_url": back, "callbacks": callbacks}

    def advance(self, seconds: float) -> None:
        """Move the bank's clock forward; what is due by then happens."""
        self.clock.advance(seconds)
        with self._lock:
            self._settle()

    def reset(self) -> None:
        """Forget all payments and turn all switches off."""
        with self._lock:
            self._payments.clear()
            self._journal.clear()
            self.switches.clear()

    # ---- HTTP ----

    def is_down(self) -> bool:
        """Whether the switch `down` strikes."""
        return self.switches.strikes("down") is not None

    def handle(self, request: Request) -> Response:
        """Answer the protocol, the buyer's pages and the control paths."""
        path = request.path
        if path.startswith("/_sim/"):
            return self._control(request)
        if path.startswith("/pg/StartPay/"):
            return self._start_pay(request)
        call = _CALLS.get(path)
        if call is None or request.method != "POST":
            return as_json({"data": [], "errors": {"code": 404, "message": "Not Found"}}, 404)
        return call(self, request)

    def _control(self, request: Request) -> Response:
        document = request.json() if request.body else {}
        match request.method, request.path.removeprefix("/_sim/").split("/"):
            case "GET", ["health"]:
                return as_json({"ok": True, "payments": len(self._payments)})
            case "GET", ["ledger"]:
                return as_json(self.ledger())
            case "GET", ["faults"]:
                return as_json({"set": self.switches.shown(), "happened": self.switches.happened})
            case "POST", ["faults"] if isinstance(document, dict):
                try:
                    self.faults(**document)
                except BadSwitch as wrong:
                    return as_json({"error": str(wrong)}, 422)
                return as_json({"set": self.switches.shown()})
            case "POST", ["pay", authority] if isinstance(document, dict):
                if authority not in self._payments:
                    return as_json({"error": "no such token"}, 404)
                return as_json(self.pay(authority, document.get("status", "OK")))
            case "POST", ["clock"] if isinstance(document, dict):
                try:
                    self.advance(float(document.get("advance_s", 0)))
                except (TypeError, ValueError) as wrong:
                    return as_json({"error": str(wrong)}, 422)
                return as_json({"now": self.clock.now().isoformat()})
            case "POST", ["reset"]:
                self.reset()
                return as_json({"ok": True})
        return as_json({"error": "no such control"}, 404)

    def _start_pay(self, request: Request) -> Response:
        authority, _, act = request.path.removeprefix("/pg/StartPay/").partition("/")
        with self._lock:
            payment = self._payments.get(authority)
            if payment is None:
                return as_page(pages.unknown(), 404)
            self._settle(payment)
        if request.method == "GET" and not act:
            if payment.state != "IN_BANK":
                return as_page(pages.over(_back(payment)))
            return as_page(
                pages.start(payment.authority, payment.amount, _host(payment.callback_url), payment.description)
            )
        if request.method != "POST" or act not in ("pay", "cancel"):
            return as_page(pages.unknown(), 404)
        done = self.pay(authority, "OK" if act == "pay" else "NOK")
        if done["callback_url"] is None:
            return as_page(pages.left())
        if done["callbacks"] > 1:
            threading.Thread(target=_visit, args=(done["callback_url"],), daemon=True).start()
        return Response(302, b"", "text/plain", (("Location", done["callback_url"]),))

    # ---- the protocol ----

    def _request(self, request: Request) -> Response:
        if self.switches.strikes("request_500"):
            return _ERROR_500
        body = _object(request)
        wrong = _request_errors(body)
        if wrong:
            return _error(-9, wrong)
        amount = int(body["amount"]) * (10 if body.get("currency") == "IRT" else 1)
        told = body.get("metadata")
        metadata: dict[str, Any] = told if isinstance(told, dict) else {}
        with self._lock:
            payment = Payment(
                authority="A" + "".join(secrets.choice(_LETTERS) for _ in range(35)),
                session_id=str(self._next_number),
                merchant=body["merchant_id"],
                amount=amount,
                description=body["description"],
                callback_url=body["callback_url"],
                order_id=str(metadata.get("order_id", "")),
                mobile=str(metadata.get("mobile", "")),
                created_at=self.clock.now().isoformat(),
            )
            self._next_number += 1
            self._payments[payment.authority] = payment
            self._count(payment, "request")
            self._keep(payment)
        if self.switches.strikes("request_drop"):
            raise Drop
        return self._done({"authority": payment.authority, "fee_type": "Merchant", "fee": 0, "message": "Success"})

    def _verify(self, request: Request) -> Response:
        slow = self.switches.strikes("verify_slow_s")
        if slow is not None and slow.value:
            time.sleep(min(float(slow.value), 60))
        if self.switches.strikes("verify_before_500"):
            return _ERROR_500
        body = _object(request)
        with self._lock:
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
                payment.state, payment.verified_at = "VERIFIED", self.clock.now().isoformat()
                payment.ref_id, self._next_ref = self._next_ref, self._next_ref + 1
                self._keep(payment)
        if self.switches.strikes("verify_drop"):
            raise Drop
        if self.switches.strikes("verify_500"):
            return _ERROR_500
        return self._done(
            {
                "ref_id": payment.ref_id,
                "card_pan": CARD,
                "card_hash": hashlib.sha256(CARD.encode()).hexdigest().upper(),
                "fee_type": "Merchant",
                "fee": 0,
                "message": "Verified" if again else "Paid",
            },
            code=101 if again else 100,
        )

    def _inquiry(self, request: Request) -> Response:
        if self.switches.strikes("inquiry_500"):
            return _ERROR_500
        with self._lock:
            payment = self._find(_object(request), "inquiry")
            if isinstance(payment, int):
                return _error(payment)
            return self._done({"status": payment.state, "message": "Success"})

    def _reverse(self, request: Request) -> Response:
        if self.switches.strikes("reverse_500"):
            return _ERROR_500
        with self._lock:
            payment = self._find(_object(request), "reverse")
            if isinstance(payment, int):
                return _error(payment)
            if payment.state not in ("PAID", "VERIFIED") or payment.refunds:
                return _error(-61)
            if self.clock.now() - _instant(payment.paid_at) > REVERSE_WITHIN:
                return _error(-63)
            if self.switches.strikes("reverse_refuse"):
                return _error(-60)
            payment.state, payment.reversed_at = "REVERSED", self.clock.now().isoformat()
            self._keep(payment)
        if self.switches.strikes("reverse_drop"):
            raise Drop
        return self._done({"message": "Reversed"})

    def _unverified(self, request: Request) -> Response:
        if self.switches.strikes("unverified_500"):
            return _ERROR_500
        merchant = _object(request).get("merchant_id")
        if not isinstance(merchant, str) or not _MERCHANT.fullmatch(merchant):
            return _error(-9, {"merchant_id": "The merchant id is not valid."})
        with self._lock:
            self._settle()
            rows = [
                {
                    "authority": payment.authority,
                    "amount": payment.paid_amount,
                    "callback_url": payment.callback_url,
                    "referer": "",
                    "date": payment.paid_at,
                }
                for payment in reversed(self._payments.values())
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
        with self._lock:
            self._settle()
            rows = _READS[field_name](self, variables)
        return as_json({"data": {name: rows}})

    def _add_refund(self, name: str, variables: dict[str, Any]) -> Response:
        if self.switches.strikes("refund_500"):
            return _ERROR_500
        amount, description = variables.get("amount"), str(variables.get("description") or "")
        with self._lock:
            wanted = str(variables.get("session_id"))
            payment = next((p for p in self._payments.values() if p.session_id == wanted), None)
            if payment is None or payment.state != "VERIFIED":
                return _graph_error("session is not refundable")
            self._count(payment, "refund")
            if type(amount) is not int or amount < SMALLEST_REFUND:
                return _graph_error("amount is less than the minimum of 20000")
            if amount > payment.paid_amount - payment.refunded():
                return _graph_error("amount is more than what is left of this session")
            if self.switches.strikes("refund_refuse"):
                return _graph_error("balance is not enough")
            now = self.clock.now().isoformat()
            refund = {
                "id": str(self._next_number),
                "amount": amount,
                "description": description,
                "method": variables.get("method") or "PAYA",
                "reason": variables.get("reason") or "OTHER",
                "at": now,
            }
            self._next_number += 1
            payment.refunds.append(refund)
            self._keep(payment)
            terminal = _terminal(payment.merchant)
        if self.switches.strikes("refund_drop"):
            raise Drop
        status = "PAID" if refund["method"] == "CARD" else "PENDING"
        timeline = {"refund_amount": amount, "refund_time": now, "refund_status": status}
        told = {"terminal_id": terminal, "id": refund["id"], "amount": amount, "timeline": timeline}
        return as_json({"data": {name: told}})

    def _terminals(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        merchants = dict.fromkeys(payment.merchant for payment in self._payments.values())
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
            for payment in reversed(self._payments.values())
            if _terminal(payment.merchant) == str(variables.get("terminal_id"))
            and (reference is None or str(payment.ref_id) == str(reference))
            and (number is None or payment.session_id == str(number))
        ]
        return _page(rows, variables)

    def _refunds(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        pending = self.switches.strikes("refund_pending_s")
        until = self.clock.now() - timedelta(seconds=float(pending.value or 0) if pending else 0)
        rows = [
            {
                "id": refund["id"],
                "amount": refund["amount"],
                "status": "PAID" if refund["method"] == "CARD" or _instant(refund["at"]) <= until else "PENDING",
                "created_at": refund["at"],
                "description": refund["description"],
            }
            for payment in self._payments.values()
            if _terminal(payment.merchant) == str(variables.get("terminal_id"))
            for refund in payment.refunds
        ]
        rows.sort(key=lambda row: int(row["id"]), reverse=True)
        return _page(rows, variables)

    # ---- inside; the lock is held ----

    def _find(self, body: dict[str, Any], call: str) -> Payment | int:
        """The payment a call is about, or the code of the refusal."""
        merchant, authority = body.get("merchant_id"), body.get("authority")
        if not isinstance(merchant, str) or not _MERCHANT.fullmatch(merchant) or not isinstance(authority, str):
            return -9
        payment = self._payments.get(authority)
        if payment is None:
            return -54
        if payment.merchant != merchant:
            return -53
        self._settle(payment)
        self._count(payment, call)
        return payment

    def _settle(self, *payments: Payment) -> None:
        """Let happen what is due by the bank's clock, to these payments or to all."""
        now, switches = self.clock.now(), self.switches.shown()
        returns = "no_auto_return" not in switches
        minutes = switches.get("auto_return_min", {}).get("value") or AUTO_RETURN_MIN
        for payment in payments or self._payments.values():
            if payment.state == "IN_BANK" and now - _instant(payment.created_at) > TOKEN_LIFE:
                payment.state = "FAILED"
                self._keep(payment)
            elif payment.state == "PAID" and returns and now - _instant(payment.paid_at) > timedelta(minutes=minutes):
                payment.state, payment.reversed_at, payment.returned = "REVERSED", now.isoformat(), True
                self._keep(payment)

    def _paid_amount(self, amount: int) -> int:
        fault = self.switches.strikes("pay_amount")
        if fault is None:
            return amount
        if isinstance(fault.value, dict):
            return max(1, amount + int(fault.value.get("by", 0)))
        return int(fault.value or amount)

    @staticmethod
    def _count(payment: Payment, call: str) -> None:
        payment.requests[call] = payment.requests.get(call, 0) + 1

    def _keep(self, payment: Payment) -> None:
        self._journal.write(asdict(payment))

    def _done(self, data: dict[str, Any], code: int = 100) -> Response:
        if self.switches.strikes("garbage"):
            return _GARBAGE
        return as_json({"data": {"code": code} | data, "errors": []})


_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CALLS: dict[str, Callable[[BankSimulator, Request], Response]] = {
    "/pg/v4/payment/request.json": BankSimulator._request,
    "/pg/v4/payment/verify.json": BankSimulator._verify,
    "/pg/v4/payment/inquiry.json": BankSimulator._inquiry,
    "/pg/v4/payment/reverse.json": BankSimulator._reverse,
    "/pg/v4/payment/unVerified.json": BankSimulator._unverified,
    "/api/v4/graphql/": BankSimulator._graphql,
    "/api/v4/graphql": BankSimulator._graphql,
}
_READS: dict[str, Callable[[BankSimulator, dict[str, Any]], list[dict[str, Any]]]] = {
    "Terminals": BankSimulator._terminals,
    "Session": BankSimulator._sessions,
    "GetRefunds": BankSimulator._refunds,
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


def _instant(text: str | None) -> datetime:
    if text is None:
        raise ValueError("this has not happened")
    return datetime.fromisoformat(text)


@cache
def _terminal(merchant: str) -> str:
    """The number of a merchant on the GraphQL side."""
    return str(100_000 + int(hashlib.sha256(merchant.encode()).hexdigest()[:6], 16))


def _page(rows: list[dict[str, Any]], variables: dict[str, Any]) -> list[dict[str, Any]]:
    offset, limit = int(variables.get("offset") or 0), int(variables.get("limit") or 25)
    return rows[offset : offset + min(limit, 100)]


def _back(payment: Payment) -> str:
    """Where the buyer's browser goes."""
    status = "OK" if payment.state in ("PAID", "VERIFIED") else "NOK"
    return _with_query(payment.callback_url, Authority=payment.authority, Status=status)


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _with_query(url: str, **more: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *more.items()])))


def _visit(url: str) -> None:
    """Come back a second time, as a browser that sends its request twice. Loopback only."""
    if urlsplit(url).hostname not in (LOOPBACK, "localhost"):
        return
    try:
        httpx.get(url, timeout=30, trust_env=False, follow_redirects=False)
    except httpx.HTTPError as error:
        log.info("simulator.second_callback_failed", why=type(error).__name__)
