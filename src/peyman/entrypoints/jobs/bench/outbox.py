"""Messages per second through the outbox, held against the same rows changed by bare SQL. Nothing is sent."""

import secrets
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.bench.finalise import scratch_database
from peyman.kernel import codes
from peyman.messages import actions, rules
from peyman.messages.models import Message
from peyman.people.actions import confirm_mobile, person_of

BATCH = 50  # what a worker takes at once
_FIND = """SELECT id FROM messages_message WHERE sent_at IS NULL AND dead_at IS NULL AND due_at <= %s
           AND (claimed_until IS NULL OR claimed_until <= %s) ORDER BY due_at, id LIMIT %s"""
_CLAIM = "UPDATE messages_message SET claim = %s, claimed_until = %s, attempts = attempts + 1 WHERE id IN ({})"
_READ = "SELECT * FROM messages_message WHERE claim = %s"
_LOG = "INSERT INTO messages_attempt (message_id, provider, outcome, detail, at) VALUES (%s, %s, %s, %s, %s)"
_SENT = """UPDATE messages_message SET sent_at = %s, provider = %s, provider_id = %s, claim = '', claimed_until = NULL
           WHERE id = %s AND sent_at IS NULL"""


def bench_outbox(messages: int) -> list[Figure]:
    """Measure queueing, and claiming with marking: one transaction per mark, as a kill between two may cost one."""
    with scratch_database():
        now = clock.now()
        person = person_of(mobile="+989120000000", now=now)
        confirm_mobile(person=person, now=now)
        rounds = [_round(messages, person.pk, person.mobile, now) for _ in range(ROUNDS)]
    queued, queued_bare, sent, sent_bare = (statistics.median(each) for each in zip(*rounds, strict=True))
    return [
        Figure("outbox: queued", "messages/s", queued, queued_bare, "the same rows by bulk_create, texts given"),
        Figure("outbox: claimed and marked", "messages/s", sent, sent_bare, "the same statements, by hand, no models"),
    ]


def _round(messages: int, person_id: int, mobile: str, now: datetime) -> tuple[float, float, float, float]:
    batches, key = range(0, messages, BATCH), secrets.token_hex(4)

    def queue() -> None:
        for first in batches:
            actions.queue_many([_new(f"{key}:{n}", person_id, mobile) for n in range(first, first + BATCH)], now=now)

    def queue_bare() -> None:
        for _ in batches:
            with transaction.atomic():
                Message.objects.bulk_create(_rows(person_id, mobile, now))

    def send() -> None:
        while batch := actions.claim(limit=BATCH, now=now, lease=180):
            for message in batch:
                actions.mark_sent(message=message, provider="bench", provider_id="1", now=now)

    def send_bare() -> None:
        while _bare_batch(now):
            pass

    figures = []
    for first, then in ((queue, send), (queue_bare, send_bare)):
        figures.append((_rate(first, messages), _rate(then, messages)))
    (queued, sent), (queued_bare, sent_bare) = figures
    return queued, queued_bare, sent, sent_bare


def _rate(work: Callable[[], None], messages: int) -> float:
    begun = time.perf_counter()
    work()
    return messages / (time.perf_counter() - begun)


def _new(key: str, person_id: int, mobile: str) -> actions.NewMessage:
    return actions.NewMessage(rules.SMS, mobile, "order_expired", {"order": f"ORD-{key}"}, f"bench:{key}", person_id)


def _rows(person_id: int, mobile: str, now: datetime) -> list[Message]:
    return [
        Message(
            code=codes.new("MSG"),
            channel=rules.SMS,
            to=mobile,
            person_id=person_id,
            template="order_expired",
            text="پیمان: مهلت پرداخت این سفارش گذشت و سفارش بسته شد.",
            key=f"bare:{secrets.token_hex(8)}",
            created_at=now,
            due_at=now,
        )
        for _ in range(BATCH)
    ]


def _bare_batch(now: datetime) -> bool:
    """Claim and mark one batch by bare SQL, in the same transactions; False when nothing waited."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [now, now, BATCH])
        found = [pk for (pk,) in cursor.fetchall()]
        if not found:
            return False
        token = secrets.token_hex(16)
        marks = ", ".join(["%s"] * len(found))
        with transaction.atomic():
            cursor.execute(_CLAIM.format(marks), [token, now + timedelta(seconds=180), *found])
            cursor.execute(_READ, [token])
            cursor.fetchall()
        for pk in found:
            with transaction.atomic():
                cursor.execute(_LOG, [pk, "bench", "sent", "", now])
                cursor.execute(_SENT, [now, "bench", "1", pk])
    return True
