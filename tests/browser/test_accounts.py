"""People and messages in a real browser: contacts, the newsletter, a minor and a guardian, reports, senders."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import NAME, Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_account_pages.py

both_widths = pytest.mark.parametrize("context", [PHONE, DESK], ids=["at 390 px", "at 1280 px"])
TODAY = "2026-11-28 10:00"  # Saturday, 7 Azar 1405
CODE = re.compile(r"DBC-[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{1,4}")


@pytest.fixture
def newcomer(office, shopper):
    """`newcomer(**context)` is someone new, logged in and welcomed, on the page of the account."""
    office.at(TODAY)

    def come(**context) -> Shopper:
        me: Shopper = shopper(office, **context)
        me.log_in("/account/")
        return me

    return come


def section(page: Page, name: str):
    return page.get_by_role("region", name=name, exact=True)


# ---- Signing up, and the contacts that count ----


@both_widths
@pytest.mark.clause("D02", "D06", "D08")
def test_someone_new_signs_up_and_an_email_counts_only_after_its_code(office, shopper, context):
    office.at(TODAY)
    me: Shopper = shopper(office, **context)
    page = me.page
    page.goto("/account/")
    me.ask_for_code()
    me.type_code()

    # Without an explicit yes to the terms there is no account.
    page.get_by_label("نام و نام خانوادگی").fill(NAME)
    page.get_by_role("button", name="ساختن حساب").click()
    expect(page.get_by_role("alert")).to_contain_text("برای ساختن حساب باید شرایط فروش را بپذیرید")
    me.introduce()
    expect(page.get_by_role("heading", level=1)).to_have_text("حساب من")

    email = f"maryam.{me.mobile}@example.ir"
    page.get_by_role("textbox", name="ایمیل", exact=True).fill(email)
    page.get_by_role("button", name="فرستادن کد تأیید").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ایمیل خود را تأیید کنید")
    me.reads(f"کد را به {email} فرستادیم.")

    # Asked for, and not counted: answers still go to the mobile.
    page.goto("/account/")
    expect(section(page, "ایمیل")).not_to_contain_text("تأییدشده")
    of_email = section(page, "پیشینه راه‌های تماس").get_by_role("row").filter(has_text="ایمیل")
    expect(of_email).to_have_count(1)
    expect(of_email).to_contain_text("کد تأیید خواسته شد")
    page.goto("/privacy/report/")
    me.reads("پاسخ را به نشانی رسمی شما، ۰۹۳۵")

    page.goto("/account/email/code")
    right = office.code(email)
    page.get_by_label("کد شش‌رقمی").fill("000000" if right != "000000" else "111111")
    page.get_by_role("button", name="تأیید", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("هنوز تأیید نشد")
    page.get_by_label("کد شش‌رقمی").fill(right)
    page.get_by_role("button", name="تأیید", exact=True).click()
    expect(page.get_by_role("status").first).to_have_text("ایمیل شما تأیید شد و از این پس نشانی رسمی شماست.")
    expect(section(page, "ایمیل")).to_contain_text("تأییدشده")
    expect(page.get_by_role("textbox", name="ایمیل", exact=True)).to_have_value(email)
    confirmed = of_email.filter(has_text=email)
    expect(of_email).to_have_count(2)
    expect(confirmed).to_contain_text("تأیید شد و نشانی رسمی است")
    expect(confirmed).to_contain_text("شنبه ۷ آذر ۱۴۰۵، ساعت ۱۰")
    page.goto("/privacy/report/")
    me.reads(f"پاسخ را به نشانی رسمی شما، {email}")


# ---- The newsletter ----

SMS = "خبرنامه و پیشنهادها با پیامک"


def choose_news(me: Shopper, wanted: bool) -> None:
    me.page.goto("/account/#news")
    me.page.get_by_label(SMS).set_checked(wanted)
    me.page.get_by_role("button", name="ثبت انتخاب").click()
    expect(me.page.get_by_role("status").first).to_contain_text("انتخاب شما ثبت شد و از همین لحظه اجرا می‌شود.")
    expect(me.page.get_by_label(SMS)).to_be_checked(checked=wanted)


@both_widths
@pytest.mark.clause("D11", "D12")
def test_whoever_opts_out_in_the_account_gets_no_newsletter_from_that_moment(office, newcomer, context):
    me = newcomer(**context)
    expect(me.page.get_by_label(SMS)).not_to_be_checked()
    assert office.post(me.mobile, title="خبر یکم") == "no_marketing_consent", "nobody gets it unasked"
    choose_news(me, True)
    assert office.post(me.mobile, title="خبر دوم") == ""
    office.message(me.mobile, "newsletter")
    choose_news(me, False)
    assert office.post(me.mobile, title="خبر سوم") == "no_marketing_consent"
    assert [row["template"] for row in office.messages(me.mobile)].count("newsletter") == 1


@both_widths
@pytest.mark.clause("D12")
def test_one_click_in_a_newsletter_cancels_it_without_a_log_in(office, newcomer, visit, context):
    me = newcomer(**context)
    choose_news(me, True)
    assert office.post(me.mobile, title="خبر هفته") == ""
    text = office.message(me.mobile, "newsletter")["text"]
    link = re.search(r"لغو خبرنامه: (\S+)", text)
    assert link, text
    elsewhere: Page = visit(office, **context)
    elsewhere.goto(link[1])
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("خبرنامه با پیامک لغو شود؟")
    me.page.goto("/account/")
    expect(me.page.get_by_label(SMS)).to_be_checked(), "programs follow links: reading cancels nothing"
    elsewhere.get_by_role("button", name="لغو خبرنامه").click()
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("خبرنامه با پیامک لغو است.")
    me.page.goto("/account/")
    expect(me.page.get_by_label(SMS)).not_to_be_checked()
    assert office.post(me.mobile, title="خبر دیگر") == "no_marketing_consent"


# ---- A minor and a guardian ----


@both_widths
@pytest.mark.clause("D20")
def test_a_minors_order_waits_for_the_guardian_and_goes_on_after(office, newcomer, visit, context):
    me = newcomer(**context)
    page = me.page
    page.get_by_label("تاریخ تولد (اگر بخواهید)").fill("۱۳۹۲/۴/۵")
    page.get_by_role("button", name="ثبت تاریخ تولد").click()
    expect(page.get_by_role("status").first).to_have_text("تاریخ تولد شما ثبت شد.")

    me.open_variant("chenar-dotted-notebook", "CHN-N3-01")
    me.add_to_cart()
    page.goto("/checkout/")
    me.fill_checkout()
    me.accept_terms()
    me.place()
    page.wait_for_url("**/orders/ORD-*/**")
    me.reads("پرداخت آغاز نشد، چون پدر، مادر یا قیم شما هنوز این سفارش را تأیید نکرده است. پولی گرفته نشد.")
    expect(page.get_by_role("button", name=re.compile("^پرداخت"))).to_have_count(0)
    order = page.url.partition("?")[0]

    guardian = office.new_mobile()
    box = section(page, "تأیید پدر، مادر یا قیم")
    box.get_by_label("نام و نام خانوادگی پدر، مادر یا قیم").fill("زهرا کاظمی")
    box.get_by_label("موبایل او").fill(guardian)
    box.get_by_role("button", name="فرستادن پیامک تأیید").click()
    expect(box).to_contain_text("برای زهرا کاظمی پیامک فرستادیم.")

    link = re.search(r"http\S+/guardian/\S+", office.message(guardian, "guardian_confirmation")["text"])
    assert link
    theirs: Page = visit(office, **context)
    theirs.goto(link[0])
    expect(theirs.get_by_role("heading", level=1)).to_have_text(f"تأیید سفارش {NAME}")
    expect(theirs.get_by_role("table")).to_contain_text("دفتر")
    theirs.get_by_role("button", name="پدر، مادر یا قیم او هستم و تأیید می‌کنم").click()
    expect(theirs.get_by_role("status")).to_contain_text("شما این سفارش را تأیید کردید.")

    page.goto(order)
    me.reads("زهرا کاظمی این سفارش را تأیید کرد.")
    page.get_by_role("button", name=re.compile("^پرداخت")).click()
    me.pay()
    page.wait_for_url("**/orders/ORD-*/")
    assert CODE.search(page.get_by_role("main").inner_text())


# ---- A report of a violation ----


@both_widths
@pytest.mark.clause("D16", "D17")
def test_a_report_gets_a_number_is_taken_answered_and_closed_and_its_reader_is_named(
    office, newcomer, colleague, context
):
    me = newcomer(**context)
    page = me.page
    page.get_by_role("contentinfo").get_by_role("link", name="گزارش نقض حریم خصوصی").click()
    page.get_by_role("button", name="فرستادن گزارش").click()
    expect(page.get_by_role("alert")).to_contain_text("دو مورد مانده است")
    words = "شماره من را در سایت دیگری دیدم، با نام و نشانی سفارش پارسالم."
    page.get_by_label("موضوع").select_option("اطلاعات کسی دیده یا پخش شده است")
    page.get_by_label("چه روی داده است").fill(words)
    page.get_by_role("button", name="فرستادن گزارش").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("گزارش شما")
    code = page.get_by_role("main").locator(".mono").first.inner_text()
    told = office.message(me.mobile, "privacy_received")["text"]
    assert code in told and page.url in told

    one = colleague(office, "privacy", **context)
    one.page.goto("/desk/privacy/")
    one.page.get_by_role("link", name=code).click()
    expect(one.page.get_by_role("button", name="خواندن گزارش")).to_be_visible()
    assert words not in one.page.content()
    one.page.get_by_label("برای چه کاری می‌خوانید؟").fill("رسیدگی به گزارش")
    one.press("خواندن گزارش")
    one.reads(words)
    one.press("برداشتن این گزارش")
    one.page.get_by_label("پاسخ به گزارش‌دهنده").fill("آن سایت داده‌ها را برداشت و ما راه آن را بستیم.")
    one.press("فرستادن پاسخ")
    one.reads("آن سایت داده‌ها را برداشت")
    one.page.get_by_label("نتیجه").select_option("نقض روی داده بود و برطرف شد")
    one.press("بستن گزارش")
    one.reads("بسته شد")

    assert page.url in office.message(me.mobile, "privacy_answered")["text"]
    page.reload()
    me.reads("آن سایت داده‌ها را برداشت و ما راه آن را بستیم.")
    me.reads("نتیجه: نقض روی داده بود و برطرف شد")
    page.goto("/account/data/")
    look = section(page, "چه کسی داده‌های شما را دیده است").get_by_role("row").filter(has_text="رسیدگی به گزارش")
    expect(look).to_contain_text("گزارش حریم خصوصی")
    me.page.goto("/promises/")
    expect(page.locator(".promise.is-kept")).to_contain_text("وفا شد: شنبه ۷ آذر، ساعت ۱۰")


# ---- Is this message ours? ----


@both_widths
@pytest.mark.clause("D13", "D14")
def test_a_message_is_checked_by_its_mark_and_a_forged_one_is_found_out(office, shopper, context):
    office.at(TODAY)
    me: Shopper = shopper(office, **context)
    page = me.page
    page.goto("/login/")
    me.ask_for_code()
    text = office.message(me.mobile, "login_code")["text"]
    mark = re.search(r"شناسه: (\S+)", text)
    assert mark, text
    page.get_by_role("contentinfo").get_by_role("link", name="نشانی‌های رسمی ما").click()

    def check(typed: str, to: str = "") -> None:
        page.get_by_label("شناسه پیام").fill(typed)
        page.get_by_label("به چه شماره یا ایمیلی رسید؟ (اختیاری)").fill(to)
        page.get_by_role("button", name="سنجیدن شناسه پیام").click()

    verdict = page.get_by_role("alert")
    check(mark[1].lower().replace("-", " "), me.mobile)
    expect(verdict).to_contain_text("از ما است.")
    expect(verdict).to_contain_text("شنبه ۷ آذر ۱۴۰۵")
    expect(verdict).to_contain_text("گیرنده آن همین نشانی است.")
    check(mark[1], "09120000101")
    expect(verdict).to_contain_text("از ما نیست.")
    check("ABCD-EFGH")
    expect(verdict).to_contain_text("از ما نیست.")
    page.get_by_label("فرستنده", exact=True).fill("10004347")
    page.get_by_role("button", name="سنجیدن فرستنده").click()
    expect(verdict).to_contain_text("از ما نیست.")
    expect(page.get_by_label("فرستنده", exact=True)).to_have_value("10004347")
