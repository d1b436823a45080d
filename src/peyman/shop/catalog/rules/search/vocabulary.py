"""The words of the catalogue, and which of them somebody may have meant by a word that is none of them."""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import Final

from peyman.shop.catalog.rules.search import sound

MOST_SOUNDS: Final = 3
MOST_SLIPS: Final = 3
MOST_ENDINGS: Final = 40
LONGEST_SLIPPED: Final = 40  # letters of a word in which slips are looked for
_PARTS: Final = 3
_DIGIT: Final = re.compile(r"\d")


class Vocabulary:
    """All words by which goods are found. It only grows; adding words is cheap, asking takes a millisecond or two."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._number: dict[str, int] = {}
        self._words: list[str] = []
        self._by_sound: dict[str, list[int]] = defaultdict(list)
        self._by_pair: dict[str, list[int]] = defaultdict(list)
        self._by_letters: dict[str, list[int]] = defaultdict(list)
        self._slips: dict[tuple[int, str], list[int]] = defaultdict(list)  # by length and pair; of letters alone
        self._sorted: list[str] | None = None
        self.add(words)

    def __contains__(self, word: str) -> bool:
        return word in self._number

    def __len__(self) -> int:
        return len(self._words)

    def add(self, words: Iterable[str]) -> None:
        """Learn words, as `text.search_words` writes them."""
        for word in words:
            if word in self._number:
                continue
            number = self._number[word] = len(self._words)
            self._words.append(word)
            for key in sound.keys(word):
                self._by_sound[key].append(number)
            if sound.is_persian(word):
                self._by_letters[sound.written_alike(word)].append(number)
            pairs = _pairs(word)
            for pair in pairs:
                self._by_pair[pair].append(number)
            if not _DIGIT.search(word):
                for pair in pairs:
                    self._slips[len(word), pair].append(number)
        self._sorted = None

    def sounding_like(self, word: str, most: int = 5) -> list[str]:
        """Return the words of the other script that sound most like this one, the likeliest first.

        `most` is by how many vowels they may differ; the shorter a word, the fewer.
        """
        said = sound.spoken(word)
        is_other = sound.is_persian if sound.is_latin(word) else sound.is_latin
        found: list[tuple[int, int, str]] = []
        for key in sound.keys(word):
            for number in self._by_sound.get(key, ()):
                other = self._words[number]
                if is_other(other):
                    allowed = min(most, 2 * len(key) - 3 if len(key) > 2 else max(1, len(said) // 2))
                    far = sound.distance(said, sound.spoken(other), allowed)
                    if far <= allowed:
                        found.append((far, number, other))
        best = min(found)[0] if found else 0
        return list(dict.fromkeys(other for far, _, other in sorted(found) if far <= best + 1))[:MOST_SOUNDS]

    def written_alike(self, word: str) -> list[str]:
        """Return the words that only take another letter for the same sound: «صندلی» for «سندلی»."""
        same = self._by_letters.get(sound.written_alike(word), ()) if sound.is_persian(word) else ()
        return [self._words[number] for number in same if self._words[number] != word][:MOST_SOUNDS]

    def near(self, word: str, most: int = 0) -> list[str]:
        """Return the words one slip away, or two in a long word; none for short words and numbers.

        A letter for another of the same sound is no slip, and no letter is a slip for a digit. `most` says how many
        there may be, whatever the length.
        """
        if not 4 <= len(word) <= LONGEST_SLIPPED or _DIGIT.search(word):
            return []
        most = most or (1 if len(word) < 7 else 2)
        heard = sound.written_alike(word)
        pairs = _pairs(word)
        lengths = range(len(word) - most, len(word) + most + 1)
        shared = Counter(chain.from_iterable(self._slips.get((n, pair), ()) for n in lengths for pair in pairs))
        enough = max(len(pairs) - 3 * most, 1)  # each slip spoils three pairs at the most
        found = []
        for number, many in shared.items():
            if many >= enough:
                other = self._words[number]
                far = min(sound.distance(word, other, most), sound.distance(heard, sound.written_alike(other), most))
                if far <= most:
                    found.append((far, -many, number, other))
        best = min(found)[0] if found else 0
        return [other for far, _, _, other in sorted(found) if far == best][:MOST_SLIPS]

    def parts(self, word: str) -> tuple[str, ...]:
        """Return the two or three known words that this one was written together of; () for none.

        «کتابخوان» → کتاب, خوان; "s24ultra" → s24, ultra. A single letter is no part, a single digit is.
        """
        return min(self._splits(word, _PARTS), key=_plainness, default=())

    def _splits(self, word: str, most: int) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for cut in range(1, len(word)):
            head, rest = word[:cut], word[cut:]
            if head not in self._number or (len(head) < 2 and not head.isdecimal()):
                continue
            if rest in self._number and (len(rest) > 1 or rest.isdecimal()):
                found.append((head, rest))
            if most > 2:
                found += [(head, *more) for more in self._splits(rest, most - 1)]
        return found

    def beginning_with(self, letters: str, limit: int = MOST_ENDINGS) -> list[str]:
        """Return words that begin so, the shortest first."""
        if self._sorted is None:
            self._sorted = sorted(self._words)
        start = bisect_left(self._sorted, letters)
        stop = bisect_left(self._sorted, letters + "\U0010ffff")
        return sorted(self._sorted[start : min(stop, start + 50 * limit)], key=lambda word: (len(word), word))[:limit]

    def holding(self, letters: str, limit: int = MOST_ENDINGS) -> list[str]:
        """Return words that hold these letters anywhere, the shortest first."""
        pairs = _pairs(letters)[1:-1]
        if not pairs:
            return []
        rarest = min((self._by_pair.get(pair, []) for pair in pairs), key=len)
        found = (self._words[number] for number in rarest)
        return sorted((word for word in found if letters in word), key=lambda word: (len(word), word))[:limit]


@lru_cache(maxsize=4096)
def _pairs(word: str) -> tuple[str, ...]:
    """The pairs of letters of a word, its edges too."""
    edged = f"^{word}$"
    return tuple(dict.fromkeys(edged[n : n + 2] for n in range(len(edged) - 1)))


def _plainness(parts: tuple[str, ...]) -> tuple[int, int]:
    """Few parts before many, and long ones before a crumb."""
    return len(parts), -min(map(len, parts))
