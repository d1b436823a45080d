"""Staff at their desks, and what their customers see of it: the calendar, force majeure, terms, dead letters."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import Shopper
from tests.browser.staff import Staff

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_desks.py

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
WIDTHS = ["at 390 px", "at 1280 px"]


@pytest.fixture
def buyer(office, shopper):
    """`buyer(**context)` has just bought a teapot; its order is promised to be processed within a working day."""

    def come(**context) -> Shopper:
        me: Shopper = shopper(office, **context)
        me.buy("khesht-clay-teapot", "KHT-T2-01")
        return me

    return come


def processing(page: Page):
    return page.locator(".promise").filter(has_text="پردازش سفارش")


# ---- The way in ----


@pytest.mark.parametrize(("context", "hour"), [(PHONE, "2026-11-28 11:00"), (DESK, "2026-11-28 12:00")], ids=WIDTHS)
@pytest.mark.clause("D15")
def test_staff_come_in_by_two_steps_and_find_their_own_desks_only(office, visit, context, hour):
    office.at(hour)
    one = Staff(office, visit(office, **context), "orders")
    one.give_number_and_code()
    one.page.goto("/desk/promises/")
    expect(one.page).to_have_url(re.compile("/login/"))

    one.page.goto("/login/second/")
    right = office.one_time_password("orders")
    one.give_second("000000" if right != "000000" else "111111")
    expect(one.page.get_by_role("alert")).to_contain_text("رمز یک‌بارمصرف درست نیست")
    one.give_second(right)
    one.page.wait_for_url("**/desk/orders/")
    expect(one.tabs.get_by_role("link")).to_have_text(["سفارش‌ها", "قول‌ها", "نشانی‌ها"])
    for other in ("/desk/terms/", "/desk/calendar/", "/desk/people/"):
        answer = one.page.goto(other)
        assert answer and answer.status == 404, other


# ---- A holiday ----


@pytest.mark.parametrize(
    ("context", "saturday", "typed", "before", "after"),
    [
        (PHONE, "2026-12-05", "۱۴۰۵/۹/۱۵", "یکشنبه ۱۵ آذر، ساعت ۱۰", "دوشنبه ۱۶ آذر، ساعت ۱۰"),
        (DESK, "2026-12-12", "۱۴۰۵/۹/۲۲", "یکشنبه ۲۲ آذر، ساعت ۱۰", "دوشنبه ۲۳ آذر، ساعت ۱۰"),
    ],
    ids=WIDTHS,
)
@pytest.mark.clause("D21", "D22")
def test_closing_a_day_moves_what_customers_were_promised_and_says_so(
    office, buyer, colleague, context, saturday, typed, before, after
):
    office.at(f"{saturday} 10:00")
    me = buyer(**context)
    expect(processing(me.page).locator(".due")).to_have_text(f"تا {before}")

    one = colleague(office, "manager", **context)
    one.page.goto("/desk/")
    one.desk("روزهای کاری")

    def close() -> None:
        one.page.get_by_label("روز", exact=True).fill(typed)
        one.page.get_by_label("مناسبت", exact=True).fill("تعطیلی به سبب سرما")
        one.page.get_by_role("textbox", name="منبع").locator("visible=true").fill("مصوبه هیئت دولت")
        one.press("دیدن پیامد بستن این روز")

    close()
    code = me.order_path.strip("/").partition("/")[2]
    row = one.page.get_by_role("row").filter(has_text=code).filter(has_text="پردازش سفارش")
    expect(row).to_contain_text(f"تا {before}")
    expect(row).to_contain_text(f"تا {after}")
    me.page.reload()
    expect(processing(me.page).locator(".due")).to_have_text(f"تا {before}"), "a preview moves nothing"

    one.press(re.compile("^ثبت تعطیلی"))
    one.reads("و قول‌های باز با آن دوباره شمرده شدند.")
    for address in (me.order_path, "/promises/"):
        me.page.goto(address)
        expect(processing(me.page).locator(".due")).to_have_text(f"تا {after}")
        expect(processing(me.page)).to_contain_text(f"موعد با تغییر تعطیلات رسمی از {before} به {after} رفت")

    close()
    expect(one.page.get_by_role("alert")).to_contain_text("از پیش در جدول تعطیل است")
    expect(one.page.get_by_label("مناسبت", exact=True)).to_have_value("تعطیلی به سبب سرما")


# ---- Force majeure ----


@pytest.mark.parametrize(
    ("context", "saturday", "today", "title", "before", "after"),
    [
        (PHONE, "2026-12-19", "۱۴۰۵/۹/۲۸", "برف و بسته‌شدن راه‌ها", "یکشنبه ۲۹ آذر، ساعت ۱۰", "یکشنبه ۲۹ آذر، ساعت ۱۴"),
        (DESK, "2026-12-26", "۱۴۰۵/۱۰/۵", "قطع سراسری اینترنت", "یکشنبه ۶ دی، ساعت ۱۰", "یکشنبه ۶ دی، ساعت ۱۴"),
    ],
    ids=WIDTHS,
)
@pytest.mark.clause("D121")
def test_force_majeure_holds_promises_in_the_open_and_its_end_gives_the_time_back(
    office, buyer, colleague, context, saturday, today, title, before, after
):
    office.at(f"{saturday} 10:00")
    me = buyer(**context)
    expect(processing(me.page).locator(".due")).to_have_text(f"تا {before}")
    code = me.order_path.strip("/").partition("/")[2]

    office.at(f"{saturday} 11:00")
    one = colleague(office, "manager", **context)
    one.page.goto("/desk/")
    one.desk("قوه قهریه")
    for label, value in {
        "نام این دوره": title,
        "امضاکننده": "مینا صادقی، مدیر فروشگاه",
        "از تاریخ": today,
        "از ساعت": "۱۱",
        "متن اعلام": "پردازش سفارش‌ها در این ساعت‌ها شدنی نیست.",
    }.items():
        one.page.get_by_label(label, exact=True).fill(value)
    one.page.get_by_text("بندها", exact=True).click()
    one.page.get_by_role("group", name="دامنه").get_by_label("روز پردازش", exact=True).check()
    one.press("دیدن پیامد اعلام")
    row = one.page.get_by_role("row").filter(has_text=code)
    expect(row).to_contain_text("می‌ایستد")
    one.press("اعلام و ایستاندن شمارش‌ها")
    one.reads("اعلام شد")

    me.page.goto("/promises/")
    expect(processing(me.page).locator(".due")).to_contain_text("ساعت ۱۱ ایستاده است")
    processing(me.page).get_by_role("link", name="قوه قهریه").click()
    expect(me.page.get_by_role("heading", level=1)).to_contain_text(title)
    me.reads("مینا صادقی، مدیر فروشگاه")
    me.reads("برقرار")

    office.at(f"{saturday} 15:00")
    one.page.get_by_role("complementary").locator(".qrow").filter(has_text=title).get_by_role(
        "link", name="پایان‌دادن"
    ).click()
    expect(one.page.get_by_role("row").filter(has_text=code)).to_contain_text(f"تا {after}")
    one.page.get_by_label("چرا پایان یافت؟").fill("کار از سر گرفته شد.")
    one.press("پایان‌دادن از همین لحظه")
    one.reads("پایان یافت")

    me.page.reload()
    me.reads("کار از سر گرفته شد.")
    me.page.goto(me.order_path)
    expect(processing(me.page).locator(".due")).to_have_text(f"تا {after}")
    expect(processing(me.page)).to_contain_text("به سبب قوه قهریه")


# ---- Terms ----


def edit_terms(one: Staff, hours: int) -> int:
    """Write another number of hours for reporting damage into the copy on the desk; return the earlier one."""
    one.page.goto("/desk/")
    one.desk("شرایط")
    box = one.page.get_by_label("متن نسخه تازه (TOML)")
    text = box.input_value()
    found = re.search(r"^damage_hours = (\d+)", text, re.M)
    assert found
    box.fill(text.replace(found[0], f"damage_hours = {hours}"))
    return int(found[1])


def publish(one: Staff) -> int:
    one.press("انتشار نسخه تازه")
    one.page.wait_for_url("**/desk/terms/?made=*")
    return int(one.page.url.rpartition("=")[2])


def acceptances(page: Page) -> list[tuple[int, str]]:
    """Which versions someone accepted and how, as the file of their own data says."""
    page.goto("/account/data/")
    with page.expect_download() as download:
        page.get_by_role("button", name="گرفتن داده‌ها").click()
    file = json.loads(Path(download.value.path()).read_text("utf-8"))
    return [(row["version__number"], row["kind"]) for row in file["acceptances_of_terms"]]


@pytest.mark.parametrize(
    ("context", "saturday", "sunday", "at_once", "later"),
    [
        (PHONE, "2027-01-02", "۱۴۰۵/۱۰/۱۳", 30, 36),
        (DESK, "2027-01-09", "۱۴۰۵/۱۰/۲۰", 42, 48),
    ],
    ids=WIDTHS,
)
@pytest.mark.clause("D01", "D03", "D04", "D05")
def test_new_terms_are_compared_published_and_bind_only_what_comes_after(
    office, buyer, colleague, context, saturday, sunday, at_once, later
):
    office.at(f"{saturday} 10:00")
    me = buyer(**context)
    one = colleague(office, "manager", **context)

    # At once: staff see the difference first, and then everybody does.
    before = edit_terms(one, at_once)
    one.press("خواندن و دیدن تفاوت‌ها")
    one.reads("از همان لحظه انتشار اجرا می‌شود.")
    changed = one.page.get_by_role("region", name="عددهایی که عوض شد").get_by_role("row").last
    expect(changed.locator("del")).to_have_text(str(before).translate(PERSIAN))
    expect(changed.locator("ins")).to_have_text(str(at_once).translate(PERSIAN))
    number = publish(one)
    old, new, next_one = (str(n).translate(PERSIAN) for n in (number - 1, number, number + 1))

    # The reader goes on, and is told; going on is accepting, but never the explicit yes of an order.
    me.page.goto("/account/")
    banner = me.page.get_by_role("status").filter(has_text="شرایط فروش عوض شده است")
    expect(banner).to_contain_text(f"نسخه {new} در حال اجراست")
    assert (number, "implied") not in acceptances(me.page)
    me.page.goto("/account/")
    me.page.get_by_role("button", name="ثبت نام").click()
    assert (number, "implied") in acceptances(me.page)
    assert (number, "order") not in acceptances(me.page)
    banner.get_by_role("link", name="دیدن تفاوت‌ها").click()
    expect(me.page.get_by_role("heading", level=1)).to_have_text(f"از نسخه {old} به {new} چه عوض شد؟")
    clause = me.page.get_by_role("region", name="بندهایی که عوض شد")
    expect(clause.locator("del")).to_have_text(str(before).translate(PERSIAN))
    expect(clause.locator("ins")).to_have_text(str(at_once).translate(PERSIAN))
    me.page.goto("/terms/")
    versions = me.page.get_by_role("navigation", name="نسخه‌ها").get_by_role("link")
    expect(versions.filter(has_text=f"{new}، در حال اجرا")).to_have_count(1)
    expect(versions).to_have_count(number)

    # What was ordered before stays under its own version; what is ordered now comes under the new one.
    me.page.goto(me.order_path)
    me.reads(f"شما شرایط فروش نسخه {old} را پذیرفته‌اید")
    me.open_variant("khesht-clay-teapot", "KHT-T2-01")
    me.add_to_cart()
    me.page.goto("/checkout/")
    me.fill_checkout()
    me.accept_terms()
    me.place()
    me.pay()
    me.page.wait_for_url("**/orders/ORD-*/")
    me.reads(f"شما شرایط فروش نسخه {new} را پذیرفته‌اید")

    # And one for tomorrow: it is announced, and does not bind before its hour.
    edit_terms(one, later)
    one.page.get_by_label("از تاریخ").fill(sunday)
    one.page.get_by_label("از ساعت").fill("۸")
    one.press("خواندن و دیدن تفاوت‌ها")
    one.reads("ساعت ۸ اجرا می‌شود.")
    assert publish(one) == number + 1
    me.page.goto(f"/terms/{number + 1}/")
    me.reads("هنوز اجرا نشده است")
    me.page.goto("/terms/")
    me.reads(f"نسخه {new}، از")
    office.at(f"{saturday[:8]}{int(saturday[8:]) + 1:02d} 08:00")
    me.page.goto("/terms/")
    me.reads(f"نسخه {next_one}، از")


# ---- Dead letters ----


@pytest.mark.parametrize(("context", "hour"), [(PHONE, "2026-11-28 13:00"), (DESK, "2026-11-28 14:00")], ids=WIDTHS)
@pytest.mark.clause("D10")
def test_a_message_that_every_provider_refused_waits_on_the_desk_and_is_sent_again(
    office, shopper, colleague, context, hour
):
    office.at(hour)
    me: Shopper = shopper(office, **context)
    me.place_order("khesht-clay-teapot", "KHT-T2-01")
    one = colleague(office, "manager", **context)
    office.sms.faults(error_200=411, smsir_error_200=104)
    try:
        me.pay()
        me.page.wait_for_url("**/orders/ORD-*/")
        one.page.goto("/desk/messages/")
        dead = one.page.locator(".qrow").filter(has_text=f"کد سبد خرید به ۰۹۳۵***{me.mobile[-4:].translate(PERSIAN)}")
        one.reload_until(dead)
    finally:
        office.sms.faults(error_200=False, smsir_error_200=False)
    expect(dead).to_contain_text("ارائه‌دهنده آن را برای همیشه نپذیرفت")
    dead.get_by_role("link").click()
    one.press("دوباره بفرست")
    assert "DBC-" in office.message(me.mobile, "cart_code")["text"]
    one.page.goto("/desk/messages/")
    expect(dead).to_have_count(0)
