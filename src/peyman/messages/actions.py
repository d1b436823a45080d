"""The outbox: rows are queued with what they tell, claimed by one worker at a time, and marked as they end.

A message is sent at least once: a worker killed between sending and marking leaves a row whose lease runs out, and
the next worker sends it again under the same idempotency key.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from peyman.kernel import codes, jalali
from peyman.kernel.clauses import carries_out
from peyman.messages import queries, rules
from peyman.messages.models import Attempt, Message

log = structlog.get_logger(__name__)

_FREE: dict[str, Any] = {"claim": "", "claimed_until": None}
_LONGEST_KEY = 120


@dataclass(frozen=True)
class NewMessage:
    """A message to queue; see `rules.TEMPLATES` for what `context` must hold.

    `key`: the same thing is told once, whatever happens. `secret`: the log-in code, shown in the sandbox inbox.
    `stale_at`: not worth sending from here on, and urgent until then. `instead`: what goes out if this one is
    refused for good, to another address or by another channel; its promise is this one's.
    """

    channel: str
    to: str
    template: str
    context: rules.Context = field(repr=False)
    key: str
    person_id: int | None = None
    about: str = ""
    secret: str = field(default="", repr=False)
    stale_at: datetime | None = None
    instead: "NewMessage | None" = None


def queue(message: NewMessage, *, now: datetime) -> Message:
    """Queue one message; see `queue_many`."""
    return queue_many([message], now=now)[0]


@carries_out("D10", "D24")
@transaction.atomic(savepoint=False)
def queue_many(messages: Sequence[NewMessage], *, now: datetime) -> list[Message]:
    """Write messages into the outbox, in the caller's transaction; return their rows in the order asked.

    A key that is already there stays as it is, also under a race. Two queries whatever the number, and one
    more where a message can never be sent (bad address, bad context): such a one is written as dead, with its
    reason in the channel log, and never stops the order it would have told of.
    """
    rows: dict[str, Message] = {}
    faults: dict[str, str] = {}
    # In key order, so that two transactions that tell the same things wait for each other instead of locking.
    for new in sorted(messages, key=lambda message: message.key):
        if not 0 < len(new.key) <= _LONGEST_KEY:
            raise ValueError("a message needs a key that fits")
        if new.key not in rows:
            row, fault = _row(new, now)
            rows[new.key] = row
            if fault:
                faults[new.key] = fault
    Message.objects.bulk_create(rows.values(), ignore_conflicts=True)
    stored = {row.key: row for row in Message.objects.filter(key__in=rows)}
    if len(stored) < len(rows):
        # "Ignore conflicts" also swallows a broken CHECK on SQLite; a message must not vanish silently.
        raise IntegrityError("a message could not be queued")
    unsendable = [stored[key] for key in faults if stored[key].code == rows[key].code]
    if unsendable:
        _try_many(unsendable, provider="", outcome="refused", details=faults, now=now)
        for row in unsendable:
            log.error("message.unsendable", message=row.code, template=row.template, detail=faults[row.key])
        _send_instead(unsendable, now=now)
    return [stored[message.key] for message in messages]


def claim(*, limit: int, now: datetime, lease: int = 60, urgent: bool | None = None) -> list[Message]:
    """Take up to `limit` waiting messages for `lease` seconds; no other worker gets them until then.

    Log-in codes (whatever can go stale) come first; `urgent` asks for only them, or only the others. Rows of a
    worker that was killed come back when their lease has run out; that lost try is written down. Each claim
    counts as an attempt. One query when nothing waits, at most four otherwise.
    """
    waiting = _waiting(now)
    if urgent is not None:
        waiting = waiting.filter(stale_at__isnull=not urgent)
    order = (F("stale_at").asc(nulls_last=True), "due_at", "pk")
    found = dict(waiting.order_by(*order).values_list("pk", "claim")[:limit])
    if not found:
        return []
    token = secrets.token_hex(16)
    with transaction.atomic():
        # The condition is asked again here, row by row: of two workers that found the same rows each wins some.
        taken = _waiting(now).filter(pk__in=found)
        if not taken.update(claim=token, claimed_until=now + timedelta(seconds=lease), attempts=F("attempts") + 1):
            return []
        mine = list(Message.objects.filter(claim=token).select_related("stands_in_for").order_by(*order))
        lost = [row for row in mine if found[row.pk]]
        _try_many(lost, provider="", outcome="lost", details={}, now=now)
    return mine


def release(messages: Iterable[Message]) -> None:
    """Give claimed messages back untried: at once due again, and the attempt is not counted."""
    for row in messages:
        Message.objects.filter(pk=row.pk, claim=row.claim, sent_at=None, dead_at=None).update(
            attempts=F("attempts") - 1, **_FREE
        )


@carries_out("D10")
@transaction.atomic
def mark_sent(*, message: Message, provider: str, provider_id: str, now: datetime, keep_secret: bool = False) -> bool:
    """Write down that a provider took the message; False when that was known already.

    A message with a secret loses it and its text, unless `keep_secret` (the sandbox, whose inbox shows it).
    """
    _try_many([message], provider=provider, outcome="sent", details={}, now=now)
    known: dict[str, Any] = {"sent_at": now, "provider": provider, "provider_id": provider_id[:80]}
    # Also when this worker's lease had run out, or another gave the message up: sent is sent.
    first = Message.objects.filter(pk=message.pk, sent_at=None).update(
        dead_at=None, **known, **_FREE, **({} if keep_secret else _blank(message))
    )
    if first:
        log.info(
            "message.sent",
            message=message.code,
            channel=message.channel,
            template=message.template,
            provider=provider,
            attempts=message.attempts,
            **({"parts": rules.sms_parts(message.text)} if message.channel == rules.SMS else {}),
        )
    return bool(first)


@carries_out("D10", "D24")
@transaction.atomic
def mark_failed(*, message: Message, provider: str, detail: str, now: datetime, permanent: bool = False) -> bool:
    """Write down a try that failed and when to try again; True when it is dead now.

    Dead are those refused for good (`permanent`) and those tried often enough; what was to go out `instead` is
    queued then. Does nothing but the log line when another worker holds the row by now.
    """
    outcome = "refused" if permanent else "unknown"
    _try_many([message], provider=provider, outcome=outcome, details={message.key: detail}, now=now)
    again_at = None if permanent else rules.next_try(attempts=message.attempts, row=message.pk, now=now)
    held = Message.objects.filter(pk=message.pk, claim=message.claim, sent_at=None, dead_at=None)
    if again_at is not None:
        held.update(due_at=again_at, **_FREE)
        log.warning(
            "message.not_sent", message=message.code, provider=provider, detail=detail, again_at=jalali.iso(again_at)
        )
        return False
    if not held.update(dead_at=now, provider=provider, **_FREE, **_blank(message)):
        return False
    log.error("message.dead", message=message.code, template=message.template, provider=provider, detail=detail)
    _send_instead([message], now=now)
    return True


@transaction.atomic
def mark_stale(*, message: Message, now: datetime) -> bool:
    """Drop a claimed message whose time has passed, rather than send it late. False when it was not held any more."""
    held = Message.objects.filter(pk=message.pk, claim=message.claim, sent_at=None, dead_at=None)
    if not held.update(dead_at=now, **_FREE, **_blank(message)):
        return False
    _try_many([message], provider="", outcome="stale", details={}, now=now)
    log.info("message.stale", message=message.code, template=message.template, attempts=message.attempts)
    return True


def drop_stale(*, now: datetime, limit: int = 1000) -> int:
    """Drop the stale messages that no worker holds; return how many. One query when there are none."""
    free = Message.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), sent_at=None, dead_at=None)
    stale = free.filter(stale_at__lte=now).order_by("stale_at", "pk")
    return sum(mark_stale(message=message, now=now) for message in stale[:limit])


def _waiting(now: datetime) -> QuerySet[Message]:
    return Message.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=now),
        Q(stale_at=None) | Q(stale_at__gt=now),
        sent_at=None,
        dead_at=None,
        due_at__lte=now,
    )


def _row(new: NewMessage, now: datetime) -> tuple[Message, str]:
    """Return the unsaved row and, where it can never be sent, why."""
    row = Message(
        code=codes.new("MSG"),
        channel=new.channel,
        person_id=new.person_id,
        template=new.template,
        about=new.about,
        secret=new.secret,
        key=new.key,
        created_at=now,
        stale_at=new.stale_at,
        due_at=now,
        instead=_instead(new.instead),
    )
    try:
        row.to = rules.address(new.channel, new.to)
        rendered = queries.render(new.channel, new.template, new.context)
    except rules.BadMessage as fault:
        row.to = row.to or "".join(c for c in new.to if c.isprintable())[:254]
        row.dead_at, row.secret = now, ""
        return row, fault.detail
    row.title, row.text, row.html = rendered.title, rendered.text, rendered.html
    return row, ""


def _instead(new: NewMessage | None) -> dict[str, str] | None:
    if new is None:
        return None
    try:
        rendered = queries.render(new.channel, new.template, new.context)
        to = rules.address(new.channel, new.to)
    except rules.BadMessage as fault:
        log.error("message.no_stand_in", template=new.template, detail=fault.detail)
        return None
    return {
        "channel": new.channel,
        "to": to,
        "template": new.template,
        "title": rendered.title,
        "text": rendered.text,
        "html": rendered.html,
        "key": new.key,
    }


def _send_instead(dead: Sequence[Message], *, now: datetime) -> None:
    rows = [
        Message(
            **row.instead,
            code=codes.new("MSG"),
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


def _try_many(
    messages: Sequence[Message], *, provider: str, outcome: str, details: dict[str, str], now: datetime
) -> None:
    if messages:
        Attempt.objects.bulk_create(
            Attempt(message=row, provider=provider, outcome=outcome, detail=details.get(row.key, "")[:200], at=now)
            for row in messages
        )


def _blank(message: Message) -> dict[str, str]:
    return {"secret": "", "text": "", "html": ""} if message.secret else {}
