"""The outbox: rows are queued with what they tell, claimed by one worker at a time, and marked as they end.

A message is sent at least once: a worker killed between sending and marking leaves a row whose lease runs out, and
the next worker sends it again under the same idempotency key.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from peyman.kernel import codes, jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.messages import queries, rules
from peyman.messages.models import Attempt, Message, Sender
from peyman.people import queries as people
from peyman.tables import ByKey, fresh, insert_new

log = structlog.get_logger(__name__)

_FREE: dict[str, Any] = {"claim": "", "claimed_until": None}
_NO_WORDS = {"secret": "", "text": "", "html": ""}
_LONGEST_KEY = 120


@dataclass(frozen=True)
class NewMessage:
    """A message to queue; see `rules.TEMPLATES` for what `context` must hold.

    `key`: the same thing is told once, whatever happens. `secret`: the log-in code, shown in the sandbox inbox.
    `stale_at`: not worth sending from here on, and urgent until then. `instead`: what goes out if this one is
    refused for good, to another address or by another channel; its promise is this one's. `why`: what lets it go to
    this address; without a word, that it is a confirmed contact of `person_id` (D09). `opt_out_url`: of a newsletter,
    the address that cancels it by one POST.
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
    why: rules.Why = rules.Why.OFFICIAL
    opt_out_url: str = ""


def queue(message: NewMessage, *, now: datetime) -> Message:
    """Queue one message; see `queue_many`."""
    return queue_many([message], now=now)[0]


@carries_out("D09", "D11")
def assert_recipients(messages: Sequence[NewMessage]) -> None:
    """Return when each of these may go to its address; for a desk that wants to say no before anything is written.

    Raises rules.NotOfficial, rules.NoConsent. One query, two with newsletters.
    """
    contacts = _Contacts(messages)
    for new in messages:
        try:
            to = rules.address(new.channel, new.to)
        except rules.BadMessage:
            continue  # told as such when the row is made
        contacts.assert_recipient(new, to)


@carries_out("D09", "D10", "D24")
@transaction.atomic(savepoint=False)
def queue_many(messages: Sequence[NewMessage], *, now: datetime) -> list[Message]:
    """Write messages into the outbox, in the caller's transaction; return their rows in the order asked.

    A key that is already there stays as it is, also under a race. Two queries whatever the number (one where
    nothing goes to an official contact), and one more where a key was there already. Another where a message can
    never be sent (bad address, bad context, an address that is not the person's own, D09): such a one is written as
    dead, with its reason in the channel log, and never stops the order it would have told of.
    """
    rows: dict[str, Message] = {}
    faults: dict[str, str] = {}
    contacts = _Contacts(messages)
    # In key order, so that two transactions that tell the same things wait for each other instead of locking.
    for new in sorted(messages, key=lambda message: message.key):
        if not 0 < len(new.key) <= _LONGEST_KEY:
            raise ValueError("a message needs a key that fits")
        if new.key not in rows:
            row, fault = _row(new, contacts, now)
            rows[new.key] = row
            if fault:
                faults[new.key] = fault
    stored = _stored(rows, insert_new(rows.values()))
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
        _try_many(lost, provider="", outcome="lost", details={}, now=now)
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
    _try_many([message], provider=provider, outcome=outcome, details={message.key: detail}, now=now)
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
    _try_many([message], provider="", outcome="retry", details={message.key: by}, now=now)
    log.info("message.retried", message=code, by=by)
    return message


@carries_out("D16")
def forget(*, person_id: int, addresses: Sequence[str]) -> int:
    """Take address and words out of what was sent to a person, also before we knew them, by `addresses` as stored.

    That it was sent, and when, stays. What still waits is left to its worker, and to `forget_stragglers` after that.
    """
    return _forget(queries.to_person(person_id, addresses))


@carries_out("D16")
def forget_stragglers() -> int:
    """Forget what left only after its reader was erased; part of each tick. One query."""
    return _forget(Message.objects.filter(person__erasure__done_at__isnull=False))


