"""The real case: what the list of 2023 says of the incident of 1402, and what it cannot say."""

import json
from collections import Counter
from datetime import date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from peyman.entrypoints.jobs.audit import command
from peyman.kernel.worktime import day_start
from tests import incident_1402
from tests.conftest import REPO

pytestmark = pytest.mark.skipif(not incident_1402.DATA.is_dir(), reason="the project's data is not here")

FIRST_LOOK = date(2023, 2, 4)
APOLOGY = date(2023, 6, 25)


def midnight(day: date) -> str:
    return day_start(day).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = incident_1402.write(tmp_path_factory.mktemp("incident"))
    done = CliRunner().invoke(command, incident_1402.options(folder, "--registrant", incident_1402.REGISTRANT))
    assert done.exit_code == 0, done.output
    return folder / "out"


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


@pytest.mark.clause("B08", "B10")
def test_every_interval_ends_on_the_due_date_of_its_row_and_not_on_its_listing(audited: Path) -> None:
    ends = {edge: row["to"] for row in read(audited, "intervals.json") for edge in row["edges"]}
    begins = {row["from"] for row in read(audited, "intervals.json")}
    assert begins == {midnight(FIRST_LOOK)}, "before our first look nothing is known, and nothing is claimed"
    of_row = {edge: row for edge in ends for row in incident_1402.added() if ip_address(edge) in row.network}
    assert {edge: midnight(row.due) for edge, row in of_row.items()} == ends
    late = [row for row in of_row.values() if row.update == date(2023, 5, 7)]
    assert {row.first_seen for row in late} == {"2023-05-12"}, "listed for 24 days before it was due"
    assert {row.due for row in late} == {date(2023, 6, 5)}


@pytest.mark.clause("B10")
def test_the_four_arvancloud_addresses_end_31_days_after_the_rest_and_29_after_their_update(audited: Path) -> None:
    found: dict[str, set[str]] = {}
    for row in read(audited, "intervals.json"):
        found.setdefault(row["to"], set()).update(row["edges"])
    rest, late = sorted(found)
    assert found[late] == {"185.143.232.229", "185.143.233.229", "185.143.234.229", "185.143.235.229"}
    assert (datetime.fromisoformat(late) - datetime.fromisoformat(rest)).days == 31
    assert (date(2023, 6, 5) - date(2023, 5, 7)).days == 29
    assert (len(incident_1402.added()), sum(row.network.num_addresses for row in incident_1402.added())) == (36, 162)


@pytest.mark.clause("B08", "B09")
def test_every_download_is_judged_by_its_day_and_its_row(audited: Path) -> None:
    expected = Counter[str]()
    for row in incident_1402.added():
        for day in range((incident_1402.LOG_ENDS - incident_1402.LOG_BEGINS).days + 1):
            at = date.fromordinal(incident_1402.LOG_BEGINS.toordinal() + day)
            if at >= APOLOGY:
                expected["not_promised"] += 2
            elif at < FIRST_LOOK:
                expected["before_history"] += 2
            else:
                expected["overcharged" if at < row.due else "fine"] += 2
    totals = read(audited, "totals.json")
    assert totals["unknown"] == {"before_history": expected["before_history"]} == {"before_history": 36 * 15 * 2}
    assert {name: totals[name] for name in ("overcharged", "fine", "not_promised")} == {
        name: expected[name] for name in ("overcharged", "fine", "not_promised")
    }
    assert totals["overcharged"] == 2 * (32 * 90 + 4 * 121)
    assert 0 < totals["rials_low"] < totals["rials_high"]


@pytest.mark.clause("B09")
def test_six_of_162_addresses_were_in_somebody_elses_row_and_count_as_such_only_where_any_registrant_does(
    tmp_path: Path,
) -> None:
    of_others = {"185.143.233.229", "185.143.234.229", "46.224.2.6", "46.224.2.7", "5.160.246.206", "92.114.16.98"}
    folder = incident_1402.write(tmp_path, with_others=True, a_day=1)
    found = {}
    for whose in ((), ("--registrant", "cafebazaar.ir")):
        assert CliRunner().invoke(command, incident_1402.options(folder, *whose)).exit_code == 0
        found[whose] = {edge for row in read(folder / "out", "intervals.json") for edge in row["edges"]}
    any_registrant, own_only = found.values()
    assert own_only - any_registrant == of_others
    assert any_registrant < own_only


@pytest.mark.clause("B08", "B10")
def test_the_report_tells_the_two_stories_and_a_recount_agrees(audited: Path) -> None:
    page = (audited / "report.html").read_text()
    assert "تنها ردیف‌های cafebazaar.ir در فهرست به شمار آمد." in page
    for said in ("موعد ۱۵ اردیبهشت ۱۴۰۲", "موعد ۱۵ خرداد ۱۴۰۲", "۲۴ روز ثبت‌شده ولی پیش از موعد"):
        assert said in page
    assert "پیش از نخستین نسخه ما از فهرست ملی است." in page
    assert "نمی‌خواند" not in page
    assert (audited / "report.pdf").read_bytes().startswith(b"%PDF-1.7")
    assert CliRunner().invoke(command, ["recount", str(audited)]).exit_code == 0


def test_the_story_in_the_documents_tells_these_figures(audited: Path) -> None:
    told = (REPO / "docs" / "incident-1402.md").read_text()
    totals = read(audited, "totals.json")
    for figure in (totals["lines"], totals["overcharged"], totals["fine"], totals["unknown"]["before_history"]):
        assert f"{figure:,}" in told
    assert f"{totals['not_promised']} after the apology" in told
