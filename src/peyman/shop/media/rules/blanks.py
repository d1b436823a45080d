"""What of a video is blanked before it is kept: places, titles, and what else was written beside sound and picture."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blank:
    """A stretch of a file that becomes `header` and zeros after it, as long as it was: nothing else moves."""

    at: int
    header: bytes
    zeros: int


def blanked(pieces: Iterable[bytes], blanks: Iterable[Blank]) -> Iterator[bytes]:
    """Yield the pieces of a file with its blanks laid over them."""
    laid = sorted(blanks, key=lambda one: one.at)
    at = 0
    for piece in pieces:
        data = bytearray(piece)
        end = at + len(data)
        for blank in laid:
            middle, stop = blank.at + len(blank.header), blank.at + len(blank.header) + blank.zeros
            if stop <= at or blank.at >= end:
                continue
            first, last = max(blank.at, at), min(middle, end)
            if first < last:
                data[first - at : last - at] = blank.header[first - blank.at : last - blank.at]
            first, last = max(middle, at), min(stop, end)
            if first < last:
                data[first - at : last - at] = bytes(last - first)
        yield bytes(data)
        at = end
