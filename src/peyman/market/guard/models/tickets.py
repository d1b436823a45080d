"""Keys that sign tickets, and what tickets stated: the receipt of each showing of the message (clause B03)."""

from django.db import models
from django.db.models import F, Q

from peyman.sealed import SealedField


class TicketKey(models.Model):
    """One signing key with its plan: published first, signing in signs_from ≤ t < signs_until, then destroyed.

    What verifies tickets (`public`, `anchor`, later `opened`) is kept for ever. Two workers that make the next key at
    once make one: `number` is unique.
    """

    number = models.PositiveIntegerField(unique=True)
    kid = models.CharField(max_length=16, unique=True)  # hex: a hash of all that is fixed about the key
    public = models.CharField(max_length=64)  # Ed25519, hex
    anchor = models.CharField(max_length=64)  # hex; the end of the chain of tag keys, known from the start
    private = SealedField(blank=True)  # hex; empty once it is destroyed
    chain = SealedField(blank=True)  # hex; the beginning of the chain, from which every tag key follows
    naming = SealedField()  # hex; makes pseudonyms of accounts, never disclosed, kept to find accounts by them
    opened = models.CharField(max_length=64, blank=True)  # hex; `chain`, public since no ticket of this key lives
    made_at = models.DateTimeField()  # published from then on
    made_by = models.CharField(max_length=32, blank=True)
    signs_from = models.DateTimeField()
    signs_planned = models.DateTimeField()  # how long the chain of tag keys reaches
    signs_until = models.DateTimeField()  # as planned, or sooner
    destroyed_at = models.DateTimeField(null=True)
    revoked_from = models.DateTimeField(null=True)  # what it signed from then on counts for nothing
    revoked_why = models.CharField(max_length=300, blank=True)

    change_refused = (
        "OLD.number <> NEW.number OR OLD.kid <> NEW.kid OR OLD.public <> NEW.public OR OLD.anchor <> NEW.anchor "
        "OR OLD.made_at <> NEW.made_at OR OLD.signs_from <> NEW.signs_from OR OLD.signs_planned <> NEW.signs_planned "
        "OR NEW.signs_until > OLD.signs_until OR NEW.naming = '' OR (OLD.private = '' AND NEW.private <> '') "
        "OR (OLD.opened <> '' AND OLD.opened <> NEW.opened) "
        "OR (OLD.destroyed_at IS NOT NULL AND (NEW.destroyed_at IS NULL OR OLD.destroyed_at <> NEW.destroyed_at)) "
        "OR (OLD.revoked_from IS NOT NULL AND (NEW.revoked_from IS NULL OR OLD.revoked_from < NEW.revoked_from))"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="ticket_key_signs_within_its_plan",
                condition=Q(signs_until__gte=F("signs_from"), signs_until__lte=F("signs_planned")),
            ),
            models.CheckConstraint(name="ticket_key_is_published_first", condition=Q(made_at__lte=F("signs_from"))),
            models.CheckConstraint(
                name="destroyed_ticket_key_is_gone", condition=Q(destroyed_at=None) | Q(private="", chain="")
            ),
        ]


class Statement(models.Model):
    """What tickets state beside their object and time: of which addresses, to whose customers, on what evidence.

    Written once for each such content, before the first ticket that names it. `code` is a hash of `content`, so a
    ticket commits us to every word of it.
    """

    append_only = True

    code = models.CharField(max_length=32, unique=True)
    content = models.TextField()  # canonical JSON: rules.tickets.content
    operator = models.CharField(max_length=60)
    snapshot = models.CharField(max_length=32)  # code of the registry's list it rests on
    wording = models.PositiveIntegerField()  # number of the text that is shown (rules.wording)
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["recorded_at"], name="statement_recorded")]
