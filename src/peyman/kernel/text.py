"""Persian text: one spelling for what people type in many, and digits of every script.

`normalise` is called once, where text enters. What it returns is what is stored, compared and shown.
"""

import re
import unicodedata

ZWNJ = "\u200c"  # the half-space; it is spelling («می‌دهیم»), so it stays

# Never seen on the page and never meant: zero-width space, word joiner, BOM, soft hyphen,
# direction marks and isolates, and the kashida that stretches a word.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u0640]")
_PRESENTATION = re.compile("[\ufb50-\ufdff\ufe70-\ufefe]")
_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ڪ": "ک"})
# A half-space joins two letters; at the edge of a word, or twice, it is a slip of the finger.
_LOOSE_ZWNJ = re.compile(f"(?:(?<=\\s)|^){ZWNJ}+|{ZWNJ}+(?=\\s|$)|(?<={ZWNJ}){ZWNJ}+")
_SPACES = re.compile(r"\s+")
_PERSIAN = str.maketrans("0123456789٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹" * 2)
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_LARGEST = 2**63 - 1  # of a column

# One letter for those that people mix up when they search; digits and case are handled apart.
_SEARCH_LETTERS = str.maketrans(
    dict.fromkeys("يى", "ی")
    | dict.fromkeys("كڪ", "ک")
    | dict.fromkeys("ةەہھ", "ه")
    | {"ٱ": "ا", "ء": None, "\u200d": None}
)
_ALPHABET = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"
_PLACES = {letter: 0x600 + place for place, letter in enumerate(_ALPHABET)}
_NO_WORD = re.compile(r"[^\w]|_")


def normalise(text: str, *, digits: bool = False) -> str:
    """Return `text` in the one spelling that Peyman stores.

    Arabic ي ى ك and presentation forms become Persian letters, NFC; kashida, direction marks and zero-width
    spaces go; the half-space stays where it joins two letters; each run of white space, line breaks
    included, becomes one space; ends are trimmed. Digits are left as typed unless `digits` asks for Latin
    ones. Normalising twice changes nothing. Control characters are left for the caller to refuse
    (`has_controls`).
    """
    text = _PRESENTATION.sub(_plain_form, text)
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).translate(_LETTERS)
    text = _LOOSE_ZWNJ.sub("", text)
    text = _SPACES.sub(" ", text).strip()
    return latin_digits(text) if digits else text


def has_controls(text: str) -> bool:
    """Say whether `text` holds control characters other than white space; PostgreSQL refuses NUL outright."""
    return _CONTROL.search(text) is not None


def latin_digits(text: str) -> str:
    """Return `text` with the decimal digits of every script as 0-9."""
    if text.isascii():
        return text
    return "".join(_latin_digit(c) for c in text)


def persian_digits(value: object) -> str:
    """Return `str(value)` with its Latin and Arabic digits as ۰-۹: 17 → "۱۷"."""
    return str(value).translate(_PERSIAN)


def whole_number(value: object) -> int:
    """Return the whole number that `value` is or spells, in the digits of any script: "٢" → 2, "-1" → -1.

    Raises ValueError for None, bool, float, "", "1.5", "1e3", "1,000", and for what no column could hold.
    The range is the caller's to judge.
    """
    countable = isinstance(value, int | str) and not isinstance(value, bool)
    typed = normalise(str(value), digits=True) if countable else ""
    if not _WHOLE.fullmatch(typed) or abs(int(typed)) > _LARGEST:
        raise ValueError(f"not a whole number: {value!r:.40}")
    return int(typed)


def search_words(text: str) -> str:
    """Return the words of `text` as search compares them, one space between: "آی‌پد Pro-۱۱" → "ای پد pro 11".

    The half-space and all punctuation part words; vowel signs and accents go; آ أ إ are ا, ة ۀ are ه, ؤ is و,
    ئ is ی; digits are Latin; letters lower case. It runs over stored titles and typed queries alike.
    """
    bare = "".join(_latin_digit(c) for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    bare = _INVISIBLE.sub("", bare).translate(_SEARCH_LETTERS).casefold()
    return " ".join(_NO_WORD.sub(" ", bare).split())


def search_joined(text: str) -> str:
    """Return `search_words(text)` without its spaces, so that کتاب‌خوان, کتابخوان and کتاب خوان are one."""
    return search_words(text).replace(" ", "")


def alphabetical(text: str) -> list[int]:
    """Return a key that sorts Persian as a dictionary does, whatever the database: پ after ب, ک before و."""
    return [_PLACES.get(c, ord(c)) for c in search_words(text)]


def _plain_form(match: re.Match[str]) -> str:
    # Marks that stand alone decompose to a space and the mark, which would part the word.
    return unicodedata.normalize("NFKC", match[0]).lstrip(" ")


def _latin_digit(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)
