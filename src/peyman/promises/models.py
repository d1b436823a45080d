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
    source = models.TextField(blank=True, default="")  # the TOML it was read from; an edited copy begins with it
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


class ForceMajeure(models.Model):
    """A declared period in which promises in scope do not run (D121). Ending it early is a row of its own."""

    append_only = True

    code = models.CharField(max_length=32, unique=True)  # public id, "FMJ-…"
    title = models.CharField(max_length=160)
    text = models.TextField()  # published as it is
    signer = models.CharField(max_length=160)  # name and office, as published
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)  # as declared; empty = until further notice
    scope = models.JSONField()  # {"clauses": [...], "kinds": [...], "provinces": [...]}; an empty list = all
    declared_at = models.DateTimeField()
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    declared_in = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, related_name="declared")

    class Meta:
        constraints = [
            models.CheckConstraint(name="pause_runs_forward", condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")))
        ]


class ForceMajeureEnd(models.Model):
    """A declared period ended, before its declared end or where it had none."""

    append_only = True

    period = models.OneToOneField(ForceMajeure, on_delete=models.PROTECT, related_name="end")
    at = models.DateTimeField()  # from here on clocks run again
    note = models.TextField()  # published as it is
    ended_at = models.DateTimeField()  # when staff said so
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_in = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, related_name="ended")


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
    province = models.CharField(max_length=60, blank=True, default="")  # where it is kept, for what stops there (D121)
    what = models.CharField(max_length=250)  # the sentence the customer reads
    # A handful of versions: an index over them finds nothing and costs a write at each promise.
    terms = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, db_index=False)
    calendar = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, db_index=False)
    start = models.DateTimeField()
    hours = models.PositiveIntegerField()
    hours_kind = models.CharField(max_length=8, choices=[("working", "working"), ("calendar", "calendar")])
    due_at = models.DateTimeField()
    held_since = models.DateTimeField(null=True)  # its clock stands; due_at is what it would be if it ran on from here
    pauses = models.JSONField(default=list)  # codes of the declared periods that lie in its way
    # Spans in which this one's own clock stood, as [since, until] in ISO; `until` is null while it stands (D39).
    stops = models.JSONField(default=list)
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
            models.CheckConstraint(name="only_open_promises_are_held", condition=Q(state="open") | Q(held_since=None)),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="open"), name="promise_open_by_due"),  # the sweep
            models.Index(fields=["due_at"], name="promise_by_due"),  # the record of a week
            models.Index(fields=["kept_at"], condition=Q(kept_at__isnull=False), name="promise_by_kept"),
            models.Index(fields=["order"], name="promise_by_order"),
        ]


class PromiseEvent(models.Model):
    """What happened to a promise: made, kept, broken, kept_late, waived, alarmed, each at most once; and moved, once
    for each `cause` ("calendar:7": the version of the calendar that moved it).
    """

    append_only = True

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="events", db_index=False)
    event = models.CharField(max_length=12)
    cause = models.CharField(max_length=40, blank=True, default="")
    at = models.DateTimeField()
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["promise", "event", "cause"], name="promise_event_once"),
        ]


class Remedy(models.Model):
    """What the terms owe for a broken promise. Owed here; paying it is a row elsewhere, and this one stays."""

    append_only = True

    promise = models.OneToOneField(Promise, on_delete=models.PROTECT, related_name="remedy")
    amount = models.PositiveBigIntegerField()  # rials
    reason = models.CharField(max_length=250)  # the sentence the customer reads
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="remedy_is_something", condition=Q(amount__gt=0))]
