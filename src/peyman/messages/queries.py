"""What a message says, what was sent to whom, and how each try ended."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

from django.db.models import Count, Min, Q, QuerySet
from django.template import Context, Engine, TemplateDoesNotExist, TemplateSyntaxError

from peyman import sealed
from peyman.kernel import text as persian
from peyman.kernel.clauses import carries_out
from peyman.messages import rules
from peyman.messages.models import ADDRESS, Attempt, Message, Sender

_TEMPLATES = Path(__file__).parent / "templates"
_SEALED = [column.name for column in sealed.sealed_fields(Message)]


@dataclass(frozen=True)
class Rendered:
    """A message as it will leave. SMS have neither title nor html."""

    title: str
    text: str
    html: str


@carries_out("D14")
def render(channel: str, name: str, context: rules.Context, *, mark: str = "", check_link: str = "") -> Rendered:
    """Fill in a template. Nothing but `context` is reachable from it; values are escaped in html only.

    `mark`: by which the message can be checked at `check_link`. A mail always shows both; an SMS shows its mark where
    that costs no further part. Raises rules.BadMessage for whatever keeps the message from being sent, ever.
    """
    rules.template(channel, name, context)
    try:
        if channel == rules.SMS:
            text = _fill(f"{name}.sms.txt", {**context, "mark": mark})
            if mark and (rules.sms_parts(text) > 1 or len(text) > rules.MOST_SMS_LETTERS):
                ending = f"\nشناسه: {mark}"  # how templates show it: what is before is the text without
                is_last = text.endswith(ending) and text.count(mark) == 1
                bare = text.removesuffix(ending).strip() if is_last else _fill(f"{name}.sms.txt", context)
                if rules.sms_parts(bare) < rules.sms_parts(text) or len(text) > rules.MOST_SMS_LETTERS:
                    text = bare
            if len(text) > rules.MOST_SMS_LETTERS:
                raise rules.BadMessage("too_long")
            return Rendered("", _sendable(text), "")
        if mark:
            context = {**context, "mark": mark, "check_link": check_link}
        return Rendered(
            rules.title(_sendable(_fill(f"{name}.subject.txt", context))),
            _sendable(_fill(f"{name}.mail.txt", context)),
            _sendable(_fill(f"{name}.mail.html", context)),
        )
    except (TemplateDoesNotExist, TemplateSyntaxError):
        raise rules.BadMessage("bad_template") from None


@carries_out("D16")
def sent_to(*addresses: str) -> QuerySet[Message]:
    """Return all messages to these addresses, as they are stored ("+989121234567"): found by keyed hash, unordered."""
    return Message.objects.filter(to_hash__in=[h for to in addresses for h in sealed.hashes_of(to, ADDRESS)])


def to_person(person_id: int, addresses: Iterable[str]) -> QuerySet[Message]:
    """Return the messages to a person, and those to these addresses that were for nobody yet (log-in codes)."""
    hashes = [found for to in addresses for found in sealed.hashes_of(to, ADDRESS)]
    return Message.objects.filter(Q(person_id=person_id) | Q(person_id=None, to_hash__in=hashes))


class SentMessage(TypedDict):
    """One line of the sandbox inbox. `id` is the public code; `code` the log-in code, None in other messages."""

    id: str
    channel: str
    to: str
    template: str
    text: str
    code: str | None
    at: datetime


def sent(to: str | None = None, *, limit: int = 100) -> list[SentMessage]:
    """Return what was sent, newest first: to anyone, or to one address as people write it (0912…, ۰۹۱۲…, +98…).

    One query; nothing for what is no address.
    """
    rows = Message.objects.filter(sent_at__isnull=False)
    if to is not None:
        try:
            rows = sent_to(rules.address(rules.EMAIL if "@" in to else rules.SMS, to)).filter(sent_at__isnull=False)
        except rules.BadMessage:
            return []
    return [
        SentMessage(
            id=row.code,
            channel=row.channel,
            to=row.to,
            template=row.template,
            text=row.text,
            code=row.secret or None,
            at=row.sent_at,
        )
        for row in rows.order_by("-sent_at", "-pk")[:limit]
        if row.sent_at is not None
    ]


class OutboxRow(TypedDict):
    """One line of `peyman export outbox`."""

    id: str
    channel: str
    template: str
    subject: str
    attempts: int
    sent_at: datetime | None
    dead_at: datetime | None


def export_rows() -> Iterator[OutboxRow]:
    """Yield every message in the order they were written, without addresses and texts."""
    for row in (
        Message.objects.order_by("pk")
        .only("code", "channel", "template", "about", "attempts", "sent_at", "dead_at")
        .iterator(chunk_size=2000)
    ):
        yield OutboxRow(
            id=row.code,
            channel=row.channel,
            template=row.template,
            subject=row.about,
            attempts=row.attempts,
            sent_at=row.sent_at,
            dead_at=row.dead_at,
        )


@dataclass(frozen=True)
class Try:
    """One line of the channel log (D10)."""

    message: str
    channel: str
    template: str
    provider: str
    outcome: str
    detail: str
    at: datetime


def log_of(about: str) -> list[Try]:
    """Return every try of every message that tells of `about` ("order:ORD-…"), oldest first. One query."""
    rows = Attempt.objects.filter(message__about=about).select_related("message").order_by("at", "pk")
    return [
        Try(row.message.code, row.message.channel, row.message.template, row.provider, row.outcome, row.detail, row.at)
        for row in rows
    ]


def left(keys: Iterable[str]) -> list[Message]:
    """Return the messages that left, of those with these keys and of those that stood in for them. One query."""
    wanted = list(keys)
    named = Q(key__in=wanted) | Q(stands_in_for__key__in=wanted)
    return list(with_forerunner(Message.objects.filter(named, sent_at__isnull=False)).order_by("pk"))


def with_forerunner(rows: QuerySet[Message]) -> QuerySet[Message]:
    """Return the messages together with those they stand in for, whose words stay sealed: only the key is wanted."""
    return rows.select_related("stands_in_for").defer(*(f"stands_in_for__{name}" for name in _SEALED))


def promised_by(message: Message) -> list[str]:
    """Return the subjects of the promises that this message keeps by leaving: its own, and those of the one
    it stands in for. No query where `stands_in_for` was selected along.
    """
    keys = [message.key]
    if message.stands_in_for is not None:
        keys.append(message.stands_in_for.key)
    return [f"message:{key}" for key in keys]


# ---- Providers and senders ----

_ENOUGH_SEEN = 300


def seen_lately(now: datetime, span: timedelta = rules.HEALTH_SPAN) -> list[rules.Seen]:
    """Return how the latest tries with providers ended, newest first. One query."""
    rows = Attempt.objects.filter(at__gt=now - span, at__lte=now).exclude(provider="").order_by("-at", "-pk")
    return [rules.Seen(*row) for row in rows.values_list("provider", "outcome", "at")[:_ENOUGH_SEEN]]


def oldest_due(now: datetime) -> datetime | None:
    """Return since when the message that should have left first waits for a worker; None where none does. One query."""
    rows = Message.objects.filter(sent_at=None, dead_at=None, due_at__lte=now)
    found: datetime | None = rows.aggregate(oldest=Min("due_at"))["oldest"]
    return found


def announced() -> list[rules.Announced]:
    """Return all that we write from, or ever wrote from. One query."""
    rows = Sender.objects.order_by("pk").values_list("kind", "address", "starts_at", "ends_at")
    return [rules.Announced(*row) for row in rows]


def senders(*, at: datetime | None = None) -> list[Sender]:
    """Return the public list of senders, in order of kind: all of them, or those of one instant. One query."""
    rows = Sender.objects.order_by("kind", "-starts_at", "pk")
    return list(rows) if at is None else [row for row in rows if row.starts_at <= at < (row.ends_at or at + _MOMENT)]


_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Ours:
    """What anyone who holds a message's mark may know of it: by which way it left, and on which day."""

    channel: str
    sent_at: datetime | None


