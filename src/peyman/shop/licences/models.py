"""Licences to read the catalogue by machine, their uses, and who was too much of a reader (D19)."""

from django.db import models
from django.db.models import F, Q


class Licence(models.Model):
    """A written permission with a key. The key itself was shown once and is nowhere."""

    code = models.CharField(max_length=40, unique=True)
    key_hash = models.CharField(max_length=64, unique=True)
    form_key = models.CharField(max_length=40, unique=True)  # of the form: sent twice, it is one licence
    owner = models.CharField(max_length=120)
    purpose = models.CharField(max_length=300)
    contact = models.CharField(max_length=120)
    per_day = models.PositiveIntegerField()  # goods a day of Tehran
    valid_until = models.DateTimeField()
    granted_by = models.CharField(max_length=60)  # code of a person
    granted_at = models.DateTimeField()
    revoked_by = models.CharField(max_length=60, blank=True)
    revoked_why = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True)

    change_refused = (
        "OLD.code <> NEW.code OR OLD.key_hash <> NEW.key_hash OR OLD.owner <> NEW.owner OR OLD.purpose <> NEW.purpose "
        "OR OLD.contact <> NEW.contact OR OLD.per_day <> NEW.per_day OR OLD.valid_until <> NEW.valid_until "
        "OR OLD.granted_by <> NEW.granted_by OR OLD.granted_at <> NEW.granted_at OR OLD.revoked_at IS NOT NULL"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="licence_ends_after_it_began", condition=Q(valid_until__gt=F("granted_at"))),
        ]


class LicenceUse(models.Model):
    """One answer to one call: so many goods were handed out."""

    append_only = True

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="uses")
    day = models.DateField()  # of Tehran
    goods = models.PositiveIntegerField()
    format = models.CharField(max_length=8)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["licence", "day"], name="licence_use_by_day")]


class ReaderMinute(models.Model):
    """The heaviest readers of one minute, as one process counted them. Gone after a day."""

    process = models.CharField(max_length=16)
    minute_at = models.DateTimeField()
    total = models.PositiveIntegerField()
    readers = models.JSONField()  # [[hidden key, shortened address, pages by kind, refused], …], the heaviest first

    class Meta:
        constraints = [models.UniqueConstraint(fields=["process", "minute_at"], name="a_minute_is_written_once")]
        indexes = [models.Index(fields=["minute_at"], name="reader_minute_by_age")]


class ReaderHold(models.Model):
    """Staff shut a reader out, for a reason and until an instant. A day after it is over nobody knows whom."""

    reader = models.CharField(max_length=40, blank=True)  # hidden key; empty once forgotten
    shown = models.CharField(max_length=60, blank=True)  # shortened address, likewise
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=60)
    at = models.DateTimeField()
    ends_at = models.DateTimeField()
    lifted_by = models.CharField(max_length=60, blank=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(name="hold_ends_after_it_began", condition=Q(ends_at__gt=F("at")))]
        indexes = [models.Index(fields=["ends_at"], name="reader_hold_by_end")]
