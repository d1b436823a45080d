"""Cells of the files that banks and payment providers make: digits of any script, days of either calendar."""

import re
from datetime import UTC, datetime
from typing import Final

from peyman.kernel import jalali
from peyman.kernel.text import has_controls, normalise, whole_number
from peyman.kernel.worktime import TEHRAN

LONGEST: Final = 80  # letters of a receipt or a terminal
MOST_RIALS: Final = 10**15
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_PARTED = str.maketrans("", "", "٬,،' \u200c\u00a0")  # signs that part thousands
_DAY = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}", re.ASCII)
_ONE_DIGIT = re.compile(r"([T ])(\d:)", re.ASCII)


def name(text: str) -> str:
    """Return a receipt, a terminal or another name in one spelling. Raises ValueError for none or a long one."""
    found = normalise(text, digits=True).strip()
    if found[:2].upper() == "IR" and "".join(found[2:].split()).isdigit():  # an account, as banks part its digits
        found = "".join(found.split()).upper()
    if not 0 < len(found) <= LONGEST or has_controls(found):
        raise ValueError("no name")
    return found


def rials(text: str, *, least: int = 1) -> int:
    """Return a sum in rials, whatever parts its thousands. Raises ValueError below `least` and beyond a column."""
    found = whole_number(text.translate(_PARTED))
    if not least <= found <= MOST_RIALS:
        raise ValueError("no sum")
    return found


def instant(text: str) -> datetime:
    """Return the instant, in UTC, of an ISO time or of a day «1403/10/15 12:30»; one without an offset is Tehran's.

    A year below 1700 is Jalali. Raises ValueError for anything else, and outside 2000 to 2100, where no bank of ours
    did anything and no page of ours can say the day.
    """
    typed = normalise(text, digits=True)
    if day := _DAY.match(typed):
        typed = jalali.typed_date(day[0]).isoformat() + _ONE_DIGIT.sub(r"\g<1>0\2", typed[day.end() :])
    try:
        when = datetime.fromisoformat(typed)
        when = (when if when.tzinfo else when.replace(tzinfo=TEHRAN)).astimezone(UTC)
    except OverflowError:
        raise ValueError("no instant") from None
    if not EARLIEST <= when < LATEST:
        raise ValueError("no instant of ours")
    return when
