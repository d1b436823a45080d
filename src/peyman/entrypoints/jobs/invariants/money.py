"""Money: nothing appears, nothing is lost, and who is owed is known."""

from collections import defaultdict
from datetime import datetime

from django.db.models import Count, Q, Sum

from peyman.billing.models import (
    Bill,
    Entry,
    PayaBatch,
    PayaLine,
    Payment,
    Refund,
    RefundApproval,
    Settlement,
    SettlementLine,
)
from peyman.billing.queries import refunds as paid_back
from peyman.billing.rules import paya
from peyman.entrypoints import refunds
from peyman.entrypoints.jobs.invariants.committed import IS_COMMITTED
from peyman.entrypoints.jobs.invariants.finding import Finding, check
from peyman.promises.models import Promise
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules import states


@check("postings_balance")
def _postings(now: datetime) -> Finding:
    """Every posting of the ledger adds up to nothing."""
    found = Finding()
    for row in (
        Entry.objects.values("posting").annotate(sum=Sum("amount"), n=Count("pk")).order_by("posting").iterator()
    ):
        found.look(row["posting"], row["sum"] == 0 and row["n"] >= 2)
    return found


@check("captures_are_posted")
def _captures(now: datetime) -> Finding:
    """Each captured payment has its receipt and was posted once, with its own amount; no other payment was."""
    found = Finding()
    posted = dict(Entry.objects.filter(posting__startswith="capture:", amount__gt=0).values_list("posting", "amount"))
    for payment in Payment.objects.filter(state=Payment.State.CAPTURED).iterator():
        found.look(payment.code, bool(payment.refnum) and posted.pop(f"capture:{payment.code}", None) == payment.amount)
    for posting in posted:
        found.look(posting, False)
    return found


@check("bills_know_what_was_paid")
def _bills(now: datetime) -> Finding:
    """A bill's paid and refunded are what its payments and their refunds add up to; its amount is its order's."""
    found = Finding()
    paid: dict[int, int] = defaultdict(int)
    for key, amount in Payment.objects.filter(state=Payment.State.CAPTURED).values_list("bill", "amount"):
        paid[key] += amount
    back: dict[int, int] = defaultdict(int)
    captured = Refund.objects.filter(payment__state=Payment.State.CAPTURED)
    for key, amount in captured.values_list("payment__bill", "amount"):
        back[key] += amount
    totals = dict(Order.objects.values_list("bill", "total"))
    for bill in Bill.objects.iterator():
        found.look(
            bill.subject,
            bill.paid == paid[bill.pk] and bill.refunded == back[bill.pk] and totals.get(bill.pk) == bill.amount,
        )
    return found


@check("money_lies_where_it_belongs")
def _accounts(now: datetime) -> Finding:
    """A final order holds its total and no more; nothing is left unallocated but what an incomplete order was paid.

    What is owed back equals the refunds that are not done; what is with our bank, and what left our account, equals the
    lines of Paya batches that were handed in and that were paid.
    """
    found = Finding()
    lies: dict[tuple[int, str], int] = defaultdict(int)
    for row in Entry.objects.values("bill", "account").annotate(sum=Sum("amount")).iterator():
        lies[row["bill"], row["account"]] = row["sum"]
    owed: dict[int, int] = defaultdict(int)
    waiting = Refund.objects.filter(payment__state=Payment.State.CAPTURED).exclude(state=Refund.State.DONE)
    for bill, amount in waiting.values_list("payment__bill", "amount"):
        owed[bill] += amount
    wired: dict[tuple[int, str], int] = defaultdict(int)
    gone = PayaLine.objects.filter(state__in=[PayaLine.State.SENT, PayaLine.State.PAID])
    for bill, state, amount, of in gone.values_list("refund__payment__bill", "state", "amount", "refund__state"):
        wired[bill, "paya" if state == PayaLine.State.SENT else "bank"] += amount
        if state == PayaLine.State.SENT or of != Refund.State.DONE:
            owed[bill] -= amount
    held = {bill.pk: bill.paid - bill.refunded for bill in Bill.objects.exclude(paid=0).iterator()}
    rows = Order.objects.annotate(is_committed=IS_COMMITTED).values_list(
        "code", "state", "is_committed", "bill", "total"
    )
    for code, state, is_committed, bill, total in rows.iterator():
        kept = held.get(bill, 0) if state == states.INCOMPLETE and not is_committed else 0
        found.look(
            code,
            -lies[bill, "orders"] == (total if is_committed else 0)
            and -lies[bill, "unallocated"] == kept
            and -lies[bill, "refunds"] == owed[bill]
            and all(-lies[bill, account] == wired[bill, account] for account in ("paya", "bank")),
        )
    return found


