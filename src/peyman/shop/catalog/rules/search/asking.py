"""What somebody may have meant by what they typed: groups of words, each with the other words that would do as well."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from peyman.kernel import text
from peyman.shop.catalog.rules.search import numbers, sound
from peyman.shop.catalog.rules.search.synonyms import LONGEST_PHRASE, Table
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary

LONGEST: Final = 200  # characters that are read
MOST_WORDS: Final = 8
MOST_OTHERS: Final = 60
# How far an alternative is from the word, in steps of a place in the title.
AS_TYPED, MEANT, HEARD, SLIPPED, INSIDE = 0, 3, 6, 8, 14

# Said when one asks a seller, of no use when one looks on a shelf.
_SAID_TO_SELLERS: Final = """
قیمت خرید فروش ارزان ارزون ارزانترین ارزونترین بهترین خوب اصل اورجینال انواع لیست مدل برای با از و در به یک یه را رو که
هم ی ها های هایی ام تا واسه برا واسم برام میخوام میخام میخواهم دنبال دارید داری دارین هست است چند چنده چقدر چقدره قیمتش
عالی شیک باکیفیت کیفیت جدید جدیدترین پرفروش پرفروشترین محبوب مناسب ترین تخفیف تخفیفی تخفیفدار حراج حراجی ویژه اقساطی
قسطی فروشگاه اینترنتی انلاین لطفا سلام چی چه کدوم buy price cheap best for with and the of in original new
"""
_IDLE: Final = frozenset(_SAID_TO_SELLERS.split())
_ONE: Final = frozenset(("یک", "یه"))
# How Latin letters are called.
_NAMES_OF_LETTERS: Final = """
ای=a ا=a بی=b سی=c دی=d اف=f جی=g اچ=h ایچ=h ای=i جی=j کی=k ال=l ام=m ان=n پی=p کیو=q ار=r اس=s تی=t یو=u وی=v ایکس=x
وای=y زد=z
"""
_LETTERS: Final[dict[str, str]] = {}
for _pair in _NAMES_OF_LETTERS.split():
    _LETTERS[_pair.partition("=")[0]] = _LETTERS.get(_pair.partition("=")[0], "") + _pair.partition("=")[2]
_MOST_SPELLINGS: Final = 16
_PLURALS: Final = ("هایی", "های", "ها")
# The plural and the article of speech («گوشیا», «کفشای»), and the ending of measures («ده کیلویی», «نفره»).
_ENDINGS: Final = ("یی", "ای", "ات", "ا", "ی", "ه")
_MIXED: Final = re.compile("[0-9]+|[^0-9]+")


@dataclass(frozen=True, slots=True)
class Other:
    """Words that would do for what was typed, all of them together, and how far they are from it."""

    words: tuple[str, ...]
    cost: int

    @property
    def is_close(self) -> bool:
        """Whether it is the same thing by another name, and not a guess."""
        return self.cost <= HEARD

    @property
    def is_likely(self) -> bool:
        """Whether it is all that was typed, be it with a slip, and not a mere part of something longer."""
        return self.cost < INSIDE


@dataclass(frozen=True, slots=True)
class Group:
    """A word that was typed (or several that belong together), and what would do for it, the nearest first.

    `meant` are the words that it stands for in all likelihood: the same by any name; where the shelf has none of
    those, the nearest guess.
    """

    typed: str
    others: tuple[Other, ...]
    meant: frozenset[str] = frozenset()

    @property
    def is_guess(self) -> bool:
        """Whether the shelf has nothing of this name, and a slip was supposed."""
        return not any(other.is_close and self.meant.issuperset(other.words) for other in self.others)


def understand(typed: str, vocabulary: Vocabulary, synonyms: Table) -> list[Group]:
    """Return what is sought: each group must be met, by any of its alternatives. Empty for what holds no word."""
    typed = typed[:LONGEST]
    words = text.search_words(typed).split()[: 2 * MOST_WORDS]
    known = _Known(vocabulary, synonyms)
    if words and not any(len(word) > 2 and word in known for word in words):
        swapped = text.search_words(sound.other_keyboard(typed)).split()[: 2 * MOST_WORDS]
        are_known = all(map(known.holds, swapped)) or "".join(swapped) in known
        if any(len(word) > 2 for word in swapped) and are_known:
            words = swapped
    wanted = [word for n, word in enumerate(words) if not _is_idle(words, n)]
    return _groups(wanted or words, known)[:MOST_WORDS]


def _is_idle(words: Sequence[str], n: int) -> bool:
    word = words[n]
    if word in _ONE:
        return words[n + 1 : n + 2] == [] or words[n + 1] not in numbers.UNITS
    if word == "و" and 0 < n < len(words) - 1:  # «پنجاه و پنج» is one number
        return numbers.read(words[n - 1 :])[0] < 3 and numbers.read(words[max(n - 3, 0) :])[0] < 3
    return word in _IDLE


class _Known:
    """The words of the shelf together with those that only a synonym leads from."""

    def __init__(self, vocabulary: Vocabulary, synonyms: Table) -> None:
        self.shelf = vocabulary
        self.synonyms = synonyms

    def __contains__(self, word: str) -> bool:
        return word in self.shelf or word in self.synonyms

    def holds(self, word: str) -> bool:
        """Whether a word is known, or is known words written as one: «کتابخوان» where the shelf says «کتاب‌خوان»."""
        return word in self or min(map(len, self.shelf.parts(word)), default=0) > 2

    def same(self, word: str, cost: int = MEANT) -> list[Other]:
        """What means the same as this word."""
        joined = word.replace(" ", "")  # «اسپرسو ساز» is only another spelling of «اسپرسوساز»
        return [
            Other(tuple(each.split()), AS_TYPED if cost == MEANT and each.replace(" ", "") == joined else cost)
            for each in self.synonyms.get(word, ())
        ]

    def word(self, word: str, cost: int) -> list[Other]:
        """This word, if it is known, and what means the same."""
        on_shelf = [Other((word,), cost)] if word in self.shelf else []
        return on_shelf + self.same(word, max(cost, AS_TYPED) + MEANT)

    def guessed(self, word: str) -> list[Other]:
        """What a word that is unknown may be: heard, written with another letter for a sound, or slipped."""
        others: list[Other] = []
        for words in (self.shelf, self.synonyms.spelled):
            for each in (*words.written_alike(word), *words.sounding_like(word)):
                others += self.word(each, HEARD)
        for words in (self.shelf, self.synonyms.spelled):
            for each in words.near(word):
                others += self.word(each, SLIPPED)
        return others

    def far_off(self, word: str) -> list[Other]:
        """What is two slips away even in a word of five letters, where nothing nearer is."""
        near = (each for words in (self.shelf, self.synonyms.spelled) for each in words.near(word, most=2))
        return [other for each in near for other in self.word(each, SLIPPED + 1)] if len(word) > 4 else []


def _groups(words: Sequence[str], known: _Known) -> list[Group]:
    groups: list[Group] = []
    place = 0
    while place < len(words) and len(groups) < MOST_WORDS:
        taken, others = _together(words[place:], known)
        if not others:
            taken, others = 1, _alone(words[place], known)
        groups.append(_group(" ".join(words[place : place + taken]), others, known))
        place += taken
    return groups


def _group(typed: str, others: Iterable[Other], known: _Known) -> Group:
    nearest: dict[tuple[str, ...], Other] = {}
    for other in sorted(others, key=lambda each: each.cost):
        nearest.setdefault(other.words, other)
    plain = tuple(nearest.values())[:MOST_OTHERS]
    there = [other for other in plain if all(word in known.shelf for word in other.words)]
    sure = [other for other in there if other.is_close] or [
        other for other in there if other.is_likely and other.cost <= there[0].cost + MEANT
    ]
    return Group(typed, plain, frozenset(word for other in sure for word in other.words))


def _together(words: Sequence[str], known: _Known) -> tuple[int, list[Other]]:
    """What the first words stand for together, and how many they are; nothing where each stands for itself."""
    for many in range(LONGEST_PHRASE, 1, -1):
        several = tuple(words[:many])
        if len(several) < many:
            continue
        for phrase in dict.fromkeys(" ".join(map(form, several)) for form in (str, _without_plural, _as_in_books)):
            if phrase in known.synonyms:
                joined = phrase.replace(" ", "")
                also = [Other((joined,), AS_TYPED)] if joined in known.shelf else []
                return many, [Other(several, AS_TYPED), *also, *known.same(phrase)]
    taken, others = _spelled_out(words, known)
    if others:
        return taken, others
    taken, number = numbers.read(words)
    if taken > 1:
        return taken, [
            Other(tuple(word for word in words[:taken] if word != "و"), AS_TYPED),
            Other((number,), AS_TYPED),
        ]
    return _joined(words[0], words[1], known) if len(words) > 1 else (0, [])


def _without_plural(word: str) -> str:
    for ending in _PLURALS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending)
    return word


def _as_in_books(word: str) -> str:
    """«مردونه» is how «مردانه» is said."""
    return word[0] + word[1:].replace("ون", "ان")


def _spelled_out(words: Sequence[str], known: _Known) -> tuple[int, list[Other]]:
    """Latin letters by their names, a number behind them: «ایکس ۷» is x7, «آر تی ایکس» is rtx."""
    spellings = [""]
    for many, word in enumerate(words[:LONGEST_PHRASE], start=1):
        if word.isdecimal() and many > 1:
            spellings = [each + word for each in spellings]
        elif word in _LETTERS:
            spellings = [each + letter for each in spellings for letter in _LETTERS[word]][:_MOST_SPELLINGS]
        else:
            break
        if many > 1 and (found := [each for each in spellings if each in known]):
            longer, more = _spelled_out_further(words, many, spellings, known)
            taken, found = (longer, more) if more else (many, found)
            others = [Other(tuple(words[:taken]), AS_TYPED)]
            for each in found:
                others += [Other((each,), MEANT)] if each in known.shelf else []
                others += known.same(each)
            return taken, others
    return 0, []


def _spelled_out_further(
    words: Sequence[str], many: int, spellings: Sequence[str], known: _Known
) -> tuple[int, list[str]]:
    """The same with one word more, where that is known, too."""
    word = words[many] if many < len(words) else ""
    more = [word] if word.isdecimal() else list(_LETTERS.get(word, ""))
    return many + 1, [each for each in (a + b for a in spellings for b in more) if each in known]


def _joined(first: str, second: str, known: _Known) -> tuple[int, list[Other]]:
    """Two words that the shelf writes as one, or that may be one with a slip."""
    several, joined = (first, second), first + second
    if joined in known.shelf and not joined.isdecimal():
        # «کول پد» where the shelf says «کولپد»
        return 2, [Other(several, AS_TYPED), Other((joined,), AS_TYPED), *known.same(joined)]
    unknown = [word for word in several if word not in known or len(word) < 3]
    if not unknown or any(c.isdecimal() for c in joined):
        return 0, []
    guessed = known.guessed(joined)
    if not guessed or (len(unknown) == 1 and len(unknown[0]) < 3):
        return 0, []
    # Each may also stand for itself, the unknown one with a slip of its own.
    one, other = (known.guessed(word) if word in unknown else known.word(word, AS_TYPED) for word in several)
    apart = [Other((*a.words, *b.words), a.cost + b.cost) for a in one[:4] for b in other[:4]]
    return 2, [Other(several, AS_TYPED), *guessed, *apart]


def _alone(word: str, known: _Known) -> list[Other]:
    """What a single word may stand for."""
    others = [Other((word,), AS_TYPED), *known.same(word), *_other_form(word, known)]
    mixed = tuple(_MIXED.findall(word))
    if len(mixed) in (2, 3) and all(part in known.shelf for part in mixed):
        others.append(Other(mixed, MEANT))
    if word in known.shelf:
        others += [Other((each,), HEARD) for each in known.shelf.sounding_like(word, most=1)]
        return others + _holding(word, known.shelf)
    is_known = len(others) > 1
    if not is_known and (parts := known.shelf.parts(word)):
        others += _apart(parts, known)
    others += known.guessed(word) if not is_known else [
        Other((each,), HEARD) for each in known.shelf.sounding_like(word)
    ]  # fmt: skip
    if sound.is_latin(word) and len(word) > 5:  # "ketabkhan" sounds like «کتابخانه», and like «کتاب» and «خوان»
        others += _two_names(word, known.shelf)
    if len(others) == 1:
        others += _half_slipped(word, known.shelf) or _two_names(word, known.shelf) or known.far_off(word)
    return others + _holding(word, known.shelf)


def _other_form(word: str, known: _Known) -> list[Other]:
    """The same word in the singular, as speech says it, as a measure, as a number, or as a letter."""
    others: list[Other] = []
    for ending in _PLURALS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            others += known.word(stem, AS_TYPED) if stem in known else []
            if stem not in known and word not in known and (parts := known.shelf.parts(stem)):
                others += _apart(parts, known)
    if others:
        return others
    taken, number = numbers.read([word])
    if taken:
        return [Other((number,), MEANT)]
    if word.isdecimal() and (named := numbers.named(word)):
        return [Other((named,), MEANT)]
    others += [Other((letter,), HEARD) for letter in _LETTERS.get(word, "")]
    if word not in known and "ون" in word[1:]:
        others += known.word(_as_in_books(word), AS_TYPED)
    if len(word) > 3 and word[-2:] in ("وی", "ای") and word[:-1] in known.shelf:  # «پتوی گلبافت»: the ezafe, written
        others += known.word(word[:-1], AS_TYPED)
    if len(word) > 2 and word[-1] in "وا" and word + "ی" in known.shelf:
        others.append(Other((word + "ی",), AS_TYPED))
    if len(word) > 2 and word not in known.shelf:
        for ending in _ENDINGS:
            stem = word.removesuffix(ending)
            if stem != word and len(stem) > 2 and stem in known:
                others += known.word(stem, MEANT)
    return others


def _apart(parts: tuple[str, ...], known: _Known) -> list[Other]:
    """Words that were written as one, and what means the same as each of them or as all of them."""
    others = [Other(parts, MEANT), *known.same(" ".join(parts))]
    for n, part in enumerate(parts):
        others += [
            Other((*parts[:n], *each.split(), *parts[n + 1 :]), MEANT + MEANT)
            for each in known.synonyms.get(part, ())
        ]  # fmt: skip
    return others


def _half_slipped(word: str, shelf: Vocabulary) -> list[Other]:
    """Two words written as one, one of them with a slip."""
    others = []
    for cut in range(3, len(word) - 2):
        head, rest = word[:cut], word[cut:]
        if head in shelf:
            others += [Other((head, each), SLIPPED) for each in (*shelf.written_alike(rest), *shelf.near(rest))]
        elif rest in shelf:
            others += [Other((each, rest), SLIPPED) for each in (*shelf.written_alike(head), *shelf.near(head))]
    return others


def _two_names(word: str, shelf: Vocabulary) -> list[Other]:
    """Two words of the other script written as one: «اسپایدرمن» for "Spider-Man"."""
    return [
        Other((one, other), SLIPPED)
        for cut in range(3, len(word) - 2)
        for one in shelf.sounding_like(word[:cut], most=3)
        for other in shelf.sounding_like(word[cut:], most=1)
    ][:6]


def _holding(word: str, vocabulary: Vocabulary) -> list[Other]:
    """Words that begin with this one, or else hold it, if it is long enough to mean something."""
    beginning = [each for each in vocabulary.beginning_with(word, 20) if each != word] if len(word) > 1 else []
    return [Other((each,), INSIDE) for each in beginning or _inside(word, vocabulary)]


def _inside(word: str, vocabulary: Vocabulary) -> list[str]:
    return [each for each in vocabulary.holding(word, 20) if each != word] if len(word) > 2 else []


# ---- How well a product meets what was sought ----

_FAR: Final = 30  # met only by what stands beside the title: a colour, what it fits, an attribute
_NOT: Final = 60  # not met at all
_APART: Final = 8  # words that were typed as one stand apart from each other
_KIND: Final = 12  # nearer, for being of the very kind that was named
_LAST_PLACE: Final = 6  # from here on it is all the same how late a word comes


class Measure:
    """How far products are from what was sought; made once for a search, then held against each of its products.

    A group may be met by dozens of words, a product has twenty: so its own words are looked up among those that would
    do, and not the other way round.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self._groups = [_Ways(group) for group in groups]

    def far(self, head: str, words: str, kind: str) -> int:
        """Return how far a product is from what was sought; the smaller the better.

        `head` are the words of its own title and names in their order, `words` all of its words, `kind` those of its
        category: who types what a thing is, means that thing and not its cover.
        """
        place: dict[str, int] = {}
        for n, word in enumerate(head.split()):
            place.setdefault(word, n)
        there, everything = place.keys(), None
        kinds = frozenset(kind.split())
        total, met, named = 0, set[str](), False
        for n, ways in enumerate(self._groups):
            weight, best = 1 if n else 2, _NOT
            for word in ways.single & there:
                best = min(best, ways.cost[word] + min(place[word], _LAST_PLACE) * weight)
                if word in ways.meant:
                    met.add(word)
            for other, parts, phrase in ways.several:
                if parts <= there:
                    where = min(max(place[word] for word in other.words), _LAST_PLACE)
                    apart = f" {phrase} " not in f" {head} "
                    best = min(best, other.cost + where * weight + _APART * apart)
                    met |= ways.meant & parts
                    named = named or (other.is_close and f" {kind} ".startswith(f" {phrase} "))
            if best > _FAR:
                if everything is None:
                    everything = frozenset(words.split())
                best = min(best, ways.beside(everything) + _FAR)
            total += best
        return total - (_KIND if named or (kinds and kinds <= met) else 2 * len(kinds & met))


class _Ways:
    """The words that would do for a group, one by one and several together."""

    def __init__(self, group: Group) -> None:
        self.cost: dict[str, int] = {}
        self.several: list[tuple[Other, frozenset[str], str]] = []
        self.meant = group.meant
        for other in group.others:
            if len(other.words) > 1:
                self.several.append((other, frozenset(other.words), " ".join(other.words)))
            else:
                word = other.words[0]
                self.cost[word] = min(other.cost, self.cost.get(word, other.cost))
        self.single = self.cost.keys()

    def beside(self, words: frozenset[str]) -> int:
        """What the nearest of them costs that a product has at all."""
        costs = [self.cost[word] for word in self.single & words]
        costs += [other.cost for other, parts, _ in self.several if parts <= words]
        return min(costs, default=_NOT)


def needed(group: Group, shelf: Vocabulary) -> list[tuple[str, ...]]:
    """Return the words of which a product must have one, or several where they stand together; [] if none has any.

    What no product is called by is left out, and what asks for one of the others and more.
    """
    there = [other.words for other in group.others if all(word in shelf for word in other.words)]
    single = {words[0] for words in there if len(words) == 1}
    return [words for words in there if len(words) == 1 or single.isdisjoint(words)]
