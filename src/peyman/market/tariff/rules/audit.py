"""What the tariff audit says of one line of a download log, and what an overcharge amounts to.

A line was overcharged when it was counted by the operator, its user had been told "half price", and the address that
served it was not registered and due throughout. What the inputs cannot say is unknown with its reason and is never
guessed (clause B09). `gateways/audit/judging.py` says the same of whole logs in SQL, by the numbers that stand here.

Times are whole microseconds since 1970 in UTC, so that no sum rounds; days are Tehran's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum
from fractions import Fraction
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from math import isqrt
from typing import Final

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.rules import history
from peyman.market.tariff.rules.history import Answer, Listed, Seen, State

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
ALWAYS: Final = 2**62  # microseconds: beyond every time that a log can have

Address = IPv4Address | IPv6Address


class Result(StrEnum):
    """What became of a line."""

    FINE = "fine"  # told half, billed half
    OVERCHARGED = "overcharged"  # told half, billed full
    NOT_PROMISED = "not_promised"  # nothing was told
    UNKNOWN = "unknown"
    NOT_COUNTED = "not_counted"  # no download that anybody was charged for


class Shown(IntEnum):
    """Whether the user had been told "half price"."""

    NO = 0
    YES = 1
    UNKNOWN = 2


class Code(IntEnum):
    """Result and reason in one number, as the SQL says it. Numbers and names are kept by others: add, never change."""

    FINE = 1
    OVERCHARGED = 2
    NOT_PROMISED = 3
    # unknown
    NO_EDGE_ADDRESS = 101  # the log does not say which address the client connected to
    EDGE_UNPROVEN = 102  # it names a server, and none of the declared edges has that address
    TRANSLATED = 103
    NO_HISTORY = 104
    BEFORE_HISTORY = 105
    AFTER_HISTORY = 106
    GAP_TOO_WIDE = 107
    CHANGED_IN_GAP = 108
    LIST_DISAGREES = 109
    REPLACED = 110
    IN_GRACE = 111
    CROSSES_CHANGE = 112  # the price changed during it, or nearer to it than its clock is right
    SHOWN_UNKNOWN = 113
    # not counted
    METHOD = 201
    NOT_MODIFIED = 202
    REDIRECT = 203
    CLIENT_ERROR = 204
    SERVER_ERROR = 205
    OTHER_STATUS = 206
    NO_BYTES = 207
    FILL = 208  # between parts of a CDN
    STAFF = 209  # our own people and probes
    NOT_A_DOWNLOAD = 210
    DUPLICATE = 211

    @property
    def result(self) -> Result:
        """The result that it is a reason of."""
        if self >= Code.METHOD:
            return Result.NOT_COUNTED
        if self >= Code.NO_EDGE_ADDRESS:
            return Result.UNKNOWN
        return Result[self.name]

    @property
    def reason(self) -> str:
        """The reason as outputs name it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Terms:
    """What an audit goes by, published with it."""

    gap: timedelta = history.GAP
    tolerance: timedelta = timedelta()  # how wrong the clocks of the log may be
    grace: int = 0  # days after a due date that operators may take


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log as far as it is judged. `edge` None: `no_edge` says why."""

    start: int  # microseconds
    end: int
    edge: Address | None
    method: str
    status: int
    sent: int  # bytes of the body, those delivered
    path: str = "/"
    host: str = ""
    client: Address | None = None
    token: str = ""
    node: str = ""
    no_edge: Code = Code.NO_EDGE_ADDRESS


# ---- Time ----


def micros(at: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def instant(at: int) -> datetime:
    """Return what `micros` was given."""
    return EPOCH + timedelta(microseconds=at)


# ---- Is it counted? ----


def not_counted(*, method: str, status: int, sent: int, fill: bool, staff: bool, download: bool) -> Code | None:
    """Return why nobody was charged for a line, or None when somebody was (a GET of a download that gave bytes).

    Every delivered byte counts, also of a part that was fetched twice and of a download that broke off.
    """
    if method != "GET":
        return Code.METHOD
    if status not in (200, 206):
        return _of_status(status)
    if sent <= 0:
        return Code.NO_BYTES
    if fill:
        return Code.FILL
    if staff:
        return Code.STAFF
    return None if download else Code.NOT_A_DOWNLOAD


def _of_status(status: int) -> Code:
    if status == 304:
        return Code.NOT_MODIFIED
    kinds = {3: Code.REDIRECT, 4: Code.CLIENT_ERROR, 5: Code.SERVER_ERROR}
    return kinds.get(status // 100, Code.OTHER_STATUS)


def is_fill(node: str) -> bool:
    """Say whether a CDN itself names the node as one that users do not reach: "shield", "origin-3"."""
    return node.lower().startswith(("shield", "origin", "parent"))


# ---- What did operators bill for this address? ----


Holding = Callable[[Address], Iterable[Listed]]  # address → the stays of all rows whose range holds it


def by_network(rows: Iterable[Listed]) -> Holding:
    """Return what finds those of `rows` that hold an address, the narrowest first."""
    found: dict[str, list[Listed]] = {}
    for row in rows:
        if row.network:
            found.setdefault(row.network, []).append(row)

    def holding(address: Address) -> Iterable[Listed]:
        return [row for text in prefixes.supernets(address) for row in found.get(text, ())]

    return holding


@dataclass(frozen=True, slots=True)
class Probe:
    """What was measured: of `edge`, at an instant, `operator` billed `factor` of full price (1: full, 1/2: half)."""

    operator: str
    edge: Address
    at: int  # microseconds
    factor: Fraction
    source: str = ""

    @property
    def billed(self) -> Code | None:
        """FINE or OVERCHARGED; None where the measure is too near to either to tell."""
        if self.factor <= SURELY_LESS:
            return Code.FINE
        return Code.OVERCHARGED if self.factor >= SURELY_FULL else None


SURELY_LESS: Final = Fraction(3, 4)  # half and a third, with what a balance rounds
SURELY_FULL: Final = Fraction(9, 10)


class Register:
    """The history of the registry, asked by address. `registrants`: only rows of theirs count; of all, if empty.

    `probes`: what was measured, which decides in the days of grace of operators and nowhere else.
    """

    def __init__(
        self,
        snapshots: Sequence[Seen],
        holding: Holding,
        registrants: Sequence[str] = (),
        probes: Iterable[Probe] = (),
    ) -> None:
        self.snapshots = snapshots
        self._holding, self._registrants = holding, registrants
        self._memory: dict[tuple[tuple[Listed, ...], Terms], list[Span]] = {}
        self._of_edge: dict[tuple[Address, str, Terms], list[Span]] = {}
        self.probes: dict[tuple[Address, str], list[Probe]] = {}
        for probe in sorted(probes, key=lambda one: (one.at, one.factor, one.source)):
            self.probes.setdefault((probe.edge, probe.operator), []).append(probe)

    def covering(self, edge: Address) -> tuple[Listed, ...]:
        """Return the rows that count for an address."""
        rows = tuple(self._holding(edge))
        if not self._registrants:
            return rows
        return tuple(row for row in rows if any(history.is_own(row.host, name) for name in self._registrants))

    def timeline(self, edge: Address, terms: Terms, operator: str = "") -> "list[Span]":
        """Return what an address was billed at all times, in spans that are each as long as can be; with an `operator`
        that measured there, as that one billed it.
        """
        measured = self.probes.get((edge, operator), []) if operator else []
        key = edge, operator if measured else "", terms
        if key not in self._of_edge:
            spans = self._timeline(edge, terms)
            self._of_edge[key] = by_probes(spans, measured) if measured else spans
        return self._of_edge[key]

    def _timeline(self, edge: Address, terms: Terms) -> "list[Span]":
        if prefixes.translated(edge):
            return [Span(0, ALWAYS, Code.TRANSLATED)]
        rows = self.covering(edge)
        if (rows, terms) not in self._memory:
            self._memory[rows, terms] = _timeline(self.snapshots, rows, terms)
        return self._memory[rows, terms]


def _changes(snapshots: Sequence[Seen], rows: Iterable[Listed], grace: int) -> list[int]:
    found = set[int]()
    for one in snapshots:
        # The list of an instant decides at that instant only.
        found |= {micros(one.starts_at), micros(one.ends_at) if one.whole_day else micros(one.starts_at) + 1}
    for row in rows:
        days = [day for day in (row.update_on, row.due_on) if day]
        if grace and row.due_on:
            days.append(row.due_on + timedelta(days=grace))
        found |= {micros(day_start(day)) for day in days}
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until before `end` operators billed one price: `code` is FINE, OVERCHARGED or why it is unknown.

    `cause`: of full price, what came first: unregistered, pending or not_due (absent or pending, either is full).
    """

    start: int
    end: int
    code: Code
    cause: str = ""


