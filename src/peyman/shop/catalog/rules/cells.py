"""One cell of a catalogue file: what it says, what had to be mended, or why it cannot be taken.

A reader returns a `Told`. Money is never guessed: what can be read in two ways is refused.
"""

import json
import math
import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from persiantools.jdatetime import JalaliDate

from peyman.kernel import jalali, text

Cell: TypeAlias = str | int | float | bool | datetime | date | time | None

MAX_PRICE = 10**12  # rials; far above anything a shop sells, far below what a column holds
MAX_STOCK = 1_000_000
MAX_WEIGHT = 10_000_000  # grams
MAX_TITLE = 250
MAX_ATTRIBUTES = 60
AGE_MARKS = (3, 6, 8, 12, 18)

JALALI_YEARS = range(1300, 1451)
GREGORIAN_YEARS = range(1921, 2073)  # the same years
SERIALS = range(7750, 62900)  # days since 1899-12-30 that fall into these years


class Told(NamedTuple):
    """The value of a cell with `warnings` where it was mended, or `reasons` why it is refused."""

    value: Any = None
    warnings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def refused(*reasons: str) -> Told:
    return Told(reasons=reasons)


# ---- Text ----

_SURROGATE = re.compile("[\ud800-\udfff]")  # a byte that was not UTF-8
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_HIDDEN = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_KASHIDA = "\u0640"
_FOREIGN_LETTERS = re.compile("[يىكڪ]")
_PRESENTATION = re.compile("[\ufb50-\ufdff\ufe70-\ufefe]")
_LINE_BREAK = re.compile("[\r\n\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")
_PERSIAN_LETTER = re.compile("[\u0621-\u063a\u0641-\u064a\u066e-\u06d3]")
_LATIN_LETTER = re.compile("[A-Za-z]")
_MARKUP = re.compile(r"<\s*/?\s*[a-z!?]|&(?:[a-z]{2,31}|#[0-9]+|#x[0-9a-f]+);|javascript:", re.IGNORECASE)
# Anything that might need mending: most cells have none of it, and are done after one search.
_UNCLEAN = re.compile(
    "[\ud800-\udfff\x00-\x1f\x7f-\xad\u0640\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\u061cيىكڪ"
    "\ufb50-\ufdff\ufe70-\ufefe\u0300-\u036f\u0653-\u0655]|\\s{2,}|^\\s|\\s$|[^\\S ]"
)
_GUARDED = re.compile("'[=+\\-@']")  # an apostrophe put before a cell so that no spreadsheet runs it


def spelled(cell: Cell) -> str:
    """Return what a typed cell of a spreadsheet shows: 12.0 → "12", None → ""."""
    if cell is None:
        return ""
    if isinstance(cell, float) and math.isfinite(cell) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


def unguarded(cell: str) -> str:
    """Return a cell without the apostrophe that `guarded` put before it."""
    return cell[1:] if _GUARDED.match(cell) else cell


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; `unguarded` gives it back exactly."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@") or _GUARDED.match(cell) else cell


def clean(cell: Cell) -> Told:
    """Read any text: Persian letters, one space between words, nothing unseen.

    Refused: bytes that were not UTF-8 (`encoding`) and control characters (`control_char`).
    """
    typed = unguarded(spelled(cell))
    if not _UNCLEAN.search(typed) and (typed.isascii() or unicodedata.is_normalized("NFC", typed)):
        return _half_spaces(typed)
    if _SURROGATE.search(typed):
        return refused("encoding")
    if _CONTROL.search(typed):
        return refused("control_char")
    return Told(text.normalise(typed), tuple(_flaws(typed)))


def _half_spaces(typed: str) -> Told:
    if text.ZWNJ not in typed:
        return Told(typed)
    mended = text.normalise(typed)
    return Told(mended, () if mended == typed else ("half_space",))


