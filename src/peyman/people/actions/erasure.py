"""Forgetting a customer who asked for it, as far as the law lets us (D16)."""

from collections.abc import Collection, Mapping
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.people import queries, rules
from peyman.people.actions import consent, contacts, identity, visits
from peyman.people.models import (
    Address,
    ApiToken,
    Contact,
    ContactCode,
    Erasure,
    GuardianConfirmation,
    LegalEntity,
    LoginCode,
    LostLine,
    Person,
    Visit,
)

log = structlog.get_logger(__name__)


@carries_out("D16")
@transaction.atomic
def erase(
    *, person: Person, kept: Collection[Mapping[str, str]], is_open: bool, now: datetime
) -> tuple[Erasure, list[str]]:
    """Close an account and forget what nothing makes us keep; return the numbered request, and sessions to delete.

    `kept`: [{"what": a name of rules.KEPT, "until": words}], as the caller found it. `is_open`: something is still
    under way, so that number, e-mail and name stay for it until `finish_erasure`. A repeat returns the first request.
    Raises rules.AccountOnHold while a lost line is looked into.
    """
    earlier = Erasure.objects.filter(person=person).first()
    if earlier:
        return earlier, []
    queries.assert_not_on_hold(person)
    try:
        with transaction.atomic():
            row = Erasure.objects.create(
                code=codes.new("ERA"), person=person, asked_at=now, kept=[dict(k) for k in kept]
            )
    except IntegrityError:
        return Erasure.objects.get(person=person), []
    for channel in rules.CHANNELS:
        consent.agree(person=person, topic=rules.MARKETING, channel=channel, given=False, how="erasure", now=now)
    keys = visits.end_all(person=person, now=now)
    Address.objects.filter(person=person).delete()
    LegalEntity.objects.filter(person=person).delete()
    ApiToken.objects.filter(person=person).delete()
    Visit.objects.filter(person=person).delete()
    person.is_active, person.closed_at = False, now
    known = [what for what in ("national_id", "birth_date") if getattr(person, what)]
    person.landline, person.birth_date = "", None
    person.national_id, person.national_id_confirmed_at = "", None
    person.save(
        update_fields=[
            "is_active", "closed_at", "landline", "birth_date",
            "national_id", "national_id_hash", "national_id_confirmed_at",
        ]
    )  # fmt: skip
    for what in known:
        identity.note(person=person, what=what, event="erased", now=now)
    contacts.end(person=person, kind="landline", event="erased", by="customer", now=now)
    log.info("people.erasure_asked", erasure=row.code, person=person.code, is_open=is_open)
    if not is_open:
        finish_erasure(erasure=row, now=now)
    return row, keys


@carries_out("D16")
@transaction.atomic
def finish_erasure(*, erasure: Erasure, now: datetime) -> bool:
    """Forget name and contacts too, now that nothing is under way; False when that was done before.

    The number is free again: whoever holds it may begin anew as somebody else.
    """
    if not Erasure.objects.filter(pk=erasure.pk, done_at=None).update(done_at=now):
        return False
    erasure.done_at = now
    person = erasure.person
    LoginCode.objects.filter(mobile_hash=person.mobile_hash).delete()
    ContactCode.objects.filter(person=person).delete()
    GuardianConfirmation.objects.filter(person=person).update(name="", mobile="", mobile_hash=None)
    for kind in ("mobile", "email"):
        contacts.end(person=person, kind=kind, event="erased", by="customer", now=now)
    Contact.objects.filter(person=person).update(value="")
    LostLine.objects.filter(person=person).update(mobile="")
    if person.sheba:  # it stayed for money that was still on its way back
        identity.note(person=person, what="sheba", event="erased", now=now)
    person.mobile, person.email, person.full_name, person.sheba = "", "", "", ""
    person.mobile_confirmed_at = person.email_confirmed_at = None
    person.save(
        update_fields=[
            "mobile", "mobile_hash", "email", "full_name", "sheba", "mobile_confirmed_at", "email_confirmed_at",
        ]
    )  # fmt: skip
    log.info("people.erased", erasure=erasure.code, person=person.code)
    return True
