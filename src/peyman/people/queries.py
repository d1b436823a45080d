"""Who is who."""

from dataclasses import dataclass
from datetime import datetime

from peyman.people import rules
from peyman.people.models import ApiToken, LoginCode, Person


def by_mobile(mobile: str) -> Person | None:
    """Return the person with this E.164 number, if there is one."""
    return Person.objects.filter(mobile=mobile).first()


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


@dataclass(frozen=True)
class CodeState:
    """The newest code of a number: until when it opens, and whether it still may."""

    until: datetime
    is_alive: bool


def newest_code(mobile: str, *, now: datetime) -> CodeState | None:
    """Return how the newest code of this number stands, or None if none was sent."""
    row = LoginCode.objects.filter(mobile=mobile).order_by("-nth").first()
    if row is None:
        return None
    is_alive = row.used_at is None and row.tries < rules.CODE_TRIES and now < row.expires_at
    return CodeState(row.expires_at, is_alive)
