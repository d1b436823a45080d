"""Which words may be said to mean the same, and which of what people typed may be kept."""

import re
from collections.abc import Iterable
from typing import Final

from peyman.kernel import text
from peyman.kernel.errors import Invalid, Refused
from peyman.shop.catalog.rules.search import synonyms

MOST_WORDS: Final = 12  # of a set, on each side
LONGEST_WORD: Final = 60
LONGEST_WHY: Final = 200
FEW: Final = 3  # products; what finds no more than that is worth a look
KEPT_DAYS: Final = 90
LONGEST_TYPED: Final = 80

_BETWEEN: Final = re.compile(r"[\n\r=،,؛;]+")
_NUMBER: Final = re.compile(r"\d[\d\s\-()+./]{5,}\d")  # a phone, a card, a national id, an account, a date of birth
_ADDRESS: Final = re.compile(r"@|https?:|www\.|\.(?:com|ir|net|org)\b", re.IGNORECASE)
_MOST_DIGITS: Final = 7
_MOST_WORDS_TYPED: Final = 8


class NoSuchSet(Refused):
    code = "no_such_synonyms"
    says = "چنین دسته‌ای نیست."
    status = 404


class SaidAlready(Refused):
    code = "synonyms_said_already"
    says = "همین دسته پیش‌تر گفته شده است. چیزی عوض نشد."


def synonym_set(words: str, also: str, why: str) -> synonyms.Set:
    """Read a set as staff type it, words parted by lines, commas or `=`. Raises Invalid with what is wrong by field."""
    same, wider = _words(words), _words(also)
    wider = tuple(word for word in wider if word not in same)
    wrong: dict[str, str] = {}
    for name, each in (("words", same), ("also", wider)):
        if len(each) > MOST_WORDS:
            wrong[name] = f"بیش از {text.persian_digits(MOST_WORDS)} واژه است؛ آن را دو دسته کنید."
        elif any(len(word) > LONGEST_WORD or len(word.split()) > synonyms.LONGEST_PHRASE for word in each):
            wrong[name] = "هر واژه تا چهار بخش و ۶۰ نویسه است؛ جمله نمی‌پذیرد."
    if "words" not in wrong and not same:
        wrong["words"] = "واژه‌ای بنویسید که مردم می‌نویسند."
    if not wrong and len(same) + len(wider) < 2:
        wrong["words" if not also.strip() else "also"] = "دست‌کم دو واژه لازم است که یکی نباشند."
    if not why.strip():
        wrong["why"] = "بنویسید چرا؛ در تاریخچه می‌ماند."
    elif len(why) > LONGEST_WHY:
        wrong["why"] = f"تا {text.persian_digits(LONGEST_WHY)} نویسه."
    if wrong:
        raise Invalid(wrong)
    return synonyms.Set(same, wider)


def _words(typed: str) -> tuple[str, ...]:
    read = (text.search_words(part) for part in _BETWEEN.split(typed[:4000]))
    return tuple(dict.fromkeys(word for word in read if word))


def worth_keeping(typed: str) -> str:
    """Return what may be kept of something that was looked for; "" where it may tell of a person or says nothing.

    Numbers as long as those of phones, cards and people, addresses of mail and web, and long texts are dropped whole.
    """
    if len(typed) > 2 * LONGEST_TYPED or _ADDRESS.search(typed):
        return ""
    plain = text.latin_digits(text.normalise(typed))
    if _NUMBER.search(plain) or sum(c.isdecimal() for c in plain) > _MOST_DIGITS:
        return ""
    words = text.search_words(plain)
    return words if len(words) <= LONGEST_TYPED and len(words.split()) <= _MOST_WORDS_TYPED else ""


def newest(versions: Iterable[tuple[str, bool, list[str], list[str]]]) -> tuple[synonyms.Set, ...]:
    """Return the sets in force, of (code, is on, words, also) in the order they were said."""
    last: dict[str, tuple[bool, list[str], list[str]]] = {}
    for code, is_on, words, also in versions:
        last[code] = (is_on, words, also)
    return tuple(synonyms.Set(tuple(words), tuple(also)) for is_on, words, also in last.values() if is_on)
