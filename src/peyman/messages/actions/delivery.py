"""Messages are claimed by one worker at a time, and marked as they end."""

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DataError, IntegrityError, transaction
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.messages import queries, rules
from peyman.messages.actions import tries
from peyman.messages.models import Attempt, Message
from peyman.tables import ByKey

log = structlog.get_logger(__name__)

_FREE: dict[str, Any] = {"claim": "", "claimed_until": None}
_NO_WORDS = {"secret": "", "text": "", "html": ""}


def claim(
    *, limit: int, now: datetime, lease: int = 60, urgent: bool | None = None, via: Callable[[], str] | None = None
) -> list[Message]:
    """Take up to `limit` waiting messages for `lease` seconds; no other worker gets them until then.

    `via` tells which provider will be asked first, and is asked itself only when something waits. It is written
    down before anything is sent, so that whoever finds the row of a killed worker knows where the message may be:
    `perhaps` of the rows returned, "" when nowhere.

    Log-in codes (whatever can go stale) come first; `urgent` asks for only them, or only the others. Rows of a
    worker that was killed come back when their lease has run out; that lost try is written down. Each claim
    counts as an attempt. One query when nothing waits, at most four otherwise.
    """
    waiting = _waiting(now)
    if urgent is not None:
        waiting = waiting.filter(stale_at__isnull=not urgent)
    order = (F("stale_at").asc(nulls_last=True), "due_at", "pk")
    found = {
        pk: (lost, held_by)
        for pk, lost, held_by in waiting.order_by(*order).values_list("pk", "claim", "held_by")[:limit]
    }
    if not found:
        return []
    # The first eight digits are the process: who holds a row can be found, and whether it lives.
    token, first = f"{os.getpid():08x}{secrets.token_hex(12)}", via() if via else ""
    with transaction.atomic():
        # The condition is asked again here, row by row: of two workers that found the same rows each wins some.
        taken = _waiting(now).filter(pk__in=found)
        if not taken.update(
            claim=token,
            claimed_until=now + timedelta(seconds=lease),
            attempts=F("attempts") + 1,
            held_since=Case(When(held_by="", then=Value(now)), default=F("held_since")),
            held_by=Case(When(held_by="", then=Value(first)), default=F("held_by")),
        ):
            return []
        mine = list(queries.with_forerunner(Message.objects.filter(claim=token)).order_by(*order))
        for row in mine:
            row.perhaps = found[row.pk][1]
        lost = [row for row in mine if found[row.pk][0]]
        tries.note(lost, provider="", outcome="lost", details={}, now=now)
    return mine


def still_held(messages: Sequence[Message]) -> list[Message]:
    """Return those claimed messages that are still their claimer's to send: nobody took them over when the lease ran
    out. One query, none for none.
    """
    if not messages:
        return []
    held = Message.objects.filter(pk__in=[row.pk for row in messages], sent_at=None, dead_at=None)
    claims = dict(held.values_list("pk", "claim"))
    return [row for row in messages if claims.get(row.pk) == row.claim]


def release(messages: Iterable[Message]) -> None:
    """Give claimed messages back untried: at once due again, and the attempt is not counted. One query for each
    worker's batch and each way they may have gone before.
    """
    alike: dict[tuple[str, str], list[int]] = {}
    for row in messages:
        alike.setdefault((row.claim, row.perhaps), []).append(row.pk)
    for (token, perhaps), pks in alike.items():
        Message.objects.filter(pk__in=pks, claim=token, sent_at=None, dead_at=None).update(
            attempts=F("attempts") - 1, held_by=perhaps, **_FREE
        )


@dataclass(frozen=True)
class Taken:
    """A message that a provider took, and the provider's own number for it."""

    message: Message
    provider: str
    provider_id: str


def mark_sent(*, message: Message, provider: str, provider_id: str, now: datetime, keep_secret: bool = False) -> bool:
    """Write down that a provider took the message; False when that was known already. See `mark_sent_many`."""
    return bool(mark_sent_many([Taken(message, provider, provider_id)], now=now, keep_secret=keep_secret))


@carries_out("D10")
def mark_sent_many(taken: Sequence[Taken], *, now: datetime, keep_secret: bool = False) -> list[Message]:
    """Write down that providers took these messages; return those of which it was not known yet.

    A message with a secret loses it and its text, unless `keep_secret` (the sandbox, whose inbox shows it). One
    transaction of two statements whatever the number, three where some have secrets and some have none. If the
    database refuses what is written of one, or one is known already, each is written by itself: the rest is not undone,
    and the refused one is told of and comes back when its lease has run out.
    """
    if not taken:
        return []
    try:
        with transaction.atomic():
            first = _mark_sent(taken, now=now, keep_secret=keep_secret)
            if first not in (0, len(taken)):
                raise _NotAlike
    except (DataError, IntegrityError, _NotAlike) as fault:
        if len(taken) == 1:
            log.error("message.not_marked", message=taken[0].message.code, error=type(fault).__name__)
            return []
        return [row for each in taken for row in mark_sent_many([each], now=now, keep_secret=keep_secret)]
    if not first:
        return []
    log.info(
        "message.sent",
        messages=[each.message.code for each in taken],
        providers=sorted({each.provider for each in taken}),
        parts=sum(rules.sms_parts(each.message.text) for each in taken if each.message.channel == rules.SMS),
    )
    return [each.message for each in taken]


class _NotAlike(Exception):
    """Of a batch, some were marked and some had been before."""


