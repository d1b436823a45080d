"""Peyman and two banks on loopback, at a clock of the story's own: every verb of a story, and how all of it stands."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Sum
from django.test import Client

from peyman.billing.models import Entry, Payment, Refund
from peyman.billing.rules import Unknown
from peyman.entrypoints import clock, payments, statements
from peyman.entrypoints.finaliser import Work, Writer
from peyman.entrypoints.jobs import invariants, sweeps
from peyman.gateways import banks
from peyman.gateways.simulators import BankSimulator, saman
from peyman.gateways.simulators.service import Clock, Drop, Request
from peyman.gateways.simulators.till import Payment as Held
from peyman.kernel.errors import Refused
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises.models import Promise
from peyman.shop.catalog.models import Variant
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import InformationRequest, Order
from peyman.shop.stock.models import Stock
from tests.make import NOW
from tests.rooms.test_orders import place
from tests.stories.money.model import BANKS, Back, Disagreement, Standing, must

SHOWN = 10**11  # rials; whoever agrees to any total
INVARIANTS = (
    "postings_balance", "captures_are_posted", "bills_know_what_was_paid", "money_lies_where_it_belongs",
    "receipts_once", "refunds_are_promised", "stock_adds_up", "cart_codes_are_whole", "orders_add_up",
    "orders_moved_by_the_table", "everyone_was_told",
)  # fmt: skip


@dataclass(frozen=True)
class Goods:
    """What is sold in all stories: made once, since every story takes back what it changed."""

    buyers: tuple[Person, ...]
    staff: Person
    variants: dict[str, Variant]


@dataclass(frozen=True)
class Books:
    """How one order stands: its state and total, and the balance of every account that is not empty."""

    state: str
    total: int
    has_code: bool
    accounts: dict[str, int]
    paid: int
    refunded: int


class Straight:
    """The line to a bank without a network between: the bytes of the protocol, handed over."""

    def __init__(self, bank: BankSimulator) -> None:
        self._bank = bank

    def post(
        self, url: str, body: dict[str, object], *, limit: int = 0, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes] | Unknown:
        if self._bank.is_down():
            return Unknown("down")
        names = {name.lower(): value for name, value in (headers or {}).items()}
        try:
            answer = self._bank.handle(Request("POST", urlsplit(url).path, {}, names, json.dumps(body).encode()))
        except Drop:
            return Unknown("dropped")
        return answer.status, answer.body


class AtOnce(Writer):
    """In place of the thread that gathers what requests write: a story has one connection."""

    def do(self, work: Work[Any, Any], ask: Any) -> Any:
        return work.run([ask], clock.now())[0]


AT_ONCE = AtOnce(clock.now)


class Loud:
    """In place of the sweeps' log: what they would pass over ends the story."""

    def info(self, event: str, **words: Any) -> None:
        pass

    def warning(self, event: str, **words: Any) -> None:
        raise Disagreement(f"{event} {words}")

    error = exception = warning


