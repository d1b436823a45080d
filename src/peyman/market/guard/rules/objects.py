"""Which deliveries serve an object: by its path, or by the beginning of its path."""

from bisect import bisect_right
from collections.abc import Iterable

from peyman.kernel.errors import Refused
from peyman.kernel.text import has_controls

LONGEST = 300


class BadPattern(Refused):
    """A pattern that would serve nothing, or not what it seems to."""

    code, clause, status = "delivery_pattern", "B07", 422
    says = "الگوی فایل‌ها خوانده نشد: مسیر یک فایل است، یا آغاز مسیر و سپس *؛ مانند apps/* (تا ۳۰۰ نویسه، بی‌فاصله)."


def path(typed: str) -> str:
    """Return the path that an address or a path names: "/apps/a.apk?x=1" and "apps/a.apk" are one object."""
    return typed.partition("?")[0].partition("#")[0].lstrip("/")


def pattern(typed: str) -> str:
    """Read a pattern. Raises BadPattern."""
    found = path(typed.strip())
    if not found or len(found) > LONGEST or has_controls(found) or any(map(str.isspace, found)) or "*" in found[:-1]:
        raise BadPattern
    return found


def serves(of: str, object_: str) -> bool:
    """Say whether a pattern names an object (a path): the slow, plain way."""
    return object_.startswith(of[:-1]) if of.endswith("*") else object_ == of


class Objects:
    """All patterns, compiled: an object leads to the number of the set of patterns that serve it. Never changed.

    Of the beginnings that an object has, the longest knows all shorter ones, so one bisect finds the set.
    """

    __slots__ = ("_above", "_beginnings", "_exact", "_numbers", "sets")

    def __init__(self, patterns: Iterable[str]) -> None:
        known = set(patterns)
        self._beginnings = sorted(one[:-1] for one in known if one.endswith("*"))
        self._above: list[int] = []
        self.sets: list[frozenset[str]] = [frozenset()]  # number 0: nothing serves it
        self._numbers: list[int] = []
        stack: list[int] = []
        for place, beginning in enumerate(self._beginnings):
            while stack and not beginning.startswith(self._beginnings[stack[-1]]):
                stack.pop()
            self._above.append(stack[-1] if stack else -1)
            over = self.sets[self._numbers[stack[-1]]] if stack else frozenset()
            self._numbers.append(len(self.sets))
            self.sets.append(over | {f"{beginning}*"})
            stack.append(place)
        self._exact: dict[str, int] = {}
        for one in sorted(known):
            if not one.endswith("*"):
                over = self.sets[self._by_beginning(one)]
                self._exact[one] = len(self.sets)
                self.sets.append(over | {one})

    def number(self, object_: str) -> int:
        """Return the number of the set of patterns that serve an object; 0: none does."""
        if object_[:1] == "/" or "?" in object_ or "#" in object_:
            object_ = path(object_)
        found = self._exact.get(object_)
        return self._by_beginning(object_) if found is None else found

    def _by_beginning(self, object_: str) -> int:
        beginnings = self._beginnings
        place = bisect_right(beginnings, object_) - 1
        while place >= 0 and not object_.startswith(beginnings[place]):
            place = self._above[place]
        return self._numbers[place] if place >= 0 else 0
