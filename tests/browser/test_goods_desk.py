"""The desk of goods in a real browser: found, corrected, added and brought from a file, at both widths and themes."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.audit import fit
from tests.browser.conftest import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_goods_desk.py

HEADER = "sku,product_code,category_slug,brand_slug,brand_fa,title_fa,price_rial,price_basis,stock\n"
FILE = (
    HEADER
    + "AVD-N1-01,AVD-N1,e-reader,avand,,كتاب‌خوان آوند N1,۵۰۰۰۰۰۰ تومان,market,5\n"
    + "AVD-N2-01,AVD-N2,e-reader,avand,,کتاب‌خوان آوند N2,تماس بگیرید,market,5\n"
)


@pytest.mark.clause("D113", "D117")
def test_goods_are_found_corrected_added_and_brought_from_a_file(office, colleague, folder_of_pictures, tmp_path: Path):
    one = colleague(office, "catalogue", **DESK)
    page = one.page

    def pictured(name: str) -> None:
        fit(page)
        if folder_of_pictures:
            pictures.take(page, folder_of_pictures, name)
        page.set_viewport_size(DESK["viewport"])

    page.goto("/desk/goods/")
    page.get_by_label("جست‌وجو").fill("كتابخوان آوند")
    one.press("دیدن")
    pictured("desk-goods")
    page.get_by_role("link", name=re.compile("^کتاب‌خوان آوند A6، صفحه")).click()
    pictured("desk-goods-product")
    page.get_by_label("نشانی صفحه").fill("AVAND A6")
    one.press("ذخیره شناسنامه")
    expect(page.get_by_role("alert")).to_contain_text("نشانی صفحه:")
    page.get_by_label("نشانی صفحه").fill("avand-a6")
    one.press("ذخیره شناسنامه")
    expect(page.get_by_role("status").first).to_have_text("ذخیره شد.")
    assert page.goto("/goods/avand-a6/corrections/").ok
    fit(page)

    page.goto("/desk/goods/categories/e-reader/")
    page.get_by_label("نام مشخصه").fill("حافظه داخلی")
    page.get_by_label("گونه", exact=True).select_option("number")
    page.get_by_label("یکا").fill("گیگابایت")
    page.get_by_label("لازم است؛ بی آن مشخصات ذخیره نمی‌شود").check()
    one.press("ذخیره مشخصه")
    pictured("desk-goods-category")

    page.goto("/desk/goods/AVD-A6/specs/")
    one.press("ذخیره مشخصات")
    expect(page.get_by_role("alert")).to_contain_text("حافظه داخلی: این مشخصه در این دسته لازم است")
    memory = page.get_by_role("group", name="حافظه داخلی")
    memory.get_by_label("مقدار").fill("۳۲")
    memory.get_by_label("منبع", exact=True).select_option("manufacturer")
    memory.get_by_label("نشانی منبع").fill("دفترچه آوند A6، ص ۴")
    one.press("ذخیره مشخصات")
    expect(page.get_by_role("status").first).to_have_text("ذخیره شد.")
    pictured("desk-goods-specs")

    page.goto("/desk/goods/new")
    one.press("ثبت محصول و رفتن به مشخصات")
    expect(page.get_by_role("alert")).to_contain_text("دسته را برگزینید.")
    page.get_by_label("عنوان", exact=True).fill("کتاب‌خوان آوند M1")
    page.get_by_label("کد محصول").fill("avd-m1")
    page.get_by_label("دسته").select_option("e-reader")
    page.get_by_label("برند").select_option("avand")
    page.get_by_label("شناسه کالا (SKU)").fill("AVD-M1-01")
    page.get_by_label("قیمت فروش").fill("۹٬۸۰۰٬۰۰۰ تومان")
    page.get_by_label("مبنای قیمت").select_option("approved")
    page.get_by_label("مرجع قیمت").fill("فهرست مصوب آوند، آذر ۱۴۰۵")
    one.press("ثبت محصول و رفتن به مشخصات")
    expect(page).to_have_url(re.compile("/desk/goods/AVD-M1/specs/"))
    page.goto("/desk/goods/AVD-M1/variants/AVD-M1-01/")
    pictured("desk-goods-variant")

    file = tmp_path / "avand.csv"
    file.write_text(FILE, "utf-8")
    page.goto("/desk/goods/imports/")
    page.get_by_label("فایل", exact=True).set_input_files(file)
    one.press("نگاه به فایل، بی آن که چیزی عوض شود")
    one.reload_until(page.get_by_role("button", name="آوردن این فایل"))
    expect(page.get_by_role("region", name="رکوردها")).to_contain_text("قیمت را با رقم بنویسید")
    pictured("desk-goods-import")
    one.press("آوردن این فایل")
    one.reload_until(page.get_by_role("heading", name="چه شد"))
    expect(page.get_by_role("region", name="چه شد")).to_contain_text("۱ محصول تازه، ۱ کالای تازه")
    page.goto("/desk/goods/categories/")
    page.locator("summary").filter(has_text="کالای دیجیتال").click()
    fit(page)


@pytest.mark.clause("D113")
def test_who_comes_second_is_told_what_changed_meanwhile(office, colleague):
    first = colleague(office, "catalogue", **DESK)
    second = colleague(office, "manager", **PHONE)
    for one in (first, second):
        one.page.goto("/desk/goods/AVD-A6K/")
    first.page.get_by_label("مدل").fill("A6 Kids 2")
    first.press("ذخیره شناسنامه")
    second.page.get_by_label("عنوان لاتین").fill("Avand A6 Kids reader")
    second.press("ذخیره شناسنامه")
    told = second.page.get_by_role("alert")
    expect(told).to_contain_text("کس دیگری همین را عوض کرده است")
    expect(told).to_contain_text("A6 Kids 2")
    expect(second.page.get_by_label("مدل")).to_have_value("A6 Kids 2")
    expect(second.page.get_by_label("عنوان لاتین")).to_have_value("Avand A6 Kids reader")
    fit(second.page)
    second.press("ذخیره شناسنامه")
    expect(second.page.get_by_role("status").first).to_have_text("ذخیره شد.")
