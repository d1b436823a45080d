"""A text as the rules read it: words with what they mean, in sentences, each with its place in what was typed."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_

from peyman.care.reviews.rules import letters, numerals
from peyman.care.reviews.rules.lexicon import PREFIXES, SUFFIXES, SUPERLATIVES, Lexicon, lexicon

# What speech hangs onto words, and how long the word before must be: «فیله‌هاش», «برگردوندنشون», «کیفیتشم».
_HUNG = (
    *(
        (ending, 3)
        for ending in "هاشون هاتون هامون شونو تونو مونو هاشو هاتو هامو هارو هاشم هاش هات شون تون مون".split()
    ),
    *((ending, 4) for ending in "شم شه رو و".split()),
)
_SELLERS = ("فروشی", "فروشیها", "فروشیهای", "فروشیای", "فروشیهایی")
_SPANS = ("روزه", "ساله", "ماهه", "ساعته", "نفره", "گانه", "شده")  # «سه‌روزه» is written so
_SHOPS = ("سرا", "سرای", "شاپ", "مارکت", "استور")
_KEPT = 60_000  # tokens whose meaning is kept; a language has fewer that recur


@dataclass(slots=True)
class Sentence:
    """Words [first, last) of a reading and the bits that are in them."""

    first: int
    last: int
    mask: int


@dataclass
class Reading:
    """The words of one field."""

    text: str
    keys: list[str]
    masks: list[int]
    raws: list[str]
    places: list[tuple[int, int]] | None  # of each word: its tokens [first, last); None where each is one
    sentences: list[Sentence]
    mask: int
    field: str = "text"
    item: int | None = None
    typed: str = ""  # as it was typed, where `text` was put together from spaced letters; the same length
    spaced: list[tuple[int, int, str]] = dataclasses.field(default_factory=list)

    @cached_property
    def token_spans(self) -> list[tuple[int, int]]:
        """Where each token stands in the text."""
        return [match.span() for match in letters.TOKEN.finditer(self.text)]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return where the words [first, last) stand in the text."""
        if self.places is not None:
            first, last = self.places[first][0], self.places[last - 1][1]
        spans = self.token_spans
        return spans[first][0], spans[last - 1][1]


