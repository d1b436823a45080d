"""Words that mean the same: sets of them, as staff and our own list name them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from peyman.kernel import text
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary

SAME, ALSO = "=", ">"
LONGEST_PHRASE: Final = 4


class Set(NamedTuple):
    """`words` mean the same; who types one of them means `also`, too, but not the other way round.

    «انویدیا = nvidia > geforce = rtx»: who asks for Nvidia gets a GeForce, who asks for a GeForce gets no other.
    """

    words: tuple[str, ...]
    also: tuple[str, ...] = ()


class Table(Mapping[str, tuple[str, ...]]):
    """A word, or words with a space → others that mean the same, in the order of their sets.

    Words of several parts are found written together as well; `spelled` tells the words themselves, for who mistypes
    one that no product is called by.
    """

    def __init__(self, others: Mapping[str, Iterable[str]]) -> None:
        self._others = {word: tuple(each) for word, each in others.items()}
        self._joined = {word.replace(" ", ""): word for word in self._others if " " in word}
        self.spelled = Vocabulary(dict.fromkeys([*(w for w in self._others if " " not in w), *self._joined]))

    def __getitem__(self, word: str) -> tuple[str, ...]:
        if word in self._others:
            return self._others[word]
        apart = self._joined[word]
        return apart, *(other for other in self._others[apart] if other != word)

    def __contains__(self, word: object) -> bool:
        return word in self._others or word in self._joined

    def __iter__(self) -> Iterator[str]:
        return iter(self._others)

    def __len__(self) -> int:
        return len(self._others)


def read(lines: Iterable[str]) -> list[Set]:
    """Return the sets of a list: one a line, `=` between the words, `>` before what they mean, too, `#` before a
    remark."""
    found = []
    for line in lines:
        left, _, right = line.partition("#")[0].partition(ALSO)
        one = Set(_parts(left), _parts(right))
        if len(one.words) + len(one.also) > 1 and one.words:
            found.append(one)
    return found


def _parts(side: str) -> tuple[str, ...]:
    words = (text.search_words(part) for part in side.split(SAME))
    return tuple(dict.fromkeys(word for word in words if word))


def table(sets: Iterable[Set]) -> Table:
    """Return word → the others that mean the same."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for words, also in sets:
        for word in words:
            found[word].update(dict.fromkeys(other for other in (*words, *also) if other != word))
    return Table(found)
