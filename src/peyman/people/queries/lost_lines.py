"""Lost lines: what is open, what is due, and since when nobody was seen (D08, D15)."""

from datetime import datetime

from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import LoginEvent, LostLine, Person

_RUNNING = [rules.WAITING, rules.OBJECTED]  # what holds an account; a number that is not proven yet holds nothing
_OPEN = [rules.UNPROVEN, *_RUNNING]


def lost_line_of(person: Person) -> LostLine | None:
    """Return the open request of this person. One query."""
    return LostLine.objects.filter(person=person, state__in=_OPEN).first()


def lost_line(code: str) -> LostLine:
    """Return one by its number. Raises Missing."""
    found = LostLine.objects.select_related("person", "by").filter(code=code).first()
    if found is None:
        raise Missing
    return found


def due_lost_lines(now: datetime, limit: int = 100) -> list[LostLine]:
    """Return whose waiting period is over. One query."""
    rows = LostLine.objects.filter(state=rules.WAITING, due_at__lte=now).select_related("person", "by")
    return list(rows.order_by("due_at", "pk")[:limit])


def open_lost_lines(limit: int = 100) -> list[LostLine]:
    """Return the open requests, those with an objection first, for staff: nothing personal is shown of them."""
    rows = LostLine.objects.filter(state__in=_OPEN).select_related("person", "by").defer("mobile")
    return list(rows.order_by("state", "due_at", "pk")[:limit])


def assert_not_on_hold(person: Person) -> None:
    """Return where nothing stands in the way of a change that could take the account away.

    Raises rules.AccountOnHold while a lost line is looked into. One query.
    """
    if LostLine.objects.filter(person=person, state__in=_RUNNING).exists():
        raise rules.AccountOnHold


def is_dormant(person: Person, now: datetime) -> bool:
    """Say whether this person was not here for so long that the line may be another's by now. One query."""
    newest = LoginEvent.objects.filter(person=person, event__in=["login", "api"]).order_by("-at", "-pk")
    last = newest.values_list("at", flat=True).first()
    return rules.is_dormant(last, now)


def lost_line_of_token(token: str) -> LostLine | None:
    """Return the request that a link in a message names. One query."""
    digest = rules.lost_line_token_hash(token)
    return LostLine.objects.select_related("person").filter(token_hash=digest).first()
