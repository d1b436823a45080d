"""What a customer sees of their own account, and may take along."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import Count

from peyman.people import rules
from peyman.people.models import (
    AccessLog,
    Address,
    ApiToken,
    ConsentEvent,
    ContactChange,
    GuardianConfirmation,
    IdentityChange,
    LegalEntity,
    LoginEvent,
    Person,
    PrivacyCase,
    Visit,
)


@dataclass(frozen=True)
class ContactStep:
    """One step of a contact's life. `value` is empty where none was named or it was erased."""

    kind: str
    event: str
    value: str
    at: datetime


def contact_history(person: Person, limit: int = 50) -> list[ContactStep]:
    """Return the steps of a person's contacts, newest first (D08). One query."""
    rows = ContactChange.objects.filter(person=person).select_related("contact").order_by("-at", "-pk")[:limit]
    return [ContactStep(row.kind, row.event, row.contact.value if row.contact else "", row.at) for row in rows]


@dataclass(frozen=True)
class OpenVisit:
    code: str
    device: str
    network: str
    started_at: datetime
    is_this: bool


def open_visits(person: Person, session_key: str, now: datetime) -> list[OpenVisit]:
    """Return where a person is logged in by browser, the newest first (D15). Two queries.

    A session that ended by itself, or was deleted, is no longer among them.
    """
    rows = list(Visit.objects.filter(person=person, ended_at=None).order_by("-started_at", "-pk")[:50])
    alive = set(
        Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=now).values_list(
            "session_key", flat=True
        )
    )
    return [
        OpenVisit(row.code, row.device, row.network, row.started_at, row.session_key == session_key)
        for row in rows
        if row.session_key in alive
    ]


def open_tokens(person: Person, now: datetime) -> int:
    """Return how many tokens of the API open this account."""
    return ApiToken.objects.filter(person=person, revoked_at=None, expires_at__gt=now).count()


def identity_history(person: Person, limit: int = 20) -> list[IdentityChange]:
    """Return the steps of a person's national id, account number and birth date, newest first. One query."""
    return list(IdentityChange.objects.filter(person=person).order_by("-at", "-pk")[:limit])


def claimed_ids() -> list[list[Person]]:
    """Return groups of accounts that name the same national id, for staff to clear up. Two queries."""
    twice = (
        Person.objects.exclude(national_id_hash=None)
        .order_by()
        .values_list("national_id_hash")
        .annotate(n=Count("pk"))
        .filter(n__gt=1)
    )
    groups: dict[str, list[Person]] = {}
    rows = Person.objects.filter(national_id_hash__in=[digest for digest, _ in twice[:100]]).order_by("pk")
    for person in rows.only("code", "national_id_hash", "national_id_confirmed_at", "created_at"):
        groups.setdefault(person.national_id_hash or "", []).append(person)
    return list(groups.values())


def login_history(person: Person, limit: int = 30) -> list[LoginEvent]:
    """Return log-ins and ended sessions, newest first (D15)."""
    return list(LoginEvent.objects.filter(person=person).order_by("-at", "-pk")[:limit])


def addresses(person: Person) -> list[Address]:
    return list(Address.objects.filter(person=person).order_by("-used_at", "-pk"))


def legal_entities(person: Person) -> list[LegalEntity]:
    return list(LegalEntity.objects.filter(person=person).order_by("-used_at", "-pk"))


def seen_by_staff(person: Person, limit: int = 50) -> list[AccessLog]:
    """Return who of the staff looked at this person's data, newest first (D16)."""
    return list(AccessLog.objects.filter(whose=person).select_related("by").order_by("-at", "-pk")[:limit])


# ---- Minors ----


@dataclass(frozen=True)
class GuardianState:
    """How the newest confirmation of an order stands."""

    name: str
    is_confirmed: bool
    is_over: bool
    expires_at: datetime
    confirmed_at: datetime | None


