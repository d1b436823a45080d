"""Who asks: bearer tokens, and how often anybody may."""

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from peyman.entrypoints import clock, limits
from peyman.people import queries as people
from peyman.people.models import Person


class Bearer(HttpBearer):
    """Finds the person of a token. Sessions of pages open nothing here, so no foreign form can act."""

    def authenticate(self, request: HttpRequest, token: str) -> Person | None:
        now = clock.now()
        person = people.by_token(token, now=now) if token.isascii() and len(token) <= 200 else None
        if person is None:
            limits.spend(limits.a_minute("wrong_token"), limits.caller(request), now)
            return None
        limits.spend(limits.a_minute("person"), person.code, now)
        return person


def anyone(request: HttpRequest) -> bool:
    """Let everybody in, counted by address."""
    limits.spend(limits.a_minute("anonymous"), limits.caller(request), clock.now())
    return True


def asker(request: HttpRequest) -> Person:
    """Return who asks, once `Bearer` let them in."""
    person: Any = request.auth  # type: ignore[attr-defined]  # set by ninja
    if not isinstance(person, Person):
        raise TypeError("this address is not behind a token")
    return person
