"""Refunds as the desk and the customer see them: how each one goes, what it waits for, until when it is promised."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat

from peyman.billing.models import Account, Bill, PayaBatch, PayaLine, Refund
from peyman.billing.rules import paya as rules
from peyman.billing.rules.paya import WaitsFor
from peyman.kernel.errors import Missing
from peyman.people.models import Person
from peyman.promises.models import Promise

PAGE: Final = 50

REASONS: Final = {
    "sold_out": "کالا تمام شد",
    "not_due": "سفارش دیگر پذیرای پرداخت نبود",
    "mismatch": "مبلغ دیگری پرداخت شد",
    "cancelled": "سفارش لغو شد",
    "price_drop": "بها کم شد",
    # The shop's own reasons to cancel an order.
    "stock_out": "موجودی تمام شد",
    "price_error": "اشتباه در قیمت",
    "market_swing": "نوسان بازار",
    "cannot_deliver": "تحویل ناممکن شد",
    "wrong_data": "اطلاعات نادرست بود",
    "no_answer": "پرسش ما بی‌پاسخ ماند",
    "unanswered": "پرسش ما بی‌پاسخ ماند",
    "shop_cancelled": "فروشگاه سفارش را لغو کرد",
}
WAYS: Final = {
    "reversal": "برگشت تراکنش",
    "refund": "انتقال از درگاه",
    "paya": "پایا، به حساب مشتری",
}
STATES: Final = {"owed": "بدهکاریم", "asked": "از بانک خواسته‌ایم", "done": "انجام شد"}
WAITS: Final[dict[str, str]] = {
    "account": "حساب مشتری",
    "holder": "دیدن نام صاحب حساب",
    "second_person": "نفر دوم",
    "batch": "دسته پایا",
    "bank": "بانک",
}
# What a gateway says that carries a refund no more; anything else is shown as it was said.
WHY: Final = {
    "no_refund_service": "این درگاه بازپرداخت ندارد",
    "below_minimum": "کمتر از کمترین مبلغ درگاه است",
    "no_access_token": "کلید بازپرداخت درگاه در تنظیمات نیست",
    "no_session": "درگاه این تراکنش را نمی‌یابد",
}


def why_words(why: str) -> str:
    """Return why the gateway did not carry a refund, in words."""
    return WHY.get(why, why)


def reason_title(reason: str) -> str:
    """Return why a refund is owed, in words; a reason of the shop's cancelling by its own name."""
    return REASONS.get(reason, reason)


@dataclass(frozen=True)
class RefundView:
    """One refund. `due_at`: until when it is promised, None where nothing was; `waits_for`: "" once it is done."""

    code: str
    amount: int
    reason: str
    reason_title: str
    way: str
    state: str
    state_words: str
    due_at: datetime | None
    is_late: bool
    waits_for: WaitsFor
    waits_words: str
    order: str
    needs: int
    given: int
    returns: int
    done_at: datetime | None
    kept_at: datetime | None
    provider_ref: str
    key: str = ""  # of the work list: where the next page begins


@dataclass(frozen=True)
class Filter:
    """What the work list shows: by what refunds wait for, only late ones, by the way, by part of a code."""

    waits_for: str = ""
    late: bool = False
    way: str = ""
    done: bool = False
    q: str = ""


@dataclass(frozen=True)
class Board:
    """A page of the work list. `counts`: refunds and rials by what they wait for, of all that are owed."""

    rows: list[RefundView]
    next: str
    counts: dict[str, tuple[int, int]]
    owed: int
    owed_rials: int
    late: int


def rows() -> QuerySet[Any]:
    """Return refunds with what a view of them needs: their promise's hour, and how their account stands."""
    subject = Case(
        When(returns=0, then=Concat(Value("refund:"), "code")),
        default=Concat(Value("refund:"), "code", Value("/"), Cast("returns", CharField())),
        output_field=CharField(),
    )
    promise = Promise.objects.filter(subject=OuterRef("promised_as"), kind="refund")
    account = Account.objects.filter(person=OuterRef("payment__bill__person"), replaced_at=None, refused_at=None)
    sent = PayaLine.objects.filter(refund=OuterRef("pk"), state=PayaLine.State.SENT)
    return Refund.objects.select_related("payment__bill").annotate(
        promised_as=subject,
        promise_due=Subquery(promise.values("due_at")[:1], output_field=DateTimeField()),
        promise_kept=Subquery(promise.values("kept_at")[:1], output_field=DateTimeField()),
        has_account=Exists(account),
        is_seen=Exists(account.filter(seen_at__isnull=False)),
        has_left=Exists(sent),
        waits=_waits(),
    )


