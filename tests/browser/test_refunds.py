"""Money that no gateway gives back: from the withdrawal to the bank's statement, and what each sees of it."""

import re

import pytest
from playwright.sync_api import expect

from peyman.kernel.text import persian_digits
from tests.browser import audit
from tests.browser.conftest import DESK, PHONE
from tests.browser.shopper import NAME, Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/rooms/test_paya.py

SHEBA = "IR27 0170 0000 0010 0324 2000 01"
WIDTHS = ["at 390 px", "at 1280 px"]


@pytest.mark.parametrize(
    ("context", "day", "due"),
    [(PHONE, "2027-01-16", "دوشنبه ۲۸ دی، ساعت ۱۲"), (DESK, "2027-01-30", "دوشنبه ۱۲ بهمن، ساعت ۱۲")],
    ids=WIDTHS,
)
@pytest.mark.clause("D30", "D35")
def test_money_finds_its_way_to_the_account_that_the_customer_declared(
    office, shopper, colleague, tmp_path, context, day, due
):
    office.at(f"{day} 10:00")
    me: Shopper = shopper(office, **context)
    me.open_variant("khesht-clay-teapot", "KHT-T2-01")
    me.add_to_cart()
    me.log_in()
    me.fill_checkout()
    me.page.get_by_label("سامان").check(force=True)
    me.accept_terms()
    me.place()
    me.reach_bank()
    me.page.get_by_role("button", name="پرداخت").click()
    me.page.get_by_role("button", name="بازگشت به فروشگاه").click()
    me.page.wait_for_url("**/orders/ORD-*/")
    order = me.page.url.rstrip("/").rpartition("/")[2]

    # Two hours later no bank reverses any more, and this one has no refunds.
    office.at(f"{day} 12:00")
    me.page.reload()
    me.page.get_by_text("انصراف از سفارش", exact=True).click()
    me.page.get_by_role("button", name=re.compile("^انصراف از سفارش")).click()
    for _ in range(3):
        office.tick()
    asked = office.message(me.mobile, "refund_account")
    assert due in asked["text"]
    me.page.reload()
    expect(me.page.get_by_role("link", name="نوشتن شماره شبا")).to_be_visible()
    expect(me.page.locator(".promise").filter(has_text="در راه بازگشت").locator(".due")).to_contain_text(f"تا {due}")
    me.page.get_by_role("link", name="نوشتن شماره شبا").click()
    assert audit.violations(me.page) == [] and audit.misfits(me.page) == [] and audit.wrong_words(me.page) == []
    me.page.set_viewport_size(context["viewport"])
    box = me.page.get_by_label("شماره شبا به نام خودتان")
    box.fill("IR27 0170 0000 0010 0324 2000 02")
    me.page.get_by_role("button", name="ثبت شماره شبا").click()
    expect(me.page.get_by_role("alert")).to_contain_text("این شماره شبا درست نیست")
    box.fill(persian_digits(SHEBA))
    me.page.get_by_role("button", name="ثبت شماره شبا").click()
    me.reads("حساب شما ثبت شد و به نشانی‌های رسمی شما خبر دادیم.")
    me.reads("بانک ملی ایران")

    # Finance sees whose it is, makes a batch and hands it in.
    one = colleague(office, "finance", **context)
    one.page.goto(f"/desk/refunds/?q={order}")
    assert audit.violations(one.page) == [] and audit.misfits(one.page) == [] and audit.wrong_words(one.page) == []
    one.page.set_viewport_size(context["viewport"])
    one.page.get_by_role("region", name="آنچه بدهکاریم").get_by_role("link").first.click()
    expect(one.page.get_by_text("در انتظار دیدن نام صاحب حساب")).to_be_visible()
    one.press("دیدن شماره برای استعلام")
    expect(one.page.get_by_text("IR270170000000100324200001")).to_be_visible()
    one.page.get_by_label("نامی که استعلام بانک نشان داد").fill("شرکت دیگر")
    one.press("نام صاحب حساب را دیدم")
    expect(one.page.get_by_role("alert")).to_contain_text("این نام با نام مشتری یکی نیست")
    one.page.get_by_label("نامی که استعلام بانک نشان داد").fill(f"خانم {NAME}")
    one.press("نام صاحب حساب را دیدم")
    one.reads("نام صاحب حساب ثبت شد")
    assert audit.violations(one.page) == [] and audit.misfits(one.page) == [] and audit.wrong_words(one.page) == []
    one.page.set_viewport_size(context["viewport"])
    one.page.goto("/desk/refunds/batches/new")
    assert audit.violations(one.page) == [] and audit.misfits(one.page) == []
    one.page.set_viewport_size(context["viewport"])
    one.press("ساختن دسته از برگزیده‌ها")
    one.press(re.compile("^تأیید دسته"))
    one.reads("دسته تأیید شد و دیگر عوض نمی‌شود.")
    assert audit.violations(one.page) == [] and audit.misfits(one.page) == [] and audit.wrong_words(one.page) == []
    one.page.set_viewport_size(context["viewport"])
    with one.page.expect_download() as coming:
        one.press("گرفتن فایل پایا (ccti)")
    file = tmp_path / "batch.ccti"
    coming.value.save_as(file)
    text = file.read_text("utf-8")
    assert coming.value.suggested_filename.endswith(".ccti") and "<IBAN>IR270170000000100324200001</IBAN>" in text
    reference, amount = (re.findall(rf"<{tag}[^>]*>(\d+)</", text)[0] for tag in ("InstrId", "InstdAmt"))

    # The bank's statement says that it was paid.
    statement = tmp_path / "bank.csv"
    source = re.findall(r"<IBAN>(IR\d+)</IBAN>", text)[0]
    statement.write_text(
        f"refnum,terminal,amount,kind,at\n{reference},{source},{amount},transfer,{day}T13:00:00+03:30\n"
    )
    office.at(f"{day} 14:00")
    done = office.peyman("reconcile", "--statement", str(statement), "--json")
    assert done.returncode == 0, done.stdout
    one.page.goto(f"/desk/refunds/?done=1&q={order}")
    expect(one.page.get_by_role("region", name="انجام‌شده‌ها").locator(".qrow")).to_have_count(1)
    one.page.get_by_role("region", name="انجام‌شده‌ها").get_by_role("link").first.click()
    one.reads("بانک حواله")
    assert audit.violations(one.page) == [] and audit.misfits(one.page) == [] and audit.wrong_words(one.page) == []
    me.page.goto("/account/refunds/")
    me.reads("تومان برگشت.")
    assert reference in me.page.content()
    assert office.message(me.mobile, "refund_done")["text"].count(reference) + 1
