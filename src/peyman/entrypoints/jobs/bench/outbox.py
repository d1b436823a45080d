"""Messages per second through the outbox, held against the same rows changed by bare SQL. Nothing is sent."""

import secrets
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.bench.scratch import scratch_database
from peyman.kernel import codes
from peyman.messages import actions, rules
from peyman.messages.models import Message
from peyman.people.actions import confirm_mobile, person_of

BATCH = 50  # what a worker takes at once
STEPS = (1, 4, BATCH)  # how many are marked in one commit; a worker has four on their way
_FIND = """SELECT id FROM messages_message WHERE sent_at IS NULL AND dead_at IS NULL AND due_at <= %s
           AND (claimed_until IS NULL OR claimed_until <= %s) ORDER BY due_at, id LIMIT %s"""
_CLAIM = "UPDATE messages_message SET claim = %s, claimed_until = %s, attempts = attempts + 1 WHERE id IN ({})"
_READ = "SELECT * FROM messages_message WHERE claim = %s"
_LOG = "INSERT INTO messages_attempt (message_id, provider, outcome, detail, at) VALUES (%s, %s, %s, %s, %s)"
_SENT = """UPDATE messages_message SET sent_at = %s, provider = %s, provider_id = CASE id {}END, claim = '',
           claimed_until = NULL WHERE id IN ({}) AND sent_at IS NULL"""


def bench_outbox(messages: int) -> list[Figure]:
    """Measure queueing, and claiming with marking: what is on its way is marked together as far as it came back
    together, from one to a commit to a whole batch.
    """
    with scratch_database():
        now = clock.now()
        person = person_of(mobile="+989120000000", now=now)
        confirm_mobile(person=person, now=now)
        names = ["queued", *(f"claimed and marked, {step} to a commit" for step in STEPS)]
        rounds = [_round(messages, person.pk, person.mobile, now) for _ in range(ROUNDS)]
    limits = ["the same rows by bulk_create, texts given", *["the same statements, by hand, no models"] * len(STEPS)]
    return [
        Figure(
            f"outbox: {name}",
            "messages/s",
            statistics.median(figure for figure, _ in measured),
            statistics.median(limit for _, limit in measured),
            what,
        )
        for name, what, measured in zip(names, limits, zip(*rounds, strict=True), strict=True)
    ]


def _round(messages: int, person_id: int, mobile: str, now: datetime) -> list[tuple[float, float]]:
    """Return figure and limit of queueing, and of marking by each of STEPS."""
    batches = range(0, messages, BATCH)

    def queue() -> None:
        key = secrets.token_hex(4)
        for first in batches:
            actions.queue_many([_new(f"{key}:{n}", person_id, mobile) for n in range(first, first + BATCH)], now=now)

    def queue_bare() -> None:
        for _ in batches:
            with transaction.atomic():
                Message.objects.bulk_create(_rows(person_id, mobile, now))

    def send(step: int) -> None:
        while batch := actions.claim(limit=BATCH, now=now, lease=180):
            for first in range(0, len(batch), step):
                taken = [actions.Taken(row, "bench", str(row.pk)) for row in batch[first : first + step]]
                actions.mark_sent_many(taken, now=now)

    def send_bare(step: int) -> None:
        while _bare_batch(now, step):
            pass

    figures: list[tuple[float, float]] = []
    for step in STEPS:
        queued, sent = _rate(queue, messages), _rate(partial(send, step), messages)
        queued_bare, sent_bare = _rate(queue_bare, messages), _rate(partial(send_bare, step), messages)
        if not figures:
            figures.append((queued, queued_bare))
        figures.append((sent, sent_bare))
    return figures


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


def _bare_batch(now: datetime, step: int) -> bool:
    """Claim and mark one batch by bare SQL, in the same transactions; False when nothing waited."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [now, now, BATCH])
        found = [pk for (pk,) in cursor.fetchall()]
        if not found:
            return False
        token = secrets.token_hex(16)
        with transaction.atomic():
            cursor.execute(_CLAIM.format(_marks(found)), [token, now + timedelta(seconds=180), *found])
            cursor.execute(_READ, [token])
            cursor.fetchall()
        for first in range(0, len(found), step):
            part = found[first : first + step]
            numbers = [each for pk in part for each in (pk, str(pk))]
            with transaction.atomic():
                cursor.executemany(_LOG, [[pk, "bench", "sent", "", now] for pk in part])
                sent = _SENT.format("WHEN %s THEN %s " * len(part), _marks(part))
                cursor.execute(sent, [now, "bench", *numbers, *part])
    return True


def _marks(values: list[int]) -> str:
    return ", ".join(["%s"] * len(values))
