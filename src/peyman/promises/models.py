"""Published terms, who accepted them, the holiday table, and the promise ledger."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class TermsVersion(models.Model):
    """One published version of the terms. Never edited; a change is a new version (D03, D04)."""

    append_only = True

    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=200)
    parameters = models.JSONField()  # name -> whole number or text
    sha256 = models.CharField(max_length=64)  # of the canonical JSON of title, parameters, clauses
    published_at = models.DateTimeField()
    effective_at = models.DateTimeField()


class TermsClause(models.Model):
    """The Persian text of one clause in one version."""

    append_only = True

    version = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, related_name="clauses")
    clause = models.CharField(max_length=8)  # register id, "D57"; never shown
    number = models.CharField(max_length=12)  # published, "11-4"
    section = models.CharField(max_length=120)
    title = models.CharField(max_length=160)
    text = models.TextField()
    position = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "clause"], name="clause_once_in_a_version"),
            models.UniqueConstraint(fields=["version", "number"], name="number_once_in_a_version"),
        ]


class Acceptance(models.Model):
    """Who accepted which text, how, and for what (D01, D02). Implied and explicit are never mixed."""

    append_only = True

    class Kind(models.TextChoices):
        SIGN_UP = "sign_up"
        ORDER = "order"
        IMPLIED = "implied"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acceptances")
    version = models.ForeignKey(TermsVersion, on_delete=models.PROTECT)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    sha256 = models.CharField(max_length=64)
    subject = models.CharField(max_length=60, blank=True)  # "order:ORD-…"
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "version", "kind", "subject"], name="accepted_once"),
        ]


class CalendarVersion(models.Model):
    """A state of the holiday table. Each change of holidays makes a new one."""

    append_only = True

    number = models.PositiveIntegerField(unique=True)
    source = models.CharField(max_length=120)
    made_at = models.DateTimeField()


class Holiday(models.Model):
    """A closed day: in force from `added_in` until `removed_in` (exclusive; empty = still)."""

    date = models.DateField()
    title = models.CharField(max_length=160)
    added_in = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, related_name="added")
    removed_in = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, null=True, related_name="removed")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["date"], condition=Q(removed_in=None), name="holiday_once"),
        ]


class Promise(models.Model):
    """One duty to one customer: what, until when, by which clause, and how it ended."""

    class State(models.TextChoices):
        OPEN = "open"
        KEPT = "kept"
        BROKEN = "broken"  # its time passed; may still be done, late (done_at)
        WAIVED = "waived"

    code = models.CharField(max_length=32, unique=True)  # public id
    clause = models.CharField(max_length=8)
    kind = models.CharField(max_length=40)  # "pro_forma", "cart_code", "refund", …
    subject = models.CharField(max_length=60)  # "order:ORD-…", "refund:…"
    order = models.CharField(max_length=32, blank=True)  # the order's code, to list by
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="promises")
    what = models.CharField(max_length=250)  # the sentence the customer reads
    terms = models.ForeignKey(TermsVersion, on_delete=models.PROTECT)
    calendar = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT)
    start = models.DateTimeField()
    hours = models.PositiveIntegerField()
    hours_kind = models.CharField(max_length=8, choices=[("working", "working"), ("calendar", "calendar")])
    due_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    kept_at = models.DateTimeField(null=True)
    broken_at = models.DateTimeField(null=True)  # = due_at of a promise that was not kept in time
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "kind"], name="promised_once"),
            models.CheckConstraint(name="kept_promise_has_its_hour", condition=~Q(state="kept") | Q(kept_at__isnull=False)),
            models.CheckConstraint(name="broken_promise_has_its_hour", condition=~Q(state="broken") | Q(broken_at__isnull=False)),
            models.CheckConstraint(name="due_is_not_before_start", condition=Q(due_at__gte=models.F("start"))),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"], name="promise_by_due"),
            models.Index(fields=["order"], name="promise_by_order"),
        ]


class PromiseEvent(models.Model):
    """What happened to a promise, in order: made, kept, broken, kept_late, waived."""

    append_only = True

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="events")
    event = models.CharField(max_length=12)
    at = models.DateTimeField()
    evidence = models.JSONField(default=dict)
