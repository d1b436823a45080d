"""One order at the desk: its story, its money, its address for a reason only, and what staff may do with it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.billing.models import Refund
from peyman.messages.models import Message
from peyman.people.models import AccessLog, Person
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.models import Variant
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import InformationRequest, Order
from peyman.shop.stock import actions as stock
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of, plain_html_of
from tests.pages.test_orders_desk import final, short
from tests.rooms.test_orders import counter, ordered, pay, place

pytestmark = pytest.mark.django_db

SEALED = ("سارا احمدی", "کارگر شمالی", "۱۴۳۹۹۵۵۴۷۱", "1439955471", "۰۹۱۲۱۲۳۴۵۶۷", "9121234567")  # of the recipient
WHY = "بسته‌بندی و ارسال سفارش"


@pytest.fixture
def me(shop: TermsVersion) -> Person:
    return make.person(role="orders", full_name="نرگس کاظمی", mobile="+989199999999")


@pytest.fixture
def staff(client: Client, me: Person) -> Client:
    client.force_login(me)
    return client


def url(order: Order, act: str = "") -> str:
    return f"/desk/orders/{order.code}/{act}"


def story(html: str) -> list[str]:
    """The titles on the thread, in order."""
    thread = html.split('<ol class="thread lanes">')[1].split("</ol>")[0]
    return [re.sub("<[^>]+>", "", title) for title in re.findall(r"<b>(.*?)</b>", thread)]


# ---- Who may ----


@pytest.mark.parametrize("role", ["customer", "catalogue", "privacy", "tariff", "finance"])
def test_an_order_s_file_is_there_for_the_desk_of_orders_only(client: Client, shop: TermsVersion, role: str) -> None:
    order = final()
    client.force_login(order.person if role == "customer" else make.person(role=role))
    assert client.get(url(order)).status_code == 404
    for act, typed in (
        ("recipient", {"why": WHY}),
        ("ask", {"fields": ["plate"], "note": "پلاک را بنویسید"}),
        ("cancel", {"reason": "cannot_deliver", "step": "confirm"}),
    ):
        assert client.post(url(order, act), typed).status_code == 404
    order.refresh_from_db()
    assert order.state == "final" and not AccessLog.objects.exists()


@pytest.mark.parametrize("code", ["ORD-2222-2222-2222-2", "x", "ORD-%27--", "۱۲۳"])
def test_a_code_that_no_order_has_leads_nowhere(staff: Client, code: str) -> None:
    assert "چیزی با این نشانی پیدا نشد." in html_of(staff.get(f"/desk/orders/{code}/"), 404)
    for act in ("recipient", "ask", "cancel"):
        assert staff.post(f"/desk/orders/{code}/{act}", {"why": WHY}).status_code == 404


# ---- The story ----


def test_steps_money_promises_and_messages_stand_on_one_thread(staff: Client) -> None:
    order = ordered()
    orders.take_payments(pay(order, now=NOW + timedelta(minutes=5)), NOW + timedelta(minutes=5))
    html = plain_html_of(staff.get(url(order)))
    assert story(html) == [
        "سفارش ثبت شد",
        "قول دادیم",
        "پیش‌فاکتور، پیامک",
        "پرداخت آغاز شد",
        "پول رسید",
        "کد سبد صادر و سفارش قطعی شد",
        "قول دادیم",
        "کد سبد خرید، پیامک",
        "پردازش",
    ]
    assert "۱ عدد از موجودی برداشته شد؛ جمع ۱٬۵۰۳٬۰۰۰ ریال" in html
    assert "زرین‌پال، ۱٬۵۰۳٬۰۰۰ ریال، رسید" in html
    assert "رساندن کد سبد، پس از کسر موجودی و ثبت قیمت، تا شنبه ۱۵ دی، ساعت" in html
    assert "؛ پردازش سفارش، تا یکشنبه ۱۶ دی، ساعت ۱۰:۰۵" in html
    # who ordered is written to at an address that is not told
    assert "۰۹۱۲***" in html and order.person.mobile[3:] not in html


def test_what_is_drawn_has_a_row_for_each_promise(staff: Client) -> None:
    html = plain_html_of(staff.get(url(final())))
    life = html.split('<div class="lane life">')[1].split("</div>")[0]
    assert re.findall("<li>(.*?)</li>", life) == ["وضع", "پول", "پیام", "پیش‌فاکتور", "کد سبد", "پردازش"]


def test_money_is_told_to_the_rial_and_booked_on_two_sides(staff: Client, clock: Path) -> None:
    order = final(price=98_400_000)
    orders.cancel(order=order, by="customer", now=NOW)
    html = plain_html_of(staff.get(url(order)))
    # 98,400,000 of goods, 500,000 of post, 3 per mille insurance = 295,200
    assert "<b>۹٬۹۱۹٬۵۲۰</b><span>بدهی ما به مشتری</span>" in html and "۹۹٬۱۹۵٬۲۰۰" in html
    assert re.findall(r"<span>(وصول از بانک|به حساب سفارش قطعی|بدهکار شدیم|برگرداندیم) ", html) == [
        "وصول از بانک",
        "به حساب سفارش قطعی",
        "بدهکار شدیم",
    ]
    assert "سفارش لغو شد" in html and "در انتظار بانک" in html
    assert "بازگشت وجه <time" in html and "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html
    assert "۱ عدد به فروش برگشت" in html and "مشتری انصراف داد" in story(html)

    clock.write_text("2025-01-06T07:30:00+00:00")
    late = plain_html_of(staff.get(url(order)))
    assert '<div class="notice broken" role="status">' in late and "؛ ۱ ساعت دیر شده است" in late
    refund = Refund.objects.get()
    orders.give_back_done(refund=refund, provider_ref="778899", proof="inquiry", now=NOW + timedelta(hours=50))
    html = plain_html_of(staff.get(url(order)))
    assert "<b>۹٬۹۱۹٬۵۲۰</b><span>برگشته</span>" in html and "778899" in html
    back = "بازگرداندن ۹٬۹۱۹٬۵۲۰ تومان پس از انصراف شما"
    assert story(html)[-4:] == [f"دیر شد: {back}", "وجه برگشت", f"وفا شد: {back}", "بازگشت وجه، پیامک"]


def test_prices_of_then_and_of_today_stand_beside_each_other(staff: Client) -> None:
    variant = make.variant(on_hand=7, price=2_000_000)
    order = ordered(variant=variant)
    Variant.objects.filter(pk=variant.pk).update(price=1_500_000)
    orders.take_payments(pay(order), NOW)
    Variant.objects.filter(pk=variant.pk).update(price=1_800_000)
    html = plain_html_of(staff.get(url(order)))
    cells = re.findall(r'data-th="(?:هنگام ثبت|در سفارش|امروز|مانده انبار)">([^<]+)<', html)
    assert cells == ["۲۰۰٬۰۰۰", "۱۵۰٬۰۰۰", "۱۸۰٬۰۰۰", "۶ از ۷"]
    assert "بها کم شد" in html


def test_the_terms_an_order_was_placed_under_are_named(staff: Client) -> None:
    order = final()
    html = plain_html_of(staff.get(url(order)))
    assert '<a href="/terms/1/">نسخه ۱</a>، پذیرفته هنگام ثبت' in html and order.terms_sha256[:12] in html


@pytest.mark.parametrize("many", [1, 20])
def test_a_file_costs_the_same_however_many_lines(staff: Client, django_assert_num_queries: Any, many: int) -> None:
    order = place(make.person(), [(make.variant().sku, 1) for _ in range(many)]).order
    orders.take_payments(pay(order), NOW)
    with django_assert_num_queries(18):
        staff.get(url(order))


# ---- Who gets it ----


@pytest.mark.clause("D16")
def test_who_gets_an_order_is_told_for_a_reason_that_its_owner_reads(staff: Client, me: Person, client: Client) -> None:
    order = final()
    order.person.full_name = "مریم رستمی"
    order.person.save(update_fields=["full_name"])
    closed = plain_html_of(staff.get(url(order)))
    assert not [word for word in SEALED if word in closed] and "بسته است، تا بگویید برای چه." in closed

    refused = html_of(staff.post(url(order, "recipient"), {"why": ""}), 422)
    assert "بنویسید برای چه کاری" in refused and not [word for word in SEALED if word in refused]
    assert not AccessLog.objects.exists()

    opened = html_of(staff.post(url(order, "recipient"), {"why": WHY}))
    assert "سارا احمدی" in opened and "خیابان کارگر شمالی، کوچه نهم، پلاک ۱۲، واحد ۳" in opened
    assert "۰۹۱۲۱۲۳۴۵۶۷" in opened and "۱۴۳۹۹۵۵۴۷۱" in opened
    look = AccessLog.objects.get()
    assert (look.by, look.whose, look.what, look.why) == (me, order.person, "order", WHY)

    again = plain_html_of(staff.get(url(order)))
    assert not [word for word in SEALED if word in again]
    assert "گیرنده و نشانی دیده شد" in story(again) and "نرگس کاظمی" in again
    client.force_login(order.person)
    assert "گیرنده و نشانی یک سفارش" in html_of(client.get("/account/data/"))


# ---- Asking for more ----


@pytest.mark.clause("D41")
def test_staff_ask_for_what_is_missing_and_the_order_waits_for_the_answer(staff: Client, me: Person) -> None:
    order = final()
    wrong = html_of(staff.post(url(order, "ask"), {"note": ""}), 422)
    assert "دست‌کم یک مورد را برگزینید" in wrong and "برای مشتری بنویسید که چه چیز و چرا لازم است." in wrong
    kept = html_of(staff.post(url(order, "ask"), {"fields": ["plate"], "note": " "}), 422)
    assert 'value="plate" checked' in kept
    assert "نوع خریدار پس از ثبت عوض نمی‌شود" in html_of(
        staff.post(url(order, "ask"), {"fields": ["password"], "note": "x"}), 422
    )
    assert not InformationRequest.objects.exists()

    done = staff.post(url(order, "ask"), {"fields": ["plate"], "note": "پلاك را بنویسید."}, follow=True)
    html = html_of(done)
    assert "از مشتری خواسته شد." in html and "پاسخ مشتری <time" in html
    assert "از مشتری اطلاعات خواسته شد" in story(html) and "نرگس کاظمی" in html
    assert "شمارش ایستاد: پردازش سفارش" in story(html) and "به سبب ناقص‌بودن سفارش" in html
    assert InformationRequest.objects.get().asked_by == me
    board = html_of(staff.get("/desk/orders/"))
    assert "<b>۱</b><span>ناقص، در انتظار پاسخ</span>" in board and "پاسخ مشتری <time" in board

    twice = html_of(staff.post(url(order, "ask"), {"fields": ["plate"], "note": "باز هم"}), 409)
    assert "سفارش در وضعیت «ناقص» است" in twice


# ---- Cancelling by the shop ----


@pytest.mark.clause("D28")
@pytest.mark.clause("D33")
def test_staff_see_what_cancelling_does_before_they_do_it(staff: Client) -> None:
    variant = make.variant(on_hand=5)
    order = final(variant=variant)
    typed = {"reason": "stock_out", "skus": [variant.sku], "cancel_note": "سه عدد در انبار شکسته بود."}
    html = html_of(staff.post(url(order, "cancel"), typed))
    assert "سفارش لغو شود، چون موجودی کالا تمام شد؟ برگشتی ندارد." in html
    assert "بدهی ما ۱٬۵۰۳٬۰۰۰ ریال" in html and f'<bdi class="mono">{variant.sku}</bdi> به فروش برنمی‌گردد' in html
    order.refresh_from_db()
    assert order.state == "final" and counter(variant) == (5, 1)

    html = html_of(staff.post(url(order, "cancel"), {**typed, "step": "confirm"}, follow=True))
    assert "سفارش لغو شد؛" in html and "فروشگاه سفارش را لغو کرد" in story(html)
    assert f"چون موجودی کالا تمام شد ({variant.sku})" in re.sub("</?bdi[^>]*>", "", html)
    order.refresh_from_db()
    assert order.state == "cancelled" and counter(variant) == (4, 0)
    assert Message.objects.filter(about=f"order:{order.code}", template="order_cancelled_by_shop").count() == 1
    assert Refund.objects.get().amount == 1_503_000
    assert "سه عدد" not in html  # what was written to the customer is opened with the address

    over = html_of(staff.post(url(order, "cancel"), {**typed, "step": "confirm"}), 409)
    assert "سفارش در وضعیت «لغوشده» است" in over


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"reason": ""}, "دلیل لغو را از فهرست برگزینید."),
        ({"reason": "whim"}, "دلیل لغو را از فهرست برگزینید."),
        ({"reason": "stock_out"}, "بگویید کدام کالا تمام شده است"),
        ({"reason": "stock_out", "skus": ["NOT-OURS"]}, "در این سفارش نیست."),
        (
            {"reason": "cannot_deliver", "day": "فردا", "hour": "8"},
            "روز را مانند ۱۴۰۵/۹/۴ و ساعت را مانند",
        ),
        ({"reason": "cannot_deliver", "day": "1403/10/15", "hour": "25"}, "روز را مانند ۱۴۰۵/۹/۴ و ساعت را مانند"),
        (
            {"reason": "cannot_deliver", "day": "1403/10/16", "hour": "8"},
            "زمان آگاهی باید میان ثبت سفارش و اکنون",
        ),
        ({"reason": "cannot_deliver", "cancel_note": "آ" * 301}, "این نوشته بلندتر از اندازه است"),
    ],
)
@pytest.mark.parametrize("step", ["", "confirm"])
def test_a_cancellation_that_says_too_little_is_refused_and_changes_nothing(
    staff: Client, typed: dict[str, Any], says: str, step: str
) -> None:
    order = final()
    html = html_of(staff.post(url(order, "cancel"), {**typed, "step": step}), 422)
    assert says in html
    order.refresh_from_db()
    assert order.state == "final" and not Refund.objects.exists()


# ---- What ran short ----


@pytest.mark.clause("D28")
def test_goods_that_ran_out_are_listed_with_who_waits_for_money(staff: Client, clock: Path) -> None:
    assert "هیچ سفارشِ پرداخت‌شده‌ای بی‌کالا نماند" in plain_html_of(staff.get("/desk/orders/short/"))
    lucky, unlucky = short()
    slug = unlucky.lines.get().variant.product.slug
    html = plain_html_of(staff.get("/desk/orders/short/"))
    assert f"/goods/{slug}/" in html and unlucky.code in html and lucky.code not in html
    assert "فروخته ۱" in html and "مانده ۰" in html and "خواسته و نرسیده ۱" in html
    assert "همه ۱ عددِ شمرده‌شده به سفارش‌های قطعی رسیده بود." in html
    assert "<b>۱</b><span>سفارش که به آن بدهکاریم؛ ۱٬۵۰۳٬۰۰۰ ریال</span>" in html
    assert "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html

    clock.write_text("2025-01-06T07:30:00+00:00")
    html = plain_html_of(staff.get("/desk/orders/short/"))
    assert "<b>۱</b><span>سفارش با بازپرداختِ دیر</span>" in html and "۱ ساعت دیر" in html
    orders.give_back_done(
        refund=Refund.objects.get(), provider_ref="778899", proof="inquiry", now=NOW + timedelta(hours=50)
    )
    html = plain_html_of(staff.get("/desk/orders/short/"))
    assert "<b>۱</b><span>سفارش تسویه‌شده؛ ۱٬۵۰۳٬۰۰۰ ریال برگشت</span>" in html and "انجام شد" in html
    clock.write_text("2025-02-10T07:30:00+00:00")
    assert unlucky.code not in plain_html_of(staff.get("/desk/orders/short/"))


@pytest.mark.clause("D28")
def test_what_staff_found_missing_stands_in_the_list_with_the_correction(staff: Client, me: Person) -> None:
    gone, other = make.variant(on_hand=5), make.variant(on_hand=5)
    order = place(make.person(), [(gone.sku, 2), (other.sku, 1)]).order
    orders.take_payments(pay(order), NOW)
    order.refresh_from_db()
    orders.cancel_by_shop(order=order, reason="stock_out", note="", skus=[gone.sku], detected_at=NOW, by=me, now=NOW)
    stock.count_many(counts={gone.pk: 1}, reason="count", by="staff", now=NOW + timedelta(hours=1))
    html = plain_html_of(staff.get("/desk/orders/short/"))
    assert gone.sku in html and other.sku not in html and "خواسته و نرسیده ۲" in html
    assert "همکاران پس از ثبت دیدند که کالا نیست" in html
    assert "۲ عدد کم شد (شمارش انبار)" in html and "۲ عدد کم شد (فروخته شد و در انبار نبود)" in html


@pytest.mark.parametrize("many", [1, 12])
def test_the_list_of_shortages_costs_the_same_however_many_there_are(
    staff: Client, django_assert_num_queries: Any, many: int
) -> None:
    for _ in range(many):
        short()
    with django_assert_num_queries(12):
        staff.get("/desk/orders/short/")
