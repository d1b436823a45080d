"""Which address ranges are Iran's: only they can be put on the national registry's list.

`iran.txt` beside this file holds them merged, in a form of our own (see `read`), with its source and date. Ranges move
between countries, so an operator may replace it by a newer list of prefixes (PEYMAN_IRAN_RANGES), and what the registry
itself once listed counts as eligible whatever stands here (`rules.drift`).
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from textwrap import wrap

from peyman.kernel.prefixes import BadAddress, Network, network

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SECTION = re.compile(r"\[ipv([46]) unit /(\d{1,3})\]")
_WIDTH = 116
_BITS = {4: 32, 6: 128}


class BadRanges(ValueError):
    """A file that holds no list of prefixes. The message says in Persian what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Disjoint ranges of addresses in order, apart from each other. `about`: where they are from, and of which day."""

    about: str
    first: dict[int, tuple[int, ...]]  # IP version → first addresses
    last: dict[int, tuple[int, ...]]  # IP version → last addresses, included

    def within(self, whole: Network) -> list[Network]:
        """Return what of `whole` lies inside, in the fewest prefixes, in order."""
        found: list[Network] = []
        for begin, end in self._clipped(whole):
            found.extend(_prefixes(whole.version, begin, end))
        return found

    def count(self, whole: Network) -> int:
        """Return how many addresses of `whole` lie inside."""
        return sum(end - begin + 1 for begin, end in self._clipped(whole))

    def share(self, whole: Network) -> Fraction:
        """Return which share of `whole` lies inside: 0 foreign, 1 Iran's, anything between is partly so."""
        return Fraction(self.count(whole), whole.num_addresses)

    def _clipped(self, whole: Network) -> Iterator[tuple[int, int]]:
        first, last = int(whole.network_address), int(whole.broadcast_address)
        firsts, lasts = self.first.get(whole.version, ()), self.last.get(whole.version, ())
        for at in range(bisect_left(lasts, first), bisect_right(firsts, last)):
            yield max(first, firsts[at]), min(last, lasts[at])


@cache
def bundled() -> Ranges:
    """Return the ranges that come with Peyman; read once by each process."""
    return read(files("peyman.market.tariff").joinpath("iran.txt").read_text("utf-8"))


def is_iranian(whole: Network, ranges: Ranges | None = None) -> Fraction:
    """Return which share of a prefix lies in Iran's ranges; without `ranges`, in the bundled ones."""
    return (ranges or bundled()).share(whole)


def of_prefixes(prefixes: Iterable[Network], about: str) -> Ranges:
    """Merge prefixes, in any order and overlapping, into the fewest ranges."""
    first: dict[int, list[int]] = {4: [], 6: []}
    last: dict[int, list[int]] = {4: [], 6: []}
    for prefix in sorted(prefixes, key=lambda one: (one.version, int(one.network_address))):
        begin, end = int(prefix.network_address), int(prefix.broadcast_address)
        begins, ends = first[prefix.version], last[prefix.version]
        if ends and begin <= ends[-1] + 1:
            ends[-1] = max(ends[-1], end)
        else:
            begins.append(begin)
            ends.append(end)
    return Ranges(about, {of: tuple(at) for of, at in first.items()}, {of: tuple(at) for of, at in last.items()})


def read_list(text: str, about: str) -> Ranges:
    """Read an operator's own list: one prefix a line, or CSV whose first column is one; comments begin with #.

    Raises BadRanges with the first line that is none, and for a list without any.
    """
    found: list[Network] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        cell = line.partition("#")[0].partition(",")[0].strip().strip('"')
        if not cell or (number == 1 and cell.lower() in ("prefix", "network", "cidr")):
            continue
        try:
            prefix, _ = network(cell)
        except BadAddress as fault:
            raise BadRanges(f"سطر {number}: {fault.says}") from fault
        if not prefix.prefixlen:
            raise BadRanges(f"سطر {number}: همه نشانی‌های جهان از آن ایران نیست.")
        found.append(prefix)
    if not found:
        raise BadRanges("هیچ محدوده‌ای در آن نیست.")
    return of_prefixes(found, about)


# ---- Our own form ----


def read(text: str) -> Ranges:
    """Read our own form.

    Lines that begin with # say where the ranges are from. A section "[ipv4 unit /24]" is followed by numbers in base
    36, two for each range, counted in blocks of the unit: how far it begins after the end of the one before, and how
    long it is.
    """
    about = " ".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    first: dict[int, tuple[int, ...]] = {}
    last: dict[int, tuple[int, ...]] = {}
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    sections = _SECTION.split(body)[1:]
    for version, unit, numbers in zip(sections[::3], sections[1::3], sections[2::3], strict=True):
        size = 1 << (_BITS[int(version)] - int(unit))
        steps = [int(number, 36) for number in numbers.split()]
        begins, ends, at = [], [], 0
        for gap, length in zip(steps[::2], steps[1::2], strict=True):
            begins.append((at + gap) * size)
            at += gap + length
            ends.append(at * size - 1)
        first[int(version)], last[int(version)] = tuple(begins), tuple(ends)
    return Ranges(about, first, last)


def written(ranges: Ranges) -> str:
    """Return ranges in our own form: `read` reads the same of it."""
    lines = [f"# {line}" for line in wrap(ranges.about, _WIDTH - 2)]
    for version, bits in _BITS.items():
        begins, ends = ranges.first.get(version, ()), ranges.last.get(version, ())
        unit = _unit(begins, ends, bits)
        size, at, steps = 1 << (bits - unit), 0, []
        for begin, end in zip(begins, ends, strict=True):
            block, length = begin // size, (end + 1 - begin) // size
            steps += [_base36(block - at), _base36(length)]
            at = block + length
        lines += [f"[ipv{version} unit /{unit}]", *wrap(" ".join(steps), _WIDTH)]
    return "\n".join(lines) + "\n"


def _unit(begins: Sequence[int], ends: Sequence[int], bits: int) -> int:
    """Return the length of the longest prefix that all ranges are made of."""
    marks = 1 << bits
    for begin, end in zip(begins, ends, strict=True):
        marks |= begin | (end + 1)
    return bits - ((marks & -marks).bit_length() - 1)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _prefixes(version: int, begin: int, end: int) -> Iterator[Network]:
    if version == 4:
        return summarize_address_range(IPv4Address(begin), IPv4Address(end))
    return summarize_address_range(IPv6Address(begin), IPv6Address(end))
