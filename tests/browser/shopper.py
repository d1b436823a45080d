"""A customer before a browser, in the customer's own words: labels and buttons, never addresses of parts."""

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Locator, Page, expect

from peyman.kernel.text import persian_digits

if TYPE_CHECKING:
    from tests.browser.conftest import House

NAME = "مریم رستمی"
ADDRESS = {
    "استان": "اصفهان",
    "شهر": "اصفهان",
    "خیابان و کوچه": "خیابان چهارباغ، کوچه بهار",
    "پلاک": "۱۲",
    "کد پستی": "۸۱۴۵۶۷۸۹۰۱",
}


def reload_until(page: Page, there: Locator) -> None:
    """Reload until `there` is there: the worker is another process."""
    deadline = time.monotonic() + 120
    while not there.count() and time.monotonic() < deadline:
        time.sleep(0.3)
        page.reload()
    expect(there).to_have_count(1)


@dataclass
class Shopper:
    """Someone who shops; `mobile` is the number they log in with."""

    house: "House"
    page: Page
    mobile: str
    order_path: str = field(default="")

    # ---- Finding ----

    def look_for(self, words: str, title: str) -> None:
        """From the home page by the list of goods and the search box to the product called `title`."""
        page = self.page
        page.goto("/")
        page.get_by_role("navigation", name="بخش‌ها").get_by_role("link", name="کالاها", exact=True).click()
        page.wait_for_url("**/goods/")
        self.search(words)
        page.get_by_role("link", name=title, exact=True).click()

    def search(self, words: str) -> None:
        """Type `words` into the search box of whatever page it is."""
        box = self.page.get_by_role("search").get_by_label("جست‌وجو در کالاها")  # what else it is, scripts decide
        box.fill(words)
        box.press("Enter")
        self.page.wait_for_url("**/goods/?q=*")

    def open_variant(self, slug: str, sku: str) -> None:
        self.page.goto(f"/goods/{slug}/?sku={sku}")

    def add_to_cart(self) -> None:
        """Press the one button for it that this width shows."""
        self.page.get_by_role("button", name="افزودن به سبد").locator("visible=true").click()
        self.page.wait_for_url("**/cart/")

    # ---- Logging in ----

    def ask_for_code(self) -> None:
        self.page.get_by_label("شماره موبایل").fill(persian_digits(self.mobile))
        self.page.get_by_role("button", name="فرستادن کد ورود").click()
        self.page.wait_for_url("**/login/code/")

    def type_code(self) -> None:
        self.page.get_by_label("کد شش‌رقمی").fill(persian_digits(self.house.code(self.mobile)))
        self.page.get_by_role("button", name="ورود به حساب").click()
        self.page.wait_for_url(re.compile("^(?!.*/login/)"))

    def introduce(self, name: str = NAME) -> None:
        """Fill the welcome page of a new account."""
        self.page.get_by_label("نام و نام خانوادگی").fill(name)
        self.page.get_by_label(re.compile("شرایط فروش.*می‌پذیرم")).check()
        self.page.get_by_role("button", name="ساختن حساب").click()
        self.page.wait_for_url(re.compile("^(?!.*/welcome/)"))

    def log_in(self, then: str = "/checkout/") -> None:
        self.page.goto(f"/login/?next={then}")
        self.ask_for_code()
        self.type_code()
        self.introduce()

    # ---- Ordering ----

    def fill_checkout(self, **changed: str) -> None:
        """Fill what is lacking, so that nothing is wrong; labels as keys of `changed` differ."""
        page = self.page
        for label, value in {**ADDRESS, **changed}.items():
            box = page.get_by_label(label, exact=True)
            if label == "استان":
                box.select_option(value)
            else:
                box.fill(value)

    def accept_terms(self) -> None:
        self.page.get_by_label(re.compile("شرایط فروش.*می‌پذیرم")).check()

    def place(self) -> None:
        self.page.get_by_role("button", name=re.compile("^ثبت و پرداخت")).click()

    def reach_bank(self) -> None:
        """Wait until the bank's own page is there; the page between leads on by itself."""
        self.page.wait_for_url(f"{self.house.bank_url}/**")

    def pay(self) -> None:
        self.reach_bank()
        self.page.get_by_role("button", name="پرداخت").click()
        self.page.wait_for_url(f"{self.house.url}/**")

    def give_up(self) -> None:
        self.reach_bank()
        self.page.get_by_role("button", name="انصراف").click()
        self.page.wait_for_url(f"{self.house.url}/**")

    def place_order(self, slug: str, sku: str) -> None:
        """Everything up to the bank's page."""
        self.open_variant(slug, sku)
        self.add_to_cart()
        self.log_in()
        self.fill_checkout()
        self.accept_terms()
        self.place()
        self.reach_bank()

    def buy(self, slug: str, sku: str) -> None:
        self.place_order(slug, sku)
        self.pay()
        self.page.wait_for_url("**/orders/ORD-*/")
        self.order_path = "/" + self.page.url.removeprefix(self.house.url).lstrip("/")

    def await_promises(self) -> None:
        """Reload until the promises that messages keep are kept: the worker is another process."""
        deadline = time.monotonic() + 120
        while self.kept() < 2 and time.monotonic() < deadline:
            time.sleep(0.3)
            self.page.reload()
        assert self.kept() >= 2, self.owed().inner_text()

    def owed(self) -> Any:
        return self.page.get_by_role("region", name="قول‌های ما به شما")

    def kept(self) -> int:
        return self.owed().locator(".promise.is-kept").count()

    def reads(self, text: str) -> None:
        expect(self.page.get_by_role("main")).to_contain_text(text)
