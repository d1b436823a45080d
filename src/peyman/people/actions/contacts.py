"""Changing how somebody is reached: nothing counts before it was proven, and what counted is not forgotten (D08)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from peyman import sealed
from peyman.kernel.clauses import carries_out
from peyman.people import queries, rules
from peyman.people.models import Contact, ContactChange, ContactCode, Person

log = structlog.get_logger(__name__)

_MAILED = frozenset({"email", "lost_email", "login_email"})  # kinds of codes that go by mail


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class IssuedProof:
    """A code on its way to an address that is to be proven: told once, kept nowhere in clear."""

    channel: str  # sms, email
    to: str = field(repr=False)
    code: str = field(repr=False)
    key: str
    expires_at: datetime


# ---- History ----


def begin(*, person: Person, kind: str, value: str, event: str, by: str = "customer", now: datetime) -> None:
    """Write down that a contact counts from now on, and no longer the one before it. In the caller's transaction."""
    end(person=person, kind=kind, event="retired", by=by, now=now)
    contact = Contact.objects.create(person=person, kind=kind, value=value, since=now)
    ContactChange.objects.create(person=person, contact=contact, kind=kind, event=event, by=by, at=now)


def end(*, person: Person, kind: str, event: str, by: str, now: datetime) -> None:
    """Write down that a contact counts no longer; where there was none, nothing."""
    for contact in Contact.objects.filter(person=person, kind=kind, until=None):
        Contact.objects.filter(pk=contact.pk, until=None).update(until=now)
        ContactChange.objects.create(person=person, contact=contact, kind=kind, event=event, by=by, at=now)


def note(person: Person, kind: str, event: str, now: datetime, *, by: str = "customer") -> None:
    """Write down a step that neither begins nor ends a contact."""
    ContactChange.objects.create(person=person, kind=kind, event=event, by=by, at=now)


# ---- Name, e-mail, landline ----


@carries_out("D06")
def rename(*, person: Person, full_name: str, now: datetime) -> None:
    """Change the name. Raises kernel.errors.Invalid."""
    person.full_name = rules.full_name(full_name)
    person.save(update_fields=["full_name"])
    log.info("people.renamed", person=person.code)


@carries_out("D08")
def ask_email(*, person: Person, typed: str, now: datetime) -> IssuedProof:
    """Make a code that proves an e-mail address; the one that counts stays until then.

    Raises kernel.errors.Invalid, rules.SameContact, rules.TooManyCodes and rules.AccountOnHold.
    """
    current = person.email if person.email_confirmed_at else ""
    address = rules.new_email(typed, current)
    queries.assert_not_on_hold(person)
    with transaction.atomic():
        proof = issue(person, "email", address, now)
        note(person, "email", "asked", now)
    return proof


@carries_out("D08")
def confirm_email(*, person: Person, code: str, now: datetime, also: Callable[[], None] = _nothing) -> str:
    """Make the address official whose newest code this is, and return it. Raises rules.WrongCode and AccountOnHold.

    `also` is done in the same transaction; a caller's own would forget that a wrong code was tried.
    """
    proof = try_code(person, "email", code, now)
    queries.assert_not_on_hold(person)
    with transaction.atomic():
        use([proof], now)
        person.email, person.email_confirmed_at = proof.target, now
        person.save(update_fields=["email", "email_confirmed_at"])
        begin(person=person, kind="email", value=proof.target, event="confirmed", now=now)
        also()
    log.info("people.email_confirmed", person=person.code)
    return str(proof.target)


@carries_out("D08")
@transaction.atomic
def remove_email(*, person: Person, now: datetime) -> None:
    """Take the address out: from now on everything goes by SMS. A repeat does nothing."""
    if not person.email:
        return
    queries.assert_not_on_hold(person)
    person.email, person.email_confirmed_at = "", None
    person.save(update_fields=["email", "email_confirmed_at"])
    end(person=person, kind="email", event="retired", by="customer", now=now)
    log.info("people.email_removed", person=person.code)


@carries_out("D40")
@transaction.atomic
def vouch_landline(*, person: Person, typed: str, vouched: bool, now: datetime) -> None:
    """Write down a landline that the customer vouches for; nothing typed takes it out.

    Raises kernel.errors.Invalid, and rules.NotVouched where the customer does not.
    """
    number = rules.landline_number(typed) if typed.strip() else ""
    if number == person.landline:
        return
    if number and not vouched:
        raise rules.NotVouched({"vouched": rules.NotVouched.says})
    person.landline = number
    person.save(update_fields=["landline"])
    if number:
        begin(person=person, kind="landline", value=number, event="vouched", now=now)
    else:
        end(person=person, kind="landline", event="retired", by="customer", now=now)
    log.info("people.landline_changed", person=person.code)


# ---- Mobile: both numbers confirm ----


