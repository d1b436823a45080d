"""Taking a bank's statement in, and settling what it and we do not agree on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from peyman.billing.models import Statement, StatementDifference
from peyman.billing.rules.settlements import Report
from peyman.billing.rules.statements import Compared, Difference, Kind
from peyman.billing.rules.statements import Statement as Read
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.people.models import Person

LONGEST_NOTE: Final = 300
_AT_ONCE: Final = 500
_ONE_TABLE: Final = (Kind.PAYMENT, Kind.TRANSFER, Kind.DEPOSIT)  # all else is a refund


@carries_out("D30")
@transaction.atomic
def take(
    *, sha256: str, read: Read, compared: Compared, by: Person | None, now: datetime
) -> tuple[Statement, list[StatementDifference]]:
    """Keep a statement and what it shows, and settle what it explains. The same file again finds the same row.

    Returns the differences of this statement that are open now, also those that an earlier one showed first.
    """
    statement = keep(sha256=sha256, read=read, by=by, now=now)
    _settle_agreed(statement, compared, now)
    return statement, show(statement=statement, differences=compared.differences, now=now)


def keep(*, sha256: str, read: Read | Report, by: Person | None, now: datetime) -> Statement:
    """Write down that a file came. The same file again finds the same row."""
    span = read.span
    statement, _ = Statement.objects.get_or_create(
        sha256=sha256,
        defaults={
            "code": codes.new("STM"),
            "lines": len(read.lines) + len(read.faults),
            "duplicates": len(read.duplicates),
            "first_at": span and span[0],
            "last_at": span and span[1],
            "taken_at": now,
            "taken_by": by,
        },
    )
    return statement


def show(*, statement: Statement, differences: Sequence[Difference], now: datetime) -> list[StatementDifference]:
    """Make differences work for a person, each once; returns those of them that are open, whoever showed them first."""
    wanted = {one.key(statement.sha256): one for one in differences}
    known = _open(list(wanted))
    settled = _settled_by_hand(list(wanted))
    fresh = [_row(one, key, statement, now) for key, one in wanted.items() if key not in known and key not in settled]
    StatementDifference.objects.bulk_create(fresh, batch_size=_AT_ONCE, ignore_conflicts=True)
    found = _open(list(wanted))
    return sorted(found.values(), key=lambda row: row.pk)


def _settle_agreed(statement: Statement, compared: Compared, now: datetime) -> None:
    """Settle by this statement whatever both sides agree on by now."""
    agreed = compared.agreed
    explained = [
        row.pk
        for row in StatementDifference.objects.filter(
            settled_at=None, how__in=["missing", "unknown_payment"], settlement=None
        )
        .select_related("payment", "refund", "transfer")
        .iterator()
        if (row.payment and row.payment.code in agreed)
        or (row.refund and row.refund.code in agreed)
        or (row.transfer and row.transfer.reference in agreed)
        or (row.kind == Kind.PAYMENT and (row.terminal, row.refnum) in agreed)
    ]
    for place in range(0, len(explained), _AT_ONCE):
        StatementDifference.objects.filter(pk__in=explained[place : place + _AT_ONCE], settled_at=None).update(
            settled_at=now, settled_in=statement
        )


def _open(keys: Sequence[str]) -> dict[str, StatementDifference]:
    found: dict[str, StatementDifference] = {}
    for place in range(0, len(keys), _AT_ONCE):
        rows = StatementDifference.objects.filter(settled_at=None, key__in=keys[place : place + _AT_ONCE])
        found |= {row.key: row for row in rows.select_related("statement", "payment", "refund", "settlement")}
    return found


def _settled_by_hand(keys: Sequence[str]) -> set[str]:
    """What a person settled stays settled: the next statement that shows the same does not make it work again."""
    found: set[str] = set()
    for place in range(0, len(keys), _AT_ONCE):
        rows = StatementDifference.objects.filter(settled_by__isnull=False, key__in=keys[place : place + _AT_ONCE])
        found |= set(rows.values_list("key", flat=True))
    return found


def _row(one: Difference, key: str, statement: Statement, now: datetime) -> StatementDifference:
    whose = "" if one.row is None else one.row.kind if one.row.kind in _ONE_TABLE else Kind.REFUND
    about = one.row.key if one.row and whose is Kind.DEPOSIT else None
    return StatementDifference(
        code=codes.new("DIF"),
        key=key,
        statement=statement,
        line=one.line,
        how=one.how.value,
        kind=one.kind.value if one.kind else "",
        terminal=one.terminal,
        refnum=one.refnum,
        why=one.why,
        theirs=one.theirs,
        ours=one.ours,
        at=one.at,
        payment_id=one.row.key if one.row and whose is Kind.PAYMENT else None,
        refund_id=one.row.key if one.row and whose is Kind.REFUND else None,
        transfer_id=one.row.key if one.row and whose is Kind.TRANSFER else None,
        settlement_id=one.settlement[0] if one.settlement else about,
        found_at=now,
    )


@transaction.atomic
def settle(*, code: str, note: str, by: Person, now: datetime) -> StatementDifference:
    """Settle a difference by a person's word: what it was. Raises Missing, Invalid without a note.

    Nothing moves by it: money that must move has its own way.
    """
    note = " ".join(note.split())[:LONGEST_NOTE]
    if not note:
        raise Invalid({"note": "بنویسید که این تفاوت چه بود و چه شد."})
    row = StatementDifference.objects.select_related("statement", "payment", "refund").filter(code=code).first()
    if row is None:
        raise Missing
    if StatementDifference.objects.filter(pk=row.pk, settled_at=None).update(settled_at=now, settled_by=by, note=note):
        row.refresh_from_db()
    return row
