"""Which words mean what: the lists in `lexicon/`, every form of their words, and the concepts a form stands for.

A concept is a bit. What a token means is one number, so that a rule is asked only of a text in which its words are.
"""

import re
from collections import Counter
from collections.abc import Iterator
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
    "lone",  # a letter by itself, other than «و»
    "joined",  # a compound, in which the meanings of its parts stand side by side
)


_RARE = 12  # a pair of letters in fewer forms than this is none of the language
_EVERYWHERE = 10**6  # in so many words is what only the shape of a word tells
_GROUPED = 50_000  # answers kept
_SPOKEN = inflection.SPOKEN
_CRUDE = ("rude", "insult", "trash", "animal_insult")


class Lexicon:
    """All lists, read once."""

    def __init__(self) -> None:
        self.bits: dict[str, int] = {}
        self.derived = 0  # the bits of groups, which follow from the others
        self._derived: dict[int, list[tuple[int, int, int]]] = {}  # by a bit that must be there: group, have, lack
        self._likely: dict[int, list[int]] = {}  # of each group, what makes it
        for name in (*inflection.SIGNS, *SHAPES):
            self._bit(name)
        self._grouped: dict[int, int] = {}  # what `with_groups` answered
        self.words: dict[str, int] = {}
        self.starts: set[str] = set()
        self.compounds: set[str] = set()
        # Whether a word is of writing, too, or of speech whatever else is said of it: known only while lists are read.
        self._written, self._sure = self._bit("=written"), self._bit("=sure")
        for name in FILES:
            self._read(resources.files(__package__).joinpath("lexicon", f"{name}.txt").read_text("utf-8"))
        self._finish()

    def _finish(self) -> None:
        """Weigh what the lists say of one word against each other."""
        words, known, best = self.words, self.bits["known"], self.bits["best"]
        sure, writing, innocent = self._sure, self._written | self.bits["formal"], self.bits["innocent"]
        crude = sum(self.bits[name] for name in _CRUDE)
        kept = ~(self._written | sure)
        for key, mask in words.items():
            if mask & _SPOKEN and not mask & sure and mask & writing:
                mask ^= _SPOKEN
            if mask & innocent:
                mask &= ~crude
            if key.endswith(SUPERLATIVES) and len(key) > 5:
                mask |= best
            words[key] = mask & kept | known
        for key in (*PREFIXES, *SUFFIXES):
            words[key] = words.get(key, 0) | self.bits["glue"] | self.bits["affix"]
        for key in self.starts:
            words[key] = words.get(key, 0) | self.bits["glue"]

    def _bit(self, name: str) -> int:
        bit = self.bits.get(name)
        if bit is None:
            bit = self.bits[name] = 1 << len(self.bits)
        return bit

    def _read(self, text: str) -> None:
        """Read one file of lists, folded as a whole: what holds of a word holds of all of them."""
        concepts, kind = 0, ""
        general = self._bit("formal") | self._bit("general")
        for line in letters.folded(text.replace("\u200c", "+")).splitlines():
            if not line or line.startswith("#"):
                continue
            if head := _HEAD.fullmatch(line.strip()):
                kind = head[2]
                concepts = 0
                for name in head[1].split():
                    concepts |= self._bit(name)
                if kind == "word":
                    # A word as it stands is of writing only where its list says so, and of speech where it does.
                    concepts |= (self._written if concepts & general else 0) | (self._sure if concepts & _SPOKEN else 0)
                continue
            for entry in line.split():
                self._take(entry, concepts, kind)

    def _take(self, entry: str, concepts: int, kind: str) -> None:
        words = self.words
        if kind in ("verb", "spoken-verb"):
            past, _, present = entry.partition("/")
            self._say(inflection.verb(past, present, kind == "spoken-verb"), concepts)
            return
        parts = [part for part in entry.split("+") if part]
        if not parts:
            return
        for end in range(1, len(parts)):
            self.starts.add("".join(parts[:end]))
        stem = "".join(parts)
        if kind == "word":
            words[stem] = words.get(stem, 0) | concepts
            if len(parts) > 1:
                self.compounds.add(stem)
            return
        forms = inflection.adjective(stem) if kind == "adj" else inflection.noun(stem, plural_a=kind == "people")
        told = self._say(forms, concepts)
        if len(parts) > 1:
            self.compounds.update(told)

    def _say(self, forms: Iterator[inflection.Form], concepts: int) -> list[str]:
        words, written, told = self.words, self._written, []
        for form, signs in forms:
            words[form] = words.get(form, 0) | concepts | (signs if signs & _SPOKEN else signs | written)
            told.append(form)
        return told

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
        self._likely[bit] = [have for have, _ in tests]
        for have, lack in tests:
            # Any of its bits will do to find it by; the highest is a concept where it is not a sign or a shape.
            self._derived.setdefault(1 << have.bit_length() - 1, []).append((bit, have, lack))
        return bit

    def _named(self, name: str) -> int:
        return self.bits[name] if name in self.bits or name.isascii() else self.literal(name)

    def literal(self, word: str) -> int:
        """Return the bit of exactly these words («a|b»), in whatever spelling; "+" joins the parts of one."""
        name = f"={word}"
        if name in self.bits:
            return self.bits[name]
        bit = self._bit(name)
        for one in word.split("|"):
            parts = letters.folded(one.replace("\u200c", "+")).split("+")
            key = "".join(parts)
            self.words[key] = self.words.get(key, 0) | bit
            if len(parts) > 1:
                self.compounds.add(key)
                for end in range(1, len(parts)):
                    start = "".join(parts[:end])
                    self.starts.add(start)
                    self.words[start] = self.words.get(start, 0) | self.bits["glue"]
        return bit

    def with_groups(self, mask: int) -> int:
        """Return `mask` with the bits of the groups that it is in."""
        known = self._grouped.get(mask)
        if known is not None:
            return known
        asked = left = mask
        while left:
            bit = left & -left
            left ^= bit
            for group, have, lack in self._derived.get(bit, ()):
                if asked & have == have and not asked & lack:
                    mask |= group
        if len(self._grouped) < _GROUPED:
            self._grouped[asked] = mask
        return mask

    @cached_property
    def often(self) -> dict[int, int]:
        """In how many words a bit is, of a group at most; for a lexicon of which all groups are asked."""
        found = {self.bits[name]: _EVERYWHERE for name in SHAPES}
        for mask, words in Counter(self.words.values()).items():
            while mask:
                bit = mask & -mask
                found[bit] = found.get(bit, 0) + words
                mask ^= bit
        for group, likely in self._likely.items():
            found[group] = sum(min(found.get(bit, 0) for bit in _bits(have)) for have in likely)
        return found

    @cached_property
    def pairs(self) -> frozenset[str]:
        """The pairs of letters that words of the language have; counted when a text looks like none of it."""
        times = Counter(key[at : at + 2] for key in self.words for at in range(len(key) - 1))
        return frozenset(pair for pair, often in times.items() if often >= _RARE)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


@cache
def lexicon() -> Lexicon:
    """Return the lists; read at the first call, in some tenths of a second."""
    return Lexicon()
