"""Refunds that leave by a transfer of ours: approved, put into a batch, handed to our bank, paid or come back.

Each step is a conditional update of one row, in a transaction with what follows from it; a repeat finds nothing to do
or is refused. Only a statement of our bank says that a transfer was paid (`line_paid`) or came back (`line_returned`).
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, Sum

from peyman.billing.actions.accounts import refuse_returned
from peyman.billing.actions.payments import Side, pair, post
from peyman.billing.models import Account, PayaBatch, PayaLine, Payment, Refund, RefundApproval
from peyman.billing.rules import paya as rules
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.kernel.money import grouped, tomans
from peyman.people.models import Person
from peyman.people.rules import is_sheba
from peyman.promises import actions as promises
from peyman.promises.models import Promise
from peyman.promises.rules import parameter

log = structlog.get_logger(__name__)

STATE_WORDS = {
    PayaBatch.State.DRAFTED: "پیش‌نویس",
    PayaBatch.State.APPROVED: "تأییدشده",
    PayaBatch.State.SENT: "نزد بانک",
    PayaBatch.State.SETTLED: "پایان‌یافته",
    PayaBatch.State.DROPPED: "کنار گذاشته",
}


# ---- One refund ----


@carries_out("D30", "D35")
def to_paya(*, refund: Refund, why: str, now: datetime) -> bool:
    """From now on a refund leaves by Paya, since the gateway does not carry it (`why`, as it said).

    False where it is done or goes by Paya already, and for money that was never ours to transfer.
    """
    if refund.payment.state != Payment.State.CAPTURED:
        return False
    needs = rules.persons_needed(
        amount=refund.amount, above=settings.TWO_PERSONS_ABOVE, is_by_staff=refund.by_id is not None, is_paya=True
    )
    open_ = Refund.objects.filter(pk=refund.pk).exclude(state=Refund.State.DONE).exclude(kind=Refund.Kind.PAYA)
    given = 1 if refund.by_id and needs and not refund.needs else F("given")
    moved = open_.update(
        kind=Refund.Kind.PAYA,
        state=Refund.State.OWED,
        paya_why=why[:40],
        paya_at=now,
        needs=max(needs, refund.needs),
        given=given,
        due_at=None,
        claimed_until=None,
    )
    if moved:
        log.info("refund.by_paya", refund=refund.code, why=why[:40])
        refund.refresh_from_db()
    return bool(moved)


@carries_out("D30")
@transaction.atomic
def approve_refund(*, code: str, by: Person, now: datetime) -> Refund:
    """Stand behind a refund as one more person; with the last that it needs it goes on.

    Raises Missing, rules.SamePerson for whoever caused it or approved it before, rules.RefundStands where nothing is
    to be approved.
    """
    refund = Refund.objects.select_related("payment").filter(code=code).first() if code else None
    if refund is None:
        raise Missing
    if refund.by_id == by.pk or RefundApproval.objects.filter(refund=refund, by=by).exists():
        raise rules.SamePerson
    waiting = Refund.objects.filter(pk=refund.pk, given__lt=F("needs")).exclude(state=Refund.State.DONE)
    if not waiting.update(given=F("given") + 1):
        raise rules.RefundStands
    try:
        with transaction.atomic():
            RefundApproval.objects.create(refund=refund, by=by, at=now)
    except IntegrityError:
        raise rules.SamePerson from None  # a second click that was as quick
    refund.refresh_from_db()
    if refund.given == refund.needs and refund.kind != Refund.Kind.PAYA:
        Refund.objects.filter(pk=refund.pk, due_at=None).update(due_at=now)
        refund.due_at = now
    log.info("refund.approved", refund=code, by=by.code, given=refund.given, needs=refund.needs)
    return refund


# ---- A batch ----


def ready() -> Q:
    """The refunds that can leave by Paya now: owed, approved, to an account in force whose holder was seen."""
    good = Account.objects.filter(replaced_at=None, refused_at=None, seen_at__isnull=False)
    return Q(
        kind=Refund.Kind.PAYA,
        state=Refund.State.OWED,
        given__gte=F("needs"),
        carried__lt=F("amount"),
        payment__bill__person__in=good.values("person"),
    )


@carries_out("D30", "D35")
@transaction.atomic
def draft(*, refunds: Sequence[str], by: Person, now: datetime) -> PayaBatch:
    """Put refunds, by their codes, into a new batch: one line each, more where one transfer cannot carry it.

    All or none. Raises rules.NothingToSend, NotReady for one that cannot leave now (also when another batch was
    quicker), NoSource.
    """
    source = settings.PAYA_SHEBA
    if not (len(source) == 26 and source[:2] == "IR" and source[2:].isdigit() and is_sheba(source[2:])):
        raise rules.NoSource
    wanted = list(dict.fromkeys(refunds))
    if not 0 < len(wanted) <= rules.MOST_LINES:
        raise rules.NothingToSend
    rows = Refund.objects.filter(ready(), code__in=wanted).select_related("payment__bill")
    found = {row.code: row for row in rows}
    missing = next((code for code in wanted if code not in found), None)
    if missing is not None:
        raise rules.NotReady(refund=missing)
    people = {row.payment.bill.person_id for row in found.values()}
    accounts = {row.person_id: row for row in Account.objects.filter(person__in=people, replaced_at=None)}
    lines: list[PayaLine] = []
    for code in sorted(wanted, key=lambda code: found[code].pk):
        lines += _lines(found[code], accounts[found[code].payment.bill.person_id])
    if len(lines) > rules.MOST_LINES:
        raise rules.NothingToSend
    total = sum(line.amount for line in lines)
    batch = _numbered(lines=len(lines), total=total, source=source, by=by, now=now)
    for n, line in enumerate(lines, start=1):
        line.batch, line.n, line.reference = batch, n, rules.reference(batch.number, n)
    PayaLine.objects.bulk_create(lines)
    log.info("paya.drafted", batch=batch.code, lines=batch.lines, total=total, by=by.code)
    return batch


def _lines(refund: Refund, account: Account) -> list[PayaLine]:
    """Take what is left of a refund, and return the lines that carry it. Raises NotReady when another was quicker."""
    left = refund.amount - refund.carried
    free = Refund.objects.filter(pk=refund.pk, state=Refund.State.OWED, carried=refund.carried)
    if not free.update(carried=F("amount")):
        raise rules.NotReady(refund=refund.code)
    live = [PayaLine.State.DRAFTED, PayaLine.State.SENT, PayaLine.State.PAID]
    taken = set(PayaLine.objects.filter(refund=refund, state__in=live).values_list("part", flat=True))
    amounts = rules.parts(left)
    places = [part for part in range(1, len(taken) + len(amounts) + 1) if part not in taken]
    return [
        PayaLine(refund=refund, part=part, account=account, amount=amount)
        for part, amount in zip(places, amounts, strict=False)
    ]


def _numbered(*, lines: int, total: int, source: str, by: Person, now: datetime) -> PayaBatch:
    """Make a batch under the next number. Another one made at this moment takes it; then the one behind it."""
    for _ in range(5):
        last = PayaBatch.objects.aggregate(last=Max("number"))["last"] or 0
        try:
            with transaction.atomic():
                return PayaBatch.objects.create(
                    code=codes.new("BAT"),
                    number=last + 1,
                    source=source,
                    source_name=settings.PAYA_NAME[:120],
                    lines=lines,
                    total=total,
                    needs_two=total > settings.TWO_PERSONS_ABOVE,
                    created_at=now,
                    created_by=by,
                )
        except IntegrityError:
            continue
    raise rules.NothingToSend


@carries_out("D30")
@transaction.atomic
def approve(*, code: str, sha256: str, by: Person, now: datetime) -> PayaBatch:
    """Let a batch go; `sha256` is of the file that it makes. Above the limit another person than who drafted it.

    Raises Missing, rules.SamePerson, BatchStands, AccountChanged.
    """
    batch = _batch(code)
    if batch.needs_two and batch.created_by_id == by.pk and batch.state == PayaBatch.State.DRAFTED:
        raise rules.SamePerson
    _assert_accounts(batch)
    _move(batch, PayaBatch.State.DRAFTED, PayaBatch.State.APPROVED, sha256=sha256, approved_at=now, approved_by=by)
    log.info("paya.approved", batch=code, by=by.code, sha256=sha256)
    return batch


@carries_out("D30", "D35")
@transaction.atomic
def send(*, code: str, by: Person, now: datetime) -> PayaBatch:
    """The file of an approved batch is taken to the bank; from here on the bank may have it. A repeat changes nothing.

    Raises Missing, rules.BatchStands, and AccountChanged where an account was replaced or refused meanwhile.
    """
    batch = _batch(code)
    if batch.state in (PayaBatch.State.SENT, PayaBatch.State.SETTLED):
        return batch
    _assert_accounts(batch)
    _move(batch, PayaBatch.State.APPROVED, PayaBatch.State.SENT, sent_at=now, sent_by=by)
    lines = list(batch.rows.select_related("refund__payment").order_by("n"))
    batch.rows.filter(state=PayaLine.State.DRAFTED).update(state=PayaLine.State.SENT)
    refunds = [line.refund_id for line in lines]
    Refund.objects.filter(pk__in=refunds, state=Refund.State.OWED).update(state=Refund.State.ASKED)
    post([entry for line in lines for entry in _entries("paya", line, "refunds", "paya", now)])
    log.info("paya.sent", batch=code, by=by.code)
    return batch


@carries_out("D30")
@transaction.atomic
def drop(*, code: str, why: str, by: Person, now: datetime) -> PayaBatch:
    """Put a batch aside: before its file was taken anybody may; after that another person than who took it, and only
    when the bank did not take the file in. What it carried is owed as before. What was paid stays paid.

    Raises Missing, Invalid, rules.SamePerson, BatchStands.
    """
    batch = _batch(code)
    words = rules.reason(why)
    was = batch.state
    if was == PayaBatch.State.SENT and batch.sent_by_id == by.pk:
        raise rules.SamePerson
    if was not in (PayaBatch.State.DRAFTED, PayaBatch.State.APPROVED, PayaBatch.State.SENT):
        raise rules.BatchStands(state=STATE_WORDS[PayaBatch.State(was)])
    ended = PayaLine.State.PAID, PayaLine.State.RETURNED
    to = PayaBatch.State.SETTLED if batch.rows.filter(state__in=ended).exists() else PayaBatch.State.DROPPED
    also = {"settled_at": now} if to == PayaBatch.State.SETTLED else {}
    _move(batch, was, to, dropped_at=now, dropped_by=by, dropped_why=words, **also)
    open_ = [PayaLine.State.DRAFTED, PayaLine.State.SENT]
    lines = list(batch.rows.filter(state__in=open_).select_related("refund__payment").order_by("n"))
    PayaLine.objects.filter(pk__in=[line.pk for line in lines], state__in=open_).update(state=PayaLine.State.DROPPED)
    for line in lines:
        _owe_again(line)
    if was == PayaBatch.State.SENT:
        post([entry for line in lines for entry in _entries("untaken", line, "paya", "refunds", now)])
    log.warning("paya.dropped", batch=code, was=was, by=by.code)
    return batch


# ---- What the bank's statement says ----


@carries_out("D30", "D35")
@transaction.atomic
def line_paid(*, line: PayaLine, at: datetime, now: datetime) -> bool:
    """The bank lists this transfer; `at` as it says. Returns whether its refund is wholly paid by this very line.

    The caller then tells so by `refund_done`, in the same transaction.
    """
    if not PayaLine.objects.filter(pk=line.pk, state=PayaLine.State.SENT).update(state=PayaLine.State.PAID, paid_at=at):
        return False
    post(_entries("paid", line, "paya", "bank", now))
    _rest_is_owed(line.refund_id)
    _settle(line.batch, now)
    log.info("paya.line_paid", batch=line.batch.code, refund=line.refund.code)
    return paid_by_paya(line.refund) == line.refund.amount


@carries_out("D30", "D35")
@transaction.atomic
def line_returned(*, line: PayaLine, at: datetime, now: datetime) -> bool:
    """The bank gave this transfer back: it is owed again, to another account. False where that was known.

    Where the refund had been done, it is promised anew from `now`, since what was promised first was kept.
    """
    was = PayaLine.objects.filter(pk=line.pk).values_list("state", flat=True).first()
    open_ = PayaLine.objects.filter(pk=line.pk, state=was)
    if was not in (PayaLine.State.SENT, PayaLine.State.PAID):
        return False
    if not open_.update(state=PayaLine.State.RETURNED, returned_at=at):
        return False
    held = "bank" if was == PayaLine.State.PAID else "paya"
    post(_entries("back", line, held, "refunds", now))
    refund = Refund.objects.select_related("payment__bill").get(pk=line.refund_id)
    _owe_again(line)
    done = Refund.objects.filter(pk=refund.pk, state=Refund.State.DONE)
    if done.update(state=Refund.State.OWED, done_at=None, returns=F("returns") + 1, provider_ref=""):
        refund.refresh_from_db()
        _promise_again(refund, now)
    refuse_returned(account=line.account, now=now)
    _settle(line.batch, now)
    log.warning("paya.line_returned", batch=line.batch.code, refund=refund.code)
    return True


def _promise_again(refund: Refund, now: datetime) -> None:
    first = Promise.objects.select_related("terms").filter(subject=f"refund:{refund.code}", kind="refund").first()
    if first is None:
        return
    promises.make(
        promises.NewPromise(
            clause="D35",
            kind="refund",
            subject=refund.subject,
            order=first.order,
            person_id=first.person_id,
            what=f"دوباره فرستادن {grouped(tomans(refund.amount - refund.amount % 10))} تومان که بانک برگرداند",
            terms=first.terms,
            start=now,
            hours=parameter(first.terms.parameters, "refund_hours"),
        ),
        now=now,
    )


def paid_by_paya(refund: Refund) -> int:
    """Return how many rials of a refund the bank's statements prove to be paid. One query."""
    paid = PayaLine.objects.filter(refund=refund, state=PayaLine.State.PAID)
    return paid.aggregate(total=Sum("amount"))["total"] or 0


