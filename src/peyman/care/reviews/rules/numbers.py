"""One grammar of numbers: digits of any script, words, and both mixed; what is an amount of money, what a phone.

A number is a stretch of words of which each is digits, a number word («پونصد») or «و» between them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from peyman.care.reviews.rules import letters, numerals
from peyman.care.reviews.rules.lexicon import Lexicon
from peyman.care.reviews.rules.words import Reading

_SHORT = 5  # letters of one number that is nobody's
_SIZES = frozenset({"128", "256", "512", "720", "1080"})  # of memories and pictures
_BETWEEN = frozenset({".", "ستاره", "تیره", "خط", "بعد", "بعدش", "فاصله"})  # what parts a phone that is told
_MOST_WORDS = 40  # of one number; a phone spelled out letter by letter has fewer


@dataclass(frozen=True, slots=True)
class Number:
    """Words [first, last) of a reading that are one number."""

    first: int
    last: int
    digits: str  # of the whole stretch, one after the other, as a phone is told
    magnitude: bool  # «هزار», «میلیون» is in it
    large: bool  # «میلیون», «میلیارد»


class Numbers:
    """Finds numbers by the bits of a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        bit = lexicon.bits
        self._digit, self._word, self._magnitude, self._large = (
            bit["digit"],
            bit["number_word"],
            bit["magnitude"],
            bit["magnitude_only"],
        )
        self._any = self._digit | self._word | self._magnitude
        self._currency, self._short, self._unit, self._stop = (
            bit["currency"],
            bit["currency_short"],
            bit["unit"],
            bit["stop"],
        )
        self._context = (
            bit["price"]
            | bit["money_paid"]
            | bit["buy"]
            | bit["pay_v"]
            | bit["worth"]
            | bit["sell"]
            | bit["discount"]
            | bit["expensive"]
            | bit["cheap"]
        )
        self._paid = bit["pay_v"] | bit["buy"] | bit["sell"] | bit["worth"]
        self._money = bit["money_paid"] | bit["price"]
        self._price = bit["price"]
        self._fall, self._each, self._known = bit["fall_to"], bit["each_of"], bit["known"]
        self._joined, self._latin = bit["currency_joined"], bit["latin"]
        self._bought, self._past = bit["buy"] | bit["take"], bit["past"]
        self._ring, self._card, self._sheba = bit["ring_word"], bit["card_word"], bit["sheba_word"]
        self._named = bit["part"] | bit["latin"] | bit["thing"]
        self._contact, self._national = bit["contact_word"], bit["national_id"]
        self.trigger = self._any | self._currency

    def _numbers(self, reading: Reading) -> Iterator[Number]:
        masks, keys = reading.masks, reading.keys
        at, end = 0, len(masks)
        any_, currency = self._any, self._currency
        for first in [here for here, mask in enumerate(masks) if mask & any_ and not mask & currency]:
            if first < at:
                continue
            pieces: list[str] = []
            magnitude = large = False
            last = at = first
            while at < end and at - first < _MOST_WORDS:
                mask, key = masks[at], keys[at]
                if mask & self._any and not mask & self._currency:
                    if mask & self._digit:
                        pieces.append(key)
                    elif mask & self._magnitude:
                        magnitude = True
                        large = large or bool(mask & self._large)
                    else:
                        pieces.append(self._value(key))
                    last = at = at + 1
                elif key == "و" and at + 1 < end and masks[at + 1] & self._any:
                    pieces.append("و")
                    at += 1
                else:
                    break
            yield Number(first, last, _told(pieces), magnitude, large)
            at = max(at, last)

    def _value(self, key: str) -> str:
        values = numerals.VALUES
        value = values.get(key, values.get(key[:-1]) if key.endswith("و") else None)
        if value is not None:
            return str(value)
        joined = numerals.read(key)
        return joined.digits if joined else ""

    def money(self, reading: Reading) -> Iterator[tuple[int, int]]:
        """Yield the words [first, last) of each amount of money: «۳ میلیون و پانصد» with a currency or among words of paying."""
        masks, end = reading.masks, len(reading.masks)
        if not reading.mask & self.trigger:
            return
        for number in self._numbers(reading):
            if len(number.digits) > 6 and number.digits[0] == "0":
                continue  # a phone
            if number.last - number.first == 1 and reading.keys[number.first] == "هزار":
                continue  # «هزار اما و اگر»
            if any(masks[at] & self._joined for at in range(number.first, number.last)):
                yield number.first, number.last
                continue
            after = masks[number.last] if number.last < end else 0
            raw = reading.keys[number.last] if number.last < end else ""
            short = (
                after & self._short
                and not (after & self._latin and len(number.digits) < 3)  # «14T Pro»
                and masks[number.last - 1] & (self._digit | self._magnitude)
                and not (number.first and masks[number.first - 1] & self._latin)  # «T 100 T»
            )
            if (after & self._currency and raw != "پوند") or short:
                yield number.first, number.last + 1
            elif raw in ("تا", "عدد") and number.last + 1 < end and masks[number.last + 1] & self._currency:
                yield number.first, number.last + 2
            elif after & self._unit and not (raw in ("تا", "بار") and number.large):
                continue
            elif self._is_paid(reading, number):
                yield number.first, number.last

    def _is_paid(self, reading: Reading, number: Number) -> bool:
        """Say whether a number without a currency is told as money."""
        masks = reading.masks
        size = len(number.digits)
        many = number.magnitude or (size >= 5 and size < 9)
        near = 0
        for at in range(max(0, number.first - 4), number.first):
            near = 0 if masks[at] & self._stop else near | masks[at]
        price_before = near & self._money
        for at in range(number.last, min(len(masks), number.last + 3)):
            if masks[at] & self._stop:
                break
            near |= masks[at]
        if many and near & (self._context):
            return True
        if self._is_bought_for(reading, number) or self._falls_to(reading, number):
            return True
        if number.magnitude and number.large and reading.keys[number.last - 1].endswith(("ی", "یه", "نه")):
            return True  # «گوشی یک میلیونی»
        if number.magnitude and number.large:
            return _asks_worth(reading, number)
        if not price_before or number.magnitude or (number.first and masks[number.first - 1] & self._latin):
            return False  # «قیمت D 5600»: a model
        close = any(masks[at] & self._price for at in range(max(0, number.first - 2), number.first))
        return (close and size >= 3) or (size >= 2 and _is_end(reading, number.last))

    def _is_bought_for(self, reading: Reading, number: Number) -> bool:
        """«یک و دویست گرفتم», «۸۵۰ خریدم»: right before buying a number is its price; a year is none."""
        after = reading.masks[number.last] if number.last < len(reading.masks) else 0
        if not (after & self._bought and after & self._past):
            return False
        composed = number.last - number.first > 1 or "نیم" in reading.keys[number.last - 1]
        digits = number.digits
        if number.first and reading.masks[number.first - 1] & self._named:
            return False  # «ایسوس ۷۵۲ گرفتم», «مدل ۹۳۰ خریدم», «آیفون ۱۲ و ۱۳ گرفتم»
        if digits in _SIZES or ("و" in reading.keys[number.first : number.last] and self._is_short(reading, number)):
            return False  # «۵۱۲ خریدم», «اکسیدان ۹ و ۱۲ گرفتم»
        return (composed or len(digits) in (3, 5, 6, 7, 8)) and not (
            len(digits) == 4 and digits[:2] in ("13", "14", "20")
        )

    def _is_short(self, reading: Reading, number: Number) -> bool:
        """Say whether it is of digits of two places at most."""
        places = range(number.first, number.last)
        return all(len(reading.keys[at]) < 3 for at in places if reading.masks[at] & self._digit) and any(
            reading.masks[at] & self._digit for at in places
        )

    def _falls_to(self, reading: Reading, number: Number) -> bool:
        """«متری ۳۴۰ می‌دن», «شد سیصد و پنجاه هزار», «دو و نیم میفته», «دویست کا خریدم»."""
        masks, keys, end = reading.masks, reading.keys, len(reading.masks)
        before = masks[number.first - 1] if number.first else 0
        after = masks[number.last] if number.last < end else 0
        next_ = masks[number.last + 1] if number.last + 1 < end and not after & self._stop else 0
        if not number.magnitude and "و" in keys[number.first : number.last] and self._is_short(reading, number):
            return False
        composed = number.magnitude or number.last - number.first > 1 or "نیم" in keys[number.last - 1]
        if number.last < end and keys[number.last] in ("کا", "کای") and (next_ | before) & (self._bought | self._fall):
            return True
        if before & self._each and (after | next_) & (self._fall | self._paid):
            return len(number.digits) > 1
        if composed and (after | (next_ if not after & self._unit else 0)) & self._fall:
            return not 1 <= len(number.digits) <= 1 or "نیم" in keys[number.last - 1] or number.magnitude
        if len(number.digits) > 2 and after & self._fall and (not next_ or next_ & self._stop):
            return True  # «تو بازار ۲۰۰ می‌دن»
        if not (number.magnitude and number.first):
            return False
        became = keys[number.first - 1] in ("شد", "شده", "میشه", "شدش")
        return (became and (not after & self._known or bool(after & self._stop))) or bool(
            number.large and next_ & self._fall
        )

    def phones(self, reading: Reading) -> Iterator[tuple[int, int]]:
        """Yield the words [first, last) of each phone, national id, postcode, card or account number, in any disguise."""
        bits_long = reading.mask & self._any
        if not bits_long:
            return
        masks = reading.masks
        for first, last, digits, parts in self._told(reading):
            size = len(digits)
            if size < 7:
                continue
            near = 0
            for at in range(max(0, first - 8), min(len(masks), last + 5)):
                near |= masks[at]
            is_card = (size == 16 and (_is_card(digits) or bool(near & self._card))) or (
                size == 24 and near & self._sheba
            )
            is_id = (size == 10 and near & self._national) or (
                9 <= size <= 11 and near & self._national and parts > 2
            )  # told with a slip of the pen, it is one still
            # Told in four pieces or more where somebody is to be rung up, it need not be whole.
            in_pieces = parts > 3 and (
                (size <= 12 and bool(near & self._ring)) or (10 <= size <= 12 and digits.startswith("09"))
            )
            if is_card or is_id or in_pieces or _is_phone(digits, bool(near & self._contact)):
                yield first, last

    def _told(self, reading: Reading) -> Iterator[tuple[int, int, str, int]]:
        """Yield stretches of digits, and in how many pieces they are told one after the other, across full stops («۰۹۱۲. ۳۴۵. ۶۷۸۹»)."""
        masks, keys = reading.masks, reading.keys
        at, end, told = 0, len(masks), self._digit | self._word
        places = [here for here, mask in enumerate(masks) if mask & told]
        if len(places) == 1 and len(keys[places[0]]) < _SHORT:
            return  # «دو ماه است»
        for first in places:
            if first < at:
                continue
            last = at = first
            pieces: list[str] = []
            while at < end and at - first < _MOST_WORDS:
                mask, key = masks[at], keys[at]
                if mask & self._digit:
                    if len(key) > 8 and pieces:
                        break
                    pieces.append(key)
                    last = at = at + 1
                elif mask & self._word:
                    pieces.append(self._value(key))
                    last = at = at + 1
                elif key == "و" and at + 1 < end and masks[at + 1] & told:
                    pieces.append("و")
                    at += 1
                elif key in _BETWEEN and pieces and at + 1 < end and masks[at + 1] & self._digit:
                    at += 1  # «۰۹۰۲ ستاره ۱۱۲»
                else:
                    break
            whole, parts = _told(pieces), sum(piece != "و" for piece in pieces)
            closer = _told(_closer(pieces))
            if closer != whole and _is_phone(closer, True):
                whole = closer
            yield first, last, whole, parts
            # A number before the phone («۲ تا، ۰۹۱۲…») must not hide it.
            if len(pieces) > 1 and not _is_phone(whole, True):
                for skip in range(1, min(4, last - first)):
                    rest = _told(pieces[skip:])
                    if _is_phone(rest, False):
                        yield first + skip, last, rest, parts - skip
                        break


