"""`peyman isps`, `peyman tariffs` and `peyman probes` as their caller meets them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints import clock
from peyman.entrypoints.jobs import isps, probes, tariffs
from peyman.market.tariff.models import Isp, Probe, Rate, RateCheck
from peyman.market.tariff.queries import rates
from tests import make
from tests.rooms.test_tariff_tables import ISPS, PROBES, RATES, rate

NOW = make.NOW
Write = Callable[[str], str]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(text: str) -> str:
        (tmp_path / "table.csv").write_text(text)
        return str(tmp_path / "table.csv")

    return write


def run(command: click.Command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def told(command: click.Command, *arguments: str) -> tuple[int, Any]:
    result = run(command, *arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.clause("B02")
def test_ranges_come_in_once_and_go_out_as_they_came(file: Write, tmp_path: Path) -> None:
    path = file(ISPS + "5.0.0.0/8,AS1,mci,2024-01-01,\n")
    assert told(isps.command, "import", path, "--dry-run") == (
        0,
        {"rows": 1, "added": 1, "superseded": 0, "dry_run": True},
    )
    assert not Isp.objects.exists()
    assert told(isps.command, "import", path) == (0, {"rows": 1, "added": 1, "superseded": 0})
    assert "چیز تازه‌ای نداشت" in run(isps.command, "import", path).stdout
    assert run(isps.command, "export", str(tmp_path / "out.csv")).exit_code == 0
    text = (tmp_path / "out.csv").read_text()
    assert text == ISPS + "5.0.0.0/8,AS1,mci,2023-12-31T20:30:00Z,\n"
    assert run(isps.command, "export").stdout == text


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("command", "model", "text", "lines"),
    [
        (isps.command, Isp, ISPS + "5.0.0.0/8,,a,2024-01-01,\n5.0.0.0/8,,b,2024-01-01,\n", [2, 3]),
        (tariffs.command, Rate, RATES + rate(factor="2") + "\n" + rate("b") + "\n", [2]),
        (probes.command, Probe, PROBES + "a,5.0.0.1,2024-01-01,x,s,\nb,z,2024-01-01,1,s,\n", [2, 3]),
    ],
)
def test_bad_lines_are_all_named_and_nothing_comes_in(
    command: click.Command, model: Any, text: str, lines: list[int], file: Write
) -> None:
    path = file(text)
    code, said = told(command, "import", path)
    assert (code, said["error"]["code"], said["error"]["clause"]) == (1, "bad_table", "B02")
    assert [line["line"] for line in said["lines"]] == lines
    plain = run(command, "import", path)
    assert (plain.exit_code, "سطر ۲" in plain.stderr) == (1, True)
    assert not model.objects.exists()


def test_what_is_no_table_is_refused_and_what_is_no_file_could_not_be_read(file: Write, tmp_path: Path) -> None:
    code, said = told(isps.command, "import", file("hello"))
    assert (code, said["error"]["code"]) == (1, "no_table")
    for path in (tmp_path / "nothing", tmp_path):
        assert run(isps.command, "import", str(path)).exit_code == 2
    assert run(isps.command, "export", str(tmp_path / "no" / "such" / "folder.csv")).exit_code == 2


@pytest.mark.clause("B02")
def test_rates_wait_for_a_person_whom_the_command_may_name(file: Write) -> None:
    person = make.person(role="tariff", mobile="+989121234567")
    customer = make.person()
    path = file(RATES + rate() + "\n" + rate("ایران").replace(",yes,", ",no,") + "\n")
    assert told(tariffs.command, "import", path)[1] == {
        "rows": 2,
        "added": 2,
        "superseded": 0,
        "verified": 0,
        "waiting": 2,
    }
    assert "۲ نرخ را هنوز کسی ندیده است" in run(tariffs.command, "import", path).stdout
    for who in (customer.code, "PER-9999", "nobody"):
        assert run(tariffs.command, "import", path, "--verified-by", who, "--seen", "صفحه").exit_code == 2
    assert run(tariffs.command, "import", path, "--verified-by", person.code).exit_code == 2
    assert not RateCheck.objects.exists()
    for who, verified in ((person.code, 1), ("09121234567", 0)):
        code, said = told(tariffs.command, "import", path, "--verified-by", who, "--seen", "mci.ir/tariff")
        assert (code, said["verified"], said["waiting"]) == (0, verified, 1)
    assert rates.verified_operators(NOW) == {"همراه"}
    check = RateCheck.objects.get()
    assert (check.by, check.source_seen, check.at) == (person, "mci.ir/tariff", NOW)


def test_measurements_come_in_with_or_without_a_note(file: Write) -> None:
    path = file("operator,edge,at,factor,source\nmci,5.0.0.1,2024-05-01T10:00,0.5,s\n")
    assert told(probes.command, "import", path) == (0, {"rows": 1, "added": 1, "superseded": 0})
    again = file(PROBES + "mci,5.0.0.1,2024-05-01T10:00,0.5,s,مانده\n")
    assert told(probes.command, "import", again) == (0, {"rows": 1, "added": 1, "superseded": 1})
    assert "5.0.0.1,2024-05-01T06:30:00Z,0.5,s,مانده" in run(probes.command, "export").stdout