def back_to_gateway(*, refund: Refund) -> bool:
    """The gateway gave back after all what was to leave by Paya. False when some of it is in a batch by now."""
    here = Refund.objects.filter(pk=refund.pk, kind=Refund.Kind.PAYA, carried=0).exclude(state=Refund.State.DONE)
    moved = here.update(kind=Refund.Kind.REFUND)
    refund.refresh_from_db()
    return bool(moved)


# ---- Small steps ----


def _batch(code: str) -> PayaBatch:
    row = PayaBatch.objects.select_related("created_by").filter(code=code).first() if code else None
    if row is None:
        raise Missing
    return row


def _move(batch: PayaBatch, from_: str, to: str, **changes: object) -> None:
    if not PayaBatch.objects.filter(pk=batch.pk, state=from_).update(state=to, **changes):
        batch.refresh_from_db()
        raise rules.BatchStands(state=STATE_WORDS[PayaBatch.State(batch.state)])
    batch.refresh_from_db()


def _assert_accounts(batch: PayaBatch) -> None:
    gone = Q(account__replaced_at__isnull=False) | Q(account__refused_at__isnull=False)
    wrong = list(
        batch.rows.filter(gone, state=PayaLine.State.DRAFTED).order_by("n").values_list("refund__code", flat=True)
    )
    if wrong:
        raise rules.AccountChanged(refunds="، ".join(dict.fromkeys(wrong)))


def _owe_again(line: PayaLine) -> None:
    Refund.objects.filter(pk=line.refund_id).update(carried=F("carried") - line.amount)
    _rest_is_owed(line.refund_id)


def _rest_is_owed(refund_id: int) -> None:
    """Once nothing of a refund is with the bank, what came back of it is to be sent anew."""
    if not PayaLine.objects.filter(refund=refund_id, state=PayaLine.State.SENT).exists():
        asked = Refund.objects.filter(pk=refund_id, state=Refund.State.ASKED, carried__lt=F("amount"))
        asked.update(state=Refund.State.OWED)


def _settle(batch: PayaBatch, now: datetime) -> None:
    if not batch.rows.filter(state=PayaLine.State.SENT).exists():
        PayaBatch.objects.filter(pk=batch.pk, state=PayaBatch.State.SENT).update(
            state=PayaBatch.State.SETTLED, settled_at=now
        )


def _entries(posting: str, line: PayaLine, debit: str, credit: str, now: datetime) -> list[Side]:
    return pair(f"{posting}:{line.reference}", debit, credit, line.amount, line.refund.payment.bill_id, now)