def _flaws(typed: str) -> list[str]:
    seen = _HIDDEN.sub("", typed)
    flaws = ["control_removed"] if seen != typed else []
    if _KASHIDA in seen:
        flaws.append("kashida")
        seen = seen.replace(_KASHIDA, "")
    if _FOREIGN_LETTERS.search(seen) or _PRESENTATION.search(seen) or not unicodedata.is_normalized("NFC", seen):
        flaws.append("letters")
    inner = seen.strip()
    if inner != seen:
        flaws.append("trimmed")
    gaps = _SPACES.findall(inner)
    if any(_LINE_BREAK.search(gap) for gap in gaps):
        flaws.append("newline")
    if any(gap != " " and not _LINE_BREAK.search(gap) for gap in gaps):
        flaws.append("spaces")
    if text.normalise(seen).count(text.ZWNJ) < seen.count(text.ZWNJ):
        flaws.append("half_space")
    return flaws


def plain_text(cell: Cell, *, longest: int) -> Told:
    """Read a text that is shown as it stands: no formula, no markup, at most `longest` characters."""
    told = clean(cell)
    if told.reasons:
        return told
    reasons = text_reasons(told.value)
    if len(told.value) > longest:
        reasons += ("too_long",)
    return refused(*reasons) if reasons else told


def text_reasons(value: str) -> tuple[str, ...]:
    """Say why a text cannot be shown: it would run in a spreadsheet, or in a browser."""
    reasons = ("formula",) if value[:1] in ("=", "+", "@") else ()
    return (*reasons, "markup") if _MARKUP.search(value) else reasons


def title(cell: Cell) -> Told:
    """Read a title of at most 250 characters.

    One in Latin letters only is taken with a warning: makers do name goods so. One without letters is refused.
    """
    told = clean(cell)
    if told.reasons:
        return told
    if not told.value:
        return refused("title_missing")
    reasons = text_reasons(told.value)
    if len(told.value) > MAX_TITLE:
        reasons += ("title_too_long",)
    is_persian = _PERSIAN_LETTER.search(told.value) is not None
    if not is_persian and not _LATIN_LETTER.search(told.value):
        reasons += ("title_not_persian",)
    if reasons:
        return refused(*reasons)
    return told if is_persian else Told(told.value, (*told.warnings, "title_not_persian"))


# ---- Codes ----

_SKU = re.compile("[A-Z0-9][A-Z0-9._-]{1,39}")
_SLUG = re.compile("[a-z0-9][a-z0-9_-]{0,79}")
_HINT = re.compile("[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)?")


def sku(cell: Cell) -> Told:
    """Read a code of goods: trimmed, upper case, digits of any script, [A-Z0-9][A-Z0-9._-]{1,39}."""
    told = _latin(cell)
    if told.reasons:
        return told
    if not told.value:
        return refused("sku_missing")
    code = told.value.upper()
    if not _SKU.fullmatch(code):
        return refused("sku_invalid")
    return Told(code, told.warnings if code == told.value else (*told.warnings, "case"))


def word(cell: Cell, known: tuple[str, ...], unknown: str) -> Told:
    """Read one of `known` words, in any case; anything else, and nothing, is refused as `unknown`."""
    told = clean(cell)
    if told.reasons:
        return told
    lowered = told.value.casefold()
    if lowered not in known:
        return refused(unknown)
    return Told(lowered, told.warnings if lowered == told.value else (*told.warnings, "case"))


def slug(cell: Cell) -> Told:
    """Read a slug or a name that stands in its place: lower case where it is a slug."""
    told = clean(cell)
    if told.reasons:
        return told
    lowered = told.value.casefold()
    if _SLUG.fullmatch(lowered) and lowered != told.value:
        return Told(lowered, (*told.warnings, "case"))
    reasons = text_reasons(told.value)
    return refused(*reasons) if reasons else told


def image_hint(cell: Cell) -> Told:
    """Read "slug" or "slug/colour"; a path or an address is refused."""
    told = clean(cell)
    if told.reasons:
        return told
    lowered = told.value.casefold()
    if lowered and (len(lowered) > 120 or not _HINT.fullmatch(lowered)):
        return refused("image_hint_invalid")
    return Told(lowered, told.warnings if lowered == told.value else (*told.warnings, "case"))


