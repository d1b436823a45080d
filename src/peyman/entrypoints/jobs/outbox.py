"""The outbox goes out: claim, send, mark, keep the promise. Any number of workers, each killable at any moment."""

import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from peyman.gateways import inbox, mail, sms
from peyman.kernel.clauses import carries_out
from peyman.messages import actions, queries, rules
from peyman.messages.models import Message
from peyman.people import queries as people
from peyman.promises import actions as promises
from peyman.promises import queries as promised
from peyman.promises.queries.ledger import unkept_of

SENDERS: Final = 4  # at once; they only speak to providers, the database is this thread's
LEASE: Final = 180  # seconds; longer than LAST_START and one conversation at its slowest
LAST_START: Final = 60.0  # seconds after the claim; what has not been begun by then is given back
RECENT: Final = timedelta(days=1)
PATIENCE: Final = 3  # providers that are away are believed after so many in a row
ASKED_EVERY: Final = timedelta(seconds=30)  # a provider that is away is asked whether it is back

log = structlog.get_logger(__name__)


@carries_out("D10", "D24")
def deliver(*, now: datetime, limit: int = 50, urgent: bool | None = None) -> int:
    """Send what is due, log-in codes first, and return how many left. Never inside a transaction.

    `urgent=True` sends only what can go stale, `False` only the rest: a worker that gives each a thread of its own
    keeps log-in codes quick while mail hangs. One message that fails stops no other; a provider that is away leaves its
    messages to the next one, and when all are away the channel stops until the next call.
    """
    started = time.monotonic()

    def at() -> datetime:
        return now + timedelta(seconds=time.monotonic() - started)

    if urgent is not False:
        actions.drop_stale(now=now)
    ways = Ways(now)
    batch = actions.claim(limit=limit, now=now, lease=LEASE, urgent=urgent, via=ways.first)
    sent, away = 0, Counter[str]()
    if not batch:
        return sent
    ways.look(batch)
    flying: dict[Future[sms.Result], Message] = {}
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="outbox") as pool:
        while batch or flying:
            late = time.monotonic() - started > LAST_START
            back = [message for message in batch if late or away[message.channel] >= PATIENCE]
            actions.release(back)
            batch = [message for message in batch if message not in back]
            group = _together(batch, list(flying.values()), away)
            batch = [message for message in batch if message not in group]
            ways.ask_readers(group)
            # We may have slept past our lease; what somebody else sends by now no mail server and few others know of.
            for message in actions.still_held(group):
                if _may_leave(message, ways, at()):
                    flying[pool.submit(_send, message, ways)] = message
            if not flying:
                continue
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            answered = [(flying[future], _answer(flying.pop(future), future)) for future in done]
            for message, result in answered:
                delivery = result.delivery
                is_away = isinstance(delivery, rules.Unknown) and delivery.away
                away[message.channel] = away[message.channel] + 1 if is_away else 0
            sent += _write_down(answered, at())
    return sent


def _together(batch: list[Message], flying: list[Message], away: Counter[str]) -> list[Message]:
    """Return who of a batch is sent next, beside those on their way; of e-mails one at a time.

    An SMS that left unmarked, because its worker was killed, is found again at its provider; an e-mail is not, so that
    a kill may cost one repeat and no more. After a failure a channel waits for what is on its way.
    """
    group: list[Message] = []
    for message in batch:
        busy = {each.channel for each in flying if away[each.channel]}
        busy |= {each.channel for each in [*flying, *group] if each.channel == rules.EMAIL}
        if len(flying) + len(group) < SENDERS and message.channel not in busy:
            group.append(message)
    return group


def keep_told_promises(*, now: datetime) -> int:
    """Keep the promises of messages that left, where a worker was killed between marking and keeping.

    They are kept as of the hour at which the message left. Part of each tick.
    """
    subjects = promised.unkept_subjects("message:", since=now - RECENT)
    kept = 0
    for message in queries.left([subject.removeprefix("message:") for subject in subjects]):
        kept += _keep(message, message.sent_at or now)
    return kept


@carries_out("D13", "D14")
def announce(*, now: datetime) -> None:
    """Announce on the public list what this installation writes and calls from, as it is set up now."""
    senders = [("domain", urlsplit(settings.PUBLIC_URL).hostname or "", "وبگاه و پیوندهای پیام‌ها")]
    senders += [("email", settings.MAIL_FROM, "نامه‌های سفارش، حساب و خبرنامه")]
    senders += [("sms", sms.sender_of(name), "کد ورود و پیام‌های سفارش") for name in sms.providers()]
    senders += [("phone", phone, "تماس تلفنی") for phone in settings.PHONES]
    actions.announce_settings(senders, now=now)


@dataclass(frozen=True)
class _Asked:
    """When a provider that was away was asked whether it is back, and when it last said so."""

    at: datetime
    alive_at: datetime | None = None


_asked: dict[str, _Asked] = {}
_asking = threading.Lock()


