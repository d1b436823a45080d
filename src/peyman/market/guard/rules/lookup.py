"""Whose customer an address is: prefixes flattened into intervals, the longest one deciding.

A dict of whole /24s stands in front of a bisect, so that most addresses cost one look. An address that
is nobody's on the Internet, or that stands for somebody else's, is told apart from one that we merely do not know.
"""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

from peyman.kernel import prefixes
from peyman.kernel.prefixes import Network

UNKNOWN, PRIVATE, TRANSLATED, UNREADABLE, ZONED = range(5)  # then follow the operators
OPERATORS: Final = 5
_SPECIAL: Final = ("2002::/16", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32")
BLOCK: Final = 8  # bits: a /24 is one block
MOST_BLOCKS: Final = 1 << 18  # all of Iran is a fifth of that
_from_bytes = int.from_bytes


class Lookup:
    """Compiled once from the prefixes that hold at one instant, and never changed. Numbers stand for operators."""

    __slots__ = ("_codes4", "_codes6", "_starts4", "_starts6", "by_block", "operators")

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        """`rows`: prefix and operator. A prefix that is two operators' is nobody's: we do not know."""
        owners: dict[str, set[str]] = {}
        for prefix, operator in rows:
            owners.setdefault(str(prefixes.network(prefix)[0]), set()).add(operator)
        names = sorted({operator for found in owners.values() for operator in found if operator})
        self.operators: tuple[str, ...] = ("", "", "", "", "", *names)
        number = {name: place for place, name in enumerate(self.operators) if place >= OPERATORS}
        coded: list[tuple[Network, int]] = [
            *((network, PRIVATE) for network in prefixes.SPECIAL),
            *((ip_network(text), TRANSLATED) for text in _SPECIAL),
        ]
        for prefix, found in owners.items():
            of = number.get(next(iter(found)), UNKNOWN) if len(found) == 1 else UNKNOWN
            coded.append((prefixes.network(prefix)[0], of))
        starts4, codes4 = _flattened([(one, code) for one, code in coded if isinstance(one, IPv4Network)], 32)
        starts6, codes6 = _flattened([(one, code) for one, code in coded if not isinstance(one, IPv4Network)], 128)
        self._starts4, self._codes4 = tuple(starts4), codes4
        self._starts6, self._codes6 = tuple(starts6), codes6
        self.by_block = _blocks(starts4, codes4)

    def v4(self, number: int) -> int:
        """Return the code of an IPv4 address, given as a number."""
        code = self.by_block.get(number >> BLOCK)
        if code is not None:
            return code
        return self._codes4[bisect_right(self._starts4, number) - 1]

    def v6(self, number: int) -> int:
        """Return the code of an IPv6 address, given as a number; a mapped one is its IPv4 address."""
        if number >> 32 == 0xFFFF:
            return self.v4(number & 0xFFFFFFFF)
        return self._codes6[bisect_right(self._starts6, number) - 1]

    def of(self, text: str) -> int:
        """Return the code of an address as text, in whatever way people write it. Never raises."""
        try:
            return self.v4(_from_bytes(inet_pton(AF_INET, text)))
        except (OSError, ValueError):
            pass
        try:
            return self.v6(_from_bytes(inet_pton(AF_INET6, text)))
        except (OSError, ValueError):
            pass
        try:
            at = prefixes.address(text)
        except prefixes.BadAddress:
            return ZONED if "%" in text else UNREADABLE
        return self.v4(int(at)) if at.version == 4 else self.v6(int(at))


def _blocks(starts: list[int], codes: tuple[int, ...]) -> dict[int, int]:
    """Return the code of each block of addresses that are all one operator's, as far as there is room."""
    found: dict[int, int] = {}
    for place, code in enumerate(codes):
        if code < OPERATORS:
            continue
        end = starts[place + 1] if place + 1 < len(starts) else 1 << 32
        first, last = -(-starts[place] >> BLOCK), end >> BLOCK
        if len(found) + last - first <= MOST_BLOCKS:
            found.update(dict.fromkeys(range(first, last), code))
    return found


def _flattened(coded: list[tuple[Network, int]], bits: int) -> tuple[list[int], tuple[int, ...]]:
    """Return where intervals begin, in order from 0 on, and the code of each: one walk, wider prefixes on a stack.

    Of equal prefixes the last one in `coded` counts.
    """
    unique = {(int(one.network_address), one.prefixlen): code for one, code in coded}
    starts, codes = [0], [UNKNOWN]
    stack: list[tuple[int, int]] = [((1 << bits) - 1, UNKNOWN)]  # last address, code

    def begin(at: int, code: int) -> None:
        if starts[-1] == at:
            codes[-1] = code
        else:
            starts.append(at)
            codes.append(code)

    for (first, length), code in sorted(unique.items()):
        while stack[-1][0] < first:
            ended, _ = stack.pop()
            begin(ended + 1, stack[-1][1])
        begin(first, code)
        stack.append((first + (1 << (bits - length)) - 1, code))
    while len(stack) > 1:
        ended, _ = stack.pop()
        if ended + 1 < 1 << bits:
            begin(ended + 1, stack[-1][1])
    return _merged(starts, codes)


def _merged(starts: list[int], codes: list[int]) -> tuple[list[int], tuple[int, ...]]:
    kept = [place for place in range(len(starts)) if not place or codes[place] != codes[place - 1]]
    return [starts[place] for place in kept], tuple(codes[place] for place in kept)
