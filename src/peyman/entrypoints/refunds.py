"""Refunds where billing, orders, messages and the files of a bank meet: doors, sweeps and statements call this."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from peyman.billing.actions import accounts
from peyman.billing.actions import paya as actions
from peyman.billing.models import Account, PayaBatch, PayaLine, Refund
from peyman.billing.queries import refunds as queries
from peyman.billing.rules import paya as rules
from peyman.entrypoints import contacts
from peyman.gateways import paya as files
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.money import grouped, tomans
from peyman.kernel.text import persian_digits
from peyman.people.models import Person
from peyman.promises.queries.ledger import due_of
from peyman.shop.orders import actions as orders

log = structlog.get_logger(__name__)

PAGE = "/account/refunds/"  # where a customer declares an account


# ---- Telling the customer ----


@carries_out("D30", "D35")
@transaction.atomic
def fall_to_paya(*, refund: Refund, why: str, now: datetime) -> bool:
    """The gateway does not carry this refund: it leaves by Paya; its owner is asked for an account if there is none.

    False where it is done, goes so already, or was never ours.
    """
    if not actions.to_paya(refund=refund, why=why, now=now):
        return False
    person = Person.objects.get(pk=refund.payment.bill.person_id)
    account = queries.account_of(person)
    if account is None or account.refused_at:
        _ask_account(refund, person, "refund_account", f"refund_account:{refund.code}", now)
    return True


@carries_out("D35")
@transaction.atomic
def refuse_account(*, code: str, why: str, by: Person, now: datetime) -> Account:
    """Put an account aside, and ask its owner for another where a refund waits for one. Raises as accounts.refuse."""
    row = accounts.refuse(code=code, why=why, by=by, now=now)
    waiting = queries.rows().filter(payment__bill__person=row.person, waits="account").order_by("pk").first()
    if waiting is not None:
        _ask_account(waiting, row.person, "refund_account", f"account_refused:{row.code}", now)
    return row


def _ask_account(refund: Refund, person: Person, template: str, key: str, now: datetime) -> None:
    if person.closed_at and not person.mobile:
        return
    due = due_of([refund.subject]).get(refund.subject)
    contacts.tell_owner(
        person,
        "",
        key,
        now,
        template=template,
        context={
            "amount": persian_digits(grouped(tomans(refund.amount - refund.amount % 10))),
            "order": refund.payment.bill.subject.removeprefix("order:"),
            "due": jalali.deadline(due) if due else "",
            "link": f"{settings.PUBLIC_URL}{PAGE}",
        },
    )


# ---- The file of a batch ----


def order_of(batch: PayaBatch, lines: Sequence[PayaLine], approved_at: datetime) -> files.Order:
    """Return a batch as a bank takes it; it is to be carried out on the day of its approval."""
    return files.Order(
        number=batch.number,
        source=batch.source,
        source_name=batch.source_name,
        made_at=batch.created_at,
        day=approved_at,
        transfers=[
            files.Transfer(
                sheba=line.account.number,
                holder=line.account.seen_name,
                amount=line.amount,
                reference=line.reference,
                text=f"بازپرداخت {line.refund.payment.bill.subject.removeprefix('order:')} {line.reference}",
            )
            for line in lines
        ],
    )


def sha256_of(order: files.Order) -> str:
    """Return the hash of the file that a bank takes."""
    return hashlib.sha256(files.xml(order)).hexdigest()


@carries_out("D30")
@transaction.atomic
def approve_batch(*, code: str, by: Person, now: datetime) -> PayaBatch:
    """Let a batch go, under the hash of the file that it makes. Raises as billing's `approve`."""
    batch, lines = queries.batch(code)
    return actions.approve(code=code, sha256=sha256_of(order_of(batch, lines, now)), by=by, now=now)


@carries_out("D30", "D35")
def take_file(*, code: str, kind: str, by: Person, now: datetime) -> tuple[str, bytes]:
    """Return name and bytes of a batch's file, `kind` "ccti" or "csv"; whoever takes it first hands it to the bank.

    The look at the numbers in it is written down. Raises Missing, rules.BatchStands for one that was not approved, and
    rules.AccountChanged where an account was replaced meanwhile.
    """
    with transaction.atomic():
        batch = actions.send(code=code, by=by, now=now)
        accounts.note_file(batch=batch, by=by, now=now)
    batch, lines = queries.batch(code)
    order = order_of(batch, lines, batch.approved_at or now)
    if sha256_of(order) != batch.sha256:
        log.error("paya.file_differs", batch=code)
        raise rules.FileDiffers
    return (
        (f"{order.message}.ccti", files.xml(order)) if kind == "ccti" else (f"{order.message}.csv", files.table(order))
    )


# ---- What a statement says ----


@carries_out("D30", "D35")
def transfer_paid(*, key: int, at: datetime, now: datetime) -> str:
    """The statement lists a transfer: returns the code of the refund that is wholly paid by it, "" where none is."""
    with transaction.atomic():
        line = PayaLine.objects.select_related("batch", "refund__payment__bill").get(pk=key)
        if not actions.line_paid(line=line, at=at, now=now):
            return ""
        paid = line.refund.transfers.filter(state=PayaLine.State.PAID).order_by("part")
        numbers = " ".join(paid.values_list("reference", flat=True))
        orders.give_back_done(refund=line.refund, provider_ref=numbers, proof="statement", now=now)
    log.info("refund.done", refund=line.refund.code, kind="paya")
    return line.refund.code


@carries_out("D30", "D35")
def transfer_returned(*, key: int, at: datetime, now: datetime) -> bool:
    """The statement gives a transfer back: it is owed again, and its owner is asked for another account."""
    with transaction.atomic():
        line = PayaLine.objects.select_related("batch", "refund__payment__bill", "account__person").get(pk=key)
        if not actions.line_returned(line=line, at=at, now=now):
            return False
        refund = Refund.objects.select_related("payment__bill").get(pk=line.refund_id)
        person = line.account.person
        _ask_account(refund, person, "refund_came_back", f"refund_came_back:{line.reference}", now)
    return True
