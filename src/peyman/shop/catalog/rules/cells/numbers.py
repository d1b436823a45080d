"""Money, pieces, weights and ages. Money is never guessed: what can be read in two ways is refused."""

import math
import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple

from peyman.kernel import text
from peyman.shop.catalog.rules.cells.texts import latin, spelled
from peyman.shop.catalog.rules.cells.told import Cell, Told, refused

MAX_PRICE = 10**12  # rials; far above anything a shop sells, far below what a column holds
MAX_STOCK = 1_000_000
MAX_WEIGHT = 10_000_000  # grams
AGE_MARKS = (3, 6, 8, 12, 18)

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
    told = latin(cell)
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
    told = latin(cell)
    if told.reasons or not told.value:
        return told
    match = _AGE.fullmatch(told.value)
    if not match or bool(match["before"]) == bool(match["after"]) or int(match["years"]) not in AGE_MARKS:
        return refused("age_unknown")
    mark = f"+{int(match['years'])}"
    return Told(mark, (*told.warnings, "age_form") if lost or mark != told.value else told.warnings)
