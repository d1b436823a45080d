"""Where the registry and the network disagree, per address, without ever counting addresses out.

A prefix that serves is cut where a registry row, Iran's border or a reserved range begins or ends; what lies between
two cuts has one answer. So a /14 or an IPv6 /32 costs as much as the rows that touch it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_network
from itertools import pairwise
from typing import Final

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Address, Network
from peyman.kernel.worktime import day_start
from peyman.market.tariff.iran import Ranges
from peyman.market.tariff.rules import history
from peyman.market.tariff.rules.history import GAP, Answer, Listed, Seen, State


class Kind(StrEnum):
    """How registry and network disagree; the first is the gravest."""

    INELIGIBLE = "ineligible"  # serves, and is private or abroad: no registration can ever help
    UNREGISTERED = "unregistered"  # serves, not on the list
    PENDING = "pending"  # serves, its due date has not come
    UNKNOWN = "unknown"  # serves, and the history does not tell
    IDLE = "idle"  # on the list for us, serves nothing


INELIGIBLE: Final = Kind.INELIGIBLE.value

# Every range that is not global begins and ends with one of these (kernel.prefixes.special judges; these only cut).
_RESERVED: Final = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29 192.0.0.8/32
192.0.0.9/32 192.0.0.10/32 192.0.0.170/31 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24
203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
::/128 ::1/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128
2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 3fff::/20
fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
_SPECIAL: Final = tuple(ip_network(text) for text in _RESERVED.split())


@dataclass(frozen=True, slots=True)
class Piece:
    """A prefix whose addresses are all alike: covered by the same rows, and all eligible or all not.

    `never`: "private" or "foreign" where it can never be registered, else "".
    """

    network: Network
    rows: tuple[Listed, ...]  # all that cover it, in order of `row`
    never: str


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring addresses with one answer. `status` is a state of the history, or "ineligible"."""

    first: Address
    last: Address
    addresses: int
    status: str
    reason: str
    due: date | None

    @property
    def range(self) -> str:
        return range_text(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span in which the answer stays the same: starts_at ≤ t < ends_at."""

    state: State
    reason: str
    due: date | None
    starts_at: datetime
    ends_at: datetime


def range_text(first: Address, last: Address) -> str:
    """Return the shortest way to write a range: "1.2.3.0/24" where it is a prefix, else "1.2.3.0-1.2.3.130"."""
    size = int(last) - int(first) + 1
    if size & (size - 1) == 0 and int(first) % size == 0:
        return f"{first}/{first.max_prefixlen - size.bit_length() + 1}"
    return f"{first}-{last}"


# ---- Cutting ----


def split(whole: Network, rows: Sequence[Listed], ranges: Ranges) -> list[Piece]:
    """Cut a prefix into pieces, in order. `rows`: all rows of the history that overlap it.

    An address is foreign where it lies outside Iran's ranges and no row, of whatever registrant and time, ever covered
    it: the ranges are of one day and addresses move, but what the registry once took it takes. Private is never taken.
    """
    by_network: dict[Network, list[Listed]] = {}
    for row in rows:
        if row.network:
            by_network.setdefault(prefixes.network(row.network)[0], []).append(row)
    listed = [one for one in by_network if one.version == whole.version and one.overlaps(whole)]
    inland = ranges.within(whole)
    cuts = [*listed, *inland, *(one for one in _SPECIAL if one.version == whole.version and one.overlaps(whole))]
    found = []
    pieces = prefixes.parts(whole, cuts)
    borders = iter(inland)
    inside = next(borders, None)
    for network, covering in _covered(pieces, listed):
        while inside is not None and int(inside.broadcast_address) < int(network.network_address):
            inside = next(borders, None)
        is_inland = inside is not None and int(inside.network_address) <= int(network.network_address)
        over = tuple(sorted((row for one in covering for row in by_network[one]), key=lambda row: row.row))
        never = "private" if prefixes.special(network.network_address) else "" if is_inland or over else "foreign"
        found.append(Piece(network, over, never))
    return found


def _covered(pieces: Sequence[Network], over: Iterable[Network]) -> Iterator[tuple[Network, list[Network]]]:
    """Yield each piece with those of `over` that cover it: one walk over both, wide prefixes waiting on a stack."""
    waiting = sorted(over, key=lambda one: (-int(one.network_address), -one.prefixlen))
    open_: list[Network] = []
    for piece in pieces:
        begin = int(piece.network_address)
        while waiting and int(waiting[-1].network_address) <= begin:
            open_.append(waiting.pop())
        open_ = [one for one in open_ if int(one.broadcast_address) >= begin]
        yield piece, list(open_)


def own_only(rows: Sequence[Listed], registrants: Sequence[str]) -> tuple[Listed, ...]:
    """Return the rows that count: those of the registrants or below them; without any registrant, all."""
    if not registrants:
        return tuple(rows)
    return tuple(row for row in rows if any(history.is_own(row.host, one) for one in registrants))


# ---- Answers ----


def standing(seen: Sequence[Seen], rows: Sequence[Listed], at: datetime, *, gap: timedelta = GAP) -> Answer:
    """Return the state as `history.status`, and after the last good snapshot as its list says, with dates as of `at`.

    That list holds on for at most `gap`; then nothing is known.
    """
    answer = history.status(seen, rows, at, gap=gap)
    if answer.reason != "after_history":
        return answer
    last = seen[-1]
    if at > last.ends_at + gap or (last.whole_day and at == last.ends_at + gap):
        return answer
    looked = history.status(seen, rows, last.starts_at, gap=gap)
    if looked.reason == "list_disagrees":
        return looked
    now = Seen("", at, at, False)
    return replace(history.status([*seen, now], rows, at, gap=gap), before=len(seen) - 1, after=None)


def parts(
    pieces: Iterable[Piece], seen: Sequence[Seen], at: datetime, registrants: Sequence[str], *, gap: timedelta = GAP
) -> list[Part]:
    """Return the answer for each address of a prefix, neighbours with the same one merged."""
    answers: dict[tuple[int, ...], Answer] = {}
    found: list[Part] = []
    for piece in pieces:
        if piece.never:
            status, reason, due = INELIGIBLE, piece.never, None
        else:
            rows = own_only(piece.rows, registrants)
            key = tuple(row.row for row in rows)
            if prefixes.translated(piece.network.network_address):
                answer = Answer(State.UNKNOWN, "translated")
            else:
                answer = answers.get(key) or standing(seen, rows, at, gap=gap)
                answers[key] = answer
            status, reason, due = answer.state.value, answer.reason, answer.due
        first, last = piece.network.network_address, piece.network.broadcast_address
        before = found[-1] if found else None
        if before is not None and (before.status, before.reason, before.due) == (status, reason, due):
            found[-1] = replace(before, last=last, addresses=before.addresses + piece.network.num_addresses)
        else:
            found.append(Part(first, last, piece.network.num_addresses, status, reason, due))
    return found


def timeline(
    seen: Sequence[Seen], rows: Sequence[Listed], since: datetime, until: datetime, *, gap: timedelta = GAP
) -> list[Stretch]:
    """Return how the state of an address that `rows` cover went from `since` until before `until`.

    A snapshot that holds for an instant decides that instant only and is passed over: stretches are what lies between.
    """
    points = sorted({since, until, *(point for point in _points(seen, rows, gap) if since < point < until)})
    found: list[Stretch] = []
    for begin, end in pairwise(points):
        answer = standing(seen, rows, begin + (end - begin) / 2, gap=gap)
        last = found[-1] if found else None
        if last is not None and (last.state, last.reason, last.due) == (answer.state, answer.reason, answer.due):
            found[-1] = replace(last, ends_at=end)
        else:
            found.append(Stretch(answer.state, answer.reason, answer.due, begin, end))
    return found


def _points(seen: Sequence[Seen], rows: Sequence[Listed], gap: timedelta) -> Iterator[datetime]:
    """Name every instant at which the answer may change: snapshots at which a row comes or goes with those beside
    them, wide gaps, the ends of the history, and the rows' own dates.
    """
    if not seen:
        return
    near = {0, len(seen) - 1}
    for row in rows:
        for position in (row.first, row.absent):
            if position is not None:
                near.update(range(position - 3, position + 4))
    for position in range(1, len(seen)):
        # A day more than the rule allows is looked at for nothing; a day less would be missed.
        if seen[position].starts_at - seen[position - 1].starts_at > gap - timedelta(days=1):
            near.update((position - 1, position))
    for position in near:
        if 0 <= position < len(seen):
            yield seen[position].starts_at
            yield seen[position].ends_at
    yield seen[-1].ends_at + gap
    for row in rows:
        for day in (row.update_on, row.due_on):
            if day is not None:
                yield day_start(day)


# ---- Findings ----


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement of one prefix: `ranges` name exactly which addresses, `since` from when, `cause` why."""

    kind: Kind
    cdn: str  # blank for idle
    prefix: str
    addresses: int
    reason: str
    due_on: date | None
    ranges: tuple[str, ...]
    since: datetime | None
    cause: str


@carries_out("B06")
def findings(cdn: str, prefix: str, of: Iterable[Part]) -> list[Finding]:
    """Return what is wrong with a prefix that serves: one finding for each kind that some of its addresses have.

    The reason is that of most of its addresses; the due date the last one, when all of them will be due.
    """
    wrong: dict[Kind, list[Part]] = {}
    for part in of:
        if part.status != State.REGISTERED:
            wrong.setdefault(Kind(part.status), []).append(part)
    return [
        Finding(
            kind=kind,
            cdn=cdn,
            prefix=prefix,
            addresses=sum(part.addresses for part in found),
            reason=max(found, key=lambda part: part.addresses).reason,
            due_on=max((part.due for part in found if part.due), default=None) if kind is Kind.PENDING else None,
            ranges=tuple(part.range for part in found),
            since=None,
            cause="",
        )
        for kind, found in sorted(wrong.items(), key=lambda pair: list(Kind).index(pair[0]))
    ]


@carries_out("B17")
def began(
    kind: Kind, reason: str, served_from: datetime, stretches: Sequence[Stretch], gone: Iterable[datetime]
) -> tuple[datetime, str]:
    """Return since when a prefix that serves has been wrong, and the cause.

    `stretches` are of its addresses, up to now; `gone` tells of each row that covered them when it was missed first.
    Causes: foreign, private; row_removed (it was on the list and went while it served), not_listed (it served before
    it was listed), not_due, or why the history does not tell.
    """
    if kind is Kind.INELIGIBLE or not stretches:
        return served_from, reason
    same = len(stretches) - 1
    while same and stretches[same - 1].state == stretches[-1].state:
        same -= 1
    since = max(served_from, stretches[same].starts_at)
    if kind is not Kind.UNREGISTERED:
        return since, reason
    return since, "row_removed" if any(at > served_from for at in gone) else "not_listed"


# ---- Hold-down ----


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a finding has to hold before it is believed, either way: so many good snapshots, or so much time."""

    snapshots: int
    time: timedelta

    def is_over(self, since: datetime, snapshots: int, now: datetime) -> bool:
        """Say whether it held: `snapshots` good ones, the first included, have shown it since, or the time is over."""
        return snapshots >= self.snapshots or now - since >= self.time


@carries_out("B06")
def alarms(kind: str, noticed_at: datetime, snapshots: int, now: datetime, hold: Hold) -> bool:
    """Say whether staff are told of a finding now: once it held; of a private or foreign edge at once.

    What stands on the list and serves nothing is shown, and wakes nobody.
    """
    if kind == Kind.IDLE:
        return False
    return kind == INELIGIBLE or hold.is_over(noticed_at, snapshots, now)


def total(of: Iterable[Part]) -> Mapping[str, int]:
    """Return how many addresses have each status; every status is there."""
    counts = dict.fromkeys(("registered", "pending", "unregistered", "unknown", INELIGIBLE), 0)
    for part in of:
        counts[part.status] += part.addresses
    return counts
