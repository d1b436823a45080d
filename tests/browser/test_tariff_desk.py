"""The desk of the tariff in Chromium: what must hold of every page, and the pictures of it."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import audit, pictures
from tests.browser.conftest import DESK, House
from tests.browser.staff import Staff
from tests.conftest import SHARED, Peyman

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_tariff_desk.py

PAGES = ["", "?range=all", "drift/", "snapshots/", "address/", "edges/", "guard/", "requests/"]
STORY = "/desk/tariff/?from=1399/9/1&to=1402/7/20&mark=1402/4/4 پوزش؛ 1402/2/10 ثبت ۳۲ بازه"
DATA = SHARED / "data" / "tariff"


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[House]:
    """A house with the sample network and registry, its clock standing."""
    folder = tmp_path_factory.mktemp("network")
    clock = folder / "clock"
    clock.write_text("2026-11-28T06:30:00+00:00")
    peyman = Peyman(
        folder, new_database(), PEYMAN_SANDBOX="1", PEYMAN_CLOCK_FILE=str(clock), PEYMAN_REGISTRANT="bazargah.example"
    )
    with peyman.up("--tariff-sample") as run:
        house = House(peyman, run["url"], run["inbox_url"], run["bank_url"], run["staff"])
        house.tick()
        yield house


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_desk_is_fit_for_everybody(
    network: House, colleague: Callable[..., Staff], path: str
) -> None:
    page = colleague(network, "tariff", **DESK).page
    page.goto(f"/desk/tariff/{path}")
    look(page)


def test_one_list_one_address_and_one_request_are_fit_for_everybody(
    network: House, colleague: Callable[..., Staff]
) -> None:
    staff = colleague(network, "tariff", **DESK)
    page = staff.page
    page.goto("/desk/tariff/snapshots/?state=quarantined")
    page.locator("a.qrow").first.click()
    staff.reads("چرا سالم نبود")
    look(page)
    page.goto("/desk/tariff/address/?address=2.181.7.3")
    staff.reads("هیچ ردیفی این نشانی را در بر نمی‌گیرد")
    look(page)
    page.goto("/desk/tariff/address/?address=x")
    look(page)
    page.goto("/desk/tariff/requests/")
    staff.press("ساختن فایل درخواست")
    staff.reads("آماده تحویل")
    look(page)


@pytest.mark.clause("B02", "B07")
def test_the_guard_is_asked_kept_dark_and_refuses_what_is_not_admitted(
    network: House, colleague: Callable[..., Staff]
) -> None:
    staff = colleague(network, "tariff", **DESK)
    page = staff.page
    page.goto("/desk/tariff/guard/")
    staff.reads("روشن برای ۲ از ۳ اپراتور")
    page.get_by_label("فایل", exact=True).fill("apps/ir.example/12.apk")
    page.get_by_label("نشانی کاربر").fill("2.144.3.7")
    staff.press("پرسیدن از نگهبان")
    staff.reads("این دانلود برای شما نیم‌بها حساب می‌شود.")
    look(page)
    page.get_by_label("نشانی کاربر").fill("10.0.0.1")
    staff.press("پرسیدن از نگهبان")
    staff.reads("نشانی کاربر خصوصی یا ویژه است")
    page.get_by_label("نام تحویل").fill("راه")
    page.get_by_label("فایل‌ها").fill("road/*")
    page.get_by_label("شبکه‌ها").fill("راه‌نت نمونه")
    staff.press("ثبت این تحویل")
    staff.reads("نشانی‌هایی که پذیرفته نیست")
    look(page)
    page.get_by_label("خاموش ثبت شود، چون").fill("ثبتش در راه است")
    staff.press("ثبت این تحویل")
    staff.reads("تحویل ثبت شد.")
    look(page)


def test_a_first_view_of_the_desk_stays_in_the_budget(network: House, colleague: Callable[..., Staff]) -> None:
    page = colleague(network, "tariff", **DESK).page
    assert audit.first_view(page, f"{network.url}/desk/tariff/") == []


def test_the_desk_is_taken_for_the_folder_of_pictures(
    network: House, colleague: Callable[..., Staff], folder_of_pictures: Path | None
) -> None:
    page = colleague(network, "tariff", **DESK).page
    for name, path in (("tariff", ""), ("tariff-drift", "drift/"), ("tariff-snapshots", "snapshots/")):
        page.goto(f"/desk/tariff/{path}")
        expect(page.locator("h1")).to_have_count(1)
        if folder_of_pictures:
            pictures.take(page, folder_of_pictures, name)
    page.goto("/desk/tariff/")
    if folder_of_pictures:
        pictures.take(page, folder_of_pictures, "tariff", dark=True)


def look(page: Page) -> None:
    assert audit.wrong_words(page) == []
    assert audit.misfits(page) == []
    assert audit.violations(page) == []


# ---- The market's own story ----


@pytest.fixture
def market(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[House]:
    """A house that remembers the market's rows of 2023, brought by the commands that an operator uses."""
    if not DATA.is_dir():
        pytest.skip("The project's data are not here.")
    folder = tmp_path_factory.mktemp("market")
    clock = folder / "clock"
    clock.write_text("2023-09-23T12:30:00+00:00")
    peyman = Peyman(
        folder, new_database(), PEYMAN_SANDBOX="1", PEYMAN_CLOCK_FILE=str(clock),
        PEYMAN_REGISTRANT="cafebazaar.ir,cafebazaar.cloud",
    )  # fmt: skip
    lists, edges = folder / "lists", folder / "edges.csv"
    lists.mkdir()
    write_lists(lists, until="2023-09-23")
    write_edges(edges)
    with peyman.up() as run:
        house = House(peyman, run["url"], run["inbox_url"], run["bank_url"], run["staff"])
        for command in (
            ("registry", "import", str(lists), "--source", "آینه فهرست ملی"),
            ("edges", "import", str(edges)),
        ):
            done = peyman(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        house.tick()
        yield house


def write_lists(folder: Path, until: str) -> None:
    """Each list as the mirror had it: the market's rows that it held on that day, in the columns of a snapshot."""
    rows = _market()
    for snapshot in csv.DictReader((DATA / "registry_snapshots.csv").read_text().splitlines()):
        day = snapshot["snapshot_date"]
        if day > until:
            continue
        with (folder / f"{day}.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row for row in rows if row["first_seen"] <= day <= row["last_seen"])


COLUMNS = ["name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali"]
INVENTED = "نمونه؛ فهرست ملی نمی‌گوید از کی، پس آغاز سرورهای تازه ساختگی است"


def write_edges(file: Path) -> None:
    """Old ranges serve from their due date, the 36 of spring 1402 from an invented earlier day."""
    since: dict[str, str] = {}
    for row in sorted(_market(), key=lambda row: row["due_date"]):
        if "/app/" not in row["name_as_entered"] and row["update_date"] < "2024":
            since.setdefault(row["ip_network"], "2021-06-22" if row["update_date"] > "2023" else row["due_date"])
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["cdn", "prefix", "valid_from", "valid_to", "source"])
        writer.writerows(["نمونه", prefix, day, "", INVENTED] for prefix, day in since.items())
    assert list(since.values()).count("2021-06-22") == 36


def _market() -> list[dict[str, Any]]:
    return list(csv.DictReader((DATA / "registry_market_cafebazaar.csv").read_text().splitlines()))


def test_the_markets_story_of_three_years_is_seen_at_a_glance(
    market: House, colleague: Callable[..., Staff], folder_of_pictures: Path | None
) -> None:
    staff = colleague(market, "tariff", **DESK)
    page = staff.page
    page.goto(STORY)
    staff.reads("۲ سال و ۴ ماه بی هیچ ثبت تازه؛ در این میان ۳۶ بازه بی مدرک ثبت به فایل‌دادن آغاز کرد.")
    staff.reads("۴۹ از ۴۹")
    headings = page.locator(".story h3").all_inner_texts()
    assert [re.sub(r"\s+", " ", text).strip().partition("سرگذشت")[0].strip() for text in headings[1:3]] == [
        "۳۲ بازه با همین",
        "۴ بازه با همین",
    ]
    staff.reads("موعد ۱۵ اردیبهشت ۱۴۰۲")
    staff.reads("موعد ۱۵ خرداد ۱۴۰۲")
    look(page)
    page.goto(STORY)
    if folder_of_pictures:
        pictures.take(page, folder_of_pictures, "tariff-story")
        page.goto(STORY)
        pictures.take(page, folder_of_pictures, "tariff-story", dark=True)
