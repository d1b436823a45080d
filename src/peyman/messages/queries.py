"""What a message says, what was sent to whom, and how each try ended."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypedDict

from django.db.models import Q
from django.template import Context, Engine, TemplateDoesNotExist, TemplateSyntaxError

from peyman.kernel import text as persian
from peyman.messages import rules
from peyman.messages.models import Attempt, Message

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Rendered:
    """A message as it will leave. SMS have neither title nor html."""

    title: str
    text: str
    html: str


def render(channel: str, name: str, context: rules.Context) -> Rendered:
    """Fill in a template. Nothing but `context` is reachable from it; values are escaped in html only.

    Raises rules.BadMessage for whatever keeps the message from being sent, ever.
    """
    rules.template(channel, name, context)
    try:
        if channel == rules.SMS:
            text = _fill(f"{name}.sms.txt", context)
            if len(text) > rules.MOST_SMS_LETTERS:
                raise rules.BadMessage("too_long")
            return Rendered("", _sendable(text), "")
        return Rendered(
            rules.title(_sendable(_fill(f"{name}.subject.txt", context))),
            _sendable(_fill(f"{name}.mail.txt", context)),
            _sendable(_fill(f"{name}.mail.html", context)),
        )
    except (TemplateDoesNotExist, TemplateSyntaxError):
        raise rules.BadMessage("bad_template") from None


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
            rows = rows.filter(to=rules.address(rules.EMAIL if "@" in to else rules.SMS, to))
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
    return list(Message.objects.filter(named, sent_at__isnull=False).select_related("stands_in_for").order_by("pk"))


def promised_by(message: Message) -> list[str]:
    """Return the subjects of the promises that this message keeps by leaving: its own, and those of the one
    it stands in for. No query where `stands_in_for` was selected along.
    """
    keys = [message.key]
    if message.stands_in_for is not None:
        keys.append(message.stands_in_for.key)
    return [f"message:{key}" for key in keys]


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
