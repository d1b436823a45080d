"""Messages are written into the outbox, in the transaction of what they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.messages import queries, rules
from peyman.messages.actions import tries
from peyman.messages.models import Message
from peyman.people import queries as people
from peyman.tables import fresh, insert_new

log = structlog.get_logger(__name__)

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
        tries.note(unsendable, provider="", outcome="refused", details=faults, now=now)
        for row in unsendable:
            log.error("message.unsendable", message=row.code, template=row.template, detail=faults[row.key])
        tries.send_instead(unsendable, now=now)
    return [stored[message.key] for message in messages]


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
