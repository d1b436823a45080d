"""`peyman check-invariants`: what must be true of the tables at every moment, whatever was killed when.

Each check reads, counts what it looked at, and names what is wrong. Nothing is repaired here.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import click
from django.conf import settings
from django.db import connection, transaction
from django.db.models import BooleanField, Count, ExpressionWrapper, F, Max, Q, Sum

from peyman.billing.models import Bill, Entry, PayaBatch, PayaLine, Payment, Refund, RefundApproval
from peyman.billing.queries import refunds as paid_back
from peyman.billing.rules import paya
from peyman.entrypoints import clock, refunds
from peyman.entrypoints.jobs import triggers
from peyman.entrypoints.jobs.console import BROKEN, answer
from peyman.gateways.audit import answers
from peyman.kernel import codes
from peyman.market.guard.models import Statement, TicketKey
from peyman.market.guard.queries import keys as ticket_keys
from peyman.market.guard.queries import scene as guarding
from peyman.market.guard.queries import tickets as receipts
from peyman.market.incidents.models import AuditRun, Incident
from peyman.market.incidents.queries import desk as incidents
from peyman.market.incidents.queries import public as published
from peyman.market.tariff.models import Snapshot, Stay
from peyman.market.tariff.queries import drift as drifting
from peyman.market.tariff.queries import history as registry
from peyman.messages.models import Message
from peyman.promises import queries as promises
from peyman.promises.models import Acceptance, Promise
from peyman.shop.carts.models import CartLine
from peyman.shop.catalog.models import PriceChange, Variant
from peyman.shop.orders import queries as orders
from peyman.shop.orders.models import Order, OrderEvent, OrderLine, ProForma
from peyman.shop.orders.rules import states
from peyman.shop.stock.models import Movement, Stock

COMMITTED = [states.FINAL, states.PROCESSED, states.HANDED_OVER, states.DELIVERED]  # their pieces are owed
# An incomplete order keeps what its cart code gave it, if it had one.
_COMMITTED = ExpressionWrapper(
    Q(state__in=COMMITTED) | Q(state=states.INCOMPLETE, cart_code__isnull=False), output_field=BooleanField()
)
SWEEP_GRACE = timedelta(minutes=3)  # the sweep runs each minute; what is overdue for longer was overlooked
EXAMPLES = 5
READ_FILES = 200  # of the registry, about so many are read in one check


@dataclass
class Finding:
    """How many rows a check looked at, and the names of those that are wrong."""

    checked: int = 0
    bad: list[str] = field(default_factory=list)

    def look(self, name: object, holds: bool) -> None:
        self.checked += 1
        if not holds:
            self.bad.append(str(name))


Check = Callable[[datetime], Finding]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check under its stable id."""

    def keep(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return keep


# ---- Money ----


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
    rows = Order.objects.annotate(is_committed=_COMMITTED).values_list("code", "state", "is_committed", "bill", "total")
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


# ---- Stock and prices ----


@check("stock_adds_up")
def _stock(now: datetime) -> Finding:
    """Initial and movements make what is on hand; what final orders hold is what is allocated, and never more."""
    found = Finding()
    moved = _sums(Movement.objects.values("variant").annotate(n=Sum("quantity")).values_list("variant", "n"))
    committed = Order.objects.annotate(is_committed=_COMMITTED).filter(is_committed=True)
    lines = OrderLine.objects.filter(order__in=committed).values("variant").annotate(n=Sum("quantity"))
    sold = _sums(lines.values_list("variant", "n"))
    for row in Stock.objects.iterator():
        found.look(
            f"variant {row.variant_id}",
            row.on_hand == row.initial + moved[row.variant_id]
            and row.allocated == sold.pop(row.variant_id, 0)
            and 0 <= row.allocated <= row.on_hand,
        )
    for variant in sold:
        found.look(f"variant {variant}", False)
    return found


@check("price_is_the_last_of_its_history")
def _prices(now: datetime) -> Finding:
    """The price of a variant is the newest step of its history (D122)."""
    found = Finding()
    newest = dict(PriceChange.objects.values("variant").annotate(at=Max("at")).values_list("variant", "at"))
    steps = {
        (variant, at): (price, list_price)
        for variant, at, price, list_price in PriceChange.objects.values_list("variant", "at", "price", "list_price")
    }
    for variant in Variant.objects.iterator():
        last = steps.get((variant.pk, newest.get(variant.pk)))  # type: ignore[arg-type]  # None finds nothing
        found.look(variant.sku, last == (variant.price, variant.list_price))
    return found


# ---- Orders ----


@check("cart_codes_are_whole")
def _cart_codes(now: datetime) -> Finding:
    """Each final order has one cart code of its own, with a right check character, and the event that issued it."""
    found = Finding()
    issued = Counter(OrderEvent.objects.filter(event="issue_cart_code").values_list("order", flat=True))
    seen: Counter[str | None] = Counter(Order.objects.exclude(cart_code=None).values_list("cart_code", flat=True))
    for pk, code, state, cart_code in Order.objects.values_list("pk", "code", "state", "cart_code").iterator():
        wanted = state in COMMITTED or issued[pk]
        found.look(
            code,
            issued[pk] == 1 and codes.is_valid(cart_code or "", "DBC") and seen[cart_code] == 1
            if wanted
            else cart_code is None,
        )
    return found


@check("orders_add_up")
def _totals(now: datetime) -> Finding:
    """An order's goods are the sum of its lines, and its total is goods and fees."""
    found = Finding()
    lines = OrderLine.objects.values("order").annotate(sum=Sum(F("quantity") * F("unit_price")))
    goods = _sums(lines.values_list("order", "sum"))
    for order in Order.objects.iterator():
        fees = order.fee_packing + order.fee_shipping + order.fee_insurance
        found.look(order.code, order.goods_total == goods[order.pk] and order.total == order.goods_total + fees)
    return found


@check("orders_moved_by_the_table")
def _roads(now: datetime) -> Finding:
    """Each order's events are a road of the table, without a gap, that ends where the order is."""
    found = Finding()
    at: dict[int, str] = {}
    broken: set[int] = set()
    rows = OrderEvent.objects.order_by("pk").values_list("order", "event", "from_state", "to_state")
    for order, event, before, after in rows.iterator():
        if before != at.get(order, ""):
            broken.add(order)
        elif before == after:
            pass  # a note on the way, such as a new price
        elif (before, event) not in states.STEPS or states.STEPS[before, event].to != after:
            broken.add(order)
        at[order] = after
    for pk, code, state in Order.objects.values_list("pk", "code", "state").iterator():
        found.look(code, pk not in broken and at.get(pk) == state)
    return found


@check("orders_keep_their_terms")
def _terms(now: datetime) -> Finding:
    """Each order names a version, its hash, and the acceptance of that very text."""
    found = Finding()
    accepted = set(Acceptance.objects.filter(kind="order").values_list("subject", "version", "sha256"))
    rows = Order.objects.select_related("terms").only("code", "terms_sha256", "terms__sha256")
    for order in rows.iterator():
        found.look(
            order.code,
            order.terms_sha256 == order.terms.sha256
            and (f"order:{order.code}", order.terms_id, order.terms_sha256) in accepted,
        )
    return found


@check("papers_end_with_their_term")
def _retention(now: datetime) -> Finding:
    """No ended order holds a name or an address after the years of its terms; the sweep has two days to come by."""
    found = Finding(checked=Order.objects.count())
    late = orders.past_their_term(now - timedelta(days=2))
    found.bad = list(late.order_by("pk").values_list("code", flat=True))
    return found


@check("one_key_one_order")
def _keys(now: datetime) -> Finding:
    """No idempotency key made two orders."""
    found = Finding()
    rows = Order.objects.exclude(idempotency_key=None).values("person", "idempotency_key").annotate(n=Count("pk"))
    for row in rows.iterator():
        found.look(row["idempotency_key"], row["n"] == 1)
    return found


# ---- Promises and messages ----


@check("promises_are_open_kept_or_found_broken")
def _promises(now: datetime) -> Finding:
    """No open promise is overdue unseen; kept means in time; broken means its time had passed."""
    found = Finding()
    for promise in Promise.objects.iterator():
        kept, due = promise.kept_at, promise.due_at
        right = {
            Promise.State.OPEN: kept is None and (due + SWEEP_GRACE > now or promise.held_since is not None),
            Promise.State.KEPT: kept is not None and kept <= due,
            Promise.State.BROKEN: promise.broken_at == due and (kept is None or kept >= due),
            Promise.State.WAIVED: kept is None,
        }
        found.look(promise.code, right[Promise.State(promise.state)])
    return found


@check("promises_are_due_when_their_calendar_says")
def _due_times(now: datetime) -> Finding:
    """Each open promise falls due when its start, hours, terms, and the days and pauses of its calendar say."""
    found = Finding()
    for promise in Promise.objects.filter(state=Promise.State.OPEN).select_related("terms", "calendar").iterator():
        due = promises.due_of(promise, promises.reckoning_of(promise.calendar))
        found.look(promise.code, (promise.due_at, promise.held_since) == (due.at, due.held_since))
    return found


@check("everyone_was_told")
def _told(now: datetime) -> Finding:
    """Each order's pro-forma, cart code, shortness and refund has its message, written in the same transaction."""
    found = Finding()
    told = set(Message.objects.exclude(about="").values_list("template", "about"))
    papers = set(ProForma.objects.values_list("order__code", flat=True))
    for code, cart_code in Order.objects.values_list("code", "cart_code").iterator():
        found.look(code, code in papers and ("pro_forma", f"order:{code}") in told)
        if cart_code:
            found.look(code, ("cart_code", f"order:{code}") in told)
    for code in OrderEvent.objects.filter(event="run_short").values_list("order__code", flat=True).iterator():
        found.look(code, ("order_short", f"order:{code}") in told)
    done = Refund.objects.filter(state=Refund.State.DONE).select_related("payment__bill")
    for refund in done.iterator():
        found.look(refund.code, ("refund_done", refund.payment.bill.subject) in told)
    return found


@check("messages_are_sent_dead_or_due")
def _messages(now: datetime) -> Finding:
    """No message is both sent and dead, and none is claimed for ever."""
    found = Finding()
    claimed_long = Q(sent_at=None, dead_at=None, claimed_until__gt=now + timedelta(hours=1))
    wrong = set(
        Message.objects.filter(Q(sent_at__isnull=False, dead_at__isnull=False) | claimed_long).values_list("code")
    )
    found.checked = Message.objects.count()
    found.bad = [code for (code,) in wrong]
    return found


# ---- The registry ----


@check("registry_stays_do_not_overlap")
def _stays(now: datetime) -> Finding:
    """A row's stays on the list are not empty, begin and end at good snapshots, and lie apart."""
    found = Finding()
    places = registry.order().places
    last: dict[int, int] = {}  # row → where its last stay ended
    spans = []
    for pk, row, first, absent in Stay.objects.values_list("pk", "row", "first", "absent").iterator():
        begin, end = places.get(first, -1), len(places) if absent is None else places.get(absent, -1)
        spans.append((row, begin, end, pk))
    for row, begin, end, pk in sorted(spans):
        found.look(f"stay {pk}", last.get(row, -1) < begin < end)
        last[row] = end
    return found


@check("registry_snapshots_list_what_they_did")
def _snapshots(now: datetime) -> Finding:
    """The stays say of each good snapshot the very rows that its list held: their number and digest."""
    found = Finding()
    for snapshot, listed, digest in registry.standing_digests():
        found.look(snapshot.code, (listed, digest) == (snapshot.listed, snapshot.digest))
    return found


@check("registry_files_are_kept")
def _files(now: datetime) -> Finding:
    """The file of each snapshot is there in its size; of many evenly spread ones the content is what it was."""
    found = Finding()
    files = dict(Snapshot.objects.order_by("seen_at", "pk").values_list("file", "sha256"))
    sizes = dict(Snapshot.objects.values_list("file", "size"))
    step = max(1, len(files) // READ_FILES)
    for place, (file, sha256) in enumerate(reversed(files.items())):
        path = settings.DATA_DIR / file
        whole = path.is_file() and path.stat().st_size == sizes[file]
        if whole and place % step == 0:
            with path.open("rb") as content:
                whole = hashlib.file_digest(content, "sha256").hexdigest() == sha256
        found.look(file, whole)
    return found


# ---- Incidents ----


@check("steps_of_incidents_are_signed")
def _steps(now: datetime) -> Finding:
    """Each step of an incident is what was signed and follows the one before it; the state is the last step's."""
    found = Finding()
    for incident, wrong in incidents.all_chains():
        found.look(incident.code, not wrong)
    return found


@check("notices_say_what_their_run_said")
def _notices(now: datetime) -> Finding:
    """A published notice is what was signed, and its totals are those of its run to the rial."""
    found = Finding()
    for name, holds in published.sound_notices():
        found.look(name, holds)
    return found


@check("incidents_hold_what_their_run_found")
def _stretches(now: datetime) -> Finding:
    """The standing stretches of an incident are the intervals of its run: lines, bytes and rials."""
    found = Finding()
    names = ("lines", "bytes", "rials_low", "rials_high")
    for incident in Incident.objects.filter(run__isnull=False).select_related("run").order_by("pk"):
        rows = incident.stretches.filter(superseded_at=None).values_list(*names)
        said = [tuple(one[name] for name in names) for one in incident.run.intervals] if incident.run else []
        found.look(incident.code, Counter(rows) == Counter(said))
    return found


@check("runs_of_the_audit_are_kept")
def _runs(now: datetime) -> Finding:
    """Every file of every run that was taken in is what its manifest says; of many runs, the last ones."""
    found = Finding()
    for run in AuditRun.objects.order_by("-pk")[:READ_FILES]:
        found.look(run.code, answers.is_whole(settings.DATA_DIR / run.folder, run.sha256, run.files))
    return found


# ---- The database itself ----


@check("carts_reserve_nothing")
def _carts(now: datetime) -> Finding:
    """Every cart line is a wish for a positive number of a thing there is; no counter knows of it."""
    found = Finding()
    for pk, quantity, variant in CartLine.objects.values_list("pk", "quantity", "variant__sku").iterator():
        found.look(f"line {pk}", quantity > 0 and bool(variant))
    return found


# ---- Tickets ----


@check("statements_say_what_their_codes_say")
def _statements(now: datetime) -> Finding:
    """What tickets rest on is word for word what they commit us to."""
    broken = receipts.broken()
    return Finding(Statement.objects.count(), broken)


@check("ticket_keys_verify_and_end")
def _ticket_keys(now: datetime) -> Finding:
    """Every key is what its id says, its tag keys lead to its anchor, and what is secret ends in time."""
    found = Finding()
    for row in TicketKey.objects.order_by("number"):
        found.look(row.kid, not ticket_keys.fault(row, now - SWEEP_GRACE))
    return found


@check("deliveries_do_not_overlap")
def _deliveries(now: datetime) -> Finding:
    """A name delivers one thing at a time, as far as we believe now."""
    found = Finding()
    until: dict[str, datetime | None] = {}  # name → the end of its span before; None: open
    for row in guarding.believed().order_by("name", "valid_from", "pk"):
        end = until.get(row.name, row.valid_from)
        found.look(f"{row.name} {row.pk}", end is not None and end <= row.valid_from)
        until[row.name] = row.valid_to
    return found


@check("half_price_is_said_of_admitted_addresses")
def _half_price(now: datetime) -> Finding:
    """Wherever the guard would say it now, every address of the delivery is admitted by the way that gates a change."""
    found = Finding()
    scene = guarding.read(now)
    for one in scene.deliveries:
        said = [operator for operator in scene.operators if scene.decide((one.name,), operator).allowed]
        checks = drifting.check(one.networks, now)
        admitted = bool(checks) and all(each.is_admitted for each in checks)
        found.look(one.name, not said or (admitted and not one.dark_because and set(said) <= set(scene.rates)))
    return found


@check("history_is_guarded")
def _triggers(now: datetime) -> Finding:
    """The database refuses to change what may only be added to."""
    return Finding(len(triggers.tables()), triggers.missing())


@check("database_keeps_what_it_promised")
def _durable(now: datetime) -> Finding:
    """What was committed outlives a power cut, and no row points at nothing."""
    found = Finding()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            found.look("synchronous", cursor.fetchone()[0] >= 2)
            cursor.execute("PRAGMA journal_mode")
            found.look("journal_mode", cursor.fetchone()[0] == "wal")
            cursor.execute("PRAGMA foreign_key_check")
            found.look("foreign_keys", not cursor.fetchall())
        else:
            for name in ("fsync", "full_page_writes"):
                cursor.execute("SELECT current_setting(%s)", [name])
                found.look(name, cursor.fetchone()[0] == "on")
            cursor.execute("SELECT current_setting('synchronous_commit')")
            found.look("synchronous_commit", cursor.fetchone()[0] != "off")
    return found


def _sums(rows: Iterable[tuple[int, int]]) -> defaultdict[int, int]:
    return defaultdict(int, rows)


def run(now: datetime) -> Iterator[tuple[str, Finding]]:
    """Run every check over one and the same state of the database."""
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if connection.vendor == "postgresql" and alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for name, look in CHECKS.items():
            yield name, look(now)


@click.command("check-invariants", help="آنچه همیشه باید درست باشد را می‌سنجد و چیزی را تغییر نمی‌دهد. ۱: درست نیست.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check what must be true at every moment; exit 1 when something is not. Nothing is changed."""
    broken = False
    for name, found in run(clock.now()):
        broken = broken or bool(found.bad)
        row = {"id": name, "ok": not found.bad, "checked": found.checked, "bad": len(found.bad)}
        if as_json:
            answer({**row, "examples": found.bad[:EXAMPLES]})
            continue
        verdict = "FAIL" if found.bad else "OK"
        examples = f" {' '.join(found.bad[:EXAMPLES])}" if found.bad else ""
        click.echo(f"{verdict} {name} checked={found.checked} bad={len(found.bad)}{examples}")
    if broken:
        context.exit(BROKEN)