@carries_out("B08")
def price(answer: Answer, at: datetime, grace: int = 0) -> tuple[Code, str]:
    """Return what an operator billed at an instant of which the history says `answer`, and of full price the cause."""
    if answer.state is State.REGISTERED:
        if grace and answer.due and at < day_start(answer.due + timedelta(days=grace)):
            return Code.IN_GRACE, ""
        return Code.FINE, ""
    if answer.state is not State.UNKNOWN:
        return Code.OVERCHARGED, answer.state.value
    # A row came or went between two looks before it was due: absent or pending, both are full price.
    early = answer.due is None or tehran_day(at) < answer.due
    if answer.reason in ("changed_in_gap", "list_disagrees") and early:
        return Code.OVERCHARGED, "not_due"
    return Code[answer.reason.upper()], ""


def _timeline(snapshots: Sequence[Seen], rows: tuple[Listed, ...], terms: Terms) -> list[Span]:
    starts = [0, *_changes(snapshots, rows, terms.grace)]
    found: list[Span] = []
    for start, end in zip(starts, [*starts[1:], ALWAYS], strict=True):
        at = instant(start)
        code, cause = price(history.status(snapshots, rows, at, gap=terms.gap), at, terms.grace)
        found.append(Span(start, end, code, cause))
    return _joined(found)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Join neighbours of one price; the first says the cause."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].code is span.code:
            found[-1] = Span(found[-1].start, span.end, span.code, found[-1].cause)
        else:
            found.append(span)
    return found


