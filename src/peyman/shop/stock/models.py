"""Counters of pieces. Nothing points a foreign key at a counter: it is the hottest row there is."""

from django.db import models
from django.db.models import F, Q

from peyman.shop.catalog.models import Variant


class Stock(models.Model):
    """Pieces of one variant: counted in the store, and owed to final orders."""

    variant = models.OneToOneField(Variant, on_delete=models.PROTECT, related_name="stock")
    initial = models.PositiveIntegerField(default=0)  # at first import
    on_hand = models.IntegerField()
    allocated = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="never_oversold", condition=Q(allocated__gte=0, allocated__lte=F("on_hand"))),
        ]


class Movement(models.Model):
    """Why `on_hand` changed: initial + the sum of movements = on hand."""

    append_only = True

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="movements")
    quantity = models.IntegerField()
    reason = models.CharField(max_length=40)  # count, import, delivery, damage
    by = models.CharField(max_length=60)
    at = models.DateTimeField()
