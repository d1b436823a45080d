"""Working time, counted by hand, and against a slow count that shares nothing with the fast one."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peyman.kernel.worktime import TEHRAN, WorkCalendar, day_start, tehran_day

HALF_HOUR = timedelta(minutes=30)
HOUR = timedelta(hours=1)


def tehran(text: str) -> datetime:
    """An instant by the clock in Tehran; "+04:30" may follow where an hour comes twice."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=TEHRAN)


def days(*texts: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts)


FRIDAYS = WorkCalendar()
JANUARY = WorkCalendar(closed=days("2025-01-13", "2025-01-14"))
# Wed 29 Esfand, Thu 30 Esfand (1403 is leap), Fri to Mon 1-4 Farvardin, Mon-Tue Fitr, Wed 13 Farvardin
NOWRUZ_1404 = WorkCalendar(
    closed=days(
        "2025-03-19", "2025-03-20", "2025-03-21", "2025-03-22", "2025-03-23", "2025-03-24",
        "2025-03-31", "2025-04-01", "2025-04-02",
    )
)  # fmt: skip
# Sat 30 Esfand 1399 (leap) worked; Sun to Wed 1-4 Farvardin 1400, Thu-Fri 12-13 Farvardin
NOWRUZ_1400 = WorkCalendar(
    closed=days("2021-03-21", "2021-03-22", "2021-03-23", "2021-03-24", "2021-04-01", "2021-04-02")
)
# Tasua and Ashura 1404: Sat-Sun 14-15 Tir, after a Friday
ASHURA_1404 = WorkCalendar(closed=days("2025-07-05", "2025-07-06"))
# Arbaeen, 28 Safar, end of Safar 1404: Thu 23 Mordad, Fri 31 Mordad, Sun 2 Shahrivar
SAFAR_1404 = WorkCalendar(closed=days("2025-08-14", "2025-08-22", "2025-08-24"))
# Sun to Sat, 10-16 Esfand 1404, declared at short notice
DECLARED_1404 = WorkCalendar(
    closed=days(
        "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-07", "2026-03-11"
    )
)