@carries_out("D14")
def ours(mark: str, to: str = "") -> Ours | None:
    """Return what is told of the message with this mark, None when it is none of ours.

    `to`, as people write it: where the message came to. One that went elsewhere is then none of ours either, so that a
    mark copied from another message is noticed. Neither content nor address is ever told. One query.
    """
    if not mark:
        return None
    rows = Message.objects.filter(mark=mark, attempts__gt=0).only("channel", "to", "sent_at").order_by("-pk")
    for row in rows[:20]:
        if to:
            try:
                if rules.address(row.channel, to).lower() != row.to.lower():
                    continue
            except rules.BadMessage:
                continue
        return Ours(row.channel, row.sent_at)
    return None


# ---- The staff's desk ----


@dataclass(frozen=True)
class Figures:
    """How the outbox does."""

    waiting: int
    oldest_at: datetime | None  # since when the oldest waiting message waits
    sent_last_hour: int
    dead_last_day: int
    dead: int

    @property
    def per_minute(self) -> float:
        return self.sent_last_hour / 60


def figures(now: datetime) -> Figures:
    """Return the figures of the outbox. Two queries."""
    waiting = Message.objects.filter(sent_at=None, dead_at=None).aggregate(n=Count("pk"), oldest=Min("created_at"))
    done = Message.objects.filter(
        Q(sent_at__gt=now - timedelta(hours=1), sent_at__lte=now) | Q(dead_at__isnull=False)
    ).aggregate(
        sent=Count("pk", filter=Q(sent_at__isnull=False)),
        dead=Count("pk", filter=Q(dead_at__isnull=False)),
        fresh=Count("pk", filter=Q(dead_at__gt=now - timedelta(days=1))),
    )
    return Figures(waiting["n"], waiting["oldest"], done["sent"], done["fresh"], done["dead"])


