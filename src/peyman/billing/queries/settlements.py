"""What lies at the gateways, what they settled and what they should have: for weighing, for the desk, for the month."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncDate

from peyman.billing.models import Agreement, Entry, ExpectedSettlement, Payment, Refund, Settlement
from peyman.billing.queries.statements import of_payment, of_refund
from peyman.billing.rules.settlements import Fee
from peyman.billing.rules.statements import Kind, Ours
from peyman.kernel.worktime import TEHRAN

_ASKED: Final = 500  # receipts of one question


def captured() -> QuerySet[Payment]:
    """Return the payments that a gateway took in for us."""
    return Payment.objects.filter(state=Payment.State.CAPTURED)


def given_back() -> QuerySet[Refund]:
    """Return what a gateway is proven to have given back of them; what left by a transfer of ours is not its own."""
    done = Refund.objects.filter(state=Refund.State.DONE, payment__state=Payment.State.CAPTURED)
    return done.exclude(kind=Refund.Kind.PAYA)


# ---- For weighing ----


def named(terminal: str, receipts: Collection[str]) -> tuple[list[Ours], set[tuple[Kind, int]]]:
    """Return our rows of a terminal that have one of these receipts, and those that a settlement covers already.

    Two queries for each 500 receipts.
    """
    payments: dict[int, Any] = {}
    refunds: dict[int, Any] = {}
    wanted = sorted(set(receipts))
    for place in range(0, len(wanted), _ASKED):
        some = wanted[place : place + _ASKED]
        came = captured().filter(terminal=terminal, refnum__in=some).annotate(line=F("settled"))
        back = given_back().filter(payment__terminal=terminal).annotate(line=F("settled")).select_related("payment")
        payments |= {row.pk: row for row in came}
        refunds |= {row.pk: row for row in back.filter(Q(provider_ref__in=some) | Q(payment__refnum__in=some))}
    taken = {(Kind.PAYMENT, pk) for pk, row in payments.items() if row.line is not None}
    taken |= {(Kind.REFUND, pk) for pk, row in refunds.items() if row.line is not None}
    return _ours(payments.values(), refunds.values()), taken


def within(terminal: str, since: datetime, until: datetime) -> list[Ours]:
    """Return our rows of a terminal in since ≤ t < until that no settlement covers yet. Two queries."""
    payments = captured().filter(terminal=terminal, captured_at__gte=since, captured_at__lt=until, settled=None)
    refunds = given_back().filter(payment__terminal=terminal, done_at__gte=since, done_at__lt=until, settled=None)
    return _ours(payments.order_by("pk"), refunds.select_related("payment").order_by("pk"))


def _ours(payments: Iterable[Payment], refunds: Iterable[Refund]) -> list[Ours]:
    return [of_payment(row) for row in payments] + [of_refund(row) for row in refunds]


def terminals() -> dict[str, str]:
    """Return terminal → gateway of every payment that we ever had. One query."""
    rows = Payment.objects.order_by().values_list("terminal", "gateway").distinct()
    return dict(rows)


def agreement(gateway: str, day: date) -> Agreement | None:
    """Return what was agreed with a gateway for a day: of those in force then, the one written last. One query."""
    return Agreement.objects.filter(gateway=gateway, since__lte=day).order_by("-since", "-pk").first()


def fee_of(row: Agreement | None) -> Fee | None:
    """Return the fee of an agreement, None where there is none."""
    return None if row is None or row.ppm is None else Fee(row.ppm, row.fixed, row.most)


# ---- What is left at a gateway ----


def left_by_day(gateway: str, since: datetime) -> dict[tuple[str, date], int]:
    """Return (terminal, day in Tehran) → rials of its payments, captured from `since` on, that no settlement covers.

    What the gateway gave back of them and settled nowhere is taken off. Two queries, each over all such payments.
    """
    left: dict[tuple[str, date], int] = defaultdict(int)
    paid = captured().filter(gateway=gateway, captured_at__gte=since, settled=None)
    days = paid.annotate(day=TruncDate("captured_at", tzinfo=TEHRAN)).order_by().values_list("terminal", "day")
    for terminal, day, rials in days.annotate(rials=Sum("amount")):
        left[terminal, day] += rials
    back = given_back().filter(
        payment__gateway=gateway, payment__captured_at__gte=since, payment__settled=None, settled=None
    )
    returns = back.annotate(day=TruncDate("payment__captured_at", tzinfo=TEHRAN)).order_by()
    for terminal, day, rials in returns.values_list("payment__terminal", "day").annotate(rials=Sum("amount")):
        left[terminal, day] -= rials
    return left


def unsettled() -> Iterator[dict[str, object]]:
    """Yield every payment that no settlement covers, and what its gateway gave back of it, the oldest first."""
    rows = captured().filter(settled=None).select_related("bill").order_by("captured_at", "pk")
    back = Sum("refunds__amount", filter=Q(refunds__state=Refund.State.DONE) & ~Q(refunds__kind=Refund.Kind.PAYA))
    for row in rows.annotate(back=back).iterator(chunk_size=2000):
        yield {
            "payment": row.code,
            "order": row.bill.subject.removeprefix("order:"),
            "gateway": row.gateway,
            "terminal": row.terminal,
            "refnum": row.refnum,
            "amount": row.amount,
            "given_back": row.back or 0,
            "captured_at": row.captured_at,
        }


def export_rows() -> Iterator[dict[str, object]]:
    """Yield settlements as their gateways told them, and how each stands."""
    for row in Settlement.objects.annotate(many=Count("lines")).order_by("pk").iterator():
        yield {
            "settlement": row.code,
            "gateway": row.gateway,
            "terminal": row.terminal,
            "number": row.number,
            "reference": row.reference,
            "amount": row.amount,
            "fee": row.fee,
            "state": row.state,
            "lines": row.many,
            "at": row.at,
            "due_at": row.due_at,
            "arrived_at": row.arrived_at,
        }


# ---- The desk ----


@dataclass(frozen=True)
class Month:
    """A gateway's month, in rials: `before` + captured - given_back - settled - fee = `left` there; of what was settled
    `arrived` on our account this month, and `on_road` at its end.
    """

    gateway: str
    before: int = 0
    captured: int = 0
    given_back: int = 0
    settled: int = 0
    fee: int = 0
    arrived: int = 0
    on_road: int = 0

    @property
    def left(self) -> int:
        """What lies at the gateway when the month ends."""
        return self.before + self.captured - self.given_back - self.settled - self.fee


def month(gateways: Sequence[str], begins: datetime, ends: datetime) -> list[Month]:
    """Return what the ledger says of begins ≤ t < ends, by gateway, those named first. One query over their entries."""
    before = Case(When(at__lt=begins, then=Value("before")), default=Value("now"), output_field=CharField())
    kind = Case(
        When(posting__startswith="capture:", then=Value("captured")),
        When(posting__startswith="returned:", then=Value("given_back")),
        When(posting__startswith="settled:", then=Value("settled")),
        default=Value("arrived"),
        output_field=CharField(),
    )
    about = Q(account__startswith="gateway:") | Q(account__startswith="road:") | Q(account__startswith="fee:")
    rows = Entry.objects.filter(about, at__lt=ends).annotate(span=before, of=kind).order_by()
    sums: Mapping[tuple[str, str, str], int] = {
        (account, span, of): rials
        for account, span, of, rials in rows.values_list("account", "span", "of").annotate(rials=Sum("amount"))
    }
    names = [
        *gateways,
        *sorted({name for account, _, _ in sums if (name := account.partition(":")[2]) not in gateways}),
    ]

    def total(account: str, **by: str) -> int:
        return sum(
            rials
            for (of, span, kind), rials in sums.items()
            if of == account and by.get("span", span) == span and by.get("of", kind) == kind
        )

    return [
        Month(
            gateway=name,
            before=total(f"gateway:{name}", span="before"),
            captured=total(f"gateway:{name}", span="now", of="captured"),
            given_back=-total(f"gateway:{name}", span="now", of="given_back"),
            settled=total(f"road:{name}", span="now", of="settled"),
            fee=total(f"fee:{name}", span="now"),
            arrived=-total(f"road:{name}", span="now", of="arrived"),
            on_road=total(f"road:{name}"),
        )
        for name in names
    ]


def settlements_of(begins: datetime, ends: datetime, *, limit: int) -> list[Settlement]:
    """Return what gateways paid out in a month, the newest first, each with how many lines it has. One query."""
    rows = Settlement.objects.filter(at__gte=begins, at__lt=ends).select_related("ended_by")
    return list(rows.annotate(many=Count("lines")).order_by("-at", "-pk")[:limit])


def waiting(now: datetime, *, limit: int) -> tuple[list[Settlement], int, int]:
    """Return settlements that are held or on the road, those due first; how many, and how many late. Two queries."""
    held, booked = Settlement.State.HELD, Settlement.State.BOOKED
    open_ = Settlement.objects.filter(Q(state=held) | Q(state=booked, arrived_at=None))
    late = Count("pk", filter=Q(arrived_at=None, due_at__lte=now))
    many = open_.aggregate(all=Count("pk"), late=late)
    rows = open_.annotate(many=Count("lines")).select_related("ended_by").order_by("due_at", "pk")
    return list(rows[:limit]), many["all"], many["late"]


def expected(now: datetime, *, limit: int) -> tuple[list[ExpectedSettlement], int]:
    """Return the days that should be settled by now and are not, the longest due first; and how many. Two queries."""
    late = ExpectedSettlement.objects.filter(came_at=None, due_at__lte=now)
    return list(late.order_by("due_at", "pk")[:limit]), late.count()


def late(now: datetime) -> int:
    """Return how many days and settlements are late. Two queries."""
    road = Settlement.objects.exclude(state=Settlement.State.DROPPED).filter(arrived_at=None, due_at__lte=now)
    return ExpectedSettlement.objects.filter(came_at=None, due_at__lte=now).count() + road.count()


def agreements() -> dict[str, list[Agreement]]:
    """Return gateway → what was agreed, the one that counts last first. One query."""
    found: dict[str, list[Agreement]] = defaultdict(list)
    for row in Agreement.objects.select_related("by").order_by("gateway", "-since", "-pk"):
        found[row.gateway].append(row)
    return dict(found)
