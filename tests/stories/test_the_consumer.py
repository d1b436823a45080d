"""Clause 1-7: who is a consumer, and that a retailer sells no more of one thing than a household needs."""

import pytest

from peyman.shop.carts import actions as carts
from peyman.shop.carts.rules import QuantityInvalid
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules.form import Buyer
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import place

pytestmark = pytest.mark.django_db

COMPANY = Buyer(
    kind="legal_entity", name="شرکت نمونه", national_id="10380284790", economic_code="41111111111",
    registration_number="1234", postal_code="1234567890", phone="02188888888",
)  # fmt: skip


@pytest.mark.clause("D07")
def test_a_person_and_an_organisation_may_buy_and_each_order_says_which() -> None:
    variant = make.variant(on_hand=9)
    place(make.person(), [(variant.sku, 1)])
    place(make.person(), [(variant.sku, 1)], buyer=COMPANY)
    kept = [(order.buyer_kind, order.buyer.get("national_id")) for order in Order.objects.order_by("pk")]
    assert kept == [("individual", None), ("legal_entity", "10380284790")]


@pytest.mark.clause("D07")
def test_twenty_pieces_of_one_variant_are_sold_and_not_one_more() -> None:
    variant = make.variant(on_hand=99)
    person = make.person()
    assert place(person, [(variant.sku, 20)]).order.lines.get().quantity == 20
    with pytest.raises(QuantityInvalid):
        place(person, [(variant.sku, 21)])
    assert Order.objects.count() == 1


@pytest.mark.clause("D07")
def test_a_cart_holds_no_more_than_can_be_ordered() -> None:
    variant, terms = make.variant(on_hand=99), make.terms()
    cart = make.cart(person=make.person(), lines=[(variant, 20)])
    with pytest.raises(QuantityInvalid):
        carts.add(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW)
    assert cart.lines.get().quantity == 20
