"""Four weeks in a shop, so that its pages have something to show: kept, broken, moved and held promises, and staff.

What is not looked at happens by the API, which is quick; the rest in a browser, as its own people do it.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from playwright.sync_api import Page

from tests.browser.shopper import Shopper
from tests.browser.staff import Staff

if TYPE_CHECKING:
    from tests.browser.conftest import House

NOW = "2026-11-29 12:20"  # Sunday, 8 Azar 1405: when the pictures are taken
SNOW = "برف سنگین و بسته‌شدن راه‌ها"


@dataclass
class Story:
    """Where it led: browsers' states of the people in it, and addresses."""

    house: "House"
    states: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)


class Regular:
    """A customer of the API who buys the same each time."""

    def __init__(self, house: "House") -> None:
        self.house, self.mobile = house, house.new_mobile()
        self.http = httpx.Client(base_url=f"{house.url}/api/v1", timeout=60)
        self._post("/auth/code", {"mobile": self.mobile})
        token = self._post("/auth/token", {"mobile": self.mobile, "code": house.code(self.mobile)})["token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def _post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.http.post(path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def buy(self) -> str:
        """Order one notebook and pay for it; return the order's code."""
        line = self.http.put("/cart/lines/CHN-N3-02", json={"quantity": 1}).json()
        place = {"province": "اصفهان", "city": "اصفهان"}
        carrier = self.http.get("/carriers", params=place).json()["items"][0]
        total = line["goods_total"] + line["fees"]["packing"] + line["fees"]["insurance"] + carrier["fee"]
        order = self._post("/orders", {
            "shown_total": total, "terms_version": 1, "buyer": {"kind": "individual"},
            "delivery": {**place, "recipient": "رضا مرادی", "mobile": self.mobile, "street": "خیابان چهارباغ",
                         "plate": "۱۲", "postal_code": "۸۱۴۵۶۷۸۹۰۱", "carrier": carrier["slug"]},
        })  # fmt: skip
        payment = self._post(f"/orders/{order['order']}/payments", {"gateway": "zarinpal"})
        httpx.post(f"{payment['redirect_url']}/pay", timeout=60, follow_redirects=True).raise_for_status()
        return str(order["order"])

    def cancel_all(self, orders: list[str], hour: str) -> None:
        """Cancel some orders, and wait until their money was given back."""
        before = _refunds(self.house, self.mobile)
        for order in orders:
            self._post(f"/orders/{order}/cancel")
        _await_refunds(self.house, self.mobile, before + len(orders), hour)


def _refunds(house: "House", mobile: str) -> int:
    return len([row for row in house.messages(mobile) if row["template"] == "refund_done"])


def _await_refunds(house: "House", mobile: str, wanted: int, hour: str) -> None:
    """Let the clock go through `hour` ("2026-11-10 10"): a bank is asked again after seconds, then minutes."""
    for minute in range(31, 60):
        house.at(f"{hour}:{minute}")
        deadline = time.monotonic() + (1.2 if minute < 59 else 120)
        while time.monotonic() < deadline:
            if _refunds(house, mobile) >= wanted:
                return
            time.sleep(0.1)
    raise AssertionError(f"no refund came to {mobile}")


def tell(house: "House", open_page: Callable[..., Page]) -> Story:
    """Let it happen. `open_page()` is a browser with nothing remembered."""
    story = Story(house)
    _weeks_before(house)
    maryam = _a_customer(story, open_page)
    manager = Staff(house, open_page(), "manager")
    house.at("2026-11-29 11:10")
    manager.log_in()
    _a_minor(story, open_page)
    _a_report(story, open_page, maryam)
    _at_the_desks(story, manager)
    _dead_letters(story)
    house.at(NOW)
    house.tick()
    maryam.page.goto("/promises/")
    story.states |= {
        "customer": maryam.page.context.storage_state(),
        "manager": manager.page.context.storage_state(),
    }
    return story


def _weeks_before(house: "House") -> None:
    """Orders that were cancelled and paid back, some that nobody processed, and an evening without any texts."""
    assert house.sms is not None
    regular, codes = Regular(house), 0
    for day, cancelled in (("10", 2), ("17", 1), ("24", 2)):
        house.at(f"2026-11-{day} 10:00")
        orders = [regular.buy() for _ in range(cancelled + 1)]
        codes += len(orders)
        _await_codes(house, regular.mobile, codes)
        house.at(f"2026-11-{day} 10:30")
        regular.cancel_all(orders[:cancelled], f"2026-11-{day} 10")
        if day == "17":
            house.sms.faults(down=True, smsir_down=True)
            late = regular.buy()
            house.at("2026-11-17 12:45")
            house.tick()
            house.sms.faults(down=False, smsir_down=False)
            house.at("2026-11-17 13:40")
            codes += 1
            _await_codes(house, regular.mobile, codes)
            regular.cancel_all([late], "2026-11-17 14")
        house.at(f"2026-11-{int(day) + 2:02d} 13:00")
    house.tick()


def _await_codes(house: "House", mobile: str, codes: int) -> None:
    """Wait until the worker sent the cart codes of so many orders, before the clock moves on."""
    house.message(mobile, "cart_code", after=codes - 1)


def _a_customer(story: Story, open_page: Callable[..., Page]) -> Shopper:
    """Maryam: an order that was late, one that was cancelled, one that waits; an e-mail, a second device."""
    house = story.house
    house.at("2026-11-26 10:00")
    me = Shopper(house, open_page(), house.new_mobile())
    page = me.page
    me.place_order("avand-a6-e-reader", "AVD-A6-01")
    me.pay()
    page.wait_for_url("**/orders/ORD-*/")
    me.await_promises()
    page.goto("/account/")
    page.get_by_role("textbox", name="ایمیل", exact=True).fill("maryam.rostami@example.ir")
    page.get_by_role("button", name="فرستادن کد تأیید").click()
    page.get_by_label("کد شش‌رقمی").fill(house.code("maryam.rostami@example.ir"))
    page.get_by_role("button", name="تأیید", exact=True).click()
    page.wait_for_url("**/account/?email*")

    house.at("2026-11-28 10:30")
    house.tick()
    _buy_again(me, "khesht-clay-teapot", "KHT-T2-01")
    page.get_by_text("انصراف از سفارش", exact=True).click()
    page.get_by_role("button", name=re.compile("^انصراف از سفارش")).click()
    _await_refunds(house, me.mobile, 1, "2026-11-28 10")

    house.at("2026-11-29 10:00")
    phone = Shopper(house, open_page(user_agent=ANDROID), me.mobile)
    phone.page.goto("/login/?next=/account/sessions/")
    sent = len([row for row in house.messages(me.mobile) if row["template"] == "login_code"])
    phone.ask_for_code()
    code = house.message(me.mobile, "login_code", after=sent)["code"]
    phone.page.get_by_label("کد شش‌رقمی").fill(code)
    phone.page.get_by_role("button", name="ورود به حساب").click()
    phone.page.wait_for_url("**/account/sessions/")
    _buy_again(me, "naghmeh-h20-wireless-headphones", "NGM-H20-01")
    me.order_path = "/" + page.url.removeprefix(house.url).lstrip("/")
    story.paths["order-held"] = me.order_path
    me.await_promises()
    page.goto("/account/#news")
    page.get_by_label("خبرنامه و پیشنهادها با پیامک").check()
    page.get_by_role("button", name="ثبت انتخاب").click()
    assert house.post(me.mobile, title="پیشنهادهای آذر") == ""
    link = re.search(r"/opt-out/\S+", house.message(me.mobile, "newsletter")["text"])
    assert link
    story.paths["opt-out"] = link[0]
    return me


ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
    "Mobile Safari/537.36"
)


