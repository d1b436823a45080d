"""What a customer sees and does on the page of an order that needs more, was cancelled by us, or ran short."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.billing.actions import Capture
from peyman.entrypoints.finaliser import finalise
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import InformationRequest, Order
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of
from tests.rooms.test_orders import ordered, pay_at_bank

pytestmark = pytest.mark.django_db

WHY = "پلاک با کد پستی نمی‌خواند."


@pytest.fixture
def order(shop: TermsVersion) -> Order:
    return ordered(price=10_000_000)


@pytest.fixture
def buyer(client: Client, order: Order) -> Person:
    client.force_login(order.person)
    return order.person


def asked(order: Order, *fields: str) -> InformationRequest:
    return orders.ask(order=order, fields=fields, note=WHY, by=make.person(role="orders"), now=NOW)


def answer(client: Client, order: Order, **typed: str) -> Any:
    return client.post(f"/orders/{order.code}/data", {"request": "REQ", **typed})


@pytest.mark.clause("D39", "D41")
def test_the_page_says_what_is_asked_until_when_and_why_and_takes_the_answer(
    client: Client, buyer: Person, order: Order
) -> None:
    asked(order, "plate", "postal_code")
    html = html_of(client.get(f"/orders/{order.code}/"))
    assert "برای ادامه این سفارش اطلاعات بیشتری لازم است" in html and WHY in html
    assert "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html  # 48 working hours from Saturday 10:00
    assert html.count('name="plate"') == 1 and html.count('name="postal_code"') == 1
    assert 'name="street"' not in html and "پرداخت ۱٬۰۵۳" not in html
    assert "مهلت پرداخت هم به همین اندازه دیرتر می‌شود" in html
    assert answer(client, order, plate="۷", postal_code="۱۷۳۹۹۵۵۴۷۱")["Location"] == f"/orders/{order.code}/"
    after = Order.objects.get()
    assert (after.state, after.plate, after.postal_code) == ("registered", "7", "1739955471")
    told = html_of(client.get(f"/orders/{order.code}/"))
    assert "پاسخ شما رسید" in told and "اطلاعات بیشتری لازم است" not in told


@pytest.mark.clause("D38", "D39")
def test_faults_are_named_one_by_one_and_what_was_typed_stays(client: Client, buyer: Person, order: Order) -> None:
    asked(order, "street", "plate", "postal_code")
    page = answer(client, order, street="خیابان دماوند", plate="", postal_code="123")
    html = html_of(page, 422)
    assert page.status_code == 422 and "دو مورد مانده است" in html
    assert "پلاک را بنویسید؛" in html and "کد پستی ۳ رقم است؛ باید ۱۰ رقم باشد." in html
    assert 'value="خیابان دماوند"' in html and 'value="123"' in html
    assert Order.objects.get().state == "incomplete"


@pytest.mark.clause("D39", "D68")
def test_the_goods_go_only_where_the_carrier_of_the_order_goes(client: Client, buyer: Person, order: Order) -> None:
    make.carrier(slug=order.carrier, title="پیک", reach="tehran", fee=500_000)
    type(make.carrier(slug=order.carrier)).objects.update(reach="tehran")
    asked(order, "city")
    html = html_of(answer(client, order, province="گیلان", city="رشت"), 422)
    assert "که برای این سفارش برگزیدید، به این شهر نمی‌رود؛ شهر دیگری بنویسید" in html
    unknown = html_of(answer(client, order, province="تهران", city="ناکجاآباد"), 422)
    assert "شهری به این نام در استان تهران نمی‌شناسیم" in unknown
    assert Order.objects.get().state == "incomplete"
    answer(client, order, province="تهران", city="تهران")
    assert Order.objects.get().state == "registered"


@pytest.mark.clause("D39")
def test_who_paid_meanwhile_reads_that_the_money_is_kept(client: Client, buyer: Person, order: Order) -> None:
    payment = pay_at_bank(order)
    asked(order, "plate")
    finalise([Capture(payment.pk, "R-1", "")], NOW)
    html = html_of(client.get(f"/orders/{order.code}/"))
    assert "۱٬۰۵۳٬۰۰۰ تومانی که پرداخته‌اید نزد ماست" in html
    assert "سفارش بسته می‌شود و ۱٬۰۵۳٬۰۰۰ تومان در ۲۴ تا ۴۸ ساعت کاری برمی‌گردد" in html
    answer(client, order, plate="7")
    assert "DBC-" in html_of(client.get(f"/orders/{order.code}/"))


@pytest.mark.clause("D30", "D31")
def test_who_withdraws_reads_first_when_the_money_is_back(client: Client, buyer: Person, order: Order) -> None:
    finalise([Capture(pay_at_bank(order).pk, "R-1", "")], NOW)
    client.post(f"/orders/{order.code}/cancel")
    notice = html_of(client.get(f"/orders/{order.code}/")).partition("دیگر اعتبار ندارد.")[2].partition("</div>")[0]
    assert "۱٬۰۵۳٬۰۰۰ تومان تا دوشنبه ۱۷ دی، ساعت ۱۰ به شما برمی‌گردد." in notice


@pytest.mark.clause("D39")
def test_an_answer_within_the_minute_moves_no_due_time_in_words(
    client: Client, buyer: Person, order: Order, clock: Path
) -> None:
    finalise([Capture(pay_at_bank(order).pk, "R-1", "")], NOW)
    asked(order, "plate")
    clock.write_text((NOW + timedelta(seconds=20)).isoformat())
    answer(client, order, plate="7")
    told = html_of(client.get(f"/orders/{order.code}/"))
    assert "شمارش ادامه یافت؛ موعد همان" in told and " رفت." not in told
    client.force_login(make.person(role="orders"))
    story = html_of(client.get(f"/desk/orders/{order.code}/"))
    assert "شمارش ادامه یافت: پردازش سفارش" in story and "موعد جابه‌جا شد" not in story


def test_nobody_answers_for_another(client: Client, buyer: Person, order: Order) -> None:
    asked(order, "plate")
    client.force_login(make.person())
    assert answer(client, order, plate="7").status_code == 404
    client.logout()
    assert answer(client, order, plate="7")["Location"] == "/login/?next=/orders/"
    assert Order.objects.get().state == "incomplete"


def test_an_answer_to_nothing_says_so(client: Client, buyer: Person, order: Order) -> None:
    page = answer(client, order, plate="7")
    assert page.status_code == 409 and "پرسش بازی نیست" in html_of(page, 409)


@pytest.mark.clause("D28", "D33")
def test_an_order_that_we_cancelled_says_why_line_by_line_and_when_the_money_is_back(
    client: Client, buyer: Person, order: Order
) -> None:
    finalise([Capture(pay_at_bank(order).pk, "R-1", "")], NOW)
    orders.cancel_by_shop(
        order=order,
        reason="stock_out",
        note="انبار آسیب دید.",
        skus=[order.lines.get().sku],
        detected_at=NOW,
        by=make.person(role="orders"),
        now=NOW,
    )
    html = html_of(client.get(f"/orders/{order.code}/"))
    assert "این سفارش را لغو کردیم، چون موجودی کالا تمام شد." in html and "انبار آسیب دید." in html
    assert "۱٬۰۵۳٬۰۰۰ تومان تا دوشنبه ۱۷ دی، ساعت ۱۰ به شما برمی‌گردد." in html
    assert html.count('broken">تمام شد</span>') == 1 and "از سوی فروشگاه" in html


@pytest.mark.clause("D28", "D30", "D31")
def test_a_short_order_says_what_ran_out_and_when_the_money_is_back_and_may_be_closed(
    client: Client, buyer: Person, order: Order
) -> None:
    payment = pay_at_bank(order)
    Stock.objects.update(on_hand=0)
    finalise([Capture(payment.pk, "R-1", "")], NOW)
    html = html_of(client.get(f"/orders/{order.code}/"))
    assert "۱٬۰۵۳٬۰۰۰ تومان تا دوشنبه ۱۷ دی، ساعت ۱۰ به شما برمی‌گردد." in html
    assert html.count('broken">تمام شد</span>') == 1
    assert "پول شما در هر حال برمی‌گردد" in html
    client.post(f"/orders/{order.code}/cancel")
    assert Order.objects.get().state == "cancelled"


@pytest.mark.parametrize("fields", [["plate"], ["street", "plate", "postal_code", "city"]])
def test_the_page_costs_the_same_queries_whatever_is_asked(
    client: Client, buyer: Person, order: Order, fields: list[str], django_assert_num_queries: Any
) -> None:
    asked(order, *fields)
    with django_assert_num_queries(14):
        client.get(f"/orders/{order.code}/")


@pytest.mark.clause("D68", "D53", "D118")
def test_the_form_offers_carriers_that_go_there_and_says_where_express_ends(client: Client, shop: TermsVersion) -> None:
    make.carrier(slug="bike", title="پیک فروشگاه", reach="tehran", fee=1_450_000, is_express=True)
    make.carrier()
    person = make.person()
    make.cart(person=person, lines=[(make.variant(price=10_000_000), 1)])
    client.force_login(person)
    html = html_of(client.get("/checkout/"))
    assert "پیک فروشگاه" in html
    assert "تحویل اکسپرس، جلوی در اصلی ساختمان: دری که به خیابان باز می‌شود." in html
    # 10,530,000 rials contain a tenth of tax: 957,270.
    assert "مالیات بر ارزش افزوده (۱۰٪)، در همین جمع" in html and "۹۵٬۷۲۷ تومان" in html
    away = html_of(client.post("/checkout/", {"province": "گیلان", "city": "رشت", "carrier": "bike"}), 422)
    assert "این شیوه ارسال به این شهر یا با این وزن نمی‌رود" in away
    assert 'value="bike"' not in away and 'value="post-pishtaz" checked' in away


@pytest.mark.clause("D53")
def test_where_express_ends_stands_in_the_order_and_in_its_messages(
    client: Client, buyer: Person, order: Order
) -> None:
    Order.objects.update(is_express=True)
    finalise([Capture(pay_at_bank(order).pk, "R-1", "")], NOW)
    assert "جلوی در اصلی ساختمان" in html_of(client.get(f"/orders/{order.code}/"))
    assert "تحویل اکسپرس، جلوی در اصلی ساختمان" in Message.objects.get(template="cart_code").text
