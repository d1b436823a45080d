"""What is sold while prices move and sales stop: by whose price, once, and what a stop leaves alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from peyman.billing.actions import Capture
from peyman.entrypoints.finaliser import finalise
from peyman.shop.carts import rules as cart_rules
from peyman.shop.catalog import actions as catalog
from peyman.shop.catalog.models import PriceChange, Variant
from peyman.shop.offers import actions, rules
from peyman.shop.offers.models import Plan, Proposal
from peyman.shop.orders.actions.prices import refresh_prices
from peyman.shop.orders.models import Order, OrderLine
from peyman.shop.orders.rules.money import TotalRose
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import pay_at_bank, place

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MILLION = 1_000_000


@pytest.fixture(autouse=True)
def a_limit_of_thirty_percent(settings: Any) -> None:
    settings.PRICE_LIMIT_PERCENT = 30


def on_offer(variant: Variant, price: int = 800_000) -> None:
    asked = actions.Asked(price=price, starts_at=NOW - HOUR, ends_at=NOW)
    actions.make(sku=variant.sku, asked=asked, is_offer=True, why="جشنواره", by="PER-1", now=NOW - HOUR)
    actions.carry_out_due(now=NOW - HOUR)
    assert Variant.objects.get(pk=variant.pk).price == price


def stopped(scope: str, key: str = "") -> None:
    catalog.switch_sale(scope=scope, key=key, on=False, reason="شمارش انبار", by="PER-1", now=NOW)


# ---- A worker that is late sells nothing at a price that is over ----


@pytest.mark.django_db
def test_an_order_after_the_end_of_an_offer_is_at_the_price_that_came_back() -> None:
    variant = make.variant(price=MILLION)
    on_offer(variant)
    with pytest.raises(TotalRose) as refusal:
        place(make.person(), [(variant.sku, 1)], shown_total=1_350_000)
    assert refusal.value.details["total"] > refusal.value.details["shown_total"] == 1_350_000
    placed = place(make.person(), [(variant.sku, 1)])
    assert OrderLine.objects.get(order=placed.order).unit_price == MILLION


@pytest.mark.django_db
def test_an_offer_that_is_over_is_no_fall_of_the_price_for_an_order_that_is_paid_later() -> None:
    variant = make.variant(price=MILLION)
    order = place(make.person(), [(variant.sku, 1)], now=NOW - 2 * HOUR).order
    on_offer(variant)
    finalise([Capture(pay_at_bank(order).pk, "R1", "")], NOW)
    assert Order.objects.get().state == "final"
    assert OrderLine.objects.get().unit_price == MILLION
    assert Variant.objects.get().offer_until is None


@pytest.mark.django_db
def test_a_registered_order_is_brought_to_the_price_that_stands_after_the_offer() -> None:
    variant = make.variant(price=MILLION)
    order = place(make.person(), [(variant.sku, 1)], now=NOW - 2 * HOUR).order
    on_offer(variant)
    again = refresh_prices(order=order, shown_total=order.total, now=NOW)
    assert (again.total, OrderLine.objects.get().unit_price) == (order.total, MILLION)


# ---- A stop is for new orders ----


@pytest.mark.django_db
@pytest.mark.clause("D25")
@pytest.mark.clause("D27")
@pytest.mark.parametrize("scope", ["shop", "category", "product", "variant"])
def test_what_is_stopped_takes_no_new_order(scope: str) -> None:
    variant = make.variant()
    keys = {"shop": "", "category": "phones", "product": variant.product.code, "variant": variant.sku}
    stopped(scope, keys[scope])
    with pytest.raises(cart_rules.NotOnSale):
        place(make.person(), [(variant.sku, 1)])
    assert not Order.objects.exists()


@pytest.mark.django_db
@pytest.mark.clause("D26")
@pytest.mark.parametrize("scope", ["shop", "category", "product", "variant"])
def test_what_was_registered_before_a_stop_is_paid_and_made_final_all_the_same(scope: str) -> None:
    variant = make.variant(on_hand=1)
    order = place(make.person(), [(variant.sku, 1)]).order
    keys = {"shop": "", "category": "phones", "product": variant.product.code, "variant": variant.sku}
    stopped(scope, keys[scope])
    refresh_prices(order=order, shown_total=order.total, now=NOW + MINUTE)
    finalise([Capture(pay_at_bank(order).pk, "R1", "")], NOW + MINUTE)
    order.refresh_from_db()
    assert (order.state, bool(order.cart_code)) == ("final", True)


# ---- Races ----


def test_of_eight_workers_one_begins_an_offer_and_one_ends_it(threads: Callable[..., Any]) -> None:
    variant = make.variant(price=MILLION)
    asked = actions.Asked(price=800_000, starts_at=NOW, ends_at=NOW + HOUR)
    actions.make(sku=variant.sku, asked=asked, is_offer=True, why="جشنواره", by="PER-1", now=NOW)
    threads(8, lambda n: actions.carry_out_due(now=NOW))
    threads(8, lambda n: actions.settle([(variant.pk, NOW + HOUR)], now=NOW + HOUR) and None)
    prices = list(PriceChange.objects.filter(variant=variant).order_by("at").values_list("price", "reason"))
    assert prices == [(MILLION, "import"), (800_000, "offer"), (MILLION, "offer-end")]
    assert Plan.objects.get().state == "done"


def test_of_eight_persons_one_approves_a_price(threads: Callable[..., Any]) -> None:
    variant = make.variant(price=MILLION)
    wanted = [actions.Wanted(variant.sku, 500_000, 500_000)]
    (proposal,) = actions.set_prices(wanted=wanted, source="desk", reason="sale", why="حراج", by="PER-0", now=NOW).held

    def approve(n: int) -> str:
        try:
            return actions.approve(code=proposal.code, by=f"PER-{n + 1}", now=NOW).code
        except rules.Decided:
            return ""

    assert sum(map(bool, threads(8, approve))) == 1
    assert PriceChange.objects.filter(variant=variant).count() == 2
    assert Proposal.objects.get().state == "approved"
