"""What a customer sees of an order that does not come about: sold out while they paid, withdrawn, asked for more."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import audit, pictures
from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import Shopper, reload_until
from tests.browser.staff import Staff

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # of looks; the ways themselves: tests/rooms

LAMP = ("parto-l3-reading-lamp", "PRT-L3-01")


def fit(page: Page) -> None:
    audit.fit(page, back=True)


def promise(page: Page, of: str) -> Locator:
    return page.locator(".promise").filter(has_text=of)


def kept(page: Page, of: str) -> Locator:
    return page.locator(".promise.is-kept").filter(has_text=of)


@pytest.mark.clause("D28", "D30")
def test_who_pays_for_what_just_ran_out_sees_when_the_money_is_back_and_then_that_it_is(
    office, shopper, folder_of_pictures
):
    office.at("2027-01-30 10:00")
    me: Shopper = shopper(office, **PHONE)
    me.place_order(*LAMP)
    office.supply(PRT_L3_01=(8_650_000, 0))
    office.bank_faults(reverse_500=True)
    try:
        me.pay()
        expect(me.page.get_by_role("heading", level=1)).to_have_text("پرداخت شما رسید، ولی کالا تمام شد.")
        me.reads("تا دوشنبه ۱۲ بهمن، ساعت ۱۰")
        fit(me.page)
        me.page.get_by_role("link", name="دیدن سفارش").click()
        me.page.wait_for_url("**/orders/ORD-*/")
        me.reads("تا دوشنبه ۱۲ بهمن، ساعت ۱۰ به شما برمی‌گردد.")
        expect(me.page.get_by_role("row").filter(has_text="چراغ مطالعه")).to_contain_text("تمام شد")
        expect(promise(me.page, "چون کالا تمام شد")).to_have_class(re.compile("is-open"))
        fit(me.page)
        if folder_of_pictures:
            pictures.take(me.page, folder_of_pictures, "order-short", sizes=pictures.SIZES[:1])
    finally:
        office.bank_faults(reverse_500=False)
        office.supply(PRT_L3_01=(8_650_000, 60))
    office.at("2027-01-30 10:20")
    office.tick()
    reload_until(me.page, kept(me.page, "چون کالا تمام شد"))
    me.reads("وجه برگشت")
    me.reads("بانک پول را به حساب شما برگرداند")
    fit(me.page)


@pytest.mark.clause("D31", "D30")
def test_who_withdraws_sees_when_the_money_is_back_and_then_that_it_is(office, shopper, folder_of_pictures):
    office.at("2027-01-30 12:00")
    me: Shopper = shopper(office, **DESK)
    me.buy("naghmeh-h20-wireless-headphones", "NGM-H20-01")
    office.bank_faults(reverse_500=True)
    try:
        me.page.get_by_text("انصراف از سفارش", exact=True).click()
        me.page.get_by_role("button", name=re.compile("^انصراف از سفارش")).click()
        me.reads("این سفارش لغو شده است")
        expect(promise(me.page, "پس از انصراف شما")).to_contain_text("تا دوشنبه ۱۲ بهمن، ساعت ۱۲")
        fit(me.page)
        if folder_of_pictures:
            pictures.take(me.page, folder_of_pictures, "order-refund-due", sizes=pictures.SIZES[:1])
    finally:
        office.bank_faults(reverse_500=False)
    office.at("2027-01-30 12:20")
    office.tick()
    reload_until(me.page, kept(me.page, "پس از انصراف شما"))
    fit(me.page)


@pytest.mark.clause("D38", "D39", "D41")
def test_who_is_asked_for_more_before_paying_answers_and_pays(office, shopper, colleague, folder_of_pictures):
    office.at("2027-01-31 10:00")
    me: Shopper = shopper(office, **PHONE)
    me.place_order("naghmeh-h20-wireless-headphones", "NGM-H20-01")
    me.give_up()
    me.page.get_by_role("link", name="دیدن سفارش").click()
    me.page.wait_for_url("**/orders/ORD-*/")
    code = me.page.url.rstrip("/").rpartition("/")[2]

    one: Staff = colleague(office, "orders", **DESK)
    one.page.goto(f"/desk/orders/{code}/")
    one.page.get_by_text("خواستن اطلاعات بیشتر", exact=True).click()
    for field in ("پلاک", "کد پستی"):
        one.page.get_by_role("checkbox", name=field, exact=True).check()
    one.page.locator("#f-note").fill("این کد پستی از آن خیابان دیگری است؛ هر دو را از روی قبض بنویسید.")
    one.press("خواستن از مشتری")
    assert "پلاک، کد پستی" in office.message(me.mobile, "order_data_asked")["text"]

    me.page.reload()
    me.reads("تا سه‌شنبه ۱۳ بهمن، ساعت ۱۰")
    me.reads("مهلت پرداخت هم به همین اندازه دیرتر می‌شود")
    fit(me.page)
    if folder_of_pictures:
        pictures.take(me.page, folder_of_pictures, "order-incomplete", sizes=pictures.SIZES[:1])
    me.page.get_by_label("پلاک").fill("")
    me.page.get_by_label("کد پستی").fill("۸۱۴")
    me.page.get_by_role("button", name="فرستادن پاسخ").click()
    summary = me.page.get_by_role("alert")
    expect(summary.get_by_role("heading")).to_have_text("دو مورد مانده است")
    fit(me.page)
    me.page.get_by_label("پلاک").fill("۱۴")
    me.page.get_by_label("کد پستی").fill("۸۱۴۵۶۷۸۹۰۱")
    me.page.get_by_role("button", name="فرستادن پاسخ").click()
    me.reads("پاسخ شما رسید")
    me.page.get_by_role("button", name=re.compile("^پرداخت ")).click()
    me.pay()
    me.page.wait_for_url("**/orders/ORD-*/")
    me.reads("DBC-")
    me.reads("پلاک ۱۴")
