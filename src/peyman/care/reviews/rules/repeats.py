"""Is a question one that stands there already? By the words that carry it, in one form for speech and writing."""

from peyman.care.reviews.rules.lexicon import Lexicon
from peyman.care.reviews.rules.words import Reading

# What a question is about never lies in these. Verbs of being and having, greetings, «this», «is it possible».
_SILENT = (
    "hello",
    "pardon",
    "please",
    "this",
    "is",
    "there_is",
    "have",
    "whether",
    "object",
    "of_which",
    "and",
    "with",
    "is_not",
    "in",
    "for",
    "friends",
    "you",
    "dear",
    "which",
    "be",
    "someone",
    "become",
    "if",
    "or",
    "no_word",
    "me",
    "much",
    "than",
    "now",
    "stop",
    "question",
    "too",
    "that",
    "all",
    "only",
    "can",
    "want",
    "know",
    "do",
    "guide",
)
_SILENT_WORDS = frozenset(
    "محصول کالا جنس مدل هم یه یک تا ایا لطفا میخواستم ممنون مرسی تشکر بفرمایید بگید بگین بدونم بدانم رو را خود خودش مورد نظر اصلا دقیقا کلا حدودا تقریبا عدد برا روی"
    " باید قابل امکان امکانش میتوان هستش وجود".split()
)
# Words that ask the same.
_SAME = {
    "چقدر": "چند",
    "چقدره": "چند",
    "چقده": "چند",
    "چقد": "چند",
    "چندتا": "چند", "چنده": "چند", "چندتاست": "چند", "چیه": "چه", "چیست": "چه", "چی": "چه",
    "کجاست": "کجا", "کدومه": "کدام", "کدوم": "کدام", "چطوره": "چطور", "چطوریه": "چطور", "چگونه": "چطور", "چجوری": "چطور", "چجوریه": "چطور", "چطوری": "چطور",
    "مناسب": "خوب", "خوبه": "خوب", "مناسبه": "خوب", "موبایل": "گوشی", "لپتاپ": "لپتاپ", "گارانتی": "گارانتی", "ضمانت": "گارانتی", "وارانتی": "گارانتی",
    "ضدابه": "ضداب", "واترپروف": "ضداب", "لمسیه": "لمسی", "تاچ": "لمسی", "اورجینال": "اصل", "اورجیناله": "اصل", "اصلیه": "اصل", "اصلی": "اصل", "اصله": "اصل",
    "کارتن": "جعبه", "بسته": "جعبه", "پک": "جعبه", "توش": "جعبه", "داخلش": "جعبه", "باهاش": "", "ازش": "", "بهش": "", "براش": "", "رنگبندی": "رنگ",
    "پشتیبانی": "", "کیلوگرم": "", "گرم": "", "کیلو": "", "سانتیمتر": "", "سانت": "", "متر": "", "میلیمتر": "", "لیتر": "", "وات": "",
    "سنگینی": "وزن", "بلندی": "قد", "پورت": "درگاه", "ساپورت": "", "سازگار": "", "مگابایت": "مگ", "گیگابایت": "گیگ", "گیگه": "گیگ",
}  # fmt: skip
_ENDINGS = ("هایش", "هاشون", "هاش", "های", "هایی", "ها", "اش", "شون", "شان", "ش", "یی", "ی", "ه", "ست", "م", "ت")


class Repeats:
    """Compares questions by a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._silent = 0
        for name in _SILENT:
            self._silent |= lexicon.bits[name]
        self._asks = 0
        for name in (
            "ask_how",
            "ask_which",
            "ask_where",
            "ask_many",
            "ask_what",
            "ask_when",
            "ask_who",
            "ask_why",
            "ask_many_is",
            "ask_what_is",
            "ask_which_is",
        ):
            self._asks |= lexicon.bits[name]
        self._neg = lexicon.bits["neg"]
        self._digit = lexicon.bits["digit"]
        self._this = lexicon.bits["this"]
        self._words = lexicon.words
        self._thing = lexicon.bits["thing"]

    def content(self, reading: Reading, about: frozenset[str] = frozenset()) -> frozenset[str]:
        """Return the words that carry a question, without those that name the product (`about`)."""
        kept: set[str] = set()
        before = 0
        for key, mask in zip(reading.keys, reading.masks, strict=True):
            this, before = before & self._this, mask
            if mask & self._digit:
                kept.add(key)
                continue
            if mask & self._asks:
                kept.add(_SAME.get(key, key))
                continue
            if mask & self._silent or key in _SILENT_WORDS or len(key) < 2:
                continue
            if mask & self._thing and this:
                continue  # «این لپ‌تاپ»: the product itself
            stem = self._stem(key)
            if stem and stem not in about and key not in about:
                kept.add(stem)
        return frozenset(kept)

    def _stem(self, key: str) -> str:
        if key in _SAME:
            return _SAME[key]
        for ending in _ENDINGS:
            stem = key[: -len(ending)]
            if key.endswith(ending) and len(stem) >= 2 and (stem in self._words or len(ending) > 2):
                return _SAME.get(stem, stem)
        return key

    def same(self, one: frozenset[str], other: frozenset[str]) -> float:
        """Return from 0 to 1 how much two questions ask the same; numbers and question words must agree."""
        if not one or not other:
            return 0.0
        if {word for word in one if word[0].isdecimal()} != {word for word in other if word[0].isdecimal()}:
            return 0.0
        return len(one & other) / len(one | other)
