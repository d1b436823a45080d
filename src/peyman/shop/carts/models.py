"""Carts. They reserve nothing (D54): no row outside this room is touched by them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from peyman.shop.catalog.models import Variant


class Cart(models.Model):
    """One per person, or one per visitor (`key` is in the visitor's session)."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="cart")
    key = models.CharField(max_length=40, null=True, unique=True)
    seen_at = models.DateTimeField()  # last time the cart was shown: changes are told against it
    created_at = models.DateTimeField()
    left_out = models.JSONField(default=list)  # titles that found no place at the last merge, until they are told

    class Meta:
        constraints = [
            models.CheckConstraint(name="cart_has_an_owner", condition=Q(person__isnull=False) | Q(key__isnull=False)),
        ]
        indexes = [models.Index(fields=["seen_at"], name="cart_by_age")]


class CartLine(models.Model):
    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    seen_price = models.BigIntegerField()  # unit price when last shown (D56: old → new)
    added_at = models.DateTimeField()
    is_later = models.BooleanField(default=False)  # put aside for another day: shown, never ordered
    device = models.CharField(max_length=12, blank=True, default="")  # mark of whoever set the number last
    changed_at = models.DateTimeField(null=True)  # when that was

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cart", "variant"], name="variant_once_in_a_cart"),
            models.CheckConstraint(name="quantity_is_positive", condition=Q(quantity__gt=0)),
        ]
