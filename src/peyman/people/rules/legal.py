"""Ids of organisations (D44)."""

import re
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.text import normalise

_WEIGHTS: Final = (29, 27, 23, 19, 17) * 2


@carries_out("D44")
def legal_national_id(typed: str, *, field: str = "national_id") -> str:
    """Return the 11 digits of an organisation's national id, however they were typed.

    Raises Invalid that names `field`: another length, or a last digit that does not belong to the ten before it.
    """
    digits = re.sub(r"[\s\-\u2010-\u2015_/\u200c]", "", normalise(typed, digits=True))
    if not digits:
        raise Invalid({field: "شناسه ملی سازمان را بنویسید."})
    if not digits.isascii() or not digits.isdigit() or len(digits) != 11:
        raise Invalid({field: "شناسه ملی سازمان ۱۱ رقم است."})
    if not has_right_check_digit(digits):
        raise Invalid({field: "این شناسه ملی درست نیست؛ رقمی از آن جابه‌جا یا اشتباه است. از روی آگهی ثبت بخوانید."})
    return digits


def has_right_check_digit(digits: str) -> bool:
    """Say whether the last of 11 digits belongs to the others.

    Each of the first ten, plus the tenth, plus 2, times 29, 27, 23, 19, 17, 29 …; the sum's remainder by 11 (10 → 0):
    10380284790 ends in 0.
    """
    if int(digits[3:9]) == 0:
        return False
    more = int(digits[9]) + 2
    rest = sum((int(digit) + more) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False)) % 11
    return (0 if rest == 10 else rest) == int(digits[10])
