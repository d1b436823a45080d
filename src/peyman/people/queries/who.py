"""Who is who, how they are reached and what they want to hear."""

from collections.abc import Collection
from datetime import datetime

from django.core import signing

from peyman import sealed
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import ApiToken, Consent, Person
from peyman.tables import Prepared


def by_mobile(mobile: str) -> Person | None:
    """Return the person with this E.164 number, if there is one."""
    return Person.objects.filter(mobile_hash__in=sealed.hashes_of(mobile, "mobile")).first()


def by_token(token: str, *, now: datetime) -> Person | None:
    """Return whose bearer token this is; None when it is unknown, revoked, over, or its owner inactive.

    One query. It is over from `expires_at` on.
    """
    found = (
        ApiToken.objects.select_related("person")
        .filter(token_hash=rules.token_hash(token), revoked_at=None, expires_at__gt=now, person__is_active=True)
        .first()
    )
    return found.person if found else None


def names_of(codes: Collection[str]) -> dict[str, str]:
    """Return code → full name of these people. One query, none for no codes."""
    return dict(Person.objects.filter(code__in=codes).values_list("code", "full_name")) if codes else {}


def of_role(role: str) -> list[Person]:
    """Return the active people of a role, in the order they came."""
    return list(Person.objects.filter(role=role, is_active=True).order_by("pk"))


_contacts = Prepared(
    lambda ids: Person.objects.filter(pk__in=ids).values_list(
        "pk", "mobile", "mobile_confirmed_at", "email", "email_confirmed_at"
    )
)


def official_contacts(person_ids: Collection[int]) -> frozenset[tuple[int | None, str]]:
    """Return (person, address) for every confirmed contact of these people (clause D08). One query.

    Addresses are as messages compare them: E.164 for mobiles, the e-mail address with its domain in lower case.
    """
    found: set[tuple[int | None, str]] = set()
    for pk, mobile, mobile_at, email, email_at in _contacts(person_ids):
        if mobile_at is not None:
            found.add((pk, mobile))
        if email and email_at is not None:
            found.add((pk, email))
    return frozenset(found)


@carries_out("D11", "D12")
def may_market_many(person_ids: Collection[int]) -> frozenset[tuple[int | None, str]]:
    """Return (person, channel) for all who want the newsletter by "sms" or "email". One query, as of this instant.

    Whoever closed the account wants none.
    """
    rows = Consent.objects.filter(
        person__in=person_ids, person__is_active=True, topic=rules.MARKETING, given=True
    ).values_list("person_id", "channel")
    return frozenset((person, channel) for person, channel in rows)


def may_market(person: Person, channel: str) -> bool:
    """Say whether this person wants the newsletter on this channel (clauses D11, D12)."""
    return (person.pk, channel) in may_market_many([person.pk])


def consents(person: Person) -> dict[tuple[str, str], bool]:
    """Return (topic, channel) → whether this person wants it; every pair is there. One query."""
    known = {(row.topic, row.channel): row.given for row in Consent.objects.filter(person=person)}
    return {
        (topic, channel): known.get((topic, channel), rules.DEFAULT[topic])
        for topic in rules.TOPICS
        for channel in rules.CHANNELS
    }


_OPT_OUT_SALT = "newsletter-opt-out"


def opt_out_token(person_code: str, channel: str) -> str:
    """Return what a newsletter's opt-out link carries. It does not run out: the right to cancel does not either."""
    return signing.dumps([person_code, channel], salt=_OPT_OUT_SALT)


def whose_opt_out(token: str) -> tuple[Person, str]:
    """Return the person and the channel of an opt-out link. Raises Missing for what we did not sign."""
    try:
        code, channel = signing.loads(token, salt=_OPT_OUT_SALT)
    except (signing.BadSignature, ValueError, TypeError) as fault:
        raise Missing from fault
    person = Person.objects.filter(code=code).first()
    if person is None:
        raise Missing
    return person, channel
