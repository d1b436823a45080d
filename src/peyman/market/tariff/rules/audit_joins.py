"""What other files say of a line of a log: whose client it was, what had been shown, who it is counted for.

Each question is answered at the beginning of the line. Where rows contradict each other, nothing is known.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Address, Network
from peyman.market.tariff.rules.audit import Shown

UNKNOWN_OPERATOR: Final = "unknown"
ANONYMOUS: Final = "anonymous"
ANY_CHANNEL: Final = "*"
NEVER: Final = -(2**62)  # microseconds: before every time that a log can have

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Isp:
    """Clients in `prefix` are `operator`'s, from `start` until before `end` (microseconds)."""

    prefix: Network
    asn: str
    operator: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Release:
    """What the versions of an app or site on `channel` (a host, or "*") showed."""

    channel: str
    start: int
    end: int
    shown: Shown


@dataclass(frozen=True, slots=True)
class Grant:
    """One showing of the message: until before `end`, to `user`, about downloads whose path ends in `object`."""

    token: str
    user: str
    operator: str
    object: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DeclaredEdge:
    """`cdn` serves from `prefix`, from `start` until before `end`."""

    cdn: str
    prefix: Network
    start: int
    end: int
    source: str


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The clock of `node` ("" for all) of `cdn` was ahead by `offset` and is right to `tolerance` (microseconds) once
    that is taken off, from `start` until before `end` by its own reading.
    """

    cdn: str
    node: str
    offset: int
    tolerance: int
    start: int
    end: int


class Clocks:
    """How wrong the clocks of logs were, as our own requests to them showed.

    `tolerance`: of clocks of which no row says anything.
    """

    def __init__(self, rows: Iterable[ClockOffset] = (), tolerance: int = 0) -> None:
        self._rows: dict[tuple[str, str], list[ClockOffset]] = {}
        self.tolerance, self.widest = tolerance, tolerance
        for row in rows:
            self._rows.setdefault((row.cdn, row.node), []).append(row)
            self.widest = max(self.widest, row.tolerance)

    def __bool__(self) -> bool:
        """Whether any clock is known to be wrong."""
        return bool(self._rows)

    def at(self, cdn: str, node: str, logged: int) -> tuple[int, int]:
        """Return what a clock was ahead by when it showed `logged`, and its tolerance. A row of the node goes before
        one of its CDN; of several at once the widest tolerance counts, and what they differ by is added to it.
        """
        for key in ((cdn, node), (cdn, "")):
            found = [row for row in self._rows.get(key, ()) if row.start <= logged < row.end]
            if found:
                least, most = min(row.offset for row in found), max(row.offset for row in found)
                return least, max(row.tolerance for row in found) + most - least
        return 0, self.tolerance


class Ranges:
    """Rows by prefix: which hold an address at an instant, those of the longest prefix first."""

    def __init__(self, rows: Iterable[Isp | DeclaredEdge]) -> None:
        self._rows: dict[tuple[int, int], dict[int, list[Isp | DeclaredEdge]]] = {}
        for row in rows:
            of_length = self._rows.setdefault((row.prefix.version, row.prefix.prefixlen), {})
            of_length.setdefault(int(row.prefix.network_address), []).append(row)
        self._lengths = {
            version: sorted((length for v, length in self._rows if v == version), reverse=True) for version in (4, 6)
        }

    def bounds(self) -> set[int]:
        """Return where ranges of IPv4 begin and where what is behind them does: between two bounds all is alike."""
        starts = ((at, 1 << 32 - length) for (v, length), of in self._rows.items() if v == 4 for at in of)
        return {bound for at, size in starts for bound in (at, at + size)}

    def holding(self, at: Address) -> list[list[Isp | DeclaredEdge]]:
        """Return the rows that hold an address, whenever, one list for each length of prefix."""
        value, bits = int(at), at.max_prefixlen
        found = []
        for length in self._lengths[at.version]:
            cut = value >> (bits - length) << (bits - length)
            if rows := self._rows[at.version, length].get(cut):
                found.append(rows)
        return found


@dataclass(frozen=True, slots=True)
class Spells(Generic[T]):
    """What is so at all times: `says[n]` from `starts[n]` until before the next start. The first start is NEVER."""

    starts: tuple[int, ...]
    says: tuple[T, ...]

    def at(self, at: int) -> T:
        """Return what is so at an instant."""
        return self.says[bisect_right(self.starts, at) - 1]

    def during(self, first: int, last: int) -> T | None:
        """Return what is so at all times of `first` ≤ t ≤ `last`, or None if it changes."""
        begin, end = bisect_right(self.starts, first), bisect_right(self.starts, last)
        return self.says[begin - 1] if begin == end else None


def spells(changes: Iterable[int], says: Callable[[int], T]) -> Spells[T]:
    """Return what `says` says, which changes at no other times than `changes`."""
    starts, found = [NEVER], [says(NEVER)]
    for at in sorted(changes):
        if (one := says(at)) != found[-1]:
            starts.append(at)
            found.append(one)
    return Spells(tuple(starts), tuple(found))


class Operators:
    """Whose customer a client address was."""

    def __init__(self, rows: Iterable[Isp]) -> None:
        self._ranges = Ranges(rows)
        self._spells: dict[tuple[int, ...], Spells[str]] = {}  # by the lists of rows, which live as long as we do

    def at(self, client: Address | None, start: int) -> str:
        """Return the operator by the longest prefix that is valid; "unknown" for none and for several at once."""
        if client is None:
            return UNKNOWN_OPERATOR
        for rows in self._ranges.holding(client):
            names = {row.operator for row in rows if isinstance(row, Isp) and row.start <= start < row.end}
            if names:
                return names.pop() if len(names) == 1 else UNKNOWN_OPERATOR
        return UNKNOWN_OPERATOR

    def bounds(self) -> set[int]:
        """Return the bounds of ranges of IPv4, within which all clients are alike."""
        return self._ranges.bounds()

    def spells(self, client: Address | None) -> "Spells[str]":
        """Return what `at` says of a client at all times."""
        if client is None:
            return _NOBODYS
        of_length = self._ranges.holding(client)
        key = tuple(map(id, of_length))
        if key not in self._spells:
            ends = {at for rows in of_length for row in rows for at in (row.start, row.end)}
            self._spells[key] = spells(ends, lambda at: self.at(client, at))
        return self._spells[key]


_NOBODYS: Final = Spells((NEVER,), (UNKNOWN_OPERATOR,))


class Edges:
    """From which addresses we said that we serve."""

    def __init__(self, rows: Iterable[DeclaredEdge]) -> None:
        self._ranges = Ranges(rows)

    def at(self, address: Address | None, start: int) -> bool:
        """Say whether an address was declared to serve at an instant."""
        return any(row.start <= start < row.end for row in self.over(address))

    def bounds(self) -> set[int]:
        """Return the bounds of ranges of IPv4, within which all addresses are alike."""
        return self._ranges.bounds()

    def over(self, address: Address | None) -> list[DeclaredEdge]:
        """Return the declarations that hold an address, whenever."""
        if address is None:
            return []
        return [row for rows in self._ranges.holding(address) for row in rows if isinstance(row, DeclaredEdge)]


# Token, path, instant → what our own signature says, also where it was said of another object or time.
Verify = Callable[[str, str, int], Grant | None]


def no_tickets(token: str, path: str, at: int) -> Grant | None:
    """Verify nothing: no keys are known."""
    return None


class Promises:
    """What had been shown to whom."""

    def __init__(self, grants: Iterable[Grant], releases: Iterable[Release], verify: Verify = no_tickets) -> None:
        self._grants: dict[str, list[Grant]] = {}
        for grant in grants:
            self._grants.setdefault(grant.token, []).append(grant)
        self._releases: dict[str, list[Release]] = {}
        for release in releases:
            self._releases.setdefault(release.channel, []).append(release)
        self._verify = verify

    @carries_out("B08")
    def of(self, token: str, host: str, path: str, start: int) -> tuple[Shown, str]:
        """Return whether the message had been shown for a line, and who the line is counted for.

        Shown is proven by a grant of the line's token for its object and time; else the releases of its host say it,
        else those of all hosts. A user is never inferred from an address.
        """
        known = self._grants.get(token, []) if token else []
        granted = _fitting(known, path, start)
        if token and not granted and (signed := self._verify(token, path, start)):
            known = [*known, signed]
            granted = _fitting([signed], path, start)
        user = _user(token, granted or known)
        return (Shown.YES if granted else self._released(host, start)), user

    def bound(self, tokens: Iterable[str]) -> list[int]:
        """Return the places of tokens that may be more than a user's pseudonym; of the others `released` says all."""
        if self._verify is no_tickets and not self._grants:
            return []
        every = self._verify is not no_tickets
        return [place for place, token in enumerate(tokens) if token and (every or token in self._grants)]

    def released(self, host: str) -> Spells[Shown]:
        """Return what the releases say of a host at all times."""
        rows = (*self._releases.get(host, ()), *self._releases.get(ANY_CHANNEL, ()))
        return spells({at for row in rows for at in (row.start, row.end)}, lambda at: self._released(host, at))

    def _released(self, host: str, start: int) -> Shown:
        for channel in (host, ANY_CHANNEL):
            said = {one.shown for one in self._releases.get(channel, ()) if one.start <= start < one.end}
            if said:
                return said.pop() if len(said) == 1 else Shown.UNKNOWN
        return Shown.UNKNOWN


def _fitting(grants: list[Grant], path: str, start: int) -> list[Grant]:
    return [one for one in grants if path.endswith(one.object) and one.start <= start < one.end]


def _user(token: str, grants: list[Grant]) -> str:
    names = {one.user for one in grants if one.user}
    return names.pop() if len(names) == 1 else token or ANONYMOUS
