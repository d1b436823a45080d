"""Section 11 and clause 17-9, as the customer meets them: what a cart does, what it does not, and what it costs."""

from datetime import timedelta

import pytest

from peyman.promises.rules import parameter
from peyman.shop.carts import actions, queries
from peyman.shop.carts.models import Cart
from peyman.shop.carts.rules import Fees, Notice
from peyman.shop.catalog.models import Variant
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db


def counters() -> list[tuple[int, int]]:
    return list(Stock.objects.order_by("pk").values_list("on_hand", "allocated"))


@pytest.mark.clause("D54")
def test_the_last_piece_in_my_cart_can_be_bought_by_you() -> None:
    terms, variant = make.terms(), make.variant(on_hand=1)
    for key in ("mine", "yours"):
        cart = actions.of_visitor(key=key, now=NOW)
        actions.set_quantity(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW)
    assert counters() == [(1, 0)]
    assert [line.available for line in queries.view(queries.of_visitor("mine"), terms=terms, carrier_fee=0).lines] == [
        1
    ]


@pytest.mark.clause("D56")
@pytest.mark.parametrize(
    ("price", "on_hand", "told"),
    [
        (1_200_000, 10, [Notice("dearer", "SKU-1", "گوشی", 1_000_000, 1_200_000)]),
        (900_000, 10, [Notice("cheaper", "SKU-1", "گوشی", 1_000_000, 900_000)]),
        (1_000_000, 2, [Notice("fewer", "SKU-1", "گوشی", 3, 2)]),
        (
            900_000,
            2,
            [Notice("fewer", "SKU-1", "گوشی", 3, 2), Notice("cheaper", "SKU-1", "گوشی", 1_000_000, 900_000)],
        ),
        (900_000, 0, [Notice("gone", "SKU-1", "گوشی", 3, 0)]),
        (1_000_000, 10, []),
    ],
)
def test_the_cart_shows_this_moment_and_says_what_was_and_what_is(price: int, on_hand: int, told: list[Notice]) -> None:
    variant = make.variant(sku="SKU-1", price=1_000_000, product=make.product(title="گوشی"))
    cart = make.cart(key="mine", lines=[(variant, 3)])
    Variant.objects.filter(pk=variant.pk).update(price=price, list_price=1_200_000)
    Stock.objects.filter(variant=variant).update(on_hand=on_hand)
    view = queries.view(cart, terms=make.terms(), carrier_fee=0)
    assert view.notices == told
    assert view.goods_total == (price * 3 if on_hand else 0)


@pytest.mark.clause("D56")
def test_what_was_told_once_is_not_told_again() -> None:
    variant = make.variant(price=1_000_000)
    cart = make.cart(key="mine", lines=[(variant, 1)])
    Variant.objects.filter(pk=variant.pk).update(price=900_000)
    actions.mark_seen(cart=cart, now=NOW)
    assert queries.view(cart, terms=make.terms(), carrier_fee=0).notices == []


@pytest.mark.clause("D58")
def test_a_cart_that_was_left_for_thirty_days_is_removed_and_nothing_else_happens() -> None:
    left, kept = make.cart(key="left"), make.cart(key="kept")
    before = counters()
    later = NOW + timedelta(days=parameter(make.terms().parameters, "cart_days"))
    assert actions.sweep_left(days=30, now=later) == 0
    actions.mark_seen(cart=kept, now=later)
    assert actions.sweep_left(days=30, now=later + timedelta(seconds=1)) == 1
    assert [cart.pk for cart in Cart.objects.all()] == [kept.pk]
    assert left.pk != kept.pk
    assert counters() == before


@pytest.mark.clause("D118")
@pytest.mark.parametrize(
    ("price", "fees"),
    [
        (1_000_000, Fees(packing=0, shipping=500_000, insurance=3_000)),
        (1_234_560, Fees(packing=0, shipping=500_000, insurance=3_700)),  # 3,703.68, rounded down to a whole toman
        (3_330, Fees(packing=0, shipping=500_000, insurance=0)),
    ],
)
def test_packing_shipping_and_insurance_stand_apart_before_anything_is_ordered(price: int, fees: Fees) -> None:
    cart = make.cart(lines=[(make.variant(price=price), 1)])
    view = queries.view(cart, terms=make.terms(), carrier_fee=500_000)
    assert (view.goods_total, view.fees) == (price, fees)
    assert view.total == price + fees.packing + fees.shipping + fees.insurance
