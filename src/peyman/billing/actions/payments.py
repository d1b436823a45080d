"""Taking money, and giving it back. Every rial that moves is posted twice."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, CharField, F, Q, Sum

from peyman.billing.models import Bill, Entry, PayaLine, Payment, Refund
from peyman.billing.rules import paya
from peyman.billing.rules import payments as rules
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.money import grouped, tomans
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.tables import ByKey, Plus, Prepared, change, insert, insert_new

ASKABLE = [Payment.State.PENDING, Payment.State.VERIFYING]


def _by_pk(numbers: Mapping[int, int]) -> ByKey:
    return ByKey("pk", numbers, BigIntegerField())


def _words(texts: Mapping[int, str]) -> ByKey:
    return ByKey("pk", texts, CharField())


# ---- Bills and payments ----


def open_bill(*, subject: str, person: Person, amount: int, now: datetime) -> Bill:
    """Write down that `person` owes `amount` rials for `subject`."""
    return Bill.objects.create(subject=subject, person=person, amount=amount, created_at=now)


def change_bill(*, bill: Bill, amount: int) -> None:
    """Owe another amount, in rials: prices changed before anything was final."""
    Bill.objects.filter(pk=bill.pk).update(amount=amount)
    bill.amount = amount


def start(
    *,
    bill: Bill,
    gateway: str,
    terminal: str,
    amount: int,
    minutes: int,
    key: str | None,
    request_hash: str,
    now: datetime,
) -> Payment:
    """Begin a payment of `amount` rials, frozen for `minutes` (A14). Repeats with the same `key` find the first.

    Raises KeyReused when the key was used with another request.
    """
    if key:
        earlier = Payment.objects.filter(bill=bill, idempotency_key=key).first()
        if earlier:
            return _same_request(earlier, request_hash)
    try:
        with transaction.atomic():
            return Payment.objects.create(
                code=codes.new("PAY"),
                bill=bill,
                gateway=gateway,
                terminal=terminal,
                amount=amount,
                created_at=now,
                token_until=now + timedelta(minutes=minutes),
                idempotency_key=key,
                request_hash=request_hash,
            )
    except IntegrityError:
        earlier = Payment.objects.filter(bill=bill, idempotency_key=key).first() if key else None
        if earlier is None:
            raise
        return _same_request(earlier, request_hash)


def _same_request(payment: Payment, request_hash: str) -> Payment:
    if payment.request_hash != request_hash:
        raise rules.KeyReused
    return payment


def begin_again(*, payment: Payment, gateway: str, terminal: str, amount: int, minutes: int, now: datetime) -> bool:
    """Make a payment that never got a token ready for another try, at today's `amount` and perhaps another bank.

    False when it has one by now: somebody else's try was quicker.
    """
    tokenless = Payment.objects.filter(pk=payment.pk, token=None, state__in=[Payment.State.NEW, Payment.State.FAILED])
    until = now + timedelta(minutes=minutes)
    again = tokenless.update(
        state=Payment.State.NEW, gateway=gateway, terminal=terminal, amount=amount, token_until=until
    )
    payment.refresh_from_db()
    return bool(again)


def give_token(*, payment: Payment, token: str, now: datetime) -> bool:
    """Bind the bank's token to the payment: from now on the sweep asks the bank about it.

    False when the payment has another token by now: this one is nobody's, and must not be shown to the buyer.
    """
    unbound = Payment.objects.filter(pk=payment.pk, state=Payment.State.NEW, token=None)
    first_look = now + timedelta(seconds=rules.next_check_seconds(0))
    bound = unbound.update(token=token, state=Payment.State.PENDING, check_at=first_look)
    payment.refresh_from_db()
    return bool(bound)


def no_token(*, payment: Payment) -> None:
    """The bank gave no token: nobody can pay this one."""
    Payment.objects.filter(pk=payment.pk, state=Payment.State.NEW).update(state=Payment.State.FAILED, check_at=None)


def begin_verify(*, payment: Payment, now: datetime) -> bool:
    """Claim the receipt before the bank is told. False when the payment is past that."""
    return bool(
        Payment.objects.filter(pk=payment.pk, state__in=ASKABLE).update(
            state=Payment.State.VERIFYING, check_at=now + timedelta(seconds=rules.next_check_seconds(payment.checks))
        )
    )


def ask_again(*, payment: Payment, now: datetime) -> None:
    """Nothing new from the bank: look again later, ever more seldom."""
    Payment.objects.filter(pk=payment.pk, state__in=ASKABLE).update(
        checks=F("checks") + 1,
        check_at=now + timedelta(seconds=rules.next_check_seconds(payment.checks + 1)),
        claimed_until=None,
    )


def fail(*, payment: Payment) -> None:
    """The bank says this token was never paid and never will be."""
    Payment.objects.filter(pk=payment.pk, state__in=ASKABLE).update(
        state=Payment.State.FAILED, check_at=None, claimed_until=None
    )


def returned(*, payment: Payment) -> None:
    """The bank gave the customer back what we never took."""
    Payment.objects.filter(pk=payment.pk, state__in=ASKABLE).update(
        state=Payment.State.RETURNED, check_at=None, claimed_until=None
    )


def stop_asking(*, payment: Payment) -> bool:
    """The bank has nothing more to say of this payment; what it holds goes back by a refund.

    False when it was captured, or let go, in this very moment: then nothing of it is to be given back here.
    """
    open_ = Payment.objects.filter(pk=payment.pk, state__in=ASKABLE)
    return bool(open_.update(state=Payment.State.FAILED, check_at=None, claimed_until=None))


def claim_due_checks(*, now: datetime, limit: int = 50, lease: int = 60) -> list[Payment]:
    """Take payments the bank must be asked about; a killed asker's come back after `lease` seconds."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    due = Payment.objects.filter(free, check_at__lte=now, state__in=ASKABLE)
    until = now + timedelta(seconds=lease)
    taken = []
    for payment in due.order_by("check_at", "pk")[:limit]:
        if Payment.objects.filter(free, pk=payment.pk, check_at__lte=now, state__in=ASKABLE).update(
            claimed_until=until
        ):
            taken.append(payment)
    return taken


