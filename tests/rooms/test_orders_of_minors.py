"""A minor's order and the one place that issues cart codes."""

from datetime import timedelta

import pytest

from peyman.billing.models import Refund
from peyman.people import actions as people
from peyman.people.models import Person
from peyman.people.rules import GuardianNeeded
from peyman.promises.models import Promise
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import pay, place

pytestmark = pytest.mark.django_db


def ordered_by(birth_date: str) -> Order:
    person = make.person()
    people.tell_birth_date(person=person, typed=birth_date, today=NOW.date(), now=NOW)
    return place(Person.objects.get(pk=person.pk), [(make.variant().sku, 1)]).order


@pytest.mark.clause("D20")
def test_money_of_a_minor_whose_guardian_was_not_asked_goes_back_and_no_code_is_issued() -> None:
    order = ordered_by("1390/1/1")
    issued = orders.take_payments(pay(order), NOW)
    order.refresh_from_db()
    assert (issued.final, order.state, order.cart_code) == ([], "registered", None)
    assert [(refund.amount, refund.reason) for refund in Refund.objects.all()] == [(order.total, "not_due")]
    assert Promise.objects.filter(kind="refund").count() == 1


@pytest.mark.clause("D20")
def test_the_same_order_is_final_once_the_guardian_confirmed() -> None:
    order = ordered_by("1390/1/1")
    with pytest.raises(GuardianNeeded):
        orders.assert_guardian(order, NOW)
    asked = people.ask_guardian(
        person=order.person, subject=orders.guardian_subject(order), name="مریم کاظمی", mobile="+989133333333", now=NOW
    )
    people.confirm_by_link(token=asked.token, now=NOW + timedelta(hours=1))
    orders.assert_guardian(order, NOW)
    assert orders.take_payments(pay(order), NOW).final == [order.code]


@pytest.mark.clause("D20")
def test_an_adult_is_not_asked_for_a_guardian() -> None:
    order = ordered_by("1370/1/1")
    orders.assert_guardian(order, NOW)
    assert orders.take_payments(pay(order), NOW).final == [order.code]


def test_whoever_did_not_tell_a_birth_date_costs_no_query(django_assert_num_queries) -> None:
    order = place(make.person(), [(make.variant().sku, 1)]).order
    with django_assert_num_queries(0):
        orders.assert_guardian(order, NOW)