def _buy_again(me: Shopper, slug: str, sku: str) -> None:
    me.open_variant(slug, sku)
    me.add_to_cart()
    me.page.goto("/checkout/")
    me.fill_checkout()
    me.accept_terms()
    me.place()
    me.pay()
    me.page.wait_for_url("**/orders/ORD-*/")


def _a_minor(story: Story, open_page: Callable[..., Page]) -> None:
    house = story.house
    me = Shopper(house, open_page(), house.new_mobile())
    page = me.page
    page.goto("/login/?next=/account/")
    me.ask_for_code()
    me.type_code()
    me.introduce("آرش کاظمی")
    page.get_by_label("تاریخ تولد (اگر بخواهید)").fill("۱۳۹۲/۴/۵")
    page.get_by_role("button", name="ثبت تاریخ تولد").click()
    me.open_variant("chenar-dotted-notebook", "CHN-N3-01")
    me.add_to_cart()
    page.goto("/checkout/")
    me.fill_checkout()
    me.accept_terms()
    me.place()
    page.wait_for_url("**/orders/ORD-*/**")
    story.paths["minor-asks"] = "/" + page.url.removeprefix(house.url).lstrip("/")
    guardian = house.new_mobile()
    box = page.get_by_role("region", name="تأیید پدر، مادر یا قیم")
    box.get_by_label("نام و نام خانوادگی پدر، مادر یا قیم").fill("زهرا کاظمی")
    box.get_by_label("موبایل او").fill(guardian)
    box.get_by_role("button", name="فرستادن پیامک تأیید").click()
    page.wait_for_load_state()
    link = re.search(r"/guardian/\S+", house.message(guardian, "guardian_confirmation")["text"])
    assert link
    story.paths["guardian"] = link[0]
    story.states["minor"] = page.context.storage_state()


