"""Carriers."""

from django.db import models


class Carrier(models.Model):
    """A carrier that customers may choose (D68)."""

    class Reach(models.TextChoices):
        ALL = "all"
        CENTERS = "centers"  # provincial capitals
        TEHRAN = "tehran"

    slug = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=120)
    note = models.CharField(max_length=200, blank=True)  # "۲ تا ۵ روز کاری"
    reach = models.CharField(max_length=8, choices=Reach.choices)
    fee = models.BigIntegerField()
    max_weight_g = models.PositiveIntegerField()
    position = models.PositiveIntegerField(default=0)
    is_offered = models.BooleanField(default=True)
    is_express = models.BooleanField(default=False)  # delivers at the street door of the building (D53)
