"""What somebody may have meant by what they typed: groups of words, each with the other words that would do as well."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from peyman.kernel import text
from peyman.shop.catalog.rules.search import sound
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary

LONGEST: Final = 200  # characters that are read
MOST_WORDS: Final = 8
# How far an alternative is from the word, in steps of a place in the title.
AS_TYPED, MEANT, HEARD, SLIPPED, INSIDE = 0, 3, 6, 8, 14

# Said when one asks a seller, of no use when one looks on a shelf.
_SAID_TO_SELLERS: Final = """
قیمت خرید فروش ارزان ارزون ارزانترین ارزونترین بهترین خوب اصل اورجینال انواع لیست مدل برای با از و در به یک یه را رو که
هم ی ها های هایی ام buy price cheap best for with and the of in original
"""
_IDLE: Final = frozenset(_SAID_TO_SELLERS.split())
# How Latin letters are called, where a number follows.
_NAMES_OF_LETTERS: Final = """
ای=a ا=a بی=b سی=c دی=d اف=f جی=g اچ=h ای=i جی=j کی=k ال=l ام=m ان=n پی=p کیو=q ار=r اس=s تی=t یو=u وی=v ایکس=x
وای=y زد=z
"""
_LETTERS: Final = dict(pair.split("=") for pair in _NAMES_OF_LETTERS.split())
_PLURALS: Final = ("هایی", "های", "ها")
_MIXED: Final = re.compile("[0-9]+|[^0-9]+")

Synonyms = Mapping[str, Sequence[str]]  # a word, or words with a space → others that mean the same


@dataclass(frozen=True, slots=True)
class Other:
    """Words that would do for what was typed, all of them together, and how far they are from it."""

    words: tuple[str, ...]
    cost: int

    @property
    def is_close(self) -> bool:
        """Whether it is the same thing by another name, and not a guess."""
        return self.cost <= HEARD


@dataclass(frozen=True, slots=True)
class Group:
    """A word that was typed (or several that belong together), and what would do for it, the nearest first."""

    typed: str
    others: tuple[Other, ...]

    @property
    def cost(self) -> int:
        return self.others[0].cost if self.others else INSIDE + 1


def understand(typed: str, vocabulary: Vocabulary, synonyms: Synonyms) -> list[Group]:
    """Return what is sought: each group must be met, by any of its alternatives. Empty for what holds no word."""
    typed = typed[:LONGEST]
    words = text.search_words(typed).split()[:MOST_WORDS]
    if words and not any(len(word) > 2 and _is_known(word, vocabulary, synonyms) for word in words):
        swapped = text.search_words(sound.other_keyboard(typed)).split()[:MOST_WORDS]
        long = [word for word in swapped if len(word) > 2]
        if long and all(_is_known(word, vocabulary, synonyms) for word in swapped):
            words = swapped
    wanted = [word for word in words if word not in _IDLE]
    return _groups(wanted or words, vocabulary, synonyms)


def _is_known(word: str, vocabulary: Vocabulary, synonyms: Synonyms) -> bool:
    return word in vocabulary or word in synonyms


def _groups(words: Sequence[str], vocabulary: Vocabulary, synonyms: Synonyms) -> list[Group]:
    groups: list[Group] = []
    place = 0
    while place < len(words):
        taken, others = _together(words[place:], vocabulary, synonyms)
        if not others:
            taken, others = 1, _alone(words[place], vocabulary, synonyms)
        groups.append(Group(" ".join(words[place : place + taken]), _plain(others)))
        place += taken
    return groups


def _together(words: Sequence[str], vocabulary: Vocabulary, synonyms: Synonyms) -> tuple[int, list[Other]]:
    """What the first words stand for together, and how many they are; nothing where each stands for itself."""
    for many in (4, 3, 2):
        several = tuple(words[:many])
        phrase, joined = " ".join(several), "".join(several)
        if len(several) < many:
            continue
        if phrase in synonyms:
            also = [Other((joined,), AS_TYPED)] if joined in vocabulary else []
            return many, [Other(several, AS_TYPED), *also, *_same(phrase, synonyms, MEANT)]
    if len(words) < 2:
        return 0, []
    first, second = words[0], words[1]
    several, joined = (first, second), first + second
    letter = _LETTERS.get(first)
    if letter and second.isdecimal() and letter + second in vocabulary:  # «ایکس ۷»
        return 2, [Other(several, AS_TYPED), Other((letter + second,), MEANT)]
    if joined in vocabulary and not joined.isdecimal():
        # «کول پد» where the shelf says «کولپد»
        return 2, [Other(several, AS_TYPED), Other((joined,), AS_TYPED), *_same(joined, synonyms, MEANT)]
    if any(_is_known(word, vocabulary, synonyms) and len(word) > 2 for word in several):
        return 0, []
    heard = [Other((each,), HEARD) for each in vocabulary.sounding_like(joined)]
    slipped = [Other((each,), SLIPPED) for each in vocabulary.near(joined)]
    return (2, [Other(several, AS_TYPED), *heard, *slipped]) if heard or slipped else (0, [])


def _same(word: str, synonyms: Synonyms, cost: int) -> list[Other]:
    joined = word.replace(" ", "")  # «اسپرسو ساز» is only another spelling of «اسپرسوساز»
    return [
        Other(tuple(each.split()), AS_TYPED if cost == MEANT and each.replace(" ", "") == joined else cost)
        for each in synonyms.get(word, ())
    ]


def _alone(word: str, vocabulary: Vocabulary, synonyms: Synonyms) -> list[Other]:
    """What a single word may stand for."""
    others = [Other((word,), AS_TYPED), *_same(word, synonyms, MEANT)]
    for ending in _PLURALS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1 and _is_known(stem, vocabulary, synonyms):
            others += [Other((stem,), AS_TYPED), *_same(stem, synonyms, MEANT)]
    mixed = tuple(_MIXED.findall(word))
    if len(mixed) in (2, 3) and all(part in vocabulary for part in mixed):
        others.append(Other(mixed, MEANT))
    if word in vocabulary:
        others += [Other((each,), HEARD) for each in vocabulary.sounding_like(word, most=1)]
        return others + _holding(word, vocabulary)
    is_known = len(others) > 1
    if not is_known and (parts := vocabulary.parts(word)):
        others.append(Other(parts, MEANT))
        for n, part in enumerate(parts):
            others += [
                Other((*parts[:n], *each.split(), *parts[n + 1 :]), MEANT + MEANT) for each in synonyms.get(part, ())
            ]
    for each in vocabulary.sounding_like(word):
        others += [Other((each,), HEARD), *_same(each, synonyms, HEARD + MEANT)]
    if not is_known:
        for each in vocabulary.near(word):
            others += [Other((each,), SLIPPED), *_same(each, synonyms, SLIPPED + MEANT)]
    if len(others) == 1:
        others += [
            Other((word[:cut], each), SLIPPED)
            for cut in range(3, len(word) - 3)
            if word[:cut] in vocabulary
            for each in vocabulary.near(word[cut:])
        ]
    return others + _holding(word, vocabulary)


def _holding(word: str, vocabulary: Vocabulary) -> list[Other]:
    """Words that begin with this one, or else hold it, if it is long enough to mean something."""
    beginning = [each for each in vocabulary.beginning_with(word, 20) if each != word] if len(word) > 1 else []
    return [Other((each,), INSIDE) for each in beginning or _inside(word, vocabulary)]


def _inside(word: str, vocabulary: Vocabulary) -> list[str]:
    return [each for each in vocabulary.holding(word, 20) if each != word] if len(word) > 2 else []


def _plain(others: Sequence[Other]) -> tuple[Other, ...]:
    nearest: dict[tuple[str, ...], Other] = {}
    for other in sorted(others, key=lambda each: each.cost):
        nearest.setdefault(other.words, other)
    return tuple(nearest.values())


# ---- How well a product meets what was sought ----

_FAR: Final = 30  # met only by what stands beside the title: a colour, what it fits, an attribute
_NOT: Final = 60  # not met at all
_APART: Final = 8  # words that were typed as one stand apart from each other
_LAST_PLACE: Final = 6  # from here on it is all the same how late a word comes


def score(groups: Sequence[Group], head: str, words: frozenset[str], kind: frozenset[str]) -> int:
    """Return how far a product is from what was sought; the smaller the better.

    `head` are the words of its own title and names in their order, `words` all of its words, `kind` those of its
    category: who types what a thing is, means that thing and not its cover.
    """
    place: dict[str, int] = {}
    for n, word in enumerate(head.split()):
        place.setdefault(word, n)
    total, met = 0, set[str]()
    for n, group in enumerate(groups):
        best = _NOT
        for other in group.others:
            if all(word in place for word in other.words):
                where = min(max(place[word] for word in other.words), _LAST_PLACE)
                apart = len(other.words) > 1 and f" {' '.join(other.words)} " not in f" {head} "
                best = min(best, other.cost + where * (1 if n else 2) + _APART * apart)
                if other.is_close:
                    met.update(other.words)
            elif all(word in words for word in other.words):
                best = min(best, other.cost + _FAR)
        total += best
    return total - (12 if kind and kind <= met else 2 * len(kind & met))