class World:
    """The shop in one story. `by_http`: banks are asked over the network, and browsers come back through the door."""

    def __init__(self, goods: Goods, bank: BankSimulator, *, by_http: bool) -> None:
        self.goods, self.bank, self.by_http = goods, bank, by_http
        self.now = NOW
        self.orders: list[Order] = []
        self.payments: list[int] = []  # keys
        self.keys: list[str] = []
        self.client = Client()
        self.checked: list[int] = []  # payments that a sweep asked about, in its order
        self.given: list[tuple[int, str]] = []  # refunds that it tried: payment, reason
        self.chance = random.Random(1)

    # ---- Verbs ----

    def place(self, buyer: int, sku: str, pieces: int) -> str:
        """Returns "" or the code of the refusal, as all verbs do."""
        person = self.goods.buyers[buyer % len(self.goods.buyers)]
        try:
            placed = place(person, [(self.goods.variants[sku].sku, pieces)], now=self.now)
        except Refused as refusal:
            return refusal.code
        self.orders.append(placed.order)
        return ""

    def start(self, order: int, bank: str, *, agrees: bool) -> str:
        key = f"key-{len(self.payments)}"
        try:
            self._start(order, bank, key, agrees)
        except Refused as refusal:
            return refusal.code
        payment = Payment.objects.get(bill=self.orders[order].bill_id, idempotency_key=key)
        self.payments.append(payment.pk)
        self.keys.append(key)
        return ""

    def _start(self, order: int, bank: str, key: str, agrees: bool) -> payments.Started:
        row = Order.objects.select_related("person", "terms", "bill").get(pk=self.orders[order].pk)
        return payments.start(
            order=row, gateway=bank, shown_total=SHOWN if agrees else None, key=key, request_hash="h", now=self.now
        )

    def start_again(self, token: int, order: int) -> str:
        """Send the request that began a payment once more; returns its token."""
        bank = Payment.objects.get(pk=self.payments[token]).gateway
        return self._start(order, bank, self.keys[token], False).redirect_url.rpartition("=")[2].rpartition("/")[2]

    def name_of(self, token: int) -> str:
        return Payment.objects.get(pk=self.payments[token]).token or ""

    def pay(self, token: int, status: str, less: int) -> int:
        """The buyer pays at the bank, or gives up. Returns the amount paid."""
        if less:
            self.bank.switches.set(pay_amount={"value": {"by": -less}})
        self.bank.pay(self.name_of(token), status)
        self.bank.switches.set(pay_amount=None)
        return int(self.bank.till.payments[self.name_of(token)].paid_amount)

    def come_back(self, gateway: str, name: str, *, says_ok: bool) -> str:
        """A browser comes back with a token's name. Returns how it ended, or the code of the refusal."""
        if self.by_http:
            return self._by_the_door(gateway, name, says_ok)
        try:
            return payments.handle_callback(gateway=gateway, token=name, status_ok=says_ok, now=self.now).kind
        except Refused as refusal:
            return refusal.code

    def _by_the_door(self, gateway: str, name: str, says_ok: bool) -> str:
        """With a form that says whatever it likes besides: all of it is another payment's, or nobody's."""
        lies = {"RefNum": "Gmshtyjw200000001==", "ResNum": "PAY-1", "Amount": "1", "MID": "1", "TerminalId": "2"}
        lies |= {
            "next": "//evil.example/",
            "RedirectUrl": "https://evil.example/",
            "callback_url": "https://evil.example",
        }
        url = f"/pay/{gateway}/callback"
        if gateway == "saman":
            form = {**lies, "Token": name, "State": "OK" if says_ok else "CanceledByUser", "Status": "2"}
            answer = self.client.post(url, form)
        else:
            answer = self.client.get(url, {"Authority": name, "Status": "OK" if says_ok else "NOK", **lies})
        must(answer.status_code in (303, 404), f"{url} answered {answer.status_code}")
        if answer.status_code == 404:
            return "payment_unknown"
        must(answer["Location"].startswith(("/pay/", "/orders/")), f"{url} leads to {answer['Location']}")
        page = self.client.get(answer["Location"])
        must(page.status_code == 200, f"{answer['Location']} answered {page.status_code}")
        return str(page.context["kind"])

    def cancel(self, order: int) -> str:
        return self._refusal(lambda: orders.cancel(order=self.orders[order], by="customer", now=self.now))

    def cancel_by_shop(self, order: int, sku: str, *, is_gone: bool) -> str:
        return self._refusal(
            lambda: orders.cancel_by_shop(
                order=self.orders[order],
                reason="stock_out" if is_gone else "cannot_deliver",
                note="",
                skus=[self.goods.variants[sku].sku] if is_gone else [],
                detected_at=self.now,
                by=self.goods.staff,
                now=self.now,
            )
        )

    def ask_more(self, order: int) -> str:
        return self._refusal(
            lambda: orders.ask(
                order=self.orders[order], fields=["plate"], note="پلاک؟", by=self.goods.staff, now=self.now
            )
        )

    def answer_until(self, order: int) -> datetime:
        return InformationRequest.objects.get(order=self.orders[order], closed_at=None).answer_until

    def answer(self, order: int) -> str:
        return self._refusal(
            lambda: orders.answer(order=self.orders[order], raw={"plate": "۱۴"}, by="customer", now=self.now)
        )

    @staticmethod
    def _refusal(act: Callable[[], object]) -> str:
        try:
            act()
        except Refused as refusal:
            return refusal.code
        return ""

    def reprice(self, sku: str, price: int) -> None:
        Variant.objects.filter(pk=self.goods.variants[sku].pk).update(price=price, list_price=price)

    def wait(self, span: timedelta) -> None:
        self.now += span

    def sweep(self) -> None:
        """What a worker does each minute, as far as money is concerned."""
        self.checked, self.given = [], []
        sweeps.run_due(self.now)
        orders.expire_due(now=self.now)
        orders.cancel_unanswered(now=self.now)

    def judge(self) -> None:
        """Break what was promised and is overdue."""
        promises.sweep_overdue(now=self.now)

    def take_back(self, token: int) -> None:
        self.bank.till.take_back(self.name_of(token))

    @contextmanager
    def weather(self, fault: str) -> Iterator[None]:
        """While this lasts, one thing fails each time."""
        if fault:
            self.bank.switches.set(**{fault: True})
        try:
            yield
        finally:
            self.bank.switches.clear()

    # ---- How it stands ----

    def standings(self) -> list[Standing]:
        told = {row["authority"]: row for row in self.bank.ledger()}
        rows = {row.pk: row for row in Payment.objects.filter(pk__in=self.payments).prefetch_related("refunds")}
        return [self._standing(rows[key], told[rows[key].token]) for key in self.payments]

    def _standing(self, payment: Payment, told: dict[str, Any]) -> Standing:
        given = {row["description"].partition(" ")[0]: row["amount"] for row in told["refunds"]}
        must(len(given) == len(told["refunds"]), f"{payment.token}: the same refund twice")
        must(payment.gateway == told["gateway"], f"{payment.token}: of {told['gateway']}, ours says {payment.gateway}")
        if payment.state == Payment.State.CAPTURED:
            number = saman.refnum(self.bank.till.payments[payment.token or ""])
            receipt = number if payment.gateway == "saman" else str(told["ref_id"])
            must(payment.refnum == receipt, f"{payment.token}: receipt {payment.refnum}, the bank says {receipt}")
        backs = []
        for refund in payment.refunds.all():
            must(given.get(refund.code, refund.amount) == refund.amount, f"{payment.token}: another amount given back")
            backs.append(
                Back(
                    refund.reason,
                    refund.amount,
                    "reversal" if refund.kind == Refund.Kind.REVERSAL else "transfer",
                    refund.state == Refund.State.DONE,
                    refund.code in given,
                )
            )
        return Standing(told["state"], payment.state, tuple(sorted(backs)))

    def stock(self) -> dict[str, tuple[int, int]]:
        rows = {row.variant_id: row for row in Stock.objects.all()}
        found = {sku: rows[variant.pk] for sku, variant in self.goods.variants.items()}
        return {sku: (row.on_hand, row.allocated) for sku, row in found.items()}

    def books(self) -> list[Books]:
        accounts: dict[int, dict[str, int]] = {}
        for row in Entry.objects.values("bill", "account").annotate(sum=Sum("amount")):
            if row["sum"]:
                accounts.setdefault(row["bill"], {})[row["account"]] = row["sum"]
        rows = {row.pk: row for row in Order.objects.filter(pk__in=[o.pk for o in self.orders]).select_related("bill")}
        return [
            Books(
                row.state, row.total, row.cart_code is not None, accounts.get(row.bill_id, {}), row.bill.paid,
                row.bill.refunded,
            )
            for row in (rows[order.pk] for order in self.orders)
        ]  # fmt: skip

    def promised(self) -> dict[tuple[int, str], Promise]:
        """The promise of each refund, by payment and reason."""
        rows = {row.subject: row for row in Promise.objects.filter(kind="refund")}
        return {(one.payment_id, one.reason): rows[one.subject] for one in Refund.objects.all()}

    def assert_invariants(self) -> None:
        for name in INVARIANTS:
            found = invariants.CHECKS[name](self.now)
            must(not found.bad, f"check-invariants {name}: {found.bad}")

    def statement(self) -> statements.Reconciled:
        """Take in what the banks would write of their ledgers."""
        lines = ["refnum,terminal,amount,kind,at"]
        for row in self.bank.ledger():
            if row["verified_at"]:
                number = saman.refnum(Held(**{k: v for k, v in row.items() if k in Held.__annotations__}))
                mine = f"{number if row['gateway'] == 'saman' else row['ref_id']},{row['merchant']}"
                lines.append(f"{mine},{row['paid_amount']},payment,{row['verified_at']}")
                if row["state"] == "REVERSED":
                    lines.append(f"{mine},{row['paid_amount']},reversal,{row['reversed_at']}")
                lines += [f"{mine},{refund['amount']},refund,{refund['at']}" for refund in row["refunds"]]
        return statements.reconcile(data="\n".join([*lines, ""]).encode(), now=self.now)

    def receipt_of(self, token: int) -> str:
        """The number of a receipt, as its bank writes it."""
        held = self.bank.till.payments[self.name_of(token)]
        return saman.refnum(held) if held.gateway == "saman" else str(held.ref_id)