def _waits() -> Case:
    """Say in SQL what `rules.waits_for` says of one row; a test makes the two agree."""
    open_paya = Q(kind=Refund.Kind.PAYA, carried__lt=F("amount"))
    return Case(
        When(state=Refund.State.DONE, then=Value("")),
        When(open_paya & Q(has_account=False), then=Value("account")),
        When(open_paya & Q(is_seen=False), then=Value("holder")),
        When(given__lt=F("needs"), then=Value("second_person")),
        When(open_paya | Q(kind=Refund.Kind.PAYA, has_left=False), then=Value("batch")),
        default=Value("bank"),
        output_field=CharField(),
    )


def view(row: Any, now: datetime) -> RefundView:
    """Return a row of `rows()` as pages show it."""
    waits: WaitsFor = rules.waits_for(
        is_done=row.state == Refund.State.DONE,
        is_paya=row.kind == Refund.Kind.PAYA,
        has_account=row.has_account,
        is_seen=row.is_seen,
        needs=row.needs,
        given=row.given,
        left=row.amount - row.carried,
        has_left=row.has_left,
    )
    due: datetime | None = row.promise_due
    is_done = row.state == Refund.State.DONE
    return RefundView(
        code=row.code,
        amount=row.amount,
        reason=row.reason,
        reason_title=reason_title(row.reason),
        way=WAYS[row.kind],
        state=row.state,
        state_words=STATES[row.state],
        due_at=due,
        is_late=due is not None and not is_done and due <= now,
        waits_for=waits,
        waits_words=WAITS.get(waits, ""),
        order=row.payment.bill.subject.removeprefix("order:"),
        needs=row.needs,
        given=row.given,
        returns=row.returns,
        done_at=row.done_at,
        kept_at=row.promise_kept,
        provider_ref=row.provider_ref,
        key=_key(row, due),
    )


def of_order(bill: Bill, now: datetime) -> list[RefundView]:
    """Return what was or is to be given back of a bill, oldest first. One query."""
    return [view(row, now) for row in rows().filter(payment__bill=bill).order_by("created_at", "pk")]


def of_subject(subject: str, now: datetime) -> list[RefundView]:
    """Return the same of the bill for `subject` ("order:ORD-…"). One query."""
    return [view(row, now) for row in rows().filter(payment__bill__subject=subject).order_by("created_at", "pk")]


def of_person(person: Person, now: datetime) -> list[RefundView]:
    """Return what a customer gets or got back, what is owed first, the latest 50. One query."""
    mine = rows().filter(payment__bill__person=person)
    is_done = Case(When(state=Refund.State.DONE, then=Value(True)), default=Value(False), output_field=BooleanField())
    return [view(row, now) for row in mine.annotate(is_done=is_done).order_by("is_done", "-created_at", "-pk")[:PAGE]]


def board(asked: Filter, after: str, now: datetime, *, limit: int = PAGE) -> Board:
    """Return a page of the work list, those promised soonest first, and behind them those that nothing was promised
    for; with `asked.done` what is done, the latest first. Three queries, however many there are.

    `after`: `Board.next` of the page before; what is no such key begins at the first page.
    """
    owed = rows().exclude(state=Refund.State.DONE)
    counts = {
        row["waits"]: (row["n"], row["rials"] or 0)
        for row in owed.order_by().values("waits").annotate(n=Count("pk"), rials=Sum("amount"))
    }
    late = owed.filter(promise_due__lte=now).count()
    found = _sifted(asked, now)
    if asked.done:
        pk = int(after) if after.isdecimal() and len(after) < 19 else 0
        found = (found.filter(pk__lt=pk) if pk else found).order_by("-pk")
    else:
        found = _behind(found, after).order_by(F("promise_due").asc(nulls_last=True), "pk")
    page = list(found[: limit + 1])
    shown = [view(row, now) for row in page[:limit]]
    return Board(
        rows=shown,
        next=shown[-1].key if len(page) > limit else "",
        counts={name: counts.get(name, (0, 0)) for name in WAITS},
        owed=sum(n for n, _ in counts.values()),
        owed_rials=sum(rials for _, rials in counts.values()),
        late=late,
    )


