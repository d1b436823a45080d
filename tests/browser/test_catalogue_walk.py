"""The whole catalogue in a browser, in light and in dark: search in five spellings, filter, read the chart, buy."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import audit, pictures
from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]

READER = "کتاب‌خوان آوند A6، صفحه ۶ اینچ"
SPELLINGS = ("کتاب‌خوان آوند", "كتابخوان اوند", "کتاب خوان اوند", "ketabkhan avand", ";jhfo,hk")
CODE = re.compile(r"DBC-[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{1,4}")


@pytest.mark.parametrize(
    ("context", "theme"), [(PHONE, "dark"), (DESK, "light")], ids=["dark, at 390 px", "light, at 1280 px"]
)
def test_a_reader_is_searched_filtered_watched_and_bought(
    shopper: Callable[..., Shopper], folder_of_pictures: Path | None, context: dict[str, Any], theme: str
) -> None:
    me = shopper(**context, color_scheme=theme)
    page = me.page

    def fit(name: str) -> None:
        width = page.viewport_size["width"] if page.viewport_size else 0
        wrong = audit.wrong_words(page) + audit.violations(page) + audit.misfits(page)
        page.set_viewport_size({"width": width, "height": context["viewport"]["height"]})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert not wrong, "\n".join([page.url, *wrong])
        if folder_of_pictures:
            page.evaluate("scrollTo(0, 0)")
            pictures.take(page, folder_of_pictures, name, dark=theme == "dark", sizes=((width, 844),))
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]

    for typed in SPELLINGS:
        page.goto("/")
        me.search(typed)
        expect(page.get_by_role("link", name=READER, exact=True)).to_be_visible()

    _filter(page, narrow=context is PHONE)
    chosen = page.get_by_role("group", name="پالایه‌های انتخاب‌شده")
    expect(chosen.get_by_role("link")).to_have_text(["آوند ×", "فقط موجود ×", "پاک‌کردن همه"])
    fit("walk-filtered")
    page.get_by_role("link", name=READER, exact=True).click()

    # The chart is drawn by the server; its table says the same in words.
    chart = page.get_by_role("region", name="نمودار تغییر قیمت")
    expect(chart.get_by_role("img").first).to_be_visible()
    chart.get_by_text("جدول همه تغییرها").click()
    newest = chart.get_by_role("row").nth(1)
    expect(newest).to_contain_text("۹٬۸۴۰٬۰۰۰")
    fit("walk-chart")

    me.add_to_cart()
    fit("walk-cart")
    page.get_by_role("link", name=re.compile("^ادامه با")).click()
    me.ask_for_code()
    me.type_code()
    me.introduce()
    me.fill_checkout()
    me.accept_terms()
    me.place()
    me.pay()
    page.wait_for_url("**/orders/ORD-*/")
    assert CODE.search(page.get_by_role("main").inner_text())
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (theme == "dark")


def _filter(page: Page, *, narrow: bool) -> None:
    """Only what can be had of one brand."""
    page.goto("/goods/")
    if narrow:
        page.locator("summary", has_text="پالایه‌ها").click()
    form = page.locator("details.facets form" if narrow else "aside.facets form")
    brands = form.locator("details", has=page.locator("summary", has_text="برند"))
    if brands.get_attribute("open") is None:
        brands.locator("summary").click()
    form.get_by_role("checkbox", name=re.compile("^آوند")).check()
    form.get_by_role("checkbox", name=re.compile("^فقط موجود")).check()
    form.get_by_role("button", name="نمایش کالاها").click()
