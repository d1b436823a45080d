"""Numbers told in words: the value of one word, and of several that are typed as one («سیصدوپنجاه», «ششصدتومن»)."""

from typing import NamedTuple

VALUES = {
    **dict(zip("صفر یک دو سه چهار پنج شش هفت هشت نه ده یازده دوازده سیزده چهارده پانزده شانزده هفده هجده نوزده".split(), range(20), strict=True)),
    **dict(zip("بیست سی چهل پنجاه شصت هفتاد هشتاد نود صد".split(), range(20, 101, 10), strict=False)),
    **dict(zip("صد دویست سیصد چهارصد پانصد ششصد هفتصد هشتصد نهصد".split(), range(100, 1000, 100), strict=True)),
    "یه": 1, "چار": 4, "شیش": 6, "پونزده": 15, "شونزده": 16, "هیفده": 17, "هیجده": 18, "هژده": 18, "یکصد": 100, "دیویست": 200,
    "هف": 7, "هش": 8, "چل": 40, "شص": 60,
    "چارصد": 400, "پونصد": 500, "شیشصد": 600, "هیفصد": 700, "هیشصد": 800,
}  # fmt: skip
_SCALES = ("هزار", "میلیون", "ملیون", "میلیارد")
_CURRENCIES = ("تومنی", "تومانی", "تومنه", "تومانه", "تومن", "تومان", "تمن", "ریالی", "ریال", "دلاری", "دلار", "یورو")
_BY_LENGTH = sorted((word for word in VALUES if len(word) > 1), key=len, reverse=True)


class Numeral(NamedTuple):
    """What a word says: its digits in a row («912»), whether «هزار» or more is in it, and a currency after it."""

    digits: str
    scaled: bool
    currency: bool


def read(key: str) -> Numeral | None:
    """Return the number that `key` is, put together of two words or more; None where a rest is left over."""
    rest, currency = key, ""
    for ending in _CURRENCIES:
        if key.endswith(ending):
            rest, currency = key[: -len(ending)], ending
            break
    groups: list[int] = []
    open_, scaled, joined, parts = False, False, False, 0
    while rest:
        if rest.startswith("نیم") and any(rest.startswith(one, 3) for one in _SCALES):
            groups.append(5)
            rest, open_ = rest[3:], False  # «نیم‌میلیون»
            parts += 1
        scale = next((one for one in _SCALES if rest.startswith(one)), "")
        word = scale or next((one for one in _BY_LENGTH if rest.startswith(one)), "")
        if not word:
            return None
        if scale:
            scaled, open_ = True, False
        else:
            value = VALUES[word]
            if joined and open_ and groups[-1] % (10 ** len(str(value))) == 0 and groups[-1] > value:
                groups[-1] += value
            else:
                groups.append(value)
            open_ = True
        parts += 1
        rest = rest[len(word) :]
        joined = rest.startswith("و")
        if joined:
            rest = rest[1:]
            if not rest:
                return None
    if parts + bool(currency) < 2 or not (groups or scaled):
        return None
    return Numeral("".join(map(str, groups)), scaled, bool(currency))
