"""Guards that can be taken away, to see that a test misses them.

A pytest plugin: `pytest -p tests.guards --take-away NAME …` runs tests in a Peyman without that guard. A guard is a
piece of a function's source; it is cut out and the function made anew, in place, so that whoever imported it has the
new one. When the source changes and the piece is gone, taking it away fails loudly and the table below is mended.
"""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import pytest


@dataclass(frozen=True)
class Cut:
    """Where `target` ("package.module:function" or "…:Class.method") says `old`, exactly once, let it say `new`."""

    target: str
    old: str
    new: str

    def pieces(self) -> int:
        """How often the piece is there."""
        return self._source().count(self.old)

    def _source(self) -> str:
        return textwrap.dedent(inspect.getsource(function_at(self.target)))

    def apply(self) -> None:
        """Cut. Raises LookupError when the piece is not there once, or the function is none that can be cut."""
        function = function_at(self.target)
        if self.pieces() != 1:
            raise LookupError(f"{self.target} says {self.pieces()} times, not once: {self.old}")
        tree = ast.parse(self._source().replace(self.old, self.new))
        made = tree.body[0]
        if not isinstance(made, ast.FunctionDef):
            raise LookupError(f"{self.target} is no plain function")
        made.decorator_list = []  # what wraps it stays around it
        names: dict[str, Any] = {}
        code = compile(tree, f"<{self.target} without a guard>", "exec", dont_inherit=True)
        exec(code, function.__globals__, names)  # noqa: S102  # the source is our own
        replace_code(function, names[made.name])


@dataclass(frozen=True)
class Guard:
    """What carries a clause out, and how Peyman would be without it."""

    clause: str
    without: str  # in words: the fault that a test has to notice
    away: Cut
    first: str = ""  # the test to ask first, where many are witnesses

    @property
    def name(self) -> str:
        return f"{self.clause}: {self.without}"


def named(target: str) -> Any:
    """Return what "package.module:Name.name" stands for. Raises ImportError or AttributeError."""
    module, _, path = target.partition(":")
    thing: Any = importlib.import_module(module)
    for name in path.split("."):
        thing = getattr(thing, name)
    return thing


def function_at(target: str) -> FunctionType:
    """Return the innermost function of `target`: decorators that say what they wrap are passed through."""
    function = inspect.unwrap(named(target))
    function = getattr(function, "__func__", function)
    if not isinstance(function, FunctionType):
        raise LookupError(f"{target} is no function written in Python")
    return function


def replace_code(function: FunctionType, other: Callable[..., Any]) -> None:
    """Let `function` do what `other` does, for everybody who holds it."""
    if not isinstance(other, FunctionType) or other.__code__.co_freevars or function.__code__.co_freevars:
        raise LookupError(f"{function.__qualname__} holds variables of another function")
    function.__code__ = other.__code__
    function.__defaults__, function.__kwdefaults__ = other.__defaults__, other.__kwdefaults__


PLACE, FINALITY, UNDO = (f"peyman.shop.orders.actions.{name}" for name in ("place", "finality", "undo"))
CLOSING, REQUESTS, SHOP_CANCEL = (
    f"peyman.shop.orders.actions.{name}" for name in ("closing", "requests", "shop_cancel")
)
CATALOG = "peyman.shop.catalog"
ORDERED_PRICES = "peyman.shop.orders.actions.prices"
FORM, CARTS = "peyman.shop.orders.rules.form", "peyman.shop.carts"
TARIFF = "peyman.market.tariff"
AUDIT = "peyman.market.tariff.rules.audit"
INCIDENTS = "peyman.market.incidents"
TICKETS = "peyman.market.guard.rules.tickets"

