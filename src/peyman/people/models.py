"""People who may log in, and the tokens and codes with which they do."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q


class PersonManager(BaseUserManager["Person"]):
    """Django asks for one; people are made by `actions.person_of`."""


class Person(AbstractBaseUser):
    """A customer or a member of staff. One mobile number, one person (clause D06)."""

    class Role(models.TextChoices):
        CUSTOMER = "customer"
        ORDERS = "orders"  # staff of the order desk
        CATALOGUE = "catalogue"
        PRIVACY = "privacy"  # looks after personal data
        MANAGER = "manager"

    code = models.CharField(max_length=32, unique=True)  # public id, random
    mobile = models.CharField(max_length=16, unique=True)  # E.164, "+989121234567"
    mobile_confirmed_at = models.DateTimeField(null=True)
    full_name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    email_confirmed_at = models.DateTimeField(null=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.CUSTOMER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects = PersonManager()

    USERNAME_FIELD = "mobile"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="role_is_known", condition=Q(role__in=["customer", "orders", "catalogue", "privacy", "manager"])
            ),
        ]

    def __str__(self) -> str:
        return self.code  # logs and error pages must not show a number

    @property
    def is_staff(self) -> bool:
        return self.role != self.Role.CUSTOMER


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="api_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class LoginCode(models.Model):
    """A log-in code sent by SMS, for pages and API alike. Only a keyed hash of it is kept.

    `nth` counts the codes of one number: of two requests at once one finds its place taken, looks
    again, and meets the limit. Only the newest code of a number opens anything.
    """

    mobile = models.CharField(max_length=16)
    nth = models.PositiveIntegerField()
    code_hash = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mobile", "nth"], name="nth_code_once")]
        indexes = [models.Index(fields=["created_at"], name="login_code_by_age")]


# ---- Consent ----


class Consent(models.Model):
    """What somebody wants to hear and how, as it stands now; no row: what `rules.DEFAULT` says (D11, D12)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    topic = models.CharField(max_length=16)
    channel = models.CharField(max_length=8)
    given = models.BooleanField()
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "topic", "channel"], name="consent_stands_once"),
            models.CheckConstraint(
                name="consent_topic_is_known", condition=Q(topic__in=["marketing", "transactional"])
            ),
            models.CheckConstraint(name="consent_channel_is_known", condition=Q(channel__in=["sms", "email"])),
        ]


class ConsentEvent(models.Model):
    """One yes or no, and how it was said."""

    append_only = True

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="consent_events")
    topic = models.CharField(max_length=16)
    channel = models.CharField(max_length=8)
    given = models.BooleanField()
    how = models.CharField(max_length=16)  # profile, welcome, one_click, erasure
    at = models.DateTimeField()