def _a_report(story: Story, open_page: Callable[..., Page], me: Shopper) -> None:
    """Someone reports; a colleague takes it and answers. Another report waits."""
    house, page = story.house, me.page

    def report(topic: str, words: str) -> str:
        page.goto("/privacy/report/")
        page.get_by_label("موضوع").select_option(topic)
        page.get_by_label("چه روی داده است").fill(words)
        page.get_by_role("button", name="فرستادن گزارش").click()
        page.wait_for_url("**/privacy/case/**")
        return "/" + page.url.removeprefix(house.url).lstrip("/")

    report("پیام یا تماسی که نخواسته بودم", "از شماره‌ای که نمی‌شناسم پیامک تبلیغ گرفتم.")
    story.paths["privacy-case"] = report(
        "اطلاعات کسی دیده یا پخش شده است", "شماره من را در سایت دیگری دیدم، با نام و نشانی سفارش پارسالم."
    )
    code = story.paths["privacy-case"].split("/")[3]
    one = Staff(house, open_page(), "privacy")
    one.log_in()
    one.page.goto(f"/desk/privacy/{code}/")
    one.page.get_by_label("برای چه کاری می‌خوانید؟").fill("رسیدگی به گزارش")
    one.press("خواندن گزارش")
    one.press("برداشتن این گزارش")
    one.page.get_by_label("پاسخ به گزارش‌دهنده").fill(
        "آن سایت داده‌ها را برداشت و راه آن را بستیم؛ از شما پوزش می‌خواهیم."
    )
    one.press("فرستادن پاسخ")
    one.page.wait_for_load_state()
    story.paths["desk-privacy-case"] = f"/desk/privacy/{code}/"
    one.page.goto("/desk/people/")
    one.page.get_by_label("شماره موبایل یا شناسه مشتری").fill(me.mobile)
    one.page.get_by_label("برای چه کاری؟").first.fill("تماس درباره گزارش")
    one.press("دیدن، با ثبت در دفتر")
    one.page.wait_for_load_state()
    story.states["privacy"] = one.page.context.storage_state()
    story.paths["known-mobile"] = me.mobile


