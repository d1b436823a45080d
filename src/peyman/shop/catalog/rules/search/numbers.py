"""Numbers written in words: «ده» is 10, «پنجاه و پنج» is 55; and 2 is «دو», as many a title says it."""

from collections.abc import Mapping, Sequence
from typing import Final

_WORDS: Final = """
یک=1 یه=1 دو=2 سه=3 چهار=4 چار=4 پنج=5 شش=6 شیش=6 هفت=7 هشت=8 نه=9 ده=10 یازده=11 دوازده=12 سیزده=13 چهارده=14
پانزده=15 پونزده=15 شانزده=16 شونزده=16 هفده=17 هجده=18 هیجده=18 نوزده=19 بیست=20 سی=30 چهل=40 پنجاه=50 شصت=60 هفتاد=70
هشتاد=80 نود=90 صد=100 یکصد=100 دویست=200 سیصد=300 چهارصد=400 پانصد=500 پونصد=500 ششصد=600 هفتصد=700 هشتصد=800
نهصد=900
"""
_VALUES: Final[Mapping[str, int]] = {name: int(value) for name, value in (each.split("=") for each in _WORDS.split())}
_NAMES: Final[Mapping[str, str]] = {str(value): name for name, value in reversed(list(_VALUES.items())) if value <= 20}
_THOUSAND: Final = "هزار"
_AND: Final = "و"

# What is counted: before one of these «یک» is a number, and not an idle word.
_UNITS: Final = """
نفره نفر لیتر لیتری کیلو کیلویی کیلوگرم کیلوگرمی متر متری عددی عدد تایی تیکه تکه قطعه پارچه ترا ترابایت گرم گرمی طبقه
شعله فاز فن برگ اینچ اینچی وات گیگ گیگابایت ساله
"""
UNITS: Final = frozenset(_UNITS.split())


def read(words: Sequence[str]) -> tuple[int, str]:
    """Return how many of the first words are one number in words, and that number in digits; (0, "") for none.

    «پنجاه و پنج اینچ» → (3, "55"), «هزار تکه» → (1, "1000").
    """
    taken, value = _below_thousand(words)
    if words[taken : taken + 1] == [_THOUSAND]:
        taken, value = taken + 1, max(value, 1) * 1_000
        more, rest = _below_thousand(words[taken + 1 :]) if words[taken : taken + 1] == [_AND] else (0, 0)
        taken, value = (taken + 1 + more, value + rest) if more else (taken, value)
    return (taken, str(value)) if taken else (0, "")


def _below_thousand(words: Sequence[str]) -> tuple[int, int]:
    """The same below a thousand: hundreds, tens and ones, with «و» between them."""
    taken = total = 0
    size = 1_000
    while True:
        begin = taken + 1 if taken and words[taken : taken + 1] == [_AND] else taken
        value = _VALUES.get(words[begin], 0) if begin < len(words) and (begin > taken or not taken) else 0
        if not value or _size(value) >= size:
            return taken, total
        taken, total, size = begin + 1, total + value, _size(value)


def named(number: str) -> str:
    """Return a small number in its word, "" for others: "2" → «دو»."""
    return _NAMES.get(number, "")


def _size(value: int) -> int:
    """How large its part of a number is: what follows must be smaller."""
    return 1 if value < 20 else 20 if value < 100 else 100
