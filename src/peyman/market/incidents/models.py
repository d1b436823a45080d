"""Runs of the audit that were handed in, and incidents: what happened, each step of ours, and what we said of it.

What was found, decided and said is never rewritten: a later run, step or notice is a row of its own.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from peyman.sealed import SealedField


class AuditRun(models.Model):
    """One finished answer of the tariff audit, kept whole below PEYMAN_DATA under the hash of its manifest."""

    class State(models.TextChoices):
        TAKEN = "taken"  # its files are what its manifest says
        RECOUNTED = "recounted"  # the rule in Python came to the same, to the byte
        DIFFERS = "differs"  # it did not

    code = models.CharField(max_length=32, unique=True)
    sha256 = models.CharField(max_length=64)  # of manifest.json, which holds the hash of every other file
    folder = models.CharField(max_length=120)  # below PEYMAN_DATA
    files = models.JSONField()  # name → sha256
    totals = models.JSONField()  # totals.json
    intervals = models.JSONField()  # intervals.json
    operators = models.JSONField()  # operator → {users, lines, bytes, rials_low, rials_high, anonymous_…}
    users = models.PositiveIntegerField(null=True)  # that can be told apart, each once, whatever operators they had
    parameters = models.JSONField()  # what the answer depends on besides files
    code_version = models.CharField(max_length=40, blank=True)
    first_day = models.DateField(null=True)  # Tehran days that it audited; null where it says none
    last_day = models.DateField(null=True)
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    made_at = models.DateTimeField()  # when it was handed in: from then on we knew (B10)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices)
    recounted_at = models.DateTimeField(null=True)
    recount = models.JSONField(null=True)  # {"ok": …, "differences": […]}

    change_refused = (
        "OLD.code <> NEW.code OR OLD.sha256 <> NEW.sha256 OR OLD.folder <> NEW.folder OR OLD.files <> NEW.files "
        "OR OLD.totals <> NEW.totals OR OLD.intervals <> NEW.intervals OR OLD.operators <> NEW.operators "
        "OR OLD.made_at <> NEW.made_at OR (OLD.state <> 'taken' AND NEW.state = 'taken')"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sha256"], name="run_taken_once"),
            models.CheckConstraint(name="run_state_is_known", condition=Q(state__in=["taken", "recounted", "differs"])),
            models.CheckConstraint(
                name="run_is_recounted_at_some_time", condition=Q(state="taken") | Q(recounted_at__isnull=False)
            ),
            models.CheckConstraint(
                name="run_days_run_forward", condition=Q(first_day=None) | Q(last_day__gte=F("first_day"))
            ),
        ]
        indexes = [models.Index(fields=["made_at"], name="run_made")]


class SigningKey(models.Model):
    """A key of the house that signs steps. The public half is kept for ever; the newest one signs."""

    kid = models.CharField(max_length=16, unique=True)
    public = models.CharField(max_length=64)  # Ed25519, base64url
    private = SealedField()
    made_at = models.DateTimeField()

    change_refused = "OLD.kid <> NEW.kid OR OLD.public <> NEW.public OR OLD.made_at <> NEW.made_at"


class Incident(models.Model):
    """Downloads were announced at half price and billed in full: since when, why, whom, how much, who knew when."""

    class State(models.TextChoices):
        DETECTED = "detected"
        CONFIRMED = "confirmed"  # the run was recounted and a person answers for it
        PUBLISHED = "published"
        CLOSED = "closed"  # its cause is gone and stayed away
        DISMISSED = "dismissed"  # none of ours, with the reason

    class Origin(models.TextChoices):
        RUN = "run"
        DRIFT = "drift"
        STAFF = "staff"

    code = models.CharField(max_length=32, unique=True)
    title = models.CharField(max_length=160)
    state = models.CharField(max_length=9, choices=State.choices)
    origin = models.CharField(max_length=5, choices=Origin.choices)
    drifts = models.JSONField(default=list)  # codes
    run = models.ForeignKey(AuditRun, on_delete=models.PROTECT, null=True, related_name="incidents")
    opened_at = models.DateTimeField()  # when we knew (B10)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)  # closed or dismissed

    change_refused = (
        "OLD.code <> NEW.code OR OLD.origin <> NEW.origin OR OLD.opened_at <> NEW.opened_at "
        "OR (OLD.state IN ('closed', 'dismissed') AND OLD.state <> NEW.state)"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="incident_state_is_known",
                condition=Q(state__in=["detected", "confirmed", "published", "closed", "dismissed"]),
            ),
            models.CheckConstraint(
                name="incident_ended_once_over",
                condition=Q(state__in=["closed", "dismissed"], ended_at__isnull=False)
                | (~Q(state__in=["closed", "dismissed"]) & Q(ended_at=None)),
            ),
            models.CheckConstraint(
                name="incident_of_no_run_is_not_confirmed",
                condition=Q(run__isnull=False) | Q(state__in=["detected", "dismissed"]),
            ),
        ]
        indexes = [models.Index(fields=["opened_at"], name="incident_opened")]


class Stretch(models.Model):
    """In this time these addresses were at full price for an operator's users who had been told "half price".

    Believed from `recorded_at` until before `superseded_at`, when another run took this one's place.
    """

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="stretches")
    run = models.ForeignKey(AuditRun, on_delete=models.PROTECT, null=True, related_name="+")
    edges = models.JSONField()  # prefixes, canonical
    operator = models.CharField(max_length=60, blank=True)  # blank: every one
    cause = models.CharField(max_length=40)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)  # open: nothing that we hold shows that it is over
    measured_to = models.DateTimeField(null=True)  # of a run: as far as it can say
    lines = models.PositiveBigIntegerField(null=True)  # null: not counted yet
    bytes = models.PositiveBigIntegerField(null=True)
    rials_low = models.PositiveBigIntegerField(null=True)  # null: not known, never 0 for that
    rials_high = models.PositiveBigIntegerField(null=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    change_refused = (
        "OLD.incident_id <> NEW.incident_id OR OLD.edges <> NEW.edges OR OLD.operator <> NEW.operator "
        "OR OLD.starts_at <> NEW.starts_at OR OLD.recorded_at <> NEW.recorded_at OR OLD.superseded_at IS NOT NULL "
        "OR (OLD.bytes IS NOT NULL AND (NEW.bytes IS NULL OR OLD.bytes <> NEW.bytes)) "
        "OR (OLD.rials_low IS NOT NULL AND (NEW.rials_low IS NULL OR OLD.rials_low <> NEW.rials_low)) "
        "OR (OLD.rials_high IS NOT NULL AND (NEW.rials_high IS NULL OR OLD.rials_high <> NEW.rials_high))"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="stretch_runs_forward", condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(
                name="stretch_bounds_in_order",
                condition=Q(rials_low=None) | Q(rials_high=None) | Q(rials_high__gte=F("rials_low")),
            ),
        ]


class Step(models.Model):
    """One step of an incident, signed: its content is the very text that was hashed and signed, with the hash of the
    step before it, so that nothing can be changed, left out or put between unnoticed.
    """

    append_only = True

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField()  # 1, 2, 3, …
    event = models.CharField(max_length=12)
    to = models.CharField(max_length=9)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    content = models.TextField()  # canonical JSON
    sha256 = models.CharField(max_length=64, unique=True)
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="+")
    signature = models.CharField(max_length=100)  # Ed25519 of content, base64url

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="step_follows_one")]


class Notice(models.Model):
    """One published version of the notice of an incident. Its amounts are the run's, bound by the run's hash (B11)."""

    append_only = True

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="notices")
    number = models.PositiveIntegerField()  # 1, 2, 3, …
    run = models.ForeignKey(AuditRun, on_delete=models.PROTECT, related_name="+")
    content = models.TextField()  # canonical JSON: words and facts as published
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    until_day = models.DateField()  # the last day of the window, inclusive, in Tehran

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="notice_follows_one")]
        indexes = [models.Index(fields=["published_at"], name="notice_published")]


class Edition(models.Model):
    """How often what is open changed: one row, moved by whoever changes it."""

    number = models.PositiveBigIntegerField()
