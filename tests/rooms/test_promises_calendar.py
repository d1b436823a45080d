"""The holiday table and its versions."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from peyman.promises import actions, queries, rules
from peyman.promises.models import CalendarVersion, Holiday
from tests import make

NOW = make.NOW
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.mark.clause("D21")
def test_the_calendar_is_seeded_with_public_holidays_and_says_from_where():
    seeded = actions.seed_calendar(years=[2025, 2026], now=NOW)
    assert seeded.number == 1
    assert seeded.source.startswith("holidays 0.")
    assert seeded.source.endswith(", IR")
    version, calendar = queries.working_calendar()
    assert version == seeded
    for closed in (
        "2025-03-20",  # 30 Esfand 1403
        "2025-03-22",  # 2 Farvardin 1404
        "2025-07-05",  # Tasua
        "2025-07-06",  # Ashura
        "2025-08-14",  # Arbaeen
        "2026-03-21",  # 1 Farvardin 1405
        "2025-01-10",  # a Friday like any other
    ):
        assert not calendar.is_working_day(date.fromisoformat(closed)), closed
    for working in ("2025-01-04", "2025-03-18", "2025-03-25", "2025-07-07", "2025-08-13"):
        assert calendar.is_working_day(date.fromisoformat(working)), working
    assert Holiday.objects.get(date="2025-07-06").title == "عاشورای حسینی"
    assert not Holiday.objects.filter(title__regex="[يىك;]").exists()


def test_seeding_again_adds_only_new_days():
    actions.seed_calendar(years=[2025], now=NOW)
    days = Holiday.objects.count()
    assert actions.seed_calendar(years=[2025], now=NOW + DAY).number == 1
    assert Holiday.objects.count() == days
    assert actions.seed_calendar(years=[2026, 2025], now=NOW + DAY).number == 2
    assert Holiday.objects.filter(added_in__number=2, date__year=2025).count() == 0
    assert Holiday.objects.filter(added_in__number=2, date__year=2026).count() > 20


def test_processes_that_seed_at_once_seed_once(threads):
    seeded = threads(4, lambda _: actions.seed_calendar(years=[2025], now=NOW).number)
    assert seeded == [1, 1, 1, 1]
    assert CalendarVersion.objects.count() == 1
    assert Holiday.objects.values("date").distinct().count() == Holiday.objects.count() > 20


@pytest.mark.clause("D21")
def test_a_changed_holiday_makes_a_new_version_and_the_old_one_stays_readable():
    actions.seed_calendar(years=[2025], now=NOW)
    _, before = queries.working_calendar()
    moved = actions.change_calendar(
        close={date(2025, 7, 7): "عاشوراي حسینی"}, open_=[date(2025, 7, 5)], source="اعلام دولت", now=NOW + DAY
    )
    assert (moved.number, moved.source, moved.made_at) == (2, "اعلام دولت", NOW + DAY)
    version, after = queries.working_calendar()
    assert version == moved
    assert not after.is_working_day(date(2025, 7, 7))
    assert after.is_working_day(date(2025, 7, 5))
    assert before.is_working_day(date(2025, 7, 7))
    first = CalendarVersion.objects.get(number=1)
    assert [d.date for d in queries.holidays(first, since=date(2025, 7, 4)) if d.date.month == 7] == [
        date(2025, 7, 5),
        date(2025, 7, 6),
    ]
    assert [d.date for d in queries.holidays(moved, since=date(2025, 7, 4)) if d.date.month == 7] == [
        date(2025, 7, 6),
        date(2025, 7, 7),
    ]
    assert Holiday.objects.get(date=date(2025, 7, 7)).title == "عاشورای حسینی"


def test_seeding_does_not_bring_back_what_people_took_out():
    actions.seed_calendar(years=[2025], now=NOW)
    actions.change_calendar(close={}, open_=[date(2025, 7, 5)], source="اعلام دولت", now=NOW)
    assert actions.seed_calendar(years=[2025], now=NOW + DAY).number == 2
    assert queries.working_calendar()[1].is_working_day(date(2025, 7, 5))


def test_a_change_that_changes_nothing_makes_no_version():
    make.calendar(date(2025, 1, 13))
    same = actions.change_calendar(close={date(2025, 1, 13): "x"}, open_=[date(2025, 1, 14)], source="x", now=NOW)
    assert same.number == 1
    assert CalendarVersion.objects.count() == 1
    with pytest.raises(ValueError, match="not both"):
        actions.change_calendar(close={date(2025, 1, 15): "x"}, open_=[date(2025, 1, 15)], source="x", now=NOW)


def test_a_holiday_entered_twice_is_one_holiday_with_its_first_title():
    make.calendar()
    first = actions.change_calendar(close={date(2025, 1, 13): "میلاد"}, source="یک", now=NOW)
    again = actions.change_calendar(close={date(2025, 1, 13): "تعطیل"}, source="دو", now=NOW + DAY)
    assert (first.number, again.number) == (2, 2)
    assert [row.title for row in Holiday.objects.all()] == ["میلاد"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Holiday.objects.create(date=date(2025, 1, 13), title="تعطیل", added_in=first)


def test_a_holiday_that_many_enter_at_once_is_one_holiday_of_one_version(threads):
    make.calendar()

    def enter(number):
        return actions.change_calendar(close={date(2025, 1, 13): f"روز {number}"}, source="x", now=NOW).number

    answers = threads(4, enter)
    assert {answer for answer in answers if isinstance(answer, int)} == {2}
    assert {type(answer) for answer in answers} <= {int, rules.CalendarChanged}
    assert (Holiday.objects.count(), CalendarVersion.objects.count()) == (1, 2)


def test_a_day_may_close_again():
    make.calendar(date(2025, 1, 13))
    actions.change_calendar(close={}, open_=[date(2025, 1, 13)], source="یک", now=NOW)
    actions.change_calendar(close={date(2025, 1, 13): "تعطیل"}, source="دو", now=NOW)
    assert not queries.working_calendar()[1].is_working_day(date(2025, 1, 13))
    assert Holiday.objects.count() == 2


def test_the_calendar_costs_one_query_once_it_is_known(django_assert_num_queries):
    make.calendar(date(2025, 1, 13))
    with django_assert_num_queries(2):
        queries.working_calendar()
    with django_assert_num_queries(1):
        queries.working_calendar()


def test_hours_cannot_be_promised_without_a_calendar():
    with pytest.raises(CalendarVersion.DoesNotExist):
        queries.working_calendar()
