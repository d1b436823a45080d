"""The checkout's form, with scripts switched off: what is shown follows what is chosen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.shopper import Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # of looks


@pytest.fixture
def form(shopper: Callable[..., Shopper]) -> Page:
    """The form of a new customer with one good in the cart."""
    me = shopper(**PHONE, java_script_enabled=False)
    me.log_in(then="/")
    me.open_variant("avand-a6-e-reader", "AVD-A6-01")
    me.add_to_cart()
    me.page.goto("/checkout/")
    return me.page


def test_the_sum_and_the_button_follow_the_chosen_carrier(form: Page) -> None:
    # 9,840,000 + packing 0 + insurance 29,520 toman, with the post for 72,000 or Tipax for 125,000
    button, total = form.locator("button.wide:visible"), form.locator("dl.sum:visible dd.total")
    expect(total).to_have_text("۹٬۹۴۱٬۵۲۰ تومان")
    form.locator(".pick label", has_text="تیپاکس").click()
    expect(total).to_have_text("۹٬۹۹۴٬۵۲۰ تومان")
    assert button.inner_text().split() == ["ثبت", "و", "پرداخت", "۹٬۹۹۴٬۵۲۰", "تومان"]
    expect(form.locator("dl.sum:visible")).to_contain_text("ارسال با تیپاکس")


def test_the_particulars_of_an_organisation_are_asked_only_of_one(form: Page) -> None:
    box = form.get_by_label("شناسه ملی", exact=True)
    expect(box).to_be_hidden()
    form.locator(".pick label", has_text="سازمان یا شرکت").click()
    expect(box).to_be_visible()
