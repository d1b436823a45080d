"""What operators billed for an address: by the registry's history, and in days of grace by what was measured (B09)."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.rules import history
from peyman.market.tariff.rules.audit.codes import (
    ALWAYS,
    MICROSECOND,
    Address,
    Code,
    Result,
    Terms,
    instant,
    micros,
)
from peyman.market.tariff.rules.history import Answer, Listed, Seen, State

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


# ---- During a transfer ----


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
