"""Coming to know someone: by a number that was proven theirs, a name, a token."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from peyman import sealed
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.people import queries, rules
from peyman.people.actions import contacts
from peyman.people.models import ApiToken, ContactCode, LoginCode, Person

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class IssuedCode:
    """A log-in code on its way: to be told once, by SMS, and kept nowhere in clear."""

    mobile: str
    code: str
    key: str  # unique per code: its message is queued once
    expires_at: datetime


@dataclass(frozen=True)
class IssuedToken:
    token: str  # shown once
    expires_at: datetime


def person_of(*, mobile: str, now: datetime) -> Person:
    """Return the person with this E.164 number, made if there is none (clause D06: one number, one person).

    Two at once get the same row: the unique number decides.
    """
    known = queries.by_mobile(mobile)
    if known is not None:
        return known
    person = Person(mobile=mobile, code=codes.new("PER"), created_at=now)
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError:
        return Person.objects.get(mobile_hash__in=sealed.hashes_of(mobile, "mobile"))
    log.info("people.registered", person=person.code)
    return person


@carries_out("D08")
def confirm_mobile(*, person: Person, now: datetime) -> None:
    """Record that the number was proven to be this person's. A repeat keeps the first instant."""
    with transaction.atomic():
        if Person.objects.filter(pk=person.pk, mobile_confirmed_at=None).update(mobile_confirmed_at=now):
            person.mobile_confirmed_at = now
            contacts.begin(person=person, kind="mobile", value=person.mobile, event="confirmed", now=now)


@carries_out("D06")
def complete_profile(*, person: Person, full_name: str, email: str = "", now: datetime) -> None:
    """Write down a name and, where given, an e-mail address as they were typed.

    An address that changes is unconfirmed again (clause D08). Raises kernel.errors.Invalid naming all
    fields that are wrong, and then nothing is changed.
    """
    name, address = rules.profile(full_name, email)
    with transaction.atomic():
        person.full_name = name
        if address != person.email:
            contacts.end(person=person, kind="email", event="retired", by="customer", now=now)
            person.email, person.email_confirmed_at = address, None
        person.save(update_fields=["full_name", "email", "email_confirmed_at"])
    log.info("people.profile_completed", person=person.code)


def issue_login_code(*, mobile: str, now: datetime) -> IssuedCode:
    """Make a new log-in code for a number, known or not: what happens is the same for both.

    Any earlier code of the number stops working. Raises rules.TooManyCodes past the limits, exactly also
    for requests at the same time.
    """
    longest = max(limit.span for limit in rules.CODE_LIMITS)
    number = sealed.hash_of(mobile, "mobile")
    while True:
        newest = (
            LoginCode.objects.filter(mobile_hash=number).order_by("-nth").values_list("nth", flat=True).first() or 0
        )
        sent = LoginCode.objects.filter(mobile_hash=number, nth__lte=newest, created_at__gt=now - longest)
        wait = rules.wait_for_code(list(sent.values_list("created_at", flat=True)), now)
        if wait:
            log.info("people.code_refused", retry_after=wait)
            raise rules.TooManyCodes(wait)
        code = rules.new_login_code()
        try:
            with transaction.atomic():
                row = LoginCode.objects.create(
                    mobile_hash=number,
                    nth=newest + 1,
                    code_hash=rules.code_hash(mobile, code, secret=settings.SECRET_KEY),
                    created_at=now,
                    expires_at=now + rules.CODE_LIFETIME,
                )
        except IntegrityError:
            continue  # another request took this place: count again
        return IssuedCode(mobile, code, f"login_code:{row.pk}", row.expires_at)


def exchange_login_code(*, mobile: str, code: str, now: datetime) -> Person:
    """Return the person whose number this is, if `code` is its newest, unused code in time.

    The person is made here, not when the code was asked for: nobody exists by being typed. A try is
    counted before it is looked at, so that tries at the same time count too. Raises rules.WrongCode,
    without saying which of the reasons, and rules.Inactive.
    """
    number = sealed.hash_of(mobile, "mobile")
    newest = LoginCode.objects.filter(mobile_hash=number).order_by("-nth").first()
    expected = newest.code_hash if newest else rules.code_hash(mobile, "", secret=settings.SECRET_KEY)
    is_right = rules.same_hash(expected, rules.code_hash(mobile, rules.typed_code(code), secret=settings.SECRET_KEY))
    alive = LoginCode.objects.filter(
        pk=newest.pk if newest else 0, used_at=None, tries__lt=rules.CODE_TRIES, expires_at__gt=now
    )
    if not alive.update(tries=F("tries") + 1) or newest is None or not is_right:
        log.info("people.code_wrong")
        raise rules.WrongCode
    with transaction.atomic():
        if not LoginCode.objects.filter(pk=newest.pk, used_at=None).update(used_at=now):
            raise rules.WrongCode
        person = person_of(mobile=mobile, now=now)
        confirm_mobile(person=person, now=now)
    if not person.is_active:
        raise rules.Inactive
    log.info("people.proved_number", person=person.code)
    return person


def issue_token(*, person: Person, now: datetime) -> IssuedToken:
    """Give a customer a bearer token for the API. It is returned once; only its hash is kept.

    Raises rules.StaffNeedsMore: a code by SMS alone does not open a staff account; and rules.AwayTooLong, nor one whose
    line may be another's by now.
    """
    if person.is_staff:
        raise rules.StaffNeedsMore
    if person.email_confirmed_at and queries.is_dormant(person, now):
        raise rules.AwayTooLong
    token = rules.new_token()
    expires_at = now + rules.TOKEN_LIFETIME
    ApiToken.objects.create(person=person, token_hash=rules.token_hash(token), created_at=now, expires_at=expires_at)
    log.info("people.token_issued", person=person.code)
    return IssuedToken(token, expires_at)


def revoke_token(*, token: str, now: datetime) -> None:
    """End a bearer token. An unknown or ended one is passed over."""
    ApiToken.objects.filter(token_hash=rules.token_hash(token), revoked_at=None).update(revoked_at=now)


def forget_codes(*, now: datetime, keep: timedelta = timedelta(days=1)) -> int:
    """Remove codes older than `keep`; each minute's sweep. Limits look a day back at most."""
    removed, _ = LoginCode.objects.filter(created_at__lt=now - keep).delete()
    proofs, _ = ContactCode.objects.filter(created_at__lt=now - keep).delete()
    return removed + proofs
