"""Where someone is logged in, and ending it from elsewhere (D15)."""

from datetime import datetime

import structlog
from django.db import transaction

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import ApiToken, LoginEvent, Person, Visit

log = structlog.get_logger(__name__)


@carries_out("D15")
@transaction.atomic
def begin_visit(*, person: Person, session_key: str, user_agent: str, address: str, now: datetime) -> None:
    """Write down a log-in by browser. The same session again, by another person too, begins anew."""
    device, network = rules.device_words(user_agent), rules.network(address)
    Visit.objects.update_or_create(
        session_key=session_key,
        defaults={
            "person": person,
            "code": codes.new("VIS"),
            "device": device,
            "network": network,
            "started_at": now,
            "ended_at": None,
        },
    )
    LoginEvent.objects.create(person=person, event="login", device=device, network=network, at=now)


@carries_out("D15")
def note_api_login(*, person: Person, user_agent: str, address: str, now: datetime) -> None:
    """Write down that a token for the API was given."""
    LoginEvent.objects.create(
        person=person, event="api", device=rules.device_words(user_agent), network=rules.network(address), at=now
    )


@transaction.atomic
def end_visit(*, person: Person, code: str, now: datetime) -> str:
    """End an open session of this person and return its key, which the caller deletes. Raises Missing."""
    visit = Visit.objects.filter(person=person, code=code, ended_at=None).first()
    if visit is None or not Visit.objects.filter(pk=visit.pk, ended_at=None).update(ended_at=now):
        raise Missing
    LoginEvent.objects.create(person=person, event="ended", device=visit.device, network=visit.network, at=now)
    log.info("people.session_ended", person=person.code)
    return visit.session_key


def leave(*, session_key: str, now: datetime) -> None:
    """Write down that whoever had this session left it. An unknown one is passed over."""
    Visit.objects.filter(session_key=session_key, ended_at=None).update(ended_at=now)


@transaction.atomic
def end_all(*, person: Person, but: str = "", now: datetime) -> list[str]:
    """End every session and token of this person except the session `but`; return the keys to delete."""
    mine = Visit.objects.filter(person=person, ended_at=None).exclude(session_key=but)
    keys = list(mine.values_list("session_key", flat=True))
    mine.update(ended_at=now)
    tokens = ApiToken.objects.filter(person=person, revoked_at=None).update(revoked_at=now)
    if keys or tokens:
        LoginEvent.objects.create(person=person, event="ended", device="همه دستگاه‌های دیگر", network="", at=now)
        log.info("people.all_sessions_ended", person=person.code, count=len(keys) + tokens)
    return keys
