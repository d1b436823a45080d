"""Accounts that customers declare for money to go back to (D35): declared, seen, refused, forgotten."""

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from peyman.billing.models import Account, PayaBatch
from peyman.billing.rules import paya as rules
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.people import actions as people
from peyman.people.models import Person

log = structlog.get_logger(__name__)

SEEN_AS = "sheba"  # what the access log calls it


@carries_out("D35", "D16")
@transaction.atomic
def declare(*, person: Person, typed: str, by: Person | None = None, how: str = "", now: datetime) -> bool:
    """Write down the account that money goes back to; nothing typed takes it out. False where it was so already.

    The one before stays in the history. Declaring one anew that was refused is a new declaration, to be seen again.
    The caller tells the owner. `by`: staff who write it for an owner who cannot, who told it `how`; they are not those
    who see its holder. Raises what people.tell_sheba does, Invalid for a `how` that says nothing, and AccountStands
    where the owner has an account already.
    """
    words = rules.reason(how, field="how", least=10) if by else ""
    if by:
        if Account.objects.filter(person=person, replaced_at=None, refused_at=None).exists():
            raise rules.AccountStands(why="مشتری خود حسابی نوشته است")
        people.note_access(by=by, whose=person, subject=f"person:{person.code}", what=SEEN_AS, why=words[:200], now=now)
    changed = people.tell_sheba(person=person, typed=typed, by=by.code if by else "customer", now=now)
    former = Account.objects.select_for_update().filter(person=person, replaced_at=None).first()
    wants_again = bool(former and former.refused_at and person.sheba)
    if not changed and not wants_again and bool(former) == bool(person.sheba):
        return False
    Account.objects.filter(person=person, replaced_at=None).update(replaced_at=now)
    if person.sheba:
        try:
            with transaction.atomic():
                row = Account.objects.create(
                    code=codes.new("ACC"),
                    person=person,
                    number=person.sheba,
                    declared_at=now,
                    declared_by=by,
                    declared_how=words,
                )
        except IntegrityError:
            return False  # the same person declares at this moment, in another window
        log.info("account.declared", account=row.code, person=person.code)
    return True


@carries_out("D35", "D16")
@transaction.atomic
def look(*, code: str, why: str, by: Person, now: datetime) -> Account:
    """Return an account whose number a person of finance is about to see; the look is written down before.

    Raises Missing, and Invalid for a reason that says nothing.
    """
    row = _account(code)
    people.note_access(by=by, whose=row.person, subject=f"account:{row.code}", what=SEEN_AS, why=why, now=now)
    return row


@carries_out("D35")
@transaction.atomic
def see_holder(*, code: str, seen: str, why: str, by: Person, now: datetime) -> Account:
    """Write down whose account it is, as the bank's inquiry named them; from now on money may go there.

    A name that is not the customer's needs a reason. Raises Missing, Invalid, rules.AccountStands, and SamePerson for
    whoever wrote the account down for its owner.
    """
    row = _account(code)
    _assert_open(row)
    if row.declared_by_id == by.pk:
        raise rules.SamePerson
    name, reason = rules.holder(seen=seen, customer=row.person.full_name, why=why)
    open_ = Account.objects.filter(pk=row.pk, replaced_at=None, refused_at=None, seen_at=None)
    if not open_.update(seen_name=name, seen_at=now, seen_by=by, seen_why=reason):
        raise rules.AccountStands(why="کسی پیش از شما آن را سنجید")
    row.refresh_from_db()
    log.info("account.seen", account=row.code, by=by.code, is_same_name=not reason)
    return row


@carries_out("D35")
@transaction.atomic
def refuse(*, code: str, why: str, by: Person, now: datetime) -> Account:
    """Say that no money goes to this account; its owner declares another. Raises Missing, Invalid, AccountStands."""
    row = _account(code)
    reason = rules.reason(why)
    _assert_open(row)
    if not Account.objects.filter(pk=row.pk, replaced_at=None, refused_at=None).update(
        refused_at=now, refused_by=by, refused_why=reason
    ):
        raise rules.AccountStands(why="کسی پیش از شما آن را کنار گذاشت")
    row.refresh_from_db()
    log.info("account.refused", account=row.code, by=by.code)
    return row


@carries_out("D16")
@transaction.atomic
def note_file(*, batch: PayaBatch, by: Person, now: datetime) -> None:
    """Write down, for each owner, that the numbers of a batch's file are about to be seen."""
    owners = Person.objects.filter(accounts__transfers__batch=batch).distinct().order_by("pk")
    for owner in owners:
        why = f"فرستادن پول با دسته {batch.code}"
        people.note_access(by=by, whose=owner, subject=f"batch:{batch.code}", what=SEEN_AS, why=why, now=now)


def refuse_returned(*, account: Account, now: datetime) -> bool:
    """The bank gave a transfer to this account back: no more goes there. False where it stands otherwise by now."""
    open_ = Account.objects.filter(pk=account.pk, replaced_at=None, refused_at=None)
    return bool(open_.update(refused_at=now, refused_why="بانک حواله به این حساب را برگرداند"))


@carries_out("D16")
@transaction.atomic
def forget(*, person: Person, now: datetime) -> int:
    """Take a person's account out, and forget the numbers and holders of those that no money was sent to; how many.

    Where money went stays for as long as papers of orders do; the sweep of retention forgets that with them.
    """
    Account.objects.filter(person=person, replaced_at=None).update(replaced_at=now)
    rows = Account.objects.filter(person=person, transfers=None).exclude(number_hash=None)
    return _forget(rows.values_list("pk", flat=True))


@carries_out("D16")
def forget_older(*, before: datetime, limit: int) -> int:
    """Forget numbers and holders of accounts that were replaced before `before`; returns how many."""
    rows = Account.objects.filter(replaced_at__lt=before).exclude(number_hash=None)
    return _forget(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def _forget(ids: Iterable[int]) -> int:
    keys = list(ids)
    return Account.objects.filter(pk__in=keys).update(number="", number_hash=None, seen_name="")


def _account(code: str) -> Account:
    row = Account.objects.select_related("person").filter(code=code).first() if code else None
    if row is None:
        raise Missing
    return row


def _assert_open(row: Account) -> None:
    if row.replaced_at:
        raise rules.AccountStands(why="مشتری حساب دیگری نوشته است")
    if row.refused_at:
        raise rules.AccountStands(why="این حساب کنار گذاشته شده است")
