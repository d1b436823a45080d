"""Settlements: what a gateway pays into our account for many payments at once, less what it gave back and keeps.

A settlement is booked when its own figures agree with what it covers: payments − given back − fee = paid out, each
payment ours, whole and settled once. Nothing is made to agree, and no fee is guessed: the report says it, or what staff
wrote down as agreed fits to the rial.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final, TypeAlias

from peyman.billing.rules import cells
from peyman.billing.rules.statements import (
    KINDS,
    Difference,
    Differs,
    Fault,
    File,
    Kind,
    Ours,
    header,
    sorted_out,
    table,
)
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import normalise, whole_number

COLUMNS: Final = ("settlement", "terminal", "kind", "refnum", "amount", "fee", "at")
SPAN: Final = ("from", "to")
ARRIVES_WORKING_DAYS: Final = 1  # what a gateway paid out is on our account at the end of the next working day
PPM: Final = 1_000_000
_KINDS: Final = {
    word: kind for word, kind in KINDS.items() if kind in (Kind.DEPOSIT, Kind.PAYMENT, Kind.REFUND, Kind.REVERSAL)
}


class FeeUnknown(Refused):
    """Neither the report nor an agreement says what the gateway kept."""

    code, status = "fee_unknown", 409
    says = "ثبت نشد، چون کارمزد این تسویه را نه گزارش می‌گوید و نه قراری که نوشته‌اید به آن می‌خورد."


class SettlementStands(Refused):
    """The settlement is not held any more."""

    code, status = "settlement_stands", 409
    says = "انجام نشد، چون این تسویه دیگر در انتظار نیست. صفحه را تازه کنید؛ شاید همکاری پیش از شما بود."


# ---- Reading ----


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report; of `Kind.DEPOSIT` the settlement itself. Rials; `fee` None where the cell is empty."""

    number: int
    settlement: str
    terminal: str
    kind: Kind
    refnum: str
    amount: int
    fee: int | None
    at: datetime
    since: datetime | None = None
    until: datetime | None = None

    @property
    def what(self) -> tuple[object, ...]:
        return self.settlement, self.terminal, self.kind, self.refnum, self.amount, self.fee, self.at


Report: TypeAlias = File[Line]


def is_report(lines: Iterable[str]) -> bool:
    """Say whether a file is a gateway's report of settlements, by its header."""
    return "settlement" in header(lines)


def read(lines: Iterable[str], *, latest: datetime) -> Report:
    """Read a report, digits of any script. Raises NoStatement for a file without our columns.

    What happened after `latest` did not happen. A line that cannot be read is a fault and stops nothing.
    """
    return sorted_out(table(lines, COLUMNS, SPAN), partial(_line, latest))


def _line(
    latest: datetime,
    number: int,
    settlement: str,
    terminal: str,
    kind: str,
    refnum: str,
    amount: str,
    fee: str,
    at: str,
    since: str,
    until: str,
) -> Line | Fault:
    column = "settlement"
    try:
        of = cells.name(settlement)
        column = "terminal"
        whose = cells.name(terminal)
        column = "kind"
        about = _KINDS[normalise(kind).strip().lower()]
        column = "refnum"
        # A settlement may not say by which number the bank will name it; its own is tried then.
        receipt = cells.name(refnum) if about is not Kind.DEPOSIT or refnum.strip() else ""
        column = "amount"
        sum_ = cells.rials(amount)
        column = "fee"
        kept = cells.rials(fee, least=0) if fee.strip() else None
        column = "at"
        when = cells.instant(at)
        if when > latest:
            return Fault(number, column)
        column = "span"
        span = _span(since, until) if about is Kind.DEPOSIT else (None, None)
    except (ValueError, KeyError):
        return Fault(number, column)
    return Line(number, of, whose, about, receipt, sum_, kept, when, *span)


def _span(since: str, until: str) -> tuple[datetime, datetime] | tuple[None, None]:
    """Return a span, its end not in it. Raises ValueError for one that has one end only, or does not run forward."""
    if not since.strip() and not until.strip():
        return None, None
    begins, ends = cells.instant(since), cells.instant(until)
    if begins >= ends:
        raise ValueError("no span")
    return begins, ends


# ---- Fees ----


