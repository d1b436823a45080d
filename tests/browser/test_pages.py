"""Every page, as a browser shows it: accessible, within its bytes, right to left, for thumbs; and its pictures."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import audit, pictures
from tests.browser.conftest import DESK
from tests.browser.shopper import Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # of looks

Open = Callable[[Shopper, dict[str, Any]], None]
PAGES: dict[str, Open] = {}
AS_CUSTOMER = {"home", "orders", "order", "pro-forma"}  # the others are opened by someone new
ANSWERS_TO_A_FORM = {"login-errors", "checkout-errors"}
PICTURES = {"home", "goods", "product", "cart", "checkout", "checkout-errors", "order", "orders", "login", "code"}
PICTURES |= {"status", "welcome", "terms", "inbox", "payment-unknown", "not-found"}
IN_THE_DARK = {"home", "product", "order"}


def page_of(name: str) -> Callable[[Open], Open]:
    def register(function: Open) -> Open:
        PAGES[name] = function
        return function

    return register


def goes_to(path: str, status: int = 200) -> Open:
    def go(me: Shopper, _: dict[str, Any]) -> None:
        answer = me.page.goto(path)
        assert answer and answer.status == status

    return go


PAGES |= {
    "home": goes_to("/"),
    "goods": goes_to("/goods/"),
    "goods-filtered": goes_to("/goods/?brand=avand&available=1&sort=cheapest"),
    "category": goes_to("/category/e-reader/"),
    "brand": goes_to("/brand/avand/"),
    "status": goes_to("/status/"),
    "goods-none": goes_to("/goods/?q=چیزی‌که‌نیست"),
    "product": goes_to("/goods/avand-a6-e-reader/"),
    "product-sold-out": goes_to("/goods/parto-w4-table-fan/"),
    "cart-empty": goes_to("/cart/"),
    "login": goes_to("/login/"),
    "terms": goes_to("/terms/"),
    "not-found": goes_to("/goods/there-is-no-such-thing/", 404),
    "orders": goes_to("/orders/"),
}


@page_of("login-errors")
def login_errors(me: Shopper, _: dict[str, Any]) -> None:
    me.page.goto("/login/")
    me.page.get_by_label("شماره موبایل").fill("۰۹۱۲۳")
    me.page.get_by_role("button", name="فرستادن کد ورود").click()
    expect(me.page.get_by_role("alert")).to_be_visible()


@page_of("code")
def code(me: Shopper, _: dict[str, Any]) -> None:
    me.page.goto("/login/")
    me.ask_for_code()


@page_of("welcome")
def welcome(me: Shopper, _: dict[str, Any]) -> None:
    me.page.goto("/login/")
    me.ask_for_code()
    me.type_code()


@page_of("cart")
def cart(me: Shopper, _: dict[str, Any]) -> None:
    """Seen once; then one line got cheaper, one dearer, one is gone."""
    lines = [
        ("avand-a6-e-reader", "AVD-A6-01"),
        ("khesht-clay-teapot", "KHT-T2-01"),
        ("baghestan-thyme-honey", "BGS-H1-02"),
        ("sayeban-t2-two-person-tent", "SYB-T2-01"),
    ]
    for slug, sku in lines:
        me.open_variant(slug, sku)
        me.add_to_cart()
    me.house.supply(KHT_T2_01=(6_500_000, 17), BGS_H1_02=(9_200_000, 19), SYB_T2_01=(67_500_000, 0))
    me.page.goto("/cart/")
    expect(me.page.locator(".line .notice")).to_have_count(3)


@page_of("checkout")
def checkout(me: Shopper, _: dict[str, Any]) -> None:
    for slug, sku in (("avand-a6-e-reader", "AVD-A6-01"), ("naghmeh-h20-wireless-headphones", "NGM-H20-01")):
        me.open_variant(slug, sku)
        me.add_to_cart()
    me.log_in()
    expect(me.page.get_by_role("heading", level=1)).to_have_text("ثبت سفارش")


@page_of("checkout-errors")
def checkout_errors(me: Shopper, known: dict[str, Any]) -> None:
    checkout(me, known)
    me.fill_checkout(**{"پلاک": "", "کد پستی": "۸۱۴۵۶۷۸۹۰"})
    me.place()
    expect(me.page.get_by_role("alert")).to_be_visible()


@page_of("order")
def order(me: Shopper, known: dict[str, Any]) -> None:
    me.page.goto(known["order"])
    me.await_promises()


@page_of("order-unpaid")
def order_unpaid(me: Shopper, _: dict[str, Any]) -> None:
    me.place_order("chenar-dotted-notebook", "CHN-N3-01")
    me.page.goto("/orders/")
    me.page.get_by_role("main").get_by_role("link", name="سفارش").first.click()
    me.reads("هنوز قطعی نیست")


@page_of("payment-unpaid")
def payment_unpaid(me: Shopper, _: dict[str, Any]) -> None:
    me.place_order("chenar-dotted-notebook", "CHN-N3-02")
    me.give_up()


@page_of("payment-unknown")
def payment_unknown(me: Shopper, _: dict[str, Any]) -> None:
    me.place_order("khesht-clay-teapot", "KHT-T2-02")
    me.house.bank_faults(verify_before_500=True, inquiry_500=True)
    try:
        me.pay()
        expect(me.page.get_by_role("heading", level=1)).to_have_text("نمی‌دانیم پرداخت شما انجام شده یا نه.")
    finally:
        me.house.bank_faults(verify_before_500=False, inquiry_500=False)


@page_of("pro-forma")
def pro_forma(me: Shopper, known: dict[str, Any]) -> None:
    """By the link in the message, which needs no log-in."""
    text = me.house.message(known["mobile"], "pro_forma")["text"]
    link = next(word for word in text.split() if word.startswith("http"))
    me.page.goto(link)
    expect(me.page.get_by_role("heading", level=1)).to_have_text("پیش‌فاکتور، نسخه ۱")


@page_of("inbox")
def inbox(me: Shopper, known: dict[str, Any]) -> None:
    me.page.goto(f"/sandbox/inbox?to={known['mobile']}")
    expect(me.page.get_by_role("article").first).to_be_visible()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page(name, house, visit, customer, folder_of_pictures):
    page: Page = visit(**DESK, **({"storage_state": customer["state"]} if name in AS_CUSTOMER else {}))
    PAGES[name](Shopper(house, page, house.new_mobile()), customer)
    wrong = audit.wrong_words(page) + audit.misfits(page) + audit.violations(page)
    if folder_of_pictures and name in PICTURES:
        pictures.take(page, folder_of_pictures, name)
        if name in IN_THE_DARK:
            pictures.take(page, folder_of_pictures, name, dark=True)
    if name not in ANSWERS_TO_A_FORM:
        wrong += audit.first_view(visit(**DESK, storage_state=page.context.storage_state()), page.url)
    assert not wrong, "\n".join(wrong)
