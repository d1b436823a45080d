"""What is served from where, what was dark and until when, and what the guard last looked at."""

from django.db import models
from django.db.models import F, Q


class Delivery(models.Model):
    """We believed, from `recorded_at` until before `superseded_at`, that in this span `cdns` and `prefixes` serve the
    objects of `pattern` to `operators`.

    `cdns` stand for whatever edges are declared for them (`market.tariff`), `prefixes` for themselves; no operators:
    to all of them. `pattern` is an object's path, or the beginning of paths and `*`. Nothing of a row is ever changed
    but that it is superseded, once.
    """

    name = models.CharField(max_length=60)
    pattern = models.CharField(max_length=300)
    cdns = models.JSONField(default=list)
    prefixes = models.JSONField(default=list)  # canonical
    operators = models.JSONField(default=list)
    dark_because = models.CharField(max_length=300, blank=True)  # staff keep it dark, and say why
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)  # open
    note = models.CharField(max_length=300, blank=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    recorded_by = models.CharField(max_length=32, blank=True)  # a member of staff, or blank for the command line

    change_refused = " OR ".join(
        [
            *(
                f"OLD.{column} <> NEW.{column}"
                for column in ("name", "pattern", "dark_because", "valid_from", "recorded_at", "recorded_by")
            ),
            "(OLD.valid_to IS NULL) <> (NEW.valid_to IS NULL)",
            "OLD.valid_to <> NEW.valid_to",
            "OLD.superseded_at IS NOT NULL",
        ]
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "valid_from"], condition=Q(superseded_at=None), name="delivery_believed_once"
            ),
            models.CheckConstraint(
                name="delivery_ends_after_it_begins", condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from"))
            ),
            models.CheckConstraint(
                name="delivery_believed_before_superseded",
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("recorded_at")),
            ),
        ]


class Spell(models.Model):
    """A delivery was found dark for an operator from `since` on, and found in order again at `gone_at` (null: not yet).

    It is lit again only some time after that (B02), whatever restarted in between.
    """

    delivery = models.CharField(max_length=60)
    operator = models.CharField(max_length=60)
    reason = models.CharField(max_length=60)
    since = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    change_refused = (
        "OLD.delivery <> NEW.delivery OR OLD.operator <> NEW.operator OR OLD.reason <> NEW.reason "
        "OR OLD.since <> NEW.since OR OLD.gone_at IS NOT NULL"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "operator"], condition=Q(gone_at=None), name="spell_open_once"),
            models.CheckConstraint(
                name="spell_ends_after_it_begins", condition=Q(gone_at=None) | Q(gone_at__gte=F("since"))
            ),
        ]
        indexes = [models.Index(fields=["gone_at"], name="spell_gone_at")]


class Watch(models.Model):
    """How often deliveries or spells changed, and what the sweep last looked at: one row, locked by who changes it."""

    edition = models.PositiveBigIntegerField(default=0)
    mark = models.CharField(max_length=200, blank=True)
    next_at = models.DateTimeField(null=True)