def needs_guardian(person: Person, subject: str, today: date, adult_age: int) -> bool:
    """Say whether a minor's order still waits for a guardian (D20). One query for minors, none for others."""
    return bool(waiting_for_guardian([(person, subject)], today, adult_age))


def waiting_for_guardian(asked: Collection[tuple[Person, str]], today: date, adult_age: int) -> frozenset[str]:
    """Return which subjects of minors no guardian confirmed yet (D20). One query where there are minors, else none."""
    minors = {subject for person, subject in asked if rules.is_minor(person.birth_date, today, adult_age)}
    if not minors:
        return frozenset()
    confirmed = GuardianConfirmation.objects.filter(subject__in=minors, confirmed_at__isnull=False)
    return frozenset(minors - set(confirmed.values_list("subject", flat=True)))


def guardian_state(subject: str, now: datetime) -> GuardianState | None:
    """Return how the newest confirmation of this order stands, None where nobody was asked. One query."""
    row = GuardianConfirmation.objects.filter(subject=subject).order_by("confirmed_at", "-asked_at", "-pk").first()
    confirmed = GuardianConfirmation.objects.filter(subject=subject, confirmed_at__isnull=False).first()
    row = confirmed or row
    if row is None:
        return None
    is_over = now >= row.expires_at or row.tries >= rules.CODE_TRIES
    return GuardianState(row.name, row.confirmed_at is not None, is_over, row.expires_at, row.confirmed_at)


def guardian_of_token(token: str) -> GuardianConfirmation | None:
    """Return what a guardian's link is about, with the minor. One query."""
    return (
        GuardianConfirmation.objects.select_related("person")
        .filter(token_hash=rules.guardian_token_hash(token))
        .first()
    )


# ---- Taking one's data along ----


def everything_about(person: Person) -> dict[str, Any]:
    """Return all that this room keeps of a person, ready for JSON (D16). Some queries, however much there is."""
    return {
        "account": {
            "code": person.code,
            "full_name": person.full_name,
            "mobile": person.mobile,
            "mobile_confirmed_at": person.mobile_confirmed_at,
            "email": person.email,
            "email_confirmed_at": person.email_confirmed_at,
            "landline": person.landline,
            "birth_date": person.birth_date,
            "national_id": person.national_id,
            "national_id_confirmed_at": person.national_id_confirmed_at,
            "sheba": person.sheba,
            "role": person.role,
            "created_at": person.created_at,
        },
        "contact_history": [
            {"kind": step.kind, "event": step.event, "value": step.value, "at": step.at}
            for step in contact_history(person, limit=10_000)
        ],
        "identity_history": list(
            IdentityChange.objects.filter(person=person).order_by("pk").values("what", "event", "at")
        ),
        "consents": list(
            ConsentEvent.objects.filter(person=person).order_by("pk").values("topic", "channel", "given", "how", "at")
        ),
        "addresses": [dict(row.particulars) for row in addresses(person)],
        "legal_entities": [dict(row.particulars) for row in legal_entities(person)],
        "log_ins": list(
            LoginEvent.objects.filter(person=person).order_by("pk").values("event", "device", "network", "at")
        ),
        "guardians": [
            {
                "subject": row.subject,
                "name": row.name,
                "mobile": row.mobile,
                "asked_at": row.asked_at,
                "confirmed_at": row.confirmed_at,
            }
            for row in GuardianConfirmation.objects.filter(person=person).order_by("pk")
        ],
        "privacy_cases": [
            {
                "code": case.code,
                "topic": case.topic,
                "text": case.text,
                "state": case.state,
                "received_at": case.received_at,
                "answers": [{"text": answer.text, "at": answer.at} for answer in case.answers.all()],
            }
            for case in PrivacyCase.objects.filter(person=person).prefetch_related("answers").order_by("pk")
        ],
        "seen_by_staff": [
            {"role": row.by.role, "what": row.what, "why": row.why, "at": row.at}
            for row in seen_by_staff(person, 10_000)
        ],
    }
