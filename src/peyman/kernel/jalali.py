"""Dates and hours in words, as Persian readers expect them: «چهارشنبه ۴ آذر، ساعت ۱۰:۲۴».

Instants are aware and are shown in Tehran's time; a plain `date` is taken as it is. Pages and messages
use the same words, so they live here. Machines get `iso`.
"""

import re
from datetime import UTC, date, datetime, time, timedelta

from persiantools.jdatetime import JalaliDate

from peyman.kernel.text import normalise, persian_digits
from peyman.kernel.worktime import TEHRAN, day_start, tehran_day

_MONTHS = (
    "فروردین",
    "اردیبهشت",
    "خرداد",
    "تیر",
    "مرداد",
    "شهریور",
    "مهر",
    "آبان",
    "آذر",
    "دی",
    "بهمن",
    "اسفند",
)
_WEEKDAYS = ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه")  # as date.weekday() counts
_MINUTE = timedelta(minutes=1)
_DATE = re.compile(r"(\d{4})\s*[-/.،]\s*(\d{1,2})\s*[-/.،]\s*(\d{1,2})", re.ASCII)
_CLOCK = re.compile(r"(?:ساعت )?(\d{1,2})(?:\s*[:٫.]\s*(\d{2}))?", re.ASCII)
_GREGORIAN = 1700  # a year from here on is no Jalali one


def month_name(month: int) -> str:
    """Return the name of Jalali month 1 to 12. Raises ValueError for any other number."""
    if not 1 <= month <= 12:
        raise ValueError(f"no month {month}")
    return _MONTHS[month - 1]


def weekday_name(when: datetime | date) -> str:
    """Return the name of the day of the week: «سه‌شنبه»."""
    return _WEEKDAYS[_day(when).weekday()]


def jalali(when: datetime | date) -> JalaliDate:
    """Return the Jalali date of an instant or a day."""
    return JalaliDate(_day(when))


def year_of(when: datetime | date) -> int:
    """Return the Jalali year: 1405."""
    return jalali(when).year


def long_date(when: datetime | date, *, year: bool = False) -> str:
    """Return «چهارشنبه ۴ آذر», with `year` «چهارشنبه ۴ آذر ۱۴۰۵»."""
    return f"{weekday_name(when)} {plain_date(when, year=year)}"


def plain_date(when: datetime | date, *, year: bool = False) -> str:
    """Return «۴ آذر», with `year` «۴ آذر ۱۴۰۵»."""
    day = jalali(when)
    return persian_digits(f"{day.day} {month_name(day.month)}" + (f" {day.year}" if year else ""))


def short_date(when: datetime | date) -> str:
    """Return «۱۴۰۵/۰۹/۰۴», for narrow columns."""
    day = jalali(when)
    return persian_digits(f"{day.year:04}/{day.month:02}/{day.day:02}")


def hour(instant: datetime) -> str:
    """Return «ساعت ۱۷:۰۳», on the full hour «ساعت ۱۷», in Tehran; seconds are cut. 0:00 stays «ساعت ۰:۰۰»."""
    local = instant.astimezone(TEHRAN)
    on_the_hour = local.minute == 0 and local.hour != 0
    return "ساعت " + persian_digits(f"{local.hour}" if on_the_hour else f"{local.hour}:{local.minute:02}")


def moment(instant: datetime, *, year: bool = False) -> str:
    """Return when something happened: «چهارشنبه ۴ آذر، ساعت ۱۰:۲۴»."""
    return f"{long_date(instant, year=year)}، {hour(instant)}"


def deadline(instant: datetime, *, year: bool = False) -> str:
    """Return until when: «تا شنبه ۷ آذر، ساعت ۱۷».

    Seconds are cut, so the words never allow more than the promise. A time that ends with the day is
    «ساعت ۲۳:۵۹» of that day: half of all readers take midnight for the other one.
    """
    if instant - day_start(tehran_day(instant)) < _MINUTE:
        instant = day_start(tehran_day(instant)) - _MINUTE
    return f"تا {moment(instant, year=year)}"


def duration_words(span: timedelta) -> str:
    """Return «۲ ساعت و ۱۴ دقیقه»; from two days on, days and hours. Rounded down to what is named.

    Below a minute it is «کمتر از یک دقیقه». Raises ValueError for a negative span: whether something is left
    or late is the caller's sentence.
    """
    if span < timedelta():
        raise ValueError("a span does not run backwards")
    minutes = span // _MINUTE
    hours = minutes // 60
    long, short = [(hours // 24, "روز"), (hours % 24, "ساعت")], [(hours, "ساعت"), (minutes % 60, "دقیقه")]
    parts = long if hours >= 48 else short
    words = [f"{persian_digits(count)} {unit}" for count, unit in parts if count]
    return " و ".join(words) or "کمتر از یک دقیقه"


def iso(instant: datetime) -> str:
    """Return the instant for machines, in UTC: "2026-11-25T06:54:00Z". Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("an instant without its time zone is no instant")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def years_before(instant: datetime, years: int) -> datetime:
    """Return when the day began that is `years` Jalali years before this one; of 30 Esfand, 29 where there is no 30."""
    day = jalali(instant)
    last = JalaliDate.days_in_month(day.month, day.year - years)
    return day_start(JalaliDate(day.year - years, day.month, min(day.day, last)).to_gregorian())


def month_end(day: date) -> date:
    """Return the last day of the Jalali month in which `day` lies; of Esfand of a leap year, the 30th."""
    found = jalali(day)
    return JalaliDate(found.year, found.month, JalaliDate.days_in_month(found.month, found.year)).to_gregorian()


def typed_date(typed: str) -> date:
    """Return the day that was typed as year, month, day: «۱۴۰۵/۹/۴», "1405-09-04", also Gregorian "2026-11-25".

    Digits of any script are taken. Raises ValueError for anything else, 30 Esfand of a common year among it.
    """
    found = _DATE.fullmatch(normalise(typed, digits=True))
    if not found:
        raise ValueError(f"no date: {typed!r:.40}")
    year, month, day = (int(part) for part in found.groups())
    return date(year, month, day) if year >= _GREGORIAN else JalaliDate(year, month, day).to_gregorian()


def typed_instant(day: str, clock: str) -> datetime:
    """Return the instant, in UTC, that was typed as a date and an hour in Tehran: «۱۴۰۵/۹/۴», «۸:۳۰» or «۸».

    Raises ValueError for what is no date or no hour from 0:00 to 23:59.
    """
    found = _CLOCK.fullmatch(normalise(clock, digits=True))
    if not found:
        raise ValueError(f"no hour: {clock!r:.40}")
    at = time(int(found[1]), int(found[2] or 0))
    return datetime.combine(typed_date(day), at, tzinfo=TEHRAN).astimezone(UTC)


def _day(when: datetime | date) -> date:
    return tehran_day(when) if isinstance(when, datetime) else when
