"""`peyman deadline`, asked from outside."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints.jobs.deadline import command
from peyman.promises import actions, rules
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
        "terms_version": None,
        "held_since": None,
        "pauses": [],
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
        (["--from", "2025-01-11", "--hours", "1", "--clause", "۱۱-۴"], "شناسه‌اش در دفتر بندها"),
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


# ---- Declared periods ----

SATURDAY = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)  # 10:00 in Tehran
HOUR = timedelta(hours=1)


def declare(starts: datetime, ends: datetime | None, **scope: list[str]) -> str:
    """Stop what is in scope in this period; return its code."""
    return actions.declare_force_majeure(
        declaration=rules.Declaration(
            starts, ends, rules.Scope(**{name: frozenset(values) for name, values in scope.items()}), "ز", "ز", "ن"
        ),
        by=make.person(role="manager"),
        now=make.NOW,
    ).code


def told(*options: str) -> dict[str, Any]:
    result = run("--from", "2025-01-04T10:00", "--hours", "48", "--json", *options)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.mark.clause("D121")
@pytest.mark.usefixtures("_calendar")
def test_a_declared_period_that_stops_everything_is_counted_and_named():
    code = declare(SATURDAY + 5 * HOUR, SATURDAY + 17 * HOUR)
    answer = told()
    # Monday 10:00 without it, twelve hours later with it: Monday 22:00 in Tehran.
    assert (answer["due_at"], answer["pauses"], answer["held_since"]) == ("2025-01-06T18:30:00Z", [code], None)
    assert answer["calendar_version"] == 2
    assert run("--from", "2025-01-04T10:00", "--hours", "48").stdout == (
        f"۴۸ ساعت کاری از شنبه ۱۵ دی ۱۴۰۳، ساعت ۱۰: تا دوشنبه ۱۷ دی ۱۴۰۳، ساعت ۲۲ (تقویم نسخه ۲)\nقوه قهریه: {code}\n"
    )


@pytest.mark.clause("D121")
@pytest.mark.usefixtures("_calendar")
@pytest.mark.parametrize(
    ("scope", "options"),
    [
        ({"clauses": ["D30"]}, ["--clause", "D30"]),
        ({"kinds": ["refund"]}, ["--promise", "refund"]),
        ({"provinces": ["تهران"]}, ["--province", "تهران"]),
    ],
)
def test_a_period_for_some_promises_counts_for_those_and_for_no_other(scope, options):
    code = declare(SATURDAY, SATURDAY + 24 * HOUR, **scope)
    assert (told(*options)["due_at"], told(*options)["pauses"]) == ("2025-01-07T06:30:00Z", [code])
    assert (told()["due_at"], told()["pauses"]) == ("2025-01-06T06:30:00Z", [])


@pytest.mark.clause("D121")
@pytest.mark.usefixtures("_calendar")
def test_until_further_notice_the_hours_stand_and_it_says_since_when():
    code = declare(SATURDAY + HOUR, None)
    answer = told()
    assert (answer["held_since"], answer["pauses"]) == ("2025-01-04T07:30:00Z", [code])
    assert "تا اطلاع بعدی نمی‌گذرند" in run("--from", "2025-01-04T10:00", "--hours", "48").stdout


@pytest.mark.clause("D30", "D121")
@pytest.mark.usefixtures("_calendar")
@pytest.mark.parametrize("office", [{}, {"office_from": 9, "office_to": 17}])
def test_it_answers_what_a_promise_made_with_these_data_gets(office):
    plain = make.terms_document()
    document = rules.TermsDocument(plain.title, {**plain.parameters, **office}, plain.clauses)
    terms = actions.publish_terms(document=document, now=make.NOW)
    declare(SATURDAY + 3 * HOUR, SATURDAY + 60 * HOUR, kinds=["refund"])
    declare(SATURDAY + 90 * HOUR, None, clauses=["D30"])
    promise = actions.make(
        actions.NewPromise(
            clause="D30", kind="refund", subject="refund:1", order="", person_id=None, what="پیمان", terms=terms,
            start=SATURDAY, hours=48,
        ),
        now=make.NOW,
    )  # fmt: skip
    answer = told("--clause", "D30", "--promise", "refund")
    assert datetime.fromisoformat(answer["due_at"]) == promise.due_at
    assert answer["pauses"] == promise.pauses and len(promise.pauses) >= 1
    assert (answer["held_since"] is None) is (promise.held_since is None)
    assert answer["terms_version"] == 1
