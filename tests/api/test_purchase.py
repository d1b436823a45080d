"""From goods to the cart code, by the API alone; and everything a client may get wrong on the way."""

import concurrent.futures
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from peyman.entrypoints import payments
from peyman.gateways.simulators import BankSimulator
from peyman.messages.models import Message
from peyman.promises import actions as promises
from peyman.promises import rules
from peyman.promises.models import Acceptance
from peyman.shop.carts.models import CartLine
from peyman.shop.catalog.models import Variant
from peyman.shop.orders.models import Order
from tests import make

HOME = {
    "recipient": "زهرا محمدي",
    "mobile": "۰۹۱۲۱۲۳۴۵۶۷",
    "province": "تهران",
    "city": "تهران",
    "street": "خیابان انقلاب، کوچه یکم",
    "plate": "۱۲",
    "unit": 3,
    "postal_code": "۱۳۱۴۸ ۶۵۷۴۱",
    "carrier": "post-pishtaz",
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(settings, tmp_path):
    make.terms()
    make.calendar()
    make.carrier(fee=500_000)
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(make.NOW.isoformat())


class Caller:
    """One client with a token."""

    def __init__(self, person=None):
        self.person = person or make.person()
        self.headers = {"Authorization": f"Bearer {make.token(self.person)}"}

    def __call__(self, method, path, body=None, **headers):
        return Client().generic(
            method,
            f"/api/v1{path}",
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}},
        )

    def order(self, variant, *, quantity=1, **changes):
        total = variant.price * (quantity if isinstance(quantity, int) else 1)
        body = {
            "lines": [{"sku": variant.sku, "quantity": quantity}],
            "shown_total": total + total * 3 // 1000 // 10 * 10 + 500_000,
            "terms_version": 1,
            "delivery": HOME,
            "buyer": {"kind": "individual"},
        }
        return body | changes


@pytest.fixture
def caller():
    return Caller()


