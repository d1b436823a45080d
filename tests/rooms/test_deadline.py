"""`peyman deadline`, asked from outside."""

import json
from datetime import date

import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints.jobs.deadline import command
from tests import make

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture
def _calendar() -> None:
    make.calendar(date(2025, 1, 13), date(2025, 1, 14))


@pytest.mark.clause("D21", "D30")
@pytest.mark.usefixtures("_calendar")
def test_the_working_calendar_answers_in_json():
    result = run("--from", "2025-01-10T15:00", "--hours", "48", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "from": "2025-01-10T11:30:00Z",
        "hours": 48,
        "kind": "working",
        "due_at": "2025-01-12T20:30:00Z",
        "due_tehran": "2025-01-13T00:00:00+03:30",
        "due_jalali": "تا یکشنبه ۲۳ دی ۱۴۰۳، ساعت ۲۳:۵۹",
        "calendar_version": 1,
    }


@pytest.mark.usefixtures("_calendar")
@pytest.mark.parametrize(
    ("start", "hours", "kind", "due_at"),
    [
        ("2025-01-11 10:00", "48", "working", "2025-01-15T06:30:00Z"),
        ("2025-01-11T06:30Z", "48", "working", "2025-01-15T06:30:00Z"),
        ("2025-01-11T06:30:00+00:00", "۴۸", "calendar", "2025-01-13T06:30:00Z"),
        ("۲۰۲۵-۰۱-۱۱", "٠", "working", "2025-01-10T20:30:00Z"),
    ],
)
def test_times_and_hours_may_be_typed_in_many_ways(start, hours, kind, due_at):
    result = run("--from", start, "--hours", hours, "--kind", kind, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["due_at"] == due_at


@pytest.mark.usefixtures("_calendar")
def test_people_are_answered_in_persian():
    assert run("--from", "2025-01-08T10:00", "--hours", "48").stdout == (
        "۴۸ ساعت کاری از چهارشنبه ۱۹ دی ۱۴۰۳، ساعت ۱۰: تا شنبه ۲۲ دی ۱۴۰۳، ساعت ۱۰ (تقویم نسخه ۱)\n"
    )


@pytest.mark.usefixtures("_calendar")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "زمان را به شکل ISO بدهید"),
        (["--from", "tomorrow", "--hours", "48"], "زمان را به شکل ISO بدهید"),
        (["--from", "2025-02-30", "--hours", "48"], "زمان را به شکل ISO بدهید"),
        (["--from", "0001-01-01", "--hours", "48"], "زمان را به شکل ISO بدهید"),
        (["--from", "1403-10-24", "--hours", "48"], "سال میلادی از ۱۹۰۰ تا ۲۲۰۰"),
        (["--from", "2025-01-11"], "شمار ساعت‌ها"),
        (["--from", "2025-01-11", "--hours", "1.5"], "شمار ساعت‌ها"),
        (["--from", "2025-01-11", "--hours", "-1"], "شمار ساعت‌ها"),
        (["--from", "2025-01-11", "--hours", "1000000000"], "شمار ساعت‌ها"),
        (["--from", "2025-01-11", "--hours", "1", "--kind", "lunar"], "نوع ساعت‌ها"),
    ],
)
def test_what_cannot_be_read_is_said_in_persian_and_ends_with_2(arguments, says):
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_without_a_calendar_nothing_is_guessed():
    result = run("--from", "2025-01-11", "--hours", "48", "--json")
    assert result.exit_code == 2
    assert "تقویم کاری هنوز ساخته نشده است" in result.stderr
