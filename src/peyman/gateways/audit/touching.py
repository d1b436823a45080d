"""A number for all that normalising a file of lines depended on: it changes whenever one of those rows does."""

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

_WHOLE: Final = 2**256


class Touching:
    """Rows with spans: a number that is another one whenever other rows touch a stretch of time."""

    def __init__(self, rows: Iterable[Any]) -> None:
        marked = [(row.start, row.end, number_of(repr(row))) for row in rows]
        self._begun, self._begun_sums = self._sums((start, number) for start, _, number in marked)
        self._ended, self._ended_sums = self._sums((end, number) for _, end, number in marked)

    @staticmethod
    def _sums(marked: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
        ordered = sorted(marked)
        return [at for at, _ in ordered], [0, *accumulate(number for _, number in ordered)]

    def during(self, since: int, until: int) -> str:
        """Return the number for since ≤ t ≤ until."""
        begun = self._begun_sums[bisect_right(self._begun, until)]
        ended = self._ended_sums[bisect_right(self._ended, since)]
        return f"{(begun - ended) % _WHOLE:x}"


def number_of(text: str) -> int:
    """Return the hash of a text as a number."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())


@dataclass(slots=True)
class Joins:
    """All that normalising a log depends on besides its own bytes. `base`: what touches every line."""

    base: str
    tables: dict[str, Touching]
    grants: dict[str, int]  # token → the sum of its grants
    grants_sha256: str
    for_tokens: str  # what signs tokens
    until: int | None
    pad: int = 0  # microseconds by which times of lines were eased for their clocks

    def of_tokens(self, tokens: Iterable[str]) -> str:
        """Return a number that is another one whenever other grants are of one of these tokens."""
        return f"{sum(self.grants.get(token, 0) for token in tokens) % _WHOLE:x}"


def grants_of(rows: Iterable[Any]) -> dict[str, int]:
    """Return the sum of the grants of each token."""
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        found[row.token] += number_of(repr(row))
    return dict(found)