# ---- Capture ----


@dataclass(frozen=True)
class Capture:
    """What the bank confirmed of one payment."""

    payment_id: int
    refnum: str
    card_mask: str


_askable = Prepared(
    lambda ids: (
        Payment.objects.select_for_update()
        .filter(pk__in=ids, state__in=ASKABLE)
        .defer("token_until", "captured_at", "check_at", "claimed_until", "idempotency_key", "request_hash")
        .order_by("pk")
    )
)


@transaction.atomic(savepoint=False)
def capture_many(*, captures: Sequence[Capture], now: datetime) -> list[Payment]:
    """Take in what the bank confirmed. Returns the payments captured by this very call, in order of `captures`.

    A payment that is captured already is passed over, so each money is posted once. A receipt that
    another payment holds raises IntegrityError (`receipt_once`) and takes in nothing.
    """
    told = {capture.payment_id: capture for capture in captures}
    held = {payment.pk: payment for payment in _askable(told)}
    fresh = [held[capture.payment_id] for capture in told.values() if capture.payment_id in held]
    if not fresh:
        return []
    ids = [payment.pk for payment in fresh]
    done = change(
        Payment,
        ids,
        where={"state": ASKABLE},
        state=Payment.State.CAPTURED,
        refnum=_words({pk: told[pk].refnum for pk in ids}),
        card_mask=_words({pk: told[pk].card_mask for pk in ids}),
        captured_at=now,
        check_at=None,
        claimed_until=None,
    )
    if done != len(ids):
        raise Raced
    by_bill: dict[int, int] = defaultdict(int)
    for payment in fresh:
        by_bill[payment.bill_id] += payment.amount
    change(Bill, by_bill, paid=Plus(by_bill))
    post(
        [
            entry
            for payment in fresh
            for entry in pair(
                f"capture:{payment.code}",
                f"gateway:{payment.gateway}",
                "unallocated",
                payment.amount,
                payment.bill_id,
                now,
            )
        ]
    )
    for payment in fresh:
        payment.state, payment.captured_at = Payment.State.CAPTURED, now
        payment.refnum = told[payment.pk].refnum
    return fresh