@dataclass(frozen=True)
class Letter:
    """A message in the staff's list: never its text, and its address with the middle left out."""

    code: str
    channel: str
    template: str
    about: str
    to: str
    created_at: datetime
    due_at: datetime
    dead_at: datetime | None
    sent_at: datetime | None
    attempts: int
    held_by: str
    outcome: str
    detail: str
    may_retry: bool

    @property
    def reason(self) -> str:
        return rules.reason_words(self.outcome, self.detail) if self.outcome else ""


def letters(kind: str, now: datetime, *, after: int = 0, limit: int = 30) -> tuple[list[Letter], int]:
    """Return dead ("dead") or waiting ("waiting") messages, newest first, and the key of the next page (0: none).

    Those that went stale are left out of the dead: nothing is to be done about a code that nobody waits for. Two
    queries whatever the number.
    """
    rows = Message.objects.order_by("-pk")
    if kind == "dead":
        rows = rows.filter(dead_at__isnull=False).exclude(template="login_code", stale_at__lte=now)
    else:
        rows = rows.filter(sent_at=None, dead_at=None)
    if after:
        rows = rows.filter(pk__lt=after)
    found = list(_for_staff(rows)[: limit + 1])
    page = found[:limit]
    return _letters(page, now), page[-1].pk if len(found) > limit else 0


def letters_to(address: str, now: datetime, *, limit: int = 30) -> list[Letter]:
    """Return the latest messages to an address, as it is stored, whatever became of them. Two queries."""
    return _letters(list(_for_staff(sent_to(address)).order_by("-pk")[:limit]), now)


def letters_about(about: str, now: datetime) -> list[Letter]:
    """Return the messages that tell of one thing ("order:ORD-…"), oldest first, sent or not. Two queries."""
    return _letters(list(_for_staff(Message.objects.filter(about=about)).order_by("pk")), now)


def letter(code: str, now: datetime) -> tuple[Letter, list[Try]] | None:
    """Return one message and its channel log, oldest try first; None when there is none. Two queries."""
    row = _for_staff(Message.objects.filter(code=code)).first()
    if row is None:
        return None
    tries = list(row.tries.order_by("at", "pk"))
    log = [
        Try(row.code, row.channel, row.template, each.provider, each.outcome, each.detail, each.at) for each in tries
    ]
    return _letter(row, log[-1] if log else None, now), log


def _for_staff(rows: QuerySet[Message]) -> "QuerySet[Any]":
    # Whether there is a text is told; what it says, and what all of a stand-in holds, stays sealed.
    unread = [name for name in _SEALED if name != "to"]
    return (
        rows.select_related("stand_in")
        .defer(*unread, *(f"stand_in__{name}" for name in _SEALED))
        .annotate(has_text=~Q(text=""))
    )


def _letters(rows: list[Any], now: datetime) -> list[Letter]:
    last: dict[int, Try] = {}
    for each in Attempt.objects.filter(message__in=[row.pk for row in rows]).order_by("at", "pk"):
        last[each.message_id] = Try("", "", "", each.provider, each.outcome, each.detail, each.at)
    return [_letter(row, last.get(row.pk), now) for row in rows]


def _letter(row: Any, last: Try | None, now: datetime) -> Letter:
    outcome, detail = (last.outcome, last.detail) if last else ("", "")
    try:
        rules.assert_retry(
            is_dead=row.dead_at is not None,
            stale_at=row.stale_at,
            has_text=row.has_text,
            outcome=outcome,
            detail=detail,
            now=now,
        )
        may_retry = not hasattr(row, "stand_in")
    except rules.NotWorthRetrying:
        may_retry = False
    return Letter(
        code=row.code,
        channel=row.channel,
        template=row.template,
        about=row.about,
        to=rules.hidden(row.channel, row.to),
        created_at=row.created_at,
        due_at=row.due_at,
        dead_at=row.dead_at,
        sent_at=row.sent_at,
        attempts=row.attempts,
        held_by=row.held_by if row.channel == rules.SMS and row.sent_at is None and not row.claim else "",
        outcome=outcome,
        detail=detail,
        may_retry=may_retry,
    )


@cache
def _engine(*, autoescape: bool) -> Engine:
    return Engine(dirs=[str(_TEMPLATES)], autoescape=autoescape)


def _fill(file: str, context: rules.Context) -> str:
    html = file.endswith(".html")
    filled = _engine(autoescape=html).get_template(f"messages/{file}").render(Context(dict(context), autoescape=html))
    return filled.strip()


def _sendable(text: str) -> str:
    # NUL and lone surrogates would make the database refuse the row, and with it the order that it tells of.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise rules.BadMessage("bad_text") from None
    if persian.has_controls(text):
        raise rules.BadMessage("bad_text")
    return text