# ---- What was measured ----


@carries_out("B09")
def by_probes(spans: Sequence[Span], probes: Sequence[Probe]) -> list[Span]:
    """Return spans in which probes decided what is in an operator's grace; nothing else is decided by them.

    An operator takes a registration up once: until a probe that met full price it was full, from one that met less it
    was half. What lies between, and between probes that contradict this order, stays unknown.
    """
    found: list[Span] = []
    for span in spans:
        if span.code is not Code.IN_GRACE:
            found.append(span)
            continue
        full, half = _turn([one for one in probes if span.start <= one.at < span.end])
        until = min(full + 1, span.end) if full is not None else span.start
        since = max(half, until) if half is not None else span.end
        parts = (
            Span(span.start, until, Code.OVERCHARGED, "grace"),
            Span(until, since, Code.IN_GRACE),
            Span(since, span.end, Code.FINE),
        )
        found += [part for part in parts if part.start < part.end]
    return _joined(found)


def _turn(probes: Sequence[Probe]) -> tuple[int | None, int | None]:
    """Return the last instant that is known to be full, and the first that is known to be half."""
    fulls = [one.at for one in probes if one.billed is Code.OVERCHARGED]
    halves = [one.at for one in probes if one.billed is Code.FINE]
    full = max((at for at in fulls if not halves or at < min(halves)), default=None)
    half = min((at for at in halves if not fulls or at > max(fulls)), default=None)
    return full, half


@dataclass(frozen=True, slots=True)
class Measured:
    """A probe beside what the history says. `says`: agrees, decides (in grace), contrary, unclear or unknown."""

    probe: Probe
    code: Code
    says: str


def compared(register: Register, terms: Terms) -> list[Measured]:
    """Hold every probe against the history. A contrary one changes nothing and is told."""
    found = []
    for (edge, operator), probes in sorted(register.probes.items(), key=lambda pair: (str(pair[0][0]), pair[0][1])):
        for probe in probes:
            by_history = spans_of(register.timeline(edge, terms), probe.at, probe.at + 1)[0].code
            decided = spans_of(register.timeline(edge, terms, operator), probe.at, probe.at + 1)[0].code
            found.append(Measured(probe, by_history, _says(probe.billed, by_history, decided)))
    return found