class Reader:
    """Reads texts with one lexicon; what a token means is worked out once and kept."""

    def __init__(self, words: Lexicon) -> None:
        self._lexicon = words
        self._known: dict[str, tuple[str, int]] = {}
        self._meant: dict[str, int] = {}
        bits = words.bits
        self._glue, self._affix, self._stop, self._question = (
            bits["glue"],
            bits["affix"],
            bits["stop"],
            bits["question"],
        )
        self._digit, self._single = bits["digit"], bits["single"]
        self._spoken, self._own, self._infinitive = bits["spoken"], bits["known"], bits["infinitive"]
        self._best, self._seller, self._crude = bits["best"], bits["seller_kind"], bits["rude"] | bits["insult"]
        self._shop = bits["seller_guess"]
        self._numeral, self._currency = bits["number_word"], bits["currency_joined"]
        self._shape = ~(bits["glue"] | bits["single"])

    def read(self, text: str, field: str = "text", item: int | None = None) -> Reading:
        """Read `text`; what it costs grows with its length and no faster."""
        known = self._known
        raws = letters.TOKEN.findall(text)
        try:
            found = [known[raw] for raw in raws]
        except KeyError:
            found = [known.get(raw) or self._learn(raw) for raw in raws]
        keys = [one[0] for one in found]
        masks = [one[1] for one in found]
        together = reduce(or_, masks, 0)
        places = None
        if together & self._glue:
            keys, masks, places = self._joined(keys, masks, together)
            together = reduce(or_, masks, 0)
        return Reading(text, keys, masks, raws, places, self._sentences(masks), together, field, item, text)

    def meaning(self, key: str) -> int:
        """Return what the word `key` stands for."""
        return self._lexicon.words.get(key, 0)

    # ---- One token ----

    def _learn(self, raw: str) -> tuple[str, int]:
        learned = self._analyse(raw)
        if len(self._known) >= _KEPT:
            self._known.clear()
        if len(raw) <= 64:
            self._known[raw] = learned
        return learned

    def _analyse(self, raw: str) -> tuple[str, int]:
        lexicon, bits = self._lexicon, self._lexicon.bits
        first = raw[0]
        if first in letters.STOPS:
            said = bits["question"] if first in "?؟？‽" else bits["exclaim"] if first in "!！" else 0
            return raw, lexicon.with_groups(bits["stop"] | said) | lexicon.words.get(raw, 0)
        if first.isdecimal():
            digits = letters.digits(raw)
            mask = bits["digit"] | (bits["long_digit"] if len(digits) >= 7 else 0)
            return digits, lexicon.with_groups(mask)
        key = letters.folded(raw)
        mask = 0
        plain = letters.unstretched(key)
        if plain != key and not _is_mark_of_size(raw):
            mask |= bits["stretched"]
        if "\u0640\u0640" in raw:
            mask |= bits["stretched"]
        key = plain
        meaning = lexicon.words.get(key)
        if meaning is None and (shorter := letters.undoubled(key)) in lexicon.words:
            key, meaning = shorter, lexicon.words[shorter]
        if meaning is None:
            meaning = self._guessed(key)
        script = "persian" if key and letters.is_persian(key[0]) else "latin" if key and key[0] < "\u0250" else "other"
        mask |= bits[script]
        if len(key) == 1:
            mask |= bits["single"]
        if "ي" in raw or "ك" in raw:
            mask |= bits["arabic_letter"]
        return key, lexicon.with_groups(mask | (meaning or 0))

    # ---- Words of several tokens ----

    def _joined(
        self, keys: list[str], masks: list[int], together: int
    ) -> tuple[list[str], list[int], list[tuple[int, int]]]:
        """Join affixes to their words, then the parts of compounds; say which tokens each word is made of."""
        places = [(at, at + 1) for at in range(len(keys))]
        if together & self._affix:
            keys, masks, places = self._inflected(keys, masks)
        return self._compounded(keys, masks, places)

    def _inflected(self, keys: list[str], masks: list[int]) -> tuple[list[str], list[int], list[tuple[int, int]]]:
        """Join what inflects a word: «می شود», «گوشی ها»."""
        words, affix, stop = self._lexicon.words, self._affix, self._stop | self._digit
        new_keys: list[str] = []
        new_masks: list[int] = []
        places: list[tuple[int, int]] = []
        at, end = 0, len(keys)
        while at < end:
            key, mask = keys[at], masks[at]
            if mask & affix:
                if key in PREFIXES and at + 1 < end and not masks[at + 1] & stop:
                    joined = key + keys[at + 1]
                    new_keys.append(joined)
                    new_masks.append(self._of(joined, mask | masks[at + 1]))
                    places.append((at, at + 2))
                    at += 2
                    continue
                if key in SUFFIXES and places and not new_masks[-1] & stop:
                    joined = new_keys[-1] + key
                    if joined in words or new_keys[-1] not in words or len(key) > 3:
                        new_keys[-1] = joined
                        new_masks[-1] = self._of(joined, mask | new_masks[-1])
                        places[-1] = (places[-1][0], at + 1)
                        at += 1
                        continue
            new_keys.append(key)
            new_masks.append(mask)
            places.append((at, at + 1))
            at += 1
        return new_keys, new_masks, places

    def _compounded(
        self, keys: list[str], masks: list[int], places: list[tuple[int, int]]
    ) -> tuple[list[str], list[int], list[tuple[int, int]]]:
        """Join compounds, the longest first: «بسته بندی», «خدمات پس از فروش»."""
        starts, compounds, glue, stop = self._lexicon.starts, self._lexicon.compounds, self._glue, self._stop
        at, end, joins = 0, len(keys), []
        while at < end:
            if masks[at] & glue and keys[at] in starts:
                joined, best, whole = keys[at], 0, ""
                for step in range(at + 1, min(at + 6, end)):
                    if masks[step] & stop:
                        break
                    joined += keys[step]
                    if joined in compounds and keys[step] != "و":
                        best, whole = step, joined
                    if joined not in starts:
                        break
                if best:
                    joins.append((at, best + 1, whole))
                    at = best
            at += 1
        if not joins:
            return keys, masks, places
        new_keys: list[str] = []
        new_masks: list[int] = []
        new_places: list[tuple[int, int]] = []
        done = 0
        for first, last, whole in joins:
            new_keys += keys[done:first]
            new_masks += masks[done:first]
            new_places += places[done:first]
            # What its parts mean stays: «از دیجی‌کالا» still names the shop.
            shape = reduce(or_, masks[first:last])
            new_keys.append(whole)
            new_masks.append(
                self._lexicon.with_groups((self._of(whole, shape) | shape & ~glue) & ~self._lexicon.derived)
            )
            new_places.append((places[first][0], places[last - 1][1]))
            done = last
        return new_keys + keys[done:], new_masks + masks[done:], new_places + places[done:]

    def _of(self, key: str, seen: int) -> int:
        """Return what the joined word means, with what was seen of its parts' letters."""
        bits = self._lexicon.bits
        shape = seen & (bits["persian"] | bits["latin"] | bits["other"] | bits["arabic_letter"] | bits["stretched"])
        meaning = self._meant.get(key)
        if meaning is None:
            meaning = self._lexicon.words.get(key)
            if meaning is None:
                meaning = self._lexicon.words.get(letters.undoubled(key)) or self._guessed(key)
            if len(self._meant) >= _KEPT:
                self._meant.clear()
            if len(key) <= 64:
                self._meant[key] = meaning
        return shape | meaning

    def _guessed(self, key: str) -> int:
        """Return what the shape of a word that no list has says of it: speech, an amount, a seller of something."""
        if not 4 < len(key) < 40 or not letters.is_persian(key[0]):
            return 0
        number = numerals.read(key)
        if number is not None:
            return self._numeral | (self._currency if number.currency else 0)
        words, known = self._lexicon.words, self._own
        if key.startswith(("می", "نمی")):
            body = key[3:] if key[0] == "ن" else key[2:]
            if len(body) > 2 and body.endswith(("ه", "ین", "نش")):
                return self._spoken
        for ending in SUPERLATIVES:
            if key.endswith(ending):
                return self._best | words.get(key[: -len(ending)], 0) & self._crude  # «گوه‌ترین»
        if key.endswith(_SELLERS) and len(key) > 6:
            return self._seller  # «کتاب‌فروشی»
        if key.endswith(_SHOPS) and len(key) > 6:
            return self._shop  # «پرده‌سرای»، «روژاشاپ»
        if key[-1] == "ه" and words.get(key[:-1], 0) & known and not key.endswith(_SPANS):
            return self._spoken  # «بودنه»، «کیلوییه»
        if key.endswith("یه") and len(key) > 5:
            return self._spoken  # «مهتابیه»، «بلبرینگیه»
        if key[-1] == "س" and words.get(key[:-1] + "ه", 0) & known:
            return self._spoken  # «دونفرس»
        for ending in ("ش", "ت", "شون", "ن", "ید", "ین"):
            if key.endswith(ending) and (crude := words.get(key[: -len(ending)], 0) & self._crude):
                return crude
        for ending, least in _HUNG:
            stem = key[: -len(ending)]
            if not (key.endswith(ending) and len(stem) >= least and words.get(stem, 0) & known):
                continue
            # «دامنه‌اش» is no «دامن» with «هاش».
            return 0 if ending in ("هاش", "هات") and stem + "ه" in words else self._spoken
        return 0

    def _sentences(self, masks: list[int]) -> list[Sentence]:
        stop, sentences, first, together = self._stop, [], 0, 0
        for at, mask in enumerate(masks):
            if mask & stop:
                if at > first or mask & self._question:
                    sentences.append(Sentence(first, at + 1, together | mask))
                first, together = at + 1, 0
            else:
                together |= mask
        if first < len(masks):
            sentences.append(Sentence(first, len(masks), together))
        return sentences


def _is_mark_of_size(raw: str) -> bool:
    """AAA, III, www, XXXL: letters that mean a kind or a size, not a stretched word."""
    return raw.isascii() and (raw.isupper() or raw.lower() in ("www", "iii", "aaa", "xxx", "xxxl"))


def reader() -> Reader:
    """Return a reader with the lists of the product."""
    return Reader(lexicon())