@contextmanager
def opened(goods: Goods, *, by_http: bool) -> Iterator[World]:
    """A world for one story. The database is the caller's: whatever a story changed he takes back."""
    holder: list[World] = []
    bank = BankSimulator(clock=Clock(lambda: holder[0].now.timestamp() if holder else NOW.timestamp()))
    world = World(goods, bank, by_http=by_http)
    holder.append(world)
    ask, give = payments.check, payments.give_back

    def check(*, payment: Payment, now: datetime) -> payments.Outcome:
        world.checked.append(payment.pk)
        return ask(payment=payment, now=now)

    def give_back(*, refund: Refund, now: datetime) -> bool:
        world.given.append((refund.payment_id, refund.reason))
        return give(refund=refund, now=now)

    with (
        patch.object(payments, "check", check),
        patch.object(payments, "give_back", give_back),
        patch.object(payments, "_writer", AT_ONCE),
        patch.object(clock, "now", lambda: world.now),
        patch.object(sweeps, "log", Loud()),
        patch.object(sweeps, "close_old_connections", lambda: None),
    ):
        if by_http:
            with bank, patch.object(settings, "BANK_URL", bank.url):
                ports = [banks.bank(name) for name in BANKS]
                try:
                    yield world
                finally:
                    for port in ports:
                        port.close()  # type: ignore[attr-defined]  # both are ports
        else:
            with patch.object(settings, "BANK_URL", "http://127.0.0.1:9"):
                for name in BANKS:
                    banks.bank(name)._line = Straight(bank)  # type: ignore[attr-defined]  # both are ports
                yield world
