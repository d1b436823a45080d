"""Finding goods: what was typed is understood with the words of the shelf, then sought by an index of words.

The database narrows to the goods that meet every group of words; `rules.search` says which of them are nearest.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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


MOST_NEAR: Final = 60  # of those that lack a word, for each word


@dataclass(frozen=True, slots=True)
class Found:
    """Products by key with how far they are from what was typed.

    `left_out` are the words that had to be given up; `taken_for` pairs a word that no product has with the one it was
    taken for, as the nearest product writes it.
    """

    ranks: dict[int, int]
    left_out: tuple[str, ...] = ()
    taken_for: tuple[tuple[str, str], ...] = ()


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
def our_words() -> tuple[synonyms.Set, ...]:
    """Return the sets of words that mean the same in our own list."""
    lines = resources.files("peyman.shop.catalog").joinpath("reference/synonyms.txt").read_text("utf-8")
    return tuple(synonyms.read(lines.splitlines()))


class Staff:
    """Where the words come from that staff say mean the same: the room that keeps them stands above this one, and
    hands its reader in when it is installed. Asked once for each list that is composed anew.
    """

    read: Callable[[], tuple[synonyms.Set, ...]] = staticmethod(lambda: ())


@lru_cache(maxsize=4)
def _table(of_staff: tuple[synonyms.Set, ...]) -> synonyms.Table:
    return synonyms.table((*our_words(), *of_staff))


def same_words() -> synonyms.Table:
    """Return word → others that mean the same, from our own list and that of staff. One query."""
    return _table(Staff.read())


def find(typed: str, *, kinds: Mapping[int, str], within: Collection[int] | None = None, at_least: int = 0) -> Found:
    """Return what was meant by `typed`, in categories `within` if given. `kinds` are the titles of all categories.

    Where fewer than `at_least` meet every word, those that lack one follow them, as far behind as the word weighs.
    Where nothing does, words are given up one by one, those that are met by nothing first and then the last ones.
    Four or five queries, and up to two more for each word given up.
    """
    words = vocabulary()
    groups = asking.understand(typed, words, same_words())
    if not groups:
        return Found({})
    left = list(groups)
    hits = _nearest(left, kinds, within)
    if not hits and len(left) > 1:
        # Who gives up a word must not guess at parts of the others as well.
        sure = [replace(group, others=tuple(each for each in group.others if each.is_likely)) for group in groups]
        left = [group for group in sure if _hits([group], within, limit=1)]
        whole = _whole_kinds(groups, kinds)
        while len(left) > 1 and not _hits(left, within, limit=1):
            left = _without_one(left, within, whole)
        hits = _nearest(left, kinds, within) if left else []
    if hits and len(hits) < at_least and len(left) > 1:
        hits += _lacking_one(left, kinds, within, set(hits), at_least - len(hits))
    if not hits:
        return Found({})
    ranks, nearest = _ranked(hits, left, kinds)
    kept = {group.typed for group in left}
    return Found(
        ranks,
        tuple(group.typed for group in groups if group.typed not in kept),
        tuple(_taken(left, nearest, words)),
    )


def _taken(groups: Sequence[Group], nearest: str, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """What was typed in words of nobody, and as what the nearest product has it."""
    written: dict[str, str] = {}
    for word in nearest.split():
        for plain in text.search_words(word).split():
            written.setdefault(plain, word.strip("()[]،,.:"))
    for group in groups:
        if all(word in vocabulary for word in group.typed.split()):
            continue
        other = next((one for one in group.others if one.is_likely and all(w in written for w in one.words)), None)
        if other and other.cost > asking.MEANT:
            yield group.typed, " ".join(dict.fromkeys(written[word] for word in other.words))


def _lacking_one(
    groups: Sequence[Group], kinds: Mapping[int, str], within: Collection[int] | None, known: set[int], wanted: int
) -> list[int]:
    """Products that lack one word, but not the one that says what the thing is."""
    titles = [_words(title) for title in kinds.values()]
    kind_at = {n for n, group in enumerate(groups) if any(title <= group.meant for title in titles)}
    found: dict[int, None] = {}
    for n in reversed(range(len(groups))):
        if n not in kind_at and len(found) < MOST_SCORED // 2:
            fewer = [*groups[:n], *groups[n + 1 :]]
            found |= dict.fromkeys(key for key in _nearest(fewer, kinds, within)[:MOST_NEAR] if key not in known)
    if len(found) <= wanted:
        return list(found)
    ranks, _ = _ranked(list(found), groups, kinds)
    return sorted(found, key=ranks.__getitem__)[:wanted]


def meeting(groups: Sequence[Group], limit: int) -> list[tuple[int, str]]:
    """Return products that meet every group, each with the words of its own title, what came last first. One query."""
    return _meeting(groups, None, limit, "search_head")


def _nearest(groups: Sequence[Group], kinds: Mapping[int, str], within: Collection[int] | None) -> list[int]:
    """Products that meet every group: those whose whole kind was named first, then a part of it, then all others.

    Where all of them are few, one query gives them with their kinds: an index that must meet one of many kinds takes
    longer than all the rest.
    """
    meant = frozenset(word for group in groups for word in group.meant)
    named = {key for key, title in kinds.items() if meant & _words(title)}
    whole = {key for key in named if _words(kinds[key]) <= meant}
    hits: dict[int, None] = {}
    among = whole if within is None else whole & set(within)
    if among:
        hits = dict.fromkeys(_hits(groups, among, limit=MOST_FOUND))
    if len(hits) >= MOST_FOUND:
        return list(hits)
    every = _hits_with_kinds(groups, within, limit=MOST_FOUND)
    partly = named - whole if within is None else (named - whole) & set(within)
    if len(every) < MOST_FOUND:
        hits |= dict.fromkeys(key for key, of in every if of in partly)
    elif partly:
        hits |= dict.fromkeys(_hits(groups, partly, limit=MOST_FOUND))
    hits |= dict.fromkeys(key for key, _ in every)
    return list(hits)[:MOST_FOUND]


def _whole_kinds(groups: Sequence[Group], kinds: Mapping[int, str]) -> frozenset[str]:
    """The words of all kinds that were named whole, be it in several words: «دسته بازی»."""
    meant = frozenset(word for group in groups for word in group.meant)
    return frozenset().union(*(_words(title) for title in kinds.values() if _words(title) <= meant))


def _without_one(groups: Sequence[Group], within: Collection[int] | None, whole: frozenset[str]) -> list[Group]:
    """Give up one word: the last one without which something is found, else the last.

    Guesses go before what is sure, and what names the kind of the thing goes last.
    """
    order = sorted(reversed(range(len(groups))), key=lambda n: (bool(groups[n].meant & whole), not groups[n].is_guess))
    shorter = [[*groups[:n], *groups[n + 1 :]] for n in order]
    return next((each for each in shorter if _hits(each, within, limit=1)), shorter[0])


def _hits(groups: Sequence[Group], among: Collection[int] | None, *, limit: int) -> list[int]:
    """Products that meet every group, in these categories if given, what came last first. The index alone answers."""
    return [found for (found,) in _meeting(groups, among, limit)]


def _hits_with_kinds(groups: Sequence[Group], among: Collection[int] | None, *, limit: int) -> list[tuple[int, int]]:
    """The same, each with its category."""
    return _meeting(groups, among, limit, "category_id")


def _meeting(groups: Sequence[Group], among: Collection[int] | None, limit: int, beside: str = "") -> list[Any]:
    """The same as rows: the key, and a column of the product if one is named."""
    where, values = _meets(groups, among)
    if connection.vendor == "sqlite":
        source, columns = "catalog_found f", ["rowid"]
        columns += [f"(SELECT {beside} FROM catalog_product WHERE id = f.rowid)"] if beside else []  # noqa: S608
    else:
        source, columns = "catalog_product", ["id", *filter(None, [beside])]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(columns)} FROM {source} WHERE {where} "  # noqa: S608 - constants
            f"ORDER BY {_LAST_FIRST[connection.vendor]} LIMIT %s",
            [*values, limit],
        )
        return list(cursor.fetchall())


# PostgreSQL thinks little of comparing words, and would rather walk all products from the last to the first than ask
# the index of words; what it must sort, it asks the index for.
_LAST_FIRST: Final = {"sqlite": "rowid DESC", "postgresql": "id + 0 DESC"}


def _meets(groups: Sequence[Group], among: Collection[int] | None) -> tuple[str, list[Any]]:
    """The condition of meeting every group, in categories if given, as the index of words asks it, and its values."""
    needs = [[other.words for other in group.others] for group in groups]
    if among is not None:
        needs.insert(0, [(kind(key),) for key in sorted(among)])
    if connection.vendor == "sqlite":
        return "catalog_found MATCH %s", [_asked(needs, " AND ", " OR ", '"{}"')]
    return "search_vector @@ %s::tsquery", [_asked(needs, " & ", " | ", "'{}'")]


def _asked(needs: Sequence[Sequence[Sequence[str]]], both: str, either: str, quoted: str) -> str:
    """The same in the index's own language, which quotes whole words; none of them holds a quote or a backslash."""
    ways = (either.join(f"({both.join(map(quoted.format, words))})" for words in each) for each in needs)
    return both.join(f"({way})" for way in ways)


def _ranked(hits: Sequence[int], groups: Sequence[Group], titles: Mapping[int, str]) -> tuple[dict[int, int], str]:
    """How far each is, and the title and category of the nearest."""
    rows = {
        row[0]: row[1:]
        for row in Product.objects.filter(pk__in=hits[:MOST_SCORED]).values_list(
            "pk", "search_head", "search_words", "category_id", "title"
        )
    }
    scores = {
        key: asking.score(groups, head, frozenset(words.split()), _plain(titles.get(category, "")))
        for key, (head, words, category, _) in rows.items()
    }
    far = max(scores.values(), default=0) + 1
    first = rows[min(scores, key=scores.__getitem__)] if scores else ()
    nearest = f"{first[3]} {titles.get(first[2], '')}" if first else ""
    return {key: scores.get(key, far) for key in hits}, nearest


@lru_cache(maxsize=4096)
def _plain(title: str) -> str:
    return text.search_words(title)


@lru_cache(maxsize=4096)
def _words(title: str) -> frozenset[str]:
    """The words of a title; its «و» names nothing, and a hundred titles have one."""
    words = _plain(title).split()
    return frozenset(word for word in words if len(word) > 1) or frozenset(words)