def _closer(pieces: list[str]) -> list[str]:
    """Read «دویست سی‌ودو» as one number, as it is told: 232, not 200 and 32."""
    result: list[str] = []
    for piece in pieces:
        hundreds = result and len(result[-1]) == 3 and result[-1].endswith("00") and len(piece) in (1, 2)
        if hundreds and piece.isdecimal() and piece.strip("0"):
            result.append("و")
        result.append(piece)
    return result


def _told(pieces: list[str]) -> str:
    """Put pieces together as they are said: ["900", "و", "12"] → "912", ["1", "2"] → "12"."""
    result: list[str] = []
    joined = False
    for piece in pieces:
        if piece == "و":
            joined = True
            continue
        if (
            joined
            and result
            and len(piece) < len(result[-1])
            and result[-1].strip("0")
            and result[-1].endswith("0" * len(piece))
        ):
            result[-1] = result[-1][: -len(piece)] + piece
        else:
            result.append(piece)
        joined = False
    return "".join(result)


def _is_phone(digits: str, in_context: bool) -> bool:
    """Iran's mobiles (09…, 98…, 0098…), land lines with their area code, and a bare 9… where contact is spoken of."""
    for prefix in ("0098", "98", "0"):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 10:
            rest = digits[len(prefix) :]
            if rest[0] == "9" and rest[1] in "01239":
                return True
            return prefix == "0" and rest[0] in "12345678" and (in_context or rest[2] in "23456789")
    if len(digits) == 11 and digits[8] == "0" and digits[0] in "2345678":
        return in_context  # «۳۳۴۴۵۵۶۶ - ۰۳۱»: the area code last
    if len(digits) == 10 and digits[0] == "9" and digits[1] in "01239":
        return in_context or digits[1] in "1239"
    return in_context and len(digits) == 8 and digits[0] in "2345678"


