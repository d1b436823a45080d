"""Saman Electronic Payment (SEP), its REST protocol, as a bank: ask for a token, verify, inquire, reverse.

The protocol, as published (the misspellings are theirs):

- `POST /onlinepg/onlinepg {action: "token", TerminalId, Amount, ResNum, RedirectUrl, CellNumber, TokenExpiryInMin}` →
  `{"status": 1, "token": …}` or `{"status": -1, "errorCode": "8", "errorDesc": …}`. The buyer goes to
  `/OnlinePG/SendToken?token=…` and comes back by POST, across sites and so without a session, with `State`, `Status`,
  `RefNum`, `ResNum`, `Token` and more, which prove nothing.
- `POST /verifyTxnRandomSessionkey/api/v2/ipg/payment/receipt {TerminalNumber, Token}` → `{HasError, Data, ErrorCode}`:
  the receipt number of a token, its amount, our ResNum, and `Status` 0 in progress, 1 cancelled, 2 paid, 3 failed. It
  does not say whether the payment was verified or given back.
- `POST /verifyTxnRandomSessionkey/ipg/VerifyTransaction {RefNum, TerminalNumber}` → `{Success, ResultCode,
  TransactionDetail}`: 0 verified now, 2 verified before, 5 given back, -2 no such receipt, -6 too late (half an hour),
  -104 to -106 our terminal or address is not known. It names no amount of ours: what it says is compared here, and a
  receipt verifies again and again, so that only our own rows make it unique.
- `POST …/ReverseTransaction`, the same way, within 50 minutes and only of what was verified. What nobody verified goes
  back by itself.

A payment is known by its token. The receipt number that a browser brings is never used: the bank is asked for it.
Refunds need a contract of their own; without one money goes back by a transfer of ours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx

from peyman.billing.rules import (
    InquiryAnswer,
    Mismatch,
    RefundAnswer,
    RefundRefused,
    ReverseAnswer,
    Reversed,
    ReverseRefused,
    Status,
    TokenAnswer,
    TokenGranted,
    TokenRefused,
    TooLate,
    Unknown,
    Unpaid,
    Verified,
    VerifyAnswer,
)
from peyman.gateways.banking import (
    TIMEOUT,
    Answer,
    Port,
    document,
    host_of,
    is_whole,
    local_mobile,
    mask,
    rials,
    told,
)

HOST: Final = "https://sep.shaparak.ir"
TOKEN_PATH: Final = "/onlinepg/onlinepg"  # noqa: S105 - a path
PAY_PATH: Final = "/OnlinePG/SendToken"
RECEIPT_PATH: Final = "/verifyTxnRandomSessionkey/api/v2/ipg/payment/receipt"
VERIFY_PATH: Final = "/verifyTxnRandomSessionkey/ipg/VerifyTransaction"
REVERSE_PATH: Final = "/verifyTxnRandomSessionkey/ipg/ReverseTransaction"
TOKEN_MINUTES: Final = 20

DONE: Final = 0
AGAIN: Final = 2
GIVEN_BACK: Final = 5
NO_SUCH: Final = -2
TOO_LATE: Final = -6
_NOT_US = frozenset({-104, -105, -106})  # terminal off, unknown, or another address: a person must see to it

_TOKEN = re.compile(r"[A-Za-z0-9]{8,64}")
_REFNUM = re.compile(r"[A-Za-z0-9+/=_-]{1,80}")


@dataclass(frozen=True)
class Receipt:
    """What the bank says of a token: `refnum` and `amount` (rials) of what was paid."""

    status: Status  # IN_BANK, FAILED, or PAID, which may be verified or given back by now
    payment: str  # what we called it: ResNum
    refnum: str = ""
    amount: int = 0


@dataclass(frozen=True)
class Result:
    """What a call about a receipt came back with."""

    code: int
    refnum: str = ""
    amount: int = 0
    card_mask: str = ""


# ---- Reading: bytes in, an answer out. Nothing raises. ----


def read_token(status: int, body: bytes, redirect_url: Callable[[str], str]) -> TokenAnswer:
    """Read the answer to a request for a token."""
    found = document(status, body)
    if isinstance(found, Unknown):
        return found
    low = {name.lower(): value for name, value in found.items()}
    match low.get("status"):
        case 1 if status < 300:
            token = low.get("token")
            if not isinstance(token, str) or not _TOKEN.fullmatch(token):
                return Unknown("status 1 without a usable token")
            return TokenGranted(token, redirect_url(token))
        case -1:
            code, words = low.get("errorcode"), low.get("errordesc")
            return TokenRefused(str(code)[:20], words[:200] if isinstance(words, str) else "")
    return Unknown("no status")


def read_receipt(status: int, body: bytes, token: str, terminal: str) -> Receipt | Unknown:
    """Read what the bank says of `token`. A receipt of another token or terminal says nothing of ours: Unknown."""
    found = document(status, body)
    if isinstance(found, Unknown):
        return found
    if found.get("HasError") is not False:
        return Unknown(f"receipt error {_code(found.get('ErrorCode'))}")
    data = found.get("Data")
    if not isinstance(data, dict):
        return Unknown("no receipt")
    if data.get("Token") != token or str(data.get("TerminalId")) != terminal:
        return Unknown("a receipt of another payment")
    payment = str(data.get("ResNum"))[:80]
    stands = data.get("Status")
    match stands if is_whole(stands, least=0) else None:
        case 0:
            return Receipt(Status.IN_BANK, payment)
        case 1 | 3:
            return Receipt(Status.FAILED, payment)
        case 2:
            refnum, amount = data.get("RefNum"), data.get("Amount")
            if not isinstance(refnum, str) or not _REFNUM.fullmatch(refnum) or not is_whole(amount):
                return Unknown("paid without a usable receipt")
            return Receipt(Status.PAID, payment, refnum, amount)
    return Unknown("a receipt without a known status")


def read_result(status: int, body: bytes, refnum: str, terminal: str) -> Result | Unknown:
    """Read the answer to a call about receipt `refnum`. What names another receipt or terminal is Unknown."""
    found = document(status, body)
    if isinstance(found, Unknown):
        return found
    code = found.get("ResultCode")
    if not is_whole(code, least=None):
        return Unknown("no result code")
    if code not in (DONE, AGAIN):
        return Result(code)
    detail = found.get("TransactionDetail")
    if found.get("Success") is not True or not isinstance(detail, dict) or not 200 <= status < 300:
        return Unknown(f"result {code} without its details")
    # Both amounts: what was asked, and what left the card.
    asked, left = detail.get("OrginalAmount"), detail.get("AffectiveAmount")
    if detail.get("RefNum") != refnum or str(detail.get("TerminalNumber")) != terminal:
        return Unknown("a result of another payment")
    if not is_whole(asked) or asked != left:
        return Unknown("a result of unclear amount")
    return Result(code, refnum, asked, mask(detail.get("MaskedPan")))


def _code(value: object) -> str:
    return str(value) if is_whole(value, least=None) else "?"


# ---- Asking ----


class Saman(Port):
    """One terminal at Saman. Safe for many threads; make one and keep it, it holds the connections."""

    def __init__(self, terminal: str, base_url: str = "", timeout: httpx.Timeout | float = TIMEOUT) -> None:
        """`terminal`: digits. `base_url`: scheme and host in place of Saman's own, for the simulator; paths stay.

        ValueError for a terminal or a `base_url` that is none.
        """
        if not (terminal.isascii() and terminal.isdigit()):
            raise ValueError("a terminal is a number")
        self._terminal = terminal
        self._host = host_of(base_url) if base_url else HOST
        super().__init__(timeout)

    @property
    def terminal(self) -> str:
        """The terminal's number, as payments record it."""
        return self._terminal

    @property
    def tells_returns(self) -> bool:
        """It does not: only verifying tells, and that takes the money."""
        return False

    def redirect_url(self, token: str) -> str:
        """Where the buyer goes to pay `token`."""
        return f"{self._host}{PAY_PATH}?token={token}"

    def request(
        self, *, amount: int, callback_url: str, description: str, order: str, payment: str, mobile: str = ""
    ) -> TokenAnswer:
        """Ask for a token to pay `amount` rials. After `Unknown` ask for a new one: an unused token costs nothing.

        The protocol has a place for one name of ours, and it is that of the `payment`.
        """
        body: dict[str, object] = {
            "action": "token",
            "TerminalId": self._terminal,
            "Amount": rials(amount),
            "ResNum": payment,
            "RedirectUrl": callback_url,
            "TokenExpiryInMin": TOKEN_MINUTES,
        }
        if found := local_mobile(mobile):
            body["CellNumber"] = found
        return self._ask(
            "token", TOKEN_PATH, body, lambda status, answer: read_token(status, answer, self.redirect_url)
        )

    def verify(self, *, token: str, amount: int, payment: str) -> VerifyAnswer:
        """Confirm that `token` was paid with `amount` rials for `payment`. Until this is said the money is not ours.

        What was paid otherwise is not confirmed, and goes back by itself. After `Unknown` ask again.
        """
        rials(amount)
        receipt = self._receipt(token)
        if isinstance(receipt, Unknown):
            return receipt
        if receipt.status is not Status.PAID:
            return Unpaid(receipt.status.value)
        if receipt.amount != amount or receipt.payment != payment:
            return Mismatch("amount" if receipt.payment == payment else "payment")
        result = self._about("verify", VERIFY_PATH, receipt.refnum)
        match result:
            case Unknown():
                return result
            case Result(code=0 | 2 as code, amount=paid, card_mask=card):
                if paid != amount:
                    return Mismatch("amount")
                return Verified(receipt.refnum, card, again=code == AGAIN)
            case Result(code=code) if code in (GIVEN_BACK, TOO_LATE, NO_SUCH):
                return Unpaid(str(code))
            case Result(code=code):
                return Unknown(f"code {code}")

    def inquiry(self, *, token: str, is_ours: bool = False) -> InquiryAnswer:
        """Ask what became of `token`. Never a reason to call an order paid: that is what `verify` is for.

        Whether a payment was given back only a second verification tells, so it is asked only of what was verified
        before (`is_ours`); else a payment is PAID until it is reversed by us.
        """
        receipt = self._receipt(token)
        if isinstance(receipt, Unknown):
            return receipt
        if receipt.status is not Status.PAID or not is_ours:
            return receipt.status
        result = self._about("verify", VERIFY_PATH, receipt.refnum)
        match result:
            case Unknown():
                return result
            case Result(code=0 | 2):
                return Status.VERIFIED
            case Result(code=5):
                return Status.REVERSED
            case Result(code=code):
                return Unknown(f"code {code}")

    def reverse(self, *, token: str) -> ReverseAnswer:
        """Give the whole payment back at once, within 50 minutes of it. After `Unknown` ask `inquiry`.

        The bank reverses only what was verified, so it is verified first where it was not.
        """
        receipt = self._receipt(token)
        if isinstance(receipt, Unknown):
            return receipt
        if receipt.status is not Status.PAID:
            return ReverseRefused(receipt.status.value)
        for call, path in (("verify", VERIFY_PATH), ("reverse", REVERSE_PATH)):
            result = self._about(call, path, receipt.refnum)
            if isinstance(result, Unknown):
                return result
            if result.code == GIVEN_BACK:
                return Reversed()
            if result.code == TOO_LATE:
                return TooLate(str(result.code))
            if result.code in _NOT_US:
                return Unknown(f"code {result.code}")
            if result.code not in (DONE, AGAIN):
                return ReverseRefused(str(result.code))
        return Reversed()

    def refund(self, *, refnum: str, amount: int, reason: str, key: str) -> RefundAnswer:
        """Refuse: this protocol has no refund. Money goes back by a transfer of ours."""
        rials(amount)
        return RefundRefused("no_refund_service")

    # ---- the wire ----

    def _receipt(self, token: str) -> Receipt | Unknown:
        body: dict[str, object] = {"TerminalNumber": int(self._terminal), "Token": token}
        return self._ask(
            "receipt", RECEIPT_PATH, body, lambda status, answer: read_receipt(status, answer, token, self._terminal)
        )

    def _about(self, call: str, path: str, refnum: str) -> Result | Unknown:
        body: dict[str, object] = {"RefNum": refnum, "TerminalNumber": int(self._terminal)}
        return self._ask(call, path, body, lambda status, answer: read_result(status, answer, refnum, self._terminal))

    def _ask(
        self, call: str, path: str, body: dict[str, object], read: Callable[[int, bytes], Answer]
    ) -> Answer | Unknown:
        got = self._line.post(f"{self._host}{path}", body)
        return told("saman", call, got if isinstance(got, Unknown) else read(*got))
