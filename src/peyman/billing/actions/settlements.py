"""Settlements of gateways: told by their reports, weighed, booked, on our account, or never come.

Each settlement is taken in on its own, so that a report taken in again finds what a kill left undone. Its postings are
dated as the gateway and the bank date them: a month's figures are those of the month, whenever the file came.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, Max

from peyman.billing.actions import statements
from peyman.billing.models import (
    Agreement,
    Entry,
    ExpectedSettlement,
    Settlement,
    SettlementLine,
    Statement,
    StatementDifference,
)
from peyman.billing.queries import settlements as queries
from peyman.billing.rules import settlements as rules
from peyman.billing.rules.statements import Difference, Differs, Kind
from peyman.kernel import codes
from peyman.kernel.errors import Invalid, Missing
from peyman.kernel.worktime import WorkCalendar, day_start, tehran_day
from peyman.people.models import Person
from peyman.promises.queries import working_calendar
from peyman.tables import ByKey, change

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 500
# Differences that come of weighing; they end when it finds them no more.
_WEIGHED: Final = ("unknown_payment", "unknown_refund", "amount", "twice", "uncovered", "sum", "fee_unknown")


# ---- What a report tells ----


@dataclass(frozen=True)
class Taken:
    """What came of a report. `matched`: lines of it that a booked settlement covers; `booked`: by this very call."""

    matched: int
    booked: tuple[Settlement, ...]
    open: tuple[StatementDifference, ...]


def take(*, statement: Statement, report: rules.Report, gateways: Mapping[str, str], now: datetime) -> Taken:
    """Take a report in; `gateways`: our terminals, and whose they are. Safe to repeat."""
    _, calendar = working_calendar()
    differences = [
        Difference(Differs.UNREADABLE, None, "", "", None, None, None, fault.number, why=fault.code)
        for fault in report.faults
    ]
    told: dict[tuple[str, str], list[rules.Line]] = {}
    for line in report.lines:
        if line.terminal in gateways:
            told.setdefault((gateways[line.terminal], line.settlement), []).append(line)
        else:
            differences.append(_line(Differs.FOREIGN_TERMINAL, line))
    booked, matched = [], 0
    for (gateway, number), lines in told.items():
        row, found = _tell(gateway=gateway, number=number, lines=lines, statement=statement, calendar=calendar)
        if row:
            was_booked, weighed = _weigh(row, now=now)
            booked += [row] if was_booked else []
            matched += len(lines) - len(found) if row.state == Settlement.State.BOOKED else 0
            _find_deposit(row, statement=statement, now=now)
            found += weighed
        differences += found
    recount(gateways={gateway for gateway, _ in told}, now=now)
    return Taken(matched, tuple(booked), tuple(statements.show(statement=statement, differences=differences, now=now)))


@transaction.atomic
def _tell(
    *,
    gateway: str,
    number: str,
    lines: Sequence[rules.Line],
    statement: Statement,
    calendar: WorkCalendar,
) -> tuple[Settlement | None, list[Difference]]:
    """Write down what a report tells of one settlement. What was told before stands; what differs is a difference."""
    heads = [line for line in lines if line.kind is Kind.DEPOSIT]
    live = Settlement.objects.exclude(state=Settlement.State.DROPPED)
    row = live.filter(gateway=gateway, number=number).first()
    if row is None and not heads:
        first = lines[0]
        lost = sum(line.amount if line.kind is Kind.PAYMENT else -line.amount for line in lines)
        return None, [Difference(Differs.NO_SETTLEMENT, Kind.DEPOSIT, first.terminal, number, lost, None, first.at)]
    if row is None:
        head = heads[0]
        row, _ = live.get_or_create(
            gateway=gateway,
            number=number,
            defaults={
                "code": codes.new("SET"),
                "terminal": head.terminal,
                "reference": head.refnum,
                "amount": head.amount,
                "fee": head.fee,
                "fee_from": "report" if head.fee is not None else "",
                "since": head.since,
                "until": head.until,
                "at": head.at,
                "due_at": due_at(tehran_day(head.at), rules.ARRIVES_WORKING_DAYS, calendar),
                "told_in": statement,
            },
        )
    differences = [
        _line(Differs.CHANGED, head, row)
        for head in heads
        if (head.terminal, head.amount, head.at) != (row.terminal, row.amount, row.at)
        or (head.fee is not None and row.fee is not None and head.fee != row.fee)
    ]
    if row.state == Settlement.State.HELD and not differences:
        _add_to(row, heads)
    known = set(row.lines.values_list("kind", "refnum", "amount", "at"))
    receipts = {(kind, refnum) for kind, refnum, _, _ in known if kind == Kind.PAYMENT}
    fresh = []
    for line in lines:
        what = (line.kind.value, line.refnum, line.amount, line.at)
        if line.kind is Kind.DEPOSIT or what in known:
            continue
        if line.terminal != row.terminal or row.state != Settlement.State.HELD or what[:2] in receipts:
            differences.append(_line(Differs.CHANGED, line, row))
            continue
        known.add(what)
        receipts |= {what[:2]} if line.kind is Kind.PAYMENT else set()
        fresh.append(
            SettlementLine(
                settlement=row, kind=line.kind, refnum=line.refnum, amount=line.amount, fee=line.fee, at=line.at
            )
        )
    SettlementLine.objects.bulk_create(fresh, batch_size=_AT_ONCE, ignore_conflicts=True)
    return row, differences


def _add_to(row: Settlement, heads: Sequence[rules.Line]) -> None:
    """Learn what an earlier report left open: the fee, the reference, the span."""
    held = Settlement.objects.filter(pk=row.pk, state=Settlement.State.HELD)
    for head in heads:
        if head.fee is not None and row.fee is None:
            held.filter(fee=None).update(fee=head.fee, fee_from="report")
        if head.refnum and not row.reference:
            held.filter(reference="").update(reference=head.refnum)
        if head.since and not row.since:
            held.filter(since=None).update(since=head.since, until=head.until)
    row.refresh_from_db()


def _line(how: Differs, line: rules.Line, row: Settlement | None = None) -> Difference:
    return Difference(
        how,
        line.kind,
        line.terminal,
        line.refnum or line.settlement,
        line.amount,
        row.amount if row and line.kind is Kind.DEPOSIT else None,
        line.at,
        line.number,
        settlement=(row.pk, row.code) if row else None,
    )


# ---- Weighing and booking ----


def _weigh(row: Settlement, *, now: datetime, by: Person | None = None, why: str = "") -> tuple[bool, list[Difference]]:
    """Weigh a settlement and book it if it agrees, or if a person says so (`by`). Another may bind the same row first:
    then it is weighed once more, and does not agree.
    """
    try:
        return _weigh_once(row, now=now, by=by, why=why)
    except IntegrityError:
        return _weigh_once(row, now=now, by=by, why=why)


@transaction.atomic
def _weigh_once(row: Settlement, *, now: datetime, by: Person | None, why: str) -> tuple[bool, list[Difference]]:
    row.refresh_from_db()
    if row.state != Settlement.State.HELD:
        return False, []
    weighed = _weighed(row, list(row.lines.order_by("pk")))
    if not weighed.is_sound and by is None:
        _end_differences(row, weighed.differences, now=now)
        return False, list(weighed.differences)
    if weighed.fee is None:
        raise rules.FeeUnknown
    held = Settlement.objects.filter(pk=row.pk, state=Settlement.State.HELD)
    if not held.update(
        state=Settlement.State.BOOKED,
        fee=weighed.fee,
        fee_from=weighed.fee_from,
        ended_at=now,
        ended_by=by,
        ended_why=why,
    ):
        return False, []
    row.refresh_from_db()
    _bind(row, weighed)
    gateway = row.gateway
    sides = [
        (f"road:{gateway}", row.amount),
        (f"fee:{gateway}", weighed.fee),
        (f"gateway:{gateway}", -row.amount - weighed.fee),
    ]
    _post(f"settled:{row.code}", sides, row.at)
    if by is None:
        _end_differences(row, weighed.differences, now=now)
    else:
        _close(row, by=by, why=why, now=now)
    log.info("settlement.booked", settlement=row.code, amount=row.amount, fee=weighed.fee, by=by and by.code)
    return True, list(weighed.differences) if by is None else []


def _weighed(row: Settlement, lines: Sequence[SettlementLine]) -> rules.Weighed:
    if lines:
        ours, taken = queries.named(row.terminal, {line.refnum for line in lines})
    elif row.since and row.until:
        ours, taken = queries.within(row.terminal, row.since, row.until), set()
    else:
        ours, taken = [], set()
    told = rules.Told(
        key=row.pk,
        code=row.code,
        terminal=row.terminal,
        amount=row.amount,
        fee=row.fee,
        at=row.at,
        items=[rules.Item(line.pk, Kind(line.kind), line.refnum, line.amount, line.fee) for line in lines],
        has_span=row.since is not None,
    )
    agreed = queries.fee_of(queries.agreement(row.gateway, tehran_day(row.at)))
    return rules.weigh(told, ours, taken, agreed)


def _bind(row: Settlement, weighed: rules.Weighed) -> None:
    """Tie our own rows to the lines that name them; a span has no lines of its own yet."""
    payments: dict[int, int] = {}
    refunds: dict[int, int] = {}
    made: list[SettlementLine] = []
    for item, ours in weighed.bound:
        is_payment = ours.kind is Kind.PAYMENT
        if item:
            (payments if is_payment else refunds)[item.key] = ours.key
        else:
            made.append(
                SettlementLine(
                    settlement=row,
                    kind=ours.kind,
                    refnum=ours.refnum or ours.of,
                    amount=ours.amount,
                    at=ours.at,
                    payment_id=ours.key if is_payment else None,
                    refund_id=None if is_payment else ours.key,
                )
            )
    change(SettlementLine, payments, payment_id=ByKey("pk", payments, BigIntegerField()))
    change(SettlementLine, refunds, refund_id=ByKey("pk", refunds, BigIntegerField()))
    SettlementLine.objects.bulk_create(made, batch_size=_AT_ONCE)


def _end_differences(row: Settlement, found: Sequence[Difference], *, now: datetime) -> None:
    """Settle what weighing found once and finds no more."""
    keys = {one.key("") for one in found}
    open_ = StatementDifference.objects.filter(settlement=row, settled_at=None, how__in=_WEIGHED)
    gone = [each.pk for each in open_ if each.key not in keys]
    StatementDifference.objects.filter(pk__in=gone, settled_at=None).update(settled_at=now, settled_in=row.told_in)


def _post(posting: str, sides: Sequence[tuple[str, int]], at: datetime) -> None:
    """Write a posting that belongs to no single bill; sides of nothing are left out."""
    Entry.objects.bulk_create(
        [Entry(posting=posting, account=account, amount=amount, at=at) for account, amount in sides if amount]
    )


# ---- What a person says ----


def weigh_again(*, code: str, now: datetime) -> bool:
    """Weigh a held settlement anew: what it names may have come. Whether it is booked by it. Raises Missing."""
    row = _held(code)
    booked, found = _weigh(row, now=now)
    statements.show(statement=row.told_in, differences=found, now=now)
    return booked


def accept(*, code: str, why: str, by: Person, now: datetime) -> Settlement:
    """Book a settlement as its gateway tells it, though it does not agree, on a person's word.

    What it names and is ours is bound to it. Raises Missing, Invalid without a reason, rules.FeeUnknown,
    rules.SettlementStands.
    """
    words = _reason(why)
    row = _held(code)
    booked, _ = _weigh(row, now=now, by=by, why=words)
    if not booked:
        raise rules.SettlementStands
    return row


@transaction.atomic
def drop(*, code: str, why: str, by: Person, now: datetime) -> Settlement:
    """Put a settlement aside that was told wrongly; the right one may then come under its number.

    Raises Missing, Invalid without a reason, rules.SettlementStands for one that is booked or on our account.
    """
    words = _reason(why)
    row = _held(code)
    held = Settlement.objects.filter(pk=row.pk, state=Settlement.State.HELD, arrived_at=None)
    if not held.update(state=Settlement.State.DROPPED, ended_at=now, ended_by=by, ended_why=words):
        raise rules.SettlementStands
    _close(row, by=by, why=words, now=now)
    row.refresh_from_db()
    log.info("settlement.dropped", settlement=code, by=by.code)
    return row


def _close(row: Settlement, *, by: Person, why: str, now: datetime) -> None:
    """A person's word on a settlement settles all that was to be done about it."""
    open_ = StatementDifference.objects.filter(settlement=row, settled_at=None)
    open_.update(settled_at=now, settled_by=by, note=why)


