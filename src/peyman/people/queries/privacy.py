"""The desk of privacy, and the public register of permissions (D17, D18)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.core import signing
from django.db.models import Count

from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import AccessLog, Permission, Person, PrivacyAnswer, PrivacyCase, PrivacyEvent

_LINK_SALT = "privacy-case"


@dataclass(frozen=True)
class CaseView:
    """One case with its road. `text` and `contact` are personal: whoever shows them to staff notes it first."""

    case: PrivacyCase
    answers: list[PrivacyAnswer]
    events: list[PrivacyEvent]

    @property
    def topic_words(self) -> str:
        return rules.TOPICS_OF_CASES.get(self.case.topic, self.case.topic)

    @property
    def state_words(self) -> str:
        return rules.STATE_WORDS[self.case.state]

    @property
    def closed_words(self) -> str:
        return rules.CLOSING_REASONS.get(self.case.closed_why, "")


def case(code: str) -> PrivacyCase:
    """Return a case by its number. Raises Missing. One query."""
    found = PrivacyCase.objects.select_related("person", "taken_by").filter(code=code).first()
    if found is None:
        raise Missing
    return found


def case_view(found: PrivacyCase) -> CaseView:
    """Return a case with its answers and events. Two queries."""
    return CaseView(found, list(found.answers.order_by("at", "pk")), list(found.events.order_by("at", "pk")))


def case_signature(code: str) -> str:
    """Return what lets whoever reported read their case without log-in, as a message's link carries it."""
    return signing.Signer(salt=_LINK_SALT).signature(code)


def signed_case(code: str, signature: str) -> PrivacyCase:
    """Return the case of a link. Raises Missing for a wrong signature."""
    try:
        signing.Signer(salt=_LINK_SALT).unsign(f"{code}:{signature}")
    except signing.BadSignature as fault:
        raise Missing from fault
    return case(code)


@dataclass(frozen=True)
class CaseRow:
    """A case as the desk lists it: nothing personal in it."""

    code: str
    topic_words: str
    state: str
    state_words: str
    received_at: datetime
    taken_by: str


def cases(*, state: str = "", limit: int = 100) -> list[CaseRow]:
    """Return cases, those longest without an answer first; with `state` only those. One query."""
    rows = PrivacyCase.objects.select_related("taken_by").defer("text", "contact")
    rows = rows.filter(state=state) if state else rows.exclude(state=rules.CLOSED)
    return [
        CaseRow(
            row.code,
            rules.TOPICS_OF_CASES.get(row.topic, row.topic),
            row.state,
            rules.STATE_WORDS[row.state],
            row.received_at,
            row.taken_by.full_name if row.taken_by else "",
        )
        for row in rows.order_by("received_at", "pk")[:limit]
    ]


def case_counts() -> dict[str, int]:
    """Return how many cases are in each state."""
    counted = PrivacyCase.objects.order_by().values_list("state").annotate(n=Count("pk"))
    return dict.fromkeys(rules.STATE_WORDS, 0) | dict(counted)


@dataclass(frozen=True)
class PermissionView:
    code: str
    to_whom: str
    what_for: str
    starts_on: date
    ends_on: date | None
    document_sha256: str
    at: datetime
    withdrawn_at: datetime | None
    holds: bool


def permissions(today: date) -> list[PermissionView]:
    """Return every written permission, the newest first, and whether it holds today (D18). One query."""
    return [
        PermissionView(
            row.code,
            row.to_whom,
            row.what_for,
            row.starts_on,
            row.ends_on,
            row.document_sha256,
            row.at,
            row.withdrawn_at,
            row.withdrawn_at is None and row.starts_on <= today and (row.ends_on is None or today <= row.ends_on),
        )
        for row in Permission.objects.order_by("-starts_on", "-pk")
    ]


def person_by_code(code: str) -> Person:
    """Return a person by public code. Raises Missing."""
    found = Person.objects.filter(code=code).first()
    if found is None:
        raise Missing
    return found


def looks_at(person: Person, subject: str) -> list[AccessLog]:
    """Return who of the staff looked at one thing of a person, the oldest first. One query."""
    return list(AccessLog.objects.filter(whose=person, subject=subject).select_related("by").order_by("at", "pk"))


def latest_looks(limit: int = 50) -> list[AccessLog]:
    """Return the newest rows of the access log, for the desk of privacy."""
    return list(AccessLog.objects.select_related("by", "whose").order_by("-at", "-pk")[:limit])