@check("receipts_once")
def _receipts(now: datetime) -> Finding:
    """No bank receipt and no token serves two payments."""
    found = Finding()
    for column in ("refnum", "token"):
        rows = Payment.objects.exclude(**{column: None}).values("gateway", column).annotate(n=Count("pk"))
        for row in rows.iterator():
            found.look(row[column], row["n"] == 1)
    return found


@check("refunds_are_promised")
def _refunds(now: datetime) -> Finding:
    """Every refund has its promise, and a done one has kept it."""
    found = Finding()
    promised = dict(Promise.objects.filter(kind="refund").values_list("subject", "kept_at"))
    for refund in Refund.objects.iterator():
        done = refund.state == Refund.State.DONE
        found.look(refund.code, refund.subject in promised and (promised[refund.subject] is not None) == done)
    return found


@check("two_persons_stand_behind_large_refunds")
def _two_persons(now: datetime) -> Finding:
    """Nothing left of a refund before as many different persons stood behind it as it needs."""
    found = Finding()
    named: dict[int, set[int]] = defaultdict(set)
    for of, by in RefundApproval.objects.values_list("refund", "by"):
        named[of].add(by)
    for refund in Refund.objects.filter(Q(needs__gt=0) | Q(pk__in=named)).iterator():
        persons = named[refund.pk] | ({refund.by_id} if refund.by_id else set())
        gone = refund.state != Refund.State.OWED or refund.carried > 0
        found.look(
            refund.code, refund.given == len(persons) <= refund.needs and (refund.given == refund.needs or not gone)
        )
    return found


@check("paya_batches_add_up")
def _batches(now: datetime) -> Finding:
    """A batch is its lines, each where its batch is; what was approved makes the very file that was approved."""
    found = Finding()
    fits = {
        PayaBatch.State.DRAFTED: {PayaLine.State.DRAFTED},
        PayaBatch.State.APPROVED: {PayaLine.State.DRAFTED},
        PayaBatch.State.SENT: {PayaLine.State.SENT, PayaLine.State.PAID, PayaLine.State.RETURNED},
        PayaBatch.State.SETTLED: {PayaLine.State.PAID, PayaLine.State.RETURNED, PayaLine.State.DROPPED},
        PayaBatch.State.DROPPED: {PayaLine.State.DROPPED},
    }
    for batch in PayaBatch.objects.order_by("pk").iterator():
        _, lines = paid_back.batch(batch.code)
        whole = len(lines) == batch.lines and sum(line.amount for line in lines) == batch.total
        placed = all(line.state in fits[PayaBatch.State(batch.state)] for line in lines)
        known = all(paya.is_reference(line.reference) for line in lines)
        same = True
        if batch.state in (PayaBatch.State.APPROVED, PayaBatch.State.SENT) and batch.approved_at:
            same = refunds.sha256_of(refunds.order_of(batch, lines, batch.approved_at)) == batch.sha256
        found.look(batch.code, whole and placed and known and same)
    return found


@check("refunds_know_what_carries_them")
def _carried(now: datetime) -> Finding:
    """Of a refund that leaves by Paya just so much is carried as its live lines say; a done one was paid by them."""
    found = Finding()
    live: dict[int, int] = defaultdict(int)
    paid: dict[int, int] = defaultdict(int)
    open_ = [PayaLine.State.DRAFTED, PayaLine.State.SENT, PayaLine.State.PAID]
    for of, state, amount in PayaLine.objects.filter(state__in=open_).values_list("refund", "state", "amount"):
        live[of] += amount
        paid[of] += amount if state == PayaLine.State.PAID else 0
    for refund in Refund.objects.filter(Q(kind=Refund.Kind.PAYA) | Q(carried__gt=0) | Q(pk__in=live)).iterator():
        is_done = refund.state == Refund.State.DONE
        found.look(refund.code, refund.carried == live[refund.pk] and is_done == (paid[refund.pk] == refund.amount))
    return found