def _held(code: str) -> Settlement:
    row = Settlement.objects.filter(code=code).first() if code else None
    if row is None:
        raise Missing
    if row.state != Settlement.State.HELD:
        raise rules.SettlementStands
    return row


def _reason(why: str) -> str:
    words = " ".join(why.split())[: statements.LONGEST_NOTE]
    if len(words) < 5:
        raise Invalid({"why": "بنویسید چرا؛ در سرگذشت این تسویه می‌ماند."})
    return words


def agree(*, gateway: str, terms: rules.Terms, by: Person, now: datetime) -> tuple[Agreement, int]:
    """Write down what a gateway agreed to, and weigh anew what is held; how many of those are booked by it."""
    row = Agreement.objects.create(
        gateway=gateway,
        since=terms.since,
        working_days=terms.working_days,
        ppm=terms.ppm,
        fixed=terms.fixed,
        most=terms.most,
        written_at=now,
        by=by,
    )
    log.info("settlement.agreed", gateway=gateway, since=terms.since.isoformat(), by=by.code)
    booked = 0
    for settlement in Settlement.objects.filter(gateway=gateway, state=Settlement.State.HELD).order_by("pk"):
        booked += weigh_again(code=settlement.code, now=now)
    recount(gateways=[gateway], now=now)
    return row, booked