@pytest.mark.clause("D21", "D30")
@pytest.mark.parametrize(
    ("case", "calendar", "start", "hours", "due_at"),
    [
        # The table of the house rules: 13 and 14 January 2025 are closed, Fridays anyway.
        ("plain week", JANUARY, "2025-01-04 10:00", 48, "2025-01-06 10:00"),
        ("over a Friday", JANUARY, "2025-01-08 10:00", 48, "2025-01-11 10:00"),
        ("begun on a Friday", JANUARY, "2025-01-10 15:00", 48, "2025-01-13 00:00"),
        ("over two holidays", JANUARY, "2025-01-11 10:00", 48, "2025-01-15 10:00"),
        # Edges of days and of hours.
        ("one hour", FRIDAYS, "2025-01-04 10:00", 1, "2025-01-04 11:00"),
        ("no hour at all", FRIDAYS, "2025-01-04 10:00", 0, "2025-01-04 10:00"),
        ("no hour, on a Friday", FRIDAYS, "2025-01-10 15:00", 0, "2025-01-10 15:00"),
        ("a whole day from its first instant", FRIDAYS, "2025-01-04 00:00", 24, "2025-01-05 00:00"),
        ("up to the end of Thursday", FRIDAYS, "2025-01-09 00:00", 24, "2025-01-10 00:00"),
        ("from the first instant of a Friday", FRIDAYS, "2025-01-10 00:00", 24, "2025-01-12 00:00"),
        ("one minute before Friday", FRIDAYS, "2025-01-09 23:59", 1, "2025-01-11 00:59"),
        ("the last hour of a Friday", FRIDAYS, "2025-01-10 23:00", 1, "2025-01-11 01:00"),
        ("Thursday evening", FRIDAYS, "2025-01-09 20:00", 4, "2025-01-10 00:00"),
        ("Thursday evening, an hour more", FRIDAYS, "2025-01-09 20:00", 5, "2025-01-11 01:00"),
        ("Thursday evening, two days", FRIDAYS, "2025-01-09 20:30", 48, "2025-01-12 20:30"),
        ("seconds are kept", FRIDAYS, "2025-01-09 20:30:17.000001", 24, "2025-01-11 20:30:17.000001"),
        ("a week of working days", FRIDAYS, "2025-01-04 10:00", 144, "2025-01-11 10:00"),
        ("ten working days", FRIDAYS, "2025-01-04 10:00", 240, "2025-01-15 10:00"),
        ("the example on the terms page", FRIDAYS, "2026-11-25 17:00", 48, "2026-11-28 17:00"),
        # Holidays beside Fridays.
        ("before Tasua", ASHURA_1404, "2025-07-03 18:00", 6, "2025-07-04 00:00"),
        ("over Friday, Tasua and Ashura", ASHURA_1404, "2025-07-03 18:00", 24, "2025-07-07 18:00"),
        ("begun on Ashura", ASHURA_1404, "2025-07-06 12:00", 24, "2025-07-08 00:00"),
        ("Arbaeen on a Thursday makes two days", SAFAR_1404, "2025-08-13 09:00", 48, "2025-08-17 09:00"),
        ("a holiday on a Friday costs nothing more", SAFAR_1404, "2025-08-21 09:00", 24, "2025-08-23 09:00"),
        ("Friday, Saturday, and again a holiday", SAFAR_1404, "2025-08-21 09:00", 48, "2025-08-25 09:00"),
        ("a week declared closed", DECLARED_1404, "2026-02-28 17:00", 24, "2026-03-08 17:00"),
        ("a week declared closed, and one day after", DECLARED_1404, "2026-02-28 17:00", 96, "2026-03-12 17:00"),
        # Nowruz 1404, after a leap year: 30 Esfand 1403 is 2025-03-20.
        ("into Nowruz", NOWRUZ_1404, "2025-03-18 10:00", 14, "2025-03-19 00:00"),
        ("over Nowruz", NOWRUZ_1404, "2025-03-18 10:00", 24, "2025-03-25 10:00"),
        ("over Nowruz, two days", NOWRUZ_1404, "2025-03-18 10:00", 48, "2025-03-26 10:00"),
        ("begun on 29 Esfand", NOWRUZ_1404, "2025-03-19 12:00", 24, "2025-03-26 00:00"),
        ("begun on 30 Esfand", NOWRUZ_1404, "2025-03-20 12:00", 48, "2025-03-27 00:00"),
        ("begun at the new year", NOWRUZ_1404, "2025-03-21 00:00", 1, "2025-03-25 01:00"),
        ("over Fitr and Nature Day", NOWRUZ_1404, "2025-03-30 12:00", 24, "2025-04-03 12:00"),
        ("over Fitr, Nature Day and a Friday", NOWRUZ_1404, "2025-03-30 12:00", 48, "2025-04-05 12:00"),
        ("from before Nowruz to after Nature Day", NOWRUZ_1404, "2025-03-18 10:00", 168, "2025-04-05 10:00"),
        # Nowruz 1400, after a leap year: Saturday 30 Esfand 1399 is 2021-03-20 and worked.
        ("the leap day works", NOWRUZ_1400, "2021-03-18 12:00", 36, "2021-03-21 00:00"),
        ("over Nowruz 1400", NOWRUZ_1400, "2021-03-20 12:00", 24, "2021-03-25 12:00"),
        ("over Nowruz 1400 and a Friday", NOWRUZ_1400, "2021-03-20 12:00", 48, "2021-03-27 12:00"),
        ("12 and 13 Farvardin", NOWRUZ_1400, "2021-03-31 12:00", 24, "2021-04-03 12:00"),
        # The clocks went forward at 0:00 on 2 Farvardin (22 March): that day, if it works, has 23 hours.
        ("23 hours in the day of 1400", FRIDAYS, "2021-03-21 12:00", 24, "2021-03-22 13:00"),
        ("exactly the 23-hour day", FRIDAYS, "2021-03-22 01:00", 23, "2021-03-23 00:00"),
        ("past the 23-hour day", FRIDAYS, "2021-03-22 01:00", 24, "2021-03-23 01:00"),
        ("23 hours in the day of 1401", FRIDAYS, "2022-03-21 12:00", 48, "2022-03-23 13:00"),
        ("a skipped night inside Nowruz counts for nothing", NOWRUZ_1400, "2021-03-20 23:00", 2, "2021-03-25 01:00"),
        # They went back at 24:00 on 30 Shahrivar (21 September): that day has 25 hours.
        ("25 hours in the day of 1400", FRIDAYS, "2021-09-21 12:00", 24, "2021-09-22 11:00"),
        ("exactly the 25-hour day", FRIDAYS, "2021-09-21 00:00", 25, "2021-09-22 00:00"),
        ("the hour that comes twice", FRIDAYS, "2021-09-21 23:30+04:30", 1, "2021-09-21 23:30+03:30"),
        ("25 hours in the last such day, 1401", FRIDAYS, "2022-09-21 12:00", 48, "2022-09-24 11:00"),
        ("no change in 1402", FRIDAYS, "2023-03-21 12:00", 24, "2023-03-22 12:00"),
    ],
)
def test_promised_hours_end_when_that_much_working_time_has_run(case, calendar, start, hours, due_at):
    end = calendar.after(tehran(start), hours)
    assert end == tehran(due_at)
    assert end.tzinfo is UTC


