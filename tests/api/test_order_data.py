"""What the shop asks about an order, and how a client answers by the API."""

import pytest

from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.api.test_purchase import caller, refused, shop

__all__ = ["caller", "shop"]  # fixtures

pytestmark = pytest.mark.django_db


def asked(caller, *fields, **more):
    code = caller("POST", "/orders", caller.order(make.variant(price=10_000_000)) | more).json()["order"]
    order = Order.objects.get(code=code)
    orders.ask(order=order, fields=fields, note="پلاک؟", by=make.person(role="orders"), now=make.NOW)
    return code


@pytest.mark.clause("D39", "D41")
def test_an_incomplete_order_says_what_it_waits_for_and_an_answer_moves_it_on(caller):
    code = asked(caller, "plate", "postal_code")
    order = caller("GET", f"/orders/{code}").json()
    assert order["state"] == "incomplete"
    assert order["request"] == {
        "fields": [
            {"name": "delivery.plate", "title": "پلاک"},
            {"name": "delivery.postal_code", "title": "کد پستی"},
        ],
        "note": "پلاک؟",
        "asked_at": "2025-01-04T06:30:00Z",
        "answer_until": "2025-01-06T06:30:00Z",
    }
    given = {"delivery": {"plate": 9, "postal_code": "۱۷۳۹۹۵۵۴۷۱", "recipient": "کس دیگر"}}
    after = caller("POST", f"/orders/{code}/data", given).json()
    assert (after["state"], after["request"]) == ("registered", None)
    assert (after["delivery"]["plate"], after["delivery"]["postal_code"]) == ("9", "1739955471")
    assert after["delivery"]["recipient"] == "زهرا محمدی"  # nobody asked for it
    assert [(step["event"], step["clause"]) for step in after["road"] if step["at"]] == [
        ("place", "D24"),
        ("ask_more", "D41"),
        ("complete", "D39"),
    ]


@pytest.mark.clause("D38", "D39")
def test_what_is_missing_or_wrong_in_an_answer_is_named_by_its_path(caller):
    code = asked(caller, "city", "plate", "postal_code")
    told = refused(
        caller("POST", f"/orders/{code}/data", {"delivery": {"province": "تهران", "city": "تهران", "postal_code": 1}}),
        422,
        "answer_incomplete",
    )
    assert told["fields"] == {
        "delivery.plate": "پلاک را بنویسید؛ اگر پلاک ندارد، «ندارد» بنویسید.",
        "delivery.postal_code": "کد پستی ۱ رقم است؛ باید ۱۰ رقم باشد.",
    }
    assert set(refused(caller("POST", f"/orders/{code}/data", {}), 422, "answer_incomplete")["fields"]) == {
        "delivery.province",
        "delivery.city",
        "delivery.plate",
        "delivery.postal_code",
    }


@pytest.mark.clause("D44")
def test_who_buys_cannot_be_answered(caller):
    code = asked(caller, "plate")
    refused(caller("POST", f"/orders/{code}/data", {"buyer": {"kind": "legal_entity"}}), 422, "unknown_field")


def test_an_answer_that_nobody_waits_for_is_refused(caller):
    code = caller("POST", "/orders", caller.order(make.variant())).json()["order"]
    refused(caller("POST", f"/orders/{code}/data", {"delivery": {"plate": "9"}}), 409, "nothing_asked")
    refused(caller("POST", "/orders/ORD-NONE/data", {}), 404, "order_unknown")


@pytest.mark.clause("D28", "D33")
def test_an_order_that_the_shop_cancelled_says_why(caller):
    variant = make.variant()
    code = caller("POST", "/orders", caller.order(variant)).json()["order"]
    order = Order.objects.get(code=code)
    by = make.person(role="orders")
    orders.cancel_by_shop(
        order=order, reason="stock_out", note="", skus=[variant.sku], detected_at=make.NOW, by=by, now=make.NOW
    )
    told = caller("GET", f"/orders/{code}").json()
    assert told["cancellation"] == {
        "reason": "stock_out",
        "title": "موجودی کالا تمام شد",
        "note": "",
        "clause": "D28",
        "at": "2025-01-04T06:30:00Z",
    }
    assert [line["is_gone"] for line in told["lines"]] == [True]
