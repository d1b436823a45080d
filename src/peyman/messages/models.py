"""The outbox: a message is a row written in the transaction of what it tells. And whom we write as."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from peyman.sealed import HashField, SealedField, SealedJSON

ADDRESS = "address"  # what `to_hash` is of


class Message(models.Model):
    """One message to one address. `sent_at` is set when a provider took it.

    Address and words are sealed (D16); whoever has an address finds its messages by `to_hash`.
    """

    class Channel(models.TextChoices):
        SMS = "sms"
        EMAIL = "email"

    code = models.CharField(max_length=32, unique=True)  # public id; the provider's idempotency key is derived from pk
    channel = models.CharField(max_length=8, choices=Channel.choices)
    to = SealedField()  # E.164 or e-mail address; empty once its owner is forgotten
    to_hash = HashField(of="to", about=ADDRESS)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="messages")
    why = models.CharField(max_length=16, default="official")  # rules.Why: what lets it go to this address (D09)
    mark = models.CharField(max_length=12, blank=True)  # by which anyone can check that it is ours (D14)
    template = models.CharField(max_length=40)
    about = models.CharField(max_length=60, blank=True)  # "order:ORD-…": what it tells of
    title = SealedField(blank=True)  # an e-mail's subject line
    text = SealedField()
    html = SealedField(blank=True)
    secret = SealedField(blank=True)  # a log-in code; blanked once sent outside the sandbox
    key = models.CharField(max_length=120, unique=True)  # the same thing is told once
    created_at = models.DateTimeField()
    stale_at = models.DateTimeField(null=True)  # not worth sending from here on (log-in codes)
    due_at = models.DateTimeField()  # next try
    claimed_until = models.DateTimeField(null=True)
    claim = models.CharField(max_length=32, blank=True)  # the worker's token while it holds the row
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    provider = models.CharField(max_length=20, blank=True)
    provider_id = models.CharField(max_length=80, blank=True)
    held_by = models.CharField(max_length=40, blank=True)  # providers that may have taken it, by comma: asked first
    held_since = models.DateTimeField(null=True)
    opt_out_url = SealedField(blank=True)  # cancels the newsletter by one click (RFC 8058)
    instead: "models.Field[Any, Any]" = SealedJSON(
        null=True
    )  # the message that goes out if this one is refused for good (D24)
    stands_in_for = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="stand_in")

    perhaps = ""  # no column: `held_by` as it was before this worker's claim

    class Meta:
        constraints = [
            models.CheckConstraint(name="channel_is_known", condition=Q(channel__in=["sms", "email"])),
            models.CheckConstraint(name="sent_or_dead_not_both", condition=Q(sent_at=None) | Q(dead_at=None)),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(sent_at=None, dead_at=None), name="message_waiting"),
            models.Index(
                fields=["stale_at"],
                condition=Q(sent_at=None, dead_at=None, stale_at__isnull=False),
                name="message_urgent",
            ),
            models.Index(fields=["sent_at"], condition=Q(sent_at__isnull=False), name="message_by_sent"),  # the inbox
            models.Index(fields=["about"], name="message_about"),
            models.Index(fields=["dead_at"], condition=Q(dead_at__isnull=False), name="message_dead"),
            models.Index(fields=["mark"], name="message_mark"),
            models.Index(fields=["to_hash"], condition=Q(to_hash__isnull=False), name="message_to"),
        ]


class Attempt(models.Model):
    """One try at sending one message, as it ended (D10: the channel log)."""

    append_only = True

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="tries")
    provider = models.CharField(max_length=20)
    outcome = models.CharField(max_length=12)  # sent, refused, unknown, stale, lost (its worker was killed), retry
    detail = models.CharField(max_length=200, blank=True)  # provider's code; never an address or a text
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="attempt_at")]  # how the providers do


class Sender(models.Model):
    """An address, line or domain that we write from, from `starts_at` until before `ends_at` (D14).

    The public list of official senders. Rows are ended, never removed: what we wrote from stays answerable.
    """

    class Kind(models.TextChoices):
        SMS = "sms"
        EMAIL = "email"
        DOMAIN = "domain"
        PHONE = "phone"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    address = models.CharField(max_length=254)  # as rules.sender_address has it
    shown = models.CharField(max_length=254)  # as readers see it
    what_for = models.CharField(max_length=120, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=32, blank=True)  # who announced it: a member of staff, or "settings"
    ended_by = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sender_kind_is_known", condition=Q(kind__in=["sms", "email", "domain", "phone"])
            ),
            models.CheckConstraint(
                name="sender_ends_after_it_starts", condition=Q(ends_at=None) | Q(ends_at__gte=models.F("starts_at"))
            ),
            models.UniqueConstraint(
                fields=["kind", "address"], condition=Q(ends_at=None), name="sender_announced_once"
            ),
        ]
