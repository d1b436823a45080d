"""A member of staff before a browser: through both steps of the log-in, then at the desks."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, expect

from peyman.kernel.text import persian_digits
from tests.browser.shopper import reload_until

if TYPE_CHECKING:
    from tests.browser.conftest import House


@dataclass
class Staff:
    """A colleague with the rights of `role`."""

    house: "House"
    page: Page
    role: str

    # ---- Logging in ----

    def give_number_and_code(self, then: str = "/desk/") -> None:
        """The first step, as every customer does it; it leads to the second."""
        mobile = self.house.colleague(self.role)["mobile"]
        before = len([row for row in self.house.messages(mobile) if row["template"] == "login_code"])
        self.page.goto(f"/login/?next={then}")
        self.page.get_by_label("شماره موبایل").fill(persian_digits(mobile))
        self.page.get_by_role("button", name="فرستادن کد ورود").click()
        self.page.wait_for_url("**/login/code/")
        code = self.house.message(mobile, "login_code", after=before)["code"]
        self.page.get_by_label("کد شش‌رقمی").fill(persian_digits(code))
        self.page.get_by_role("button", name="ورود به حساب").click()
        self.page.wait_for_url("**/login/second/**")

    def give_second(self, password: str) -> None:
        self.page.get_by_label("رمز یک‌بارمصرف").fill(persian_digits(password))
        self.page.get_by_role("button", name="ورود به حساب").click()

    def log_in(self, then: str = "/desk/") -> None:
        self.give_number_and_code(then)
        self.give_second(self.house.one_time_password(self.role))
        self.page.wait_for_url(re.compile("^(?!.*/login/)"))

    # ---- At the desks ----

    def desk(self, name: str) -> None:
        """Go to a desk by its tab."""
        self.tabs.get_by_role("link", name=name, exact=True).click()
        expect(self.tabs.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        self.page.wait_for_load_state()

    @property
    def tabs(self) -> Any:
        return self.page.get_by_role("navigation", name="میزها")

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button, and wait until the page that it leads to, if any, stands whole."""
        self.page.get_by_role("button", name=name).locator("visible=true").click()
        self.page.wait_for_load_state()

    def reads(self, text: str) -> None:
        expect(self.page.get_by_role("main")).to_contain_text(text)

    def reload_until(self, there: Any) -> None:
        """Reload until `there` is there: the worker is another process."""
        reload_until(self.page, there)
