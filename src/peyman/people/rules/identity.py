"""Numbers that stand for a person: the national id and the account money goes back to (D15, D16, D40).

A national id that was only typed proves nothing, so it is nobody's for sure: two accounts may name the same one, and
neither is told of the other. It is one person's once staff have seen the card; from then on it is unique.
"""

import re
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import normalise, persian_digits

_NOISE = re.compile(r"[\s.\-_/\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
_SHEBA_DIGITS: Final = 24


class NationalIdStands(Refused):
    """Staff have seen the card: its number is not typed anew."""

    code, clause, status = "national_id_stands", "D40", 409
    says = (
        "کد ملی عوض نشد، چون همکاران ما آن را با کارت سنجیده‌اند. "
        "اگر نادرست است، از صفحه گزارش حریم خصوصی به ما بنویسید."
    )


class NationalIdTaken(Refused):
    """Another account has this id, and its card was seen."""

    code, clause, status = "national_id_taken", "D15", 409
    says = (
        "تأیید نشد، چون همین کد ملی در حساب {other} با کارت سنجیده شده است. "
        "نخست روشن کنید کدام حساب از آن دارنده کارت است."
    )


class NoNationalId(Refused):
    """There is nothing to confirm."""

    code, clause, status = "no_national_id", "D40", 409
    says = "تأیید نشد، چون در این حساب کد ملی‌ای نوشته نشده است."


@carries_out("D40")
def national_id(typed: str, *, field: str = "national_id") -> str:
    """Return the ten digits of a person's national id, in any script, with spaces, without the zeros before it.

    Raises Invalid that names `field`: another length, or a last digit that does not belong to the nine before it.
    """
    digits = _NOISE.sub("", normalise(typed, digits=True))
    if not digits:
        raise Invalid({field: "کد ملی را بنویسید؛ ۱۰ رقم است."})
    if not digits.isascii() or not digits.isdigit():
        raise Invalid({field: "کد ملی فقط رقم است؛ ۱۰ رقم بنویسید."})
    if not 8 <= len(digits) <= 10:
        raise Invalid({field: f"کد ملی {persian_digits(len(digits))} رقم است؛ باید ۱۰ رقم باشد."})
    digits = digits.zfill(10)
    if not is_national_id(digits):
        raise Invalid({field: "این کد ملی درست نیست؛ رقمی از آن جابه‌جا یا اشتباه است. از روی کارت بخوانید."})
    return digits


def is_national_id(digits: str) -> bool:
    """Say whether the last of ten digits belongs to the nine before it.

    Those times 10, 9 … 2, summed; the rest by 11 is the last digit, or 11 less it from 2 on: 0499370899 → 9.
    """
    if len(set(digits)) == 1 or digits.startswith("000"):
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return int(digits[9]) == (rest if rest < 2 else 11 - rest)


@carries_out("D40")
def sheba(typed: str, *, field: str = "sheba") -> str:
    """Return an Iranian account number as "IR" and 24 digits, in any script, with or without IR and spaces.

    Raises Invalid that names `field`: another country, another length, or check digits that do not fit.
    """
    text = _NOISE.sub("", normalise(typed, digits=True)).upper()
    if not text:
        raise Invalid({field: "شماره شبا را بنویسید؛ IR و ۲۴ رقم است."})
    country, digits = (text[:2], text[2:]) if text[:2].isalpha() else ("IR", text)
    if country != "IR":
        raise Invalid({field: "تنها شماره شبای بانک‌های ایران پذیرفته است؛ با IR آغاز می‌شود."})
    if not digits.isascii() or not digits.isdigit():
        raise Invalid({field: "شماره شبا جز IR فقط رقم است؛ ۲۴ رقم بنویسید."})
    if len(digits) != _SHEBA_DIGITS:
        raise Invalid({field: f"شماره شبا {persian_digits(len(digits))} رقم دارد؛ باید ۲۴ رقم باشد."})
    if not is_sheba(digits):
        raise Invalid({field: "این شماره شبا درست نیست؛ رقمی از آن جابه‌جا یا اشتباه است. از برنامه بانک بخوانید."})
    return f"IR{digits}"


def is_sheba(digits: str) -> bool:
    """Say whether the two check digits fit the 22 behind them (ISO 7064, mod 97; IR counts as 1827)."""
    return int(digits[2:] + "1827" + digits[:2]) % 97 == 1


def masked(text: str, shown: int = 4) -> str:
    """Return a number with all but its last digits hidden: "••••••0899"; "" for none."""
    return "•" * 6 + text[-shown:] if text else ""