@dataclass(frozen=True, slots=True)
class Fee:
    """What was agreed that a gateway keeps of a payment: so many millionths and rials, at most `most` (0: no limit)."""

    ppm: int
    fixed: int = 0
    most: int = 0

    def of(self, amounts: Iterable[int]) -> int:
        """Return the fee of payments, each rounded down to the rial, for the shop: 0.5 % of 12,345 → 61."""
        return sum(self._one(amount) for amount in amounts)

    def _one(self, amount: int) -> int:
        fee = amount * self.ppm // PPM + self.fixed
        return min(fee, self.most) if self.most else fee


@dataclass(frozen=True, slots=True)
class Terms:
    """What staff typed of an agreement, read."""

    since: date
    working_days: int
    ppm: int | None
    fixed: int
    most: int


def terms(*, since: str, working_days: str, percent: str, fixed: str, most: str) -> Terms:
    """Return an agreement as it was typed. Raises Invalid that names the fields."""
    wrong: dict[str, str] = {}
    day, days, ppm, sums = date.min, 0, None, {"fixed": 0, "most": 0}
    try:
        day = jalali.typed_date(since)
        if not 2000 <= day.year < 2100:
            raise ValueError
    except ValueError:
        wrong["since"] = "روز را چنین بنویسید: ۱۴۰۵/۰۹/۰۱"
    try:
        days = whole_number(working_days)
        if not 0 <= days <= 60:
            raise ValueError
    except ValueError:
        wrong["working_days"] = "شمار روزهای کاری، از ۰ تا ۶۰."
    try:
        ppm = _ppm(percent)
    except ValueError:
        wrong["percent"] = "درصد را چنین بنویسید: ۰٫۵؛ از ۰ تا ۱۰۰ و تا چهار رقم پس از ممیز."
    for name, typed in (("fixed", fixed), ("most", most)):
        try:
            sums[name] = cells.rials(typed, least=0) if typed.strip() else 0
        except ValueError:
            wrong[name] = "مبلغی به ریال، بی اعشار."
    if ppm is None and "percent" not in wrong and any(sums.values()):
        wrong["percent"] = "کارمزد بی درصد نمی‌شود؛ اگر تنها مبلغ ثابت است، ۰ بنویسید."
    if wrong:
        raise Invalid(wrong)
    return Terms(day, days, ppm, sums["fixed"], sums["most"])


def _ppm(percent: str) -> int | None:
    """Return percent as millionths: «۰٫۵» → 5000; nothing typed is no fee agreed. Raises ValueError."""
    typed = normalise(percent, digits=True).rstrip("%٪").strip()
    if not typed:
        return None
    whole, _, part = typed.replace("٫", ".").replace("/", ".").partition(".")
    if not (whole + part).isdecimal() or len(part) > 4 or len(whole) > 3:
        raise ValueError("no percent")
    found = int(whole or "0") * 10_000 + int(part.ljust(4, "0") or "0")
    if found > PPM:
        raise ValueError("no percent")
    return found


# ---- Weighing ----


@dataclass(frozen=True, slots=True)
class Item:
    """What a settlement covers, as its report says; `key` is of its row."""

    key: int
    kind: Kind
    refnum: str
    amount: int
    fee: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """A settlement as its report tells it; `has_span`: it covers all of a span, and names nothing."""

    key: int
    code: str
    terminal: str
    amount: int
    fee: int | None
    at: datetime
    items: Sequence[Item]
    has_span: bool


@dataclass(frozen=True, slots=True)
class Weighed:
    """What came of weighing. `bound`: our rows that it covers, with the item that names each (None in a span)."""

    bound: tuple[tuple[Item | None, Ours], ...]
    fee: int | None
    fee_from: str
    differences: tuple[Difference, ...]

    @property
    def is_sound(self) -> bool:
        """Whether it may be booked as it is: a fee that is not the agreed one was kept all the same."""
        return all(one.how is Differs.FEE_OTHER for one in self.differences)


