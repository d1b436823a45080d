# ruff: noqa: F811 - fixtures of the checkout page are asked for by name
"""Public places are refused at checkout and in the API's rule, and accepted where staff say why (D49)."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.people.models import Person
from peyman.shop.orders.models import AllowedAddress, Order
from tests import make
from tests.pages.reading import text_of as html_of
from tests.pages.test_checkout_page import FORM, bank, buyer, variant  # noqa: F401 - fixtures of the same form

DESK = "/desk/addresses/"
HOTEL = {"street": "خیابان هاتف، هتل پل", "plate": "۱۲"}
REASON = "سرایدار هتل است و همان‌جا زندگی می‌کند"


@pytest.mark.clause("D49")
def test_a_public_place_is_refused_with_its_clause_and_nothing_is_registered(
    client: Client,
    buyer: Person,
    bank: Any,
) -> None:
    html = html_of(client.post("/checkout/", FORM | HOTEL), 422)
    assert "این نشانی «هتل» است و در اماکن عمومی تحویل نمی‌دهیم." in html and "#c-10-1" in html
    assert 'href="#f-street"' in html and 'aria-describedby="f-street-e"' in html  # at its box
    assert html.count("این نشانی «هتل» است") == 2  # in the summary and at the box
    assert not Order.objects.exists()
    assert client.post("/checkout/", FORM | {"street": "روبروی هتل پل"}).status_code == 302
    assert Order.objects.count() == 1


@pytest.mark.clause("D49")
def test_staff_accept_one_address_for_one_customer_and_say_why(
    client: Client,
    buyer: Person,
    bank: Any,
    clock: Path,
) -> None:
    desk = Client()
    desk.force_login(make.person(role="orders"))
    told = {name: FORM[name] for name in ("province", "city", "postal_code", "unit") if name in FORM} | HOTEL
    asked = told | {"mobile": f"0{buyer.mobile[3:]}", "reason": REASON}
    assert "بنویسید چرا" in html_of(desk.post(DESK, asked | {"reason": " "}), 422)
    assert "مشتری‌ای با این شماره نداریم." in html_of(desk.post(DESK, asked | {"mobile": "09129999999"}), 422)
    assert "مکان عمومی به شمار نمی‌آید" in html_of(desk.post(DESK, asked | {"street": "خیابان هاتف"}), 422)
    assert not AllowedAddress.objects.exists()
    html = html_of(desk.post(DESK, asked, follow=True))
    assert "این نشانی برای این مشتری پذیرفته شد." in html and "سرایدار" in html and "هتل پل" not in html
    desk.post(DESK, asked)
    row = AllowedAddress.objects.get()
    assert (row.person, row.reason, "هتل" in row.address) == (buyer, REASON, False)

    spelled = {"street": "خیابان هاتف،  هتل پل", "plate": "12"}
    other = FORM | spelled | {"street": "خیابان هاتف، هتل صفا"}
    assert client.post("/checkout/", other).status_code == 422
    assert client.post("/checkout/", FORM | spelled).status_code == 302
    assert Order.objects.get().person == buyer


@pytest.mark.parametrize("role", ["customer", "catalogue", "privacy", "tariff", "finance"])
def test_only_the_order_desk_accepts_addresses(client: Client, clock: Path, db: None, role: str) -> None:
    client.force_login(make.person(role=role))
    assert client.get(DESK).status_code == 404
    assert client.post(DESK, {"reason": "x"}).status_code == 404