def _says(billed: Code | None, by_history: Code, decided: Code) -> str:
    if billed is None:
        return "unclear"
    if by_history is Code.IN_GRACE:
        return "decides" if decided is billed else "contrary"
    if by_history.result is Result.UNKNOWN:
        return "unknown"
    return "agrees" if by_history is billed else "contrary"


# ---- What was billed during a transfer ----


def spans(register: Register, edge: Address, since: int, until: int, terms: Terms, operator: str = "") -> list[Span]:
    """Return those spans of an address that `since` ≤ t < `until` touches, each in its full length."""
    return spans_of(register.timeline(edge, terms, operator), since, until)


def spans_of(every: list[Span], since: int, until: int) -> list[Span]:
    """Return those spans of a timeline that `since` ≤ t < `until` touches."""
    first = bisect_right(every, since, key=_starts) - 1
    last = bisect_left(every, until, key=_starts)
    return every[max(first, 0) : last]


def _starts(span: Span) -> int:
    return span.start


@carries_out("B09")
def price_during(
    register: Register,
    edge: Address,
    start: int,
    end: int,
    terms: Terms,
    operator: str = "",
    tolerance: timedelta | None = None,
) -> Code:
    """Return what all of a transfer from `start` through `end` was billed, give or take the tolerance of its clock
    (that of the terms, if it has none of its own).

    A log has no progress of a transfer, so one that a change of price falls into is unknown.
    """
    slack = (terms.tolerance if tolerance is None else tolerance) // MICROSECOND
    parts = spans(register, edge, start - slack, end + slack + 1, terms, operator)
    return parts[0].code if len(parts) == 1 else Code.CROSSES_CHANGE


@carries_out("B08", "B09")
def judge(unpaid: Code | None, shown: Shown, billed: Code) -> Code:
    """Return what became of a line: not counted for a reason, else by what was told and what was billed."""
    if unpaid is not None:
        return unpaid
    if shown is Shown.NO:
        return Code.NOT_PROMISED
    if billed.result is Result.UNKNOWN:
        return billed
    return billed if shown is Shown.YES else Code.SHOWN_UNKNOWN


def classify(
    line: Line,
    shown: Shown,
    register: Register,
    terms: Terms,
    *,
    staff: bool = False,
    fill: bool = False,
    operator: str = "",
    tolerance: timedelta | None = None,
) -> Code:
    """Return what became of one line. `fill`: its client is a part of a CDN. `operator`: whose probes may decide."""
    unpaid = not_counted(
        method=line.method,
        status=line.status,
        sent=line.sent,
        fill=fill or is_fill(line.node),
        staff=staff,
        download=True,
    )
    billed = (
        line.no_edge
        if line.edge is None
        else price_during(register, line.edge, line.start, line.end, terms, operator, tolerance)
    )
    return judge(unpaid, shown, billed)


# ---- Twice the same line ----


