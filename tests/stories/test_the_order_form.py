"""Clauses 7-1, 10-2, 10-3 and 13-1, as the customer meets them: what the form asks, and who may bring the goods."""

from typing import Any

import pytest

from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules.form import Buyer, FormIncomplete, read_buyer, read_delivery
from peyman.shop.shipping import queries as shipping
from peyman.shop.shipping.rules import NotCarried
from tests import make
from tests.make import NOW

FORM = {
    "recipient": "سارا احمدی",
    "mobile": "09121234567",
    "province": "گیلان",
    "city": "رشت",
    "street": "بلوار معلم، کوچه دوم",
    "plate": "۱۲",
    "postal_code": "4144955471",
}


def missing(**changes: Any) -> dict[str, str]:
    """What is wrong with the form after these changes."""
    with pytest.raises(FormIncomplete) as refusal:
        read_delivery({**FORM, **changes})
    return refusal.value.fields


@pytest.mark.clause("D38")
def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(FormIncomplete) as refusal:
        read_delivery({})
    assert set(refusal.value.fields) == {
        "recipient",
        "mobile",
        "province",
        "city",
        "street",
        "plate",
        "postal_code",
    }
    assert all(sentence.endswith(".") for sentence in refusal.value.fields.values())


@pytest.mark.clause("D38", "D50")
@pytest.mark.parametrize("name", ["province", "city", "street", "plate", "postal_code"])
def test_an_address_without_one_of_its_parts_is_not_exact_enough(name: str) -> None:
    assert set(missing(**{name: " "})) == {name}


@pytest.mark.clause("D50")
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("414495547", "کد پستی ۹ رقم است؛ باید ۱۰ رقم باشد."),
        ("41449554710", "کد پستی ۱۱ رقم است؛ باید ۱۰ رقم باشد."),
        ("41449-5547a", "کد پستی فقط رقم است؛ ۱۰ رقم بنویسید."),
        ("0314865741", "این کد پستی درست نیست؛ آن را از روی قبض یا سند بخوانید."),
        ("1111111111", "این کد پستی درست نیست؛ آن را از روی قبض یا سند بخوانید."),
    ],
)
def test_a_wrong_postal_code_is_told_with_the_way_out(typed: str, sentence: str) -> None:
    assert missing(postal_code=typed) == {"postal_code": sentence}


@pytest.mark.clause("D50")
def test_a_postal_code_may_be_typed_in_any_digits() -> None:
    codes = ["4144955471", "۴۱۴۴۹۵۵۴۷۱", "٤١٤٤٩٥٥٤٧١", "41449-55471", "۴۱۴۴۹ ۵۵۴۷۱"]
    codes += ["\u200f4144955471", "\u202a41449\u200e55471\u202c", "\ufeff41449–55471", "41449\u200c55471\n"]
    assert {read_delivery({**FORM, "postal_code": code}).postal_code for code in codes} == {"4144955471"}


@pytest.mark.clause("D44")
@pytest.mark.parametrize(
    ("national_id", "economic_code", "phone"),
    [
        ("10380284790", "411111111111", "02188888888"),
        ("۱۰۳۸۰۲۸۴۷۹۰", "٤١١١١١١١١١١١", "۰۲۱۸۸۸۸۸۸۸۸"),
        ("\u200f1038 028 4790\u200e", "4111-1111-1111", "021-8888 8888"),
        ("\u202b10380284790\u202c", "\u2066411111111111\u2069", "\ufeff021–88888888"),
    ],
)
def test_the_numbers_of_an_organisation_may_be_typed_and_pasted_in_many_ways(
    national_id: str, economic_code: str, phone: str
) -> None:
    buyer = read_buyer(
        {
            "kind": "legal_entity", "name": "شرکت نمونه", "national_id": national_id, "economic_code": economic_code,
            "registration_number": "۱۲ ۳۴۵", "postal_code": "4144955471", "phone": phone,
        }
    )  # fmt: skip
    assert (buyer.national_id, buyer.economic_code, buyer.registration_number, buyer.phone) == (
        "10380284790", "411111111111", "12345", "02188888888",
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.clause("D51")
def test_the_goods_go_to_whom_the_buyer_names() -> None:
    make.terms()
    make.calendar()
    carrier = shipping.choice(make.carrier().slug, "گیلان", "رشت")
    delivery = read_delivery({**FORM, "recipient": "مریم کاظمی", "mobile": "۰۹۳۵۱۱۱۲۲۳۳"})
    buyer = make.person(full_name="سارا احمدی", mobile="+989121234567")
    orders.place(
        person=buyer,
        lines=[(make.variant().sku, 1)],
        shown_total=10**9,
        terms_version=1,
        delivery=delivery,
        buyer=Buyer("individual"),
        carrier=carrier,
        now=NOW,
    )
    order = Order.objects.get()
    assert (order.recipient, order.mobile, order.city) == ("مریم کاظمی", "+989351112233", "رشت")
    assert (order.person.full_name, order.person.mobile) == ("سارا احمدی", "+989121234567")


@pytest.mark.django_db
@pytest.mark.clause("D68")
@pytest.mark.parametrize(
    ("province", "city", "weight_g", "offered"),
    [
        ("تهران", "تهران", 1_000, ["post", "bus", "bike"]),
        ("گیلان", "رشت", 1_000, ["post", "bus"]),  # a provincial capital
        ("گیلان", "لاهیجان", 1_000, ["post"]),
        ("تهران", "تهران", 20_000, ["post", "bus"]),  # too heavy for a bike
        ("گیلان", "ناکجاآباد", 1_000, []),
    ],
)
def test_the_customer_chooses_among_carriers_that_go_there_with_that_weight(
    province: str, city: str, weight_g: int, offered: list[str]
) -> None:
    make.carrier(slug="post", position=1)
    make.carrier(slug="bus", reach="centers", position=2)
    make.carrier(slug="bike", reach="tehran", max_weight_g=10_000, position=3)
    make.carrier(slug="retired", is_offered=False, position=4)
    assert [carrier.slug for carrier in shipping.offered(province, city, weight_g)] == offered


@pytest.mark.django_db
@pytest.mark.clause("D68")
def test_a_carrier_that_does_not_go_there_cannot_be_chosen() -> None:
    make.carrier(slug="post")
    make.carrier(slug="bike", reach="tehran")
    assert shipping.choice("post", "گیلان", "رشت").slug == "post"
    with pytest.raises(NotCarried) as refusal:
        shipping.choice("bike", "گیلان", "رشت")
    assert set(refusal.value.fields) == {"carrier"}


@pytest.mark.django_db
def test_who_chose_no_carrier_is_asked_for_one() -> None:
    make.carrier(slug="post")
    with pytest.raises(NotCarried) as refusal:
        shipping.choice("", "گیلان", "رشت")
    assert refusal.value.fields == {"carrier": "شیوه ارسال را برگزینید."}
