"""Proving contacts: what joins people, messages and limits. A code goes to the address that is to be proven, only."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from peyman.entrypoints import limits
from peyman.messages import actions as messages
from peyman.messages.rules import Why
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.actions import IssuedProof
from peyman.people.models import Person


def ask_email(request: HttpRequest, person: Person, typed: str, now: datetime) -> str:
    """Send a code to a new e-mail address and return it. Raises what people.ask_email does, TooManyRequests."""
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    with transaction.atomic():
        proof = people.ask_email(person=person, typed=typed, now=now)
        _tell(person, [proof], now)
    return proof.to


def ask_mobile(request: HttpRequest, person: Person, typed: str, now: datetime) -> str:
    """Send codes to the number that counts and to the new one, and return the new one. Raises as `ask_email`."""
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    with transaction.atomic():
        proofs = people.ask_mobile(person=person, typed=typed, now=now)
        _tell(person, proofs, now)
    return proofs[-1].to


def confirm_email(request: HttpRequest, person: Person, code: str, now: datetime) -> str:
    """Make the address official. Raises people.rules.WrongCode, TooManyRequests."""
    limits.spend_try(request, f"email:{person.code}")
    return people.confirm_email(person=person, code=code, now=now)


def change_mobile(request: HttpRequest, person: Person, old_code: str, new_code: str, now: datetime) -> None:
    """Change the number. Raises people.rules.WrongCode and MobileTaken, TooManyRequests."""
    limits.spend_try(request, f"mobile:{person.code}")
    people.change_mobile(person=person, old_code=old_code, new_code=new_code, now=now)


def opt_out_url(person: Person, channel: str) -> str:
    """Return the address by which a newsletter is cancelled, by reading and by one POST (RFC 8058)."""
    return f"{settings.PUBLIC_URL}/opt-out/{queries.opt_out_token(person.code, channel)}/"


def _tell(person: Person, proofs: Sequence[IssuedProof], now: datetime) -> None:
    context = {
        "host": urlsplit(settings.PUBLIC_URL).hostname or "",
        "valid_for": rules.waiting(int(rules.CONTACT_CODE_LIFETIME.total_seconds())),
    }
    messages.queue_many(
        [
            messages.NewMessage(
                channel=proof.channel,
                to=proof.to,
                template="contact_code",
                context=context
                | {"code": proof.code}
                | ({"name": person.full_name} if proof.channel == "email" else {}),
                key=proof.key,
                person_id=person.pk,
                secret=proof.code,
                stale_at=proof.expires_at,
                why=Why.VERIFICATION,
            )
            for proof in proofs
        ],
        now=now,
    )