def line_key(cdn: str, request_id: str, fields: Sequence[object]) -> bytes:
    """Return 16 bytes that are the same for one request logged twice: by its number, else by all that it says.

    Lines without a number that say the same are as many as the one file has that says it most often.
    """
    what = (b"id", cdn, request_id) if request_id else (b"line", *fields)
    parts = [part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass") for part in what]
    return sha256(b"\x1f".join(parts)).digest()[:16]


# ---- Amounts ----


@dataclass(frozen=True, slots=True)
class Tariff:
    """One row of the table of tariffs. Valid from `start` until before `end` (microseconds)."""

    operator: str
    service_class: str
    plan: str
    start: int
    end: int
    full: Fraction  # rials for `unit` bytes at full price
    factor: Fraction  # what half price is of it: 1/2, 1/3
    unit: int
    verified: bool
    source: str = ""

    @property
    def lost(self) -> Fraction:
        """Rials that one byte costs too much when it is billed in full."""
        return self.full * (1 - self.factor) / self.unit


def contradictions(tariffs: Sequence[Tariff]) -> list[tuple[Tariff, Tariff]]:
    """Return pairs of verified rows that say two prices for one operator, class and plan at one time."""
    found = []
    of: dict[tuple[str, str, str], list[Tariff]] = {}
    for row in sorted((row for row in tariffs if row.verified), key=lambda row: (row.start, row.end)):
        for other in of.setdefault((row.operator, row.service_class, row.plan), []):
            if row.start < other.end and (row.full, row.factor, row.unit) != (other.full, other.factor, other.unit):
                found.append((other, row))
        of[row.operator, row.service_class, row.plan].append(row)
    return found


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one byte billed in full cost too much, in rials, at the least and at the most."""

    low: Fraction
    high: Fraction


@carries_out("B08")
def bounds(tariffs: Sequence[Tariff], day: date) -> Bounds | None:
    """Return the bounds for a Tehran day over the rows of one operator, or None where no verified row is valid then.

    The plan of a user is not known to us, so the dearest row is the bound in the user's favour.
    """
    begins, ends = micros(day_start(day)), micros(day_start(day + timedelta(days=1)))
    rates = [row.lost for row in tariffs if row.verified and row.start < ends and begins < row.end]
    return Bounds(min(rates), max(rates)) if rates else None


def rials(sent: int, rate: Fraction) -> int:
    """Return what `sent` bytes come to, rounded up to a whole rial, for the user. Sum the bytes of a day first.

    Headers, TLS and retransmits, which no log sees, are a factor of `rate` (published; 1 if none is).
    """
    return -(-(sent * rate.numerator) // rate.denominator)


class Plan(StrEnum):
    """How a user pays, where the user told and showed it."""

    PAY_AS_YOU_GO = "pay_as_you_go"
    PACK = "pack"
    UNLIMITED = "unlimited"


def owed(sent: int, row: Tariff, plan: Plan, pack_rials_per_unit: Fraction | None = None) -> int | None:
    """Return the rials owed for `sent` bytes under a known plan; None where the price of the pack is not known.

    Of a pack volume was lost, and it is paid at the pack's own price; of an unlimited plan nothing was.
    """
    if plan is Plan.UNLIMITED:
        return 0
    if plan is Plan.PACK:
        if pack_rials_per_unit is None:
            return None
        return rials(sent, pack_rials_per_unit * (1 - row.factor) / row.unit)
    return rials(sent, row.lost) if row.verified else None


# ---- Logs that hold a sample only ----


@dataclass(frozen=True, slots=True)
class Estimate:
    """A total made out of a sample, with bounds that hold for 19 samples out of 20 or more."""

    about: int
    low: int
    high: int


def estimate(seen: int, largest: int, percent: Fraction) -> Estimate:
    """Return the total behind `seen`, of which each part (none above `largest`) was kept with `percent` in a hundred.

    The variance of a scaled sum is at most (1 - p) / p² · largest · seen. Never less than was seen.
    """
    share = percent / 100
    about = -(-seen * share.denominator // share.numerator)
    variance = (1 - share) / share**2 * largest * seen
    error = 2 * (isqrt(int(variance)) + 1) if variance else 0
    return Estimate(about, max(seen, about - error), about + error)


# ---- Sums of many lines ----


def totals(counts: Mapping[Code, int]) -> dict[str, object]:
    """Return how many lines had which result, such that they add up: all are counted or not, the counted are one of
    fine, overcharged, not promised and unknown.
    """

    def by_reason(result: Result) -> dict[str, int]:
        return {code.reason: counts[code] for code in sorted(counts) if code.result is result and counts[code]}

    unpaid = by_reason(Result.NOT_COUNTED)
    every = sum(counts.values())
    return {
        "lines": every,
        "counted": every - sum(unpaid.values()),
        "not_counted": unpaid,
        "fine": counts.get(Code.FINE, 0),
        "overcharged": counts.get(Code.OVERCHARGED, 0),
        "not_promised": counts.get(Code.NOT_PROMISED, 0),
        "unknown": by_reason(Result.UNKNOWN),
    }
