"""What a customer writes down once: addresses, organisations, a birth date."""

from collections.abc import Mapping
from datetime import date, datetime

import structlog
from django.db import transaction

from peyman import sealed
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing, Refused
from peyman.people import rules
from peyman.people.actions import identity, privacy
from peyman.people.models import Address, LegalEntity, Person

log = structlog.get_logger(__name__)

MOST = 20  # addresses, and organisations, of one person


class BookFull(Refused):
    """Nobody has so many addresses."""

    code, status = "address_book_full", 409
    says = "افزوده نشد، چون فهرست شما پر است؛ نخست یکی را بردارید."


def keep_address(*, person: Person, particulars: Mapping[str, str], code: str = "", now: datetime) -> Address:
    """Write an address into the book; with `code` in place of the one that has it.

    `particulars` are as the order form read them. Raises Missing for another's address, BookFull.
    """
    kept = dict(particulars)
    if code:
        mine = Address.objects.filter(person=person, code=code).first()
        if mine is None:
            raise Missing
        mine.particulars = kept
        mine.save(update_fields=["particulars"])
        return mine
    with transaction.atomic():
        for same in Address.objects.filter(person=person):
            if same.particulars == kept:
                return same
        if Address.objects.filter(person=person).count() >= MOST:
            raise BookFull
        return Address.objects.create(
            person=person, code=codes.new("ADR"), particulars=kept, created_at=now, used_at=now
        )


def drop_address(*, person: Person, code: str) -> None:
    """Remove an address from the book. Raises Missing."""
    if not Address.objects.filter(person=person, code=code).delete()[0]:
        raise Missing


@carries_out("D44")
def keep_legal_entity(*, person: Person, particulars: Mapping[str, str], now: datetime) -> LegalEntity:
    """Write down an organisation, or anew the one with the same national id; `particulars` hold "national_id".

    Raises kernel.errors.Invalid for an id that cannot be one, BookFull.
    """
    kept = dict(particulars)
    national_id = kept["national_id"] = rules.legal_national_id(kept["national_id"])
    with transaction.atomic():
        hashes = sealed.hashes_of(national_id, "national_id")
        known = LegalEntity.objects.filter(person=person, national_id_hash__in=hashes).first()
        if known:
            known.particulars = kept
            known.used_at = now
            known.save(update_fields=["particulars", "used_at"])
            return known
        if LegalEntity.objects.filter(person=person).count() >= MOST:
            raise BookFull
        return LegalEntity.objects.create(
            person=person,
            code=codes.new("ORG"),
            national_id=national_id,
            particulars=kept,
            created_at=now,
            used_at=now,
        )


def drop_legal_entity(*, person: Person, code: str) -> None:
    """Remove an organisation. Orders placed for it keep what they were placed with. Raises Missing."""
    if not LegalEntity.objects.filter(person=person, code=code).delete()[0]:
        raise Missing


@carries_out("D20")
def tell_birth_date(*, person: Person, typed: str, today: date, now: datetime) -> None:
    """Write a birth date down, once. Raises kernel.errors.Invalid, and rules.BirthDateStands for another one."""
    born = rules.birth_date(typed, today)
    if person.birth_date == born:
        return
    if not Person.objects.filter(pk=person.pk, birth_date=None).exists():
        raise rules.BirthDateStands
    person.birth_date = born
    with transaction.atomic():
        person.save(update_fields=["birth_date"])
        identity.note(person=person, what="birth_date", event="told", now=now)
    log.info("people.birth_date_told", person=person.code)


@carries_out("D20", "D16")
def correct_birth_date(*, person: Person, typed: str, why: str, by: Person, today: date, now: datetime) -> None:
    """Mend a birth date, by staff and with a reason that stays. Raises kernel.errors.Invalid."""
    born = rules.birth_date(typed, today)
    with transaction.atomic():
        privacy.note_access(by=by, whose=person, subject=f"person:{person.code}", what="birth_date", why=why, now=now)
        person.birth_date = born
        person.save(update_fields=["birth_date"])
        identity.note(person=person, what="birth_date", event="corrected", by=by.code, now=now)
    log.info("people.birth_date_corrected", person=person.code, by=by.code)