class Raced(Exception):
    """Rows changed under our hands; the transaction is to be run again."""


# ---- Ledger ----


class Side(NamedTuple):
    """A row of the ledger to be: what `Entry` holds, at little cost. `amount` in rials, positive for debit."""

    posting: str
    account: str
    amount: int
    bill_id: int
    at: datetime


def pair(posting: str, debit: str, credit: str, amount: int, bill_id: int, now: datetime) -> list[Side]:
    """Return both sides of a posting of `amount` rials."""
    return [Side(posting, debit, amount, bill_id, now), Side(posting, credit, -amount, bill_id, now)]


def post(entries: list[Side]) -> None:
    """Add entries to the ledger."""
    insert(entries, into=Entry)


def allocate_many(*, amounts: Mapping[int, int], subjects: Mapping[int, str], now: datetime) -> None:
    """Match received money to final orders: bill → rials, bill → posting's subject."""
    post(
        [
            entry
            for bill, amount in amounts.items()
            for entry in pair(f"final:{subjects[bill]}", "unallocated", "orders", amount, bill, now)
        ]
    )


# ---- Giving back ----


@dataclass(frozen=True)
class RefundAsk:
    """Money to give back: how much of which payment, why, and under which terms.

    `account`: where it lies in the ledger, `unallocated` or `orders`; None for money we never took in. `by`: the member
    of staff whose act caused it; None where a rule, the bank or the customer did.
    """

    payment: Payment
    amount: int
    reason: str
    clause: str
    account: str | None
    order: str
    person_id: int
    terms: TermsVersion
    what: str = ""
    by: Person | None = None


@dataclass(frozen=True)
class Owed:
    """A refund that was accepted, and until when it is promised."""

    refund: Refund
    due_at: datetime


_asked_before = Prepared(
    lambda payments: Refund.objects.filter(payment__in=payments).values_list("payment_id", "reason")
)


@carries_out("D30")
@transaction.atomic
def accept_refunds(*, asks: Sequence[RefundAsk], now: datetime) -> list[Owed]:
    """Owe customers money and promise when it will be back (D30). All or none.

    A refund that was accepted before for the same payment and reason is passed over. Raises
    rules.OverRefund when more is asked than is left, also when another refund got there first.
    """
    known = set(_asked_before(ask.payment.pk for ask in asks))
    asks = [ask for ask in asks if (ask.payment.pk, ask.reason) not in known]
    if not asks:
        return []
    by_payment: dict[int, int] = defaultdict(int)
    by_bill: dict[int, int] = defaultdict(int)
    for ask in asks:
        rules.refundable(ask.payment.amount, ask.payment.refunded, ask.amount)
        by_payment[ask.payment.pk] += ask.amount
        if ask.account:
            by_bill[ask.payment.bill_id] += ask.amount
    owing = change(Payment, by_payment, up_to={"refunded": "amount"}, refunded=Plus(by_payment))
    if owing != len(by_payment):
        raise rules.OverRefund
    if change(Bill, by_bill, up_to={"refunded": "paid"}, refunded=Plus(by_bill)) != len(by_bill):
        raise rules.OverRefund
    refunds = insert_new([_refund(ask, now) for ask in asks])
    if len(refunds) != len(asks):
        raise IntegrityError("a refund of this payment for this reason was accepted meanwhile")
    post(
        [
            entry
            for ask, refund in zip(asks, refunds, strict=True)
            if ask.account
            for entry in pair(f"refund:{refund.code}", ask.account, "refunds", ask.amount, ask.payment.bill_id, now)
        ]
    )
    promised = promises.make_many(
        [
            promises.NewPromise(
                clause="D30",
                kind="refund",
                subject=f"refund:{refund.code}",
                order=ask.order,
                person_id=ask.person_id,
                what=ask.what or f"بازگرداندن {grouped(tomans(ask.amount - ask.amount % 10))} تومان به حساب شما",
                terms=ask.terms,
                start=now,
                hours=parameter(ask.terms.parameters, "refund_hours"),
            )
            for ask, refund in zip(asks, refunds, strict=True)
        ],
        now=now,
    )
    return [Owed(refund, promise.due_at) for refund, promise in zip(refunds, promised, strict=True)]