def _mark_sent(taken: Sequence[Taken], *, now: datetime, keep_secret: bool) -> int:
    Attempt.objects.bulk_create(
        Attempt(message=each.message, provider=each.provider, outcome="sent", at=now) for each in taken
    )
    marked = 0
    for has_secret in (False, True):
        rows = {each.message.pk: each for each in taken if bool(each.message.secret) is has_secret}
        if not rows:
            continue
        # Also when this worker's lease had run out, or another gave the message up: sent is sent.
        marked += Message.objects.filter(pk__in=rows, sent_at=None).update(
            sent_at=now,
            dead_at=None,
            held_by="",
            provider=_each({pk: each.provider for pk, each in rows.items()}),
            provider_id=_each({pk: each.provider_id[:80] for pk, each in rows.items()}),
            **_FREE,
            **(_NO_WORDS if has_secret and not keep_secret else {}),
        )
    return marked


def _each(values: dict[int, str]) -> "str | ByKey":
    """Return what to set a column to: one value for all, or each row's own."""
    alike = set(values.values())
    return alike.pop() if len(alike) == 1 else ByKey("pk", values, CharField())


def note_tries(*, message: Message, tries: Sequence[rules.Delivery], now: datetime) -> None:
    """Write down how providers answered before the one that decided (D10)."""
    Attempt.objects.bulk_create(
        Attempt(
            message=message,
            provider=each.provider,
            outcome={rules.Sent: "sent", rules.Refused: "refused", rules.Unknown: "unknown"}[type(each)],
            detail="" if isinstance(each, rules.Sent) else each.detail[:200],
            at=now,
        )
        for each in tries
    )


@carries_out("D10", "D24")
@transaction.atomic
def mark_failed(
    *, message: Message, provider: str, detail: str, now: datetime, permanent: bool = False, held_by: str = ""
) -> bool:
    """Write down a try that failed and when to try again; True when it is dead now. `held_by`: who may have it.

    Dead are those refused for good (`permanent`) and those tried often enough; what was to go out `instead` is
    queued then. Does nothing but the log line when another worker holds the row by now.
    """
    outcome = "refused" if permanent else "unknown"
    tries.note([message], provider=provider, outcome=outcome, details={message.key: detail}, now=now)
    again_at = None if permanent else rules.next_try(attempts=message.attempts, row=message.pk, now=now)
    held = Message.objects.filter(pk=message.pk, claim=message.claim, sent_at=None, dead_at=None)
    if again_at is not None:
        held.update(due_at=again_at, held_by=held_by, **_FREE)
        log.warning(
            "message.not_sent", message=message.code, provider=provider, detail=detail, again_at=jalali.iso(again_at)
        )
        return False
    if not held.update(dead_at=now, provider=provider, held_by=held_by, **_FREE, **_blank(message)):
        return False
    log.error("message.dead", message=message.code, template=message.template, provider=provider, detail=detail)
    tries.send_instead([message], now=now)
    return True


@transaction.atomic
def mark_stale(*, message: Message, now: datetime) -> bool:
    """Drop a claimed message whose time has passed, rather than send it late. False when it was not held any more."""
    held = Message.objects.filter(pk=message.pk, claim=message.claim, sent_at=None, dead_at=None)
    if not held.update(dead_at=now, **_FREE, **_blank(message)):
        return False
    tries.note([message], provider="", outcome="stale", details={}, now=now)
    log.info("message.stale", message=message.code, template=message.template, attempts=message.attempts)
    return True


def drop_stale(*, now: datetime, limit: int = 1000) -> int:
    """Drop the stale messages that no worker holds; return how many. One query when there are none."""
    free = Message.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), sent_at=None, dead_at=None)
    stale = free.filter(stale_at__lte=now).order_by("stale_at", "pk")
    return sum(mark_stale(message=message, now=now) for message in stale[:limit])


@transaction.atomic
def retry(*, code: str, by: str, now: datetime) -> Message:
    """Put a dead message back into the queue, due at once; `by`: the code of the member of staff.

    It is tried as often as a new one. Raises Missing, and rules.NotWorthRetrying for what would end the same way.
    """
    message = Message.objects.filter(code=code).first()
    if message is None:
        raise Missing
    last = message.tries.order_by("-at", "-pk").first()
    rules.assert_retry(
        is_dead=message.dead_at is not None,
        stale_at=message.stale_at,
        has_text=bool(message.text),
        outcome=last.outcome if last else "",
        detail=last.detail if last else "",
        now=now,
    )
    if hasattr(message, "stand_in"):
        raise rules.NotWorthRetrying(reason="پیام دیگری به جای آن فرستاده شده است.")
    free = Message.objects.filter(pk=message.pk, dead_at=message.dead_at, sent_at=None)
    if not free.update(dead_at=None, due_at=now, attempts=0, provider="", **_FREE):
        raise rules.NotWorthRetrying(reason="این پیام هنوز در صف است یا رفته است.")
    tries.note([message], provider="", outcome="retry", details={message.key: by}, now=now)
    log.info("message.retried", message=code, by=by)
    return message


def _waiting(now: datetime) -> QuerySet[Message]:
    return Message.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=now),
        Q(stale_at=None) | Q(stale_at__gt=now),
        sent_at=None,
        dead_at=None,
        due_at__lte=now,
    )


def _blank(message: Message) -> dict[str, str]:
    return _NO_WORDS if message.secret else {}