@carries_out("D16")
def forget_older(*, before: datetime, limit: int) -> int:
    """Take address and words out of the next messages that were written before an instant; return how many."""
    old = Message.objects.filter(created_at__lt=before, to_hash__isnull=False).exclude(sent_at=None, dead_at=None)
    return _forget(Message.objects.filter(pk__in=list(old.order_by("pk").values_list("pk", flat=True)[:limit])))


def _forget(rows: QuerySet[Message]) -> int:
    ended = rows.filter(to_hash__isnull=False).exclude(sent_at=None, dead_at=None)
    return ended.update(to="", to_hash=None, title="", text="", html="", secret="", opt_out_url="", instead=None)


@carries_out("D13", "D14")
@transaction.atomic
def announce_settings(senders: Sequence[tuple[str, str, str]], *, now: datetime) -> None:
    """Bring the public list of senders up to date with what this installation is set up to write from.

    `senders`: (kind, address, what for). New ones are announced from now on, and those that an earlier set-up
    announced and this one lacks are ended. One that staff ended stays ended: nothing is sent from it until they
    announce it again. A repeat changes nothing.
    """
    wanted = {
        (kind, rules.sender_address(kind, address)): (address, what_for)
        for kind, address, what_for in senders
        if rules.sender_address(kind, address)
    }
    rows = list(Sender.objects.filter(Q(ends_at=None) | Q(by="settings")).order_by("pk"))
    open_ = {(row.kind, row.address) for row in rows if row.ends_at is None}
    by_staff = {(row.kind, row.address) for row in rows if row.ends_at is not None and row.ended_by != "settings"}
    Sender.objects.bulk_create(
        [
            Sender(kind=kind, address=address, shown=shown, what_for=what_for, starts_at=now, by="settings")
            for (kind, address), (shown, what_for) in wanted.items()
            if (kind, address) not in open_ | by_staff
        ],
        ignore_conflicts=True,  # another worker that starts now
    )
    gone = [
        row.pk for row in rows if row.ends_at is None and row.by == "settings" and (row.kind, row.address) not in wanted
    ]
    if gone:
        Sender.objects.filter(pk__in=gone, ends_at=None).update(ends_at=now, ended_by="settings")


@carries_out("D14")
def announce(*, kind: str, address: str, what_for: str, by: str, now: datetime) -> Sender:
    """Add an address to the public list from now on; the same row when it is there already."""
    stored = rules.sender_address(kind, address)
    if kind not in Sender.Kind.values or not stored:
        raise rules.NoSender
    row, is_new = Sender.objects.get_or_create(
        kind=kind,
        address=stored,
        ends_at=None,
        defaults={"shown": address.strip()[:254], "what_for": what_for.strip()[:120], "starts_at": now, "by": by},
    )
    if is_new:
        log.info("messages.sender_announced", kind=kind, by=by)
    return row


@carries_out("D14")
def withdraw(*, sender_id: int, by: str, now: datetime) -> None:
    """End an address of the public list: from now on nothing is sent from it. Raises Missing; a repeat is a no-op."""
    if not Sender.objects.filter(pk=sender_id).exists():
        raise Missing
    if Sender.objects.filter(pk=sender_id, ends_at=None, starts_at__lte=now).update(ends_at=now, ended_by=by):
        log.info("messages.sender_withdrawn", sender=sender_id, by=by)