@pytest.mark.parametrize(
    ("start", "hours", "due_at"),
    [
        ("2025-01-04 09:00", 8, "2025-01-04 17:00"),
        ("2025-01-04 09:00", 9, "2025-01-05 10:00"),
        ("2025-01-04 05:00", 1, "2025-01-04 10:00"),
        ("2025-01-04 17:00", 1, "2025-01-05 10:00"),
        ("2025-01-09 16:30", 1, "2025-01-11 09:30"),
        ("2021-03-22 00:00+03:30", 8, "2021-03-22 17:00"),  # office hours are by the clock on the wall
    ],
)
def test_only_office_hours_count_where_the_shop_sets_them(start, hours, due_at):
    assert WorkCalendar(office=(time(9), time(17))).after(tehran(start), hours) == tehran(due_at)


@pytest.mark.parametrize(
    ("a", "b", "worked"),
    [
        ("2025-01-08 10:00", "2025-01-11 10:00", timedelta(hours=48)),
        ("2025-01-10 01:00", "2025-01-10 23:00", timedelta()),
        ("2025-01-13 00:00", "2025-01-15 00:00", timedelta()),
        ("2025-01-09 23:59:59", "2025-01-11 00:00:01", timedelta(seconds=2)),
        ("2025-01-11 10:00", "2025-01-08 10:00", timedelta(hours=-48)),
        ("2025-01-08 10:00", "2025-01-08 10:00", timedelta()),
    ],
)
def test_working_time_between_two_instants(a, b, worked):
    assert JANUARY.between(tehran(a), tehran(b)) == worked


@pytest.mark.clause("D21")
@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2025-01-04", True),  # Saturday
        ("2025-01-09", True),  # Thursday
        ("2025-01-10", False),  # Friday
        ("2025-01-13", False),  # a holiday
        ("2025-01-15", True),
    ],
)
def test_saturday_to_thursday_work_except_holidays(day, works):
    assert JANUARY.is_working_day(date.fromisoformat(day)) is works


@pytest.mark.clause("D22")
@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2025-01-04 00:00", "2025-01-04"),
        ("2025-01-09 23:59:59", "2025-01-09"),
        ("2025-01-10 00:00", "2025-01-11"),  # Friday → Saturday
        ("2025-01-10 23:59", "2025-01-11"),
        ("2025-01-13 08:00", "2025-01-15"),  # two holidays
        ("2025-01-12T20:29:59+00:00", "2025-01-12"),  # a second before midnight in Tehran
        ("2025-01-12T20:30:00+00:00", "2025-01-15"),
    ],
)
def test_an_order_of_a_holiday_is_processed_on_the_first_working_day_after(instant, day):
    assert JANUARY.processing_date(tehran(instant)) == date.fromisoformat(day)


