"""What every bank's protocol shares: one bounded call, JSON that is read strictly, card numbers that are masked.

Silence is never "no": a time-out, a cut connection, a 5xx, a redirect, an HTML page, JSON that is unreadable, too long
or of the wrong types are `Unknown`.
"""

import http.client
import io
import json
import os
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import Any, Final, NoReturn, Protocol, Self, TypeGuard, TypeVar
from urllib.parse import urlsplit

import httpx
import structlog

from peyman.billing.rules import InquiryAnswer, RefundAnswer, ReverseAnswer, TokenAnswer, Unknown, VerifyAnswer

TIMEOUT: Final = httpx.Timeout(connect=3.0, read=8.0, write=8.0, pool=3.0)  # seconds; `read` is between two pieces
WHOLE_ANSWER: Final = 20.0  # seconds: a bank that drips bytes does not hold a worker
ANSWER_LIMIT: Final = 64 * 1024  # bytes
_MOST_LINES, _MOST_KEPT, _KEPT_FOR = 64, 64, 15.0  # connections at once, and open between calls; seconds
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "peyman",
}

_PRINTABLE = re.compile(r"[ -~]+")
_MASKED = re.compile(r"([0-9]{4,6})[*xX•]+([0-9]{4})")
_BARE_CARD = re.compile(r"([0-9]{6})[0-9]{6,9}([0-9]{4})")
_MOBILE = re.compile(r"(?:\+98|0098|0)(9[0-9]{9})")

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class Bank(Protocol):
    """The port: what we ask of a bank, whatever its protocol. Amounts are whole rials; nothing raises.

    A payment is known by its token alone; what a browser brings back besides proves nothing.
    """

    @property
    def terminal(self) -> str:
        """Whom the bank pays, as payments record it. Not for logs."""

    @property
    def tells_returns(self) -> bool:
        """Whether an inquiry tells that money went back which nobody verified. Where it does not, money that must go
        back is verified first: what we hold a receipt of can always be given back.
        """

    def redirect_url(self, token: str) -> str:
        """Where the buyer goes to pay `token`."""

    def request(
        self, *, amount: int, callback_url: str, description: str, order: str, payment: str, mobile: str = ""
    ) -> TokenAnswer:
        """Ask for a token to pay `amount`. After `Unknown` ask for a new one: an unused token costs nothing."""

    def verify(self, *, token: str, amount: int, payment: str) -> VerifyAnswer:
        """Confirm that `token` was paid with `amount` for `payment`. Until this is said the money is not ours."""

    def inquiry(self, *, token: str, is_ours: bool = False) -> InquiryAnswer:
        """Ask what became of `token`. `is_ours`: it was verified before, so that asking may confirm it once more."""

    def reverse(self, *, token: str) -> ReverseAnswer:
        """Give the whole payment back at once. After `Unknown` ask `inquiry`."""

    def refund(self, *, refnum: str, amount: int, reason: str, key: str) -> RefundAnswer:
        """Give `amount` of the payment with this receipt back. Safe to repeat with the same `key`."""


class Line:
    """Connections to one bank, kept open between calls. Safe for many threads; make one and keep it.

    By the standard library: in a busy process, a client that guards its connections by one lock costs more than a call.
    """

    def __init__(self, timeout: httpx.Timeout | float = TIMEOUT) -> None:
        self._timeout = timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(timeout)
        self._room = threading.BoundedSemaphore(_MOST_LINES)
        self._idle: list[tuple[float, str, http.client.HTTPConnection]] = []
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)  # of a forked process: what is open is its parent's

    def _forget(self) -> None:
        self._idle, self._lock, self._room = [], threading.Lock(), threading.BoundedSemaphore(_MOST_LINES)

    def close(self) -> None:
        """Let the connections go."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, _, line in idle:
            line.close()

    def post(
        self, url: str, body: dict[str, object], *, limit: int = ANSWER_LIMIT, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes] | Unknown:
        """Return HTTP status and body."""
        parts = urlsplit(url)
        if not self._room.acquire(timeout=self._timeout.pool):
            return Unknown("PoolTimeout")
        line, is_done = None, False
        try:
            line = self._line(f"{parts.scheme}://{parts.netloc}")
            line.sock.sendall(_request(parts.netloc, parts.path, _HEADERS | (headers or {}), json.dumps(body).encode()))
            until = time.monotonic() + WHOLE_ANSWER
            came = _head(line.sock, until)
            if plain := _PLAIN.fullmatch(came):
                answer, is_done = _plain_body(line.sock, plain, limit, until)
                return answer if isinstance(answer, Unknown) else (int(plain["status"]), answer)
            with http.client.HTTPResponse(_Begun(line.sock, came), method="POST") as response:  # type: ignore[arg-type]
                response.begin()
                answer = _read(response, limit, until)
                # Read to its end, so that the next call does not meet the rest of this one.
                is_done = not isinstance(answer, Unknown) and not response.will_close
                return answer if isinstance(answer, Unknown) else (response.status, answer)
        except TimeoutError:
            return Unknown("ConnectTimeout" if line is None else "ReadTimeout")
        except (http.client.HTTPException, OSError) as error:
            return Unknown(type(error).__name__)  # its text may hold the address, and with it the token
        finally:
            if line is not None:
                self._keep(f"{parts.scheme}://{parts.netloc}", line) if is_done else line.close()
            self._room.release()

    def _line(self, host: str) -> http.client.HTTPConnection:
        """Return a connection that nobody else uses: one that is open and still silent, or a new one."""
        while kept := self._taken(host):
            if _is_silent(kept):
                return kept
            kept.close()  # the bank closed it meanwhile, or says what nobody asked
        parts = urlsplit(host)
        timeout = self._timeout.connect
        if parts.scheme == "https":
            line: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.netloc, timeout=timeout, context=_trusted()
            )
        else:
            line = http.client.HTTPConnection(parts.netloc, timeout=timeout)
        try:
            line.connect()
        except BaseException:
            line.close()
            raise
        line.sock.settimeout(self._timeout.read)
        return line

    def _taken(self, host: str) -> http.client.HTTPConnection | None:
        now = time.monotonic()
        with self._lock:
            for at in range(len(self._idle) - 1, -1, -1):
                since, name, line = self._idle[at]
                if now - since > _KEPT_FOR:
                    del self._idle[at]
                    line.close()
                elif name == host:
                    del self._idle[at]
                    return line
        return None

    def _keep(self, host: str, line: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _MOST_KEPT:
                self._idle.append((time.monotonic(), host, line))
                return
        line.close()


def _request(host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a whole request, so that it leaves in one piece: each piece more is a system call, and a turn of the
    interpreter's lock given away.
    """
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if not all(map(_PRINTABLE.fullmatch, lines)):
        raise ValueError("an address or a header that is none")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _is_silent(line: http.client.HTTPConnection) -> bool:
    looking = select.poll()
    looking.register(line.sock, select.POLLIN)
    return not looking.poll(0)


