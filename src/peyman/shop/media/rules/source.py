"""A file that nobody trusts, read by pieces: no parser here ever holds more of it than it asks for."""

from typing import Protocol

from peyman.shop.media.rules.faults import Unfit


class Source(Protocol):
    """`size` in bytes; `read(at, n)` gives up to `n` bytes from `at` on, fewer only where the file ends."""

    @property
    def size(self) -> int: ...

    def read(self, at: int, n: int) -> bytes: ...


class Held:
    """Bytes in memory as a source."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, at: int, n: int) -> bytes:
        return self.data[at : at + n]


def exactly(source: Source, at: int, n: int) -> bytes:
    """Return `n` bytes from `at` on. Raises Unfit where the file ends before."""
    data = source.read(at, n)
    if len(data) < n:
        raise Unfit("torn")
    return data
