"""A number that is lost, in a real browser: another one takes its place after three days, or the owner stops it."""

import re

import pytest
from playwright.sync_api import Page, expect

from peyman.kernel.text import persian_digits
from tests.browser import pictures
from tests.browser.audit import fit
from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import NAME, Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_lost_line_pages.py

both_widths = pytest.mark.parametrize("context", [PHONE, DESK], ids=["at 390 px", "at 1280 px"])
TODAY = "2026-11-28 10:00"  # Saturday, 7 Azar 1405
AFTER_THREE_DAYS = "2026-12-01 10:01"


@pytest.fixture
def owner(office, shopper):
    """`owner(**context)` has an account with a confirmed e-mail address, and is logged in: who, and the address."""
    office.at(TODAY)

    def come(**context) -> tuple[Shopper, str]:
        me: Shopper = shopper(office, **context)
        me.log_in("/account/")
        email = f"maryam.{me.mobile}@example.ir"
        me.page.get_by_role("textbox", name="ایمیل", exact=True).fill(email)
        me.page.get_by_role("button", name="فرستادن کد تأیید").click()
        me.page.get_by_label("کد شش‌رقمی").fill(office.code(email))
        me.page.get_by_role("button", name="تأیید", exact=True).click()
        me.page.wait_for_url("**/account/?email*")
        return me, email

    return come


def codes(office, email: str) -> list[dict]:
    """The codes in a mailbox; others may write to it, too."""
    return [row for row in office.messages(email) if row["template"] == "contact_code"]


def ask(page: Page, office, old: str, email: str, new: str, folder=None) -> None:
    """From the log-in to the day that is told, by the codes of the e-mail address and of the new line."""
    page.goto("/login/")
    page.get_by_role("link", name="شماره پیشین را ندارم").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("شماره پیشین را ندارم")
    page.get_by_role("button", name="فرستادن کد به ایمیل").click()
    expect(page.get_by_role("alert")).to_be_visible()
    fit(page)
    page.get_by_label("شماره گم‌شده").fill(persian_digits(old))
    page.get_by_label("ایمیل تأییدشده حساب").fill(email)
    if folder:
        pictures.take(page, folder, "lost-line")
    (first,) = codes(office, email)  # the clock stands: which of two codes is newer, the inbox cannot tell
    page.get_by_role("button", name="فرستادن کد به ایمیل").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("ایمیل را بسنجید")
    office.message(email, "contact_code", after=1)
    (second,) = [row["code"] for row in codes(office, email) if row["id"] != first["id"]]
    page.get_by_label("کد شش‌رقمی نامه").fill(second)
    page.get_by_label("شماره تازه").fill(persian_digits(new))
    fit(page)
    page.get_by_role("button", name="تأیید ایمیل و فرستادن کد به شماره تازه").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("شماره تازه را بسنجید")
    page.get_by_label("کد شش‌رقمی پیامک").fill(office.code(new))
    fit(page)
    page.get_by_role("button", name="تأیید شماره تازه").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("درخواست شما ثبت شد")
    expect(page.get_by_role("main")).to_contain_text("سه‌شنبه ۱۰ آذر ۱۴۰۵، ساعت ۱۰")
    fit(page)


@both_widths
@pytest.mark.clause("D08", "D15")
def test_a_lost_number_is_changed_after_three_days_and_ends_every_session(
    office, owner, shopper, visit, folder_of_pictures, context
):
    me, email = owner(**context)
    new = office.new_mobile()
    ask(visit(office, **context), office, me.mobile, email, new, folder_of_pictures if context is DESK else None)
    told = [office.message(to, "mobile_change_asked")["text"] for to in (me.mobile, email)]
    assert all("سه‌شنبه ۱۰ آذر، ساعت ۱۰" in text for text in told)
    me.page.goto("/account/")
    expect(me.page.get_by_role("status").first).to_contain_text("شماره این حساب سه‌شنبه ۱۰ آذر ۱۴۰۵، ساعت ۱۰ عوض می‌شود")

    office.at(AFTER_THREE_DAYS)
    office.tick()
    me.page.goto("/account/")
    me.page.wait_for_url("**/login/**")
    again: Shopper = shopper(office, **context)
    again.mobile = new
    again.page.goto("/login/?next=/account/")
    sent = len([row for row in office.messages(new) if row["template"] == "login_code"])
    again.ask_for_code()
    again.page.get_by_label("کد شش‌رقمی").fill(office.message(new, "login_code", after=sent)["code"])
    again.page.get_by_role("button", name="ورود به حساب").click()
    expect(again.page.get_by_role("heading", level=1)).to_have_text("حساب من")
    expect(again.page.get_by_label("نام و نام خانوادگی")).to_have_value(NAME)


@both_widths
@pytest.mark.clause("D08", "D15")
def test_the_owner_stops_the_change_by_the_link_in_the_message(office, owner, visit, context):
    me, email = owner(**context)
    ask(visit(office, **context), office, me.mobile, email, office.new_mobile())
    link = re.search(r"/lost/\S+", office.message(me.mobile, "mobile_change_asked")["text"])
    assert link
    elsewhere: Page = visit(office, **context)
    elsewhere.goto(link[0])
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("جلوی عوض شدن شماره گرفته شود؟")
    fit(elsewhere)
    elsewhere.get_by_role("button", name="من نخواسته‌ام؛ جلوی آن را بگیرید").click()
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("عوض شدن شماره ایستاد.")
    fit(elsewhere)

    office.at(AFTER_THREE_DAYS)
    office.tick()
    me.page.goto("/account/")
    expect(me.page.get_by_role("status").first).to_contain_text("عوض شدن شماره این حساب ایستاده است")
    fit(me.page)
