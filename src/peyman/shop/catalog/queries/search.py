"""Finding goods: what was typed is understood with the words of the shelf, then sought by an index of words.

The database narrows to the goods that meet every group of words; `rules.search` says which of them are nearest.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from django.db import connection

from peyman.kernel import text
from peyman.shop.catalog.models import Product, SearchWord
from peyman.shop.catalog.rules.search import asking, synonyms
from peyman.shop.catalog.rules.search.asking import Group
from peyman.shop.catalog.rules.search.texts import kind
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary

MOST_FOUND: Final = 1_000  # of more, the list shows those whose kind was named, then those that came last
MOST_SCORED: Final = 200  # are put in order to the letter; the others follow as they came


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


def find(typed: str, *, kinds: Mapping[int, str], within: Collection[int] | None = None) -> Found:
    """Return what was meant by `typed`, in categories `within` if given. `kinds` are the titles of all categories.

    Where nothing meets every word, words are given up one by one, those that are met by nothing first and then the
    last ones. Three or four queries, and up to two more for each word given up.
    """
    groups = asking.understand(typed, vocabulary(), same_words())
    if not groups:
        return Found({})
    left = list(groups)
    hits = _nearest(left, kinds, within)
    if not hits and len(left) > 1:
        # Who gives up a word must not guess at the others as well.
        sure = [replace(group, others=tuple(each for each in group.others if each.is_close)) for group in groups]
        left = [group for group in sure if _hits([group], within, limit=1)]
        while len(left) > 1 and not _hits(left, within, limit=1):
            left = _without_one(left, within)
        hits = _nearest(left, kinds, within) if left else []
    return (
        Found(_ranked(hits, left, kinds), tuple(g.typed for g in groups if g.typed not in {one.typed for one in left}))
        if hits
        else Found({})
    )


def _nearest(groups: Sequence[Group], kinds: Mapping[int, str], within: Collection[int] | None) -> list[int]:
    """Products that meet every group: those whose whole kind was named first, then a part of it, then all others."""
    meant = frozenset(word for group in groups for other in group.others if other.is_close for word in other.words)
    named = {key for key, title in kinds.items() if meant & _words(title)}
    whole = {key for key in named if _words(kinds[key]) <= meant}
    hits: dict[int, None] = {}
    for among in (whole, named - whole, None):
        among = among if within is None else set(within) if among is None else among & set(within)
        if (among is None or among) and len(hits) < MOST_FOUND:
            hits |= dict.fromkeys(_hits(groups, among, limit=MOST_FOUND))
    return list(hits)[:MOST_FOUND]


def _without_one(groups: Sequence[Group], within: Collection[int] | None) -> list[Group]:
    """Give up one word: the last one without which something is found, else the last."""
    shorter = [[*groups[:n], *groups[n + 1 :]] for n in reversed(range(len(groups)))]
    return next((each for each in shorter if _hits(each, within, limit=1)), shorter[0])


def _hits(groups: Sequence[Group], among: Collection[int] | None, *, limit: int) -> list[int]:
    """Products that meet every group, in these categories if given, what came last first. The index alone answers."""
    needs = [[other.words for other in group.others] for group in groups]
    if among is not None:
        needs.insert(0, [(kind(key),) for key in sorted(among)])
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            asked = " AND ".join(f"({' OR '.join(map(_all_of, ways))})" for ways in needs)
            cursor.execute(
                "SELECT rowid FROM catalog_found WHERE catalog_found MATCH %s ORDER BY rowid DESC LIMIT %s",
                [asked, limit],
            )
        else:
            tests: list[str] = []
            values: list[Any] = []
            for ways in needs:
                single = [words[0] for words in ways if len(words) == 1]
                several = [list(words) for words in ways if len(words) > 1]
                tests.append(" OR ".join(["w && %s"] * bool(single) + ["w @> %s"] * len(several)))
                values += [*([single] if single else []), *several]
            where = " AND ".join(f"({test})" for test in tests).replace("w ", "string_to_array(search_words, ' ') ")
            select = f"SELECT id FROM catalog_product WHERE {where} ORDER BY id DESC LIMIT %s"  # noqa: S608 - constants
            cursor.execute(select, [*values, limit])
        return [key for (key,) in cursor.fetchall()]


def _all_of(words: Sequence[str]) -> str:
    """FTS5's way of asking for all of these words, none of which holds a quote."""
    return f"({' AND '.join(map(_QUOTED, words))})"


_QUOTED: Final = '"{}"'.format


def _ranked(hits: Sequence[int], groups: Sequence[Group], titles: Mapping[int, str]) -> dict[int, int]:
    texts = Product.objects.filter(pk__in=hits[:MOST_SCORED])
    scores = {
        key: asking.score(groups, head, frozenset(words.split()), _words(titles.get(category, "")))
        for key, head, words, category in texts.values_list("pk", "search_head", "search_words", "category_id")
    }
    far = max(scores.values(), default=0) + 1
    return {key: scores.get(key, far) for key in hits}


@lru_cache(maxsize=4096)
def _words(title: str) -> frozenset[str]:
    return frozenset(text.search_words(title).split())
