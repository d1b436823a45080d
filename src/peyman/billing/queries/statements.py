"""Our rows as a bank's statement may name them, and what it and we do not agree on."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q

from peyman.billing.models import PayaBatch, PayaLine, Payment, Refund, Settlement, Statement, StatementDifference
from peyman.billing.queries import refunds
from peyman.billing.rules.statements import Kind, Ours

_ASKED = 500  # receipts of one question


def of_payment(row: Payment) -> Ours:
    """Return a payment as a file of a bank or a gateway tells of it."""
    at = row.captured_at or row.created_at
    return Ours(row.pk, row.code, Kind.PAYMENT, row.terminal, row.refnum or "", row.amount, at)


def of_refund(row: Refund) -> Ours:
    """Return what went back, likewise. `row.payment` must be there."""
    return Ours(
        row.pk,
        row.code,
        Kind.REVERSAL if row.kind == Refund.Kind.REVERSAL else Kind.REFUND,
        row.payment.terminal,
        row.provider_ref if row.provider_ref != row.payment.refnum else "",
        row.amount,
        row.done_at or row.created_at,
        of=row.payment.refnum or "",
        is_done=row.state == Refund.State.DONE,
    )


def ours(receipts: Collection[str], terminals: Collection[str], span: tuple[datetime, datetime] | None) -> list[Ours]:
    """Return our captured payments, refunds, transfers and settlements that have one of these receipts, or lie in the
    span (both ends included) at one of these terminals. Four queries for each 500 receipts, and four for the span.
    """
    payments: dict[int, Payment] = {}
    refunds: dict[int, Refund] = {}
    wires: dict[int, PayaLine] = {}
    deposits: dict[int, Settlement] = {}
    told = Settlement.objects.exclude(state=Settlement.State.DROPPED)
    sent = PayaLine.objects.select_related("batch")
    paid = Payment.objects.filter(state=Payment.State.CAPTURED)
    # What is in a batch is proven by our own bank: the gateway's line of it is one for a person to look at.
    back = Refund.objects.select_related("payment").filter(carried=0)
    wanted = sorted(set(receipts))
    for place in range(0, len(wanted), _ASKED):
        some = wanted[place : place + _ASKED]
        payments |= {row.pk: row for row in paid.filter(refnum__in=some)}
        refunds |= {row.pk: row for row in back.filter(Q(provider_ref__in=some) | Q(payment__refnum__in=some))}
        wires |= {row.pk: row for row in sent.filter(reference__in=some)}
        deposits |= {row.pk: row for row in told.filter(Q(reference__in=some) | Q(number__in=some))}
    if span and terminals:
        within = paid.filter(terminal__in=terminals, captured_at__range=span)
        payments |= {row.pk: row for row in within.iterator()}
        given = back.filter(payment__terminal__in=terminals, done_at__range=span)
        refunds |= {row.pk: row for row in given.iterator()}
        gone = sent.filter(batch__source__in=terminals, paid_at__range=span)
        wires |= {row.pk: row for row in gone.iterator()}
        came = told.filter(account__in=terminals, arrived_at__range=span)
        deposits |= {row.pk: row for row in came.iterator()}
    rows = [of_payment(row) for row in payments.values()]
    rows += [
        of_refund(row)
        for row in refunds.values()
        if row.payment.state == Payment.State.CAPTURED  # of what was never ours the bank lists nothing
    ]
    rows += [
        Ours(
            row.pk,
            row.reference,
            Kind.TRANSFER,
            row.batch.source,
            row.reference,
            row.amount,
            row.paid_at or row.batch.created_at,
            is_done=row.paid_at is not None,
            is_back=row.state == PayaLine.State.RETURNED,
            is_undue=row.state in (PayaLine.State.DRAFTED, PayaLine.State.DROPPED),
        )
        for row in wires.values()
    ]
    rows += [
        Ours(
            row.pk,
            row.code,
            Kind.DEPOSIT,
            row.account,
            row.reference,
            row.amount,
            row.arrived_at or row.at,
            of=row.number,
            is_done=row.arrived_at is not None,
        )
        for row in deposits.values()
    ]
    return rows


def terminals() -> set[str]:
    """Return every terminal that a payment of ours ever had, and our accounts that transfers left from. Two queries."""
    taken = set(Payment.objects.order_by().values_list("terminal", flat=True).distinct())
    return taken | set(PayaBatch.objects.order_by().values_list("source", flat=True).distinct())


def open_differences(*, limit: int = 100) -> tuple[Sequence[StatementDifference], int]:
    """Return what is to be looked at, the oldest first, and how much there is in all. Two queries."""
    rows = StatementDifference.objects.filter(settled_at=None)
    found = rows.select_related("statement", "payment", "refund", "transfer", "settlement").order_by("found_at", "pk")
    return list(found[:limit]), rows.count()


@dataclass(frozen=True)
class Waiting:
    """Refunds that are not proven done: those promised soonest first, and of all how many, and how many late."""

    rows: Sequence[tuple[Refund, refunds.RefundView]]
    owed: int
    late: int


def waiting_refunds(now: datetime, *, limit: int = 100) -> Waiting:
    """Return what is owed back, those promised soonest first. Two queries."""
    open_ = refunds.rows().exclude(state=Refund.State.DONE)
    late = Count("pk", filter=Q(promise_due__lte=now))
    many = open_.aggregate(owed=Count("pk"), late=late)
    soonest = open_.order_by(F("promise_due").asc(nulls_last=True), "pk")[:limit]
    return Waiting([(row, refunds.view(row, now)) for row in soonest], many["owed"], many["late"])


def last_statements(limit: int = 10) -> list[Statement]:
    """Return the statements that came last, the newest first. One query."""
    return list(Statement.objects.select_related("taken_by").order_by("-taken_at", "-pk")[:limit])


def differences_of(statement: Statement) -> Iterator[StatementDifference]:
    """Yield what a statement showed first, settled or not."""
    yield from statement.differences.select_related("payment", "refund").order_by("pk").iterator()
