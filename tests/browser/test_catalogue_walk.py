"""The whole catalogue in a browser, in light and in dark: search in five spellings, filter, read the chart, buy."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import audit, pictures
from tests.browser.conftest import DESK, PHONE, House
from tests.browser.shopper import Shopper
from tests.browser.staff import Staff

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
    form = _filters(page, narrow=narrow)
    _filter_of(form, "برند")
    form.get_by_role("checkbox", name=re.compile("^آوند")).check()
    form.get_by_role("checkbox", name=re.compile("^فقط موجود")).check()
    form.get_by_role("button", name="نمایش کالاها").click()


@pytest.mark.parametrize("context", [PHONE, DESK], ids=["at 390 px", "at 1280 px"])
def test_what_staff_make_a_filter_narrows_the_list_at_once(
    house: House, colleague: Callable[..., Staff], visit: Callable[..., Page], folder_of_pictures: Path | None,
    context: dict[str, Any],
) -> None:  # fmt: skip
    """Memory of readers becomes a filter; a reader is narrowed by it and by its colour, and each is taken away."""
    desk = colleague(house, "catalogue", **DESK)
    desk.page.goto("/desk/goods/categories/e-reader/")
    desk.page.get_by_label("نام مشخصه").fill("حافظه")
    desk.page.get_by_label(re.compile("^پالایه فهرست‌ها شود")).check()
    desk.press("ذخیره مشخصه")
    expect(desk.page.get_by_role("status").first).to_have_text("ذخیره شد.")

    page = visit(house, **context)
    narrow = context is PHONE
    page.goto("/category/e-reader/")
    form = _filters(page, narrow=narrow)
    memory = _filter_of(form, "حافظه")
    expect(memory.locator("label")).to_have_text(["۱۶ گیگابایت ۱", "۳۲ گیگابایت ۱"], use_inner_text=True)
    memory.get_by_role("checkbox", name=re.compile("^۳۲ گیگابایت")).check()
    _filter_of(form, "رنگ").get_by_role("checkbox", name=re.compile("^سرمه‌ای")).check()
    form.get_by_role("button", name="نمایش کالاها").click()

    chosen = page.get_by_role("group", name="پالایه‌های انتخاب‌شده")
    expect(chosen.get_by_role("link")).to_have_text(["حافظه: ۳۲ گیگابایت ×", "رنگ: سرمه‌ای ×", "پاک‌کردن همه"])
    expect(page.locator(".good h3")).to_have_text([re.compile("A6 Color")])
    audit.fit(page)
    if folder_of_pictures:
        pictures.take(page, folder_of_pictures, "walk-attributes", sizes=((context["viewport"]["width"], 844),))
    page.set_viewport_size(context["viewport"])
    chosen.get_by_role("link", name="حذف حافظه: ۳۲ گیگابایت").click()
    expect(chosen.get_by_role("link")).to_have_text(["رنگ: سرمه‌ای ×", "پاک‌کردن همه"])
    expect(page.locator(".good h3")).to_have_count(2)
    expect(_filter_of(_filters(page, narrow=narrow), "رنگ").locator("input:checked")).to_have_count(1)


def _filters(page: Page, *, narrow: bool) -> Locator:
    """The form of filters that this width shows."""
    if narrow:
        page.locator("summary", has_text="پالایه‌ها").click()
    return page.locator("details.facets form" if narrow else "aside.facets form")


def _filter_of(form: Locator, name: str) -> Locator:
    """One filter of it, opened."""
    found = form.locator("details", has=form.page.locator(f"summary:text-is('{name}')"))
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    return found
