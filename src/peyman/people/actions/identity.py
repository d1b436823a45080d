"""National id and account number: told by their owner, seen by staff, sealed (D15, D16, D40)."""

from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from peyman import sealed
from peyman.kernel.clauses import carries_out
from peyman.people import queries, rules
from peyman.people.actions import privacy
from peyman.people.models import IdentityChange, Person

log = structlog.get_logger(__name__)

ABOUT = "person_national_id"
_COLUMNS = ["national_id", "national_id_hash", "national_id_confirmed_at"]


def note(*, person: Person, what: str, event: str, by: str = "customer", now: datetime) -> None:
    """Write down a step, without the number itself. In the caller's transaction."""
    IdentityChange.objects.create(person=person, what=what, event=event, by=by, at=now)


@carries_out("D16", "D40")
@transaction.atomic
def tell_national_id(*, person: Person, typed: str, now: datetime) -> bool:
    """Write a national id down as its owner vouches for it; nothing typed takes it out. False where it was so already.

    Whoever else named the same one is neither told nor in the way. Raises kernel.errors.Invalid, and
    rules.NationalIdStands for one whose card staff have seen.
    """
    number = rules.national_id(typed) if typed.strip() else ""
    person.refresh_from_db(fields=_COLUMNS)
    if number == person.national_id:
        return False
    if person.national_id_confirmed_at is not None:
        raise rules.NationalIdStands
    person.national_id = number
    person.save(update_fields=["national_id", "national_id_hash"])
    note(person=person, what="national_id", event="told" if number else "removed", now=now)
    log.info("people.national_id_told", person=person.code)
    return True


@carries_out("D16", "D40")
@transaction.atomic
def tell_sheba(*, person: Person, typed: str, by: str = "customer", now: datetime) -> bool:
    """Write down the account money goes back to; nothing typed takes it out. False where it was so already.

    The caller tells the owner. Raises kernel.errors.Invalid, and rules.AccountOnHold while a lost line is looked into:
    whoever took an account over would begin here.
    """
    number = rules.sheba(typed) if typed.strip() else ""
    if number == person.sheba:
        return False
    queries.assert_not_on_hold(person)
    person.sheba = number
    person.save(update_fields=["sheba"])
    note(person=person, what="sheba", event="told" if number else "removed", by=by, now=now)
    log.info("people.sheba_told", person=person.code)
    return True


@carries_out("D15", "D16")
def confirm_national_id(*, person: Person, why: str, by: Person, now: datetime) -> list[Person]:
    """Write down that staff saw the card; return the others who named the same id: it is taken out of theirs.

    `why` stays in the access log. Raises kernel.errors.Invalid, rules.NoNationalId, and rules.NationalIdTaken where
    another account's card was seen, also when that happened by a moment; then nothing changed.
    """
    if not person.national_id:
        raise rules.NoNationalId
    number = sealed.hashes_of(person.national_id, ABOUT)
    claims = Person.objects.filter(national_id_hash__in=number).order_by("pk")
    others = claims.exclude(pk=person.pk)
    try:
        with transaction.atomic():
            list(claims.select_for_update())  # in key order: two members of staff wait for each other
            privacy.note_access(
                by=by, whose=person, subject=f"person:{person.code}", what="national_id", why=why, now=now
            )
            known = others.filter(national_id_confirmed_at__isnull=False).first()
            if known:
                raise rules.NationalIdTaken(other=known.code)
            here = Person.objects.filter(pk=person.pk, national_id_hash__in=number)
            if not here.update(national_id_confirmed_at=now):
                raise rules.NoNationalId
            note(person=person, what="national_id", event="confirmed", by=by.code, now=now)
            refused = list(others)
            for other in refused:
                other.national_id = ""
                other.save(update_fields=["national_id", "national_id_hash"])
                note(person=other, what="national_id", event="refused", by=by.code, now=now)
    except IntegrityError:
        found = others.filter(national_id_confirmed_at__isnull=False).first()
        raise rules.NationalIdTaken(other=found.code if found else "") from None
    person.national_id_confirmed_at = now
    log.info("people.national_id_confirmed", person=person.code, by=by.code, refused=[p.code for p in refused])
    return refused


@carries_out("D15", "D16")
@transaction.atomic
def take_national_id_out(*, person: Person, why: str, by: Person, now: datetime) -> None:
    """Take a wrong id out of an account, confirmed or not; `why` stays in the access log. Raises Invalid."""
    privacy.note_access(by=by, whose=person, subject=f"person:{person.code}", what="national_id", why=why, now=now)
    if not person.national_id:
        return
    person.national_id, person.national_id_confirmed_at = "", None
    person.save(update_fields=_COLUMNS)
    note(person=person, what="national_id", event="refused", by=by.code, now=now)
    log.info("people.national_id_taken_out", person=person.code, by=by.code)
