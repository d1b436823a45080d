"""Counters of pieces. Nothing points a foreign key at a counter: it is the hottest row there is."""

from django.db import models
from django.db.models import F, Q

from peyman.shop.catalog.models import Variant

_TURN = (
    "BEGIN INSERT INTO catalog_edition (id, number) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET number = number + 1; END"
)


class Stock(models.Model):
    """Pieces of one variant: counted in the store, and owed to final orders."""

    variant = models.OneToOneField(Variant, on_delete=models.PROTECT, related_name="stock")
    initial = models.PositiveIntegerField(default=0)  # at first import
    on_hand = models.IntegerField()
    allocated = models.IntegerField(default=0)

    # What is sold out stands behind what can be bought: the catalogue's edition turns when that changes, not with each
    # sale. On PostgreSQL a migration made the same.
    sqlite_triggers = {
        "stock_sold_out_or_back": (
            "AFTER UPDATE OF on_hand, allocated ON stock_stock "
            "WHEN (old.on_hand > old.allocated) <> (new.on_hand > new.allocated) " + _TURN
        ),
        "stock_counted_first": "AFTER INSERT ON stock_stock WHEN new.on_hand > new.allocated " + _TURN,
    }

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
