"""The outbox goes out: claim, send, mark, keep the promise. Any number of workers, each killable at any moment."""

import time
import traceback
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings

from peyman.gateways import inbox, kavenegar, mail
from peyman.kernel.clauses import carries_out
from peyman.messages import actions, queries, rules
from peyman.messages.models import Message
from peyman.promises import actions as promises
from peyman.promises import queries as promised

SENDERS: Final = 4  # at once; they only speak to providers, the database is this thread's
LEASE: Final = 180  # seconds; longer than LAST_START and one conversation at its slowest
LAST_START: Final = 60.0  # seconds after the claim; what has not been begun by then is given back
RECENT: Final = timedelta(days=1)
PATIENCE: Final = 3  # providers that are away are believed after so many in a row

log = structlog.get_logger(__name__)


@carries_out("D10", "D24")
def deliver(*, now: datetime, limit: int = 50, urgent: bool | None = None) -> int:
    """Send what is due, log-in codes first, and return how many left. Never inside a transaction.

    `urgent=True` sends only what can go stale, `False` only the rest: a worker that gives each a thread of its own
    keeps log-in codes quick while mail hangs. One message that fails stops no other; a provider that is away
    stops its channel until the next call.
    """
    started = time.monotonic()

    def at() -> datetime:
        return now + timedelta(seconds=time.monotonic() - started)

    if urgent is not False:
        actions.drop_stale(now=now)
    batch = actions.claim(limit=limit, now=now, lease=LEASE, urgent=urgent)
    sent, away = 0, Counter[str]()
    if not batch:
        return sent
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="outbox") as pool:
        while batch:
            if time.monotonic() - started > LAST_START:
                actions.release(batch)
                break
            gone = [message for message in batch if away[message.channel] >= PATIENCE]
            actions.release(gone)
            open_ = [message for message in batch if away[message.channel] < PATIENCE]
            group, batch = open_[:SENDERS], open_[SENDERS:]
            tries = [(message, pool.submit(_send, message)) for message in group if _may_leave(message, at())]
            wait([future for _, future in tries])
            for message, future in tries:
                delivery = _answer(message, future)
                is_away = isinstance(delivery, rules.Unknown) and delivery.away
                away[message.channel] = away[message.channel] + 1 if is_away else 0
                sent += _write_down(message, delivery, at())
    return sent


def keep_told_promises(*, now: datetime) -> int:
    """Keep the promises of messages that left, where a worker was killed between marking and keeping.

    They are kept as of the hour at which the message left. Part of each tick.
    """
    subjects = promised.unkept_subjects("message:", since=now - RECENT)
    kept = 0
    for message in queries.left([subject.removeprefix("message:") for subject in subjects]):
        kept += _keep(message, message.sent_at or now)
    return kept


def _may_leave(message: Message, at: datetime) -> bool:
    if rules.is_stale(message.stale_at, at):
        actions.mark_stale(message=message, now=at)
        return False
    if message.attempts > rules.MOST_TRIES:  # each of them killed its worker
        actions.mark_failed(message=message, provider="", detail="lost_too_often", now=at, permanent=True)
        return False
    return True


def _send(message: Message) -> rules.Delivery:
    if message.channel == rules.SMS:
        if settings.SANDBOX and not settings.SMS_URL:
            return inbox.send(key=message.code)
        return kavenegar.send(to=message.to, text=message.text, key=str(message.pk))
    if settings.SANDBOX and not settings.SMTP_URL:
        return inbox.send(key=message.code)
    return mail.send(
        to=message.to,
        title=message.title,
        text=message.text,
        html=message.html,
        key=message.code,
        at=message.created_at,
    )


def _answer(message: Message, future: Future[rules.Delivery]) -> rules.Delivery:
    fault = future.exception()
    if fault is None:
        return future.result()
    # A bug of ours: loud, but it waits like any other failure, and its text may hold an address.
    where = traceback.extract_tb(fault.__traceback__)[-1]
    log.error(
        "message.sender_failed",
        message=message.code,
        error=type(fault).__name__,
        where=f"{where.filename}:{where.lineno}",
    )
    return rules.Unknown("", type(fault).__name__)


def _write_down(message: Message, delivery: rules.Delivery, at: datetime) -> bool:
    match delivery:
        case rules.Sent(provider, provider_id):
            actions.mark_sent(
                message=message, provider=provider, provider_id=provider_id, now=at, keep_secret=settings.SANDBOX
            )
            # Not in one transaction: were the promise ever to refuse, the message would leave again and again.
            _keep(message, at)
            return True
        case rules.Refused(provider, detail):
            actions.mark_failed(message=message, provider=provider, detail=detail, now=at, permanent=True)
        case rules.Unknown(provider, detail):
            actions.mark_failed(message=message, provider=provider, detail=detail, now=at)
    return False


def _keep(message: Message, at: datetime) -> int:
    evidence = {"message": message.code, "channel": message.channel}
    return promises.keep_many(queries.promised_by(message), evidence=evidence, now=at)