# An answer as nearly all are: HTTP/1.1, one length and no other word on how it ends, whole lines of visible ASCII.
# Reading its head by the standard library takes ten times as long; whatever looks otherwise is read by that.
_FIELDS: Final = (
    rb"(?:(?!(?i:content-length|transfer-encoding|connection|trailer|upgrade):)"
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n){0,40}"
)
_PLAIN = re.compile(
    rb"HTTP/1\.1 (?P<status>20[0-35-9]|[45][0-9]{2}) [ -~]*\r\n"
    + _FIELDS
    + rb"(?i:content-length): ?(?P<length>[0-9]{1,9})\r\n"
    + _FIELDS
    + rb"\r\n(?P<body>.*)",
    re.DOTALL,
)
_MOST_HEAD: Final = 8192  # bytes


def _head(sock: socket.socket, until: float) -> bytes:
    """Return what came until a head is whole, and what came along of the body; less when the bank says no more."""
    came = sock.recv(_MOST_HEAD)
    while b"\r\n\r\n" not in came and len(came) < _MOST_HEAD and time.monotonic() < until:
        piece = sock.recv(_MOST_HEAD)
        if not piece:
            break
        came += piece
    return came


def _plain_body(sock: socket.socket, head: "re.Match[bytes]", limit: int, until: float) -> tuple[bytes | Unknown, bool]:
    """Return the body, and whether the connection may be used again: it was read to its end and says nothing more."""
    body, length = bytearray(head["body"]), int(head["length"])
    if length > limit:
        return Unknown("too long"), False
    while len(body) < length:
        piece = sock.recv(length - len(body))
        if not piece:
            return Unknown("IncompleteRead"), False
        body += piece
        if time.monotonic() > until:
            return Unknown("too slow"), False
    return bytes(body[:length]), len(body) == length


class _Begun(io.RawIOBase):
    """A socket of which something was read already, as the standard library wants to read it."""

    def __init__(self, sock: socket.socket, came: bytes) -> None:
        self._sock, self._came = sock, came

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._came:
            return self._sock.recv_into(into)
        piece, self._came = self._came[: len(into)], self._came[len(into) :]
        into[: len(piece)] = piece
        return len(piece)


def _read(response: http.client.HTTPResponse, limit: int, until: float) -> bytes | Unknown:
    answer = bytearray()
    while piece := response.read1(limit + 1):
        answer += piece
        if len(answer) > limit:
            return Unknown("too long")
        if time.monotonic() > until:
            return Unknown("too slow")
    if response.length:
        return Unknown("IncompleteRead")
    return bytes(answer)


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class Port:
    """What the ports of all banks are made of: their line, let go at the end of a `with`."""

    def __init__(self, timeout: httpx.Timeout | float) -> None:
        self._line = Line(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._line.close()


def told(gateway: str, call: str, answer: Answer) -> Answer:
    """Log what was unclear. No token, no merchant, no card: `detail` is made of our own words and codes."""
    if isinstance(answer, Unknown):
        log.warning("bank.unclear", gateway=gateway, call=call, why=answer.detail)
    return answer


def document(status: int, body: bytes) -> dict[str, object] | Unknown:
    """Read the JSON object of an answer that came with 200 or a client's error."""
    if not 200 <= status < 500 or 300 <= status < 400:
        return Unknown(f"http {status}")
    try:
        read = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Unknown(f"http {status}, not json")
    return read if isinstance(read, dict) else Unknown("not an object")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's


def is_whole(value: object, *, least: int | None = 1) -> TypeGuard[int]:
    """Say whether this is a whole number of at least `least`; True is none."""
    return type(value) is int and (least is None or value >= least)


def rials(amount: int) -> int:
    """Return `amount` if it is one. Raises ValueError."""
    if not is_whole(amount):
        raise ValueError("an amount is whole rials, more than nothing")
    return amount


def mask(card: object) -> str:
    """Return a card number as "502229******5995"; "" for what is none. A bare number is masked here."""
    if isinstance(card, str) and (found := _MASKED.fullmatch(card) or _BARE_CARD.fullmatch(card)):
        return f"{found[1]}{'*' * (12 - len(found[1]))}{found[2]}"
    return ""


def local_mobile(number: str) -> str:
    """Return a mobile number of Iran without its zero ("9121234567"), "" for what is none."""
    found = _MOBILE.fullmatch(number)
    return found[1] if found else ""


def host_of(url: str) -> str:
    """Return scheme and host of an address. Raises ValueError where it names none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the bank's address names no host")
    return f"{parts.scheme}://{parts.netloc}"