GUARDS: list[Guard] = [
    Guard(
        "D01",
        "who uses the shop leaves no record of having accepted its terms",
        Cut(
            "peyman.entrypoints.implied:Implied._store",
            'actions.accept(person=person, version=version, kind="implied", now=datetime.fromisoformat(mark.at))',
            "pass",
        ),
    ),
    Guard(
        "D01",
        "an implied acceptance counts as an explicit one",
        Cut("peyman.promises.queries:has_accepted", ", kind__in=explicit", ""),
    ),
    Guard(
        "D02",
        "an order leaves no record of the terms that were accepted with it",
        Cut(
            f"{PLACE}:_register",
            'promises.accept(person=person, version=terms, kind="order", subject=f"order:{code}", now=now)',
            "pass",
        ),
    ),
    Guard(
        "D03",
        "an order may be placed under a version that is not in force",
        Cut(f"{PLACE}:_accepted", "if number != current.number:", "if False:"),
    ),
    Guard(
        "D03",
        "a version is in force before its hour",
        Cut("peyman.promises.queries:terms_in_force", "effective_at__lte=now", ""),
    ),
    Guard(
        "D04",
        "terms may be published for a time that has passed",
        Cut("peyman.promises.rules:effective", "if effective_at < now:", "if False:"),
    ),
    Guard(
        "D04",
        "a changed clause is not among the differences of two versions",
        Cut(
            "peyman.entrypoints.termdiff:changes", "if known is None or known.text != clause.text:", "if known is None:"
        ),
    ),
    Guard(
        "D05",
        "nobody is told that the terms have changed",
        Cut("peyman.entrypoints.implied:current", "(carried.before or carried.version) if carried else 0", "0"),
    ),
    Guard(
        "D06",
        "the name given at registration is not kept",
        Cut("peyman.people.actions.accounts:complete_profile", "person.full_name = name", "pass"),
    ),
    Guard(
        "D09",
        "anyone's address may be written to",
        Cut("peyman.messages.rules:assert_recipient", "        if not is_official:", "        if False:"),
    ),
    Guard(
        "D09",
        "whatever is written goes anywhere under the name of an exception",
        Cut("peyman.messages.rules:assert_recipient", "elif template not in _ONLY[why] or", "elif False and"),
    ),
    Guard(
        "D10",
        "what was sent is not in the channel log",
        Cut(
            "peyman.messages.actions.delivery:_mark_sent",
            'outcome="sent", at=now) for each in taken',
            'outcome="sent", at=now) for each in []',
        ),
    ),
    Guard(
        "D11",
        "the newsletter goes to who did not ask for it",
        Cut("peyman.messages.rules:assert_recipient", "if not may_market:", "if False:"),
    ),
    Guard(
        "D12",
        "a newsletter that was queued before it was cancelled still leaves",
        Cut("peyman.entrypoints.jobs.outbox:Ways.is_wanted", "message.why != rules.Why.NEWSLETTER or", "True or"),
    ),
    Guard(
        "D13",
        "the shop answers under any name",
        Cut("peyman.entrypoints.canonical:Canonical.__call__", "if host not in settings.OTHER_HOSTS:", "if True:"),
    ),
    Guard(
        "D14",
        "messages leave from lines that are not announced",
        Cut("peyman.messages.rules:is_announced", "return bool(wanted) and any(", "return bool(wanted) or any("),
    ),
    Guard(
        "D14",
        "an SMS carries nothing by which it could be checked",
        Cut(
            "peyman.messages.queries:render",
            'text = _fill(f"{name}.sms.txt", {**context, "mark": mark})',
            'text = _fill(f"{name}.sms.txt", context)',
        ),
    ),
    Guard(
        "D21",
        "public holidays count as working days",
        Cut("peyman.kernel.worktime:WorkCalendar.is_working_day", " and day not in self.closed", ""),
    ),
    Guard(
        "D21",
        "a holiday declared late leaves the due times of open promises as they were",
        Cut("peyman.promises.actions:recount", "rows = list(", "rows = [] and list("),
    ),
    Guard(
        "D22",
        "the processing date is not counted anew when the order becomes final",
        Cut(f"{FINALITY}:_make_final", "processing_date=processing_date,", ""),
    ),
    Guard(
        "D22",
        "orders of a holiday are to be processed on that holiday",
        Cut(
            "peyman.kernel.worktime:WorkCalendar.processing_date", "while not self.is_working_day(day):", "while False:"
        ),
    ),
    Guard(
        "D23",
        "orders are refused on holidays",
        Cut(
            f"{PLACE}:_register",
            "    _, calendar = terms_queries.working_calendar()\n",
            "    _, calendar = terms_queries.working_calendar()\n"
            "    if calendar.processing_date(now) > now.date():\n"
            "        raise money.NothingToOrder\n",
        ),
    ),
    Guard(
        "D24",
        "no pro-forma is sent",
        Cut(
            f"{PLACE}:write_pro_forma",
            "messages.queue_many([notes.pro_forma(order, person, paper, lines, now)], now=now)",
            "pass",
        ),
    ),
    Guard(
        "D30",
        "money that could not be used is not owed back",
        Cut("peyman.billing.actions.payments:accept_refunds", "if not asks:", "if True:"),
    ),
    Guard(
        "D30",
        "the hours of a refund run on holidays too",
        Cut(
            "peyman.promises.rules:due",
            "return calendar.after(start, hours, stopped)",
            "return start.astimezone(UTC) + timedelta(hours=hours)",
        ),
    ),
    Guard(
        "D30",
        "a statement's line of another amount keeps a refund",
        Cut(
            "peyman.billing.rules.statements:compare",
            "exact = [one for one in open_ if one.amount == line.amount]",
            "exact = open_",
        ),
        first="tests/rooms/test_reconcile.py",
    ),
    Guard(
        "D30",
        "a large refund that one member of staff caused leaves on that one's word",
        Cut("peyman.billing.rules.paya:persons_needed", "PERSONS if amount > above and", "PERSONS if False and"),
        first="tests/rooms/test_paya.py",
    ),
    Guard(
        "D30",
        "who caused a refund approves it as well",
        Cut("peyman.billing.actions.paya:approve_refund", "refund.by_id == by.pk or ", ""),
        first="tests/rooms/test_paya.py",
    ),
    Guard(
        "D35",
        "money that the gateway will not carry is tried there for ever",
        Cut(
            "peyman.entrypoints.payments:_transfer",
            "if proven is False and is_for_good(answer.code, refund.tries):",
            "if False:",
        ),
        first="tests/rooms/test_paya.py",
    ),
    Guard(
        "D35",
        "money goes to an account whose holder nobody saw",
        Cut("peyman.billing.actions.paya:ready", ", seen_at__isnull=False", ""),
        first="tests/rooms/test_paya.py",
    ),
    Guard(
        "D35",
        "money goes to the account that the customer has replaced",
        Cut("peyman.billing.actions.paya:send", "    _assert_accounts(batch)\n", ""),
        first="tests/rooms/test_paya.py",
    ),
    Guard(
        "D35",
        "whose account it is does not matter",
        Cut("peyman.billing.rules.paya:holder", "if not 10 <= len(reason) <= 300:", "if False:"),
        first="tests/rooms/test_paya.py",
    ),
    Guard(
        "D49",
        "orders are taken for a hotel",
        Cut(f"{PLACE}:place", "addresses.assert_deliverable(person=person, delivery=delivery)", "pass"),
    ),
    Guard(
        "D31",
        "who withdraws does not get the money back",
        Cut(f"{CLOSING}:undo", "for payment in bills.captured_of(order.bill)", "for payment in ()"),
    ),
    Guard(
        "D28",
        "for what ran out an order is cancelled without saying which goods",
        Cut("peyman.shop.orders.rules.reasons:reason", "elif found and found.names_goods and not skus:", "elif False:"),
    ),
    Guard(
        "D28",
        "pieces that are not there return to sale",
        Cut(f"{CLOSING}:_put_back", "lost if line.sku in gone else pieces", "pieces"),
    ),
    Guard(
        "D32",
        "nobody is told that the order cannot be delivered",
        Cut(
            f"{SHOP_CANCEL}:cancel_by_shop",
            "messages.queue_many(notes.cancelled_by_shop(order, order.person, why, words, gone, back), now=now)",
            "pass",
        ),
    ),
    Guard(
        "D32",
        "it is not promised in time that the order cannot be delivered",
        Cut(f"{SHOP_CANCEL}:cancel_by_shop", "if why.is_ours:", "if False:"),
    ),
    Guard(
        "D33",
        "the shop cancels and keeps the money",
        Cut(f"{CLOSING}:undo", "for payment in bills.captured_of(order.bill)", "for payment in ()"),
    ),
    Guard(
        "D39",
        "the clocks of an incomplete order run on",
        Cut(
            f"{REQUESTS}:ask",
            'promises.hold(subjects=[f"order:{order.code}"], cause=request.code, why=ORDER_INCOMPLETE, now=now)',
            "pass",
        ),
    ),
    Guard(
        "D39",
        "money that comes for an incomplete order is sent away",
        Cut(f"{FINALITY}:_is_due", "if order.state == states.INCOMPLETE and not order.cart_code:", "if False:"),
        first="tests/rooms/test_incomplete_orders.py::test_money_that_comes_meanwhile",
    ),
    Guard(
        "D41",
        "an order waits for its answer for ever",
        Cut(f"{REQUESTS}:cancel_unanswered", "answer_until__lte=now", "pk__lt=0"),
    ),
    Guard(
        "D53",
        "nobody is told where express ends",
        Cut("peyman.shop.orders.actions.notes:_door", 'if order.is_express else ""', 'if False else ""'),
    ),
    Guard(
        "D31",
        "an order may be withdrawn from in any state",
        Cut(f"{UNDO}:cancel", 'if order.state not in states.sources("cancel"):', "if False:"),
    ),
    Guard("D38", "a form with gaps is accepted", Cut(f"{FORM}:read_delivery", "if wrong:", "if False:")),
    Guard(
        "D50",
        "a postal code may have any number of digits",
        Cut(f"{FORM}:postal_code", "if len(digits) != 10:", "if False:"),
    ),
    Guard(
        "D51",
        "the parcel goes to the buyer, whoever was named",
        Cut(f"{PLACE}:_register", "recipient=delivery.recipient,", "recipient=person.full_name,"),
    ),
    Guard(
        "D54",
        "a cart sets pieces aside",
        Cut(
            f"{CARTS}.actions:_fill",
            "        if lies is not None:\n",
            "        variant.stock.allocated += n\n"
            '        variant.stock.save(update_fields=["allocated"])\n        if lies is not None:\n',
        ),
    ),
    Guard(
        "D56",
        "a total that rose is taken without asking",
        Cut("peyman.shop.orders.rules.money:agreed", "if total > shown_total:", "if False:"),
    ),
    Guard(
        "D56",
        "nobody is told that a price in the cart changed",
        Cut(f"{CARTS}.rules:notices", "if price != seen_price:", "if False:"),
    ),
    Guard(
        "D57",
        "an order is final without money",
        Cut(f"{FINALITY}:_issue", " if order.bill.paid - order.bill.refunded >= order.total", ""),
        first="tests/rooms/test_orders.py::test_without_money_there_is_no_cart_code",
    ),
    Guard(
        "D57",
        "a final order takes nothing from stock",
        Cut(f"{FINALITY}:_make_final", "stock.claim_many(pieces=pieces)", "pass"),
    ),
    Guard(
        "D57",
        "nobody is told the cart code",
        Cut(
            f"{FINALITY}:_make_final",
            "for message in notes.cart_code(order, order.person, lines[order.pk], now)",
            "for message in ()",
        ),
    ),
    Guard(
        "D57",
        "an order that nobody pays waits for ever",
        Cut(f"{UNDO}:expire_due", "pay_until__lte=now", "pk__lt=0"),
    ),
    Guard(
        "D58",
        "carts that were left stay for ever",
        Cut(f"{CARTS}.actions:sweep_left", "seen_at__lt=now - timedelta(days=days)", "pk__lt=0"),
    ),
    Guard(
        "D59",
        "nobody is told that few are left",
        Cut(f"{CARTS}.rules:scarce", "available <= FEW or ", ""),
        first="tests/rules/test_carts.py",
    ),
    Guard(
        "D59",
        "an offer that has ended urges on",
        Cut(f"{CARTS}.rules:scarce", " and offer_until > now", ""),
        first="tests/rules/test_carts.py",
    ),
    Guard(
        "D68",
        "a carrier is offered where it does not go",
        Cut("peyman.shop.shipping.rules:goes_to", "    return province ==", "    return True or province =="),
    ),
    Guard(
        "D113",
        "a specification that people bought by is corrected in silence",
        Cut(f"{CATALOG}.actions.history:remember", "is_correction=subject.is_sold and", "is_correction=False and"),
    ),
    Guard(
        "D113",
        "no reader sees the source that a file of goods names",
        Cut("peyman.shop.catalog.queries.product:product_page", 'product.spec_source or ""', '""'),
        first="tests/pages/test_found_pages.py",
    ),
    Guard(
        "D113",
        "nobody says why such a specification is corrected",
        Cut(f"{CATALOG}.rules.goods:check_why", "if is_needed and", "if False and"),
    ),
    Guard(
        "D113",
        "a source stays beside a value that it never vouched for",
        Cut(
            f"{CATALOG}.actions.importing:_plan_product",
            "item.attributes[name] == product.attributes.get(name)",
            "True",
        ),
    ),
    Guard(
        "D115",
        "an address that a product once had leads nowhere",
        Cut("peyman.entrypoints.storefront.product:_sent_on", "if not now_at:", "if True:"),
        first="tests/pages/test_found_pages.py",
    ),
    Guard(
        "D115",
        "the page of states calls everything up to date whatever waits",
        Cut("peyman.entrypoints.storefront.status:_queue", "if oldest is None or now - oldest <= _LATE:", "if True:"),
        first="tests/pages/test_found_pages.py",
    ),
    Guard(
        "D119",
        "nobody reads that no one sells for us",
        Cut("peyman.entrypoints.storefront.official:official", '"agency": _AGENCY,', '"agency": "",'),
        first="tests/pages/test_found_pages.py",
    ),
    Guard(
        "D117",
        "a price is called approved and nobody says by whom",
        Cut(f"{CATALOG}.rules.goods:check_basis", 'if new["price_reference"]:', "if True:"),
    ),
    Guard(
        "D25",
        "orders are stopped and nobody can say by whom",
        Cut(f"{CATALOG}.actions.sale:_remembered", "SaleSwitch.objects.create(", "SaleSwitch("),
    ),
    Guard(
        "D26",
        "what was registered before a stop cannot be paid any more",
        Cut(
            f"{ORDERED_PRICES}:_pieces",
            "return stock.on_hand - stock.allocated if stock else 0",
            "return stock.on_hand - stock.allocated if stock and variant.is_on_sale else 0",
        ),
        first="tests/rooms/test_offers_and_orders.py",
    ),
    Guard(
        "D27",
        "what is no longer sold is ordered all the same",
        Cut(f"{PLACE}:_asked", "if not (variant.is_on_sale and variant.product.is_on_sale):", "if False:"),
        first="tests/rooms/test_offers_and_orders.py",
    ),
    Guard(
        "D122",
        "an offer that is over stands until a worker finds time",
        Cut("peyman.shop.offers.actions.due:settle", "if not over:", "if True:"),
        first="tests/rooms/test_offers.py",
    ),
    Guard(
        "D118",
        "insurance is not charged apart",
        Cut(f"{CARTS}.rules:fees", "insurance=insurance - insurance % 10", "insurance=0"),
    ),
    Guard(
        "D121",
        "clocks run on through a declared period",
        Cut("peyman.promises.rules:Reckoning.due", "if not pauses and not own:", "if True:"),
    ),
    Guard(
        "D122",
        "a price changes and leaves no trace",
        Cut(
            "peyman.shop.catalog.actions.prices:move_prices",
            "return PriceChange.objects.bulk_create(changes, batch_size=CHUNK)",
            "return changes",
        ),
    ),
    Guard(
        "D08",
        "an e-mail address is official by being typed",
        Cut(
            "peyman.people.actions.contacts:confirm_email",
            'try_code(person, "email", code, now)',
            'ContactCode.objects.filter(person=person, kind="email").latest("pk")',
        ),
    ),
    Guard(
        "D08",
        "one right code of two changes a mobile number",
        Cut(
            "peyman.people.actions.contacts:change_mobile",
            "            wrong = True  # the other one is tried all the same: each try counts\n",
            '            proofs.append(ContactCode.objects.filter(person=person, kind=kind).latest("pk"))\n',
        ),
    ),
    Guard(
        "D12",
        "the newsletter is cancelled by a program that only reads the link",
        Cut("peyman.entrypoints.storefront.profile:opt_out", 'if request.method == "POST":', "if True:"),
    ),
    Guard(
        "D12",
        "one click does not cancel the newsletter",
        Cut("peyman.entrypoints.storefront.profile:opt_out", 'if request.method == "POST":', "if False:"),
    ),
    Guard(
        "D15",
        "a log-in leaves no trace in the history",
        Cut(
            "peyman.people.actions.visits:begin_visit",
            'LoginEvent.objects.create(person=person, event="login", device=device, network=network, at=now)',
            "pass",
        ),
    ),
    Guard(
        "D15",
        "a session that its owner ended stays open",
        Cut("peyman.entrypoints.storefront.sessions:forget_sessions", "SessionStore(key).delete()", "pass"),
    ),
    Guard(
        "D16",
        "personal data lie in the tables in clear",
        Cut(
            "peyman.sealed:Sealed.get_db_prep_save",
            "return keys().seal(self.dump(value), self.context())",
            "return self.dump(value)",
        ),
        first="tests/rooms/test_orders_and_people.py::test_to_whom_and_where_an_order_goes_is_sealed",
    ),
    Guard(
        "D16",
        "what was sent to somebody stays readable after they were forgotten",
        Cut("peyman.messages.actions.forgetting:_forget", "return ended.update(", "return 0 and ended.update("),
        first="tests/rooms/test_retention.py::test_what_was_written_to_someone",
    ),
    Guard(
        "D16",
        "staff look at personal data without a reason",
        Cut("peyman.people.actions.privacy:note_access", "rules.access_reason(why)", "why"),
    ),
    Guard(
        "D17",
        "whoever reported a violation is not answered",
        Cut(
            "peyman.entrypoints.privacy:answer",
            'messages.queue(_message(case, "privacy_answered", context, key), now=now)',
            "pass",
        ),
    ),
    Guard(
        "D17",
        "a report is answered by whoever did not take it",
        Cut("peyman.people.actions.privacy:answer_case", "if case.taken_by_id not in (None, by.pk):", "if False:"),
    ),
    Guard(
        "D18",
        "a withdrawn permission still holds",
        Cut("peyman.people.queries.privacy:permissions", "row.withdrawn_at is None and ", ""),
    ),
    Guard(
        "D19",
        "one reader may read all there is",
        Cut("peyman.shop.licences.rules:Readers.take", "count.least + asked.weight >", "0 >"),
        first="tests/rules/test_readers.py",
    ),
    Guard(
        "D19",
        "a flood of addresses shuts readers out who read nothing",
        Cut("peyman.shop.licences.rules:Readers.take", "count.least + asked.weight", "count.most + asked.weight"),
        first="tests/rules/test_readers.py",
    ),
    Guard(
        "D19",
        "who was shut out reads on",
        Cut("peyman.entrypoints.readers:Desk.take", "if why and not origin.crawler:", "if False:"),
        first="tests/pages/test_readers.py",
    ),
    Guard(
        "D19",
        "staff shut out the address that they sit at",
        Cut("peyman.shop.licences.actions:shut_out", "if reader.key in own:", "if False:"),
        first="tests/pages/test_readers.py",
    ),
    Guard(
        "D19",
        "a licence that is over opens the export",
        Cut("peyman.shop.licences.actions:spend", "if why:", "if False:"),
        first="tests/pages/test_readers.py",
    ),
    Guard(
        "D20",
        "a minor pays without a guardian's word",
        Cut("peyman.shop.orders.actions.guardian:assert_guardian", "if waiting([order], now):", "if False:"),
    ),
    Guard(
        "D20",
        "a minor's money becomes a cart code without a guardian's word",
        Cut(
            "peyman.shop.orders.actions.finality:take_payments",
            "waiting = guardian.waiting(orders.values(), now)",
            "waiting = frozenset()",
        ),
    ),
    Guard(
        "D05",
        "a new version of the terms is told to nobody",
        Cut("peyman.entrypoints.notices:publish_terms", "if made.number > 1:", "if False:"),
    ),
    Guard(
        "D07",
        "a retailer sells any number of pieces",
        Cut("peyman.shop.carts.rules:quantity", "if n > limit:", "if False:"),
    ),
    Guard(
        "D07",
        "an organisation's order is not told from a person's",
        Cut("peyman.shop.orders.actions.place:_register", "buyer_kind=buyer.kind,", 'buyer_kind="individual",'),
    ),
    Guard(
        "D08",
        "a lost line is changed by whoever has any e-mail address",
        Cut(
            "peyman.people.actions.lost_line:ask_lost_email",
            "if person.email.casefold() != address.casefold():",
            "if False:",
        ),
    ),
    Guard(
        "D11",
        "a newsletter goes to members who never asked for it",
        Cut("peyman.people.queries.mailings:readers", ".filter(is_reader=True)", ""),
    ),
    Guard(
        "D12",
        "who opts out while a batch is being sent is written to all the same",
        Cut(
            "peyman.entrypoints.jobs.outbox:deliver",
            "ways.ask_readers(group)",
            "ways.ask_readers([*group, *batch]) if not sent else None",
        ),
    ),
    Guard(
        "D15",
        "the old line objects, and its number is changed all the same",
        Cut(
            "peyman.people.actions.lost_line:object_to_lost_line",
            "here.update(state=rules.OBJECTED, objected_at=now)",
            "here.exists()",
        ),
    ),
    Guard(
        "D15",
        "a recycled line opens the account of whoever had it before",
        Cut("peyman.people.rules.lost_line:is_dormant", "now - last_seen >= DORMANT_AFTER", "False"),
    ),
    Guard(
        "D16",
        "papers of orders are kept for ever",
        Cut("peyman.shop.orders.actions.retention:forget_papers", "if keys:", "if False:"),
        first="tests/rooms/test_retention.py::test_an_ended_order_loses",
    ),
    Guard(
        "D16",
        "an account number is shown whole",
        Cut("peyman.people.rules.identity:masked", "text[-shown:]", "text"),
    ),
    Guard(
        "D40",
        "any ten digits are a person's national id",
        Cut("peyman.people.rules.identity:national_id", "if not is_national_id(digits):", "if False:"),
    ),
    Guard(
        "D121",
        "nobody hears that their promises stand still",
        Cut(
            "peyman.entrypoints.notices:declare_force_majeure",
            'people.begin_mailing(kind=Mailing.Kind.FORCE_MAJEURE, subject=f"period:{made.code}", by=by, now=now)',
            "pass",
        ),
    ),
    Guard(
        "D40",
        "a landline counts without the customer's word",
        Cut("peyman.people.actions.contacts:vouch_landline", "if number and not vouched:", "if False:"),
    ),
    Guard(
        "D44",
        "any eleven digits are an organisation's national id",
        Cut("peyman.people.rules.legal:legal_national_id", "if not has_right_check_digit(digits):", "if False:"),
    ),
    Guard(
        "B05",
        "a list that lost half of its rows is believed at once",
        Cut(
            "peyman.market.tariff.rules.quarantine:_compared",
            "if any(before - now > max(limits.shrink * before, limits.few) for now, before in sizes):",
            "if False:",
        ),
        first="tests/rules/test_registry_quarantine.py::test_a_list_that_nobody_should_believe_at_once",
    ),
    Guard(
        "B05",
        "a list with a default route is believed",
        Cut("peyman.market.tariff.rules.quarantine:judge", "if new.default_routes:", "if False:"),
    ),
    Guard(
        "B05",
        "a list that broke off is taken for a whole one",
        Cut(
            "peyman.gateways.registry.opening:_text",
            "if found.places is not None and (is_torn or _is_cut(text, last, found)):",
            "if False:",
        ),
    ),
    Guard(
        "B05",
        "the registry sends us to another host and we go",
        Cut(
            "peyman.gateways.registry.fetching:_followed",
            "if here.hostname != there.hostname or not (ports[0] == ports[1] or is_upgrade):",
            "if False:",
        ),
        first="tests/jobs/test_registry_watch.py::test_a_fetch_that_brings_nothing_is_written_down",
    ),
    Guard(
        "B05",
        "a registry that drips holds us for ever",
        Cut("peyman.gateways.registry.fetching:_Deadline._cut", "_shut(line)", "pass"),
        first="tests/gateways/test_registry_fetch.py::test_headers_that_drip",
    ),
    Guard(
        "B05",
        "all workers fetch at once",
        Cut("peyman.entrypoints.registry_watch:sweep", "if _is_due(now) and _claim(now):", "if _is_due(now):"),
        first="tests/jobs/test_registry_watch.py::test_a_worker_that_was_killed_while_it_fetched_is_followed_by_another",
    ),
    Guard(
        "B05",
        "nobody hears that the last good list gets old",
        Cut("peyman.market.tariff.rules.watch:is_old", "return now - holds_until > OLD", "return False"),
        first="tests/rules/test_registry_quarantine.py::test_a_list_is_old",
    ),
    Guard(
        "B05",
        "a list that is held back counts as a good one",
        Cut(
            "peyman.market.tariff.actions.history:_kept",
            "Snapshot.State.GOOD if partner else new.verdict.state",
            "Snapshot.State.GOOD",
        ),
        first="tests/jobs/test_registry_command.py::test_what_is_no_list_is_kept_with_its_reason_and_the_rest_comes_in",
    ),
    Guard(
        "B05",
        "what is no list is let go all the same",
        Cut(
            "peyman.market.tariff.actions.history:release",
            "if snapshot.state == Snapshot.State.UNREADABLE or not quarantine.may_release(_codes(snapshot)):",
            "if False:",
        ),
        first="tests/rooms/test_registry_history.py::test_what_cannot_be_let_go_stays_as_it_is",
    ),
    Guard(
        "B05",
        "a row that is gone stays on the list for ever",
        Cut(
            "peyman.market.tariff.actions.history:_append",
            "Stay.objects.filter(absent=None, row__in=some).update(absent=snapshot)",
            "pass",
        ),
        first="tests/jobs/test_registry_command.py::test_a_folder_comes_in_by_the_days_of_its_names_and_again_changes_nothing",
    ),
    Guard(
        "B05",
        "a list that is brought later does not show when a row was away",
        Cut("peyman.market.tariff.actions.history:_insert", "if absent != following.pk", "if False"),
        first="tests/rooms/test_registry_history.py::test_a_list_that_is_brought_later_cuts_a_stay_in_two",
    ),
    Guard(
        "B04",
        "what a full list misses goes on serving",
        Cut(f"{TARIFF}.rules.edges:spans_of_lists", "[prefix for prefix in running if prefix not in there]", "[]"),
    ),
    Guard(
        "B04",
        "the good lines of a bad file come in",
        Cut(f"{TARIFF}.rules.edges:_each", "    if faults:", "    if False:"),
    ),
    Guard(
        "B04",
        "a changed declaration leaves the old belief standing",
        Cut(
            f"{TARIFF}.actions.edges:_replace",
            "Edge.objects.filter(pk__in=keys, superseded_at=None).update(superseded_at=at)",
            "pass",
        ),
    ),
    Guard(
        "B04",
        "what we believed before is not told any more",
        Cut(f"{TARIFF}.queries.edges:_believed", " | Q(superseded_at__gt=known_at)", ""),
    ),
    Guard(
        "B06",
        "a foreign edge is taken for one that could be registered",
        Cut(f"{TARIFF}.rules.drift:split", '"" if is_inland or over else "foreign"', '""'),
    ),
    Guard(
        "B06",
        "another tenant's registration counts for us",
        Cut(f"{TARIFF}.rules.drift:own_only", "if not registrants:", "if True:"),
    ),
    Guard(
        "B06",
        "staff are woken by what did not hold",
        Cut(
            f"{TARIFF}.rules.drift:alarms",
            "kind == INELIGIBLE or hold.is_over(noticed_at, snapshots, now)",
            "True",
        ),
    ),
    Guard(
        "B06",
        "nobody hears of a drift that held",
        Cut("peyman.entrypoints.tariff_watch:_sound", "if not found:", "if True:"),
        first="tests/rooms/test_drift_watch.py::test_a_drift_is_known_at_once_and_alarmed_once_a_second_list_shows_it",
    ),
    Guard(
        "B06",
        "a drift that flaps is believed gone at once",
        Cut(
            f"{TARIFF}.actions.drift:note",
            'row.save(update_fields=["away_since"])',
            "Drift.objects.filter(pk=row.pk).update(away_since=now, cleared_at=now)",
        ),
        first="tests/rooms/test_drift_watch.py::test_one_that_flaps_is_told_of_once_and_is_gone_only_after_it_stayed_away",
    ),
    Guard(
        "B06",
        "the registry is asked for addresses that it can never list",
        Cut(f"{TARIFF}.rules.requests:askable", " if not piece.never", ""),
    ),
    Guard(
        "B06",
        "a request is done before its due date",
        Cut(
            f"{TARIFF}.actions.requests:_stands",
            "is_due=all(part.status == State.REGISTERED for part in parts)",
            "is_due=bool(listed)",
        ),
        first="tests/rooms/test_update_requests.py::test_the_promise_is_kept_with_evidence_when_all_of_it_is_listed_and_due",
    ),
    Guard(
        "B06",
        "a request that the list dates otherwise is still expected by the forecast",
        Cut(
            f"{TARIFF}.actions.requests:_follow",
            "if due_on is None or due_on == request.expected_due_on:",
            "if True:",
        ),
        first="tests/rooms/test_update_requests.py::test_a_request_that_is_listed_with_another_due_date_follows_that_one",
    ),
    Guard(
        "B06",
        "nobody is warned that a 30th loses a month",
        Cut(f"{TARIFF}.rules.requests:forecast", "2 if jalali.day in _SKIPS else 1", "1"),
    ),
    Guard(
        "B07",
        "an address serves under the message from the very due date",
        Cut(f"{TARIFF}.rules.admission:admit", "if since is None or at < since:", "if False:"),
    ),
    Guard(
        "B07",
        "an old list admits addresses",
        Cut(f"{TARIFF}.rules.admission:admit", "if not is_fresh:", "if False:"),
    ),
    Guard(
        "B07",
        "an address that drifted is admitted at once",
        Cut(f"{TARIFF}.queries.drift:_part", "drifts.count(part) if said.admitted else 0", "0"),
    ),
    Guard(
        "B17",
        "every address that serves counts as in step",
        Cut(f"{TARIFF}.queries.drift:record", ' if p.status == "registered"', ""),
    ),
    Guard(
        "B17",
        "a row that was removed is told as one that never was",
        Cut(
            f"{TARIFF}.rules.drift:began",
            '"row_removed" if any(at > served_from for at in gone) else "not_listed"',
            '"not_listed"',
        ),
    ),
    Guard(
        "B17",
        "who was told of a drift is not kept",
        Cut(
            f"{TARIFF}.actions.drift:told",
            "Drift.objects.filter(pk__in=[row.pk for row in drifts]).update(told=people)",
            "pass",
        ),
    ),
    Guard(
        "B10",
        "an incident is confirmed by figures that the recount did not come to",
        Cut(f"{INCIDENTS}.rules.steps:_recounted", 'if known.run_state == "differs":', "if False:"),
        first="tests/rules/test_incident_rules.py",
    ),
    Guard(
        "B10",
        "figures of a step are rewritten behind our back",
        Cut(f"{INCIDENTS}.rules.signing:faults", "link.sha256 != digest(link.content)", "False"),
        first="tests/rooms/test_incidents.py::test_what_is_changed_behind_our_back",
    ),
    Guard(
        "B10",
        "a step is signed by anybody",
        Cut(
            f"{INCIDENTS}.rules.signing:faults",
            'not is_signed(statement(content, link.sha256), link.signature, publics.get(link.kid, ""))',
            "False",
        ),
        first="tests/rules/test_incident_rules.py",
    ),
    Guard(
        "B10",
        "who was told first is nobody's business",
        Cut(f"{INCIDENTS}.queries.who_knew:_drifts", "people=people", "people=()"),
        first="tests/rooms/test_incidents.py::test_who_knew_when_is_told_by_what_the_tables_hold",
    ),
    Guard(
        "B11",
        "one person alone confirms and publishes",
        Cut(f"{INCIDENTS}.rules.steps:_by_another", "known.by == known.checked_by", "False"),
        first="tests/rules/test_incident_rules.py",
    ),
    Guard(
        "B11",
        "a window ends within a month",
        Cut(f"{INCIDENTS}.rules.notice:read", "until < least or until != jalali.month_end(until)", "until < least"),
        first="tests/rules/test_incident_rules.py",
    ),
    Guard(
        "B11",
        "a notice is published and never brought up to date",
        Cut(f"{INCIDENTS}.actions.incidents:_publish", "_promise_update(incident, now)", "pass"),
        first="tests/rooms/test_incidents.py::test_publishing_promises_the_next_version_until_the_incident_is_closed",
    ),
    Guard(
        "B11",
        "the last day of the window is cut off",
        Cut(f"{INCIDENTS}.queries.public:banner", "now < one.closes_at", "now.date() < one.until_day"),
        first="tests/rooms/test_incidents.py::test_the_banner_stands_through_the_last_day_of_the_window",
    ),
    Guard(
        "B17",
        "an incident is closed while its addresses are at full price",
        Cut(f"{INCIDENTS}.rules.steps:_mended", "if known.not_mended:", "if False:"),
        first="tests/rules/test_incident_rules.py",
    ),
    Guard(
        "B17",
        "what was mended this morning is closed at noon",
        Cut(f"{INCIDENTS}.queries.mended:_piece", "harmful and now - last < HOLD", "False"),
        first="tests/rooms/test_incidents.py::test_what_is_not_mended_for_a_week_is_not_closed",
    ),
    Guard(
        "B08",
        "what was absent or not yet due passes for half price",
        Cut(f"{AUDIT}.billing:price", "return Code.OVERCHARGED, answer.state.value", 'return Code.FINE, ""'),
        first="tests/gateways/test_audit_worlds.py::test_the_rule_and_a_search",
    ),
    Guard(
        "B08",
        "the broken rial of a day is the user's loss",
        Cut(
            f"{AUDIT}.amounts:rials",
            "-(-(sent * rate.numerator) // rate.denominator)",
            "sent * rate.numerator // rate.denominator",
        ),
        first="tests/rules/test_audit_line.py::test_bytes_are_multiplied_once_and_rounded_up_for_the_user",
    ),
    Guard(
        "B08",
        "an answer whose sums differ from what the rule counts passes",
        Cut("peyman.gateways.audit.recount:_Found.hold", "if answered == counted:", "if True:"),
        first="tests/jobs/test_audit_recount.py",
    ),
    Guard(
        "B08",
        "sums that do not come out are written",
        Cut("peyman.entrypoints.jobs.audit.sums:check", "if one != other:", "if False:"),
        first="tests/jobs/test_audit_recount.py::test_sums_that_do_not_add_up_write_nothing",
    ),
    Guard(
        "B08",
        "a day is not audited again when the history says something else of it",
        Cut(
            "peyman.gateways.audit.days:judge_kept",
            'known["history"] == history.get(day, "")',
            "True",
        ),
        first="tests/jobs/test_audit_kept.py::test_a_changed_history_opens_the_days_that_it_touches",
    ),
    Guard(
        "B09",
        "a probe decides outside the days of grace, too",
        Cut(f"{AUDIT}.billing:by_probes", "if span.code is not Code.IN_GRACE:", "if not probes:"),
        first="tests/jobs/test_audit_terms.py",
    ),
    Guard(
        "B08",
        "what lowers what is owed is told as a rise",
        Cut("peyman.gateways.audit.difference:_is_rise", "return other[2] > one[2]", "return True"),
        first="tests/jobs/test_audit_difference.py",
    ),
    Guard(
        "B09",
        "a download across a change counts as it began",
        Cut(
            f"{AUDIT}.billing:price_during",
            "parts[0].code if len(parts) == 1 else Code.CROSSES_CHANGE",
            "parts[0].code",
        ),
        first="tests/gateways/test_audit_worlds.py::test_the_rule_and_a_search",
    ),
    Guard(
        "B09",
        "a promise of which nothing is known counts as made",
        Cut(f"{AUDIT}.judging:judge", "billed if shown is Shown.YES else Code.SHOWN_UNKNOWN", "billed"),
        first="tests/gateways/test_audit_worlds.py::test_the_rule_and_a_search",
    ),
    Guard(
        "B08",
        "a report whose sums do not come out says that they do",
        Cut("peyman.gateways.audit.report.telling:_sum", "whole == sum(many for _, many in parts)", "True"),
        first="tests/gateways/test_audit_report.py::test_sums_that_do_not_come_out_are_said_at_the_top",
    ),
    Guard(
        "B09",
        "a report is silent about what is not known",
        Cut("peyman.gateways.audit.report.telling:_unsure", "if not many:", "if True:"),
        first="tests/gateways/test_audit_report.py::test_the_answer_is_one_sentence",
    ),
    Guard(
        "B02",
        "a rate counts that nobody has seen",
        Cut(f"{TARIFF}.rules.rates:verified_operators", "row.verified and row.factor <= HALF", "row.factor <= HALF"),
        first="tests/jobs/test_tariff_commands.py::test_rates_wait_for_a_person",
    ),
    Guard(
        "B02",
        "one good rate speaks for all of its operator",
        Cut(f"{TARIFF}.rules.rates:verified_operators", "good - bad", "good"),
        first="tests/rooms/test_tariff_tables.py::test_one_rate_that_nobody_saw",
    ),
    Guard(
        "B02",
        "two rows at one time of one subject are both taken",
        Cut(f"{TARIFF}.rules.tables:overlaps", "one.row.start < widest.row.end", "False"),
        first="tests/jobs/test_tariff_commands.py::test_bad_lines_are_all_named",
    ),
    Guard(
        "B02",
        "a measured full price is forgotten with the next measurement of any address",
        Cut(f"{TARIFF}.rules.probes:contrary", "one.operator == row.operator and _holds(row, one)", "True"),
        first="tests/pages/test_tariff_tables_desk.py::test_a_measurement_that_silences",
    ),
    Guard(
        "B02",
        "a ticket outlives the decision it rests on",
        Cut(
            "peyman.market.guard.actions.tickets:Booth._sign",
            "min(LIFE, rules.seconds(decision.until) - starts)",
            "LIFE",
        ),
        first="tests/rooms/test_ticket_booth.py::test_where_the_message_may_not",
    ),
    Guard("B03", "whatever was signed by anybody passes", Cut(f"{TICKETS}:_is_signed", "return False", "return True")),
    Guard(
        "B03",
        "a ticket is moved to another account",
        Cut(f"{TICKETS}:Verifier.ticket", "if not hmac.compare_digest(tag.digest(), parts.tag):", "if False:"),
    ),
    Guard(
        "B03",
        "a ticket serves another object",
        Cut(f"{TICKETS}:Verifier.verify", "if not found.fits(path):", "if False:"),
    ),
    Guard("B03", "one ticket has many texts", Cut(f"{TICKETS}:_parts", "if _written(data) != text:", "if False:")),
    Guard(
        "B03",
        "what a stolen key signed counts",
        Cut(f"{TICKETS}:Verifier.ticket", "said.starts >= key.revoked_from", "False"),
    ),
    Guard(
        "B03",
        "a key signs before it was published",
        Cut("peyman.market.guard.rules.keyring:next_plan", "until - now > PUBLISHED_BEFORE", "until > now"),
    ),
    Guard(
        "B03",
        "a private key is kept when nobody needs it any more",
        Cut("peyman.market.guard.actions.keys:destroy", 'private="", chain="", opened', "opened"),
        first="tests/rooms/test_ticket_keys.py::test_a_key_is_destroyed",
    ),
    Guard(
        "B03",
        "a ticket names evidence that nobody wrote down",
        Cut(
            "peyman.market.guard.actions.tickets:state",
            "if not Statement.objects.filter(code=code.hex()).exists():",
            "if False:",
        ),
        first="tests/api/test_half_price.py::test_whoever_may_be_told",
    ),
    Guard(
        "B02",
        "a list that is too old is leant on",
        Cut(
            f"{TARIFF}.rules.guard:_against",
            "elif at - facts.last_list.ends_at > facts.limits.list_age:",
            "elif False:",
        ),
        first="tests/rules/test_guard.py",
    ),
    Guard(
        "B02",
        "half price is said while an incident is open",
        Cut(
            f"{TARIFF}.rules.guard:_against",
            "if any(one.touches(facts.operator, facts.ranges) for one in facts.incidents):",
            "if False:",
        ),
        first="tests/rules/test_guard.py",
    ),
    Guard(
        "B02",
        "half price is said of an operator whose rate nobody has verified",
        Cut(f"{TARIFF}.rules.guard:_against", "if facts.operator and facts.rate is None:", "if False:"),
        first="tests/rules/test_guard.py",
    ),
    Guard(
        "B02",
        "what was dark is lit at once",
        Cut(
            f"{TARIFF}.rules.guard:_is_dark", "one.gone_at is None or at < one.gone_at + relight", "one.gone_at is None"
        ),
        first="tests/rules/test_guard.py",
    ),
    Guard(
        "B02",
        "nobody takes down what went dark",
        Cut("peyman.market.guard.actions.spells:_note", "if reason and known is None:", "if False:"),
        first="tests/rooms/test_guard.py::test_a_new_list_does_not_light_it",
    ),
    Guard(
        "B02",
        "a showing lasts as long as its decision",
        Cut(f"{TARIFF}.rules.guard:showing_until", "min(decision.until, at + life)", "decision.until"),
        first="tests/rules/test_guard.py",
    ),
    Guard(
        "B02",
        "a view answers for an instant that it is not of",
        Cut("peyman.market.guard.queries.view:View.decide", "if not self.at <= at < self.until:", "if False:"),
        first="tests/rooms/test_guard.py::test_a_view_says_nothing",
    ),
    Guard(
        "B02",
        "a process goes on with what it knew when something moved",
        Cut(
            "peyman.market.guard.queries.view:_Holder.current",
            "if found.mark == scene.mark() and found.scene.limits == scene.limits():",
            "if True:",
        ),
        first="tests/rooms/test_guard.py",
    ),
    Guard(
        "B02",
        "two editions are mixed in one decision",
        Cut("peyman.market.guard.queries.scene:read", "if after == before:", "if True:"),
        first="tests/rooms/test_guard_races.py",
    ),
    Guard(
        "B07",
        "an address that is not admitted serves under the message",
        Cut(f"{TARIFF}.rules.guard:judge", "if not one.admitted", "if False"),
        first="tests/rules/test_guard.py",
    ),
    Guard(
        "B07",
        "a delivery may be changed to addresses that are not admitted",
        Cut(
            "peyman.market.guard.actions.deliveries:put",
            "if not all(one.is_admitted for one in checks):",
            "if False:",
        ),
        first="tests/rooms/test_guard.py",
    ),
    Guard(
        "B07",
        "a delivery that is kept dark may be lit with addresses that are not admitted",
        Cut(
            "peyman.market.guard.actions.deliveries:lighten",
            "if not all(one.is_admitted for one in checks):",
            "if False:",
        ),
        first="tests/rooms/test_guard.py",
    ),
    Guard(
        "D78",
        "a review that breaks a rule is approved",
        Cut("peyman.care.reviews.rules.table:decide", 'if "reject" in effects:', "if False:"),
    ),
    Guard(
        "D80",
        "a review in other letters is approved",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._foreign",
            "if not shape.not_persian(",
            "if True or not shape.not_persian(",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D81",
        "blanks are not counted",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_letters",
            "for start, end in shape.blanks(text):",
            "for start, end in ():",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D82",
        "stretched letters are not seen",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_letters",
            "if mask & self._stretched:",
            "if False:",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D83",
        "a word may stand three times in a row",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_letters",
            "in shape.repeated(",
            "in () and (",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D84",
        "emoji are not seen",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_letters",
            "for start, end in shape.emoji(text):",
            "for start, end in ():",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D91",
        "a question among reviews is approved",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "yield _Hit(heard.rule, reading, start, end, heard.why)",
            'if heard.rule != "R07": yield _Hit(heard.rule, reading, start, end, heard.why)',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D92",
        "an insult is approved",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "yield _Hit(heard.rule, reading, start, end, heard.why)",
            'if heard.rule != "R08": yield _Hit(heard.rule, reading, start, end, heard.why)',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D94",
        "another reviewer is spoken to",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "yield _Hit(heard.rule, reading, start, end, heard.why)",
            'if heard.rule != "R10": yield _Hit(heard.rule, reading, start, end, heard.why)',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D100",
        "a complaint of the site stands among reviews",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "yield _Hit(heard.rule, reading, start, end, heard.why)",
            'if heard.rule != "R15a": yield _Hit(heard.rule, reading, start, end, heard.why)',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D105",
        "a question on the price is approved",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "yield _Hit(heard.rule, reading, start, end, heard.why)",
            'if heard.rule != "Q02": yield _Hit(heard.rule, reading, start, end, heard.why)',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D106",
        "another shop is asked for",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "yield _Hit(heard.rule, reading, start, end, heard.why)",
            'if heard.rule != "Q03a": yield _Hit(heard.rule, reading, start, end, heard.why)',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D109",
        "an order is asked after among questions",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "yield _Hit(heard.rule, reading, start, end, heard.why)",
            'if heard.rule != "Q06": yield _Hit(heard.rule, reading, start, end, heard.why)',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D95",
        "an amount of money is approved in a review",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_numbers",
            "in self._numbers.money(reading):",
            "in ():",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D97",
        "a link is approved in a review",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_contacts",
            'if found.kind == "link":',
            'if found.kind == "link" and not review:',
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D98",
        "a phone is approved in a review",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_numbers",
            "in self._numbers.phones(reading):",
            "in (() if review else self._numbers.phones(reading)):",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D103",
        "speech passes for writing",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_words",
            "if reading.mask & (self._spoken | self._maybe):",
            "if False:",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D104",
        "a question may be of any length",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_question",
            "if len(written.text) > LONGEST_QUESTION:",
            "if False:",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
    Guard(
        "D107",
        "a question may be asked again in other words",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_question",
            "if any(self._repeats.same(mine, other) for mine in asked) or",
            "if",
        ),
    ),
    Guard(
        "D108",
        "a phone is approved in a question",
        Cut(
            "peyman.care.reviews.rules.screening:Screener._of_numbers",
            "in self._numbers.phones(reading):",
            "in (self._numbers.phones(reading) if review else ()):",
        ),
        first="tests/rules/test_screen_cases.py",
    ),
]


# ---- The plugin ----


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--take-away", help="Run without the guard of this name (tests/guards.py).")


def _taken_away(config: pytest.Config) -> Guard | None:
    name = config.getoption("--take-away")
    return {guard.name: guard for guard in GUARDS}[name] if name else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Django is up; what imports a function, before or after, has it without its guard."""
    guard = _taken_away(session.config)
    if guard:
        guard.away.apply()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The quick ones first: one failure is all that is asked for."""
    guard = _taken_away(config)
    if guard:
        items.sort(key=lambda item: _cost(item, guard.first))


def _cost(item: pytest.Item, first: str) -> tuple[bool, ...]:
    names, marker = set(getattr(item, "fixturenames", ())), item.get_closest_marker("django_db")
    return (
        not first or not item.nodeid.startswith(first),
        bool({"peyman", "bare", "sandbox", "new_database"} & names) or bool(item.get_closest_marker("slow")),
        "transactional_db" in names or bool(marker and marker.kwargs.get("transaction")),
        "db" in names or bool(marker),
    )
