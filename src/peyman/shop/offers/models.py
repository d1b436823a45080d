"""Prices that come later, prices that wait for a second person, and what was done with both."""

from django.db import models
from django.db.models import F, Q

from peyman.shop.catalog.models import Variant


class Plan(models.Model):
    """A price for later: from an instant on, or an offer from one instant until another.

    While it waits or runs the row is the work: it is due at `due_at`, and whoever moves it on does what follows.
    """

    class Kind(models.TextChoices):
        PRICE = "price"  # from `starts_at` on
        OFFER = "offer"  # from `starts_at` until `ends_at`; then what stood before comes back

    class State(models.TextChoices):
        HELD = "held"  # moves too far for one person: see Proposal
        WAITING = "waiting"  # for its instant
        RUNNING = "running"  # an offer, between its instants
        DONE = "done"
        STOPPED = "stopped"  # by staff, or by what stood in its way when its instant came

    code = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    state = models.CharField(max_length=7, choices=State.choices)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="plans")
    price = models.BigIntegerField()
    list_price = models.BigIntegerField()  # of an offer: what was asked before it, written when it begins
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    title = models.CharField(max_length=60, blank=True)  # of an offer, in public
    reason = models.CharField(max_length=40)  # in public: a word of the price history
    why = models.CharField(max_length=300)  # among staff
    by = models.CharField(max_length=60)
    approved_by = models.CharField(max_length=60, blank=True)  # the second person, where one was needed
    made_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    back_price = models.BigIntegerField(null=True)  # what stood before an offer, and comes back
    back_list_price = models.BigIntegerField(null=True)
    began_at = models.DateTimeField(null=True)  # the instant of its step in the price history
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="plan_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["variant", "-starts_at"], name="plan_by_variant"),
        ]
        constraints = [
            models.CheckConstraint(name="planned_price_is_positive", condition=Q(price__gt=0)),
            models.CheckConstraint(name="planned_list_price_is_not_below", condition=Q(list_price__gte=F("price"))),
            models.CheckConstraint(
                name="an_offer_ends_after_it_begins",
                condition=Q(kind="price", ends_at=None) | Q(kind="offer", ends_at__gt=F("starts_at")),
            ),
            models.CheckConstraint(
                name="what_is_planned_is_due",
                condition=Q(state__in=["waiting", "running"], due_at__isnull=False)
                | Q(state__in=["held", "done", "stopped"], due_at=None),
            ),
            models.UniqueConstraint(
                fields=["variant"], condition=Q(state="running"), name="one_offer_of_a_variant_runs"
            ),
        ]


class Proposal(models.Model):
    """A price that moves further than one person may move it; it waits for another."""

    class State(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        REFUSED = "refused"
        REPLACED = "replaced"  # by a later one, or by the end of its plan

    code = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="proposals")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="proposals")
    price = models.BigIntegerField()
    list_price = models.BigIntegerField()
    was_price = models.BigIntegerField()  # when it was asked for; what the second person sees beside it
    was_list_price = models.BigIntegerField()
    limit = models.CharField(max_length=4)  # which it crosses: down, up, list
    source = models.CharField(max_length=10)  # desk, many, import, plan
    reason = models.CharField(max_length=40)
    why = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    decided_by = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "made_at"], name="proposal_by_state")]
        constraints = [
            models.CheckConstraint(name="proposed_price_is_positive", condition=Q(price__gt=0)),
            models.CheckConstraint(
                name="another_person_approves", condition=~Q(state="approved") | ~Q(decided_by=F("by"))
            ),
            models.UniqueConstraint(
                fields=["variant"], condition=Q(state="waiting", plan=None), name="one_price_of_a_variant_waits"
            ),
            models.UniqueConstraint(fields=["plan"], condition=Q(state="waiting"), name="a_plan_waits_once"),
        ]


class Floor(models.Model):
    """Below which a variant is not sold, since it costs more; the newest row counts, 0 is none."""

    append_only = True

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="floors")
    amount = models.BigIntegerField()
    why = models.CharField(max_length=300)
    by = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["variant", "-id"], name="floor_by_variant")]
        constraints = [models.CheckConstraint(name="floor_is_not_negative", condition=Q(amount__gte=0))]


class Act(models.Model):
    """What was done with a plan, a proposal or a floor: who, why, when."""

    append_only = True

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="price_acts")
    subject = models.CharField(max_length=40)  # code of the plan or the proposal; of a floor the SKU
    verb = models.CharField(max_length=12)
    why = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=60)
    details = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["subject", "id"], name="price_act_by_subject")]
