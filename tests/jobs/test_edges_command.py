"""`peyman edges` and `peyman drift` as their caller meets them."""

import json

import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints import clock
from peyman.entrypoints.jobs import drift, edges
from peyman.market.tariff.models import Edge
from tests.rooms.test_drift_watch import NOW, OURS, seen

HEADER = "cdn,prefix,valid_from,valid_to,source\n"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "edges.csv") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def run(command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def bring(path: str, *more: str) -> tuple[int, dict]:
    result = run(edges.command, "import", path, *more, "--json")
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.clause("B04")
def test_a_file_of_spans_comes_in_once(file):
    path = file(HEADER + f"arvan,{OURS},2024-12-01,,contract\narvan,1.2.3.4/24,2024-12-01,,contract\n")
    told = {"form": "spans", "lines": 2, "added": 2, "superseded": 0, "flags": [{"line": 3, "flag": "host_bits"}]}
    assert bring(path) == (0, told)
    assert bring(path) == (0, told | {"added": 0})
    assert "چیز تازه‌ای نداشت" in run(edges.command, "import", path).stdout


@pytest.mark.clause("B04")
def test_bad_lines_are_all_named_and_nothing_comes_in(file):
    path = file(HEADER + f"arvan,{OURS},2024-12-01,,contract\narvan,fe80::1%eth0,2024-12-01,,c\narvan,1.1.1.1,x,,c\n")
    code, told = bring(path)
    assert (code, told["error"]["code"], told["error"]["clause"]) == (1, "bad_edges", "B04")
    assert [(line["line"], line["code"]) for line in told["lines"]] == [(3, "zone"), (4, "date")]
    assert not Edge.objects.exists()
    plain = run(edges.command, "import", path)
    assert "سطر ۳" in plain.stderr
    assert "سطر ۴" in plain.stderr


@pytest.mark.clause("B04")
def test_a_feed_needs_its_name_and_time_and_a_page_is_refused(file):
    path = file("1.1.1.0/24 # first\n2.2.2.0/24\n", "feed.txt")
    assert bring(path)[0] == 1
    code, told = bring(path, "--cdn", "arvan", "--seen-at", "2024-12-01")
    assert (code, told["form"], told["added"]) == (0, "plain", 2)
    page = file("<html><title>403</title></html>", "page.txt")
    code, told = bring(page, "--cdn", "arvan", "--seen-at", "2024-12-02")
    assert (code, told["error"]["code"]) == (1, "no_list")
    assert Edge.objects.filter(valid_to=None).count() == 2


@pytest.mark.parametrize("arguments", [["import", "/nowhere/at.csv"], ["import", "/"], ["check", "/nowhere"]])
def test_a_file_that_cannot_be_opened_ends_with_two(arguments):
    result = run(edges.command, *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.clause("B07")
def test_a_change_is_stopped_where_one_address_would_not_be_admitted(file):
    seen(NOW, "185.143.232.0/31")
    good = run(edges.command, "check", file("# new edge\n185.143.232.0\n185.143.232.1/32\n"), "--json")
    told = json.loads(good.stdout)
    assert (good.exit_code, told["admitted"]) == (0, True)
    bad = run(edges.command, "check", file(f"prefix\n{OURS}\n"), "--json")
    told = json.loads(bad.stdout)
    assert (bad.exit_code, told["admitted"]) == (1, False)
    assert told["prefixes"] == [
        {
            "prefix": OURS,
            "addresses": 4,
            "admitted": 2,
            "parts": [
                {
                    "range": "185.143.232.0/31",
                    "addresses": 2,
                    "admitted": 2,
                    "status": "registered",
                    "reason": "admitted",
                    "due": "2024-12-05",
                    "admitted_from": "2024-12-07T20:30:00Z",
                },
                {
                    "range": "185.143.232.2/31",
                    "addresses": 2,
                    "admitted": 0,
                    "status": "unregistered",
                    "reason": "absent",
                    "due": None,
                    "admitted_from": None,
                },
            ],
        }
    ]
    plain = run(edges.command, "check", file(f"{OURS}\n"))
    assert (plain.exit_code, "۲ از ۴ نشانی پذیرفته" in plain.stdout) == (1, True)


@pytest.mark.parametrize("text", ["", "# nothing\n", "somewhere\n"])
def test_a_check_of_nothing_admits_nothing(file, text):
    assert run(edges.command, "check", file(text), "--json").exit_code == 2


@pytest.mark.clause("B06")
def test_drift_answers_for_each_address_that_serves(file):
    seen(NOW, "185.143.232.0/31")
    bring(file(HEADER + f"arvan,{OURS},2024-12-01,,contract\nderak,192.168.204.48/28,2024-12-01,,feed\n"))
    result = run(drift.command, "--at", "2025-01-04T10:00", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["at"], told["fresh"], told["idle"], told["alarms"]) == (
        0,
        "2025-01-04T06:30:00Z",
        True,
        [],
        [],
    )
    assert set(told["snapshot"]) == {"code", "seen_at", "sha256", "source"}
    assert told["edges"][0] == {
        "cdn": "arvan",
        "prefix": OURS,
        "addresses": 4,
        "registered": 2,
        "pending": 0,
        "unregistered": 2,
        "unknown": 0,
        "ineligible": 0,
        "admitted": 2,
        "parts": [
            {
                "range": "185.143.232.0/31",
                "addresses": 2,
                "status": "registered",
                "reason": "registered",
                "due": "2024-12-05",
                "admitted_from": "2024-12-07T20:30:00Z",
            },
            {
                "range": "185.143.232.2/31",
                "addresses": 2,
                "status": "unregistered",
                "reason": "absent",
                "due": None,
                "admitted_from": None,
            },
        ],
    }
    assert [edge["ineligible"] for edge in told["edges"]] == [0, 16]
    plain = run(drift.command).stdout
    assert "ثبت ۲، ثبت‌نشده ۲ از ۴ نشانی" in plain
    assert "192.168.204.48/28: هرگز پذیرفتنی نیست، نشانی خصوصی است" in plain


def test_drift_of_nothing_is_an_answer():
    result = run(drift.command)
    assert result.exit_code == 0
    assert "هیچ فهرست درستی" in result.stdout
    assert json.loads(run(drift.command, "--json").stdout)["snapshot"] is None


def test_drift_may_be_asked_for_one_registrant(file):
    seen(NOW, OURS, name="http://other.ir")
    bring(file(HEADER + f"arvan,{OURS},2024-12-01,,contract\n"))
    assert json.loads(run(drift.command, "--json").stdout)["edges"][0]["registered"] == 4
    for host, registered, idle in (("market.ir", 0, 0), ("OTHER.ir", 4, 1)):
        told = json.loads(run(drift.command, "--registrant", host, "--json").stdout)
        assert (told["edges"][0]["registered"], len(told["idle"])) == (registered, idle)