def weigh(told: Told, ours: Sequence[Ours], taken: Collection[tuple[Kind, int]], agreed: Fee | None) -> Weighed:
    """Hold a settlement against our rows. `ours`: captured payments and proven refunds of its terminal, that its items
    name or that lie in its span; `taken`: those of them, as (payment or refund, key), that another settlement covers.
    """
    if told.items:
        bound, differences = _named(told, ours, taken)
        came = sum(item.amount for item in told.items if item.kind is Kind.PAYMENT)
        back = sum(item.amount for item in told.items if item.kind is not Kind.PAYMENT)
        of = [item.amount for item in told.items if item.kind is Kind.PAYMENT]
    elif told.has_span:
        free = [row for row in ours if (_side(row.kind), row.key) not in taken]
        bound, differences = [(None, row) for row in free], []
        of = [row.amount for row in free if row.kind is Kind.PAYMENT]
        came, back = sum(of), sum(row.amount for row in free if row.kind is not Kind.PAYMENT)
    else:
        return Weighed((), told.fee, "report" if told.fee is not None else "", (_of(told, Differs.UNCOVERED),))
    fee = told.fee
    if fee is None and told.items and all(item.fee is not None for item in told.items if item.kind is Kind.PAYMENT):
        fee = sum(item.fee or 0 for item in told.items)
    computed = None if agreed is None else agreed.of(of)
    source = "report" if fee is not None else ""
    if fee is None and computed is not None and came - back - computed == told.amount:
        fee, source = computed, "agreement"
    if fee is None:
        differences.append(_of(told, Differs.FEE_UNKNOWN, came - back - told.amount, computed))
    elif came - back - fee != told.amount:
        differences.append(_of(told, Differs.SUM, told.amount, came - back - fee))
    elif computed is not None and computed != fee and not differences:
        differences.append(_of(told, Differs.FEE_OTHER, fee, computed))
    return Weighed(tuple(bound), fee, source, tuple(differences))


def _named(
    told: Told, ours: Sequence[Ours], taken: Collection[tuple[Kind, int]]
) -> tuple[list[tuple[Item | None, Ours]], list[Difference]]:
    """Bind each item to the row of ours that it names."""
    payments = {row.refnum: row for row in ours if row.kind is Kind.PAYMENT}
    backs: dict[str, list[Ours]] = defaultdict(list)
    for row in sorted(ours, key=lambda row: (row.at, row.key)):
        if row.kind is not Kind.PAYMENT:
            for receipt in dict.fromkeys(one for one in (row.refnum, row.of) if one):
                backs[receipt].append(row)
    bound: list[tuple[Item | None, Ours]] = []
    differences: list[Difference] = []
    seen: set[tuple[Kind, int]] = set()
    for item in told.items:
        if item.kind is Kind.PAYMENT:
            fits = [payments[item.refnum]] if item.refnum in payments else []
        else:
            open_ = [one for one in backs[item.refnum] if (Kind.REFUND, one.key) not in seen]
            # What is settled elsewhere comes last; its own number before its payment's; then the oldest.
            fits = sorted(
                open_,
                key=lambda one: (
                    one.amount != item.amount,
                    (Kind.REFUND, one.key) in taken,
                    one.refnum != item.refnum,
                ),
            )
        if not fits:
            unknown = Differs.UNKNOWN_PAYMENT if item.kind is Kind.PAYMENT else Differs.UNKNOWN_REFUND
            differences.append(_at(told, unknown, item))
            continue
        row = fits[0]
        side = (_side(row.kind), row.key)
        if side in taken or side in seen:
            differences.append(_at(told, Differs.TWICE, item, row))
        elif row.amount != item.amount:
            differences.append(_at(told, Differs.AMOUNT, item, row))
        else:
            seen.add(side)
            bound.append((item, row))
    return bound, differences


def _side(kind: Kind) -> Kind:
    return Kind.PAYMENT if kind is Kind.PAYMENT else Kind.REFUND


def _at(told: Told, how: Differs, item: Item, row: Ours | None = None) -> Difference:
    ours = row.amount if row else None
    return Difference(
        how,
        item.kind,
        told.terminal,
        item.refnum,
        item.amount,
        ours,
        told.at,
        row=row,
        settlement=(told.key, told.code),
    )


def _of(told: Told, how: Differs, theirs: int | None = None, ours: int | None = None) -> Difference:
    theirs = told.amount if how is Differs.UNCOVERED else theirs
    return Difference(how, Kind.DEPOSIT, told.terminal, "", theirs, ours, told.at, settlement=(told.key, told.code))