# ---- On our account ----


@transaction.atomic
def arrive(*, key: int, account: str, at: datetime, statement: Statement, now: datetime) -> bool:
    """A statement of our account lists this settlement, at `at`. False where that was known."""
    row = Settlement.objects.get(pk=key)
    open_ = Settlement.objects.filter(pk=key, arrived_at=None).exclude(state=Settlement.State.DROPPED)
    if not open_.update(arrived_at=at, account=account[:26], arrived_in=statement):
        return False
    _post(f"arrived:{row.code}", [("bank", row.amount), (f"road:{row.gateway}", -row.amount)], at)
    log.info("settlement.arrived", settlement=row.code)
    return True


def _find_deposit(row: Settlement, *, statement: Statement, now: datetime) -> None:
    """A statement may have listed the money before the gateway's report told of it."""
    if row.arrived_at:
        return
    numbers = [number for number in (row.reference, row.number) if number]
    waiting = StatementDifference.objects.filter(
        how=Differs.UNKNOWN_DEPOSIT, settled_at=None, refnum__in=numbers, theirs=row.amount
    )
    seen = waiting.select_related("statement").order_by("pk").first()
    if seen is None or seen.at is None:
        return
    with transaction.atomic():
        if arrive(key=row.pk, account=seen.terminal, at=seen.at, statement=seen.statement, now=now):
            StatementDifference.objects.filter(pk=seen.pk, settled_at=None).update(settled_at=now, settled_in=statement)