@pytest.mark.clause("D22")
@pytest.mark.parametrize(
    ("case", "calendar", "instant", "day"),
    [
        # A Thursday works to its last second, and after it comes Saturday.
        ("Thursday evening", FRIDAYS, "2025-01-09 23:30", "2025-01-09"),
        ("the midnight after it", FRIDAYS, "2025-01-10 00:00", "2025-01-11"),
        # Nowruz 1400, after the leap day of 1399 (Saturday 30 Esfand), which worked.
        ("the leap day of 1399", NOWRUZ_1400, "2021-03-20 23:59:59", "2021-03-20"),
        ("the first second of 1400", NOWRUZ_1400, "2021-03-21 00:00", "2021-03-25"),
        ("4 Farvardin 1400", NOWRUZ_1400, "2021-03-24 23:59", "2021-03-25"),
        ("the Friday in Nowruz 1400", NOWRUZ_1400, "2021-03-26 12:00", "2021-03-27"),
        ("12 Farvardin 1400, a Thursday before a Friday", NOWRUZ_1400, "2021-04-01 10:00", "2021-04-03"),
        # Nowruz 1404, after the leap day of 1403 (Thursday 30 Esfand), which was closed.
        ("the evening before 29 Esfand", NOWRUZ_1404, "2025-03-18 23:59:59", "2025-03-18"),
        ("29 Esfand, the day of the oil", NOWRUZ_1404, "2025-03-19 00:00", "2025-03-25"),
        ("the leap day of 1403", NOWRUZ_1404, "2025-03-20 09:00", "2025-03-25"),
        ("the day of Fitr, before Nature Day", NOWRUZ_1404, "2025-03-31 08:00", "2025-04-03"),
        ("Nature Day", NOWRUZ_1404, "2025-04-02 20:00", "2025-04-03"),
        # Days of the moon.
        ("the Friday before Tasua and Ashura", ASHURA_1404, "2025-07-04 10:00", "2025-07-07"),
        ("Arbaeen, a Thursday", SAFAR_1404, "2025-08-14 10:00", "2025-08-16"),
        ("the end of Safar, a Sunday", SAFAR_1404, "2025-08-24 10:00", "2025-08-25"),
        ("a week declared closed, from its first day", DECLARED_1404, "2026-03-01 10:00", "2026-03-08"),
        # The night of 22 March 2021 had no hour 0: one second before it, and the first after it.
        ("before the skipped hour", FRIDAYS, "2021-03-21T20:29:59+00:00", "2021-03-21"),
        ("after the skipped hour", FRIDAYS, "2021-03-21T20:30:00+00:00", "2021-03-22"),
        # On 21 September 2021 the last hour came twice; the day ended after the second.
        ("the end of the first last hour", FRIDAYS, "2021-09-21T19:29:59+00:00", "2021-09-21"),
        ("the second last hour", FRIDAYS, "2021-09-21T19:30:00+00:00", "2021-09-21"),
        ("the day after it", FRIDAYS, "2021-09-21T20:30:00+00:00", "2021-09-22"),
        ("the same night of 1401, the last", FRIDAYS, "2022-09-21T20:29:59+00:00", "2022-09-21"),
        ("and its end", FRIDAYS, "2022-09-21T20:30:00+00:00", "2022-09-22"),
        ("no skipped hour in 1402", FRIDAYS, "2023-03-21T20:30:00+00:00", "2023-03-22"),
    ],
)
def test_the_day_of_processing_over_feasts_leap_days_and_nights_that_changed_the_clock(case, calendar, instant, day):
    assert calendar.processing_date(tehran(instant)) == date.fromisoformat(day)


@pytest.mark.clause("D30")
@pytest.mark.parametrize(
    ("case", "event", "early", "deadline"),
    [
        ("a plain week", "2025-01-04 10:00", "2025-01-05 10:00", "2025-01-06 10:00"),
        ("Wednesday evening", "2025-01-08 22:00", "2025-01-09 22:00", "2025-01-11 22:00"),
        ("Thursday evening", "2025-01-09 22:00", "2025-01-11 22:00", "2025-01-12 22:00"),
        ("Saturday evening, before two holidays", "2025-01-11 22:00", "2025-01-12 22:00", "2025-01-15 22:00"),
        ("a Friday", "2025-01-10 12:00", "2025-01-12 00:00", "2025-01-13 00:00"),
    ],
)
def test_a_refund_has_its_early_mark_after_one_working_day_and_its_deadline_after_two(case, event, early, deadline):
    assert JANUARY.after(tehran(event), 24) == tehran(early)
    assert JANUARY.after(tehran(event), 48) == tehran(deadline)


