"""A new customer buys in a real browser from the real thing: web, worker, bank and inbox are processes of their own."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import NAME, Shopper

pytestmark = pytest.mark.browser

READER = "کتاب‌خوان آوند A6، صفحه ۶ اینچ"
CODE = re.compile(r"DBC-[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{1,4}")


@pytest.mark.parametrize(
    "context",
    [PHONE, DESK, {**PHONE, "java_script_enabled": False}],
    ids=["at 390 px", "at 1280 px", "at 390 px without JavaScript"],
)
@pytest.mark.clause("D06", "D38", "D57", "D118")
def test_a_new_customer_buys_from_the_home_page_to_the_cart_code(shopper, context):
    me: Shopper = shopper(**context)
    page: Page = me.page

    me.look_for("کتابخوان اوند", READER)
    expect(page.get_by_role("heading", level=1)).to_have_text(READER)
    page.get_by_role("group", name="رنگ").get_by_role("link", name="کرم").click()
    expect(page.get_by_role("group", name="رنگ").get_by_role("link", name="کرم")).to_have_attribute(
        "aria-current", "true"
    )
    me.reads("۹٬۸۴۰٬۰۰۰ تومان")
    me.reads("معادل ۹۸٬۴۰۰٬۰۰۰ ریال")
    me.add_to_cart()

    # The cart says that it reserves nothing.
    me.reads("افزودن به سبد، کالا را نگه نمی‌دارد")
    page.get_by_role("link", name=re.compile("^ادامه با")).click()

    # The log-in keeps the cart; the number and the code are typed in Persian digits.
    me.ask_for_code()
    me.type_code()
    expect(page.get_by_role("heading", level=1)).to_have_text("خوش آمدید")
    me.introduce()

    # Three mistakes at once are named one by one, and nothing that was typed is lost.
    expect(page.get_by_role("heading", level=1)).to_have_text("ثبت سفارش")
    expect(page.get_by_label("نام و نام خانوادگی", exact=True)).to_have_value(NAME)
    me.fill_checkout(**{"پلاک": "", "کد پستی": "۸۱۴۵۶۷۸۹۰"})
    me.place()
    summary = page.get_by_role("alert")
    expect(summary.get_by_role("heading")).to_have_text("سه مورد مانده است")
    expect(summary.get_by_role("link")).to_have_text(
        [
            "پلاک را بنویسید؛ اگر پلاک ندارد، «ندارد» بنویسید.",
            "کد پستی ۹ رقم است؛ باید ۱۰ رقم باشد.",
            "برای ثبت سفارش باید شرایط فروش را بپذیرید؛ خانه پذیرش را نشان بزنید.",
        ]
    )
    expect(page).to_have_title(re.compile("^خطا: "))
    expect(page.get_by_label("کد پستی", exact=True)).to_have_value("۸۱۴۵۶۷۸۹۰")
    expect(page.get_by_label("خیابان و کوچه", exact=True)).to_have_value("خیابان چهارباغ، کوچه بهار")
    expect(page.get_by_label("استان", exact=True)).to_have_value("اصفهان")
    summary.get_by_role("link", name=re.compile("پلاک")).click()
    page.get_by_label("پلاک", exact=True).fill("۱۲")
    page.get_by_label("کد پستی", exact=True).fill("۸۱۴۵۶۷۸۹۰۱")
    me.accept_terms()

    # 98,400,000 for the reader, 720,000 for the post, 3 per thousand of the goods for insurance.
    expect(page.get_by_role("button", name="ثبت و پرداخت ۹٬۹۴۱٬۵۲۰ تومان")).to_be_visible()
    me.place()
    me.reach_bank()
    expect(page.get_by_text("۹۹٬۴۱۵٬۲۰۰")).to_be_visible()
    me.pay()

    # The order is final: its code, its road, its fees; messages leave, and the promises they keep are kept.
    page.wait_for_url("**/orders/ORD-*/")
    code = CODE.search(page.get_by_role("main").inner_text())
    assert code, page.get_by_role("main").inner_text()
    me.await_promises()
    assert code.group() in me.house.message(me.mobile, "cart_code")["text"]
    road = page.locator(".thread li")
    expect(road.filter(has_text="ثبت شد").locator(".knot")).to_have_class("knot is-kept")
    expect(road.filter(has_text="کد سبد صادر شد").locator(".knot")).to_have_class("knot is-kept")
    for fee in ("رایگان", "۷۲٬۰۰۰", "۲۹٬۵۲۰", "۹٬۹۴۱٬۵۲۰"):
        expect(page.get_by_role("table")).to_contain_text(fee)
    page.get_by_text("انصراف از سفارش", exact=True).click()
    expect(page.get_by_role("button", name="انصراف از سفارش ۹٬۹۴۱٬۵۲۰ تومانی")).to_be_visible()

    page.get_by_role("navigation", name="بخش‌ها").get_by_role("link", name="سفارش‌های من").click()
    expect(page.get_by_role("main")).to_contain_text(code.group())
    expect(page.get_by_role("article")).to_have_count(1)


@pytest.mark.clause("D57")
def test_giving_up_at_the_bank_keeps_the_order_and_it_can_be_paid_again(shopper):
    me: Shopper = shopper(**PHONE)
    me.place_order("naghmeh-h20-wireless-headphones", "NGM-H20-01")
    me.give_up()
    expect(me.page.get_by_role("heading", level=1)).to_have_text("پرداخت انجام نشد.")
    me.reads("بانک می‌گوید پولی پرداخت نشده است.")
    me.page.get_by_role("button", name=re.compile("^پرداخت دوباره")).click()
    me.pay()
    me.page.wait_for_url("**/orders/ORD-*/")
    assert CODE.search(me.page.get_by_role("main").inner_text())


@pytest.mark.clause("D56")
def test_a_total_that_rose_is_asked_about_anew_and_only_fresh_consent_registers_it(shopper, house):
    me: Shopper = shopper(**DESK)
    me.open_variant("parto-65w-wall-charger", "PRT-C65-01")
    me.add_to_cart()
    me.log_in()
    me.fill_checkout()
    me.accept_terms()
    expect(me.page.get_by_role("button", name="ثبت و پرداخت ۱٬۳۱۵٬۷۲۰ تومان")).to_be_visible()
    house.supply(PRT_C65_01=(13_400_000, 60))
    me.place()
    told = me.page.get_by_role("alert")
    expect(told).to_contain_text("ثبت نشد، چون جمع بیشتر شده است.")
    expect(told).to_contain_text("دیدید: ۱٬۳۱۵٬۷۲۰ تومان. اکنون: ۱٬۴۱۶٬۰۲۰ تومان. پولی گرفته نشد.")
    expect(me.page).to_have_title(re.compile("^خطا: "))
    expect(me.page.get_by_label("خیابان و کوچه", exact=True)).to_have_value("خیابان چهارباغ، کوچه بهار")
    me.page.get_by_role("button", name="با ۱٬۴۱۶٬۰۲۰ تومان موافقم").click()
    me.pay()
    me.page.wait_for_url("**/orders/ORD-*/")
    expect(me.page.get_by_role("table")).to_contain_text("۱٬۴۱۶٬۰۲۰")


@pytest.mark.clause("D54")
def test_a_line_that_sold_out_is_told_in_the_cart_and_not_charged(shopper, house):
    me: Shopper = shopper(**PHONE)
    me.open_variant("parto-l3-reading-lamp", "PRT-L3-01")
    me.add_to_cart()
    me.open_variant("baghestan-spring-black-tea", "BGS-T1-01")
    me.add_to_cart()
    house.supply(PRT_L3_01=(8_650_000, 0))
    me.page.goto("/cart/")
    lamp = me.page.get_by_role("article").filter(has_text="چراغ مطالعه")
    expect(lamp).to_contain_text("ناموجود شد و در مبلغ سبد نیست.")
    me.reads("۱ کالا ناموجود")
    expect(me.page.get_by_role("complementary", name="جمع")).not_to_contain_text("۸۶۵٬۰۰۰")
    me.page.get_by_role("button", name="ادامه با موجودها").click()
    me.page.wait_for_url(re.compile("/login/"))
    me.page.goto("/cart/")
    expect(me.page.get_by_role("article")).to_have_count(1)


def test_a_bank_that_does_not_answer_leaves_the_customer_knowing_what_is_not_known(shopper, house):
    me: Shopper = shopper(**PHONE)
    me.place_order("parto-20000-power-bank", "PRT-P20-02")
    house.bank_faults(verify_before_500=True, inquiry_500=True)
    try:
        me.pay()
        expect(me.page.get_by_role("heading", level=1)).to_have_text("نمی‌دانیم پرداخت شما انجام شده یا نه.")
        me.reads("لازم نیست دوباره بپردازید.")
    finally:
        house.bank_faults(verify_before_500=False, inquiry_500=False)


def test_the_error_summary_takes_the_focus_to_the_box(shopper):
    me: Shopper = shopper(**DESK)
    me.page.goto("/login/")
    me.page.get_by_label("شماره موبایل").fill("۰۹۱۲")
    me.page.get_by_role("button", name="فرستادن کد ورود").click()
    link = me.page.get_by_role("alert").get_by_role("link")
    link.click()
    expect(me.page.get_by_label("شماره موبایل")).to_be_focused()
    box = me.page.get_by_label("شماره موبایل")
    expect(box).to_have_value("۰۹۱۲")
    expect(box).to_have_attribute("aria-invalid", "true")
