"""Every page of accounts, promises and desks, over a shop with four weeks behind it; and their pictures."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import audit, pictures, story
from tests.browser.conftest import DESK, House, open_with_a_clock
from tests.browser.shopper import Shopper
from tests.browser.staff import Staff
from tests.browser.story import Story

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # of looks

Open = Callable[[Page, Story], None]
PAGES: dict[str, tuple[str, Open]] = {}  # name → whose browser, and how to get there
ANSWERS_TO_A_FORM = {
    "account-errors", "email-code", "guardian-asked", "official-ours", "official-not-ours", "privacy-errors",
    "desk-second-factor", "desk-second-factor-errors", "desk-calendar-preview", "desk-calendar-errors",
    "desk-force-majeure-preview", "desk-terms-preview", "desk-terms-errors", "desk-privacy-read", "desk-people-seen",
    "data-unsure",
}  # fmt: skip
NO_PICTURE = {
    "account-errors", "email-code", "official-not-ours", "privacy-errors", "desk-second-factor-errors", "data-unsure",
    "desk-calendar-errors", "desk-terms-errors", "desk-messages-waiting", "desk-privacy-closed", "desk-board-broken",
    "promises-none", "force-majeure-all", "rights", "desk-privacy", "desk-senders", "desk-permissions",
    "guardian-asked", "desk-privacy-read", "desk-force-majeure-end",
}  # fmt: skip
IN_THE_DARK = {"promises", "desk-promises"}


@pytest.fixture(scope="module")
def told(tmp_path_factory, new_database, browser: Browser, browser_context_args: dict[str, Any]):
    """The house, and all that happened in it; its clock stands on the day of the pictures."""
    with open_with_a_clock(tmp_path_factory.mktemp("gallery"), new_database(), "2026-11-03 10:00") as house:
        contexts = []

        def open_page(**context: Any) -> Page:
            contexts.append(browser.new_context(**{**browser_context_args, "base_url": house.url, **DESK, **context}))
            return contexts[-1].new_page()

        yield story.tell(house, open_page)
        for context in contexts:
            context.close()


def page_of(name: str, whose: str = "") -> Callable[[Open], Open]:
    def register(function: Open) -> Open:
        PAGES[name] = (whose, function)
        return function

    return register


def goes_to(whose: str, path: str) -> tuple[str, Open]:
    """Open a path, or the one that the story keeps under a name."""

    def go(page: Page, known: Story) -> None:
        answer = page.goto(path if path.startswith("/") else known.paths[path])
        assert answer and answer.status == 200

    return whose, go


PAGES |= {
    "account": goes_to("customer", "/account/"),
    "account-book": goes_to("customer", "/account/book/"),
    "account-sessions": goes_to("customer", "/account/sessions/"),
    "account-data": goes_to("customer", "/account/data/"),
    "promises": goes_to("customer", "/promises/"),
    "promises-none": goes_to("minor", "/promises/"),
    "order-held": goes_to("customer", "order-held"),
    "order-guardian": goes_to("minor", "minor-asks"),
    "guardian": goes_to("", "guardian"),
    "opt-out": goes_to("", "opt-out"),
    "record": goes_to("", "/record/"),
    "force-majeure": goes_to("", "period"),
    "force-majeure-all": goes_to("", "/force-majeure/"),
    "official": goes_to("", "/official/"),
    "privacy-report": goes_to("customer", "/privacy/report/"),
    "privacy-case": goes_to("", "privacy-case"),
    "rights": goes_to("", "/rights/"),
    "terms-next": goes_to("", "/terms/2/"),
    "terms-difference": goes_to("", "/terms/difference/"),
    "desk-promises": goes_to("manager", "/desk/promises/"),
    "desk-board-broken": goes_to("manager", "/desk/promises/?state=broken"),
    "desk-calendar": goes_to("manager", "/desk/calendar/"),
    "desk-force-majeure": goes_to("manager", "/desk/force-majeure/"),
    "desk-terms": goes_to("manager", "/desk/terms/"),
    "desk-messages": goes_to("manager", "/desk/messages/"),
    "desk-messages-waiting": goes_to("manager", "/desk/messages/?show=waiting"),
    "desk-senders": goes_to("manager", "/desk/senders/"),
    "desk-privacy": goes_to("privacy", "/desk/privacy/"),
    "desk-privacy-closed": goes_to("privacy", "/desk/privacy/?state=closed"),
    "desk-permissions": goes_to("manager", "/desk/permissions/"),
}


# ---- Customers ----


@page_of("account-errors", "customer")
def account_errors(page: Page, _: Story) -> None:
    page.goto("/account/")
    page.get_by_role("textbox", name="ایمیل", exact=True).fill("مریم")
    page.get_by_role("button", name="فرستادن کد تأیید").click()
    expect(page.get_by_role("alert")).to_be_visible()


@page_of("email-code", "minor")
def email_code(page: Page, _: Story) -> None:
    page.goto("/account/")
    page.get_by_role("textbox", name="ایمیل", exact=True).fill("arash@example.ir")
    page.get_by_role("button", name="فرستادن کد تأیید").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ایمیل خود را تأیید کنید")


@page_of("data-unsure", "customer")
def data_unsure(page: Page, _: Story) -> None:
    page.goto("/account/data/")
    page.get_by_role("button", name="بستن حساب و پاک کردن داده‌ها").click()
    expect(page.get_by_role("alert").or_(page.locator(".err"))).not_to_have_count(0)


@page_of("guardian-asked", "minor")
def guardian_asked(page: Page, known: Story) -> None:
    """What the guardian wrote is wrong: the code that was read out."""
    page.goto(known.paths["minor-asks"].partition("?")[0])
    page.get_by_label("کد شش‌رقمی").fill("۰۰۰۰۰۰")
    page.get_by_role("button", name="تأیید با کد").click()
    expect(page.get_by_role("alert")).to_be_visible()


def ask_official(page: Page, known: Story, mark: str) -> None:
    page.goto("/official/")
    page.get_by_label("شناسه پیام").fill(mark)
    page.get_by_role("button", name="سنجیدن شناسه پیام").click()
    expect(page.get_by_role("alert")).to_be_visible()


@page_of("official-ours")
def official_ours(page: Page, known: Story) -> None:
    texts = [row["text"] for row in known.house.messages(known.paths["known-mobile"]) if "شناسه: " in row["text"]]
    ask_official(page, known, texts[0].rpartition("شناسه: ")[2].split()[0])
    expect(page.get_by_role("alert")).to_contain_text("از ما است.")


@page_of("official-not-ours")
def official_not_ours(page: Page, known: Story) -> None:
    ask_official(page, known, "ABCD-EFGH")


@page_of("privacy-errors")
def privacy_errors(page: Page, _: Story) -> None:
    page.goto("/privacy/report/")
    page.get_by_role("button", name="فرستادن گزارش").click()
    expect(page.get_by_role("alert")).to_be_visible()


# ---- Desks ----


@page_of("desk-second-factor")
def second_factor(page: Page, known: Story) -> None:
    known.house.at(story.NOW)
    Staff(known.house, page, "orders").give_number_and_code()


@page_of("desk-second-factor-errors")
def second_factor_errors(page: Page, known: Story) -> None:
    one = Staff(known.house, page, "catalogue")
    one.give_number_and_code()
    one.give_second("000000")
    expect(page.get_by_role("alert")).to_be_visible()


@page_of("desk-calendar-preview", "manager")
def calendar_preview(page: Page, known: Story) -> None:
    page.goto("/desk/calendar/")
    story.close_a_day(Staff(known.house, page, "manager"), "۱۴۰۵/۹/۱۰")
    expect(page.get_by_role("heading", name="چه جابه‌جا می‌شود؟")).to_be_visible()


@page_of("desk-calendar-errors", "manager")
def calendar_errors(page: Page, known: Story) -> None:
    page.goto("/desk/calendar/")
    story.close_a_day(Staff(known.house, page, "manager"), "۱۴۰۵/۹/۹")
    expect(page.get_by_role("alert")).to_be_visible()


@page_of("desk-force-majeure-preview", "manager")
def force_majeure_preview(page: Page, known: Story) -> None:
    story.declare(Staff(known.house, page, "manager"), "قطع سراسری اینترنت")
    expect(page.get_by_role("heading", level=1)).to_have_text("قطع سراسری اینترنت")


@page_of("desk-force-majeure-end", "manager")
def force_majeure_end(page: Page, known: Story) -> None:
    page.goto("/desk/force-majeure/")
    page.get_by_role("link", name="پایان‌دادن").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(story.SNOW)


@page_of("desk-terms-preview", "manager")
def terms_preview(page: Page, known: Story) -> None:
    page.goto("/desk/terms/")
    box = page.get_by_label("متن نسخه تازه (TOML)")
    box.fill(box.input_value().replace("damage_hours = 36 ", "damage_hours = 48 "))
    page.get_by_role("button", name="خواندن و دیدن تفاوت‌ها").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("نسخه تازه در برابر نسخه ۲")


@page_of("desk-terms-errors", "manager")
def terms_errors(page: Page, known: Story) -> None:
    page.goto("/desk/terms/")
    box = page.get_by_label("متن نسخه تازه (TOML)")
    box.fill(box.input_value().replace("damage_hours = 36 ", "damage_hour = 48 "))
    page.get_by_role("button", name="خواندن و دیدن تفاوت‌ها").click()
    expect(page.get_by_role("alert")).to_be_visible()


@page_of("desk-dead-letter", "manager")
def dead_letter(page: Page, known: Story) -> None:
    page.goto("/desk/messages/")
    page.locator(".qrow").first.get_by_role("link").click()
    expect(page.get_by_role("button", name="دوباره بفرست")).to_be_visible()


@page_of("desk-privacy-case", "privacy")
def privacy_case(page: Page, known: Story) -> None:
    page.goto(known.paths["desk-privacy-case"])
    expect(page.get_by_role("button", name="بستن گزارش")).to_be_visible()


@page_of("desk-privacy-read", "privacy")
def privacy_read(page: Page, known: Story) -> None:
    privacy_case(page, known)
    page.get_by_label("برای چه کاری می‌خوانید؟").fill("پیگیری پس از پاسخ")
    page.get_by_role("button", name="خواندن گزارش").click()
    expect(page.locator("p.message").first).to_be_visible()


@page_of("desk-people-seen", "privacy")
def people_seen(page: Page, known: Story) -> None:
    page.goto("/desk/people/")
    page.get_by_label("شماره موبایل یا شناسه مشتری").fill(known.paths["known-mobile"])
    page.get_by_label("برای چه کاری؟").first.fill("مشتری تماس گرفت")
    page.get_by_role("button", name="دیدن، با ثبت در دفتر").click()
    expect(page.get_by_role("heading", name="مریم رستمی")).to_be_visible()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page(name, told: Story, visit, folder_of_pictures):
    whose, go = PAGES[name]
    house: House = told.house
    page: Page = visit(house, **DESK, **({"storage_state": told.states[whose]} if whose else {}))
    go(page, told)
    wrong = audit.wrong_words(page) + audit.misfits(page) + audit.violations(page)
    if folder_of_pictures and name not in NO_PICTURE:
        pictures.take(page, folder_of_pictures, name)
        if name in IN_THE_DARK:
            pictures.take(page, folder_of_pictures, name, dark=True)
    if name not in ANSWERS_TO_A_FORM:
        wrong += audit.first_view(visit(house, **DESK, storage_state=page.context.storage_state()), page.url)
    assert not wrong, "\n".join(wrong)


# Kept last: whoever leaves takes the account along.


def test_the_page_after_an_account_was_closed(told: Story, visit):
    me = Shopper(told.house, visit(told.house, **DESK), told.house.new_mobile())
    me.log_in("/account/data/")
    me.page.get_by_label("می‌خواهم حسابم بسته و داده‌هایم پاک شود.").check()
    me.page.get_by_role("button", name="بستن حساب و پاک کردن داده‌ها").click()
    expect(me.page.get_by_role("heading", level=1)).to_have_text("حساب شما بسته شد.")
    wrong = audit.wrong_words(me.page) + audit.misfits(me.page) + audit.violations(me.page)
    assert not wrong, "\n".join(wrong)