@check("settlements_are_posted")
def _settlements(now: datetime) -> Finding:
    """Each booked settlement is posted once, with its own sum and fee; each that arrived, too; nothing else is."""
    found = Finding()
    posted: dict[str, dict[str, int]] = defaultdict(dict)
    about = Q(posting__startswith="settled:") | Q(posting__startswith="arrived:")
    for posting, account, amount in Entry.objects.filter(about).values_list("posting", "account", "amount").iterator():
        posted[posting][account] = amount
    for row in Settlement.objects.order_by("pk").iterator():
        road, fee, gateway = f"road:{row.gateway}", f"fee:{row.gateway}", f"gateway:{row.gateway}"
        kept = row.fee or 0
        booked = {road: row.amount, gateway: -row.amount - kept} | ({fee: kept} if kept else {})
        right = posted.pop(f"settled:{row.code}", {}) == (booked if row.state == Settlement.State.BOOKED else {})
        came = {"bank": row.amount, road: -row.amount} if row.arrived_at else {}
        found.look(row.code, posted.pop(f"arrived:{row.code}", {}) == came and right)
    for posting in posted:
        found.look(posting, False)
    return found


@check("settlements_cover_what_they_say")
def _covered(now: datetime) -> Finding:
    """What a settlement covers is ours, of its terminal and whole; unless a person booked it, it adds up."""
    found = Finding()
    sums: dict[int, int] = defaultdict(int)
    wrong: set[int] = set()
    rows = SettlementLine.objects.select_related("payment", "refund__payment", "settlement").order_by("pk")
    for line in rows.iterator(chunk_size=2000):
        of, is_in = line.settlement, line.kind == "payment"
        sums[of.pk] += line.amount if is_in else -line.amount
        ours = line.payment if is_in else line.refund
        if ours is None:
            if of.state == Settlement.State.BOOKED and of.ended_by_id is None:
                wrong.add(of.pk)
            continue
        paid = ours if isinstance(ours, Payment) else ours.payment
        is_whole = ours.amount == line.amount and (paid.gateway, paid.terminal) == (of.gateway, of.terminal)
        if not is_whole or paid.state != Payment.State.CAPTURED or of.state != Settlement.State.BOOKED:
            wrong.add(of.pk)
    for row in Settlement.objects.order_by("pk").iterator():
        agrees = row.state != Settlement.State.BOOKED or row.ended_by_id or sums[row.pk] == row.amount + (row.fee or 0)
        found.look(row.code, bool(agrees) and row.pk not in wrong)
    return found


@check("gateways_hold_what_is_left")
def _gateways(now: datetime) -> Finding:
    """At a gateway lies what it captured, less what it gave back and settled; on the road what did not arrive."""
    found = Finding()
    left: dict[str, int] = defaultdict(int)
    captured = Payment.objects.filter(state=Payment.State.CAPTURED).values_list("gateway").annotate(sum=Sum("amount"))
    for gateway, amount in captured.order_by():
        left[f"gateway:{gateway}"] += amount
    back = Refund.objects.filter(state=Refund.State.DONE, payment__state=Payment.State.CAPTURED)
    back = back.exclude(kind=Refund.Kind.PAYA).order_by()
    for gateway, amount in back.values_list("payment__gateway").annotate(sum=Sum("amount")):
        left[f"gateway:{gateway}"] -= amount
    for row in Settlement.objects.exclude(state=Settlement.State.DROPPED).iterator():
        if row.state == Settlement.State.BOOKED:
            left[f"gateway:{row.gateway}"] -= row.amount + (row.fee or 0)
            left[f"road:{row.gateway}"] += row.amount
        if row.arrived_at:
            left[f"road:{row.gateway}"] -= row.amount
    about = Q(account__startswith="gateway:") | Q(account__startswith="road:")
    lies = dict(Entry.objects.filter(about).order_by().values_list("account").annotate(sum=Sum("amount")))
    for account in sorted(left.keys() | lies):
        found.look(account, lies.get(account, 0) == left[account])
    return found