def _latin(cell: Cell) -> Told:
    """Clean text with Latin digits, and a warning where there were others."""
    told = clean(cell)
    if told.reasons:
        return told
    latin = text.latin_digits(told.value)
    return Told(latin, told.warnings if latin == told.value else ("digits", *told.warnings))


# ---- Numbers ----

_GROUPS = "[,،٬'’_/ ]"
# Digits in groups of three by one and the same sign (a dot only where two groups leave no doubt), or plain digits.
_WHOLE = re.compile(
    rf"(?P<whole>[0-9]{{1,3}}(?P<sign>{_GROUPS})[0-9]{{3}}(?:(?P=sign)[0-9]{{3}})*|[0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,}}|[0-9]+)"
    r"(?:(?P<point>[.٫])(?P<part>[0-9]+))?"
)
_NUMBERISH = re.compile(r"[0-9,،٬'’_/ .٫]+")
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,٫/][0-9]+)?e[+-]?[0-9]+")
_NOT_DIGITS = re.compile("[^0-9]")
_RIAL, _TOMAN = ("ریال", "rial", "rials", "irr"), ("تومان", "تومن", "toman", "tomans", "irt")
_MONEY = re.compile(
    "(?:(?P<before>{unit}) ?)?(?P<number>.*?)(?: ?(?P<after>{unit}))?".format(
        unit="|".join(sorted(_RIAL + _TOMAN, key=len, reverse=True))
    )
)
_CURRENCY = re.compile(
    "[$€£¥₺₽₹₩₿¢]|\\b(?:usdt?|eur|gbp|aed|try|cny|iqd|afn|dollars?|euros?|dirhams?|lira|دلار|یورو|درهم|پوند|لیر|لیره|یوان|دینار|افغانی|روپیه|تتر)\\b"
)


class _Irregular(Exception):
    """A text that is no whole number: says which way."""


class _Number(NamedTuple):
    value: int
    warnings: tuple[str, ...]


def _number(typed: str) -> _Number:
    """Read a whole number with its separators.

    Raises _Irregular with "scientific", "fraction", "separators" (groups that are none, or that could be
    a fraction as well) or "not_number".
    """
    if _SCIENTIFIC.fullmatch(typed):
        raise _Irregular("scientific")
    minus = typed[:1] in ("-", "−")
    bare = typed[1:].lstrip() if minus else typed
    match = _WHOLE.fullmatch(bare)
    if not match:
        raise _Irregular("separators" if _NUMBERISH.fullmatch(bare) and _has_digit(bare) else "not_number")
    whole, part = match["whole"], match["part"]
    dotted = "." in whole
    if part and (len(part) == 3 or (dotted and match["point"] == ".")):
        raise _Irregular("separators")  # 250.000 may be 250 or 250 thousand
    if part and part.strip("0"):
        raise _Irregular("fraction")
    digits = _NOT_DIGITS.sub("", whole)
    warnings: tuple[str, ...] = ("separators",) if digits != whole else ()
    if part:
        warnings += ("fraction_zero",)
    if len(digits) > 18:
        return _Number((-1 if minus else 1) * 10**18, warnings)  # out of every range
    return _Number(-int(digits) if minus else int(digits), warnings)


def _has_digit(typed: str) -> bool:
    return any(c in "0123456789" for c in typed)


def _numeral(cell: Cell) -> Told:
    """The text of a number: Latin digits, lower case. Spaces are judged as separators, not as flaws."""
    told = _latin(cell)
    if told.reasons:
        return told
    kept = tuple(w for w in told.warnings if w not in ("spaces", "half_space"))
    if "letters" in kept and "﷼" in spelled(cell):
        kept = tuple(w for w in kept if w != "letters")  # the sign itself is a presentation form
    return Told(told.value.casefold(), kept)


