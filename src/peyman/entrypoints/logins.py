"""Log-in by SMS code, for pages and API alike: what joins people, messages and limits."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from peyman.entrypoints import contacts, limits
from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.messages.rules import Why
from peyman.people import actions as people
from peyman.people import rules
from peyman.people.models import Person


def send_code(request: HttpRequest, mobile: str, now: datetime) -> datetime:
    """Send a log-in code to a number, known or not, and return until when it opens.

    The same happens for both, so neither answer nor time tells them apart. Raises people.rules.TooManyCodes
    and limits.TooManyRequests.
    """
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    with transaction.atomic():
        issued = people.issue_login_code(mobile=mobile, now=now)
        messages.queue(
            messages.NewMessage(
                channel="sms",
                to=mobile,
                template="login_code",
                context={
                    "code": issued.code,
                    "host": urlsplit(settings.PUBLIC_URL).hostname or "",
                    "valid_for": rules.waiting(int(rules.CODE_LIFETIME.total_seconds())),
                },
                key=issued.key,
                secret=issued.code,
                stale_at=issued.expires_at,
                why=Why.VERIFICATION,
            ),
            now=now,
        )
    return issued.expires_at


def prove(request: HttpRequest, mobile: str, code: str, now: datetime) -> Person:
    """Return the person who holds the number, if the code is right.

    Raises people.rules.WrongCode and Inactive, and limits.TooManyRequests after ten tries on one number in
    five minutes, or very many from one address.
    """
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    limits.spend_try(request, mobile)
    return people.exchange_login_code(mobile=mobile, code=code, now=now)


@carries_out("D15")
def ask_return(person: Person, now: datetime) -> bool:
    """Send a second code, to the e-mail address, where the line may be another's by now; say whether one is needed.

    One that was sent a moment ago still serves. Staff have their second factor.
    """
    if person.is_staff:
        return False
    try:
        with transaction.atomic():
            proof = people.ask_return(person=person, now=now)
            if proof is None:
                return False
            contacts.send_proofs(person, [proof], now)
    except rules.TooManyCodes:
        return True
    return True


@carries_out("D15")
def prove_return(request: HttpRequest, person: Person, code: str, now: datetime) -> None:
    """Take the second code. Raises people.rules.WrongCode, TooManyRequests."""
    limits.spend_try(request, f"return:{person.code}")
    people.prove_return(person=person, code=code, now=now)
