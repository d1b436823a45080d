"""Days, in figures or words, of either calendar."""

import re
from datetime import date, datetime, time, timedelta

from persiantools.jdatetime import JalaliDate

from peyman.kernel import jalali, text
from peyman.shop.catalog.rules.cells.texts import latin
from peyman.shop.catalog.rules.cells.told import Cell, Told, refused

JALALI_YEARS = range(1300, 1451)
GREGORIAN_YEARS = range(1921, 2073)  # the same years
SERIALS = range(7750, 62900)  # days since 1899-12-30 that fall into these years

_YEAR_FIRST = re.compile("(?P<year>[0-9]{4})(?P<sign>[/-])(?P<month>[0-9]{1,2})(?P=sign)(?P<day>[0-9]{1,2})")
_MIDNIGHT = re.compile("(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[t ]00:00(?::00(?:\\.0+)?)?z?")
_OTHER_ORDER = re.compile("[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:[0-9]{2}|[0-9]{4})")
_IN_WORDS = re.compile("(?P<day>[0-9]{1,2}) (?P<month>[^0-9 ]+)(?: ?ماه)? (?P<year>[0-9]+)")
_SERIAL = re.compile("(?P<days>[0-9]{4,6})(?:\\.0+)?")
_MONTHS = {text.search_joined(jalali.month_name(n)): n for n in range(1, 13)} | {"امرداد": 5}
_DAY_ZERO = date(1899, 12, 30)


def day(cell: Cell) -> Told:
    """Read a date: ISO, Jalali in figures or words, year/month/day, or the bare day number of a spreadsheet.

    Two-digit years, and orders that could be two dates, are refused as `date_ambiguous`.
    """
    if isinstance(cell, datetime):
        return _in_years(cell.date(), ()) if cell.time() == time() else refused("date_invalid")
    if isinstance(cell, date):
        return _in_years(cell, ())
    if isinstance(cell, bool | time):
        return refused("date_invalid")
    told = latin(cell)
    if told.reasons or not told.value:
        return Told(None) if not told.reasons else told
    typed = told.value.casefold()
    if match := _MIDNIGHT.fullmatch(typed):
        typed, told = match["day"], Told(typed, (*told.warnings, "date_form"))
    if match := _YEAR_FIRST.fullmatch(typed):
        return _figures(match, told.warnings)
    if match := _IN_WORDS.fullmatch(typed):
        return _words(match, told.warnings)
    if match := _SERIAL.fullmatch(typed):
        return _serial(int(match["days"]), told.warnings)
    return refused("date_ambiguous" if _OTHER_ORDER.fullmatch(typed) else "date_invalid")


def _figures(match: re.Match[str], warnings: tuple[str, ...]) -> Told:
    year, month, number = int(match["year"]), int(match["month"]), int(match["day"])
    if year in JALALI_YEARS:
        return _jalali(year, month, number, warnings)
    try:
        found = date(year, month, number)
    except ValueError:
        return refused("date_invalid")
    iso = match["sign"] == "-" and len(match["month"]) == len(match["day"]) == 2
    return _in_years(found, warnings if iso else (*warnings, "date_form"))


def _words(match: re.Match[str], warnings: tuple[str, ...]) -> Told:
    month = _MONTHS.get(text.search_joined(match["month"]))
    if month is None:
        return refused("date_invalid")
    if len(match["year"]) != 4:
        return refused("date_ambiguous" if len(match["year"]) == 2 else "date_invalid")
    if int(match["year"]) not in JALALI_YEARS:
        return refused("date_out_of_range")
    # Persian digits are at home in a date in words.
    return _jalali(int(match["year"]), month, int(match["day"]), tuple(w for w in warnings if w != "digits"))


def _jalali(year: int, month: int, number: int, warnings: tuple[str, ...]) -> Told:
    try:
        found = JalaliDate(year, month, number).to_gregorian()
    except ValueError:
        return refused("date_invalid")
    return Told(found, (*warnings, "jalali"))


def _serial(days: int, warnings: tuple[str, ...]) -> Told:
    if days not in SERIALS:
        return refused("date_out_of_range" if days > 9999 else "date_invalid")
    return Told(_DAY_ZERO + timedelta(days=days), (*warnings, "excel_date"))


def _in_years(found: date, warnings: tuple[str, ...]) -> Told:
    return Told(found, warnings) if found.year in GREGORIAN_YEARS else refused("date_out_of_range")
