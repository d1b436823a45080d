"""Bills, payments, refunds and their transfers, and the double-entry ledger. All money is whole rials."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from peyman.sealed import HashField, SealedField


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
        REFUND = "refund"  # a transfer by the gateway
        PAYA = "paya"  # a transfer of ours to the account that the customer declared (D35)

    code = models.CharField(max_length=32, unique=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    reason = models.CharField(max_length=40)
    clause = models.CharField(max_length=8)
    state = models.CharField(max_length=5, choices=State.choices, default=State.OWED)
    provider_ref = models.CharField(max_length=80, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")  # staff
    needs = models.PositiveSmallIntegerField(default=0)  # so many different persons must stand behind it …
    given = models.PositiveSmallIntegerField(default=0)  # … and so many do, who caused it among them
    paya_why = models.CharField(max_length=40, blank=True)  # why the gateway could not, as it said
    paya_at = models.DateTimeField(null=True)  # since when it goes by Paya
    carried = models.BigIntegerField(default=0)  # of `amount`, in lines that are drafted, sent or paid
    returns = models.PositiveSmallIntegerField(default=0)  # times that it was done and the bank gave it back to us
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)  # next try of the worker; empty = it has nothing to do
    tries = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "reason"], name="refund_once_for_a_reason"),
            models.CheckConstraint(name="refund_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="done_has_its_hour", condition=~Q(state="done") | Q(done_at__isnull=False)),
            models.CheckConstraint(
                name="refund_carried_within_amount", condition=Q(carried__gte=0, carried__lte=F("amount"))
            ),
            models.CheckConstraint(name="refund_given_within_needs", condition=Q(given__lte=F("needs"))),
            models.CheckConstraint(name="only_paya_is_carried", condition=Q(kind="paya") | Q(carried=0)),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="refund_waiting"),
            models.Index(fields=["created_at"], condition=~Q(state="done"), name="refund_owed"),
        ]

    @property
    def subject(self) -> str:
        """What its promise is made about: a refund that came back from the bank is promised anew."""
        return f"refund:{self.code}/{self.returns}" if self.returns else f"refund:{self.code}"


class RefundApproval(models.Model):
    """One more person stands behind a refund (see `Refund.needs`)."""

    append_only = True

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="approvals")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["refund", "by"], name="refund_approved_once_by_one")]


# ---- Transfers of ours ----


class Account(models.Model):
    """A Sheba that a customer declared for money to go back to (D35). Another one replaces it, and the old stays.

    In force while `replaced_at` is empty. Money goes there once a person of finance saw whose it is (`seen_at`), and no
    more once it was refused: by such a person, or by the bank that gave a transfer back.
    """

    code = models.CharField(max_length=32, unique=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="accounts")
    number = SealedField(blank=True)  # "IR" and 24 digits; empty once erased
    number_hash = HashField(of="number", about="sheba", db_index=True)
    declared_at = models.DateTimeField()
    # Staff who wrote it down for an owner who cannot log in, and how the owner told it.
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    declared_how = models.CharField(max_length=300, blank=True)
    replaced_at = models.DateTimeField(null=True)
    seen_name = SealedField(blank=True)  # the holder, as the bank's inquiry named them
    seen_why = models.CharField(max_length=300, blank=True)  # why another name than the customer's was accepted
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    refused_why = models.CharField(max_length=300, blank=True)
    refused_at = models.DateTimeField(null=True)
    refused_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    change_refused = (
        "OLD.code <> NEW.code OR OLD.person_id <> NEW.person_id OR OLD.declared_at <> NEW.declared_at "
        "OR OLD.replaced_at IS NOT NULL AND (NEW.replaced_at IS NULL OR OLD.replaced_at <> NEW.replaced_at)"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(replaced_at=None), name="account_in_force_once"),
            models.CheckConstraint(
                name="account_is_seen_by_somebody",
                condition=Q(seen_at=None, seen_by=None) | Q(seen_at__isnull=False, seen_by__isnull=False),
            ),
            models.CheckConstraint(
                name="account_is_seen_by_another_than_wrote_it",
                condition=Q(declared_by=None) | Q(seen_by=None) | ~Q(seen_by=F("declared_by")),
            ),
            models.CheckConstraint(
                name="account_is_refused_for_a_reason", condition=Q(refused_at=None) | ~Q(refused_why="")
            ),
        ]


class PayaBatch(models.Model):
    """Refunds that leave in one file for our bank: drafted → approved → sent → settled, or dropped before it is sent.

    From its approval on nothing of it changes but its state; the file is made of its rows, the same bytes each time.
    """

    class State(models.TextChoices):
        DRAFTED = "drafted"
        APPROVED = "approved"
        SENT = "sent"  # its file was taken from us; from here on the bank may have it
        SETTLED = "settled"  # a statement told how each line ended
        DROPPED = "dropped"

    code = models.CharField(max_length=32, unique=True)
    number = models.PositiveIntegerField(unique=True)  # the bank knows its lines by it
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFTED)
    source = models.CharField(max_length=26)  # our own Sheba, as it stood
    source_name = models.CharField(max_length=120)
    lines = models.PositiveIntegerField()
    total = models.BigIntegerField()
    needs_two = models.BooleanField()
    sha256 = models.CharField(max_length=64, blank=True)  # of the file, from the approval on
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField(null=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    settled_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)
    dropped_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    dropped_why = models.CharField(max_length=300, blank=True)

    change_refused = (
        "OLD.code <> NEW.code OR OLD.number <> NEW.number OR OLD.source <> NEW.source OR OLD.lines <> NEW.lines "
        "OR OLD.total <> NEW.total OR OLD.needs_two <> NEW.needs_two OR OLD.created_by_id <> NEW.created_by_id "
        "OR OLD.state = 'dropped' OR OLD.state <> 'drafted' AND OLD.sha256 <> NEW.sha256"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="paya_batch_state_is_known",
                condition=Q(state__in=["drafted", "approved", "sent", "settled", "dropped"]),
            ),
            models.CheckConstraint(name="paya_batch_is_not_empty", condition=Q(lines__gt=0, total__gt=0)),
            models.CheckConstraint(
                name="paya_batch_is_approved_by_another",
                condition=Q(state__in=["drafted", "dropped"])
                | Q(approved_by__isnull=False, approved_at__isnull=False)
                & ~Q(sha256="")
                & (Q(needs_two=False) | ~Q(approved_by=F("created_by"))),
            ),
            models.CheckConstraint(
                name="paya_batch_sent_has_its_hour",
                condition=~Q(state__in=["sent", "settled"]) | Q(sent_at__isnull=False, sent_by__isnull=False),
            ),
        ]


class PayaLine(models.Model):
    """One transfer of a batch: a refund, or a part of one that is above what one transfer may carry."""

    class State(models.TextChoices):
        DRAFTED = "drafted"
        SENT = "sent"
        PAID = "paid"
        RETURNED = "returned"  # the bank gave it back to us
        DROPPED = "dropped"

    batch = models.ForeignKey(PayaBatch, on_delete=models.PROTECT, related_name="rows")
    n = models.PositiveIntegerField()  # place in the file, from 1
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="transfers")
    part = models.PositiveSmallIntegerField()  # of the refund, from 1
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="transfers")
    amount = models.BigIntegerField()
    reference = models.CharField(max_length=20, unique=True)  # digits, by which the bank's statement names it
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFTED)
    paid_at = models.DateTimeField(null=True)  # as the statement says
    returned_at = models.DateTimeField(null=True)

    change_refused = (
        "OLD.batch_id <> NEW.batch_id OR OLD.n <> NEW.n OR OLD.refund_id <> NEW.refund_id OR OLD.part <> NEW.part "
        "OR OLD.account_id <> NEW.account_id OR OLD.amount <> NEW.amount OR OLD.reference <> NEW.reference "
        "OR OLD.state IN ('returned', 'dropped')"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "n"], name="paya_line_once_in_a_place"),
            models.UniqueConstraint(
                fields=["refund", "part"],
                condition=Q(state__in=["drafted", "sent", "paid"]),
                name="refund_part_in_one_live_batch",
            ),
            models.CheckConstraint(name="paya_line_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="paya_line_state_is_known",
                condition=Q(state__in=["drafted", "sent", "paid", "returned", "dropped"]),
            ),
            models.CheckConstraint(
                name="paid_line_has_its_hour", condition=~Q(state="paid") | Q(paid_at__isnull=False)
            ),
        ]


class Entry(models.Model):
    """One side of a posting. The entries of one `posting` add up to nothing.

    Accounts: `gateway:<name>` (asset: it holds the money for us), `road:<name>` (asset: paid out by it, on no statement
    of our account yet), `bank` (asset: our own accounts), `fee:<name>` (expense: what it kept), `unallocated`
    (received, not yet matched to a final order), `orders` (received for final orders), `refunds` (owed back), `paya`
    (owed back and handed to our bank). `amount` is positive for debit, negative for credit.
    """

    append_only = True

    posting = models.CharField(max_length=80)  # "capture:PAY-…", "final:ORD-…", "refund:REF-…", "paya:<reference>", …
    account = models.CharField(max_length=40)
    amount = models.BigIntegerField()
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="entries", null=True)  # of a settlement: many
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


class Agreement(models.Model):
    """What a gateway agreed to from a day on: how soon it settles, and what it keeps of a payment. The last one counts.

    Without `ppm` no fee was agreed: it is only known from what the gateway reports.
    """

    append_only = True

    gateway = models.CharField(max_length=20)
    since = models.DateField()
    working_days = models.PositiveSmallIntegerField()  # after a day, until its payments are on our account
    ppm = models.PositiveIntegerField(null=True)  # millionths of a payment …
    fixed = models.BigIntegerField(default=0)  # … and rials on each …
    most = models.BigIntegerField(default=0)  # … and no more than so many rials; 0: no such limit
    written_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="agreement_is_possible",
                condition=Q(fixed__gte=0, most__gte=0) & (Q(ppm=None) | Q(ppm__lte=1_000_000)),
            )
        ]


class Settlement(models.Model):
    """A sum that a gateway says it paid into our account: held until it agrees with what it covers, then booked.

    One that does not agree is booked or dropped by a person, with the reason.
    """

    class State(models.TextChoices):
        HELD = "held"
        BOOKED = "booked"
        DROPPED = "dropped"

    code = models.CharField(max_length=32, unique=True)
    gateway = models.CharField(max_length=20)
    terminal = models.CharField(max_length=80)
    number = models.CharField(max_length=80)  # the gateway's own
    reference = models.CharField(max_length=80, blank=True)  # by which the bank's statement names it, beside the number
    amount = models.BigIntegerField()  # what was paid out, less the fee
    fee = models.BigIntegerField(null=True)
    fee_from = models.CharField(max_length=9, blank=True)  # "report" or "agreement"
    since = models.DateTimeField(null=True)  # the payments of this span, where the report names none of them
    until = models.DateTimeField(null=True)
    at = models.DateTimeField()  # paid out, as the gateway says
    due_at = models.DateTimeField()  # on our account, by then
    told_in = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="settlements")
    state = models.CharField(max_length=7, choices=State.choices, default=State.HELD)
    ended_at = models.DateTimeField(null=True)  # booked or dropped
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ended_why = models.CharField(max_length=300, blank=True)
    arrived_at = models.DateTimeField(null=True)  # as the statement of our account says
    account = models.CharField(max_length=26, blank=True)
    arrived_in = models.ForeignKey(Statement, on_delete=models.PROTECT, null=True, related_name="+")

    change_refused = (
        "OLD.code <> NEW.code OR OLD.gateway <> NEW.gateway OR OLD.terminal <> NEW.terminal "
        "OR OLD.number <> NEW.number OR OLD.amount <> NEW.amount OR OLD.at <> NEW.at "
        "OR OLD.told_in_id <> NEW.told_in_id "
        "OR OLD.fee IS NOT NULL AND (NEW.fee IS NULL OR OLD.fee <> NEW.fee) "
        "OR OLD.state <> 'held' AND (OLD.state <> NEW.state OR OLD.ended_why <> NEW.ended_why) "
        "OR OLD.arrived_at IS NOT NULL AND (NEW.arrived_at IS NULL OR OLD.arrived_at <> NEW.arrived_at)"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "number"], condition=~Q(state="dropped"), name="settlement_told_once"
            ),
            models.CheckConstraint(name="settlement_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="settlement_fee_is_not_negative", condition=Q(fee=None) | Q(fee__gte=0)),
            models.CheckConstraint(
                name="settlement_state_is_known", condition=Q(state__in=["held", "booked", "dropped"])
            ),
            models.CheckConstraint(
                name="booked_settlement_knows_its_fee",
                condition=~Q(state="booked") | Q(fee__isnull=False, ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="dropped_settlement_has_its_reason",
                condition=~Q(state="dropped") | Q(ended_by__isnull=False, arrived_at=None) & ~Q(ended_why=""),
            ),
            models.CheckConstraint(
                name="arrived_settlement_has_its_account", condition=Q(arrived_at=None) | ~Q(account="")
            ),
        ]
        indexes = [models.Index(fields=["at"], name="settlement_by_day")]


class SettlementLine(models.Model):
    """What a settlement covers, as its report says; bound to our own payment or refund once it is booked."""

    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=8)
    refnum = models.CharField(max_length=80)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="settled")
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, null=True, related_name="settled")

    change_refused = (
        "OLD.settlement_id <> NEW.settlement_id OR OLD.kind <> NEW.kind OR OLD.refnum <> NEW.refnum "
        "OR OLD.amount <> NEW.amount OR OLD.at <> NEW.at "
        "OR OLD.payment_id IS NOT NULL AND (NEW.payment_id IS NULL OR OLD.payment_id <> NEW.payment_id) "
        "OR OLD.refund_id IS NOT NULL AND (NEW.refund_id IS NULL OR OLD.refund_id <> NEW.refund_id)"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["settlement", "kind", "refnum", "amount", "at"], name="settlement_line_once"
            ),
            models.UniqueConstraint(fields=["payment"], name="payment_settled_once"),
            models.UniqueConstraint(fields=["refund"], name="refund_settled_once"),
            models.CheckConstraint(name="settlement_line_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="settlement_line_is_of_one", condition=Q(payment=None) | Q(refund=None)),
        ]


class ExpectedSettlement(models.Model):
    """The payments of one day at one terminal: until when they are to be settled, and what of them is not."""

    gateway = models.CharField(max_length=20)
    terminal = models.CharField(max_length=64)
    day = models.DateField()  # in Tehran
    due_at = models.DateTimeField()
    left = models.BigIntegerField()  # rials, when it was last counted
    came_at = models.DateTimeField(null=True)  # nothing was left

    change_refused = (
        "OLD.gateway <> NEW.gateway OR OLD.terminal <> NEW.terminal OR OLD.day <> NEW.day OR OLD.due_at <> NEW.due_at "
        "OR OLD.came_at IS NOT NULL"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "terminal", "day"], name="day_expected_once"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(came_at=None), name="settlement_expected")]


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
    transfer = models.ForeignKey(PayaLine, on_delete=models.PROTECT, null=True, related_name="differences")
    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, null=True, related_name="differences")
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
        indexes = [
            models.Index(fields=["found_at"], condition=Q(settled_at=None), name="difference_open"),
            models.Index(fields=["key"], name="difference_by_key"),
        ]