_MASKED = re.compile(r"(?<![A-Za-z0-9])[0-9oOIl](?:[ \-]?[0-9oOIl]){9,12}(?![A-Za-z0-9])")
_UNMASKED = str.maketrans("oOIl", "0011")


def masked(text: str) -> Iterator[tuple[int, int]]:
    """Yield phones in which letters stand for the digits that they look like: «o9I7 1O2 3O4O»."""
    for found in _MASKED.finditer(text):
        digits = re.sub(r"[ \-]", "", found[0])
        if sum(one.isdecimal() for one in digits) >= 5 and _is_phone(digits.translate(_UNMASKED), False):
            yield found.span()


def _is_card(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(int(one) for one in digits):
        double = digit * 2 if place % 2 == 0 else digit
        total += double - 9 if double > 9 else double
    return total % 10 == 0 and digits[0] in "4569"


def is_national_id(digits: str) -> bool:
    """Say whether ten digits bear the check digit of a national id."""
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return int(digits[9]) == (rest if rest < 2 else 11 - rest)


def _asks_worth(reading: Reading, number: Number) -> bool:
    """«دو میلیون برای این گوشی»: a million of nothing else is money."""
    after = reading.keys[number.last] if number.last < len(reading.keys) else ""
    return after in (
        "برای",
        "واسه",
        "خیلی",
        "زیاده",
        "زیاد",
        "پول",
        "شده",
        "شد",
        "بود",
        "میشه",
        "میشود",
        "دادم",
        "به",
        "",
    )


def _is_end(reading: Reading, at: int) -> bool:
    return (
        at >= len(reading.keys)
        or reading.keys[at] in ("بود", "شد", "شده", "است", "هست", "خریدم", "بوده", ".", "تمام", "گرفتم", "رفته")
        or reading.keys[at] in letters.STOPS
    )
