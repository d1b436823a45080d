"""Changing a mobile number whose line is lost: asked for, waited for, objected to, decided (D08, D15)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from peyman import sealed
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.people import queries, rules
from peyman.people.actions import contacts, privacy, visits
from peyman.people.models import ContactCode, LostLine, Person

log = structlog.get_logger(__name__)

_RUNNING = [rules.WAITING, rules.OBJECTED]
_OPEN = [rules.UNPROVEN, *_RUNNING]


@dataclass(frozen=True)
class BegunChange:
    """A request on its way: `token` is in the links that stop it, and kept nowhere in clear."""

    row: LostLine
    token: str = field(repr=False)


@carries_out("D08", "D15")
def ask_lost_email(*, mobile: str, email: str, now: datetime) -> tuple[Person, contacts.IssuedProof] | None:
    """Make a code for the confirmed e-mail address of the account with this number, where they belong together.

    None for everything else, and for staff, whose accounts a second factor guards. Raises kernel.errors.Invalid for
    what is no number or no address, rules.TooManyCodes: the caller answers the same in every case.
    """
    number = rules.mobile_number(mobile)
    address = rules.new_email(email, "")
    person = queries.by_mobile(number)
    if person is None or not person.is_active or person.is_staff or not person.email_confirmed_at:
        return None
    if person.email.casefold() != address.casefold():
        return None
    with transaction.atomic():
        proof = contacts.issue(person, "lost_email", person.email, now)
    return person, proof


@carries_out("D08", "D15")
def prove_lost_email(*, person: Person, code: str, now: datetime) -> None:
    """Use up the code that reached the e-mail address. Raises rules.WrongCode."""
    proof = contacts.try_code(person, "lost_email", code, now)
    with transaction.atomic():
        contacts.use([proof], now)


def ask_lost_new(*, person: Person, typed: str, now: datetime) -> contacts.IssuedProof:
    """Make a code for the number that is to be theirs. Raises Invalid, rules.TooManyCodes and LostLineOpen."""
    mobile = rules.mobile_number(typed)
    if mobile == person.mobile:
        raise rules.SameContact({"mobile": "این همان شماره کنونی حساب است."})
    if LostLine.objects.filter(person=person, state__in=_RUNNING).exists():
        raise rules.LostLineOpen
    with transaction.atomic():
        return contacts.issue(person, "lost_new", mobile, now)


@carries_out("D08", "D15")
def begin_lost_line(*, person: Person, code: str, tell: Callable[[BegunChange], None], now: datetime) -> BegunChange:
    """Begin the waiting period, once e-mail address and new number are proven by their codes.

    `tell` writes to the old line, in the transaction of the request; a caller's own would forget that a wrong code was
    tried. Raises rules.WrongCode, rules.MobileTaken and rules.LostLineOpen.
    """
    proof = contacts.try_code(person, "lost_new", code, now)
    if queries.by_mobile(proof.target) is not None:
        raise rules.MobileTaken
    token = secrets.token_urlsafe(16)
    try:
        with transaction.atomic():
            contacts.use([proof], now)
            _drop_unproven(person, now)
            row = _create(person, proof.target, token, rules.WAITING, now)
            contacts.note(person, "mobile", "lost", now)
            made = BegunChange(row, token)
            tell(made)
    except IntegrityError:
        raise rules.LostLineOpen from None
    log.info("people.line_lost", person=person.code, request=row.code, how=row.how)
    return made


@carries_out("D15")
def register_lost_line(
    *, person: Person, typed: str, identity: str, why: str, by: Person, now: datetime
) -> tuple[LostLine, contacts.IssuedProof]:
    """Write down that staff checked who is asking, and make a code for the new number, in the caller's transaction.

    Nothing happens until the customer has typed that code into our page: nobody is asked to say a code aloud. A
    request that was not proven gives way to this one. `why` stays in the access log. Raises kernel.errors.Invalid,
    rules.SameContact, rules.TooManyCodes and rules.LostLineOpen.
    """
    checked = rules.identity_check(identity)
    with transaction.atomic():
        privacy.note_access(by=by, whose=person, subject=f"person:{person.code}", what="lost_line", why=why, now=now)
        _drop_unproven(person, now)
        proof = ask_lost_new(person=person, typed=typed, now=now)
        try:
            with transaction.atomic():
                row = _create(person, proof.to, secrets.token_urlsafe(16), rules.UNPROVEN, now, by=by, identity=checked)
        except IntegrityError:
            raise rules.LostLineOpen from None
    log.info("people.lost_line_registered", person=person.code, request=row.code, by=by.code)
    return row, proof


@carries_out("D08", "D15")
def prove_lost_line(*, typed: str, code: str, tell: Callable[[BegunChange], None], now: datetime) -> BegunChange:
    """Begin the waiting period of what staff registered, once its customer typed the code that the new number got.

    Raises kernel.errors.Invalid for what is no number, rules.WrongCode for everything that does not fit, and
    rules.MobileTaken.
    """
    asked = ContactCode.objects.filter(
        kind="lost_new", target_hash__in=sealed.hashes_of(rules.mobile_number(typed), "mobile")
    )
    newest = asked.select_related("person").order_by("-created_at", "-pk").first()
    row = LostLine.objects.filter(person=newest.person, state=rules.UNPROVEN).first() if newest else None
    if newest is None or row is None or row.mobile != newest.target:
        raise rules.WrongCode
    person = newest.person
    proof = contacts.try_code(person, "lost_new", code, now)
    if queries.by_mobile(proof.target) is not None:
        raise rules.MobileTaken
    token = secrets.token_urlsafe(16)
    with transaction.atomic():
        contacts.use([proof], now)
        here = LostLine.objects.filter(pk=row.pk, state=rules.UNPROVEN)
        due_at = now + rules.LOST_LINE_WAIT
        if not here.update(state=rules.WAITING, due_at=due_at, token_hash=rules.lost_line_token_hash(token)):
            raise rules.WrongCode
        row.refresh_from_db()
        contacts.note(person, "mobile", "lost", now, by=row.by.code if row.by else "customer")
        made = BegunChange(row, token)
        tell(made)
    log.info("people.line_lost", person=person.code, request=row.code, how=row.how)
    return made


def _drop_unproven(person: Person, now: datetime) -> None:
    """End what staff registered and its customer never proved: a newer request takes its place."""
    LostLine.objects.filter(person=person, state=rules.UNPROVEN).update(state=rules.REFUSED, ended_at=now)


def _create(
    person: Person, mobile: str, token: str, state: str, now: datetime, *, by: Person | None = None, identity: str = ""
) -> LostLine:
    return LostLine.objects.create(
        code=codes.new("LST"),
        person=person,
        mobile=mobile,
        how="staff" if by else "email",
        identity=identity,
        by=by,
        token_hash=rules.lost_line_token_hash(token),
        state=state,
        asked_at=now,
        due_at=now + rules.LOST_LINE_WAIT,
    )


@carries_out("D08", "D15")
@transaction.atomic
def object_to_lost_line(*, row: LostLine, now: datetime) -> None:
    """Stop a change: from here on staff decide. A repeat is a no-op. Raises rules.LostLineOver."""
    if row.state == rules.OBJECTED:
        return
    here = LostLine.objects.filter(pk=row.pk, state=rules.WAITING, due_at__gt=now)
    if not here.update(state=rules.OBJECTED, objected_at=now):
        raise rules.LostLineOver
    row.state, row.objected_at = rules.OBJECTED, now
    contacts.note(row.person, "mobile", "objected", now)
    log.warning("people.lost_line_objected", person=row.person.code, request=row.code)


@carries_out("D08", "D15")
def finish_lost_line(*, row: LostLine, now: datetime) -> list[str] | None:
    """Change the number, the waiting period being over; return the sessions to delete. None when it was not to be."""
    if now < row.due_at:
        return None
    return _change(row, rules.WAITING, now, by=row.by.code if row.by else "customer")


@carries_out("D15")
def uphold_lost_line(*, row: LostLine, identity: str, why: str, by: Person, now: datetime) -> list[str] | None:
    """Change the number in spite of an objection, by staff who checked the identity anew; return sessions to delete.

    None where the number got another account meanwhile. Raises kernel.errors.Invalid, rules.OtherStaff for whoever
    began it, rules.LostLineOver.
    """
    checked = rules.identity_check(identity)
    if row.by_id == by.pk:
        raise rules.OtherStaff
    if row.state != rules.OBJECTED:
        raise rules.LostLineOver
    with transaction.atomic():
        _access(row, why, by, now)
        LostLine.objects.filter(pk=row.pk).update(upheld_by=by, identity=checked)
    return _change(row, rules.OBJECTED, now, by=by.code)


@carries_out("D15")
@transaction.atomic
def refuse_lost_line(*, row: LostLine, why: str, by: Person, now: datetime) -> None:
    """End a request without a change. Raises kernel.errors.Invalid, rules.LostLineOver."""
    _access(row, why, by, now)
    if not LostLine.objects.filter(pk=row.pk, state__in=_OPEN).update(state=rules.REFUSED, ended_at=now):
        raise rules.LostLineOver
    contacts.note(row.person, "mobile", "refused", now, by=by.code)
    log.info("people.lost_line_refused", person=row.person.code, request=row.code, by=by.code)


def _access(row: LostLine, why: str, by: Person, now: datetime) -> None:
    privacy.note_access(
        by=by, whose=row.person, subject=f"person:{row.person.code}", what="lost_line", why=why, now=now
    )


def _change(row: LostLine, state: str, now: datetime, *, by: str) -> list[str] | None:
    person = row.person
    here = LostLine.objects.filter(pk=row.pk, state=state)
    try:
        with transaction.atomic():
            if not here.update(state=rules.DONE, ended_at=now):
                return None
            person.mobile, person.mobile_confirmed_at = row.mobile, now
            person.save(update_fields=["mobile", "mobile_hash", "mobile_confirmed_at"])
            contacts.begin(person=person, kind="mobile", value=row.mobile, event="confirmed", by=by, now=now)
            keys = visits.end_all(person=person, now=now)  # whoever holds the old line may be logged in
    except IntegrityError:
        person.refresh_from_db()
        with transaction.atomic():
            if here.update(state=rules.REFUSED, ended_at=now):
                contacts.note(person, "mobile", "refused", now, by=by)
        log.info("people.mobile_taken", person=person.code, request=row.code)
        return None
    log.info("people.lost_line_changed", person=person.code, request=row.code)
    return keys
