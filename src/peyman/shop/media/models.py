"""Files of pictures and videos, each stored once, and what of them each product shows."""

from django.db import models
from django.db.models import F, Q

from peyman.shop.catalog.models import Product


class MediaFile(models.Model):
    """A picture or a video under the key of its content.

    While it waits, the row is the work: it is due at `due_at`, and whoever takes it in hand moves that ahead. Files lie
    below the folder of media, under names made of the key; they are there before the row says ready.
    """

    class Kind(models.TextChoices):
        PICTURE = "picture"
        VIDEO = "video"

    class State(models.TextChoices):
        WAITING = "waiting"  # came in, nothing is made of it yet
        READY = "ready"
        UNFIT = "unfit"  # `fault` says why; nothing of it is kept
        SWEPT = "swept"  # nothing showed it for long, and its files are gone
        DOWN = "down"  # a takedown says why; nothing shows it, nothing of it is kept, and it is not taken again

    key = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    form = models.CharField(max_length=4)  # of what came, by its content: jpeg, png, webp, mp4, webm
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    incoming = models.CharField(max_length=120, blank=True)  # what came, below PEYMAN_DATA; gone once it is worked on
    size = models.PositiveBigIntegerField()  # bytes of what came
    width = models.PositiveIntegerField()  # pixels; once it is ready, of the widest that is served
    height = models.PositiveIntegerField()
    milliseconds = models.PositiveIntegerField(default=0)  # of a video
    stored = models.PositiveBigIntegerField(default=0)  # bytes of what is kept
    fault = models.CharField(max_length=20, blank=True)
    came_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    ready_at = models.DateTimeField(null=True)
    unused_since = models.DateTimeField(null=True)  # nothing shows it; it is swept in time

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="what_waits_is_due",
                condition=Q(state="waiting", due_at__isnull=False) | (~Q(state="waiting") & Q(due_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="media_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["unused_since"], name="media_unused", condition=Q(unused_since__isnull=False)),
        ]


class ProductMedia(models.Model):
    """A file as one product shows it. What has no words yet, or no poster, is not shown."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="media")
    file = models.ForeignKey(MediaFile, on_delete=models.PROTECT, related_name="shown")
    alt = models.CharField(max_length=200, blank=True)
    color = models.CharField(max_length=60, blank=True)  # of the variants that it shows; empty: of all
    poster = models.ForeignKey(MediaFile, on_delete=models.PROTECT, null=True, related_name="stands_for")
    position = models.PositiveIntegerField()  # the first picture is the main one
    file_name = models.CharField(max_length=200, blank=True)  # as it was called where it came from
    by = models.CharField(max_length=120)
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "file"], condition=Q(removed_at=None), name="a_product_shows_a_file_once"
            ),
            models.CheckConstraint(name="nothing_is_its_own_poster", condition=Q(poster=None) | ~Q(poster=F("file"))),
        ]
        indexes = [models.Index(fields=["product", "position", "id"], name="media_of_product")]


class Takedown(models.Model):
    """A picture or a video was taken out of the world, and who did it why; one may be lifted, none is forgotten.

    The row is the work: at `due_at` its files are looked for and deleted. They are looked for again and again as long
    as it stands, since a worker that was slow, or a folder that is restored, brings them back.
    """

    class Reason(models.TextChoices):
        PRIVACY = "privacy"
        RIGHTS = "rights"
        ORDER = "order"
        OTHER = "other"

    file = models.ForeignKey(MediaFile, on_delete=models.PROTECT, related_name="takedowns")
    reason = models.CharField(max_length=7, choices=Reason.choices)
    why = models.CharField(max_length=300)
    by = models.CharField(max_length=120)
    at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    cleared_at = models.DateTimeField(null=True)  # when first nothing of it was left
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=120, blank=True)
    lifted_why = models.CharField(max_length=300, blank=True)

    change_refused = (
        'OLD.file_id <> NEW.file_id OR OLD.reason <> NEW.reason OR OLD.why <> NEW.why OR OLD."by" <> NEW."by" '
        'OR OLD."at" <> NEW."at" OR OLD.lifted_at IS NOT NULL AND (NEW.lifted_at IS NULL '
        "OR OLD.lifted_at <> NEW.lifted_at OR OLD.lifted_by <> NEW.lifted_by OR OLD.lifted_why <> NEW.lifted_why)"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file"], condition=Q(lifted_at=None), name="a_file_is_down_once"),
            models.CheckConstraint(
                name="what_is_down_is_looked_for", condition=Q(lifted_at__isnull=False) | Q(due_at__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="takedown_due", condition=Q(due_at__isnull=False))]
