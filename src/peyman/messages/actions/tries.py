"""What became of a message is written down, and what was to go out instead of a dead one is queued."""

from collections.abc import Sequence
from datetime import datetime

from peyman.kernel import codes
from peyman.messages.models import Attempt, Message


def note(messages: Sequence[Message], *, provider: str, outcome: str, details: dict[str, str], now: datetime) -> None:
    """Write down one try for each of these messages; `details`: why, by the message's key. One query, none for none."""
    if messages:
        Attempt.objects.bulk_create(
            Attempt(message=row, provider=provider, outcome=outcome, detail=details.get(row.key, "")[:200], at=now)
            for row in messages
        )


def send_instead(dead: Sequence[Message], *, now: datetime) -> None:
    """Queue what was to go out in place of each message that is dead now, once. One query, none for none."""
    rows = [
        Message(
            **{"code": codes.new("MSG"), **row.instead},
            person_id=row.person_id,
            about=row.about,
            created_at=now,
            due_at=now,
            stands_in_for=row,
        )
        for row in dead
        if row.instead
    ]
    if rows:
        Message.objects.bulk_create(rows, ignore_conflicts=True)