class _Contacts:
    """Who is written to, looked up once for all messages of a call."""

    def __init__(self, messages: Sequence[NewMessage]) -> None:
        everyone = [each for new in messages for each in (new, new.instead) if each is not None]
        official = {new.person_id for new in everyone if new.why in (rules.Why.OFFICIAL, rules.Why.NEWSLETTER)}
        wanted = {person_id for person_id in official if person_id is not None}
        self._official = people.official_contacts(wanted) if wanted else frozenset()
        news = {new.person_id for new in everyone if new.why is rules.Why.NEWSLETTER and new.person_id is not None}
        self._may_market = people.may_market_many(news) if news else frozenset()

    def address(self, new: NewMessage) -> str:
        """Return where a message goes, as addresses are stored; a confirmed mobile is stored like that already."""
        is_known = new.channel == rules.SMS and "@" not in new.to and (new.person_id, new.to) in self._official
        return new.to if is_known else rules.address(new.channel, new.to)

    def assert_recipient(self, new: NewMessage, to: str) -> None:
        rules.assert_recipient(
            new.why,
            new.template,
            is_official=(new.person_id, to) in self._official,
            may_market=(new.person_id, new.channel) in self._may_market,
            thread=new.about,
        )


def _waiting(now: datetime) -> QuerySet[Message]:
    return Message.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=now),
        Q(stale_at=None) | Q(stale_at__gt=now),
        sent_at=None,
        dead_at=None,
        due_at__lte=now,
    )


def _stored(rows: dict[str, Message], written: list[Message]) -> dict[str, Message]:
    """Return the rows that stand under these keys: those just written, and what had been there before them."""
    stored = {row.key: row for row in written}
    if earlier := [key for key in rows if key not in stored]:
        stored |= {row.key: row for row in Message.objects.filter(key__in=earlier)}
    return stored


def _row(new: NewMessage, contacts: _Contacts, now: datetime) -> tuple[Message, str]:
    """Return the unsaved row and, where it can never be sent, why."""
    code = codes.new("MSG")
    row = fresh(
        Message,
        code=code,
        mark=_mark(code),
        why=new.why.value,
        channel=new.channel,
        person_id=new.person_id,
        template=new.template,
        about=new.about,
        secret=new.secret,
        key=new.key,
        created_at=now,
        stale_at=new.stale_at,
        due_at=now,
        opt_out_url=new.opt_out_url,
        instead=_instead(new.instead, contacts),
    )
    try:
        row.to = contacts.address(new)
        contacts.assert_recipient(new, row.to)
        rendered = queries.render(new.channel, new.template, new.context, mark=row.mark, check_link=_check_link())
    except (rules.BadMessage, rules.NotOfficial, rules.NoConsent) as fault:
        row.to = row.to or "".join(c for c in new.to if c.isprintable())[:254]
        row.dead_at, row.secret = now, ""
        return row, fault.detail if isinstance(fault, rules.BadMessage) else fault.code
    row.title, row.text, row.html = rendered.title, rendered.text, rendered.html
    return row, ""


def _mark(code: str) -> str:
    return rules.mark(code, secret=settings.SECRET_KEY)


def _check_link() -> str:
    return f"{settings.PUBLIC_URL}/official/"


def _instead(new: NewMessage | None, contacts: _Contacts) -> dict[str, str] | None:
    if new is None:
        return None
    code = codes.new("MSG")
    try:
        to = contacts.address(new)
        contacts.assert_recipient(new, to)
        rendered = queries.render(new.channel, new.template, new.context, mark=_mark(code), check_link=_check_link())
    except (rules.BadMessage, rules.NotOfficial, rules.NoConsent) as fault:
        detail = fault.detail if isinstance(fault, rules.BadMessage) else fault.code
        log.error("message.no_stand_in", template=new.template, detail=detail)
        return None
    return {
        "code": code,
        "mark": _mark(code),
        "why": new.why.value,
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


def _try_many(
    messages: Sequence[Message], *, provider: str, outcome: str, details: dict[str, str], now: datetime
) -> None:
    if messages:
        Attempt.objects.bulk_create(
            Attempt(message=row, provider=provider, outcome=outcome, detail=details.get(row.key, "")[:200], at=now)
            for row in messages
        )


def _blank(message: Message) -> dict[str, str]:
    return _NO_WORDS if message.secret else {}