def refused(response, status, code):
    assert response.status_code == status, response.content.decode()
    assert response["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["code"] == code
    return document


# ---- Cart ----


@pytest.mark.clause("D54")
def test_the_cart_shows_live_prices_its_fees_and_reserves_nothing(caller):
    variant = make.variant(price=10_000_000, on_hand=5)
    answer = caller("PUT", f"/cart/lines/{variant.sku}", {"quantity": 2})
    assert answer.status_code == 200
    assert answer.json() == {
        "lines": [
            {
                "sku": variant.sku,
                "slug": variant.product.slug,
                "title": variant.product.title,
                "quantity": 2,
                "unit_price": 10_000_000,
                "list_price": 10_000_000,
                "available": 5,
                "total": 20_000_000,
                "offer_until": None,
            }
        ],
        "later": [],
        "notices": [],
        "goods_total": 20_000_000,
        "fees": {"packing": 0, "shipping": 500_000, "insurance": 60_000},
        "total": 20_560_000,
    }
    variant.stock.refresh_from_db()
    assert variant.stock.allocated == 0
    gone = caller("DELETE", f"/cart/lines/{variant.sku}").json()
    assert gone["lines"] == []
    assert gone["total"] == 0
    assert caller("DELETE", f"/cart/lines/{variant.sku}").status_code == 200


@pytest.mark.parametrize("lines", [1, 20])
def test_the_cart_costs_the_same_queries_whatever_its_size(caller, lines, django_assert_num_queries):
    make.cart(person=caller.person, lines=lines)
    caller("GET", "/cart")  # takes the lease of the limit
    with django_assert_num_queries(4):  # token, terms, carrier, lines
        caller("GET", "/cart")


@pytest.mark.parametrize("lines", [1, 20])
def test_an_order_costs_the_same_queries_whatever_its_size(caller, lines, django_assert_num_queries):
    make.cart(person=caller.person, lines=lines)
    body = caller.order(make.variant(), shown_total=10**9)
    del body["lines"]
    code = caller("POST", "/orders", body).json()["order"]
    # token, order, lines, papers, payments, refunds, events, promises, what moved them
    with django_assert_num_queries(9):
        caller("GET", f"/orders/{code}")


@pytest.mark.clause("D56")
def test_what_changed_in_the_cart_is_told_once(caller):
    variant = make.variant(price=10_000_000)
    caller("PUT", f"/cart/lines/{variant.sku}", {"quantity": 2})
    Variant.objects.update(price=9_000_000)
    told = caller("GET", "/cart").json()
    assert told["notices"] == [
        {"kind": "cheaper", "sku": variant.sku, "title": variant.product.title, "old": 10_000_000, "new": 9_000_000}
    ]
    assert caller("GET", "/cart").json()["notices"] == []


@pytest.mark.parametrize("quantity", [2, "2", "۲", "٢", "२", " ۲ "])
def test_a_quantity_is_understood_in_any_digits(caller, quantity):
    variant = make.variant()
    answer = caller("PUT", f"/cart/lines/{variant.sku}", {"quantity": quantity})
    assert answer.json()["lines"][0]["quantity"] == 2


@pytest.mark.parametrize(
    "quantity", [0, -1, 1.5, 2.0, 10**9, 10**30, "", "1.5", "1e3", "دو", None, True, False, [], {}]
)
def test_what_is_no_quantity_is_refused_by_a_sentence(caller, quantity):
    variant = make.variant()
    document = refused(caller("PUT", f"/cart/lines/{variant.sku}", {"quantity": quantity}), 422, "quantity_invalid")
    assert document["fields"]["quantity"].endswith(".")
    assert not CartLine.objects.exists()
    body = caller.order(variant) | {"lines": [{"sku": variant.sku, "quantity": quantity}]}
    refused(caller("POST", "/orders", body), 422, "quantity_invalid")
    assert not Order.objects.exists()


def test_a_variant_nobody_knows_is_404_and_one_without_pieces_says_how_many_there_are(caller):
    refused(caller("PUT", "/cart/lines/NOTHING", {"quantity": 1}), 404, "sku_unknown")
    variant = make.variant(on_hand=3)
    document = refused(caller("PUT", f"/cart/lines/{variant.sku}", {"quantity": 4}), 409, "sold_out")
    assert document["left"] == 3
    assert document["clause"] == "D28"
    assert "-" in document["clause_number"]


# ---- Placing ----


@pytest.mark.clause("D02", "D22")
def test_an_order_is_registered_with_the_terms_it_was_placed_under(caller):
    variant = make.variant(price=10_000_000)
    answer = caller("POST", "/orders", caller.order(variant, quantity=2))
    assert answer.status_code == 201, answer.content.decode()
    order = answer.json()
    assert {
        name: order[name] for name in ("state", "total", "cart_code", "terms_version", "placed_at", "pay_until")
    } == {
        "state": "registered",
        "total": 20_560_000,
        "cart_code": None,
        "terms_version": 1,
        "placed_at": "2025-01-04T06:30:00Z",
        "pay_until": "2025-01-05T06:30:00Z",
    }
    assert order["lines"] == [
        {
            "sku": variant.sku,
            "title": variant.product.title,
            "quantity": 2,
            "unit_price": 10_000_000,
            "placed_price": 10_000_000,
            "total": 20_000_000,
            "is_gone": False,
        }
    ]
    assert order["vat_included"] == 1_869_090  # of 20,560,000 at a tenth, down to a whole toman
    assert (order["request"], order["cancellation"]) == (None, None)
    assert order["delivery"]["recipient"] == "زهرا محمدی"
    assert order["delivery"]["postal_code"] == "1314865741"
    assert order["buyer"] == {"kind": "individual"}
    assert {promise["clause"] for promise in order["promises"]} >= {"D24"}
    accepted = Acceptance.objects.get()
    assert (accepted.kind, accepted.subject) == ("order", f"order:{order['order']}")
    assert caller("GET", f"/orders/{order['order']}").json() == order


def test_without_lines_what_lies_in_the_cart_is_ordered_and_the_cart_is_empty(caller):
    variant = make.variant(price=10_000_000)
    total = caller("PUT", f"/cart/lines/{variant.sku}", {"quantity": 2}).json()["total"]
    body = caller.order(variant, shown_total=total)
    del body["lines"]
    order = caller("POST", "/orders", body).json()
    assert order["lines"][0]["quantity"] == 2
    assert caller("GET", "/cart").json()["lines"] == []
    refused(caller("POST", "/orders", body), 422, "nothing_to_order")


@pytest.mark.clause("D56")
def test_a_risen_total_is_refused_with_both_numbers_and_a_drop_is_applied(caller):
    variant = make.variant(price=10_000_000)
    body = caller.order(variant)
    Variant.objects.update(price=11_000_000, list_price=11_000_000)
    document = refused(caller("POST", "/orders", body), 409, "total_rose")
    assert (document["shown_total"], document["total"]) == (10_530_000, 11_533_000 - 11_533_000 % 10)
    assert document["clause"] == "D56"
    assert "پولی گرفته نشد" in document["detail"]
    assert not Order.objects.exists()
    Variant.objects.update(price=9_000_000)
    order = caller("POST", "/orders", body).json()
    assert (order["total"], order["shown_total"]) == (9_527_000, 10_530_000)


@pytest.mark.parametrize(
    ("where", "field"),
    [
        ("", "price"), ("", "total"), ("", "state"), ("", "cart_code"), ("", "amount"), ("", "discount"), ("", "dbc"),
        ("", "person"), ("lines.0", "unit_price"), ("lines.0", "price"), ("delivery", "fee"), ("buyer", "role"),
    ],
)  # fmt: skip
def test_prices_and_states_sent_by_the_client_are_refused_by_name(caller, where, field):
    variant = make.variant()
    body = caller.order(variant)
    place = body if not where else body["lines"][0] if where == "lines.0" else dict(body[where])
    place[field] = 1
    if where in ("delivery", "buyer"):
        body[where] = place
    document = refused(caller("POST", "/orders", body), 422, "unknown_field")
    assert list(document["fields"]) == [f"{where}.{field}".lstrip(".")]
    assert not Order.objects.exists()


@pytest.mark.parametrize("total", [-1, 1.5, "1000", None, True, 2**63, "۱۰۰۰"])
def test_money_is_a_whole_number_of_rials(caller, total):
    document = refused(caller("POST", "/orders", caller.order(make.variant(), shown_total=total)), 422, "invalid")
    assert list(document["fields"]) == ["shown_total"]


@pytest.mark.clause("D38", "D50")
def test_all_that_is_missing_in_the_form_is_named_at_once(caller):
    body = caller.order(make.variant(), delivery={"carrier": "post-pishtaz"}, buyer={"kind": "legal_entity"})
    document = refused(caller("POST", "/orders", body), 422, "order_form")
    assert document["clause"] == "D38"
    assert {"delivery.recipient", "delivery.postal_code", "buyer.name", "buyer.national_id"} <= set(document["fields"])
    assert not Order.objects.exists()


@pytest.mark.clause("D05")
@pytest.mark.parametrize("version", [2, 999])
def test_another_version_of_the_terms_is_not_the_one_in_force(caller, version):
    document = refused(
        caller("POST", "/orders", caller.order(make.variant(), terms_version=version)), 409, "terms_changed"
    )
    assert document["current"] == 1


def test_a_carrier_that_does_not_go_there_is_refused_by_name(caller):
    body = caller.order(make.variant(), delivery=HOME | {"carrier": "camel"})
    document = refused(caller("POST", "/orders", body), 422, "not_carried")
    assert list(document["fields"]) == ["delivery.carrier"]


# ---- The same request again ----


def test_the_same_key_and_body_give_the_same_order(caller):
    variant = make.variant()
    body = caller.order(variant)
    first, again = (caller("POST", "/orders", body, Idempotency_Key="k-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    turned = dict(reversed(body.items()))
    assert caller("POST", "/orders", turned, Idempotency_Key="k-1").json()["order"] == first.json()["order"]
    assert Order.objects.count() == 1
    assert Message.objects.filter(template="pro_forma").count() <= 1


def test_the_same_key_with_another_body_is_refused(caller):
    variant = make.variant()
    caller("POST", "/orders", caller.order(variant), Idempotency_Key="k-1")
    refused(
        caller("POST", "/orders", caller.order(variant, quantity=2), Idempotency_Key="k-1"),
        422,
        "idempotency_key_reused",
    )
    assert Order.objects.count() == 1


def test_another_persons_same_key_is_another_key(caller):
    variant = make.variant()
    mine = caller("POST", "/orders", caller.order(variant), Idempotency_Key="k-1").json()["order"]
    other = Caller()
    theirs = other("POST", "/orders", other.order(variant), Idempotency_Key="k-1").json()["order"]
    assert mine != theirs


@pytest.mark.parametrize("key", ["x" * 101, "با", "a b", "\x7f"])
def test_a_key_is_visible_ascii_of_at_most_100(caller, key):
    response = caller("POST", "/orders", caller.order(make.variant()), Idempotency_Key=key)
    assert response.status_code == 422
    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twelve_at_once_with_one_key_make_one_order(caller):
    body = caller.order(make.variant())

    def one(_):
        try:
            return caller("POST", "/orders", body, Idempotency_Key="k-1")
        finally:
            connection.close()

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(one, range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order"] for answer in answers}) == 1
    assert Order.objects.count() == 1


# ---- Reading and withdrawing ----


@pytest.mark.clause("D121")
def test_a_promise_tells_that_its_clock_stands_and_how_its_due_time_moved(caller):
    variant = make.variant()
    code = caller("POST", "/orders", caller.order(variant)).json()["order"]
    (before,) = caller("GET", f"/orders/{code}").json()["promises"]
    assert (before["held_since"], before["pauses"], before["moves"]) == (None, [], [])
    staff, begins = make.person(role="manager"), make.NOW + timedelta(minutes=20)
    words = ("زلزله", "راه‌ها بسته است.", "نرگس کاظمی، مدیر")
    period = promises.declare_force_majeure(
        declaration=rules.Declaration(begins, None, rules.Scope(), *words), by=staff, now=make.NOW
    )
    (held,) = caller("GET", f"/orders/{code}").json()["promises"]
    assert (held["state"], held["held_since"], held["pauses"]) == ("open", "2025-01-04T06:50:00Z", [period.code])
    assert held["moves"] == [
        {
            "at": "2025-01-04T06:30:00Z",
            "due_from": before["due_at"],
            "due_to": held["due_at"],
            "held": True,
            "why": "force_majeure",
            "calendar_version": 2,
        }
    ]
    ends = begins + timedelta(minutes=10)
    promises.end_force_majeure(code=period.code, note="راه باز شد", by=staff, now=ends)
    (on,) = caller("GET", "/orders").json()["items"][0]["promises"]
    assert (on["held_since"], [move["held"] for move in on["moves"]]) == (None, [True, False])
    assert on["due_at"] == on["moves"][-1]["due_to"] == "2025-01-04T07:40:00Z"  # an hour, and ten minutes


def test_orders_are_listed_newest_first_page_by_key(caller):
    variant = make.variant()
    codes = [caller("POST", "/orders", caller.order(variant)).json()["order"] for _ in range(3)]
    page = caller("GET", "/orders?limit=2").json()
    assert [item["order"] for item in page["items"]] == [codes[2], codes[1]]
    rest = caller("GET", f"/orders?limit=2&after={page['next']}").json()
    assert [item["order"] for item in rest["items"]] == [codes[0]]
    assert rest["next"] is None
    assert sorted(page["items"][0]) == ["cart_code", "order", "pay_until", "placed_at", "promises", "state", "total"]


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1", "1.5"])
def test_a_page_has_between_1_and_100_orders(caller, limit):
    refused(caller("GET", f"/orders?limit={limit}"), 422, "invalid")


@pytest.mark.clause("D31")
def test_an_order_can_be_withdrawn_once(caller):
    code = caller("POST", "/orders", caller.order(make.variant())).json()["order"]
    assert caller("POST", f"/orders/{code}/cancel").json()["state"] == "cancelled"
    refused(caller("POST", f"/orders/{code}/cancel"), 409, "not_cancellable")
    refused(caller("POST", f"/orders/{code}/cancel", {"state": "final"}), 422, "unknown_field")


# ---- Paying ----


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("D57")
def test_the_whole_way_to_the_cart_code(caller, settings, client):
    with BankSimulator() as bank:
        settings.BANK_URL = bank.url
        variant = make.variant(price=10_000_000, on_hand=1)
        order = caller("POST", "/orders", caller.order(variant)).json()
        started = caller("POST", f"/orders/{order['order']}/payments", {"gateway": "zarinpal"}, Idempotency_Key="p-1")
        assert started.status_code == 201, started.content.decode()
        assert started.json()["payment"].startswith("PAY-")
        assert started.json()["redirect_url"].startswith(f"{bank.url}/pg/StartPay/")
        again = caller("POST", f"/orders/{order['order']}/payments", {"gateway": "zarinpal"}, Idempotency_Key="p-1")
        assert (again.status_code, again.json()) == (201, started.json())
        token = started.json()["redirect_url"].rpartition("/")[2]
        bank.pay(token)
        outcome = payments.handle_callback(gateway="zarinpal", token=token, status_ok=True, now=make.NOW)
        assert outcome.kind == "final"
    final = caller("GET", f"/orders/{order['order']}").json()
    assert final["state"] == "final"
    assert final["cart_code"].startswith("DBC-")
    assert final["final_at"] == "2025-01-04T06:30:00Z"
    refused(caller("POST", f"/orders/{order['order']}/payments", {"gateway": "zarinpal"}), 409, "not_payable")


@pytest.mark.django_db(transaction=True)
def test_a_bank_that_is_away_is_503_and_the_order_stays(caller, settings):
    settings.BANK_URL = "http://127.0.0.1:9"
    code = caller("POST", "/orders", caller.order(make.variant())).json()["order"]
    response = caller("POST", f"/orders/{code}/payments", {"gateway": "zarinpal"})
    refused(response, 503, "bank_away")
    assert int(response["Retry-After"]) > 0
    assert caller("GET", f"/orders/{code}").json()["state"] == "registered"


@pytest.mark.parametrize("body", [{"gateway": "paypal"}, {"gateway": ""}, {"gateway": "zarinpal", "amount": 1000}, {}])
def test_only_a_bank_of_ours_and_no_amount_of_theirs(caller, body):
    code = caller("POST", "/orders", caller.order(make.variant())).json()["order"]
    response = caller("POST", f"/orders/{code}/payments", body)
    assert response.status_code == 422
    assert response.json()["code"] in ("gateway_unknown", "unknown_field", "invalid")
