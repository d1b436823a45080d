"""Asking a parent or guardian about a minor's order (D20, A15)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from peyman import sealed
from peyman.kernel.clauses import carries_out
from peyman.people import rules
from peyman.people.models import GuardianConfirmation, Person

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AskedGuardian:
    """What is sent to a guardian, once: a code to tell and a link to follow."""

    to: str = field(repr=False)
    code: str = field(repr=False)
    token: str = field(repr=False)
    key: str
    expires_at: datetime


@carries_out("D20")
def ask_guardian(*, person: Person, subject: str, name: str, mobile: str, now: datetime) -> AskedGuardian:
    """Make a code and a link by which a guardian may agree to `subject`. Earlier ones of it stop working.

    Raises kernel.errors.Invalid naming "guardian_name" and "guardian_mobile", rules.OwnNumber, and rules.TooManyCodes:
    a number is written to as seldom as for log-in codes, whoever asks.
    """
    called = rules.full_name(name, field="guardian_name")
    number = rules.mobile_number(mobile, field="guardian_mobile")
    if number == person.mobile:
        raise rules.OwnNumber({"guardian_mobile": "شماره پدر، مادر یا قیم خود را بنویسید، نه شماره خودتان."})
    longest = max(limit.span for limit in rules.CODE_LIMITS)
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)  # one at a time, so that the limit holds
        hashes = sealed.hashes_of(number, "mobile")
        for asked in (
            GuardianConfirmation.objects.filter(mobile_hash__in=hashes),
            GuardianConfirmation.objects.filter(person=person),
        ):
            sent = asked.filter(asked_at__gt=now - longest).values_list("asked_at", flat=True)
            wait = rules.wait_for_code(list(sent), now)
            if wait:
                raise rules.TooManyCodes(wait)
        GuardianConfirmation.objects.filter(subject=subject, confirmed_at=None).update(expires_at=now)
        code, token = rules.new_login_code(), rules.new_guardian_token()
        row = GuardianConfirmation.objects.create(
            person=person,
            subject=subject,
            name=called,
            mobile=number,
            token_hash=rules.guardian_token_hash(token),
            code_hash=rules.contact_code_hash("guardian", subject, code, secret=settings.SECRET_KEY),
            asked_at=now,
            expires_at=now + rules.GUARDIAN_LIFETIME,
        )
    log.info("people.guardian_asked", person=person.code, subject=subject)
    return AskedGuardian(number, code, token, f"guardian:{row.pk}", row.expires_at)


@carries_out("D20")
def confirm_by_link(*, token: str, now: datetime) -> GuardianConfirmation:
    """Agree, by the link that was sent to the guardian. A repeat is a no-op. Raises rules.ConfirmationOver."""
    row = GuardianConfirmation.objects.filter(token_hash=rules.guardian_token_hash(token)).first()
    if row is None:
        raise rules.ConfirmationOver
    return _confirm(row, "link", now)


@carries_out("D20")
def confirm_by_code(*, person: Person, subject: str, code: str, now: datetime) -> GuardianConfirmation:
    """Agree, by the code that the guardian read to the minor. Each try counts. Raises rules.ConfirmationOver."""
    row = GuardianConfirmation.objects.filter(person=person, subject=subject).order_by("-asked_at", "-pk").first()
    if row is None:
        raise rules.ConfirmationOver
    alive = GuardianConfirmation.objects.filter(pk=row.pk, tries__lt=rules.CODE_TRIES, expires_at__gt=now)
    typed = rules.contact_code_hash("guardian", subject, rules.typed_code(code), secret=settings.SECRET_KEY)
    if not alive.update(tries=F("tries") + 1) or not rules.same_hash(row.code_hash, typed):
        log.info("people.guardian_code_wrong", person=person.code)
        raise rules.ConfirmationOver
    return _confirm(row, "code", now)


def _confirm(row: GuardianConfirmation, how: str, now: datetime) -> GuardianConfirmation:
    if row.confirmed_at:
        return row
    waiting = GuardianConfirmation.objects.filter(pk=row.pk, confirmed_at=None, expires_at__gt=now)
    try:
        with transaction.atomic():
            if not waiting.update(confirmed_at=now, how=how):
                raise rules.ConfirmationOver
    except IntegrityError:
        pass  # another one of this order was confirmed already: that is enough
    else:
        log.info("people.guardian_confirmed", subject=row.subject, how=how)
    row.refresh_from_db()
    return row


def forget_guardians(*, now: datetime, keep: timedelta = timedelta(days=30)) -> int:
    """Take name and number out of confirmations that are over and were never given."""
    old = GuardianConfirmation.objects.filter(confirmed_at=None, expires_at__lt=now - keep).exclude(mobile_hash=None)
    return old.update(name="", mobile="", mobile_hash=None)