@pytest.mark.parametrize(
    ("day", "length"),
    [("2021-03-22", 23), ("2021-09-21", 25), ("2022-03-22", 23), ("2022-09-21", 25), ("2023-03-22", 24)],
)
def test_days_of_the_clock_change_are_as_long_as_they_were(day, length):
    first = date.fromisoformat(day)
    assert day_start(first + timedelta(days=1)) - day_start(first) == length * HOUR


def test_a_naive_instant_is_refused():
    naive = datetime(2025, 1, 4, 10)  # noqa: DTZ001  # the point of the test
    for ask in (tehran_day, FRIDAYS.processing_date, lambda t: FRIDAYS.after(t, 1), lambda t: FRIDAYS.between(t, t)):
        with pytest.raises(ValueError, match="time zone"):
            ask(naive)


def test_hours_do_not_run_backwards():
    with pytest.raises(ValueError, match="backwards"):
        FRIDAYS.after(tehran("2025-01-04 10:00"), -1)


def test_a_week_without_working_days_and_an_office_that_never_opens_are_refused():
    with pytest.raises(ValueError, match="must work"):
        WorkCalendar(weekly_off=set(range(7)))
    with pytest.raises(ValueError, match="before it closes"):
        WorkCalendar(office=(time(17), time(9)))


# ---- Against a slow count: every half hour is asked which day it belongs to ----


def worked(calendar: WorkCalendar, start: datetime, end: datetime) -> timedelta:
    """Count working time by half hours, the grain of Tehran's offsets; no arithmetic on days at all."""
    total = timedelta()
    cell = datetime.fromtimestamp(start.timestamp() // 1800 * 1800, UTC)
    while cell < end:
        local = cell.astimezone(TEHRAN)
        open_ = calendar.office is None or calendar.office[0] <= local.time() < calendar.office[1]
        if open_ and local.weekday() not in calendar.weekly_off and local.date() not in calendar.closed:
            total += min(end, cell + HALF_HOUR) - max(start, cell)
        cell += HALF_HOUR
    return total


first_day = datetime(2019, 1, 1, tzinfo=UTC)
any_moments = st.timedeltas(timedelta(), timedelta(days=2900)).map(lambda since: first_day + since)
edges = [
    day_start(date.fromisoformat(day)) + timedelta(microseconds=shift)
    for day in ("2021-03-22", "2021-03-23", "2021-09-21", "2021-09-22", "2022-03-22", "2022-09-22", "2025-03-21")
    for shift in (-1, 0, 1)
]
moments = any_moments | st.sampled_from(edges)
near_days = st.integers(-3, 40)
offices = st.none() | st.sampled_from([(time(9), time(17)), (time(8, 30), time(13)), (time(1), time(23))])


@st.composite
def cases(draw):
    start = draw(moments)
    first = start.astimezone(TEHRAN).date()
    closed = frozenset(first + timedelta(days=n) for n in draw(st.sets(near_days, max_size=15)))
    off = draw(st.sampled_from([frozenset({4}), frozenset({3, 4}), frozenset()]))
    return WorkCalendar(closed=closed, weekly_off=off, office=draw(offices)), start


@pytest.mark.clause("D30")
@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(1, 200))
def test_exactly_the_promised_hours_run_before_it_is_due(case, hours):
    calendar, start = case
    end = calendar.after(start, hours)
    assert worked(calendar, start, end) == timedelta(hours=hours)
    assert worked(calendar, start, end - timedelta.resolution) < timedelta(hours=hours)
    assert calendar.between(start, end) == timedelta(hours=hours)


@settings(max_examples=150, deadline=None)
@given(cases(), st.timedeltas(timedelta(), timedelta(days=20)))
def test_the_time_between_agrees_with_the_slow_count(case, span):
    calendar, start = case
    assert calendar.between(start, start + span) == worked(calendar, start, start + span)


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(0, 100), st.integers(0, 100))
def test_hours_may_be_promised_in_two_parts(case, first, second):
    calendar, start = case
    assert calendar.after(calendar.after(start, first), second) == calendar.after(start, first + second)
