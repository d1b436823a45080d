"""Age, and buying before one is of age (D20)."""

import hashlib
import re
import secrets
from datetime import date, timedelta
from typing import Final

from persiantools.jdatetime import JalaliDate

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import normalise, persian_digits

GUARDIAN_LIFETIME: Final = timedelta(hours=24)
_OLDEST: Final = 120  # years
_DATE = re.compile(r"(\d{4})\s*[/\-. ]\s*(\d{1,2})\s*[/\-. ]\s*(\d{1,2})|(\d{4})(\d{2})(\d{2})")


class BirthDateStands(Refused):
    """A birth date is written once: else whoever is too young would write another."""

    code, clause, status = "birth_date_stands", "D20", 409
    says = (
        "تاریخ تولد عوض نشد، چون یک بار نوشته می‌شود. اگر نادرست است، از صفحه گزارش حریم خصوصی به ما بنویسید تا "
        "آن را اصلاح کنیم."
    )


class GuardianNeeded(Refused):
    """A minor's order waits for a parent or guardian."""

    code, clause, status = "guardian_needed", "D20", 409
    says = (
        "پرداخت آغاز نشد، چون خریدار به سن قانونی نرسیده است و پدر، مادر یا قیم او هنوز این سفارش را تأیید نکرده است. "
        "پولی گرفته نشد؛ شماره او را بنویسید تا برایش پیامک بفرستیم."
    )


class OwnNumber(Invalid):
    """Nobody is their own guardian."""

    code, clause = "own_number", "D20"
    says = "پیامک فرستاده نشد، چون این شماره خود شماست."


class ConfirmationOver(Refused):
    """The link or the code is not the newest of this order, was used, is too old or was tried too often."""

    code, clause, status = "guardian_confirmation_over", "D20", 422
    says = "تأیید انجام نشد، چون این کد یا پیوند درست نیست یا زمانش گذشته است. از صفحه سفارش می‌توان پیامک تازه خواست."


def birth_date(typed: str, today: date, *, field: str = "birth_date") -> date:
    """Return the day that a Jalali date names: "۱۳۸۹/۴/۵", "1389-04-05", "13890405".

    Raises Invalid that names `field` for what is no date of the calendar, lies ahead of `today`, or is longer ago than
    anybody lives.
    """
    found = _DATE.fullmatch(normalise(typed, digits=True))
    if not found:
        raise Invalid({field: "تاریخ تولد را با سال، ماه و روز شمسی بنویسید؛ مانند ۱۳۸۹/۴/۵."})
    year, month, day = (int(part) for part in found.groups() if part is not None)
    if year > 1500:
        raise Invalid({field: "این تاریخ میلادی است؛ تاریخ شمسی بنویسید، مانند ۱۳۸۹/۴/۵."})
    try:
        born = JalaliDate(year, month, day).to_gregorian()
    except ValueError:
        raise Invalid({field: "چنین روزی در تقویم نیست؛ سال، ماه و روز را دوباره ببینید."}) from None
    if born > today:
        raise Invalid({field: "این روز هنوز نیامده است."})
    if age(born, today) > _OLDEST:
        raise Invalid({field: "سال تولد درست نیست؛ آن را با چهار رقم بنویسید."})
    return born


def age(born: date, today: date) -> int:
    """Return full Jalali years. Who was born on 30 Esfand has their birthday on 1 Farvardin in years without it."""
    start, now = JalaliDate(born), JalaliDate(today)
    return int(now.year - start.year - ((now.month, now.day) < (start.month, start.day)))


@carries_out("D20")
def is_minor(born: date | None, today: date, adult_age: int) -> bool:
    """Say whether we know that someone is younger than `adult_age`; on that birthday they no longer are."""
    return born is not None and age(born, today) < adult_age


def waiting_hours(span: timedelta) -> str:
    """Return a span in whole hours, rounded up, in Persian: «۲۴ ساعت»."""
    return f"{persian_digits(-(-int(span.total_seconds()) // 3600))} ساعت"


def new_guardian_token() -> str:
    """Return what a guardian's link carries: 128 random bits, short enough for an SMS."""
    return secrets.token_urlsafe(16)


def guardian_token_hash(token: str) -> str:
    return hashlib.sha256(f"guardian:{token}".encode()).hexdigest()
