"""The desk of prices in a real browser: an offer until an hour, a price that another person lets through, a stop of
sale; and the chart as customers see it, at both widths and in both themes.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import pictures
from tests.browser.audit import fit
from tests.browser.conftest import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_prices_desk.py

READER = "/goods/avand-a6-e-reader/?sku=AVD-A6-01"


@pytest.mark.clause("D25", "D27", "D122")
def test_a_price_is_offered_held_approved_and_seen_in_the_chart(office, colleague, visit, folder_of_pictures):
    one = colleague(office, "catalogue", **DESK)
    page = one.page

    def pictured(seen: Page, name: str) -> None:
        fit(seen)
        if folder_of_pictures:
            pictures.take(seen, folder_of_pictures, name)
        seen.set_viewport_size(DESK["viewport"])

    page.goto("/desk/prices/")
    page.get_by_role("textbox", name="یافتن کالا").fill("AVD-A6-01")
    one.press("یافتن")
    page.get_by_role("link", name=re.compile("آوند A6")).first.click()
    page.locator("summary").filter(has_text="پیشنهاد تا یک ساعت معین").click()
    offer = page.locator("details[open] form")
    offer.get_by_label("قیمت (تومان)").fill("۸٬۵۰۰٬۰۰۰")
    offer.get_by_label("تا تاریخ").fill("۱۴۰۵/۹/۷")
    offer.get_by_label("تا ساعت").fill("۲۲")
    offer.get_by_label("نام پیشنهاد").fill("شب یلدا")
    offer.get_by_label("چرا؟").fill("جشنواره آذر")
    one.press("نوشتن پیشنهاد")
    expect(page.get_by_role("status")).to_contain_text("برنامه نوشته شد")
    expect(page.get_by_role("heading", name="قیمت اکنون: ۸٬۵۰۰٬۰۰۰ تومان")).to_be_visible()
    pictured(page, "desk-prices-variant")

    page.goto("/desk/prices/AVD-A6K-01/")
    form = page.get_by_role("form", name="قیمت تازه، همین حالا")
    form.get_by_label("قیمت فروش (تومان)").fill("۹۰۰٬۰۰۰")
    form.get_by_label("قیمت پیش از تخفیف (تومان)").fill("")
    one.press("ثبت قیمت")
    expect(page.get_by_role("alert")).to_contain_text("بنویسید چرا")
    fit(page)
    form.get_by_label("چرا؟").fill("فهرست تازه")
    one.press("ثبت قیمت")
    expect(page.get_by_role("status")).to_contain_text("همکار دیگری")

    second = colleague(office, "manager", **PHONE)
    second.page.goto("/desk/prices/waiting/")
    expect(second.page.get_by_role("region", name=re.compile("آوند"))).to_contain_text("ارزان‌تر")
    pictured(second.page, "desk-prices-waiting")
    second.press("تأیید ۹۰۰٬۰۰۰ تومان")
    expect(second.page.get_by_role("status")).to_contain_text("تأیید شد")

    page.goto("/desk/prices/many/")
    page.get_by_role("textbox", name="سطرها").fill("PRT-L3-01,850000\nPRT-C65-01,100\nNO-SUCH,5000")
    page.get_by_label("یکای قیمت‌ها").select_option("تومان")
    page.locator("#f-lines-why").fill("فهرست پرتو")
    one.press("پیش‌نمایش سطرها")
    expect(page.get_by_role("table")).to_contain_text("در انتظار نفر دوم می‌ماند")
    pictured(page, "desk-prices-many")

    office.at("2026-11-28 12:00")
    seen = visit(at=office, **DESK)
    seen.goto(READER)
    chart = seen.get_by_role("img", name=re.compile("^نمودار تغییر قیمت"))
    expect(chart).to_have_accessible_name(re.compile("زمان پیشنهادها رنگ شده است"))
    for scheme in ("light", "dark"):
        seen.emulate_media(color_scheme=scheme)
        for width in (390, 1280):
            seen.set_viewport_size({"width": width, "height": 900})
            fit(seen)
    if folder_of_pictures:
        pictures.take(seen, folder_of_pictures, "price-chart")
        pictures.take(seen, folder_of_pictures, "price-chart", dark=True)

    page.goto("/desk/sale/?scope=product&key=AVD-A6")
    stop = page.get_by_role("form", name="متوقف کردن")
    stop.get_by_label("چرا؟").fill("ایراد در باتری")
    one.press("متوقف کردن فروش")
    expect(page.get_by_role("status")).to_contain_text("متوقف شد")
    pictured(page, "desk-sale")
    seen.goto(READER)
    expect(seen.get_by_text("دیگر فروخته نمی‌شود")).to_be_visible()
    page.locator("summary").filter(has_text="از سر گرفتن").click()
    page.get_by_label("چرا از سر گرفته می‌شود؟").fill("باتری عوض شد")
    one.press("از سر گرفتن فروش")
    expect(page.get_by_text("هیچ چیز متوقف نیست")).to_be_visible()

    office.at("2026-11-28 22:00")
    office.tick()
    seen.goto(READER)
    expect(seen.get_by_text("۹٬۸۴۰٬۰۰۰ تومان").first).to_be_visible()
