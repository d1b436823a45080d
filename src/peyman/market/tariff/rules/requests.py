"""The update request: what the registry is asked to list, and when that would count."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network, collapse_addresses
from typing import Final

from persiantools.jdatetime import JalaliDate

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.kernel.prefixes import Network
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules.drift import Piece

COLUMNS: Final = ("نام", "محدوده IP")  # as the registry's own list begins
_DUE_DAY: Final = 15
_SKIPS, _DOUBTFUL = (30,), (30, 31)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_HOUR: Final = timedelta(hours=1)


class NothingToAsk(Refused):
    """No range is left that the registry could list."""

    code, clause, status = "nothing_to_request", "B06", 422
    says = (
        "درخواستی ساخته نشد، چون محدوده‌ای نمانده است که بتوان ثبت کرد: "
        "یا همه در سامانه ثبت است، یا خصوصی و خارج از ایران است."
    )


class NoRegistrant(Refused):
    """Nobody is named for whom the registry would list the ranges."""

    code, clause, status = "no_registrant", "B06", 422
    says = "درخواستی ساخته نشد، چون نام دامنه‌ای که محدوده‌ها به نام آن ثبت می‌شود داده نشده است."


class WrongState(Refused):
    """The request has moved on: what was asked does not go from where it stands."""

    code, clause = "request_moved_on", "B06"
    says = "این کار انجام نشد، چون درخواست {request} دیگر در آن حالت نیست. صفحه را تازه کنید و دوباره ببینید."


class WrongDay(Refused):
    """A request is handed in on a day that has come, and not before it was made."""

    code, clause, status = "wrong_day", "B06", 422
    says = "روز تحویل ثبت نشد: این روز یا هنوز نیامده یا پیش از ساخته‌شدن درخواست است."


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the registry would make an update count. For people, never for a decision: the list's own date decides.

    `is_doubtful`: handed in on a 30th or 31st, when a month may be lost; `better_on` is then the day to wait for, and
    `better_due_on` what it gives.
    """

    due_on: date
    is_doubtful: bool = False
    better_on: date | None = None
    better_due_on: date | None = None


def forecast(day: date) -> Forecast:
    """Return when an update of `day` falls due: before the 15th of a Jalali month on its 15th, else on the next one's.

    On a 30th the registry has skipped a whole month (64 of 769 rows seen, 1398/09/30 → 1398/11/15): the later date is
    foretold. A 31st was never seen to skip and is warned of all the same; the 1st of the next month is the day to
    hand it in.
    """
    jalali = JalaliDate(day)
    if jalali.day < _DUE_DAY:
        return Forecast(_fifteenth(jalali, 0))
    due = _fifteenth(jalali, 2 if jalali.day in _SKIPS else 1)
    if jalali.day not in _DOUBTFUL:
        return Forecast(due)
    return Forecast(due, True, _first_after(jalali), _fifteenth(jalali, 1))


@carries_out("B06")
def promised_hours(sent_on: date, due_on: date, hold: timedelta) -> tuple[datetime, int]:
    """Return (start, hours) of the promise that follows a request: from the day it was handed in until all of it may
    be used, the due date and the hold.
    """
    start = day_start(sent_on)
    return start, max(0, -(-(day_start(due_on) + hold - start) // _HOUR))


def askable(pieces: Iterable[Piece]) -> list[Network]:
    """Return the pieces that the registry could list, in the fewest prefixes."""
    return fewest(piece.network for piece in pieces if not piece.never)


def fewest(networks: Iterable[Network]) -> list[Network]:
    """Return prefixes of both families as the fewest that hold the same addresses, IPv4 first, in order."""
    listed = list(networks)
    fours = [one for one in listed if isinstance(one, IPv4Network)]
    sixes = [one for one in listed if not isinstance(one, IPv4Network)]
    return [*collapse_addresses(fours), *collapse_addresses(sixes)]


def table(registrant: str, prefixes: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the rows of the file for the registry, the header first; no cell is taken for a formula."""
    return [COLUMNS, *((cell(registrant), cell(prefix)) for prefix in prefixes)]


def csv_bytes(registrant: str, prefixes: Sequence[str]) -> bytes:
    """Return the file as CSV in UTF-8, with the mark by which spreadsheets know it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(table(registrant, prefixes))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet computes."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _fifteenth(of: JalaliDate, months: int) -> date:
    year, month = divmod(of.year * 12 + of.month - 1 + months, 12)
    found: date = JalaliDate(year, month + 1, _DUE_DAY).to_gregorian()
    return found


def _first_after(of: JalaliDate) -> date:
    year, month = divmod(of.year * 12 + of.month, 12)
    found: date = JalaliDate(year, month + 1, 1).to_gregorian()
    return found
