"""Dates and hours in words, as Persian readers expect them: «چهارشنبه ۴ آذر، ساعت ۱۰:۲۴».

Instants are aware and are shown in Tehran's time; a plain `date` is taken as it is. Pages and messages
use the same words, so they live here. Machines get `iso`.
"""

from datetime import UTC, date, datetime, timedelta

from persiantools.jdatetime import JalaliDate

from peyman.kernel.text import persian_digits
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


def _day(when: datetime | date) -> date:
    return tehran_day(when) if isinstance(when, datetime) else when