def _refund(ask: RefundAsk, now: datetime) -> Refund:
    """Return the row of a refund; one that waits for a second person is not tried before."""
    by = ask.by if ask.by and ask.by.is_staff else None
    needs = paya.persons_needed(
        amount=ask.amount, above=settings.TWO_PERSONS_ABOVE, is_by_staff=by is not None, is_paya=False
    )
    return Refund(
        code=codes.new("REF"),
        payment=ask.payment,
        amount=ask.amount,
        kind=rules.way_back(amount=ask.amount, paid=ask.payment.amount, age_minutes=_age(ask.payment, now)),
        reason=ask.reason,
        clause=ask.clause,
        by=by,
        needs=needs,
        given=1 if needs else 0,
        created_at=now,
        due_at=None if needs else now,
    )


def _age(payment: Payment, now: datetime) -> float:
    return (now - (payment.captured_at or now)).total_seconds() / 60


def claim_due_refunds(*, now: datetime, limit: int = 50, lease: int = 60) -> list[Refund]:
    """Take refunds that are to be tried now; a killed worker's come back after `lease` seconds."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    until = now + timedelta(seconds=lease)
    taken = []
    for refund in (
        Refund.objects.select_related("payment").filter(free, due_at__lte=now).order_by("due_at", "pk")[:limit]
    ):
        if Refund.objects.filter(free, pk=refund.pk, due_at__lte=now).update(claimed_until=until):
            taken.append(refund)
    return taken


def asked_bank(*, refund: Refund) -> None:
    """Remember, before the bank is told, that it may know of this refund."""
    Refund.objects.filter(pk=refund.pk).exclude(state=Refund.State.DONE).update(state=Refund.State.ASKED)
    refund.state = Refund.State.ASKED


def retry_refund(*, refund: Refund, now: datetime, kind: str | None = None) -> None:
    """Try again later; with `kind`, another way."""
    Refund.objects.filter(pk=refund.pk).exclude(state=Refund.State.DONE).update(
        kind=kind or refund.kind,
        state=Refund.State.OWED if kind else refund.state,
        tries=F("tries") + 1,
        due_at=now + timedelta(seconds=rules.next_refund_seconds(refund.tries)),
        claimed_until=None,
    )


def refund_done(*, refund: Refund, provider_ref: str, proof: str, now: datetime) -> bool:
    """The money is back: post it and keep the promise with the proof. False when that was known already.

    What leaves by Paya is done by the statements that list all its transfers, and by nothing else: ValueError.
    """
    with transaction.atomic():
        by_paya = refund.kind == Refund.Kind.PAYA
        evidence = {"refund": refund.code, "bank_ref": provider_ref, "proof": proof}
        if by_paya:
            paid = PayaLine.objects.filter(refund=refund, state=PayaLine.State.PAID)
            if paid.aggregate(total=Sum("amount"))["total"] != refund.amount:
                raise ValueError("no statement lists the transfers of this refund")
            declared = paid.order_by("-account__declared_at").values_list("account__declared_at", flat=True)[0]
            evidence["account_declared_at"] = declared.isoformat()
        open_ = Refund.objects.filter(pk=refund.pk).exclude(state=Refund.State.DONE)
        done = open_.update(
            state=Refund.State.DONE, done_at=now, due_at=None, claimed_until=None, provider_ref=provider_ref[:80]
        )
        if not done:
            return False
        payment = refund.payment
        if by_paya:
            pass  # each of its transfers was posted on its own
        elif payment.state == Payment.State.CAPTURED:
            gateway = f"gateway:{payment.gateway}"
            post(pair(f"returned:{refund.code}", "refunds", gateway, refund.amount, payment.bill_id, now))
        else:
            Payment.objects.filter(pk=payment.pk).update(state=Payment.State.RETURNED, check_at=None)
        promises.keep_many([refund.subject], kind="refund", evidence=evidence, now=now)
        return True