def _sifted(asked: Filter, now: datetime) -> QuerySet[Any]:
    """Return the refunds that a list asks for, in no order."""
    found = rows()
    found = found.filter(state=Refund.State.DONE) if asked.done else found.exclude(state=Refund.State.DONE)
    if asked.waits_for in WAITS:
        found = found.filter(waits=asked.waits_for)
    if asked.late:
        found = found.filter(promise_due__lte=now)
    if asked.way in WAYS:
        found = found.filter(kind=asked.way)
    if asked.q:
        receipt = Q(payment__refnum__iexact=asked.q) | Q(provider_ref__iexact=asked.q)
        found = found.filter(Q(code__contains=asked.q) | Q(payment__bill__subject__contains=asked.q) | receipt)
    return found


def listed(asked: Filter, now: datetime) -> Iterator[dict[str, object]]:
    """Yield every refund of a list, as its file has it, the oldest first. One query."""
    for row in _sifted(asked, now).order_by("pk").iterator(chunk_size=1000):
        shown = view(row, now)
        yield {
            "refund": row.code,
            "order": shown.order,
            "payment": row.payment.code,
            "gateway": row.payment.gateway,
            "refnum": row.payment.refnum,
            "amount": row.amount,
            "reason": shown.reason_title,
            "way": row.kind,
            "state": row.state,
            "waits_for": shown.waits_for,
            "created_at": row.created_at,
            "due_at": shown.due_at,
            "done_at": row.done_at,
            "bank_number": row.provider_ref,
        }


def _key(row: Refund, due: datetime | None) -> str:
    if row.state == Refund.State.DONE:
        return str(row.pk)
    return f"{due.isoformat() if due else ''}.{row.pk}"


def _behind(found: QuerySet[Any], after: str) -> QuerySet[Any]:
    due, _, pk = after.rpartition(".")
    if not pk.isdecimal() or len(pk) > 18:
        return found
    if not due:
        return found.filter(promise_due=None, pk__gt=int(pk)) if after.startswith(".") else found
    try:
        moment = datetime.fromisoformat(due)
    except ValueError:
        return found
    if moment.tzinfo is None:
        return found
    same = Q(promise_due=moment, pk__gt=int(pk))
    return found.filter(Q(promise_due__gt=moment) | same | Q(promise_due=None))


# ---- One refund, whole ----


@dataclass(frozen=True)
class Happening:
    """One thing that happened to a refund; `by`: the code of a member of staff, or ""."""

    at: datetime
    what: str
    by: str = ""


@dataclass(frozen=True)
class Story:
    """One refund with all that belongs to it."""

    refund: Refund
    view: RefundView
    person: Person
    account: Account | None  # in force
    former: list[Account]
    lines: list[PayaLine]
    steps: list[Happening]


def story(code: str, now: datetime) -> Story:
    """Return one refund and everything that happened to it, in the order in which it did. Raises Missing."""
    row = rows().select_related("payment__bill__person", "by").filter(code=code).first() if code else None
    if row is None:
        raise Missing
    person = row.payment.bill.person
    accounts = list(
        Account.objects.filter(person=person)
        .select_related("declared_by", "seen_by", "refused_by")
        .order_by("-declared_at", "-pk")
    )
    lines = list(
        PayaLine.objects.filter(refund=row)
        .select_related("batch__created_by", "batch__approved_by", "account")
        .order_by("pk")
    )
    steps = [Happening(row.created_at, f"بدهکار شدیم: {reason_title(row.reason)}", row.by.code if row.by else "")]
    steps += [Happening(one.at, "تأیید شد", one.by.code) for one in row.approvals.select_related("by")]
    if row.paya_at:
        steps.append(Happening(row.paya_at, f"با پایا می‌رود: {why_words(row.paya_why)}"))
    for account in accounts:
        steps += _account_steps(account, row.created_at)
    for line in lines:
        steps += _line_steps(line)
    if row.done_at:
        steps.append(Happening(row.done_at, "انجام شد"))
    return Story(
        refund=row,
        view=view(row, now),
        person=person,
        account=next((one for one in accounts if one.replaced_at is None), None),
        former=[one for one in accounts if one.replaced_at is not None],
        lines=lines,
        steps=sorted(steps, key=lambda step: step.at),
    )


