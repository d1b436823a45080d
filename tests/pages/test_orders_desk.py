"""The desk of orders: what needs a hand first, finding one, lists by key, files, and who may see what."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.billing.models import Payment
from peyman.people.models import AccessLog, Person
from peyman.promises.models import TermsVersion
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of, plain_html_of
from tests.rooms.test_orders import ordered, pay, pay_at_bank, place

DESK = "/desk/orders/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, shop: TermsVersion) -> Client:
    client.force_login(make.person(role="orders", full_name="نرگس کاظمی", mobile="+989199999999"))
    return client


def final(**how: Any) -> Order:
    order = ordered(**how)
    orders.take_payments(pay(order), NOW)
    order.refresh_from_db()
    return order


def short() -> tuple[Order, Order]:
    """Two orders paid for the last piece: who got it, and who did not."""
    variant = make.variant(on_hand=1)
    pair = ordered(variant=variant), ordered(variant=variant)
    for order in pair:
        orders.take_payments(pay(order), NOW)
        order.refresh_from_db()
    return pair


def rows_of(html: str) -> list[str]:
    return re.findall(r'<a class="qrow[^"]*" href="/desk/orders/([^/]+)/">', html)


# ---- Who may ----


@pytest.mark.parametrize("role", ["customer", "catalogue", "privacy", "tariff", "finance"])
def test_only_those_of_the_orders_find_the_desk(client: Client, shop: TermsVersion, role: str) -> None:
    order = final()
    client.force_login(make.person(role=role))
    for url in (DESK, f"{DESK}?show=all", "/desk/orders.csv?show=all"):
        assert client.get(url).status_code == 404, url
    for url, typed in (
        (f"{DESK}find", {"q": order.code}),
        (f"{DESK}personal.csv?show=all", {"reason": "بسته‌بندی سفارش"}),
    ):
        assert client.post(url, typed).status_code == 404, url
    assert not AccessLog.objects.exists()


def test_a_stranger_is_led_to_the_log_in(client: Client, shop: TermsVersion) -> None:
    assert client.get(DESK)["Location"] == "/login/?next=/desk/orders/"


# ---- What needs a hand ----


def test_an_idle_desk_says_so(staff: Client) -> None:
    html = plain_html_of(staff.get(DESK))
    assert "اکنون هیچ سفارشی کاری از شما نمی‌خواهد." in html
    assert "در این ۳۰ روز سفارشی ثبت نشده است." in html


def test_what_needs_a_hand_stands_in_its_own_group_with_its_hour(staff: Client, clock: Path) -> None:
    waiting, paid, (lucky, sold_out) = ordered(), final(), short()
    html = plain_html_of(staff.get(DESK))
    assert "<b>۲</b><span>پردازش امروز</span>" in html and "<b>۱</b><span>در انتظار پرداخت</span>" in html
    assert "<b>۱</b><span>ناموجود پس از پرداخت</span>" in html and "<b>۰</b><span>ناقص، در انتظار پاسخ</span>" in html
    assert rows_of(html) == [paid.code, lucky.code, sold_out.code, waiting.code]
    # Saturday 10:00, a working day to process and 48 working hours to give back
    assert html.count("۲۴ ساعت و ۰ دقیقه") == 0 and html.count("پردازش <time") == 2
    assert "تا یکشنبه ۱۶ دی، ساعت ۱۰" in html and "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html
    assert "۱٬۵۰۳٬۰۰۰ ریال بدهکاریم" in html
    assert "is-broken" not in html.split('id="s-process"')[1].split("</section>")[0]

    clock.write_text("2025-01-05T07:30:00+00:00")  # an hour after it was due
    html = plain_html_of(staff.get(DESK))
    assert "<b>۲</b><span>پردازش امروز؛ ۲ از روزهای پیش</span>" in html
    assert html.count("۱ ساعت دیر</span>") == 2
    assert '<span class="left">مهلت گذشت</span>' in html  # to pay: the customer's own time, and nothing of ours is late
