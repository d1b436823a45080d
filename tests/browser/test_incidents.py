"""An incident in Chromium, from the audit's answer to its end: every page of the way fit for everybody."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from peyman.gateways.logs.own import CANONICAL
from tests.browser import audit, pictures
from tests.browser.conftest import DESK, House, _set
from tests.browser.staff import Staff
from tests.conftest import Peyman

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_incident_pages.py

HEADER = "name_as_entered,ip_as_entered,ip_network,update_date_jalali,due_date_jalali"
OURS = "http://market.ir,185.143.232.0/29,185.143.232.0/29,1403/09/01,1403/09/15"
LATER = "http://market.ir,185.143.232.16/29,185.143.232.16/29,1403/09/16,1403/10/01"
OTHER = "http://other.ir,185.143.255.255/32,185.143.255.255/32,1400/01/01,1400/01/15"
EDGES = (
    "cdn,prefix,valid_from,valid_to,source\n"
    "آروان,185.143.232.0/29,2024-11-21,,قرارداد\nآروان,185.143.232.16/29,2024-12-01,,قرارداد\n"
)
FILES = {
    "edges": EDGES,
    "isps": "prefix,asn,operator,valid_from,valid_to\n5.0.0.0/16,AS1,مهرنت همراه,2020-01-01,\n"
    "5.5.0.0/16,AS2,آوانت,2020-01-01,\n",
    "tariffs": "operator,service_class,plan,valid_from,valid_to,full_rial_per_mb,factor,unit_bytes,verified,source\n"
    "مهرنت همراه,web,آزاد,2020-01-01,,60,1/2,1000000,yes,page\n"
    "مهرنت همراه,web,بسته,2020-01-01,,24,1/2,1000000,yes,page\n"
    "آوانت,web,آزاد,2020-01-01,,18,1/2,1000000,yes,page\n",
    "releases": "channel,valid_from,valid_to,shown\n*,2024-11-21,2024-12-24,yes\n",
}


def _lists(folder: Path) -> None:
    folder.mkdir()
    day = date(2024, 11, 14)
    while day <= date(2025, 1, 4):
        rows = [OTHER, *([OURS] if day >= date(2024, 11, 28) else []), *([LATER] if day >= date(2024, 12, 12) else [])]
        (folder / f"{day}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        day += timedelta(days=7 if day < date(2025, 1, 2) else 2)


def _log(file: Path) -> None:
    """Two operators' users, some without a token, on every second day; the same each time."""
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, CANONICAL, lineterminator="\n")
        writer.writeheader()
        for n in range(400):
            at = datetime(2024, 11, 20, 22, tzinfo=UTC) + timedelta(hours=2 * n + n % 3)
            writer.writerow(
                dict.fromkeys(CANONICAL, "")
                | {
                    "ts_start": at.isoformat(timespec="milliseconds"),
                    "ts_end": (at + timedelta(seconds=9)).isoformat(timespec="milliseconds"),
                    "edge_ip": f"185.143.232.{16 * (n % 2 and n > 130) + n % 5}",
                    "client_ip": f"5.{5 * (n % 3 == 0)}.1.{n % 200}",
                    "method": "GET",
                    "host": "dl.market.ir",
                    "path": "/a.apk",
                    "status": 200,
                    "body_bytes": 40_000_000 + 1_000_003 * (n % 17),
                    "complete": "true",
                    "cdn": "آروان",
                    "request_id": f"r{n}",
                    "download_token": f"user{n % 23}" if n % 4 else "",
                }
            )


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[House]:
    """A house whose audit found an incident, brought by the commands that an operator uses."""
    folder = tmp_path_factory.mktemp("case")
    clock = folder / "clock"
    _set(clock, "2025-01-04 10:00")
    peyman = Peyman(
        folder, new_database(), PEYMAN_SANDBOX="1", PEYMAN_CLOCK_FILE=str(clock), PEYMAN_REGISTRANT="market.ir"
    )
    _lists(folder / "lists")
    _log(folder / "log.csv")
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    options = [part for name in FILES for part in (f"--{name}", str(folder / f"{name}.csv"))]
    with peyman.up() as run:
        house = House(peyman, run["url"], run["inbox_url"], run["bank_url"], run["staff"])
        for command in (
            ("registry", "import", str(folder / "lists"), "--source", "آینه فهرست ملی"),
            ("edges", "import", str(folder / "edges.csv")),
            ("audit", "--logs", str(folder / "log.csv"), "--registry", "db", "--registrant", "market.ir", *options,
             "--out", str(folder / "answer")),
            ("incidents", "take", str(folder / "answer")),
        ):  # fmt: skip
            done = peyman(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        house.tick()
        yield house


def look(page: Page) -> None:
    assert audit.wrong_words(page) == []
    assert audit.misfits(page) == []
    assert audit.violations(page) == []


@pytest.mark.clause("B10", "B11", "B17")
def test_an_incident_is_walked_from_detected_to_closed(
    case: House, colleague: Callable[..., Staff], visit: Callable[..., Page], folder_of_pictures: Path | None
) -> None:
    def picture(page: Page, name: str, *, dark: bool = False) -> None:
        if folder_of_pictures:
            pictures.take(page, folder_of_pictures, name, dark=dark)

    first, second = colleague(case, "tariff", **DESK), colleague(case, "manager", **DESK)
    page = first.page
    page.goto("/desk/tariff/runs/")
    look(page)
    page.locator("a.qrow").first.click()
    first.reads("بازشماری شد و یکی است")
    look(page)
    picture(page, "desk-run")
    page.goto("/desk/tariff/incidents/")
    look(page)
    picture(page, "desk-incidents")
    page.locator("a.qrow").first.click()
    first.reads("پیداشده")
    first.reads("چه کسی کی می‌دانست")
    look(page)
    picture(page, "desk-incident")
    # Confirmed, by one …
    first.press("تأیید رقم‌ها با نام خودم")
    first.reads("سبب آن نوشته نشده است")
    look(page)
    page.locator("#f-reason-confirm").fill("رقم‌ها را با فایل‌ها و فهرست سنجیدم.")
    first.press("تأیید رقم‌ها با نام خودم")
    first.reads("تأییدشده")
    here = page.url
    # … and published by another.
    other = second.page
    other.goto(here)
    other.get_by_role("link", name="نوشتن و دیدن اطلاعیه").click()
    look(other)
    other.locator("#f-reason").fill("متن را با رقم‌ها خواندم.")
    second.press("دیدن اطلاعیه پیش از انتشار")
    second.reads("هنوز منتشر نشده است")
    look(other)
    picture(other, "desk-incident-preview")
    second.press("انتشار اطلاعیه با نام امضاکننده")
    second.reads("منتشرشده")
    second.reads("آیا برطرف شده است؟")
    look(other)
    # The public reads it, and a machine.
    reader = visit(at=case)
    reader.goto("/official/")
    reader.get_by_role("link", name="نوشتیم نیم‌بها").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("نوشتیم نیم‌بها؛ برای بخشی از دانلودها نبود.")
    expect(reader.get_by_role("main")).to_contain_text("تا یکشنبه ۳۱ فروردین ۱۴۰۴، ساعت ۲۳:۵۹")
    look(reader)
    picture(reader, "incident")
    picture(reader, "incident", dark=True)
    public = reader.url
    said = json.loads(reader.request.get(public.rstrip("/") + ".json").text())
    totals = json.loads((Path(case.peyman.data) / "answer" / "totals.json").read_text())
    assert said["totals"] == totals
    assert totals["overcharged"] > 100
    # A corrected version; the old one stays.
    other.get_by_role("link", name="نوشتن نسخه تازه").click()
    other.locator("#f-title").fill("نوشتیم نیم‌بها؛ برای برخی از دانلودها نبود.")
    other.locator("#f-reason").fill("واژه‌ای دقیق‌تر")
    second.press("دیدن اطلاعیه پیش از انتشار")
    second.press("انتشار این نسخه")
    reader.goto(public)
    expect(reader.get_by_role("main")).to_contain_text("تفاوت با نسخه ۱")
    look(reader)
    reader.get_by_role("link", name="نسخه ۱", exact=True).click()
    expect(reader.get_by_role("main")).to_contain_text("این نسخه ۱ است و نسخه تازه‌تری دارد")
    look(reader)
    # Closed, after a look at what that means.
    page.goto(here)
    page.locator("#f-reason-close").fill("هر دو بازه بیش از یک هفته است که ثبت و به موعد رسیده‌اند.")
    first.press(re.compile("دیدن پیامد"))
    first.reads("این گام برگشتی ندارد")
    look(page)
    first.press("بستن پرونده")
    first.reads("زنجیره ۵ گام درست است")
    look(page)
    picture(page, "desk-incident-closed")
    reader.goto("/official/incidents/")
    expect(reader.get_by_role("main")).to_contain_text("بسته‌شده")
    look(reader)
    reader.goto(public)
    expect(reader.get_by_role("main")).to_contain_text("این پرونده شنبه ۱۵ دی ۱۴۰۳")
    look(reader)
    assert audit.first_view(visit(at=case), public) == []


def test_the_report_of_a_run_runs_nothing(case: House, colleague: Callable[..., Staff]) -> None:
    page = colleague(case, "tariff", **DESK).page
    page.goto("/desk/tariff/runs/")
    page.locator("a.qrow").first.click()
    page.get_by_role("link", name="دیدن گزارش کامل").click()
    expect(page.locator("h1")).to_have_count(1)
    assert page.evaluate("() => document.styleSheets.length") == 1
