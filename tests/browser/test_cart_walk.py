"""One person's cart on a phone and on a desktop, and the desk that sees who reads too much."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import audit, pictures
from tests.browser.conftest import DESK, PHONE, House
from tests.browser.shopper import Shopper
from tests.browser.staff import Staff
from tests.conftest import REPO

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # of looks; the cart itself: tests/rooms/test_carts.py

LAMP, READER, PHONES = "PRT-L3-01", "AVD-A6-01", "NGM-H20-01"
OFFER = """
from peyman.shop.catalog.models import Variant
Variant.objects.filter(sku="AVD-A6-01").update(offer_until="2026-11-28T10:44:00+00:00")
"""
READERS = """
from datetime import UTC, datetime
from peyman.shop.licences.models import ReaderMinute
at = datetime(2026, 11, 28, 6, 59, tzinfo=UTC)
rows = [
    ["b5f1", "5.112.44.x", [310, 90, 22, 0], 40],
    ["a5f1", "5.112.44.x", [420, 130, 31, 0], 0],
    ["s77c", "2a01:5ec0:1234:…", [0, 210, 0, 0], 0],
    ["cgooglebot", "googlebot", [12, 96, 0, 0], 0],
]
ReaderMinute.objects.create(process="walk", minute_at=at, total=1321, readers=rows)
"""


def let(house: House, told: str) -> None:
    """Let something be so in the shop's tables, from a process of its own."""
    code = f"import django\ndjango.setup()\n{told}"
    environment = {**house.peyman.environment, "DJANGO_SETTINGS_MODULE": "peyman.config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=REPO, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def told(page: Page) -> Locator:
    """What the page says of what was just done."""
    return page.get_by_role("main").locator(".notice[role=status]").first


def fit(page: Page) -> None:
    audit.fit(page, back=True)


def show(page: Page, folder: Path | None, name: str, *, dark: bool = False) -> None:
    if folder:
        pictures.take(page, folder, name, dark=dark)
        page.emulate_media(color_scheme="light")


@pytest.fixture
def restocked(office: House) -> Iterator[None]:
    yield
    office.supply(AVD_A6_01=(98_400_000, 7), NGM_H20_01=(42_500_000, 12), PRT_L3_01=(8_650_000, 60))


@pytest.mark.clause("D54", "D56", "D58", "D59", "D118")
def test_one_cart_on_two_devices_tells_what_was_and_is_and_what_is_scarce(
    office: House,
    shopper: Callable[..., Shopper],
    visit: Callable[..., Page],
    folder_of_pictures: Path | None,
    restocked: None,
) -> None:
    office.at("2026-11-28 10:00")
    desktop: Shopper = shopper(office, **DESK)
    desktop.open_variant("avand-a6-e-reader", READER)
    desktop.add_to_cart()
    expect(told(desktop.page)).to_contain_text("به سبد افزوده شد")
    desktop.log_in("/cart/")
    expect(desktop.page.locator(".line")).to_have_count(1)

    # A visitor's cart on the phone joins the person's at log-in.
    phone = Shopper(office, visit(at=office, **PHONE), desktop.mobile)
    for slug, sku in (("parto-l3-reading-lamp", LAMP), ("naghmeh-h20-wireless-headphones", PHONES)):
        phone.open_variant(slug, sku)
        phone.add_to_cart()
    office.at("2026-11-28 10:10")
    phone.page.goto("/login/?next=/cart/")
    before = len([row for row in office.messages(phone.mobile) if row["template"] == "login_code"])
    phone.ask_for_code()
    office.message(phone.mobile, "login_code", after=before)
    phone.type_code()
    page = phone.page
    expect(page.locator(".line")).to_have_count(3)

    # Meanwhile one became cheaper and is offered until an hour, one dearer and few, one is gone.
    office.supply(AVD_A6_01=(89_000_000, 7), PRT_L3_01=(9_900_000, 3), NGM_H20_01=(42_500_000, 0))
    let(office, OFFER)
    office.at("2026-11-28 12:00")
    page.reload()
    reader, lamp, gone = page.locator(".line").all()
    page.get_by_role("heading", name="سبد خرید", level=1).wait_for()
    expect(page.get_by_text("۱ کالا ارزان‌تر، ۱ کالا گران‌تر و ۱ کالا ناموجود")).to_be_visible()
    expect(reader).to_contain_text("ارزان‌تر شد. ۹٬۸۴۰٬۰۰۰")
    expect(reader).to_contain_text("اکنون ۸٬۹۰۰٬۰۰۰ تومان")
    expect(reader.get_by_role("timer")).to_have_text("۲ ساعت و ۱۴ دقیقه مانده")
    expect(lamp).to_contain_text("تنها ۳ عدد مانده")
    expect(gone).to_contain_text("ناموجود شد و در مبلغ سبد نیست")
    fit(page)
    show(page, folder_of_pictures, "cart-changed")
    show(page, folder_of_pictures, "cart-changed", dark=True)

    # Told once. The clock goes on by what the server says, in place.
    page.reload()
    office.at("2026-11-28 12:41")
    page.evaluate("() => htmx.ajax('GET', '/cart/clocks', {swap: 'none'})")
    expect(page.get_by_role("timer")).to_have_text("۱ ساعت و ۳۳ دقیقه مانده")

    # Another way of carriage changes its own row and the button.
    page.get_by_text("شیوه‌های ارسال و هزینه هر یک").click()
    page.get_by_role("group", name="شیوه ارسال").get_by_role("link").nth(1).click()
    page.wait_for_url("**/cart/?carrier=*")

    # The desktop changes a number; the phone, which shows the old one, is told.
    desktop.page.goto("/cart/")
    desktop.page.get_by_role("button", name="یکی بیشتر از چراغ").click()
    page.get_by_role("button", name="یکی بیشتر از چراغ").click()
    expect(told(page)).to_contain_text("این سبد در دستگاه دیگری هم عوض شده بود")

    # What sold out waits below; what was taken out comes back at a press.
    page.get_by_role("button", name="کنار گذاشتن هدفون").click()
    expect(page.get_by_role("region", name="بعداً می‌خرم")).to_contain_text("ناموجود")
    page.get_by_role("button", name="یکی کمتر از چراغ").click()
    page.get_by_role("button", name="برداشتن چراغ").click()
    expect(page.locator("article.line")).to_have_count(2)
    fit(page)
    show(page, folder_of_pictures, "cart-undo")
    page.get_by_role("button", name="برگرداندن", exact=True).click()
    expect(page.locator("article.line")).to_have_count(3)


@pytest.mark.clause("D19")
def test_staff_see_who_reads_too_much_shut_them_out_and_grant_a_licence(
    office: House, colleague: Callable[..., Staff], folder_of_pictures: Path | None
) -> None:
    office.at("2026-11-28 10:30")
    let(office, READERS)
    page: Any = colleague(office, "manager", **DESK).page
    page.goto("/desk/readers/")
    expect(page.get_by_role("row").filter(has_text="یک مرورگر")).to_contain_text("۴۰ بار")
    fit(page)
    show(page, folder_of_pictures, "desk-readers")
    row = page.get_by_role("row").filter(has_text="یک مرورگر")
    row.get_by_text("بستن", exact=True).click()
    row.get_by_label("سبب").fill("برداشت فهرست، بی‌اجازه")
    row.get_by_role("button", name="بستن خواندن کالاها").click()
    expect(told(page)).to_contain_text("خواندن بسته شد")
    fit(page)

    page.get_by_role("link", name="مجوزهای برداشت").click()
    for label, typed in (
        ("به چه کسی", "مقایسه قیمت آسمان"),
        ("برای چه استفاده‌ای", "نمایش قیمت در سایت مقایسه"),
        ("راه رسیدن به او", "tech@aseman.example"),
        ("تا چند روز", "۹۰"),
    ):
        page.get_by_label(label).fill(typed)
    page.get_by_role("button", name="دادن مجوز").click()
    expect(page.get_by_role("alert")).to_contain_text("یک مورد")
    page.get_by_label("روزی چند کالا").fill("۵۰۰۰۰")
    page.get_by_role("button", name="دادن مجوز").click()
    expect(page.locator("code.key")).to_have_text(re.compile(r"^pyl_[\w-]{43}$"))
    fit(page)
    show(page, folder_of_pictures, "desk-licences")
