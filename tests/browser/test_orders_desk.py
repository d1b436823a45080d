"""Staff of the orders at their desk: finding an order, asking for more, cancelling it, and what its customer sees."""

import re

import pytest
from playwright.sync_api import Page, expect

from peyman.kernel.text import persian_digits
from tests.browser import audit, pictures
from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import Shopper
from tests.browser.staff import Staff

pytestmark = pytest.mark.browser


def fit(page: Page) -> None:
    """Every page of the way is fit for everybody; looked at once, at all widths, on the way of the wide screen."""
    size = page.viewport_size
    if not size or size["width"] < 1000:
        return
    wrong = audit.wrong_words(page) + audit.misfits(page) + audit.violations(page)
    assert not wrong, "\n".join([page.url, *wrong])
    page.set_viewport_size(size)


@pytest.mark.parametrize(
    ("context", "hour"), [(PHONE, "2027-01-16 10:00"), (DESK, "2027-01-16 11:00")], ids=["at 390 px", "at 1280 px"]
)
@pytest.mark.clause("D16", "D28", "D33", "D39", "D41")
def test_staff_find_an_order_ask_for_more_and_cancel_it_in_the_open(
    office, shopper, colleague, folder_of_pictures, context, hour
):
    office.at(hour)
    me: Shopper = shopper(office, **context)
    me.buy("avand-a6-e-reader", "AVD-A6-01")
    cart_code = me.page.locator(".code .mono").inner_text()

    # Whatever is in hand leads to the order: here its cart code, as a customer reads it out.
    one: Staff = colleague(office, "orders", **context)
    page = one.page
    page.goto("/desk/")
    one.desk("سفارش‌ها")
    fit(page)
    page.get_by_role("textbox", name="یافتن سفارش").fill(persian_digits(cart_code.lower().replace("-", " ")))
    one.press("یافتن")
    page.wait_for_url("**/desk/orders/ORD-*/")
    code = page.url.rstrip("/").rpartition("/")[2]
    story = page.get_by_role("region", name="سرگذشت سفارش")
    expect(story).to_contain_text("کد سبد صادر و سفارش قطعی شد")
    expect(page.get_by_role("main")).not_to_contain_text("چهارباغ")

    # Who gets it is told for a reason that the customer reads.
    page.get_by_label("برای چه کاری؟").select_option("بسته‌بندی و ارسال سفارش")
    one.press("دیدن گیرنده و نشانی")
    one.reads("خیابان چهارباغ، کوچه بهار")
    fit(page)
    me.page.goto("/account/data/")
    expect(me.page.get_by_role("row").filter(has_text="گیرنده و نشانی یک سفارش")).to_contain_text("بسته‌بندی و ارسال")

    # Something is missing: it is asked for, the clocks stand, the answer moves the order on.
    page.goto(f"/desk/orders/{code}/")
    page.get_by_text("خواستن اطلاعات بیشتر", exact=True).click()
    one.press("خواستن از مشتری")
    expect(page.get_by_role("alert")).to_contain_text("دست‌کم یک مورد را برگزینید")
    fit(page)
    page.get_by_role("checkbox", name="پلاک").check()
    page.locator("#f-note").fill("پلاک با کد پستی نمی‌خواند.")
    one.press("خواستن از مشتری")
    expect(page.get_by_role("status").filter(has_text="از مشتری خواسته شد.")).to_be_visible()
    expect(story).to_contain_text("شمارش ایستاد: پردازش سفارش")
    me.page.goto(me.order_path)
    me.reads("پلاک با کد پستی نمی‌خواند.")
    me.page.get_by_label("پلاک").fill("۱۴")
    me.page.get_by_role("button", name=re.compile("پاسخ")).click()
    me.reads("پاسخ شما رسید")
    page.reload()
    expect(story).to_contain_text("پاسخ رسید و سفارش دوباره قطعی شد")

    # The goods are not there: what follows is shown, then done, and its customer is told in the same act.
    page.get_by_text("لغو از سوی فروشگاه", exact=True).click()
    page.get_by_label("چرا", exact=True).select_option("stock_out")
    page.get_by_role("group", name="اگر کالا تمام شده است، کدام؟").get_by_role("checkbox").check()
    one.press("دیدن پیامد لغو")
    one.reads("سفارش لغو شود، چون موجودی کالا تمام شد؟ برگشتی ندارد.")
    fit(page)
    one.press(re.compile("^لغو سفارش"))
    expect(page.get_by_role("status").filter(has_text="سفارش لغو شد؛")).to_be_visible()
    me.page.goto(me.order_path)
    me.reads("این سفارش لغو شده است")
    assert office.message(me.mobile, "order_cancelled_by_shop")["text"]

    page.get_by_role("link", name="سفارش‌ها", exact=True).first.click()
    page.get_by_role("link", name="کمبود کالا").click()
    row = page.get_by_role("row").filter(has_text=code)
    expect(row).to_contain_text("لغوشده")
    fit(page)
    if folder_of_pictures and context is DESK:
        pictures.take(page, folder_of_pictures, "desk-orders-short")
        page.goto(f"/desk/orders/{code}/")
        pictures.take(page, folder_of_pictures, "desk-order")
        page.set_viewport_size(DESK["viewport"])
    page.get_by_role("link", name="همه سفارش‌ها").click()
    expect(page.locator(".qrow").filter(has_text=code)).to_contain_text("لغوشده")
    fit(page)
