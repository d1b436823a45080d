"""Which words mean what: the lists in `lexicon/`, every form of their words, and the concepts a form stands for.

A concept is a bit. What a token means is one number, so that a rule is asked only of a text in which its words are.
"""

import re
from collections import Counter, defaultdict
from functools import cache, cached_property
from importlib import resources

from peyman.care.reviews.rules import inflection, letters

FILES = ("function", "verbs", "money", "shop", "rude", "people", "web", "spoken", "goods", "service", "writers")
_HEAD = re.compile(r"\[([a-z0-9_ ]+)\] ([a-z-]+)")
# Affixes that people part from their word by a space.
PREFIXES = frozenset({"می", "نمی"})
SUFFIXES = frozenset(
    "ها های هایی هایش هایم هایت هاش هام هات هاشون هامون هاتون هاست هایشان ترین تره ترش ترند ام ات اش اند ایم اید ای ست شان شون"
    " تون تان مون".split()
) | {"تر"}
SUPERLATIVES = ("ترین", "ترینه", "ترینی", "ترینش", "ترینها")
# What an inflected form says of itself, beside the concept of its word.
SIGNS = (
    "copula",
    "spoken",
    "neg",
    "past",
    "now",
    "may",
    "order",
    "perfect",
    "infinitive",
    "i",
    "you",
    "thou",
    "he",
    "we",
    "they",
)
# What is seen of a token without knowing the word.
SHAPES = (
    "persian",
    "latin",
    "other",
    "digit",
    "stop",
    "question",
    "arabic_letter",
    "stretched",
    "single",
    "glue",
    "affix",
    "known",
    "long_digit",
    "currency_joined",
    "exclaim",
)


_RARE = 12  # a pair of letters in fewer forms than this is none of the language
_GROUPED = 50_000  # answers kept


class Lexicon:
    """All lists, read once."""

    def __init__(self) -> None:
        self.bits: dict[str, int] = {}
        self.derived = 0  # the bits of groups, which follow from the others
        self._derived: list[tuple[int, list[tuple[int, int]]]] = []
        for name in (*SHAPES, *SIGNS):
            self._bit(name)
        self._grouped: dict[int, int] = {}  # what `with_groups` answered
        self.words: dict[str, int] = {}
        self.starts: set[str] = set()
        self.compounds: set[str] = set()
        self._said: dict[str, set[str]] = defaultdict(set)
        self._written: set[str] = set()
        self._spoken: set[str] = set()
        for name in FILES:
            self._read(resources.files(__package__).joinpath("lexicon", f"{name}.txt").read_text("utf-8"))
        for key, concepts in self._said.items():
            if "spoken" in concepts and key not in self._spoken and (key in self._written or "formal" in concepts):
                concepts.discard("spoken")
            if "innocent" in concepts:
                concepts -= {"rude", "insult", "trash", "animal_insult"}
            if key.endswith(SUPERLATIVES) and len(key) > 5:
                concepts.add("best")
            mask = self.bits["known"]
            for concept in concepts:
                mask |= self._bit(concept)
            self.words[key] = mask
        for key in (*PREFIXES, *SUFFIXES):
            self.words[key] = self.words.get(key, 0) | self.bits["glue"] | self.bits["affix"]
        for key in self.starts:
            self.words[key] = self.words.get(key, 0) | self.bits["glue"]
        pairs = Counter(key[at : at + 2] for key in self.words for at in range(len(key) - 1))
        self.pairs = frozenset(pair for pair, times in pairs.items() if times >= _RARE)
        del self._said, self._written, self._spoken

    def _bit(self, name: str) -> int:
        bit = self.bits.get(name)
        if bit is None:
            bit = self.bits[name] = 1 << len(self.bits)
        return bit

    def _read(self, text: str) -> None:
        concepts: list[str] = []
        kind = ""
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            if head := _HEAD.fullmatch(line.strip()):
                concepts, kind = head[1].split(), head[2]
                continue
            for entry in line.split():
                self._take(entry, concepts, kind)

    def _take(self, entry: str, concepts: list[str], kind: str) -> None:
        if kind in ("verb", "spoken-verb"):
            past, _, present = entry.partition("/")
            forms = inflection.verb(letters.folded(past), letters.folded(present), kind == "spoken-verb")
            for form, signs in forms:
                self._say(form, concepts, signs)
            return
        parts = [letters.folded(part) for part in entry.replace("\u200c", "+").split("+") if letters.folded(part)]
        if not parts:
            return
        for end in range(1, len(parts)):
            self.starts.add("".join(parts[:end]))
        stem = "".join(parts)
        compound = len(parts) > 1
        if kind == "word":
            self._say(stem, concepts, inflection.PLAIN, inflected=False)
            if compound:
                self.compounds.add(stem)
            if "spoken" in concepts:
                self._spoken.add(stem)
            return
        forms = {
            "noun": lambda: inflection.noun(stem),
            "people": lambda: inflection.noun(stem, plural_a=True),
            "adj": lambda: inflection.adjective(stem),
        }[kind]()
        for form, signs in forms:
            self._say(form, concepts, signs)
            if compound:
                self.compounds.add(form)

    def _say(self, form: str, concepts: list[str], signs: frozenset[str], inflected: bool = True) -> None:
        said = self._said[form]
        said.update(concepts)
        said.update(signs)
        if "spoken" not in signs and (inflected or not {"formal", "general"}.isdisjoint(concepts)):
            self._written.add(form)

    def group(self, expression: str) -> int:
        """Return the bit of «a|b» (any), «a&b» (all), «a!b» (a without b), in this order of binding, loosest first.

        Raises KeyError for a concept that no list has.
        """
        if expression in self.bits:
            return self.bits[expression]
        tests = []
        for choice in expression.split("|"):
            wanted, *unwanted = choice.split("!")
            have = sum(self._named(name) for name in set(wanted.split("&")))
            tests.append((have, sum(self._named(name) for name in set(unwanted))))
        bit = self._bit(expression)
        self.derived |= bit
        self._derived.append((bit, tests))
        return bit

    def _named(self, name: str) -> int:
        return self.bits[name] if name in self.bits or name.isascii() else self.literal(name)

    def literal(self, word: str) -> int:
        """Return the bit of exactly these words («a|b»), in whatever spelling."""
        name = f"={word}"
        if name in self.bits:
            return self.bits[name]
        bit = self._bit(name)
        for one in word.split("|"):
            key = letters.folded(one)
            self.words[key] = self.words.get(key, 0) | bit
        return bit

    def settle(self) -> None:
        """Give every word the bits that were asked for by `group`; call once, when all were."""
        self._grouped.clear()
        for key, mask in self.words.items():
            self.words[key] = self.with_groups(mask)

    def with_groups(self, mask: int) -> int:
        """Return `mask` with the bits of the groups that it is in."""
        known = self._grouped.get(mask)
        if known is not None:
            return known
        asked = mask
        for bit, tests in self._derived:
            for have, lack in tests:
                if mask & have == have and not mask & lack:
                    mask |= bit
                    break
        if len(self._grouped) < _GROUPED:
            self._grouped[asked] = mask
        return mask

    @cached_property
    def often(self) -> dict[int, int]:
        """How many words have a bit; for a settled lexicon."""
        found: dict[int, int] = {}
        for mask, words in Counter(self.words.values()).items():
            while mask:
                bit = mask & -mask
                found[bit] = found.get(bit, 0) + words
                mask ^= bit
        return found


@cache
def lexicon() -> Lexicon:
    """Return the lists; read at the first call, in some tenths of a second."""
    return Lexicon()
