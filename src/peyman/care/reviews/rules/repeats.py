"""Is a question one that stands there already? By what it asks, in one form for all the words that ask it.

Words of the same meaning stand in `lexicon/same.txt`. What is left of two questions is compared: what both have, against
what only one of them has; a number, a colour or a shade that differs asks for something else.
"""

from collections.abc import Iterator
from importlib import resources
from typing import NamedTuple

from peyman.care.reviews.rules import letters, numerals
from peyman.care.reviews.rules.lexicon import Lexicon
from peyman.care.reviews.rules.words import Reading

# What a question is about never lies in these. Verbs of being and having, greetings, «this», «is it possible».
_SILENT = (
    "hello", "pardon", "please", "this", "is", "there_is", "have", "whether", "object", "of_which", "and", "with",
    "is_not", "in", "for", "friends", "you", "dear", "which", "be", "someone", "become", "if", "or", "no_word", "me",
    "much", "than", "now", "stop", "question", "too", "that", "all", "only", "can", "want", "know", "do", "guide",
    "give", "ask_what", "ask_what_is", "ask_how", "ask_which", "ask_which_is", "ask_where", "ask_who", "ask_why",
    "come", "put_up", "only_thanks",
)  # fmt: skip
_SILENT_WORDS = frozenset(
    "محصول کالا جنس مدل هم یه یک تا ایا لطفا میخواستم ممنون مرسی تشکر بفرمایید بگید بگین بدونم بدانم رو را خود خودش مورد نظر اصلا دقیقا کلا حدودا تقریبا برا روی"
    " باید قابل امکان امکانش میتوان هستش وجود استفاده دستگاه نوع حالت صورت باعث هنگام کار برابر بر خریدن خرید جهت بابت بعد قبل نحوه وسیله کسی کس کدوم چی چیه بین شکل شده"
    " میشه میتونم میخوره خوردن دار داخلی توسط طور اینکه یعنی فقط بدون مجموعه چاپ شبکه پشتیبانی ساپورت باهاش باهاشون اطلاعات نیاز لازم نظر مقدار واقعا عملکرد طی دوستان درون بیرون کدام اضافه خوردنی عزیزان وقت بخیر خسته نباشید".split()
)
_ENDINGS = (
    "هایش",
    "هاشون",
    "هاش",
    "های",
    "هایی",
    "ها",
    "اش",
    "شون",
    "شان",
    "ش",
    "یی",
    "ی",
    "ه",
    "ست",
    "اس",
    "ا",
    "م",
    "ت",
)
_VERB_ENDINGS = ("یدن", "اندن", "وندن", "اند", "ونه", "ند", "ید", "دن", "تن", "د", "ه", "م", "ن")
_MODIFIERS = ("quality", "plain_adj")
# What weighs a shade of what is asked, a word of it, what the list has a name for, and what no list has: a name.
_LIGHT, _FULL, _NAMED, _RARE = 0.5, 1.0, 1.5, 2.0
_PRICE = "قیمت"
_ONE_SIDED, _TWO_SIDED = 0.45, 0.40  # how much must be shared where one asks for more, and where both do


class Content(NamedTuple):
    """What a question asks: its words in their one form with their weight, its numbers, and whether it lets choose."""

    words: dict[str, float]
    numbers: frozenset[str]
    choice: bool
    how_many: bool
    which: bool = False  # asks for one by name: which, where, whose


