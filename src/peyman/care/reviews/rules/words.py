"""A text as the rules read it: words with what they mean, in sentences, each with its place in what was typed."""

from dataclasses import dataclass
from functools import reduce
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
_SHOPS = ("سرا", "سرای", "سرایی", "شاپ", "شاپی", "مارکت", "مارکتی", "استور")
_KEPT = 60_000  # tokens whose meaning is kept; a language has fewer that recur


@dataclass(slots=True)
class Sentence:
    """Words [first, last) of a reading and the bits that are in them."""

    first: int
    last: int
    mask: int


@dataclass(slots=True)
class Reading:
    """The words of one field."""

    text: str
    keys: list[str]
    masks: list[int]
    raws: list[str]
    places: list[tuple[int, int]] | None  # of each word: its tokens [first, last); None where each is one
    sentences: list[Sentence]
    mask: int
    field: str
    item: int | None
    typed: str  # as it was typed, where `text` was put together from spaced letters; the same length
    spaced: list[tuple[int, int, str]]
    lone: bool = False  # whether a letter stands by itself
    begins: list[int] | None = None

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return where the words [first, last) stand in the text."""
        if self.places is not None:
            first, last = self.places[first][0], self.places[last - 1][1]
        begins = self.begins
        if begins is None:
            begins = self.begins = self._begins()
        return begins[first], begins[last - 1] + len(self.raws[last - 1])

    def _begins(self) -> list[int]:
        """Return where each token begins; no token begins within what lies between two others."""
        find, at, begins = self.text.find, 0, []
        for raw in self.raws:
            at = find(raw, at)
            begins.append(at)
            at += len(raw)
        return begins


class Reader:
    """Reads texts with one lexicon; what a token means is worked out once and kept."""

    def __init__(self, words: Lexicon) -> None:
        self._lexicon = words
        self._keys: dict[str, str] = {}  # of each token met, and
        self._masks: dict[str, int] = {}  # what it means
        self._meant: dict[str, int] = {}
        bits = words.bits
        self._glue, self._affix, self._stop, self._question = (
            bits["glue"],
            bits["affix"],
            bits["stop"],
            bits["question"],
        )
        self._digit, self._lone, self._sole = bits["digit"], bits["lone"], bits["sole"]
        self._spoken, self._own, self._infinitive = bits["spoken"], bits["known"], bits["infinitive"]
        self._best, self._seller, self._crude = bits["best"], bits["seller_kind"], bits["rude"] | bits["insult"]
        self._shop, self._joins = bits["seller_guess"], bits["joined"]
        self._numeral, self._currency = bits["number_word"], bits["currency_joined"]

    def read(self, text: str, field: str = "text", item: int | None = None) -> Reading:
        """Read `text`; what it costs grows with its length and no faster."""
        raws = letters.TOKEN.findall(text)
        try:
            keys = list(map(self._keys.__getitem__, raws))
        except KeyError:
            self._learn(raws)
            keys = list(map(self._keys.__getitem__, raws))
        masks = list(map(self._masks.__getitem__, raws))
        together = reduce(or_, masks, 0)
        places = None
        lone = bool(together & self._lone)
        if together & self._glue:
            joined = self._joined(keys, masks, together)
            if joined is not None:
                keys, masks, places = joined
                together = reduce(or_, masks, 0)
        return Reading(
            text, keys, masks, raws, places, self._sentences(masks, together), together, field, item, text, [], lone
        )

    def meaning(self, key: str) -> int:
        """Return what the word `key` stands for."""
        return self._lexicon.words.get(key, 0)

    # ---- One token ----

    def _learn(self, raws: list[str]) -> None:
        """Work out the tokens that were not met before."""
        if len(self._keys) + len(raws) > _KEPT:
            self._keys.clear()
            self._masks.clear()
        for raw in raws:
            if raw not in self._keys:
                self._keys[raw], self._masks[raw] = self._analyse(raw)

    def _analyse(self, raw: str) -> tuple[str, int]:
        lexicon, bits = self._lexicon, self._lexicon.bits
        first = raw[0]
        if first in letters.STOPS:
            said = bits["question"] if first in "?؟？‽" else bits["exclaim"] if first in "!！" else 0
            return raw, lexicon.with_groups(bits["stop"] | said | lexicon.words.get(raw, 0))
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
            mask |= bits["single"] | (bits["lone"] if key != "و" else 0)
        if "ي" in raw or "ك" in raw:
            mask |= bits["arabic_letter"]
        return key, lexicon.with_groups(mask | (meaning or 0))

    # ---- Words of several tokens ----

    def _joined(
        self, keys: list[str], masks: list[int], together: int
    ) -> tuple[list[str], list[int], list[tuple[int, int]]] | None:
        """Join affixes to their words, then the parts of compounds; say which tokens each word is made of."""
        places = None
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
        self, keys: list[str], masks: list[int], places: list[tuple[int, int]] | None
    ) -> tuple[list[str], list[int], list[tuple[int, int]]] | None:
        """Join compounds, the longest first: «بسته بندی», «خدمات پس از فروش». None where nothing is joined at all."""
        starts, compounds, glue, stop = self._lexicon.starts, self._lexicon.compounds, self._glue, self._stop
        end, done, joins = len(keys), 0, []
        for at, (key, after, mask) in enumerate(zip(keys, keys[1:], masks, strict=False)):
            if not mask & glue:
                continue
            joined = key + after
            if (joined not in compounds and joined not in starts) or at < done or key not in starts:
                continue
            best, whole = 0, ""
            for step in range(at + 1, min(at + 6, end)):
                if masks[step] & stop:
                    break
                if step > at + 1:
                    joined += keys[step]
                if joined in compounds and keys[step] != "و":
                    best, whole = step, joined
                if joined not in starts:
                    break
            if best:
                joins.append((at, best + 1, whole))
                done = best + 1
        if not joins:
            return (keys, masks, places) if places is not None else None
        if places is None:
            places = [(at, at + 1) for at in range(end)]
        new_keys: list[str] = []
        new_masks: list[int] = []
        new_places: list[tuple[int, int]] = []
        done = 0
        for first, last, whole in joins:
            new_keys += keys[done:first]
            new_masks += masks[done:first]
            new_places += places[done:first]
            new_keys.append(whole)
            new_masks.append(self._together(whole, masks[first:last]))
            new_places.append((places[first][0], places[last - 1][1]))
            done = last
        return new_keys + keys[done:], new_masks + masks[done:], new_places + places[done:]

    def _together(self, whole: str, parts: list[int]) -> int:
        """Return what a compound means; what its parts mean stays: «از دیجی‌کالا» still names the shop."""
        shape = reduce(or_, parts) | self._joins
        if self._lexicon.words.get(whole, 0) & self._sole:
            return self._of(whole, shape)  # «هر چند» asks nothing, «به هیچ وجه» is no money
        return self._lexicon.with_groups((self._of(whole, shape) | shape & ~self._glue) & ~self._lexicon.derived)

    def _of(self, key: str, seen: int) -> int:
        """Return what the joined word means, with what was seen of its parts' letters."""
        bits = self._lexicon.bits
        shape = seen & (
            self._joins | bits["persian"] | bits["latin"] | bits["other"] | bits["arabic_letter"] | bits["stretched"]
        )
        meaning = self._meant.get(key)
        if meaning is None:
            meaning = self._lexicon.words.get(key)
            if meaning is None:
                meaning = self._lexicon.words.get(letters.undoubled(key)) or self._guessed(key)
            meaning = self._lexicon.with_groups(meaning)
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

    def _sentences(self, masks: list[int], together: int) -> list[Sentence]:
        stop, end = self._stop, len(masks)
        stops = [at for at, mask in enumerate(masks) if mask & stop]
        if not stops or (stops[0] == end - 1 and end > 1):
            return [Sentence(0, end, together)] if end else []
        sentences, first = [], 0
        for at in stops:
            if at > first or masks[at] & self._question:
                sentences.append(Sentence(first, at + 1, reduce(or_, masks[first : at + 1])))
            first = at + 1
        if first < end:
            sentences.append(Sentence(first, end, reduce(or_, masks[first:])))
        return sentences


def _is_mark_of_size(raw: str) -> bool:
    """AAA, III, www, XXXL: letters that mean a kind or a size, not a stretched word."""
    return raw.isascii() and (raw.isupper() or raw.lower() in ("www", "iii", "aaa", "xxx", "xxxl"))


def reader() -> Reader:
    """Return a reader with the lists of the product."""
    return Reader(lexicon())
