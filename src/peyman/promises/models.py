"""Published terms, who accepted them, the holiday table, and the promise ledger."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class TermsVersion(models.Model):
    """One published version of the terms. Never edited; a change is a new version (D03, D04)."""

    append_only = True

    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=200)
    parameters = models.JSONField()  # name -> whole number or text
    sha256 = models.CharField(max_length=64, unique=True)  # of the canonical JSON of title, parameters, clauses
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
        BROKEN = "broken"  # its time passed; may still be done, late (kept_at)
        WAIVED = "waived"

    code = models.CharField(max_length=32, unique=True)  # public id
    clause = models.CharField(max_length=8)
    kind = models.CharField(max_length=40)  # "pro_forma", "cart_code", "refund", …
    subject = models.CharField(max_length=60)  # "order:ORD-…", "refund:…"
    order = models.CharField(max_length=32, blank=True)  # the order's code, to list by
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="promises")
    what = models.CharField(max_length=250)  # the sentence the customer reads
    # A handful of versions: an index over them finds nothing and costs a write at each promise.
    terms = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, db_index=False)
    calendar = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, db_index=False)
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
            models.CheckConstraint(
                name="promise_state_is_known", condition=Q(state__in=["open", "kept", "broken", "waived"])
            ),
            models.CheckConstraint(name="promise_hours_are_known", condition=Q(hours_kind__in=["working", "calendar"])),
            models.CheckConstraint(name="due_is_not_before_start", condition=Q(due_at__gte=F("start"))),
            models.CheckConstraint(
                name="kept_promise_was_in_time",
                condition=~Q(state="kept") | Q(kept_at__isnull=False, kept_at__lt=F("due_at")),
            ),
            models.CheckConstraint(
                name="broken_promise_was_late",
                condition=Q(state="broken", broken_at__isnull=False, broken_at=F("due_at"))
                | (~Q(state="broken") & Q(broken_at=None)),
            ),
            models.CheckConstraint(
                name="kept_after_all_was_late",
                condition=~Q(state="broken") | Q(kept_at=None) | Q(kept_at__gte=F("due_at")),
            ),
            models.CheckConstraint(
                name="only_ended_promises_were_kept", condition=Q(state__in=["kept", "broken"]) | Q(kept_at=None)
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="open"), name="promise_open_by_due"),  # the sweep
            models.Index(fields=["due_at"], name="promise_by_due"),  # the record of a week
            models.Index(fields=["kept_at"], condition=Q(kept_at__isnull=False), name="promise_by_kept"),
            models.Index(fields=["order"], name="promise_by_order"),
        ]


class PromiseEvent(models.Model):
    """What happened to a promise, each at most once: made, kept, broken, kept_late, waived."""

    append_only = True

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="events", db_index=False)
    event = models.CharField(max_length=12)
    at = models.DateTimeField()
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["promise", "event"], name="promise_event_once"),
        ]
