"""A gateway settles: its report is brought, what is missing is written down, the money comes, the month adds up."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import audit
from tests.browser.conftest import DESK
from tests.browser.shopper import Shopper

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/rooms/test_settlements.py

HEAD = "settlement,terminal,kind,refnum,amount,fee,at"
TERMINAL, ACCOUNT = "00000000-0000-4000-8000-00000000da5e", "IR820540102680020817909002"


def is_whole(page: Page) -> None:
    assert audit.violations(page) == [] and audit.misfits(page) == [] and audit.wrong_words(page) == []
    page.set_viewport_size(DESK["viewport"])


def test_a_month_of_a_gateway_is_closed_at_the_desk(office, shopper, colleague, tmp_path: Path):
    office.at("2027-02-20 10:00")
    me: Shopper = shopper(office, **DESK)
    me.buy("khesht-clay-teapot", "KHT-T2-01")
    rows = [json.loads(line) for line in office.peyman("export", "payments").stdout.splitlines()]
    paid = next(row for row in reversed(rows) if row["state"] == "captured")
    fee = paid["amount"] // 200

    one = colleague(office, "finance", **DESK)
    one.page.goto("/desk/money/settlements/")
    one.reads("قرار تسویه زرین‌پال و پرداخت الکترونیک سامان نوشته نشده است.")
    is_whole(one.page)

    def bring(*lines: str) -> None:
        file = tmp_path / "file.csv"
        file.write_text("\n".join(lines), encoding="utf-8")
        one.page.goto("/desk/money/")
        one.page.get_by_label("فایل", exact=True).set_input_files(file)
        one.press("سنجیدن با دفتر")

    office.at("2027-02-21 12:00")
    at = "2027-02-21T11:00:00+03:30"
    bring(
        HEAD,
        f"S1,{TERMINAL},تسویه,TRF1,{paid['amount'] - fee},,{at}",
        f"S1,{TERMINAL},خرید,{paid['refnum']},{paid['amount']},,{at}",
    )
    one.reads("کارمزد تسویه را نه گزارش می‌گوید و نه قرار")
    is_whole(one.page)
    one.page.get_by_role("link", name="تسویه S1").click()
    one.reads("با آنچه می‌پوشاند نمی‌خواند")
    is_whole(one.page)

    one.page.get_by_label("از روز").fill("۱۴۰۵/۱۲/۰۱")
    one.page.get_by_label("چند روز کاری پس از پرداخت").fill("۱")
    one.page.get_by_label("کارمزد، درصد هر پرداخت").fill("۱۲۰")
    one.press("نوشتن قرار")
    expect(one.page.get_by_role("alert")).to_contain_text("درصد را چنین بنویسید")
    is_whole(one.page)
    one.page.get_by_label("کارمزد، درصد هر پرداخت").fill("۰٫۵")
    one.press("نوشتن قرار")
    one.reads("۱ تسویه که در انتظار کارمزد بود ثبت شد.")

    bring("refnum,terminal,amount,kind,at", f"TRF1,{ACCOUNT},{paid['amount'] - fee},واریز,{at}")
    one.reads("۱ تسویه به حساب ما رسید.")
    is_whole(one.page)

    office.at("2027-02-24 12:00")  # what was bought before by others was never settled
    office.tick()
    one.page.goto("/desk/money/settlements/")
    is_whole(one.page)
    with one.page.expect_download() as coming:
        one.page.get_by_role("link", name="فایل CSV").click()
    assert f",{fee}," in Path(coming.value.path()).read_text("utf-8")
