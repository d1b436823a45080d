"""Finding goods: what was typed is understood with the words of the shelf, then sought by an index of words.

The database narrows to the goods that meet every group of words; `rules.search` says which of them are nearest.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from peyman.kernel import text
from peyman.shop.catalog.models import Product, SearchWord
from peyman.shop.catalog.rules.search import asking, synonyms
from peyman.shop.catalog.rules.search.asking import Group
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary

MOST_FOUND: Final = 1_000  # of more, the list shows those whose kind was named, then those that came last
MOST_SCORED: Final = 250  # are put in order to the letter; the others follow as they came


@dataclass(frozen=True, slots=True)
class Found:
    """Products by key with how far they are from what was typed; `left_out` are the words that had to be given up."""

    ranks: dict[int, int]
    left_out: tuple[str, ...] = ()


_LATE: Final = 2_000


class _Words:
    """The vocabulary of one database, as far as this process has read it."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self.last = 0
        self.lock = threading.Lock()


_known: dict[str, _Words] = {}


def vocabulary() -> Vocabulary:
    """Return all words of the shelf. One query; what came since it was last asked is added."""
    known = _known.setdefault(str(connection.settings_dict["NAME"]), _Words())
    with known.lock:
        fresh = list(SearchWord.objects.filter(pk__gt=known.last).order_by("pk").values_list("pk", "text"))
        if fresh:
            # A transaction that began earlier may commit a lower number later.
            late = SearchWord.objects.filter(pk__gt=known.last - _LATE, pk__lte=known.last)
            known.vocabulary.add([*late.values_list("text", flat=True), *(word for _, word in fresh)])
            known.last = fresh[-1][0]
    return known.vocabulary


def forget() -> None:
    """Know no word: for tests, whose next database has others."""
    _known.clear()


@lru_cache(maxsize=1)
def same_words() -> dict[str, tuple[str, ...]]:
    """Return word → others that mean the same, from our own list."""
    lines = resources.files("peyman.shop.catalog").joinpath("reference/synonyms.txt").read_text("utf-8")
    return synonyms.table(synonyms.read(lines.splitlines()))


def find(typed: str, *, kinds: Mapping[int, str], within: Iterable[int] | None = None) -> Found:
    """Return what was meant by `typed`, in categories `within` if given. `kinds` are the titles of all categories.

    Where nothing meets every word, words are given up one by one, those that are met by nothing first and then the
    last ones. Three queries, and up to two more for each word given up.
    """
    groups = asking.understand(typed, vocabulary(), same_words())
    rows = Product.objects.filter(is_on_sale=True)
    if within is not None:
        rows = rows.filter(category_id__in=set(within))
    left = list(groups)
    hits = _hits(rows, left) if left else []
    if not hits and len(left) > 1:
        left = [group for group in left if _hits(rows, [group], limit=1)]
        hits = _hits(rows, left) if left else []
        while not hits and len(left) > 1:
            left = _without_one(rows, left)
            hits = _hits(rows, left)
    given_up = tuple(group.typed for group in groups if group not in left)
    return Found(_ranked(hits, left, kinds), given_up if hits else ())


def _without_one(rows: "QuerySet[Product]", groups: Sequence[Group]) -> list[Group]:
    """Give up one word: the last one without which something is found, else the last."""
    shorter = [[*groups[:n], *groups[n + 1 :]] for n in reversed(range(len(groups)))]
    return next((each for each in shorter if _hits(rows, each, limit=1)), shorter[0])


_Hit = tuple[int, int]  # product, category


def _hits(rows: "QuerySet[Product]", groups: Sequence[Group], limit: int = 0) -> list[_Hit]:
    """The goods that meet every group, what came last first."""
    found = _meeting(rows, groups).order_by("-listed_on", "-pk").values_list("pk", "category_id")
    return list(found[:limit] if limit else found)


def _meeting(rows: "QuerySet[Product]", groups: Sequence[Group]) -> "QuerySet[Product]":
    if connection.vendor == "sqlite":
        asked = " AND ".join(
            "(" + " OR ".join(_all_of([f'"{word}"' for word in other.words]) for other in group.others) + ")"
            for group in groups
        )
        sql = "SELECT rowid FROM catalog_found WHERE catalog_found MATCH %s"
        return rows.filter(pk__in=RawSQL(sql, [asked]))  # noqa: S611 - the words are a parameter
    for group in groups:
        single = [other.words[0] for other in group.others if len(other.words) == 1]
        several = [list(other.words) for other in group.others if len(other.words) > 1]
        tests, values = [], []
        if single:
            tests.append("string_to_array(search_words, ' ') && %s")
            values.append(single)
        for words in several:
            tests.append("string_to_array(search_words, ' ') @> %s")
            values.append(words)
        sql = f"SELECT id FROM catalog_product WHERE {' OR '.join(tests)}"  # noqa: S608 - made of constants
        rows = rows.filter(pk__in=RawSQL(sql, values))  # noqa: S611
    return rows


def _all_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"({' AND '.join(words)})"


def _ranked(hits: Sequence[_Hit], groups: Sequence[Group], titles: Mapping[int, str]) -> dict[int, int]:
    if not hits:
        return {}
    kinds = {key: _words(titles.get(key, "")) for key in {category for _, category in hits}}
    meant = frozenset(
        word for group in groups for other in group.others if other.cost <= asking.HEARD for word in other.words
    )
    named = {key: _named(kind, meant) for key, kind in kinds.items()}
    first = sorted(hits, key=lambda hit: named[hit[1]])[:MOST_FOUND]
    near = {key: n for n, (key, _) in enumerate(first)}
    texts = Product.objects.filter(pk__in=[key for key, _ in first[:MOST_SCORED]])
    scores = {
        key: asking.score(groups, head, frozenset(words.split()), kinds[category])
        for key, head, words, category in texts.values_list("pk", "search_head", "search_words", "category_id")
    }
    far = max(scores.values(), default=0) + 1
    return {key: scores.get(key, far) for key in near}


def _named(kind: frozenset[str], meant: frozenset[str]) -> int:
    """0 where the whole name of a category was said, 1 where a part of it was, 2 else."""
    return 0 if kind and kind <= meant else 1 if kind & meant else 2


@lru_cache(maxsize=4096)
def _words(title: str) -> frozenset[str]:
    return frozenset(text.search_words(title).split())
