"""Many browsers that come back from a bank at once: one thread, kept connections, each asks when it was answered."""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATIENCE = 120.0  # seconds without any answer


@dataclass
class Came:
    """How a round went: seconds for all, statuses by number, and how long each waited (sorted)."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    waited: list[float] = field(default_factory=list)

    def within(self, share: float) -> float:
        """Return the seconds within which this share of all was answered."""
        return self.waited[min(len(self.waited) - 1, int(len(self.waited) * share))] if self.waited else 0.0


def come_back(url: str, paths: Sequence[str], clients: int) -> Came:
    """Get every path once over `clients` kept connections. Raises AssertionError when a connection breaks off."""
    parts = urlsplit(url)
    todo = iter(paths)
    came = Came()
    with selectors.DefaultSelector() as waiting:
        begun = time.perf_counter()
        browsers = [_Browser(parts.hostname or "", parts.port or 80) for _ in range(min(clients, len(paths)))]
        for browser in browsers:
            browser.ask(next(todo))
            waiting.register(browser.line, selectors.EVENT_READ, browser)
        left = len(browsers)
        while left:
            ready = waiting.select(PATIENCE)
            if not ready:
                raise AssertionError(f"no answer within {PATIENCE} s")
            for key, _ in ready:
                browser = key.data
                status = browser.read()
                if status is None:
                    continue
                came.statuses[status] += 1
                came.waited.append(time.perf_counter() - browser.asked_at)
                left -= not _asks_again(browser, todo)
        came.seconds = time.perf_counter() - begun
        for browser in browsers:
            browser.line.close()
    came.waited.sort()
    return came


def _asks_again(browser: "_Browser", todo: Iterator[str]) -> bool:
    path = next(todo, None)
    if path is None:
        return False
    browser.ask(path)
    return True


class _Browser:
    def __init__(self, host: str, port: int) -> None:
        self.host = f"{host}:{port}"
        self.line = socket.create_connection((host, port), timeout=30)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.had = b""
        self.asked_at = 0.0

    def ask(self, path: str) -> None:
        self.asked_at = time.perf_counter()
        self.line.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: bench\r\n\r\n".encode())

    def read(self) -> int | None:
        """Return the status once the answer is whole."""
        piece = self.line.recv(65536)
        if not piece:
            raise AssertionError("the server closed a connection")
        self.had += piece
        head, blank, body = self.had.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(body) < length:
            return None
        self.had = b""
        return int(head.split(b" ", 2)[1])
