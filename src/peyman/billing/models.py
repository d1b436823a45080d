"""Bills, payments, refunds, and the double-entry ledger. All money is whole rials."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Bill(models.Model):
    """What one person owes for one thing, what came in, and what went back."""

    subject = models.CharField(max_length=60, unique=True)  # "order:ORD-…"
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bills")
    amount = models.BigIntegerField()
    paid = models.BigIntegerField(default=0)  # captured, all payments
    refunded = models.BigIntegerField(default=0)  # owed back or given back
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="amount_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="refunded_within_paid", condition=Q(refunded__gte=0, refunded__lte=F("paid"))),
        ]


class Payment(models.Model):
    """One try to pay one bill through one gateway.

    new → pending (has a token) → verifying (we are about to tell the bank, or did) → captured,
    or failed (the bank says unpaid), or returned (paid, not verified by us, the bank gave it back).
    """

    class State(models.TextChoices):
        NEW = "new"
        PENDING = "pending"
        VERIFYING = "verifying"
        CAPTURED = "captured"
        FAILED = "failed"
        RETURNED = "returned"

    code = models.CharField(max_length=32, unique=True)
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="payments")
    gateway = models.CharField(max_length=20)
    terminal = models.CharField(max_length=64)
    token = models.CharField(max_length=80, null=True)
    amount = models.BigIntegerField()  # frozen for the life of the token
    state = models.CharField(max_length=10, choices=State.choices, default=State.NEW)
    refnum = models.CharField(max_length=80, null=True)
    card_mask = models.CharField(max_length=24, blank=True)
    refunded = models.BigIntegerField(default=0)  # owed back or given back
    created_at = models.DateTimeField()
    token_until = models.DateTimeField()
    captured_at = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True)  # the sweep asks the bank from here on; empty = nothing left to ask
    checks = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    idempotency_key = models.CharField(max_length=100, null=True)
    request_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "token"], name="token_once"),
            models.UniqueConstraint(fields=["gateway", "refnum"], name="receipt_once"),
            models.UniqueConstraint(fields=["bill", "idempotency_key"], name="payment_key_once"),
            models.CheckConstraint(name="payment_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="captured_has_its_receipt",
                condition=~Q(state="captured") | Q(refnum__isnull=False, captured_at__isnull=False),
            ),
            models.CheckConstraint(
                name="payment_refunded_within_amount", condition=Q(refunded__gte=0, refunded__lte=F("amount"))
            ),
        ]
        indexes = [models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="payment_to_check")]


class Refund(models.Model):
    """Money owed back, from acceptance to the proof that it arrived (D30)."""

    class State(models.TextChoices):
        OWED = "owed"
        ASKED = "asked"  # we asked the bank and do not know yet
        DONE = "done"

    class Kind(models.TextChoices):
        REVERSAL = "reversal"  # the whole payment, within minutes
        REFUND = "refund"  # a transfer

    code = models.CharField(max_length=32, unique=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    reason = models.CharField(max_length=40)
    clause = models.CharField(max_length=8)
    state = models.CharField(max_length=5, choices=State.choices, default=State.OWED)
    provider_ref = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)  # next try; empty = done
    tries = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "reason"], name="refund_once_for_a_reason"),
            models.CheckConstraint(name="refund_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="done_has_its_hour", condition=~Q(state="done") | Q(done_at__isnull=False)),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="refund_waiting")]


class Entry(models.Model):
    """One side of a posting. The entries of one `posting` add up to nothing.

    Accounts: `gateway:<name>` (asset: the bank holds it for us), `unallocated` (received, not yet
    matched to a final order), `orders` (received for final orders), `refunds` (owed back).
    `amount` is positive for debit, negative for credit.
    """

    append_only = True

    posting = models.CharField(max_length=80)  # "capture:PAY-…", "final:ORD-…", "refund:REF-…", "returned:REF-…"
    account = models.CharField(max_length=40)
    amount = models.BigIntegerField()
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="entries")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["posting", "account"], name="posted_once"),
            models.CheckConstraint(name="entry_is_not_nothing", condition=~Q(amount=0)),
        ]
        indexes = [models.Index(fields=["account", "bill"], name="entry_by_account")]


class Statement(models.Model):
    """A bank's own file, taken in once."""

    append_only = True

    code = models.CharField(max_length=32, unique=True)
    sha256 = models.CharField(max_length=64, unique=True)
    lines = models.PositiveIntegerField()  # read, duplicates not counted
    duplicates = models.PositiveIntegerField()
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField()
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")


class StatementDifference(models.Model):
    """What a statement and our ledger do not agree on, until it is settled: by a later statement, or by a person.

    `how` and `kind` are those of `rules.statements`; of what the bank says `theirs` is the amount, of ours `ours`.
    """

    code = models.CharField(max_length=32, unique=True)
    key = models.CharField(max_length=200)  # the same for the same difference
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="differences")  # showed it first
    line = models.PositiveIntegerField(null=True)
    how = models.CharField(max_length=20)
    kind = models.CharField(max_length=8, blank=True)
    terminal = models.CharField(max_length=80, blank=True)
    refnum = models.CharField(max_length=80, blank=True)
    why = models.CharField(max_length=20, blank=True)  # of an unreadable line: which column
    theirs = models.BigIntegerField(null=True)
    ours = models.BigIntegerField(null=True)
    at = models.DateTimeField(null=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="differences")
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, null=True, related_name="differences")
    found_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    settled_in = models.ForeignKey(Statement, on_delete=models.PROTECT, null=True, related_name="settled")
    note = models.CharField(max_length=300, blank=True)

    change_refused = (
        "OLD.code <> NEW.code OR OLD.key <> NEW.key OR OLD.how <> NEW.how OR OLD.statement_id <> NEW.statement_id "
        "OR OLD.settled_at IS NOT NULL"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(settled_at=None), name="difference_open_once"),
            models.CheckConstraint(
                name="difference_is_settled_by_somebody",
                condition=Q(settled_at=None) | Q(settled_by__isnull=False) & ~Q(note="") | Q(settled_in__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["found_at"], condition=Q(settled_at=None), name="difference_open")]
