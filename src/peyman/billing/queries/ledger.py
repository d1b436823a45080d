"""The general ledger: what each account had, took in and gave in a span, and the entries that it is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from peyman.billing.models import Entry

Place = tuple[datetime, int]  # of an entry among those of its account: its instant and its key


@dataclass(frozen=True)
class Row:
    """An account in begins ≤ t < ends. Rials: `before` debit positive, `debit` and `credit` without a sign."""

    account: str
    before: int
    debit: int
    credit: int

    @property
    def after(self) -> int:
        """What it has at the end, debit positive."""
        return self.before + self.debit - self.credit


@dataclass(frozen=True)
class Line:
    """One entry of an account: its posting, its order ("" for what belongs to many), what moved, what it made."""

    key: int
    at: datetime
    posting: str
    order: str
    amount: int  # rials, debit positive
    balance: int  # after it
    others: list[str]  # the other accounts of its posting


@dataclass(frozen=True)
class Page:
    """Some entries of an account, the oldest first. `before`: its balance before the first; `after`: where to go on."""

    before: int
    lines: list[Line]
    after: Place | None


def trial(begins: datetime, ends: datetime) -> list[Row]:
    """Return every account that had an entry before `ends`, by name. Their three sums add up to nothing. One query."""
    within = Q(at__gte=begins)
    rows = Entry.objects.filter(at__lt=ends).order_by("account").values("account")
    sums = rows.annotate(
        before=Coalesce(Sum("amount", filter=Q(at__lt=begins)), 0),
        debit=Coalesce(Sum("amount", filter=within & Q(amount__gt=0)), 0),
        credit=-Coalesce(Sum("amount", filter=within & Q(amount__lt=0)), 0),
    )
    return [Row(**row) for row in sums]


def page(account: str, begins: datetime, ends: datetime, *, after: Place | None = None, limit: int = 100) -> Page:
    """Return the entries of an account in begins ≤ t < ends that follow `after`. Three queries, whatever there is."""
    rows = _within(account, begins, ends)
    past = Q(at__lt=begins)
    if after is not None:
        at, key = after
        rows = rows.filter(Q(at__gte=at) & (Q(at__gt=at) | Q(pk__gt=key)))
        past |= Q(at__lt=at) | Q(at=at, pk__lte=key)
    found = list(rows[: limit + 1])
    before = Entry.objects.filter(past, account=account).aggregate(total=Sum("amount"))["total"] or 0
    kept = found[:limit]
    others: dict[str, list[str]] = {}
    of_them = Entry.objects.filter(posting__in=[row.posting for row in kept]).exclude(account=account)
    for posting, other in of_them.order_by("pk").values_list("posting", "account"):
        others.setdefault(posting, []).append(other)
    lines, balance = [], before
    for row in kept:
        balance += row.amount
        lines.append(_line(row, balance, others.get(row.posting, [])))
    return Page(before, lines, (kept[-1].at, kept[-1].pk) if len(found) > limit else None)


def lines(account: str, begins: datetime, ends: datetime) -> Iterator[Line]:
    """Yield all of them, as a file has them: without the other accounts."""
    balance = Entry.objects.filter(account=account, at__lt=begins).aggregate(total=Sum("amount"))["total"] or 0
    for row in _within(account, begins, ends).iterator(chunk_size=2000):
        balance += row.amount
        yield _line(row, balance, [])


def is_known(account: str) -> bool:
    """Return whether the ledger has such an account. One query."""
    return Entry.objects.filter(account=account).exists()


def _within(account: str, begins: datetime, ends: datetime) -> "QuerySet[Entry]":
    rows = Entry.objects.filter(account=account, at__gte=begins, at__lt=ends)
    return rows.select_related("bill").order_by("at", "pk")


def _line(row: Entry, balance: int, others: list[str]) -> Line:
    order = row.bill.subject.removeprefix("order:") if row.bill else ""
    return Line(row.pk, row.at, row.posting, order, row.amount, balance, others)
