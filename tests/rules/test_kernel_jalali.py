"""Dates and hours in words."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel import jalali
from peyman.kernel.worktime import TEHRAN


def tehran(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=TEHRAN)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-11-25", "چهارشنبه ۴ آذر ۱۴۰۵"),
        ("2026-11-28", "شنبه ۷ آذر ۱۴۰۵"),
        ("2021-03-20", "شنبه ۳۰ اسفند ۱۳۹۹"),  # leap
        ("2021-03-21", "یکشنبه ۱ فروردین ۱۴۰۰"),
        ("2022-03-20", "یکشنبه ۲۹ اسفند ۱۴۰۰"),
        ("2022-03-21", "دوشنبه ۱ فروردین ۱۴۰۱"),
        ("2025-03-20", "پنجشنبه ۳۰ اسفند ۱۴۰۳"),  # leap
        ("2025-03-21", "جمعه ۱ فروردین ۱۴۰۴"),
        ("2026-03-20", "جمعه ۲۹ اسفند ۱۴۰۴"),
        ("2026-03-21", "شنبه ۱ فروردین ۱۴۰۵"),
        ("2022-09-21", "چهارشنبه ۳۰ شهریور ۱۴۰۱"),
        ("2025-09-22", "دوشنبه ۳۱ شهریور ۱۴۰۴"),
        ("2025-09-23", "سه‌شنبه ۱ مهر ۱۴۰۴"),
        ("2025-12-21", "یکشنبه ۳۰ آذر ۱۴۰۴"),
    ],
)
def test_a_day_in_words(day, words):
    assert jalali.long_date(date.fromisoformat(day), year=True) == words


def test_a_day_without_year_or_weekday_and_in_figures():
    assert jalali.long_date(date(2026, 11, 25)) == "چهارشنبه ۴ آذر"
    assert jalali.plain_date(date(2026, 11, 25)) == "۴ آذر"
    assert jalali.plain_date(date(2026, 11, 25), year=True) == "۴ آذر ۱۴۰۵"
    assert jalali.short_date(date(2026, 11, 25)) == "۱۴۰۵/۰۹/۰۴"
    assert jalali.year_of(date(2026, 3, 20)) == 1404


def test_an_instant_is_shown_on_the_day_it_has_in_tehran():
    assert jalali.long_date(datetime(2026, 11, 25, 20, 29, 59, tzinfo=UTC)) == "چهارشنبه ۴ آذر"
    assert jalali.long_date(datetime(2026, 11, 25, 20, 30, tzinfo=UTC)) == "پنجشنبه ۵ آذر"
    assert jalali.long_date(datetime(2026, 11, 25, 23, 0, tzinfo=timezone(timedelta(hours=9)))) == "چهارشنبه ۴ آذر"


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        ("2026-11-25 17:03", "ساعت ۱۷:۰۳"),
        ("2026-11-25 17:00", "ساعت ۱۷"),
        ("2026-11-25 17:00:59", "ساعت ۱۷"),
        ("2026-11-25 08:00", "ساعت ۸"),
        ("2026-11-25 07:12", "ساعت ۷:۱۲"),
        ("2026-11-25 00:00", "ساعت ۰:۰۰"),
        ("2026-11-25 00:05", "ساعت ۰:۰۵"),
        ("2026-11-25 23:59:59", "ساعت ۲۳:۵۹"),
        ("2022-03-22 01:00", "ساعت ۱"),  # the first hour of that day
        ("2026-11-25T06:54:00+00:00", "ساعت ۱۰:۲۴"),
        ("2022-06-01T06:54:00+00:00", "ساعت ۱۱:۲۴"),  # summer time, for the last time
        ("2023-06-01T06:54:00+00:00", "ساعت ۱۰:۲۴"),
    ],
)
def test_an_hour_in_words(instant, words):
    assert jalali.hour(tehran(instant)) == words


def test_a_moment_in_words():
    assert jalali.moment(tehran("2026-11-25 10:24")) == "چهارشنبه ۴ آذر، ساعت ۱۰:۲۴"
    assert jalali.moment(tehran("2026-11-25 18:30"), year=True) == "چهارشنبه ۴ آذر ۱۴۰۵، ساعت ۱۸:۳۰"
    assert jalali.moment(tehran("2026-11-02 00:00")) == "دوشنبه ۱۱ آبان، ساعت ۰:۰۰"


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        ("2026-11-28 17:00", "تا شنبه ۷ آذر، ساعت ۱۷"),
        ("2026-11-28 17:03:59", "تا شنبه ۷ آذر، ساعت ۱۷:۰۳"),
        ("2026-11-29 00:00", "تا شنبه ۷ آذر، ساعت ۲۳:۵۹"),
        ("2026-11-29 00:00:59.999999", "تا شنبه ۷ آذر، ساعت ۲۳:۵۹"),
        ("2026-11-29 00:01", "تا یکشنبه ۸ آذر، ساعت ۰:۰۱"),
        ("2026-11-28 23:59", "تا شنبه ۷ آذر، ساعت ۲۳:۵۹"),
        ("2021-03-21 00:00", "تا شنبه ۳۰ اسفند، ساعت ۲۳:۵۹"),  # the leap day's end
        ("2022-03-21T20:30:00+00:00", "تا دوشنبه ۱ فروردین، ساعت ۲۳:۵۹"),  # that night has no midnight
        ("2022-09-21T20:30:00+00:00", "تا چهارشنبه ۳۰ شهریور، ساعت ۲۳:۵۹"),  # 24:00 of the 25-hour day
        ("2022-09-21T19:30:00+00:00", "تا چهارشنبه ۳۰ شهریور، ساعت ۲۳"),  # the second 23:00
    ],
)
def test_a_deadline_never_says_midnight(instant, words):
    assert jalali.deadline(tehran(instant)) == words


def test_a_deadline_with_its_year():
    assert jalali.deadline(tehran("2026-03-21 00:00"), year=True) == "تا جمعه ۲۹ اسفند ۱۴۰۴، ساعت ۲۳:۵۹"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(hours=2, minutes=14), "۲ ساعت و ۱۴ دقیقه"),
        (timedelta(hours=22, minutes=30), "۲۲ ساعت و ۳۰ دقیقه"),
        (timedelta(minutes=40), "۴۰ دقیقه"),
        (timedelta(minutes=1), "۱ دقیقه"),
        (timedelta(seconds=59), "کمتر از یک دقیقه"),
        (timedelta(), "کمتر از یک دقیقه"),
        (timedelta(hours=1), "۱ ساعت"),
        (timedelta(hours=1, seconds=59), "۱ ساعت"),
        (timedelta(hours=24), "۲۴ ساعت"),
        (timedelta(hours=47, minutes=59), "۴۷ ساعت و ۵۹ دقیقه"),
        (timedelta(hours=48), "۲ روز"),
        (timedelta(days=3, hours=5, minutes=59), "۳ روز و ۵ ساعت"),
    ],
)
def test_a_span_in_words(span, words):
    assert jalali.duration_words(span) == words


def test_a_span_does_not_run_backwards():
    with pytest.raises(ValueError, match="backwards"):
        jalali.duration_words(timedelta(seconds=-1))


def test_months_have_names_from_1_to_12():
    assert [jalali.month_name(n) for n in (1, 2, 6, 9, 12)] == ["فروردین", "اردیبهشت", "شهریور", "آذر", "اسفند"]
    for n in (0, 13, -1):
        with pytest.raises(ValueError):
            jalali.month_name(n)


@pytest.mark.parametrize(
    ("day", "name"),
    [(0, "شنبه"), (1, "یکشنبه"), (2, "دوشنبه"), (3, "سه‌شنبه"), (4, "چهارشنبه"), (5, "پنجشنبه"), (6, "جمعه")],
)
def test_days_of_the_week(day, name):
    assert jalali.weekday_name(date(2026, 11, 28) + timedelta(days=day)) == name


def test_machines_get_iso_in_utc():
    assert jalali.iso(tehran("2026-11-25 10:24")) == "2026-11-25T06:54:00Z"
    assert jalali.iso(datetime(2026, 11, 25, 6, 54, 0, 5, tzinfo=UTC)) == "2026-11-25T06:54:00.000005Z"
    with pytest.raises(ValueError, match="time zone"):
        jalali.iso(datetime(2026, 11, 25))  # noqa: DTZ001  # the point of the test


@given(st.dates(date(1990, 1, 1), date(2070, 1, 1)))
def test_each_day_follows_the_one_before_in_the_jalali_calendar(day):
    today, tomorrow = jalali.jalali(day), jalali.jalali(day + timedelta(days=1))
    if tomorrow.day == 1:
        longest = 31 if today.month <= 6 else 30
        assert today.day == longest or (today.month, today.day) == (12, 29)
        assert (tomorrow.year, tomorrow.month) == (
            (today.year + 1, 1) if today.month == 12 else (today.year, today.month + 1)
        )
    else:
        assert (tomorrow.year, tomorrow.month, tomorrow.day) == (today.year, today.month, today.day + 1)


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2026, 11, 22), date(2026, 12, 21)),  # آذر, of 30 days
        (date(2026, 12, 21), date(2026, 12, 21)),  # its own last day
        (date(2023, 6, 25), date(2023, 7, 22)),  # 4 Tir 1402: until 31 Tir
        (date(2025, 3, 1), date(2025, 3, 20)),  # Esfand 1403, a leap year: the 30th
        (date(2026, 3, 1), date(2026, 3, 20)),  # Esfand 1404: the 29th
    ],
)
def test_the_last_day_of_a_month(day, last):
    assert jalali.month_end(day) == last
    assert jalali.jalali(last + timedelta(days=1)).day == 1