def _at_the_desks(story: Story, one: Staff) -> None:
    """A holiday, a period of force majeure, a version of the terms for next week, and a written permission."""
    house, page = story.house, one.page
    house.at("2026-11-29 11:30")
    page.goto("/desk/calendar/")
    close_a_day(one, "۱۴۰۵/۹/۹")
    one.press(re.compile("^ثبت تعطیلی"))
    page.wait_for_url("**/desk/calendar/?made=*")

    house.at("2026-11-29 12:00")
    declare(one, SNOW)
    one.press("اعلام و ایستاندن شمارش‌ها")
    page.wait_for_url("**/desk/force-majeure/?made=*")
    story.paths["period"] = f"/force-majeure/{page.url.rpartition('=')[2]}/"

    write_terms(one)
    one.press("انتشار نسخه تازه")
    page.wait_for_url("**/desk/terms/?made=*")

    page.goto("/desk/permissions/")
    for label, value in {
        "به چه کسی": "روزنامه نمونه",
        "برای چه استفاده‌ای": "چاپ دو عکس از کالاهای خوشه",
        "از روز": "۱۴۰۵/۹/۸",
        "اثر انگشت سند امضاشده": "ab" * 32,
    }.items():
        page.get_by_label(label, exact=True).fill(value)
    one.press("ثبت مجوز")
    page.wait_for_load_state()


def close_a_day(one: Staff, day: str) -> None:
    one.page.get_by_label("روز", exact=True).fill(day)
    one.page.get_by_label("مناسبت", exact=True).fill("تعطیلی به سبب سرما")
    one.page.get_by_role("textbox", name="منبع").locator("visible=true").fill("مصوبه هیئت دولت، ۸ آذر ۱۴۰۵")
    one.press("دیدن پیامد بستن این روز")


def declare(one: Staff, title: str) -> None:
    page = one.page
    why = "راه‌های غرب کشور بسته است و کالاها به انبار ما نمی‌رسد. تا باز شدن راه‌ها، پردازش سفارش‌ها شدنی نیست."
    page.goto("/desk/force-majeure/")
    for label, value in {
        "نام این دوره": title,
        "امضاکننده": "مینا صادقی، مدیر فروشگاه",
        "از ساعت": "۱۲",
        "متن اعلام": why,
    }.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_text("بندها", exact=True).click()
    page.get_by_role("group", name="دامنه").get_by_label("روز پردازش", exact=True).check()
    one.press("دیدن پیامد اعلام")


def write_terms(one: Staff) -> None:
    """A new version for next Saturday: another number, and another sentence."""
    page = one.page
    page.goto("/desk/terms/")
    box = page.get_by_label("متن نسخه تازه (TOML)")
    text = box.input_value()
    for old, new in (
        ("damage_hours = 24 ", "damage_hours = 36 "),
        ("نسخه‌های پیشین را پاک نمی‌کنیم و همیشه می‌توانید", "نسخه‌های پیشین همیشه می‌مانند و می‌توانید"),
    ):
        assert old in text
        text = text.replace(old, new)
    box.fill(text)
    page.get_by_label("از تاریخ").fill("۱۴۰۵/۹/۱۴")
    page.get_by_label("از ساعت").fill("۸")
    one.press("خواندن و دیدن تفاوت‌ها")


def _dead_letters(story: Story) -> None:
    """A customer whose texts every provider refuses."""
    house = story.house
    assert house.sms is not None
    house.at("2026-11-29 12:10")
    someone = Regular(house)
    already = house.sms.asked["smsir:send/bulk"]
    house.sms.faults(error_200=411, smsir_error_200=104)
    someone.buy()
    someone.buy()
    asked, deadline = house.sms.asked, time.monotonic() + 120
    while asked["smsir:send/bulk"] < 4 + already:
        assert time.monotonic() < deadline, "nobody was asked to send the texts"
        time.sleep(0.1)
    house.sms.faults(error_200=False, smsir_error_200=False)
