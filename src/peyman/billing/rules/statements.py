"""A bank's own statement, held against what we wrote down: every line has its row here, and every row its line.

Differences are never mended by software. What the bank says was given back keeps our promise to give it back, since
that is the proof; all else is work for a person.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from peyman.billing.rules import cells
from peyman.kernel.clauses import carries_out
from peyman.kernel.delimited import csv_rows
from peyman.kernel.errors import Refused
from peyman.kernel.text import normalise

COLUMNS: Final = ("refnum", "terminal", "amount", "kind", "at")
MOST_LINES: Final = 2_000_000
LONGEST_KEY: Final = 200  # of its column


class Kind(StrEnum):
    """What a line is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"
    TRANSFER = "transfer"  # of our own account: money that left by Paya
    RETURNED = "returned"  # such a transfer that came back
    DEPOSIT = "deposit"  # a gateway paid a settlement into our account


_WIRED: Final = frozenset({Kind.TRANSFER, Kind.RETURNED})
KINDS: Final = {
    "payment": Kind.PAYMENT,
    "purchase": Kind.PAYMENT,
    "پرداخت": Kind.PAYMENT,
    "خرید": Kind.PAYMENT,
    "refund": Kind.REFUND,
    "استرداد": Kind.REFUND,
    "بازگشت وجه": Kind.REFUND,
    "reversal": Kind.REVERSAL,
    "برگشت": Kind.REVERSAL,
    "اصلاحیه": Kind.REVERSAL,
    "transfer": Kind.TRANSFER,
    "paya": Kind.TRANSFER,
    "پایا": Kind.TRANSFER,
    "حواله": Kind.TRANSFER,
    "حواله پایا": Kind.TRANSFER,
    "انتقال": Kind.TRANSFER,
    "returned": Kind.RETURNED,
    "برگشت پایا": Kind.RETURNED,
    "برگشت حواله": Kind.RETURNED,
    "حواله برگشتی": Kind.RETURNED,
    "deposit": Kind.DEPOSIT,
    "settlement": Kind.DEPOSIT,
    "واریز": Kind.DEPOSIT,
    "تسویه": Kind.DEPOSIT,
}


class NoStatement(Refused):
    """The file is no statement, or none that can be read."""

    code, status = "statement_unreadable", 422
    says = "این فایل صورت‌حساب بانک نیست: {why}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement; `amount` in rials, `at` in UTC, `number` counts the file's lines from 1."""

    number: int
    refnum: str
    terminal: str
    amount: int
    kind: Kind
    at: datetime

    @property
    def what(self) -> tuple[str, str, Kind, int, datetime]:
        return self.terminal, self.refnum, self.kind, self.amount, self.at


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be read, and why, in a code."""

    number: int
    code: str


class Said(Protocol):
    """A line of a file that can be read."""

    @property
    def at(self) -> datetime: ...

    @property
    def what(self) -> tuple[object, ...]:
        """All that it says, by which another one says the same word for word."""


Of = TypeVar("Of", bound=Said)


@dataclass(frozen=True, slots=True)
class File(Generic[Of]):
    """What a file says. `duplicates`: numbers of lines that another one says word for word."""

    lines: tuple[Of, ...]
    faults: tuple[Fault, ...]
    duplicates: tuple[int, ...]

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The first and the last instant of which it speaks, both included."""
        return self.span_until(cells.LATEST)

    def span_until(self, latest: datetime) -> tuple[datetime, datetime] | None:
        """The same of the lines up to `latest`: one that is dated of days to come does not make the file speak of all
        that is between. Where every line is, the clocks differ, and all count.
        """
        instants = [line.at for line in self.lines]
        past = [at for at in instants if at <= latest] or instants
        return (min(past), max(past)) if past else None


Statement: TypeAlias = File[Line]


def header(lines: Iterable[str]) -> list[str]:
    """Return the names of a file's columns, in one spelling."""
    return _names(csv_rows(lines))


def _names(rows: Iterator[tuple[int, list[str] | None]]) -> list[str]:
    _, first = next(rows, (1, None))
    return [normalise(name).strip().lower() for name in first or []]