def money(cell: Cell) -> tuple[Told, bool]:
    """Read a price in whole rials, and whether its unit was written.

    Toman are ten rials. A sum that is no whole toman is refused as a fraction: nobody can pay it.
    Reasons begin with "price_"; an empty cell is `price_missing`.
    """
    typed = _typed_number(cell)
    if typed is not None:
        return (refused(f"price_{typed}") if isinstance(typed, str) else _priced(typed, ())), False
    told = _numeral(cell)
    if told.reasons:
        return told, False
    if not told.value:
        return refused("price_missing"), False
    if told.value[0] in "=+@":
        return refused("formula"), False
    match = _MONEY.fullmatch(told.value)
    before, number, after = (match["before"], match["number"], match["after"]) if match else ("", told.value, "")
    unit = before or after
    if (before and after) or "newline" in told.warnings:
        return refused("price_not_number"), bool(unit)
    try:
        value, warnings = _number(number.strip())
    except _Irregular as irregular:
        foreign = _CURRENCY.search(told.value)
        return refused("price_currency" if foreign else f"price_{irregular}"), bool(unit)
    if unit:
        warnings += ("toman",) if unit in _TOMAN else ("unit",)
    return _priced(value * 10 if unit in _TOMAN else value, (*told.warnings, *warnings)), bool(unit)


def _priced(rials: int, warnings: tuple[str, ...]) -> Told:
    if rials <= 0:
        return refused("price_not_positive")
    if rials > MAX_PRICE:
        return refused("price_out_of_range")
    return refused("price_fraction") if rials % 10 else Told(rials, warnings)


def _typed_number(cell: Cell) -> int | str | None:
    """The whole number of a number cell, the way in which it is none, or None where the cell is a text."""
    if isinstance(cell, bool | datetime | date | time):
        return "not_number"
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return "not_number"
        return int(cell) if cell.is_integer() else "fraction"
    return cell if isinstance(cell, int) else None


_PIECES = re.compile(r"(?P<number>.*?) ?(?:عدد|دستگاه|جفت|تا|pcs?|pieces?)?")
_SOLD_OUT = ("ناموجود", "اتمامموجودی")


def stock(cell: Cell) -> Told:
    """Read pieces in store, 0 to 1,000,000. «ناموجود» is 0, an empty cell is 0 with a warning."""
    typed = _typed_number(cell)
    if isinstance(typed, str):
        return refused("stock_not_whole" if typed == "fraction" else "stock_not_number")
    if typed is not None:
        return _stocked(typed, ())
    told = _numeral(cell)
    if told.reasons:
        return told
    if not told.value:
        return Told(0, ("stock_missing",))
    if text.search_joined(told.value) in _SOLD_OUT:
        return Told(0, (*told.warnings, "stock_word"))
    match = _PIECES.fullmatch(told.value)
    number = match["number"] if match else told.value
    if told.value[0] in "=+@":
        return refused("formula")
    try:
        value, warnings = _number(number)
    except _Irregular as irregular:
        return refused("stock_not_number" if str(irregular) == "not_number" else "stock_not_whole")
    if _NOT_DIGITS.search(number.lstrip("-−")) and "/" in number:
        return refused("stock_not_whole")
    if number != told.value:
        warnings += ("unit",)
    return _stocked(value, (*told.warnings, *warnings))


def _stocked(pieces: int, warnings: tuple[str, ...]) -> Told:
    if pieces < 0:
        return refused("stock_negative")
    return refused("stock_out_of_range") if pieces > MAX_STOCK else Told(pieces, warnings)


_GRAMS, _KILOS = ("گرم", "g", "gr", "gram", "grams"), ("کیلوگرم", "کیلو گرم", "کیلو", "kg", "kilo", "kgs")
_WEIGHT = re.compile(
    "(?P<minus>[-−]?) ?(?P<whole>[0-9]+|[0-9]{{1,3}}(?:[,،٬][0-9]{{3}})+)"
    "(?:[.٫](?P<part>[0-9]+))? ?(?P<unit>{})?".format("|".join(sorted(_GRAMS + _KILOS, key=len, reverse=True)))
)


