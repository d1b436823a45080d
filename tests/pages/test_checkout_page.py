"""Checkout, the way to the bank and back, and the order, as the buyer sees them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from peyman.billing.models import Payment
from peyman.gateways.simulators import BankSimulator
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.shop.carts.models import CartLine
from peyman.shop.catalog.models import Variant
from peyman.shop.orders.models import Order
from peyman.shop.stock.models import Stock
from tests import make

# The capture is committed by the finaliser's own thread, so nothing here can live inside one test transaction.
pytestmark = pytest.mark.django_db(transaction=True)

# 12,500,000 + packing 0 + post 500,000 + insurance 37,500
TOTAL = 13_037_500
FORM = {
    "recipient": "زهرا محمدي",
    "mobile": "۰۹۱۲۰۰۰۴۵۶۷",
    "province": "اصفهان",
    "city": "اصفهان",
    "street": "خیابان چهارباغ بالا، کوچه ۴",
    "plate": "۱۲",
    "unit": "",
    "postal_code": "۸۱۶۵۷-۳۹۴۱۲",
    "carrier": "post-pishtaz",
    "buyer.kind": "individual",
    "terms": "1",
    "shown_total": str(TOTAL),
    "key": "one-form",
}


@pytest.fixture
def bank(settings: Any) -> Iterator[BankSimulator]:
    with BankSimulator() as simulator:
        settings.BANK_URL = simulator.url
        settings.ZARINPAL_ACCESS_TOKEN = "an-access-token"
        yield simulator


@pytest.fixture
def variant(shop: TermsVersion) -> Variant:
    return make.variant(price=12_500_000, on_hand=5)


@pytest.fixture
def buyer(client: Client, variant: Variant) -> Person:
    """Logged in, with one piece in the cart."""
    person = make.person()
    make.cart(person=person, lines=[(variant, 1)])
    client.force_login(person)
    return person


def html_of(answer: Any) -> str:
    return answer.content.decode()


def placed(client: Client, **changes: str) -> Order:
    answer = client.post("/checkout/", FORM | changes)
    assert answer.status_code == 302, html_of(answer)
    return Order.objects.latest("pk")


def token_of(order: Order) -> str:
    token = Payment.objects.filter(bill=order.bill_id).latest("pk").token
    assert token
    return token


@pytest.mark.clause("D06")
def test_to_order_one_must_be_known(client: Client, variant: Variant) -> None:
    assert client.get("/checkout/")["Location"] == "/login/?next=/checkout/"
    assert client.post("/checkout/", FORM).status_code == 302
    assert not Order.objects.exists()


def test_an_empty_cart_leads_back_to_the_cart(client: Client, shop: TermsVersion) -> None:
    client.force_login(make.person())
    assert client.get("/checkout/")["Location"] == "/cart/"


def test_a_cart_that_cannot_be_had_is_sorted_out_before_the_form(
    client: Client, buyer: Person, variant: Variant
) -> None:
    Stock.objects.filter(variant=variant).update(on_hand=0)
    assert client.get("/checkout/")["Location"] == "/cart/"


@pytest.mark.clause("D118")
def test_the_form_shows_each_fee_apart_and_what_the_bank_will_say(client: Client, buyer: Person) -> None:
    html = html_of(client.get("/checkout/"))
    for words in (
        "کالاها (۱ عدد)", "بسته‌بندی", "ارسال با پست پیشتاز", "بیمه", "۳٬۷۵۰ تومان",
        "در درگاه بانک: ۱۳٬۰۳۷٬۵۰۰ ریال", ">۱٬۳۰۳٬۷۵۰</span> تومان</span></button>",
        'شرایط فروش، نسخه ۱</a>، را می‌پذیرم', 'value="سارا احمدی"', 'value="۰۹۱۲۰۰۰۰۰۰۳"',
    ):  # fmt: skip
        assert words in html, words
    assert 'name="terms" value="1" checked' not in html


@pytest.mark.clause("D38", "D50")
def test_every_fault_is_named_once_and_what_was_typed_stays(client: Client, buyer: Person) -> None:
    answer = client.post("/checkout/", FORM | {"plate": "", "postal_code": "۸۱۶۵۷۳۹۴۱", "terms": ""})
    html = html_of(answer)
    assert answer.status_code == 422
    assert "<title>خطا: ثبت سفارش" in html and "سه مورد مانده است" in html
    assert '<a href="#f-postal_code">کد پستی ۹ رقم است؛ باید ۱۰ رقم باشد.</a>' in html
    assert 'value="۸۱۶۵۷۳۹۴۱"' in html and 'aria-invalid="true"' in html
    assert 'value="خیابان چهارباغ بالا، کوچه ۴"' in html
    assert not Order.objects.exists() and CartLine.objects.count() == 1


def test_a_city_is_understood_however_it_is_spelled_and_one_that_is_none_is_named(
    client: Client, buyer: Person, bank: BankSimulator
) -> None:
    html = html_of(client.post("/checkout/", FORM | {"city": "شیراز"}))
    assert '<a href="#f-city">' in html
    assert placed(client, province="اصفهان", city="نجف‌آباد").city == "نجف آباد"


@pytest.mark.clause("D44")
def test_an_organisation_gives_its_particulars(client: Client, buyer: Person, bank: BankSimulator) -> None:
    answer = client.post("/checkout/", FORM | {"buyer.kind": "legal_entity"})
    assert answer.status_code == 422 and '<a href="#f-buyer.national_id">' in html_of(answer)
    particulars = {
        "buyer.name": "شرکت نمونه", "buyer.national_id": "۱۰۳۸۰۲۸۴۷۹۰", "buyer.economic_code": "411111111111",
        "buyer.registration_number": "12345", "buyer.postal_code": "1234567891", "buyer.phone": "02188888888",
    }  # fmt: skip
    order = placed(client, **{"buyer.kind": "legal_entity"}, **particulars)
    assert (order.buyer_kind, order.buyer["national_id"]) == ("legal_entity", "10380284790")
    html = html_of(client.get(f"/orders/{order.code}/"))
    assert 'شرکت نمونه، شناسه ملی <bdi class="ltr">۱۰۳۸۰۲۸۴۷۹۰</bdi>' in html


@pytest.mark.clause("D56")
def test_a_risen_total_is_refused_with_both_numbers_and_asked_for_afresh(
    client: Client, buyer: Person, variant: Variant, bank: BankSimulator
) -> None:
    Variant.objects.filter(pk=variant.pk).update(price=13_000_000, list_price=13_000_000)
    answer = client.post("/checkout/", FORM)
    html = html_of(answer)
    assert answer.status_code == 409
    assert "ثبت نشد، چون جمع بیشتر شده است." in html and "پولی گرفته نشد." in html
    # 13,000,000 + 500,000 + 39,000
    assert "دیدید: ۱٬۳۰۳٬۷۵۰ تومان. اکنون: ۱٬۳۵۳٬۹۰۰ تومان." in html
    assert 'href="/terms/1/#c-11-3">بند ۱۱-۳</a>' in html
    assert "با ۱٬۳۵۳٬۹۰۰ تومان موافقم" in html and 'name="shown_total" value="13539000"' in html
    assert not Order.objects.exists()
    assert placed(client, shown_total="13539000").total == 13_539_000


def test_the_total_that_counts_is_the_one_of_the_chosen_carrier(
    client: Client, buyer: Person, bank: BankSimulator
) -> None:
    make.carrier(slug="tipax", title="تیپاکس", fee=900_000, position=1)
    html = html_of(client.get("/checkout/"))
    assert 'name="shown_total.tipax" value="13437500"' in html and "۱٬۳۴۳٬۷۵۰" in html
    order = placed(client, carrier="tipax", **{"shown_total.tipax": "13437500"})
    assert (order.carrier, order.total) == ("tipax", 13_437_500)


@pytest.mark.parametrize("shown", ["", "x", "-5", "1e9", "13037490"])
def test_a_total_that_nobody_saw_agrees_to_nothing(client: Client, buyer: Person, shown: str) -> None:
    assert client.post("/checkout/", FORM | {"shown_total": shown}).status_code == 409
    assert not Order.objects.exists()


@pytest.mark.clause("D05")
def test_another_version_of_the_terms_is_asked_for_again(client: Client, buyer: Person) -> None:
    answer = client.post("/checkout/", FORM | {"terms": "7"})
    assert answer.status_code == 409 and "شرایط فروش تازه شده است" in html_of(answer)
    assert not Order.objects.exists()


def test_sold_out_meanwhile_is_told_in_place(client: Client, buyer: Person, variant: Variant) -> None:
    Stock.objects.filter(variant=variant).update(on_hand=0)
    answer = client.post("/checkout/", FORM)
    assert answer.status_code == 409 and "پولی گرفته نشد" in html_of(answer)
    assert not Order.objects.exists()


def test_a_form_sent_twice_is_one_order(client: Client, buyer: Person, bank: BankSimulator) -> None:
    first = client.post("/checkout/", FORM)
    assert client.post("/checkout/", FORM)["Location"] == first["Location"]
    assert Order.objects.count() == 1


def test_a_form_sent_again_with_other_words_leads_to_the_order_there_is(
    client: Client, buyer: Person, bank: BankSimulator
) -> None:
    order = placed(client)
    answer = client.post("/checkout/", FORM | {"plate": "13"})
    assert answer["Location"] == f"/orders/{order.code}/" and Order.objects.count() == 1


@pytest.mark.clause("D02", "D24", "D57")
def test_from_the_button_to_the_cart_code(client: Client, buyer: Person, variant: Variant, bank: BankSimulator) -> None:
    order = placed(client)
    assert (order.recipient, order.postal_code, order.total) == ("زهرا محمدی", "8165739412", TOTAL)
    payment = Payment.objects.get()
    way = client.get(f"/pay/{payment.code}/")
    assert f'content="0; url={bank.url}/pg/StartPay/{payment.token}"' in html_of(way)
    assert "۱۳٬۰۳۷٬۵۰۰ ریال" in html_of(way)

    bank.pay(token_of(order))
    back = client.get("/pay/zarinpal/callback", {"Authority": token_of(order), "Status": "OK"})
    assert (back.status_code, back["Location"]) == (303, f"/orders/{order.code}/")
    order.refresh_from_db()
    html = html_of(client.get(f"/orders/{order.code}/"))
    assert order.cart_code and f'<bdi class="mono">{order.cart_code}</bdi>' in html
    assert "قطعی از" in html and "رساندن کد سبد" in html and "قطعی شد" in html
    assert "فرستادن پیش‌فاکتور و ورود به صف پردازش" in html
    assert 'href="/terms/1/#c-11-4">بند ۱۱-۴</a>' in html
    assert Stock.objects.get(variant=variant).allocated == 1


def test_saman_sends_the_browser_back_by_a_form_across_sites_and_nothing_in_it_is_believed(
    client: Client, buyer: Person, bank: BankSimulator
) -> None:
    client.post("/checkout/", FORM | {"gateway": "saman"})
    order, payment = Order.objects.get(), Payment.objects.get()
    assert payment.gateway == "saman"
    assert f"{bank.url}/OnlinePG/SendToken?token={payment.token}" in html_of(client.get(f"/pay/{payment.code}/"))
    stranger = Client(enforce_csrf_checks=True)
    brought = {"State": "OK", "Status": "2", "RefNum": "forged", "Amount": "1", "ResNum": "x", "Token": payment.token}
    back = stranger.post("/pay/saman/callback", brought, headers={"Origin": "https://sep.shaparak.ir"})
    assert "پرداخت انجام نشد." in html_of(stranger.get(back["Location"]))
    bank.pay(payment.token or "")
    back = stranger.post("/pay/saman/callback", brought, headers={"Origin": "https://sep.shaparak.ir"})
    assert (back.status_code, back["Location"].partition("?")[0]) == (303, "/pay/saman/result")
    assert "پرداخت انجام شد و سفارش شما قطعی است." in html_of(stranger.get(back["Location"]))
    order.refresh_from_db()
    payment.refresh_from_db()
    assert order.cart_code and payment.refnum == "Gmshtyjw200000001=="


def test_the_buyer_chooses_between_two_banks_and_sees_one_choice_where_there_is_one(
    client: Client, buyer: Person, settings: Any
) -> None:
    html = html_of(client.get("/checkout/"))
    assert 'name="gateway" value="zarinpal" checked' in html and "پرداخت الکترونیک سامان" in html
    settings.GATEWAYS = ["saman"]
    html = html_of(client.get("/checkout/"))
    assert 'name="gateway"' not in html


@pytest.mark.parametrize("name", ["mellat", "zarinpal2"])
def test_a_bank_we_do_not_know_brings_nobody_back(client: Client, shop: TermsVersion, name: str) -> None:
    assert client.post(f"/pay/{name}/callback", {"Token": "A"}).status_code == 422


def test_coming_back_without_a_session_still_makes_the_order_final(
    client: Client, buyer: Person, bank: BankSimulator
) -> None:
    order = placed(client)
    bank.pay(token_of(order))
    stranger = Client()
    back = stranger.get("/pay/zarinpal/callback", {"Authority": token_of(order), "Status": "OK"})
    assert back.status_code == 303 and back["Location"].startswith("/pay/zarinpal/result?")
    html = html_of(stranger.get(back["Location"]))
    assert "پرداخت انجام شد و سفارش شما قطعی است." in html and "زهرا" not in html and "DBC-" not in html
    assert "sessionid" not in stranger.cookies


def test_unpaid_says_so_and_offers_to_pay_again(client: Client, buyer: Person, bank: BankSimulator) -> None:
    order = placed(client)
    bank.pay(token_of(order), status="NOK")
    back = client.get("/pay/zarinpal/callback", {"Authority": token_of(order), "Status": "NOK"})
    html = html_of(client.get(back["Location"]))
    assert "پرداخت انجام نشد." in html and "پرداخت دوباره ۱٬۳۰۳٬۷۵۰ تومان" in html
    assert "هنوز قطعی نیست" in html_of(client.get(f"/orders/{order.code}/"))


def test_a_silent_bank_is_not_knowing_and_is_said_as_such(client: Client, buyer: Person, bank: BankSimulator) -> None:
    order = placed(client)
    bank.pay(token_of(order))
    bank.stop()
    back = client.get("/pay/zarinpal/callback", {"Authority": token_of(order), "Status": "OK"})
    html = html_of(client.get(back["Location"]))
    assert "نمی‌دانیم پرداخت شما انجام شده یا نه." in html and "لازم نیست دوباره بپردازید" in html
    assert Payment.objects.get().code in html
    told = html_of(client.get(f"/orders/{order.code}/"))
    assert "نمی‌دانیم پرداخت شما انجام شده یا نه." in told and "پرداخت ۱٬۳۰۳٬۷۵۰ تومان</button>" not in told


@pytest.mark.clause("D28", "D30")
def test_paid_but_sold_out_says_the_truth_and_the_hour_of_the_refund(
    client: Client, buyer: Person, variant: Variant, bank: BankSimulator
) -> None:
    order = placed(client)
    bank.pay(token_of(order))
    Stock.objects.filter(variant=variant).update(on_hand=0)
    back = client.get("/pay/zarinpal/callback", {"Authority": token_of(order), "Status": "OK"})
    html = html_of(client.get(back["Location"]))
    # Saturday 10:00 and 48 working hours: Monday 10:00
    assert "پرداخت شما رسید، ولی کالا تمام شد." in html and "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html
    assert "یک لحظه پیش آخرین عدد فروخته شد" in html_of(client.get(f"/orders/{order.code}/"))


@pytest.mark.parametrize("back", ["", "final:A000", "unpaid:x:forged"])
def test_a_result_nobody_signed_is_not_found(client: Client, shop: TermsVersion, back: str) -> None:
    assert client.get("/pay/zarinpal/result", {"back": back}).status_code == 404


def test_a_token_that_is_not_ours_is_not_found(client: Client, shop: TermsVersion, bank: BankSimulator) -> None:
    answer = client.get("/pay/zarinpal/callback", {"Authority": "A" + "0" * 35, "Status": "OK"})
    assert answer.status_code == 404 and "بانک آن را برمی‌گرداند" in html_of(answer)


def test_a_bank_that_is_away_leaves_the_order_registered_and_says_so(
    client: Client, buyer: Person, bank: BankSimulator
) -> None:
    bank.stop()
    answer = client.post("/checkout/", FORM)
    order = Order.objects.get()
    assert answer["Location"] == f"/orders/{order.code}/?bank_away"
    html = html_of(client.get(answer["Location"]))
    assert "درگاه بانک اکنون پاسخ نمی‌دهد" in html and "پرداخت ۱٬۳۰۳٬۷۵۰ تومان</button>" in html


def test_paying_from_the_order_page_agrees_to_the_total_on_its_button(
    client: Client, buyer: Person, variant: Variant, bank: BankSimulator
) -> None:
    order = placed(client)
    assert client.post(f"/orders/{order.code}/pay", {"shown_total": str(TOTAL)})["Location"].startswith("/pay/PAY-")


@pytest.mark.clause("D31")
def test_withdrawing_closes_the_order_and_says_what_it_cost(client: Client, buyer: Person, bank: BankSimulator) -> None:
    order = placed(client)
    assert client.post(f"/orders/{order.code}/cancel").status_code == 302
    html = html_of(client.get(f"/orders/{order.code}/"))
    assert "لغو شد" in html and "به خواست شما" in html and "انصراف از سفارش" not in html
    again = client.post(f"/orders/{order.code}/cancel")
    assert again.status_code == 409 and "دیگر نمی‌توان از آن انصراف داد" in html_of(again)


def test_nobody_sees_the_order_of_another(client: Client, buyer: Person, bank: BankSimulator) -> None:
    order = placed(client)
    payment = Payment.objects.get()
    other = Client()
    assert other.get(f"/orders/{order.code}/")["Location"] == f"/login/?next=/orders/{order.code}/"
    other.force_login(make.person())
    for answer in (
        other.get(f"/orders/{order.code}/"),
        other.post(f"/orders/{order.code}/cancel"),
        other.post(f"/orders/{order.code}/pay", {"shown_total": "1"}),
        other.get(f"/pay/{payment.code}/"),
    ):
        assert answer.status_code == 404
    assert "هنوز سفارشی ثبت نکرده‌اید." in html_of(other.get("/orders/"))
    assert f"/orders/{order.code}/" in html_of(client.get("/orders/"))


@pytest.mark.clause("D24")
def test_the_link_of_the_pro_forma_opens_it_without_a_log_in_and_no_other_does(
    client: Client, buyer: Person, bank: BankSimulator, variant: Variant
) -> None:
    order = placed(client)
    link = next(word for word in order_text(order).split() if "/p/" in word)
    html = html_of(Client().get(urlsplit(link).path))
    assert "پیش‌فاکتور، نسخه ۱" in html and "به معنی فروش نیست" in html and order.code in html
    assert Client().get(f"/p/{order.code}/forged/").status_code == 404


def order_text(order: Order) -> str:
    return Message.objects.get(about=f"order:{order.code}", template="pro_forma").text


@pytest.mark.parametrize("lines", [1, 10])
def test_the_order_page_costs_thirteen_queries_whatever_its_size(
    client: Client, shop: TermsVersion, bank: BankSimulator, django_assert_num_queries: Any, lines: int
) -> None:
    person = make.person()
    make.cart(person=person, lines=[(make.variant(price=10_000), 1) for _ in range(lines)])
    client.force_login(person)
    order = placed(client, shown_total="9999990")
    client.get(f"/orders/{order.code}/")
    with django_assert_num_queries(13):  # two of them for what moved and what is owed
        client.get(f"/orders/{order.code}/")


def test_who_comes_back_from_the_bank_without_paying_is_told_of_the_order(
    client: Client, buyer: Person, bank: BankSimulator, clock: Path
) -> None:
    order = placed(client)
    assert client.get("/checkout/")["Location"] == "/cart/"  # what was in the cart is in the order
    html = html_of(client.get("/cart/"))
    assert "سبد شما خالی است." in html and "سفارش شما ثبت شده و در انتظار پرداخت است:" in html
    assert f'href="/orders/{order.code}/">دیدن و پرداخت</a>' in html
    stranger = Client()
    stranger.force_login(make.person())
    assert order.code not in html_of(stranger.get("/cart/"))
    clock.write_text(order.pay_until.isoformat())
    assert order.code not in html_of(client.get("/cart/"))


def test_who_fills_the_cart_anew_is_told_of_what_lies_there(
    client: Client, buyer: Person, bank: BankSimulator, variant: Variant
) -> None:
    order = placed(client)
    client.post("/cart/add", {"sku": variant.sku})
    assert order.code not in html_of(client.get("/cart/"))
