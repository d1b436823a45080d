"""The newsletter's desk in a real browser: a letter is read before it is sent, counts its readers, and goes once."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import pictures
from tests.browser.audit import fit
from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_newsletter_desk.py

WALKS = [(PHONE, "گفت‌وگو با سفالگران"), (DESK, "سه کتاب‌خوان تازه")]
INTRO = "این هفته چند کالای تازه رسیده است و با سازندگان آن‌ها نشسته‌ایم."


def write(page: Page, title: str) -> None:
    page.goto("/desk/newsletter/")
    page.get_by_label("عنوان", exact=True).fill(title)
    page.get_by_label("سخن آغاز").fill(INTRO)
    page.get_by_label("صفحه‌ای که «دیدن همه» می‌گشاید").fill("/goods/")
    page.get_by_text("خبر ۱", exact=True).click()
    page.get_by_label("عنوان خبر").first.fill("دفتر نقطه‌ای چنار")
    page.get_by_label("متن خبر").first.fill("با کاغذ ساخت همین‌جا")
    page.get_by_label("صفحه خبر").first.fill("/goods/chenar-dotted-notebook/")
    page.get_by_label(re.compile("^پیامک")).check()


@pytest.mark.parametrize(("context", "title"), WALKS, ids=["at 390 px", "at 1280 px"])
@pytest.mark.clause("D11", "D12")
def test_a_letter_is_seen_with_its_readers_and_goes_once_to_those_who_asked(
    office, colleague, shopper, folder_of_pictures, context, title
):
    office.at("2026-11-28 10:00")
    reader: Shopper = shopper(office, **context)
    reader.log_in("/account/")
    reader.page.get_by_label("خبرنامه و پیشنهادها با پیامک").check()
    reader.page.get_by_role("button", name="ثبت انتخاب").click()
    expect(reader.page.get_by_role("status").first).to_contain_text("انتخاب شما ثبت شد")
    other: Shopper = shopper(office, **context)
    other.log_in("/account/")  # and asks for nothing

    manager = colleague(office, "manager", **context)
    page = manager.page
    page.goto("/desk/newsletter/")
    fit(page)
    manager.press("دیدن نامه و شمار گیرندگان")
    expect(page.get_by_role("alert")).to_be_visible()
    write(page, title)
    manager.press("دیدن نامه و شمار گیرندگان")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_role("region", name="نامه")).to_contain_text("دفتر نقطه‌ای چنار")
    expect(page.get_by_role("region", name="پیامک")).to_contain_text("لغو خبرنامه:")
    fit(page)
    if folder_of_pictures and context is DESK:
        pictures.take(page, folder_of_pictures, "desk-newsletter-preview")
        page.set_viewport_size(DESK["viewport"])
    assert [row for row in office.messages(reader.mobile) if row["template"] == "newsletter"] == []

    manager.press(re.compile("^فرستادن به [۰-۹]+ نفر$"))
    expect(page.get_by_role("status").first).to_contain_text("خبرنامه در راه است.")
    office.tick()
    assert title in office.message(reader.mobile, "newsletter")["text"]
    assert [row for row in office.messages(other.mobile) if row["template"] == "newsletter"] == []
    page.goto("/desk/newsletter/")
    sent = page.get_by_role("region", name="نامه‌های فرستاده‌شده").get_by_role("row").filter(has_text=title)
    manager.reload_until(sent.filter(has_text="تمام شد"))
    fit(page)

    write(page, title)
    manager.press("دیدن نامه و شمار گیرندگان")
    manager.press(re.compile("^فرستادن به [۰-۹]+ نفر$"))
    expect(page.get_by_role("alert")).to_contain_text("همین خبرنامه شنبه ۷ آذر ۱۴۰۵، ساعت ۱۰ فرستاده شده است")
    assert len([row for row in office.messages(reader.mobile) if row["template"] == "newsletter"]) == 1