class Ways:
    """By whom a batch may leave: which providers in which order, as whom, and who of its readers still wants it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._order: list[str] | None = None
        self._announced: list[rules.Announced] = []
        self._may_market: frozenset[tuple[int | None, str]] = frozenset()

    def first(self) -> str:
        """Return the provider that is asked first."""
        return self.order[0]

    @property
    def order(self) -> list[str]:
        """Return the providers of SMS in the order to ask them; one query where there is a choice."""
        if self._order is None:
            names = sms.providers()
            if len(names) > 1:
                seen = queries.seen_lately(self.now)
                names = rules.in_order(names, seen, self.now, _who_is_back(names, seen, self.now))
            self._order = names
        return self._order

    def look(self, batch: Sequence[Message]) -> None:
        """Look up, before anything is sent, what `senders_of` answers by. One query."""
        self._announced = queries.announced()

    def ask_readers(self, batch: Sequence[Message]) -> None:
        """Look up who still wants a newsletter, just before it is sent. One query, none where there is none."""
        news = {row.person_id for row in batch if row.why == rules.Why.NEWSLETTER and row.person_id is not None}
        if news:
            self._may_market = people.may_market_many(news)

    @carries_out("D14")
    def senders_of(self, channel: str) -> list[str]:
        """Return who may send by this channel: those whose line or address is announced."""
        if channel == rules.SMS:
            if settings.SANDBOX and not settings.SMS_URL:
                return [inbox.NAME]
            return [name for name in self.order if self._is_announced("sms", sms.sender_of(name))]
        if settings.SANDBOX and not settings.SMTP_URL:
            return [inbox.NAME]
        return [mail.NAME] if self._is_announced("email", settings.MAIL_FROM) else []

    @carries_out("D12")
    def is_wanted(self, message: Message) -> bool:
        """Say whether a newsletter is still wanted; whatever is none always is."""
        return message.why != rules.Why.NEWSLETTER or (message.person_id, message.channel) in self._may_market

    def _is_announced(self, kind: str, address: str) -> bool:
        return rules.is_announced(kind, address, self._announced, self.now)


def _who_is_back(names: Sequence[str], seen: Sequence[rules.Seen], now: datetime) -> dict[str, datetime]:
    """Ask the providers that are away, each in a thread and every half minute, and return who answered when."""
    with _asking:
        for name in names:
            known = _asked.get(name)
            alive_at = known.alive_at if known else None
            if rules.health(name, seen, alive_at).is_away and (known is None or abs(now - known.at) >= ASKED_EVERY):
                _asked[name] = _Asked(now, alive_at)
                threading.Thread(target=_ask, args=(name, now), name=f"ask-{name}", daemon=True).start()
        return {name: known.alive_at for name, known in _asked.items() if known.alive_at is not None}


def _ask(name: str, now: datetime) -> None:
    if sms.is_there(name):
        with _asking:
            _asked[name] = _Asked(now, now)
        log.info("message.provider_is_back", provider=name)


def _may_leave(message: Message, ways: Ways, at: datetime) -> bool:
    if rules.is_stale(message.stale_at, at):
        actions.mark_stale(message=message, now=at)
        return False
    if message.attempts > rules.MOST_TRIES:  # each of them killed its worker
        actions.mark_failed(message=message, provider="", detail="lost_too_often", now=at, permanent=True)
        return False
    if not ways.is_wanted(message):
        actions.mark_failed(message=message, provider="", detail=rules.NoConsent.code, now=at, permanent=True)
        return False
    return True


def _send(message: Message, ways: Ways) -> sms.Result:
    names = ways.senders_of(message.channel)
    if not names:
        return sms.Result((rules.Unknown("", "not_announced", away=True, untaken=True),))
    if names == [inbox.NAME]:
        return sms.Result((inbox.send(key=message.code),))
    if message.channel == rules.SMS:
        return sms.send(
            to=message.to,
            text=message.text,
            key=str(message.pk),
            order=names,
            perhaps=[name for name in message.perhaps.split(",") if name],
            waited=ways.now - (message.held_since or ways.now),
            urgent=message.stale_at is not None,
        )
    return sms.Result(
        (
            mail.send(
                to=message.to,
                title=message.title,
                text=message.text,
                html=message.html,
                key=message.code,
                at=message.created_at,
                opt_out_url=message.opt_out_url,
            ),
        )
    )


def _answer(message: Message, future: Future[sms.Result]) -> sms.Result:
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
    return sms.Result((rules.Unknown("", type(fault).__name__),), tuple(message.held_by.split(",")))


def _write_down(answered: Sequence[tuple[Message, sms.Result]], at: datetime) -> int:
    """Write down how sending ended; return how many left."""
    taken = []
    for message, result in answered:
        delivery = result.delivery
        others = [each for each in result.tries if each is not delivery]
        if others:
            actions.note_tries(message=message, tries=others, now=at)
        if isinstance(delivery, rules.Sent):
            taken.append(actions.Taken(message, delivery.provider, delivery.provider_id))
    actions.mark_sent_many(taken, now=at, keep_secret=settings.SANDBOX)
    for message, result in answered:
        match result.delivery:
            case rules.Refused(provider, detail):
                actions.mark_failed(message=message, provider=provider, detail=detail, now=at, permanent=True)
            case rules.Unknown(provider, detail):
                held_by = ",".join(result.held_by)
                actions.mark_failed(message=message, provider=provider, detail=detail, now=at, held_by=held_by)
    # Not in one transaction: were the promise ever to refuse, the message would leave again and again.
    _keep_many([each.message for each in taken], at)
    return len(taken)


def _keep_many(left: Sequence[Message], at: datetime) -> None:
    """Keep the promises of messages that just left; one query where none was promised."""
    subjects = {subject: message for message in left for subject in queries.promised_by(message)}
    for message in dict.fromkeys(subjects[subject] for subject in unkept_of(subjects)):
        _keep(message, at)


def _keep(message: Message, at: datetime) -> int:
    evidence = {"message": message.code, "channel": message.channel}
    return promises.keep_many(queries.promised_by(message), evidence=evidence, now=at)