class Repeats:
    """Compares questions by a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        bits = lexicon.bits
        self._silent = 0
        for name in _SILENT:
            self._silent |= bits[name]
        self._modifier = 0
        for name in _MODIFIERS:
            self._modifier |= bits[name]
        self._digit, self._number, self._this, self._or = bits["digit"], bits["number_word"], bits["this"], bits["or"]
        self._stop, self._which = bits["stop"], bits["ask_which"] | bits["ask_who"]
        self._words, self._thing = lexicon.words, bits["thing"]
        self._same: dict[str, tuple[str, float]] = {}
        self._phrases: dict[str, int] = {}
        self._wider: dict[str, str] = {}
        self._against: dict[str, frozenset[str]] = {}
        for concept, wider, weight, words in _read():
            if concept == "!":
                folded = frozenset(map(letters.folded, words))
                for word in folded:
                    self._against[word] = self._against.get(word, frozenset()) | (folded - {word})
                continue
            if wider:
                self._wider[concept] = wider
            for word in words:
                key = "".join(letters.folded(part) for part in word.split("+"))
                self._same.setdefault(key, (concept, weight))
                if "+" in word:
                    first = letters.folded(word.split("+")[0])
                    self._phrases[first] = max(self._phrases.get(first, 0), word.count("+") + 1)

    def content(self, reading: Reading, about: frozenset[str] = frozenset()) -> Content:
        """Return what a question asks, without what names the product (`about`)."""
        kept: dict[str, float] = {}
        numbers: set[str] = set()
        choice, before, counted = False, 0, 0
        keys, masks = reading.keys, reading.masks
        at = 0
        while at < len(keys):
            key, mask = keys[at], masks[at]
            step = self._phrase(keys, at)
            this, before = before & self._this, mask
            if step:
                concept, weight = self._same["".join(keys[at : at + step])]
                kept[concept] = max(weight, kept.get(concept, 0.0))
                at += step
                continue
            at += 1
            choice = choice or bool(mask & self._or)
            if mask & self._digit:
                numbers.add(key)
                continue
            if key in self._same:
                concept, weight = self._same[key]
                if concept not in about:
                    kept[concept] = max(weight, kept.get(concept, 0.0))
                continue
            value = numerals.VALUES.get(key)
            if value is not None and mask & self._number and key != "یه":
                if counted > value and at > 1 and keys[at - 2] == "و":
                    numbers.discard(str(counted))  # «سیصد و شصت» is one number
                    value += counted
                numbers.add(str(value))
                counted = value
                continue
            if key.startswith("چند") and len(key) > 5:
                kept["چند"] = _LIGHT  # «چندصفحه»
                key = key[3:]
                if key in self._same:
                    concept, weight = self._same[key]
                    if concept not in about:
                        kept[concept] = max(weight, kept.get(concept, 0.0))
                    continue
            if (split := _counted(key)) is not None:
                numbers.add(split[0])
                kept[split[1]] = _LIGHT
                continue
            if mask & (self._silent | self._stop) or key in _SILENT_WORDS or len(key) < 2:
                continue
            if mask & self._thing and this:
                continue  # «این لپ‌تاپ»: the product itself
            stem, weight = self._stem(key)
            if stem and stem not in about and key not in about:
                light = mask & self._modifier and weight == _FULL
                kept[stem] = max(_LIGHT if light else weight, kept.get(stem, 0.0))
        how_many = kept.pop("چند", None) is not None
        if how_many and not kept and not numbers:
            kept[_PRICE] = _NAMED  # «الان چنده؟»
        which = bool(reading.mask & self._which)
        return Content(kept, frozenset(numbers), choice, how_many, which)

    def about(self, reading: Reading) -> frozenset[str]:
        """Return the words that name a product, as questions have them."""
        told = frozenset(self.content(reading).words) | frozenset(reading.keys)
        parts = [letters.folded(raw) for raw in reading.raws]
        return told.union(parts, (self._same[part][0] for part in parts if part in self._same))

    def _phrase(self, keys: list[str], at: int) -> int:
        """Return how many words from `at` on are one entry of the list; the longest counts."""
        most = self._phrases.get(keys[at], 0)
        for size in range(min(most, len(keys) - at), 1, -1):
            if "".join(keys[at : at + size]) in self._same:
                return size
        return 0

    def _stem(self, key: str) -> tuple[str, float]:
        for ending in _ENDINGS:
            stem = key[: -len(ending)]
            if key.endswith(ending) and len(stem) >= 2 and stem in self._same:
                return self._same[stem]
        for ending in _ENDINGS:
            stem = key[: -len(ending)]
            if key.endswith(ending) and len(stem) >= 2 and (stem in self._words or len(ending) > 2):
                return stem, _FULL
        return key, _FULL if key in self._words or len(key) < 4 else _RARE  # «ایرانسل»: what no list has is a name

    def same(self, one: Content, other: Content) -> bool:
        """Say whether two questions ask the same."""
        if one.numbers != other.numbers and ((one.numbers and other.numbers) or not (one.words or other.words)):
            return False
        if not (one.words or one.numbers) or not (other.words or other.numbers):
            return False
        if one.choice != other.choice and one.how_many != other.how_many:
            return False  # which of two, and how many
        for word in one.words:
            against = self._against.get(word)
            if against and against & other.words.keys() and word not in other.words:
                return False  # «سرعت خواندن» and «سرعت نوشتن»
        shared = only = least = 0.0
        left, named = dict(other.words), False
        for word, weight in one.words.items():
            match = word if word in left else next((have for have in left if self._alike(word, have)), None)
            if match is None:
                only += weight
                named = named or weight == _NAMED
            else:
                least += min(weight, left[match])
                shared += weight + left.pop(match)
        rest = sum(left.values())
        common = len(other.words) - len(left)
        if one.numbers == other.numbers:
            shared += 2 * _FULL * len(one.numbers)
            least += _FULL * len(one.numbers)
        else:
            only += _FULL * len(one.numbers)
            rest += _FULL * len(other.numbers)
        if not shared:
            return False
        if common == 1 and named and _NAMED in left.values() and least < _RARE:
            return False  # the same part, of which something else is asked: «موتورش چند وات است», «ساخت کجاست»
        if common == 1 and only and rest and one.how_many != other.how_many and not self._is_measured(one, other):
            return False  # how long the battery lasts, and whether it can be changed
        if only and rest and max(only, rest) <= _LIGHT:
            return False  # «رنگ مشکی دارد؟» and «رنگ سفید دارد؟»
        if one.choice and other.choice and least >= 2 * _LIGHT and 2 * shared >= only + rest:
            return True  # both let choose between the same
        if one.how_many and other.how_many and (not only or not rest) and max(only, rest) <= 2 * _FULL:
            return True  # «چند کیلویی است؟» where «ظرفیت آن چند کیلوگرم است؟» stands
        if (one.how_many and other.which) or (other.how_many and one.which):
            return False  # how long its warranty lasts, and whose it is
        if (
            one.how_many != other.how_many
            and not (one.numbers or other.numbers)
            and len(one.words | other.words) < 3
            and not self._is_measured(one, other)
        ):
            return False  # whether there is one, and how much of it there is
        return (
            shared / (shared + only + rest)
            >= (_TWO_SIDED if (only and rest) or one.how_many != other.how_many else _ONE_SIDED)
            and least > _LIGHT
        )

    def _is_measured(self, one: Content, other: Content) -> bool:
        """Say whether one asks in units for what the other asks by its name: «چند کیلوگرم», «وزنش»."""
        return any(self._wider.get(word) in other.words for word in one.words) or any(
            self._wider.get(word) in one.words for word in other.words
        )

    def _alike(self, one: str, other: str) -> bool:
        return self._wider.get(one) == other or self._wider.get(other) == one or _alike(one, other)


def _alike(one: str, other: str) -> bool:
    """Say whether two words are forms or spellings of one: میکروفن and میکروفون, چسباندن and می‌چسباند."""
    one, other = _bare_verb(one), _bare_verb(other)
    short, long_ = sorted((one, other), key=len)
    if len(short) < 4:
        return len(short) == 3 and long_.startswith(short) and len(long_) < 8
    if one[:4] == other[:4] and abs(len(one) - len(other)) <= 3:
        return True
    return len(one) >= 5 and _one_apart(one, other)


def _bare_verb(word: str) -> str:
    for prefix in ("نمی", "می"):
        if word.startswith(prefix) and len(word) - len(prefix) >= 3:
            return word[len(prefix) :]
    return word


def _one_apart(one: str, other: str) -> bool:
    """Say whether one letter more, less or other makes `one` to `other`."""
    if abs(len(one) - len(other)) > 1:
        return False
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return one[at + 1 :] == other[at + 1 :] or one[at:] == other[at + 1 :] or one[at + 1 :] == other[at:]


def _counted(key: str) -> tuple[str, str] | None:
    """«دونفره», «تک‌نفره», «دوسالگی»: a number and what is counted."""
    for ending, counted in (("نفره", "نفر"), ("نفرس", "نفر"), ("ساله", "سال"), ("سالگی", "سال"), ("سالهها", "سال")):
        if key.endswith(ending):
            number = key[: -len(ending)]
            if number == "تک":
                return "1", counted
            if number in numerals.VALUES:
                return str(numerals.VALUES[number]), counted
    return None


def _read() -> Iterator[tuple[str, str, float, list[str]]]:
    """Yield each concept of the list, what it is one of, its weight and its words."""
    text = resources.files(__package__).joinpath("lexicon", "same.txt").read_text("utf-8")
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head, _, words = line.partition(":")
        concept, _, wider = head.lstrip("~").replace("+", "").partition("<")
        weight = _LIGHT if head.startswith("~") else _NAMED
        yield concept if concept == "!" else letters.folded(concept), letters.folded(wider), weight, words.split()