@carries_out("D08")
def ask_mobile(*, person: Person, typed: str, now: datetime) -> list[IssuedProof]:
    """Make two codes: one for the number that counts, one for the number that is to. Raises as `ask_email`.

    The same happens whether or not the new number has an account.
    """
    mobile = rules.mobile_number(typed)
    if mobile == person.mobile:
        raise rules.SameContact({"mobile": "این همان شماره کنونی شماست."})
    queries.assert_not_on_hold(person)
    with transaction.atomic():
        proofs = [issue(person, "mobile_old", person.mobile, now), issue(person, "mobile_new", mobile, now)]
        note(person, "mobile", "asked", now)
    return proofs


@carries_out("D08")
def change_mobile(*, person: Person, old_code: str, new_code: str, now: datetime) -> None:
    """Make the new number the person's, once both codes are right.

    Raises rules.WrongCode, not saying which, and rules.MobileTaken when another account has the number, also when it
    got it first by a moment; then nothing changed.
    """
    proofs, wrong = [], False
    for kind, code in (("mobile_old", old_code), ("mobile_new", new_code)):
        try:
            proofs.append(try_code(person, kind, code, now))
        except rules.WrongCode:
            wrong = True  # the other one is tried all the same: each try counts
    if wrong or proofs[0].target != person.mobile:
        raise rules.WrongCode
    queries.assert_not_on_hold(person)
    new = proofs[1].target
    try:
        with transaction.atomic():
            use(proofs, now)
            person.mobile, person.mobile_confirmed_at = new, now
            person.save(update_fields=["mobile", "mobile_hash", "mobile_confirmed_at"])
            begin(person=person, kind="mobile", value=new, event="confirmed", now=now)
    except IntegrityError:
        person.refresh_from_db()
        note(person, "mobile", "refused", now)
        log.info("people.mobile_taken", person=person.code)
        raise rules.MobileTaken from None
    log.info("people.mobile_changed", person=person.code)


# ---- Codes ----


def issue(person: Person, kind: str, target: str, now: datetime) -> IssuedProof:
    """Make a code for an address. Any earlier one of this kind stops working. Raises rules.TooManyCodes."""
    number = sealed.hash_of(target, "email" if kind in _MAILED else "mobile")
    longest = max(limit.span for limit in rules.CODE_LIMITS)
    mine = ContactCode.objects.filter(person=person, created_at__gt=now - timedelta(days=1)).count()
    if mine >= rules.CONTACT_CODES_A_DAY:
        log.info("people.contact_codes_refused", person=person.code)
        raise rules.TooManyCodes(int(timedelta(hours=1).total_seconds()))
    while True:
        of_target = ContactCode.objects.filter(target_hash=number)
        newest = of_target.order_by("-nth").values_list("nth", flat=True).first() or 0
        sent = of_target.filter(nth__lte=newest, created_at__gt=now - longest)
        wait = rules.wait_for_code(list(sent.values_list("created_at", flat=True)), now)
        if wait:
            raise rules.TooManyCodes(wait)
        code = rules.new_login_code()
        try:
            with transaction.atomic():
                row = ContactCode.objects.create(
                    person=person,
                    kind=kind,
                    target=target,
                    target_hash=number,
                    nth=newest + 1,
                    code_hash=rules.contact_code_hash(kind, target, code, secret=settings.SECRET_KEY),
                    created_at=now,
                    expires_at=now + rules.CONTACT_CODE_LIFETIME,
                )
        except IntegrityError:
            continue  # another request took this place: count again
        channel = "email" if kind in _MAILED else "sms"
        return IssuedProof(channel, target, code, f"contact_code:{row.pk}", row.expires_at)


def try_code(person: Person, kind: str, code: str, now: datetime) -> ContactCode:
    """Return the newest code of this kind if `code` is it. The try is counted first. Raises rules.WrongCode."""
    row = ContactCode.objects.filter(person=person, kind=kind).order_by("-created_at", "-pk").first()
    if row is None:
        raise rules.WrongCode
    alive = ContactCode.objects.filter(pk=row.pk, used_at=None, tries__lt=rules.CODE_TRIES, expires_at__gt=now)
    typed = rules.contact_code_hash(kind, row.target, rules.typed_code(code), secret=settings.SECRET_KEY)
    if not alive.update(tries=F("tries") + 1) or not rules.same_hash(row.code_hash, typed):
        log.info("people.contact_code_wrong", person=person.code, kind=kind)
        raise rules.WrongCode
    return row


def use(proofs: list[ContactCode], now: datetime) -> None:
    """Use codes up, in the caller's transaction. Raises rules.WrongCode when one was used meanwhile."""
    if ContactCode.objects.filter(pk__in=[proof.pk for proof in proofs], used_at=None).update(used_at=now) < len(
        proofs
    ):
        raise rules.WrongCode