def _account_steps(account: Account, since: datetime) -> Iterable[Happening]:
    told = [
        (account.declared_at, _declared(account), account.declared_by.code if account.declared_by else ""),
        (account.seen_at, "نام صاحب حساب دیده شد", account.seen_by.code if account.seen_by else ""),
        (
            account.refused_at,
            f"حساب کنار رفت: {account.refused_why}",
            account.refused_by.code if account.refused_by else "",
        ),
    ]
    return [Happening(at, what, by) for at, what, by in told if at is not None and at >= since]


def _declared(account: Account) -> str:
    return f"حساب به جای مشتری نوشته شد: {account.declared_how}" if account.declared_by else "مشتری حسابی نوشت"


def _line_steps(line: PayaLine) -> Iterable[Happening]:
    batch = line.batch
    yield Happening(batch.created_at, f"در دسته {batch.code}، {line.reference}", batch.created_by.code)
    if batch.sent_at and line.state != PayaLine.State.DRAFTED:
        yield Happening(batch.sent_at, f"فایل دسته {batch.code} گرفته شد")
    if line.paid_at:
        yield Happening(line.paid_at, f"بانک حواله {line.reference} را پرداخت")
    if line.returned_at:
        yield Happening(line.returned_at, f"بانک حواله {line.reference} را برگرداند")
    if line.state == PayaLine.State.DROPPED and batch.dropped_at:
        yield Happening(batch.dropped_at, f"دسته {batch.code} کنار گذاشته شد: {batch.dropped_why}")


# ---- Accounts and batches ----


def ready(now: datetime, *, limit: int = rules.MOST_LINES) -> list[RefundView]:
    """Return the refunds that can leave by Paya now, those promised soonest first. One query."""
    found = rows().filter(waits="batch", state=Refund.State.OWED, carried__lt=F("amount"))
    return [view(row, now) for row in found.order_by(F("promise_due").asc(nulls_last=True), "pk")[:limit]]


def account_of(person: Person) -> Account | None:
    """Return the account that a person declared last, also one that was refused. One query."""
    return Account.objects.filter(person=person, replaced_at=None).first()


def accounts_of(person: Person) -> list[Account]:
    """Return every account that a person ever declared, the newest first. One query."""
    return list(Account.objects.filter(person=person).order_by("-declared_at", "-pk"))


def waits_for_account(person: Person) -> bool:
    """Say whether money is owed to a person that no account is declared for. One query."""
    return rows().filter(payment__bill__person=person, waits="account").exists()


def batches(before: str, *, limit: int = PAGE) -> tuple[list[PayaBatch], str]:
    """Return batches, the newest first, and where the next page begins ("": nowhere). One query."""
    found = PayaBatch.objects.select_related("created_by", "approved_by", "sent_by")
    if before.isdecimal() and len(before) < 10:
        found = found.filter(number__lt=int(before))
    page = list(found.order_by("-number")[: limit + 1])
    return page[:limit], str(page[limit - 1].number) if len(page) > limit else ""


def batch(code: str) -> tuple[PayaBatch, list[PayaLine]]:
    """Return a batch and its lines in the order of the file. Raises Missing. Two queries."""
    found = (
        PayaBatch.objects.select_related("created_by", "approved_by", "sent_by", "dropped_by").filter(code=code).first()
        if code
        else None
    )
    if found is None:
        raise Missing
    lines = found.rows.select_related("refund__payment__bill__person", "account__person").order_by("n")
    return found, list(lines)
