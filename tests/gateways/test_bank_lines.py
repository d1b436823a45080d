"""How an answer of a bank is cut out of what its line brings: plain ones quickly, others by the standard library."""

import http.client
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from peyman.billing.rules import Unknown
from peyman.gateways import banking

BODY = b'{"data": 1}'
PLAIN = b"HTTP/1.1 200 OK\r\nServer: bank\r\nContent-Length: 11\r\nX-After: 1\r\n\r\n" + BODY
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"dat\r\n6\r\na": 1}\r\n0\r\n\r\n'
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 11\r\n\r\n" + BODY
TWICE = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Length: 2\r\n\r\n" + BODY
OLD = b"HTTP/1.0 200 OK\r\n\r\n" + BODY


class Given(banking.Line):
    """A line on which an answer lies already, and nothing follows."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(1.0)
        ours, theirs = socket.socketpair()
        ours.settimeout(1.0)
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        self.kept: list[Any] = []
        self._theirs, self._given = theirs, SimpleNamespace(sock=ours, close=ours.close)

    def _line(self, host: str) -> Any:
        return self._given

    def _keep(self, host: str, line: Any) -> None:
        self.kept.append(line)
        line.close()

    def ask(self, limit: int = 100) -> tuple[Any, bool]:
        """Return the answer, and whether the line is used again."""
        answer = self.post("http://bank.example/verify", {}, limit=limit)
        self._theirs.close()
        return answer, bool(self.kept)


@pytest.mark.parametrize("by_library", [False, True])
@pytest.mark.parametrize(
    ("case", "answer", "said", "is_kept"),
    [
        ("plain", PLAIN, (200, BODY), True),
        ("a refusal", PLAIN.replace(b"200 OK", b"422 No"), (422, BODY), True),
        ("a fault", PLAIN.replace(b"200 OK", b"500 No"), (500, BODY), True),
        ("small letters", PLAIN.replace(b"Content-Length", b"content-length"), (200, BODY), True),
        ("in chunks", CHUNKED, (200, BODY), True),
        ("it closes", CLOSING, (200, BODY), False),
        ("without a length", OLD, (200, BODY), False),
        ("cut short", PLAIN[:-3], Unknown("IncompleteRead"), False),
        ("nothing", b"", Unknown("RemoteDisconnected"), False),
        ("no HTTP", b"SSH-2.0-bank\r\n\r\n", Unknown("BadStatusLine"), False),
    ],
)
def test_an_answer_is_the_same_whoever_reads_it(
    case: str, answer: bytes, said: Any, is_kept: bool, by_library: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_library:
        monkeypatch.setattr(banking, "_MOST_HEAD", 7)  # a head is never whole then
    assert Given(answer).ask() == (said, is_kept)


def test_an_answer_that_is_too_long_is_none() -> None:
    assert Given(PLAIN).ask(limit=10) == (Unknown("too long"), False)


def test_a_line_that_says_more_than_it_announced_is_not_used_again() -> None:
    assert Given(PLAIN + b"HTTP/1.1 200 OK\r\n").ask() == ((200, BODY), False)


@pytest.mark.parametrize("answer", [TWICE, PLAIN.replace(b"Server:", b"Server :"), PLAIN.replace(b"OK", b"\xff")])
def test_what_is_not_plain_is_left_to_the_library(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(http.client.HTTPResponse, "begin", lambda self: asked.append(True) or 1 / 0)  # type: ignore[func-returns-value]
    with pytest.raises(ZeroDivisionError):
        Given(answer).ask()
    assert asked == [True]
