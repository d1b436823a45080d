"""The checks of `peyman check-invariants`: silent on a sound shop, and each finds what it is there for."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner
from django.db import IntegrityError

from peyman.billing.models import Bill, Entry, Payment, Refund
from peyman.entrypoints.jobs import export, invariants, triggers
from peyman.messages.models import Message
from peyman.promises.models import Acceptance, Promise
from peyman.shop.catalog.models import Variant
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order, OrderEvent, OrderLine
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import ordered, pay

pytestmark = pytest.mark.django_db


OF_TICKETS = {"statements_say_what_their_codes_say", "ticket_keys_verify_and_end"}  # a shop issues none; see theirs
OF_INCIDENTS = {
    "runs_of_the_audit_are_kept",
    "incidents_hold_what_their_run_found",
    "steps_of_incidents_are_signed",
    "notices_say_what_their_run_said",
}
OF_MEDIA = {  # no picture came here; see theirs
    "pictures_are_there",
    "products_show_what_they_were_given",
    "what_was_taken_down_is_gone",
}
OF_OFFERS = {  # no price was planned here; see theirs
    "offers_stand_at_their_price_until_their_hour",
    "another_person_stood_behind_large_moves",
}
OF_PAYA = {  # no gateway refused here; see theirs
    "two_persons_stand_behind_large_refunds",
    "paya_batches_add_up",
    "refunds_know_what_carries_them",
}
OF_SETTLEMENTS = {"settlements_are_posted", "settlements_cover_what_they_say"}  # no gateway reported; see theirs
OF_THE_GUARD = {"deliveries_do_not_overlap", "half_price_is_said_of_admitted_addresses"}  # a shop has no deliveries


def verdicts(later: int = 0) -> dict[str, invariants.Finding]:
    return {name: look(NOW + timedelta(seconds=later)) for name, look in invariants.CHECKS.items()}


@pytest.fixture
def shop() -> None:
    """One final order, one short order whose money went back, one registered, one expired, one cancelled."""
    variant = make.variant(on_hand=2)
    first, second, third = (ordered(variant=variant) for _ in range(3))
    orders.take_payments(pay(first) + pay(second) + pay(third), NOW)
    refund = Refund.objects.select_related("payment").get()
    orders.give_back_done(refund=refund, provider_ref="7", proof="inquiry", now=NOW)
    orders.cancel(order=second, by="customer", now=NOW)
    ordered()
    lapsed = ordered()
    Order.objects.exclude(pk=lapsed.pk).filter(state="registered").update(pay_until=NOW + timedelta(days=9))
    orders.expire_due(now=NOW + timedelta(days=2))


def test_a_sound_shop_passes_every_check_and_each_check_looked_at_something(shop: None) -> None:
    found = verdicts()
    # test databases are not synced, and no cart is left: these two have nothing true to say here
    assert {name: f.bad for name, f in found.items() if f.bad and name != "database_keeps_what_it_promised"} == {}
    unlooked = {name for name, f in found.items() if not f.checked and not name.startswith("registry_")}
    assert unlooked == {
        "carts_reserve_nothing",
        "former_addresses_are_nobodys",
        "one_key_one_order",
        "sources_vouch_for_what_is_there",
        *OF_TICKETS,
        *OF_THE_GUARD,
        *OF_INCIDENTS,
        *OF_MEDIA,
        *OF_OFFERS,
        *OF_PAYA,
        *OF_SETTLEMENTS,
    }


def broken_by(change: Callable[[], object]) -> set[str]:
    """Which checks notice a change that goes past every action and every trigger."""
    triggers.remove()
    change()
    bad = {name for name, found in verdicts().items() if found.bad}
    triggers.install()
    return bad - {"history_is_guarded", "database_keeps_what_it_promised"}


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("postings_balance", lambda: Entry.objects.filter(amount__gt=0).first().delete()),  # type: ignore[union-attr]
        ("captures_are_posted", lambda: Entry.objects.filter(posting__startswith="capture").delete()),
        ("bills_know_what_was_paid", lambda: Bill.objects.filter(paid__gt=0).update(paid=1, refunded=0)),
        ("money_lies_where_it_belongs", lambda: Entry.objects.filter(posting__startswith="final").delete()),
        ("refunds_are_promised", lambda: Promise.objects.filter(kind="refund").update(subject="x", kind="y")),
        ("stock_adds_up", lambda: Stock.objects.filter(allocated=1).update(allocated=2)),
        ("stock_adds_up", lambda: Stock.objects.update(on_hand=99)),
        ("price_is_the_last_of_its_history", lambda: Variant.objects.update(price=10)),
        ("cart_codes_are_whole", lambda: Order.objects.filter(state="final").update(cart_code="DBC-AAAA-AAAA-AAAA-A")),
        ("cart_codes_are_whole", lambda: OrderEvent.objects.filter(event="issue_cart_code").delete()),
        ("orders_add_up", lambda: OrderLine.objects.update(quantity=7)),
        ("orders_moved_by_the_table", lambda: Order.objects.filter(state="expired").update(state="void")),
        ("orders_moved_by_the_table", lambda: OrderEvent.objects.filter(event="expire").update(from_state="final")),
        ("orders_keep_their_terms", lambda: Acceptance.objects.all().delete()),
        ("orders_keep_their_terms", lambda: Order.objects.update(terms_sha256="1" * 64)),
        ("promises_are_open_kept_or_found_broken", lambda: Promise.objects.filter(kind="refund").update(kept_at=None)),
        ("everyone_was_told", lambda: Message.objects.filter(template="cart_code").update(template="other")),
        ("messages_are_sent_dead_or_due", lambda: Message.objects.update(claimed_until=NOW + timedelta(days=1))),
    ],
)
def test_each_check_finds_what_it_is_there_for(shop: None, check: str, change: Callable[[], object]) -> None:
    try:
        assert check in broken_by(change)
    except IntegrityError as fault:  # the database's own constraint was there first, which is better still
        assert "constraint" in str(fault).lower()


def test_a_missing_trigger_is_found(shop: None) -> None:
    triggers.remove()
    assert "billing_entry" in invariants.CHECKS["history_is_guarded"](NOW).bad
    triggers.install()
    assert invariants.CHECKS["history_is_guarded"](NOW).bad == []


def test_an_overdue_promise_that_no_sweep_saw_is_found(shop: None) -> None:
    name = "promises_are_open_kept_or_found_broken"
    assert invariants.CHECKS[name](NOW + timedelta(days=30)).bad != []


def test_the_command_prints_a_line_each_and_exits_1_when_something_is_wrong(shop: None) -> None:
    Payment.objects.filter(state="captured").update(refunded=0)
    Promise.objects.filter(kind="refund").update(due_at=NOW + timedelta(days=9999))
    triggers.remove()
    Entry.objects.filter(amount__gt=0).delete()
    triggers.install()
    ran = CliRunner().invoke(invariants.command, [])
    assert ran.exit_code == 1
    assert any(line.startswith("FAIL postings_balance checked=") for line in ran.output.splitlines())


def test_exports_are_json_lines_with_the_published_fields(shop: None) -> None:
    def rows(name: str) -> list[dict[str, object]]:
        ran = CliRunner().invoke(export.command, [name])
        assert ran.exit_code == 0, ran.output
        return [json.loads(line) for line in ran.output.splitlines()]

    assert set(rows("orders")[0]) == {
        "order", "state", "total", "cart_code", "terms_version", "idempotency_key", "lines", "placed_at", "final_at",
    }  # fmt: skip
    assert rows("orders")[0]["placed_at"] == "2025-01-04T06:30:00Z"
    assert {row["kind"] for row in rows("payments")} == {"payment", "reversal"}
    assert set(rows("payments")[0]) == {"payment", "order", "gateway", "token", "refnum", "amount", "kind", "state"}
    assert rows("stock")[0] == {"sku": "SKU-0001", "initial": 2, "on_hand": 2, "allocated": 1}
    assert set(rows("outbox")[0]) == {"id", "channel", "template", "subject", "attempts", "sent_at", "dead_at"}
    assert {row["state"] for row in rows("promises")} == {"open", "kept", "waived"}
    assert set(rows("events")[0]) == {"order", "event", "from", "to", "by", "clause", "at"}
    assert CliRunner().invoke(export.command, ["invoices"]).exit_code == 2
