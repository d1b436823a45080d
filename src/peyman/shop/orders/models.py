"""Orders, their lines, and everything that ever happened to them."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from peyman.billing.models import Bill
from peyman.promises.models import TermsVersion
from peyman.sealed import SealedField, SealedJSON
from peyman.shop.catalog.models import Variant


class Order(models.Model):
    """One order. Its state changes through `actions.move` only, over the table in `rules`."""

    class State(models.TextChoices):
        REGISTERED = "registered"
        INCOMPLETE = "incomplete"
        EXPIRED = "expired"
        SHORT = "short"
        FINAL = "final"
        PROCESSED = "processed"
        HANDED_OVER = "handed_over"
        DELIVERED = "delivered"
        CANCELLED = "cancelled"
        VOID = "void"

    code = models.CharField(max_length=32, unique=True)  # public, unguessable; ownership is checked all the same
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders")
    bill = models.OneToOneField(Bill, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.REGISTERED)
    cart_code = models.CharField(max_length=32, null=True, unique=True)
    terms = models.ForeignKey(TermsVersion, on_delete=models.PROTECT)
    terms_sha256 = models.CharField(max_length=64)

    goods_total = models.BigIntegerField()
    fee_packing = models.BigIntegerField()
    fee_shipping = models.BigIntegerField()
    fee_insurance = models.BigIntegerField()
    total = models.BigIntegerField()
    shown_total = models.BigIntegerField()  # what the buyer had before their eyes when placing

    recipient = SealedField()
    mobile = SealedField()
    landline = SealedField(blank=True)
    province = models.CharField(max_length=60)
    city = models.CharField(max_length=80)
    street = SealedField()
    plate = SealedField()
    unit = SealedField(blank=True)
    postal_code = SealedField()
    carrier = models.CharField(max_length=40)
    carrier_title = models.CharField(max_length=120)
    is_express = models.BooleanField(default=False)  # delivered at the street door (D53)

    buyer_kind = models.CharField(
        max_length=12, choices=[("individual", "individual"), ("legal_entity", "legal_entity")]
    )
    buyer: "models.Field[Any, Any]" = SealedJSON(default=dict)  # particulars of a legal entity

    placed_at = models.DateTimeField()
    processing_date = models.DateField()
    pay_until = models.DateTimeField()
    final_at = models.DateTimeField(null=True)
    idempotency_key = models.CharField(max_length=100, null=True)
    request_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "idempotency_key"], name="order_key_once"),
            models.CheckConstraint(
                name="total_adds_up",
                condition=Q(total=F("goods_total") + F("fee_packing") + F("fee_shipping") + F("fee_insurance")),
            ),
            models.CheckConstraint(
                name="final_has_its_cart_code",
                condition=~Q(state__in=["final", "processed", "handed_over", "delivered"])
                | Q(cart_code__isnull=False, final_at__isnull=False),
            ),
            models.CheckConstraint(
                name="state_is_known",
                condition=Q(
                    state__in=[
                        "registered",
                        "incomplete",
                        "expired",
                        "short",
                        "final",
                        "processed",
                        "handed_over",
                        "delivered",
                        "cancelled",
                        "void",
                    ]
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["person", "placed_at"], name="order_by_person"),
            models.Index(fields=["pay_until"], condition=Q(state="registered"), name="order_to_expire"),
            models.Index(fields=["placed_at", "state"], name="order_by_placed"),  # the desk's lists and its chart
            # `state` stands in it so that it can be counted without opening the orders themselves.
            models.Index(fields=["state", "processing_date"], condition=Q(state="final"), name="order_due_to_process"),
            models.Index(fields=["placed_at"], condition=Q(state="short"), name="order_short"),
        ]


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT)
    position = models.PositiveIntegerField()
    sku = models.CharField(max_length=40)
    title = models.CharField(max_length=400)  # as the buyer read it, variant words included
    quantity = models.PositiveIntegerField()
    unit_price = models.BigIntegerField()  # now: after the drops that were applied
    placed_price = models.BigIntegerField()  # when placed

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "variant"], name="variant_once_in_an_order"),
            models.CheckConstraint(name="line_quantity_is_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(
                name="price_only_drops", condition=Q(unit_price__gt=0, unit_price__lte=F("placed_price"))
            ),
        ]


class OrderEvent(models.Model):
    """One step of one order; the order's road is read from here."""

    append_only = True

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    event = models.CharField(max_length=24)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    by = models.CharField(max_length=60)  # "customer", "system", "staff:…"
    clause = models.CharField(max_length=8, blank=True)
    details = models.JSONField(default=dict)
    at = models.DateTimeField()


class InformationRequest(models.Model):
    """What staff asked the customer for, because data of the order are missing or wrong (D39, D41)."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="requests")
    code = models.CharField(max_length=32, unique=True)  # public id, "REQ-…"
    fields = models.JSONField()  # names of the form's fields, as in `rules.requests`
    note = SealedField()  # to the customer
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answer_until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=10,
        blank=True,
        choices=[("answered", "answered"), ("unanswered", "unanswered"), ("cancelled", "cancelled")],
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(closed_at=None), name="one_open_request_for_an_order"
            ),
            models.CheckConstraint(
                name="closed_request_has_its_outcome",
                condition=Q(closed_at=None, outcome="") | Q(closed_at__isnull=False) & ~Q(outcome=""),
            ),
            models.CheckConstraint(
                name="answered_request_has_its_hour",
                condition=Q(outcome="answered", answered_at__isnull=False)
                | ~Q(outcome="answered") & Q(answered_at=None),
            ),
            models.CheckConstraint(name="answer_is_due_after_asking", condition=Q(answer_until__gt=F("asked_at"))),
        ]
        indexes = [models.Index(fields=["answer_until"], condition=Q(closed_at=None), name="request_to_close")]


class Cancellation(models.Model):
    """Why the shop itself ended an order (D28, D32, D33), as its customer was told."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="cancellation")
    reason = models.CharField(max_length=24)  # a code of `rules.reasons`
    note = SealedField(blank=True)  # to the customer
    skus = models.JSONField(default=list)  # the goods it is about
    detected_at = models.DateTimeField()  # from here on the customer had to be told
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="cancelled_after_detection", condition=Q(detected_at__lte=F("at")))]


class AllowedAddress(models.Model):
    """An address that looks like a public place and that staff accepted for one customer (D49), with their reason.

    Of the address itself only a keyed hash is kept.
    """

    append_only = True

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="allowed_addresses")
    address = models.CharField(max_length=64)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "address"], name="address_allowed_once")]


class ProForma(models.Model):
    """A version of the pro-forma as it was sent (D24, A3)."""

    LINK_SALT = "pro-forma"  # of the signed link under which it is read without log-in (A12)

    append_only = True

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="pro_formas")
    version = models.PositiveIntegerField()
    total = models.BigIntegerField()
    lines = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "version"], name="pro_forma_version_once")]
