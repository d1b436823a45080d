"""The outbox. A message is a row written in the transaction of what it tells."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Message(models.Model):
    """One message to one address. `sent_at` is set when a provider took it."""

    class Channel(models.TextChoices):
        SMS = "sms"
        EMAIL = "email"

    code = models.CharField(max_length=32, unique=True)  # public id; the provider's idempotency key is derived from pk
    channel = models.CharField(max_length=8, choices=Channel.choices)
    to = models.CharField(max_length=254)  # E.164 or e-mail address
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="messages")
    template = models.CharField(max_length=40)
    about = models.CharField(max_length=60, blank=True)  # "order:ORD-…": what it tells of
    title = models.CharField(max_length=200, blank=True)  # an e-mail's subject line
    text = models.TextField()
    html = models.TextField(blank=True)
    secret = models.CharField(max_length=16, blank=True)  # a log-in code; blanked once sent outside the sandbox
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
    instead = models.JSONField(null=True)  # the message that goes out if this one is refused for good (D24)
    stands_in_for = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="stand_in")

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
        ]


class Attempt(models.Model):
    """One try at sending one message, as it ended (D10: the channel log)."""

    append_only = True

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="tries")
    provider = models.CharField(max_length=20)
    outcome = models.CharField(max_length=12)  # sent, refused, unknown, stale, lost (its worker was killed)
    detail = models.CharField(max_length=200, blank=True)  # provider's code; never an address or a text
    at = models.DateTimeField()
