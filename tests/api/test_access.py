"""Nobody reads or moves what is another's: every documented address with an id, walked by a stranger."""

import json
from datetime import timedelta

import pytest
from django.apps import apps
from django.test import Client

from peyman.entrypoints.api import urls  # noqa: F401  # hangs the routers in
from peyman.entrypoints.api.door import api
from peyman.shop.orders import actions as orders
from peyman.shop.orders.rules import form
from peyman.shop.shipping.rules import CarrierChoice
from tests import make

HOME = form.Delivery("زهرا محمدی", "+989121234567", "", "تهران", "تهران", "خیابان انقلاب", "12", "3", "1314865741")
BODIES = {"start_payment": {"gateway": "zarinpal"}, "cancel_order": {}, "set_line": {"quantity": 1}}

pytestmark = pytest.mark.django_db


def documented():
    """(method, path, operation) of every call with an id in its path."""
    schema = api.get_openapi_schema(path_prefix="/api/v1/")
    return [
        (method.upper(), path, operation["operationId"])
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if "{" in path
    ]


def everything():
    """Every row of every table that a customer's act could change, as text."""
    rows = {}
    for model in apps.get_models():
        if model.__module__.startswith("peyman.") and model._meta.model_name not in ("apitoken",):
            rows[model._meta.label] = json.dumps(list(model.objects.order_by("pk").values()), default=str)
    return rows


@pytest.fixture
def theirs():
    """An order of somebody else, with things in their cart."""
    make.terms()
    make.calendar()
    make.carrier()
    owner, variant = make.person(), make.variant(price=10_000_000)
    make.cart(person=owner, lines=[(variant, 2)])
    placed = orders.place(
        person=owner,
        lines=[(variant.sku, 1)],
        shown_total=10**9,
        terms_version=1,
        delivery=HOME,
        buyer=form.Buyer("individual"),
        carrier=CarrierChoice("post-pishtaz", "پست پیشتاز", 500_000, "تهران", "تهران"),
        now=make.NOW - timedelta(seconds=1),
    )
    return placed.order


@pytest.fixture(autouse=True)
def _clock(settings, tmp_path):
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(make.NOW.isoformat())


def test_the_walk_knows_every_address_with_an_id():
    assert [(method, path) for method, path, _ in documented()] == [
        ("GET", "/api/v1/products/{slug}"),
        ("PUT", "/api/v1/cart/lines/{sku}"),
        ("DELETE", "/api/v1/cart/lines/{sku}"),
        ("GET", "/api/v1/orders/{order}"),
        ("POST", "/api/v1/orders/{order}/cancel"),
        ("POST", "/api/v1/orders/{order}/data"),
        ("POST", "/api/v1/orders/{order}/payments"),
    ]


@pytest.mark.clause("D06")
@pytest.mark.parametrize(("method", "path", "operation"), [call for call in documented() if "{order}" in call[1]])
def test_another_persons_order_is_as_if_it_were_not(theirs, method, path, operation):
    stranger = {"Authorization": f"Bearer {make.token(make.person())}"}
    before = everything()
    answers = []
    for code in (theirs.code, "ORD-2222-2222-2222-2"):
        body = json.dumps(BODIES.get(operation, {})) if method != "GET" else b""
        response = Client().generic(
            method, path.format(order=code), body, content_type="application/json", headers=stranger
        )
        answers.append((response.status_code, response.content))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert everything() == before


@pytest.mark.parametrize(("method", "path", "operation"), [call for call in documented() if "products" not in call[1]])
def test_without_a_token_there_is_nothing_at_all(theirs, method, path, operation):
    before = everything()
    body = json.dumps(BODIES.get(operation, {})) if method != "GET" else b""
    target = path.format(order=theirs.code, sku=theirs.lines.get().sku)
    assert Client().generic(method, target, body, content_type="application/json").status_code == 401
    assert everything() == before


def test_lists_and_carts_show_ones_own_only(theirs):
    stranger = {"Authorization": f"Bearer {make.token(make.person())}"}
    assert Client().get("/api/v1/orders", headers=stranger).json()["items"] == []
    assert Client().get("/api/v1/cart", headers=stranger).json()["lines"] == []
    assert Client().get(f"/api/v1/orders?after={theirs.code}", headers=stranger).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_what_one_puts_in_ones_cart_or_takes_out_leaves_others_carts_alone(theirs, method):
    stranger = {"Authorization": f"Bearer {make.token(make.person())}"}
    sku = theirs.lines.get().sku
    body = {"quantity": 5}
    Client().generic(
        method, f"/api/v1/cart/lines/{sku}", json.dumps(body), content_type="application/json", headers=stranger
    )
    assert theirs.person.cart.lines.get().quantity == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/orders/{}/"), ("POST", "/orders/{}/pay"), ("POST", "/orders/{}/cancel"), ("POST", "/orders/{}/data")],
)
def test_pages_keep_another_persons_order_just_as_closed(theirs, method, path):
    stranger = Client()
    stranger.force_login(make.person())
    before = everything()
    response = stranger.generic(method, path.format(theirs.code))
    assert response.status_code == 404
    assert everything() == before
    unknown = Client().generic(method, path.format(theirs.code))
    assert unknown.status_code in (302, 303, 404)
    assert "/login/" in unknown.headers.get("Location", "/login/")
    assert everything() == before
