"""Words that mean the same: sets of them, as staff and our own list name them."""

from collections import defaultdict
from collections.abc import Iterable

from peyman.kernel import text


def read(lines: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the sets of a list: one a line, `=` between the words, `#` before a remark."""
    found = []
    for line in lines:
        words = tuple(dict.fromkeys(text.search_words(part) for part in line.partition("#")[0].split("=")))
        if len(words := tuple(word for word in words if word)) > 1:
            found.append(words)
    return found


def table(sets: Iterable[Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return word → the others that mean the same, in the order of their sets."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for words in sets:
        words = tuple(words)
        for word in words:
            found[word].update(dict.fromkeys(other for other in words if other != word))
    return {word: tuple(others) for word, others in found.items()}