# ---- What never came ----


def due_at(day: date, working_days: int, calendar: WorkCalendar) -> datetime:
    """Return the end of the `working_days`-th working day after `day`; of 0, the end of that day itself."""
    for _ in range(working_days):
        day = calendar.processing_date(day_start(day + timedelta(days=1)))
    return day_start(day + timedelta(days=1))


def expect(*, terminals: Mapping[str, Collection[str]], now: datetime) -> int:
    """Write down, for each day that is over, until when its payments are to be settled, as agreed; how many days.

    `terminals`: of each gateway, those in use; a day without payments is written as one that nothing is left of. A day
    counts as over an hour after its end, when what was captured in it has been written.
    """
    agreed_by = queries.agreements()
    if not agreed_by:
        return 0
    today = tehran_day(now - timedelta(hours=1))
    newest = dict(ExpectedSettlement.objects.order_by().values_list("gateway").annotate(day=Max("day")))
    made = 0
    for gateway, agreements in agreed_by.items():
        first = min(row.since for row in agreements)
        begins = newest[gateway] + timedelta(days=1) if gateway in newest else max(first, today - timedelta(days=400))
        if begins >= today:
            continue
        _, calendar = working_calendar()
        left = queries.left_by_day(gateway, day_start(begins))
        places = {terminal for terminal, _ in left} | set(terminals.get(gateway, ()))
        rows = []
        for n in range((today - begins).days):
            day = begins + timedelta(days=n)
            agreed = next(row for row in agreements if row.since <= day) if first <= day else None
            if agreed is None:
                continue
            due = due_at(day, agreed.working_days, calendar)
            for terminal in sorted(places):
                rials = left.get((terminal, day), 0)
                rows.append(
                    ExpectedSettlement(
                        gateway=gateway,
                        terminal=terminal,
                        day=day,
                        due_at=due,
                        left=rials,
                        came_at=None if rials > 0 else now,
                    )
                )
        ExpectedSettlement.objects.bulk_create(rows, batch_size=_AT_ONCE, ignore_conflicts=True)
        recount(gateways=[gateway], now=now)
        made += len(rows)
    return made


def recount(*, gateways: Collection[str], now: datetime) -> None:
    """Count anew what is left of the days that are expected, and close those of which nothing is."""
    for gateway in gateways:
        rows = list(ExpectedSettlement.objects.filter(gateway=gateway, came_at=None).order_by("day", "pk"))
        if not rows:
            continue
        left = queries.left_by_day(gateway, day_start(rows[0].day))
        for row in rows:
            rials = left.get((row.terminal, row.day), 0)
            if rials != row.left or rials <= 0:
                open_ = ExpectedSettlement.objects.filter(pk=row.pk, came_at=None)
                open_.update(left=rials, came_at=None if rials > 0 else now)