def weight(cell: Cell) -> Told:
    """Read a weight in whole grams; «گرم», «کیلو», "kg" are understood. An empty cell is no weight."""
    if isinstance(cell, bool | datetime | date | time):
        return refused("weight_not_number")
    told = _numeral(cell)
    if told.reasons or not told.value:
        return Told(None) if not told.reasons else told
    if told.value[0] in "=+@":
        return refused("formula")
    match = _WEIGHT.fullmatch(told.value.replace(text.ZWNJ, " "))
    if not match or len(match["whole"]) > 12 or len(match["part"] or "") > 12:
        return refused("weight_not_number")
    digits, in_kilos = _NOT_DIGITS.sub("", match["whole"]), match["unit"] in _KILOS
    grouped = digits != match["whole"]
    grams = Decimal(f"{digits}.{match['part'] or 0}") * (1000 if in_kilos else 1)
    if grams % 1 or (grouped and in_kilos):  # 1,200 kg may be a German comma
        return refused("weight_not_number")
    if match["minus"] or grams == 0:
        return refused("weight_not_positive")
    if grams > MAX_WEIGHT:
        return refused("weight_out_of_range")
    mended = [("separators", grouped), ("fraction_zero", match["part"] and not in_kilos), ("unit", match["unit"])]
    return Told(int(grams), (*told.warnings, *(code for code, found in mended if found)))


_AGE = re.compile(r"(?P<before>\+?)(?P<gap> ?)(?P<years>[0-9]{1,2})(?P<behind> ?)(?P<after>\+?)")


def age_mark(cell: Cell) -> Told:
    """Read +3, +6, +8, +12 or +18, the sign on either side; an empty cell is no mark."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        cell, lost = f"+{spelled(cell)}", True  # a spreadsheet drops the sign of what it takes for a number
    else:
        lost = False
    told = _latin(cell)
    if told.reasons or not told.value:
        return told
    match = _AGE.fullmatch(told.value)
    if not match or bool(match["before"]) == bool(match["after"]) or int(match["years"]) not in AGE_MARKS:
        return refused("age_unknown")
    mark = f"+{int(match['years'])}"
    return Told(mark, (*told.warnings, "age_form") if lost or mark != told.value else told.warnings)


# ---- Dates ----

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
    told = _latin(cell)
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


# ---- Attributes ----


def attributes(cell: Cell) -> Told:
    """Read a flat JSON object of short texts and numbers; an empty cell is {} with a warning."""
    typed = spelled(cell)
    if _SURROGATE.search(typed):
        return refused("encoding")
    if not typed.strip():
        return Told({}, ("attributes_missing",))
    found = json_object(typed)
    return refused("attributes_invalid") if found is None or len(found) > MAX_ATTRIBUTES else _attributes(found)


def json_object(typed: str) -> dict[str, Any] | None:
    """Return the JSON object of a text of at most 20,000 characters; None for what is none, or has a name twice."""
    try:
        found = json.loads(typed, object_pairs_hook=_pairs, parse_constant=_no_number) if len(typed) <= 20_000 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _attributes(found: dict[str, object]) -> Told:
    kept: dict[str, str] = {}
    warnings: dict[str, None] = {}
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return refused("attributes_invalid")
        name_told, value_told = plain_text(name, longest=80), plain_text(value, longest=500)
        reasons = name_told.reasons + value_told.reasons
        if reasons:
            return refused(*("attributes_invalid" if r in ("too_long", "encoding") else r for r in reasons))
        if not name_told.value or name_told.value in kept:
            return refused("attributes_invalid")
        kept[name_told.value] = value_told.value
        warnings |= dict.fromkeys(name_told.warnings + value_told.warnings)
    return Told(kept, tuple(warnings))


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)
