"""Who a token belongs to."""

from datetime import datetime

from peyman.people import rules
from peyman.people.models import ApiToken, Person


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
