"""Zarinpal, protocol v4, as a bank: ask for a token, verify, inquire, reverse, refund.

Nothing the bank says is believed beyond what its protocol defines, and silence is never "no".

The protocol, as published:

- `POST /pg/v4/payment/request.json` → `{"data": {"code": 100, "authority": 36 letters and digits, …}, "errors": []}`,
  or `{"data": [], "errors": {"code": -9, "message": …, "validations": …}}`. The buyer goes to
  `/pg/StartPay/{authority}` and comes back by GET with `Authority` and `Status` (OK or NOK), which prove nothing.
- `verify.json` names the amount again: 100 verified now, 101 verified before (both with `ref_id`, `card_pan`), -50
  other amount, -51 not paid, -53 another merchant's, -54 and -55 no such token.
- `inquiry.json` → `status` IN_BANK, PAID (not verified), VERIFIED, FAILED or REVERSED; it never verifies.
- `reverse.json` gives the whole payment back within 30 minutes and only to a registered address: -60 the bank cannot,
  -61 not successful or reversed before, -62 our address is not registered, -63 too late.
- `unVerified.json` lists at most 100 payments that were paid and not verified. Zarinpal leaves these as they are;
  what must go back is reversed or refunded, not waited for.
- Refunds are GraphQL at next.zarinpal.com with an access token, from 20,000 rials, all or part. `AddRefund` knows no
  idempotency key, so ours goes into the description and is looked for before anything is asked a second time. Its
  `session_id` is the transaction's number there, found by the `ref_id`.

Amounts are whole rials; every request says `currency: IRR`, since the default is the merchant's choice.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from peyman.billing.rules import (
    InquiryAnswer,
    Mismatch,
    RefundAccepted,
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
    ANSWER_LIMIT,
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

PAYMENT_HOST = "https://payment.zarinpal.com"
GRAPH_HOST = "https://next.zarinpal.com"
GRAPH_PATH = "/api/v4/graphql/"
LIST_LIMIT = 1024 * 1024
SMALLEST_REFUND = 20_000  # rials
PAGE, PAGES = 100, 50  # refunds looked through for ours; older ones were done long ago

_TOKEN = re.compile(r"[A-Za-z0-9]{36}")
_REFNUM = re.compile(r"[A-Za-z0-9-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,24}")
_UNEXPECTED = -52  # the bank does not know itself
_TRY_AGAIN = -12  # too many requests: nothing was decided
_ARRIVED = frozenset({"PAID", "DONE", "SUCCESS", "COMPLETED"})
_PASSING = re.compile(r"internal|timeout|timed out|too many|try again|temporar|unavailable|unauth", re.IGNORECASE)

_TERMINALS = "query Terminals { Terminals { id, key } }"
_SESSIONS = (
    "query Sessions($terminal_id: ID!, $reference_id: String, $limit: Int) { "
    "Session(terminal_id: $terminal_id, reference_id: $reference_id, limit: $limit) { id, status, amount } }"
)
_REFUNDS = (
    "query GetRefunds($terminal_id: ID!, $limit: Int, $offset: Int) { "
    "refunds: GetRefunds(terminal_id: $terminal_id, limit: $limit, offset: $offset) "
    "{ id, amount, status, created_at, description } }"
)
_ADD_REFUND = (
    "mutation AddRefund($session_id: ID!, $amount: BigInteger!, $description: String, "
    "$method: InstantPayoutActionTypeEnum, $reason: RefundReasonEnum) { "
    "resource: AddRefund(session_id: $session_id, amount: $amount, description: $description, "
    "method: $method, reason: $reason) "
    "{ terminal_id, id, amount, timeline { refund_amount, refund_time, refund_status } } }"
)


@dataclass(frozen=True)
class Paid:
    """A token that was paid and not verified; `amount` in rials, as the bank tells it."""

    token: str
    amount: int


@dataclass(frozen=True)
class Reply:
    """What one call came back with: a code, and the data that belongs to it."""

    code: int
    data: dict[str, object]
    message: str = ""


@dataclass(frozen=True)
class GraphRefused:
    """The GraphQL side said no, in its own words."""

    message: str


# ---- Reading: bytes in, an answer out. Nothing raises. ----


def read_token(status: int, body: bytes, redirect_url: Callable[[str], str]) -> TokenAnswer:
    """Read the answer to `request.json`. `redirect_url`: where the buyer goes with a token."""
    match read_reply(status, body):
        case Unknown() as unknown:
            return unknown
        case Reply(code=100, data=data):
            token = data.get("authority")
            if not isinstance(token, str) or not _TOKEN.fullmatch(token):
                return Unknown("code 100 without a usable authority")
            return TokenGranted(token, redirect_url(token))
        case Reply(code=code, message=message) if code < 0 and code != _UNEXPECTED:
            return TokenRefused(str(code), message)
        case Reply(code=code):
            return Unknown(f"code {code}")


def read_verify(status: int, body: bytes) -> VerifyAnswer:
    """Read the answer to `verify.json`. `Verified` needs code 100 or 101 and a receipt number."""
    match read_reply(status, body):
        case Unknown() as unknown:
            return unknown
        case Reply(code=100 | 101 as code, data=data):
            refnum = _refnum(data.get("ref_id"))
            if refnum is None:
                return Unknown(f"code {code} without a usable ref_id")
            return Verified(refnum, mask(data.get("card_pan")), again=code == 101)
        case Reply(code=-51 as code):
            return Unpaid(str(code))
        case Reply(code=-50 | -53 | -54 | -55 as code):
            return Mismatch(str(code))
        case Reply(code=code):
            return Unknown(f"code {code}")


def read_inquiry(status: int, body: bytes) -> InquiryAnswer:
    """Read the answer to `inquiry.json`."""
    match read_reply(status, body):
        case Unknown() as unknown:
            return unknown
        case Reply(code=100, data=data):
            word = data.get("status")
            if isinstance(word, str) and word in Status.__members__:
                return Status[word]
            return Unknown("code 100 without a known status")
        case Reply(code=code):
            return Unknown(f"code {code}")


def read_reverse(status: int, body: bytes) -> ReverseAnswer:
    """Read the answer to `reverse.json`. After -61 an inquiry tells whether it was reversed before."""
    match read_reply(status, body):
        case Unknown() as unknown:
            return unknown
        case Reply(code=100):
            return Reversed()
        case Reply(code=-63 as code):
            return TooLate(str(code))
        case Reply(code=code) if code < 0 and code not in (_UNEXPECTED, _TRY_AGAIN):
            return ReverseRefused(str(code))
        case Reply(code=code):
            return Unknown(f"code {code}")


def read_unverified(status: int, body: bytes) -> list[Paid] | Unknown:
    """Read the answer to `unVerified.json`; one row that cannot be read makes the list unreadable."""
    reply = read_reply(status, body)
    if isinstance(reply, Unknown):
        return reply
    if reply.code != 100:
        return Unknown(f"code {reply.code}")
    rows = reply.data.get("authorities")
    if not isinstance(rows, list):
        return Unknown("code 100 without a list")
    paid = []
    for row in rows:
        token, amount = (row.get("authority"), row.get("amount")) if isinstance(row, dict) else (None, None)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not is_whole(amount):
            return Unknown("a row that cannot be read")
        paid.append(Paid(token, amount))
    return paid


def read_refund(status: int, body: bytes, amount: int) -> RefundAnswer:
    """Read the answer to `AddRefund` of `amount` rials."""
    match read_graph(status, body):
        case Unknown() as unknown:
            return unknown
        case GraphRefused(message=message):
            return RefundRefused(message)
        case data:
            resource = data.get("resource")
            if not isinstance(resource, dict) or (ref := _identifier(resource.get("id"))) is None:
                return Unknown("a refund without its number")
            if resource.get("amount") != amount:
                return Unknown("a refund of another amount")
            timeline = resource.get("timeline")
            last = timeline[-1] if isinstance(timeline, list) and timeline else timeline
            return RefundAccepted(ref, _arrived(last.get("refund_status")) if isinstance(last, dict) else False)


def read_reply(status: int, body: bytes) -> Reply | Unknown:
    """Read the envelope that every payment call shares."""
    found = document(status, body)
    if isinstance(found, Unknown):
        return found
    data, errors = found.get("data"), found.get("errors")
    said = data if isinstance(data, dict) else {}
    if errors:
        if not isinstance(errors, dict) or not is_whole(code := errors.get("code"), least=None) or said:
            return Unknown("errors that cannot be read")
        if code >= 0:
            return Unknown(f"errors with code {code}")
        message = errors.get("message")
        return Reply(code, {}, message[:200] if isinstance(message, str) else "")
    if not is_whole(code := said.get("code"), least=None):
        return Unknown("no code")
    if code > 0 and not 200 <= status < 300:
        return Unknown(f"code {code} under http {status}")
    return Reply(code, said)


def read_graph(status: int, body: bytes) -> dict[str, object] | GraphRefused | Unknown:
    """Read a GraphQL answer: its data, or a refusal that asking again will not change."""
    if status in (401, 403, 429):
        return Unknown(f"http {status}")
    found = document(status, body)
    if isinstance(found, Unknown):
        return found
    errors = found.get("errors")
    if errors:
        first = errors[0] if isinstance(errors, list) else None
        message = first.get("message") if isinstance(first, dict) else None
        if not isinstance(message, str) or not message or _PASSING.search(message):
            return Unknown("errors that say nothing lasting")
        return GraphRefused(message[:80])
    data = found.get("data")
    if not isinstance(data, dict) or not 200 <= status < 300:
        return Unknown("no data")
    return data


def _refnum(value: object) -> str | None:
    if is_whole(value):
        value = str(value) if value < 10**24 else ""
    return value if isinstance(value, str) and _REFNUM.fullmatch(value) else None


def _identifier(value: object) -> str | None:
    if is_whole(value):
        value = str(value) if value < 10**24 else ""
    return value if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _arrived(word: object) -> bool:
    return isinstance(word, str) and word.upper() in _ARRIVED


# ---- Asking ----


class Zarinpal(Port):
    """One merchant at Zarinpal. Safe for many threads; make one and keep it, it holds the connections."""

    def __init__(
        self, merchant: str, base_url: str = "", access_token: str = "", timeout: httpx.Timeout | float = TIMEOUT
    ) -> None:
        """`base_url`: scheme and host in place of Zarinpal's own, for the simulator; paths stay.

        Without an `access_token` refunds are refused. ValueError for a `base_url` that is none.
        """
        self._merchant, self._access_token = merchant, access_token
        self._pay, self._graph = (host_of(base_url),) * 2 if base_url else (PAYMENT_HOST, GRAPH_HOST)
        self._terminal_id: str | None = None
        super().__init__(timeout)

    @property
    def terminal(self) -> str:
        """The merchant id, as payments record it. Not for logs."""
        return self._merchant

    @property
    def tells_returns(self) -> bool:
        """It does: the inquiry says REVERSED also of what was never verified."""
        return True

    def redirect_url(self, token: str) -> str:
        """Where the buyer goes to pay `token`."""
        return f"{self._pay}/pg/StartPay/{token}"

    def request(
        self, *, amount: int, callback_url: str, description: str, order: str, payment: str = "", mobile: str = ""
    ) -> TokenAnswer:
        """Ask for a token to pay `amount` rials. After `Unknown` ask for a new one: an unused token costs nothing."""
        metadata = {"order_id": order}
        if found := local_mobile(mobile):
            metadata["mobile"] = f"0{found}"
        body = {
            "merchant_id": self._merchant,
            "amount": rials(amount),
            "currency": "IRR",
            "callback_url": callback_url,
            "description": description[:500],
            "metadata": metadata,
        }
        return self._payment("request", body, lambda status, answer: read_token(status, answer, self.redirect_url))

    def verify(self, *, token: str, amount: int, payment: str = "") -> VerifyAnswer:
        """Confirm that `token` was paid with `amount` rials. Until this is said the money is not ours.

        After `Unknown` ask again: a bank that did it answers with `again=True`.
        """
        return self._payment("verify", self._about(token) | {"amount": rials(amount)}, read_verify)

    def inquiry(self, *, token: str, is_ours: bool = False) -> InquiryAnswer:
        """Ask what became of `token`. Never a reason to call an order paid: that is what `verify` is for."""
        return self._payment("inquiry", self._about(token), read_inquiry)

    def reverse(self, *, token: str) -> ReverseAnswer:
        """Give the whole payment back at once, within 30 minutes of it. After `Unknown` or -61 ask `inquiry`."""
        return self._payment("reverse", self._about(token), read_reverse)

    def unverified(self) -> list[Paid] | Unknown:
        """List what was paid here and not verified, at most the 100 the bank tells."""
        return self._payment("unVerified", {"merchant_id": self._merchant}, read_unverified, limit=LIST_LIMIT)

    def refund(self, *, refnum: str, amount: int, reason: str, key: str) -> RefundAnswer:
        """Give `amount` rials of the payment with receipt `refnum` back, with the next PAYA round.

        Safe to repeat with the same `key` (no spaces), one call at a time: a refund that the bank already has under
        it is found and told, `done` once it has arrived. The key travels in the description, before `reason`.
        Refused here: no access token ("no_access_token"), less than 20,000 rials ("below_minimum"), a receipt that
        this terminal does not have ("no_session"), this key with another amount ("key_of_another_amount").
        """
        if not key or key.split() != [key]:
            raise ValueError("a key is one word")
        if rials(amount) < SMALLEST_REFUND:
            return RefundRefused("below_minimum")
        if not self._access_token:
            return RefundRefused("no_access_token")
        terminal = self._terminal()
        if not isinstance(terminal, str):
            return _refused(terminal)
        before = self._refund_before(terminal, key, amount)
        if before is not None:
            return before
        session = self._session(terminal, refnum)
        if not isinstance(session, str):
            return _refused(session)
        variables = {
            "session_id": session,
            "amount": amount,
            "description": f"{key} {reason}"[:200],
            "method": "PAYA",
            "reason": "CUSTOMER_REQUEST",
        }
        return self._graphql(
            "AddRefund", _ADD_REFUND, variables, lambda status, answer: read_refund(status, answer, amount)
        )

    # ---- refunds, step by step ----

    def _terminal(self) -> str | GraphRefused | Unknown:
        """The number under which the GraphQL side knows our merchant id; asked once."""
        if self._terminal_id is None:
            found = self._rows("Terminals", _TERMINALS, {})
            if not isinstance(found, list):
                return found
            numbers = [_identifier(row.get("id")) for row in found if row.get("key") == self._merchant]
            if len(numbers) != 1 or numbers[0] is None:
                return GraphRefused("no_terminal")
            self._terminal_id = numbers[0]
        return self._terminal_id

    def _session(self, terminal: str, refnum: str) -> str | GraphRefused | Unknown:
        found = self._rows("Session", _SESSIONS, {"terminal_id": terminal, "reference_id": refnum, "limit": 2})
        if not isinstance(found, list):
            return found
        numbers = [_identifier(row.get("id")) for row in found]
        if len(numbers) != 1 or numbers[0] is None:
            return GraphRefused("no_session") if not numbers else Unknown("a receipt of two sessions")
        return numbers[0]

    def _refund_before(self, terminal: str, key: str, amount: int) -> RefundAnswer | None:
        """The refund that this key already brought about, None when there is none."""
        for page in range(PAGES):
            wanted = {"terminal_id": terminal, "limit": PAGE, "offset": page * PAGE}
            found = self._rows("refunds", _REFUNDS, wanted)
            if not isinstance(found, list):
                return _refused(found)
            for row in found:
                description = row.get("description")
                if not isinstance(description, str) or description.split(" ", 1)[0] != key:
                    continue
                if row.get("amount") != amount:
                    return RefundRefused("key_of_another_amount")
                ref = _identifier(row.get("id"))
                return RefundAccepted(ref, _arrived(row.get("status"))) if ref else Unknown("a refund without number")
            if len(found) < PAGE:
                break
        return None

    def _rows(
        self, name: str, query: str, variables: dict[str, object]
    ) -> list[dict[str, object]] | GraphRefused | Unknown:
        got = self._graphql(name, query, variables, read_graph, limit=LIST_LIMIT)
        if not isinstance(got, dict):
            return got
        rows = got.get(name)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return Unknown(f"no list of {name}")
        return rows

    # ---- the wire ----

    def _about(self, token: str) -> dict[str, object]:
        return {"merchant_id": self._merchant, "authority": token}

    def _payment(
        self, call: str, body: dict[str, object], read: Callable[[int, bytes], Answer], *, limit: int = ANSWER_LIMIT
    ) -> Answer | Unknown:
        got = self._line.post(f"{self._pay}/pg/v4/payment/{call}.json", body, limit=limit)
        return told("zarinpal", call, got if isinstance(got, Unknown) else read(*got))

    def _graphql(
        self,
        call: str,
        query: str,
        variables: dict[str, object],
        read: Callable[[int, bytes], Answer],
        *,
        limit: int = ANSWER_LIMIT,
    ) -> Answer | Unknown:
        headers = {"Authorization": f"Bearer {self._access_token}"}
        got = self._line.post(
            self._graph + GRAPH_PATH, {"query": query, "variables": variables}, limit=limit, headers=headers
        )
        return told("zarinpal", call, got if isinstance(got, Unknown) else read(*got))


def _refused(answer: GraphRefused | Unknown) -> RefundRefused | Unknown:
    return RefundRefused(answer.message) if isinstance(answer, GraphRefused) else answer