def table(
    lines: Iterable[str], columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (line, cells in the order of `columns`, then of `optional`) of a CSV; None for a torn line.

    A column of `optional` that is not there gives empty cells. Raises NoStatement for a file without `columns`, and for
    one of more than MOST_LINES lines.
    """
    rows = csv_rows(lines)
    names = _names(rows)
    missing = [name for name in columns if name not in names]
    if missing:
        raise NoStatement(why=f"ستون‌های {'، '.join(missing)} را ندارد؛ سطر نخست باید «{','.join(columns)}» باشد.")
    places = [names.index(name) if name in names else None for name in (*columns, *optional)]
    came = 0
    for number, fields in rows:
        if fields is not None and not any(field.strip() for field in fields):
            continue
        came += 1
        if came > MOST_LINES:
            raise NoStatement(why=f"بیش از {MOST_LINES:,} سطر دارد؛ آن را به چند فایل بخش کنید.")
        if fields is None or len(fields) < len(names):
            yield number, None
        else:
            yield number, [fields[place] if place is not None else "" for place in places]


def read(lines: Iterable[str]) -> Statement:
    """Read the CSV of a bank, digits of any script. Raises NoStatement for a file without our columns.

    A line that cannot be read is a fault and stops nothing; whoever compares must show it.
    """
    return sorted_out(table(lines, COLUMNS), _line)


def sorted_out(rows: Iterable[tuple[int, list[str] | None]], line_of: Callable[..., Of | Fault]) -> File[Of]:
    """Read each row of a `table` by `line_of`(number, *cells), and set aside what cannot be read or was said before."""
    found: list[Of] = []
    faults: list[Fault] = []
    duplicates: list[int] = []
    known: set[tuple[object, ...]] = set()
    for number, fields in rows:
        line = Fault(number, "columns") if fields is None else line_of(number, *fields)
        if isinstance(line, Fault):
            faults.append(line)
        elif line.what in known:
            duplicates.append(number)
        else:
            known.add(line.what)
            found.append(line)
    return File(tuple(found), tuple(faults), tuple(duplicates))


def _line(number: int, refnum: str, terminal: str, amount: str, kind: str, at: str) -> Line | Fault:
    column = "refnum"
    try:
        receipt = cells.name(refnum)
        column = "terminal"
        whose = cells.name(terminal)
        column = "amount"
        sum_ = cells.rials(amount)
        column = "kind"
        about = KINDS[normalise(kind).strip().lower()]
        column = "at"
        when = cells.instant(at)
    except (ValueError, KeyError):
        return Fault(number, column)
    return Line(number, receipt, whose, sum_, about, when)


# ---- Held against our own rows ----


@dataclass(frozen=True, slots=True)
class Ours:
    """A payment or refund of ours, a transfer, or a settlement.

    Of a refund `refnum` is the bank's number of it, if known, `of` its payment's; of a transfer `terminal` is our own
    account and `refnum` our number of it; of a settlement `terminal` is our account, once it arrived, `refnum` the
    reference and `of` the number that its gateway gave it.
    """

    key: int
    code: str
    kind: Kind
    terminal: str
    refnum: str
    amount: int
    at: datetime
    of: str = ""
    is_done: bool = True  # of a refund or a transfer: the bank's word is known already
    is_back: bool = False  # of a transfer: the bank gave it back
    is_undue: bool = False  # of a transfer: it is in no file that we handed in, or not any more


class Differs(StrEnum):
    """How statement and ledger disagree."""

    UNREADABLE = "unreadable"  # a line that cannot be read
    FOREIGN_TERMINAL = "foreign_terminal"  # not our terminal
    UNKNOWN_PAYMENT = "unknown_payment"  # the bank took money that we know nothing of
    UNKNOWN_REFUND = "unknown_refund"  # the bank gave back what we owe nobody
    AMOUNT = "amount"  # one receipt, two amounts
    TWICE = "twice"  # one receipt on two lines that differ
    UNDUE = "undue"  # a transfer left that we had put aside
    UNKNOWN_DEPOSIT = "unknown_deposit"  # money came to our account that no report of a gateway tells of
    # Of a gateway's report of settlements:
    NO_SETTLEMENT = "no_settlement"  # its lines name one that no report tells of
    CHANGED = "changed"  # told otherwise than before
    UNCOVERED = "uncovered"  # it says neither which payments nor which span it covers
    SUM = "sum"  # payments less what was given back and the fee are not what was paid out
    FEE_UNKNOWN = "fee_unknown"  # neither the report nor what was agreed says the fee
    FEE_OTHER = "fee_other"  # another fee than agreed
    MISSING = "missing"  # we have taken in, or given back, what the bank does not list


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing for a person to look at. Amounts in rials, None where that side has none."""

    how: Differs
    kind: Kind | None
    terminal: str
    refnum: str
    theirs: int | None
    ours: int | None
    at: datetime | None
    line: int | None = None
    row: Ours | None = None
    why: str = ""
    settlement: tuple[int, str] | None = None  # key and code of the settlement that it is about

    def key(self, statement: str) -> str:
        """Return what is the same for the same difference, whichever statement shows it; `statement`: its hash."""
        if self.how is Differs.UNREADABLE:
            return f"{self.how}:{statement}:{self.line}"
        whose = self.row.code if self.row else f"{self.terminal}/{self.refnum}"
        whose = f"{self.settlement[1]}/{whose}" if self.settlement else whose
        key = f"{self.how}:{self.kind}:{whose}:{'' if self.theirs is None else self.theirs}"
        return key if len(key) <= LONGEST_KEY else f"{self.how}:{sha256(key.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of comparing. `proven`: refunds of ours that the bank's line proves, with that line; `wired`: transfers
    that it proves to be paid, `came_back`: those that it gives back, in this order; `arrived`: settlements that came
    to our account; `agreed`: codes of our rows, and (terminal, receipt) of theirs, on which both agree.
    """

    matched: int
    proven: tuple[tuple[Ours, Line], ...]
    differences: tuple[Difference, ...]
    agreed: frozenset[str | tuple[str, str]]
    wired: tuple[tuple[Ours, Line], ...] = ()
    came_back: tuple[tuple[Ours, Line], ...] = ()
    arrived: tuple[tuple[Ours, Line], ...] = ()


@carries_out("D30")
def compare(
    statement: Statement,
    ours: Sequence[Ours],
    terminals: Collection[str],
    span: tuple[datetime, datetime] | None,
    mentioned: Collection[str],
) -> Compared:
    """Hold every line against our rows, and every row of ours within `span` (both ends included) against the lines.

    `ours`: all rows that have a receipt of the statement or lie in the span. `terminals`: ours; `mentioned`: those of
    which the statement speaks, since nothing is missing at another bank. A refund's line names the refund's own
    receipt or that of its payment; of several that fit, one line proves one refund, the oldest first.
    """
    differences = [
        Difference(Differs.UNREADABLE, None, "", "", None, None, None, fault.number, why=fault.code)
        for fault in statement.faults
    ]
    payments: dict[tuple[str, str], Ours] = {}
    backs: dict[tuple[str, str], list[Ours]] = defaultdict(list)
    wires = {(row.terminal, row.refnum): row for row in ours if row.kind is Kind.TRANSFER}
    for row in sorted(ours, key=lambda row: (row.at, row.key)):
        if row.kind in (Kind.TRANSFER, Kind.DEPOSIT):
            continue
        if row.kind is Kind.PAYMENT:
            payments[row.terminal, row.refnum] = row
        else:
            for receipt in dict.fromkeys(one for one in (row.refnum, row.of) if one):
                backs[row.terminal, receipt].append(row)
    undone = _undone(statement.lines, payments, backs)
    seen: set[tuple[Kind, int]] = set()
    first: dict[tuple[str, str], Line] = {}
    proven: list[tuple[Ours, Line]] = []
    agreed: set[str | tuple[str, str]] = set()
    wired, faults = _wired([line for line in statement.lines if line.terminal in terminals], wires)
    differences += faults
    matched = len(wired.lines)
    agreed |= {row.code for row, _ in wired.paid}
    deposits, faults = _deposited(
        [line for line in statement.lines if line.terminal in terminals and line.kind is Kind.DEPOSIT], ours
    )
    differences += faults
    matched += len(deposits)
    agreed |= {row.code for row, _ in deposits}
    for line in statement.lines:
        where = line.terminal, line.refnum
        if line.terminal not in terminals:
            differences.append(_theirs(Differs.FOREIGN_TERMINAL, line))
        elif where in wires or line.kind in _WIRED or line.kind is Kind.DEPOSIT:
            pass  # looked at above
        elif line.number in undone:
            matched += 1
        elif line.kind is Kind.PAYMENT:
            paid = payments.get(where)
            if where in first:
                differences.append(_theirs(Differs.TWICE, line, paid))
            elif paid is None:
                differences.append(_theirs(Differs.UNKNOWN_PAYMENT, line))
            elif paid.amount != line.amount:
                differences.append(_theirs(Differs.AMOUNT, line, paid))
            else:
                matched += 1
                agreed |= {paid.code, where}
            first.setdefault(where, line)
            if paid:
                seen.add((Kind.PAYMENT, paid.key))
        else:
            open_ = [one for one in backs[where] if (Kind.REFUND, one.key) not in seen]
            exact = [one for one in open_ if one.amount == line.amount]
            if exact:
                # Its own number before its payment's, what we asked for before what is known done.
                back = min(exact, key=lambda one: (one.refnum != line.refnum, one.is_done))
                seen.add((Kind.REFUND, back.key))
                matched += 1
                agreed.add(back.code)
                if not back.is_done:
                    proven.append((back, line))
            elif named := [one for one in open_ if one.refnum == line.refnum]:
                seen.add((Kind.REFUND, named[0].key))
                differences.append(_theirs(Differs.AMOUNT, line, named[0]))
            else:
                differences.append(_theirs(Differs.UNKNOWN_REFUND, line))
    seen |= {(Kind.TRANSFER, row.key) for row, _ in wired.paid}
    seen |= {(Kind.DEPOSIT, row.key) for row, _ in deposits}
    for row in ours:
        kind = row.kind if row.kind in (Kind.PAYMENT, Kind.TRANSFER, Kind.DEPOSIT) else Kind.REFUND
        is_covered = span is not None and span[0] <= row.at <= span[1] and row.terminal in mentioned
        if is_covered and row.is_done and (kind, row.key) not in seen:
            differences.append(
                Difference(Differs.MISSING, row.kind, row.terminal, row.refnum, None, row.amount, row.at, row=row)
            )
    fresh = tuple((row, line) for row, line in wired.paid if not row.is_done)
    came = tuple((row, line) for row, line in wired.back if not row.is_back)
    new = tuple((row, line) for row, line in deposits if not row.is_done)
    return Compared(matched, tuple(proven), tuple(differences), frozenset(agreed), fresh, came, new)


@dataclass(frozen=True, slots=True)
class _Wires:
    """Transfers of ours that lines name, whether known before or not; `lines`: numbers of those lines."""

    paid: tuple[tuple[Ours, Line], ...]
    back: tuple[tuple[Ours, Line], ...]
    lines: frozenset[int]


def _wired(lines: Iterable[Line], wires: Mapping[tuple[str, str], Ours]) -> tuple[_Wires, list[Difference]]:
    """Hold the lines of our own account against our transfers, each of which goes once and comes back at most once.

    A bank names a transfer in whatever word it has for money that leaves; what comes back has a word of its own.
    """
    paid: dict[int, tuple[Ours, Line]] = {}
    back: dict[int, tuple[Ours, Line]] = {}
    found: set[int] = set()
    differences: list[Difference] = []
    for line in lines:
        row = wires.get((line.terminal, line.refnum))
        if row is None:
            if line.kind in _WIRED:
                differences.append(_theirs(Differs.UNKNOWN_REFUND, line))
            continue
        into = back if line.kind in (Kind.RETURNED, Kind.REVERSAL) else paid
        if row.amount != line.amount:
            differences.append(_theirs(Differs.AMOUNT, line, row))
        elif line.kind is Kind.PAYMENT or row.is_undue:
            differences.append(_theirs(Differs.UNDUE, line, row))
        elif row.key in into:
            differences.append(_theirs(Differs.TWICE, line, row))
        else:
            into[row.key] = (row, line)
            found.add(line.number)
    return _Wires(tuple(paid.values()), tuple(back.values()), frozenset(found)), differences


def _deposited(lines: Iterable[Line], ours: Iterable[Ours]) -> tuple[list[tuple[Ours, Line]], list[Difference]]:
    """Hold what came to our account against the settlements that gateways told of; each comes once."""
    told: dict[str, list[Ours]] = defaultdict(list)
    for row in ours:
        if row.kind is Kind.DEPOSIT:
            for number in dict.fromkeys(one for one in (row.refnum, row.of) if one):
                told[number].append(row)
    came: dict[int, tuple[Ours, Line]] = {}
    differences: list[Difference] = []
    for line in lines:
        # Two gateways may count from 1 both; then the sum says which one paid.
        fits = sorted(told[line.refnum], key=lambda one: (one.amount != line.amount, one.is_done))
        if not fits:
            differences.append(_theirs(Differs.UNKNOWN_DEPOSIT, line))
        elif fits[0].amount != line.amount:
            differences.append(_theirs(Differs.AMOUNT, line, fits[0]))
        elif fits[0].key in came or (fits[0].is_done and (fits[0].terminal, fits[0].at) != (line.terminal, line.at)):
            differences.append(_theirs(Differs.TWICE, line, fits[0]))
        else:
            came[fits[0].key] = (fits[0], line)
    return list(came.values()), differences


def _undone(
    lines: Iterable[Line], payments: Collection[tuple[str, str]], backs: Collection[tuple[str, str]]
) -> set[int]:
    """Return the numbers of lines that undo each other and are none of ours: what we never took in, given back whole.

    A payment that was not ours to keep (another amount, sold out before it was verified) has no row in the ledger.
    """
    open_: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for line in lines:
        if line.kind is Kind.PAYMENT and (line.terminal, line.refnum) not in payments:
            open_[line.terminal, line.refnum, line.amount].append(line.number)
    found: set[int] = set()
    for line in lines:
        given = open_.get((line.terminal, line.refnum, line.amount))
        if line.kind is Kind.REVERSAL and given and (line.terminal, line.refnum) not in backs:
            found |= {given.pop(), line.number}
    return found


def _theirs(how: Differs, line: Line, row: Ours | None = None) -> Difference:
    ours = row.amount if row else None
    return Difference(how, line.kind, line.terminal, line.refnum, line.amount, ours, line.at, line.number, row)
