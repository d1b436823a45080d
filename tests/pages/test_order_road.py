"""How an order moves, told to everybody by the table that moves it."""

import re

import pytest
from django.test import Client

from peyman.entrypoints.storefront import order_road
from peyman.promises.models import TermsVersion
from peyman.shop.orders.rules import states
from tests.pages.reading import plain_html_of

pytestmark = pytest.mark.django_db


def test_every_step_of_the_table_is_on_the_page_once_and_under_its_state() -> None:
    told = {(stop.state, way.what, way.to, way.clause) for stop in order_road.stops() for way in stop.ways}
    steps = {
        (source, order_road.EVENTS[event], step.to, step.clause)
        for (source, event), step in states.STEPS.items()
        if source
    }
    assert told == steps
    reached = {step.to for step in states.STEPS.values()}
    assert reached == {stop.state for stop in order_road.stops()}


def test_the_page_says_where_each_step_leads_and_by_which_clause(client: Client, shop: TermsVersion) -> None:
    html = plain_html_of(client.get("/order-road/"))
    assert "<h1>سفارش چگونه پیش می‌رود</h1>" in html and "راه سفارش اینجا تمام است." in html
    assert re.findall(r'<h2 id="(\w+)">', html) == ["straight", *(stop.state for stop in order_road.stops())]
    row = re.search(r"پرداخت شما می‌رسد و کد سبد صادر می‌شود</td>(.*?)</tr>", html)
    assert row and "<b>قطعی</b>" in row[1] and "بند ۱۱-۴" in row[1]
    assert "/order-road/" in client.get("/sitemaps/pages.xml").content.decode()
