"""The kinds of goods by the words of their titles: who names one whole means its goods first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from peyman.kernel import text


class Kinds:
    """Categories by key; made once for a shelf, asked for each search."""

    def __init__(self, titles: Mapping[int, str]) -> None:
        self.titles = titles
        self._words: dict[int, frozenset[str]] = {}
        self._plain: dict[int, str] = {}
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for key, title in titles.items():
            self._plain[key] = text.search_words(title)
            words = self._plain[key].split()
            # Its «و» names nothing, and a hundred titles have one.
            self._words[key] = frozenset(word for word in words if len(word) > 1) or frozenset(words)
            for word in self._words[key]:
                self._by_word[word].append(key)

    def plain(self, key: int) -> str:
        """Return the words of a title as search compares them, "" for a category that is none."""
        return self._plain.get(key, "")

    def title(self, key: int) -> str:
        return self.titles.get(key, "")

    def named(self, meant: Iterable[str]) -> set[int]:
        """Return the categories whose title has one of these words."""
        return {key for word in meant for key in self._by_word.get(word, ())}

    def whole(self, meant: Iterable[str]) -> set[int]:
        """Return those all of whose title is among these words."""
        words = frozenset(meant)
        return {key for key in self.named(words) if self._words[key] <= words}

    def words(self, keys: Iterable[int]) -> frozenset[str]:
        """Return the words of all these titles."""
        return frozenset().union(*(self._words[key] for key in keys))
