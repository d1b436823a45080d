"""Finding goods: what was typed is understood with the words of the shelf, then sought by an index of words.

The database narrows to the goods that meet every group of words; `rules.search` says which of them are nearest.
"""

import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from django.db import connection

from peyman.kernel import text
from peyman.shop.catalog.queries.marks import Mark
from peyman.shop.catalog.rules.search import asking, synonyms
from peyman.shop.catalog.rules.search.asking import Group
from peyman.shop.catalog.rules.search.kinds import Kinds
from peyman.shop.catalog.rules.search.texts import kind
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary

MOST_FOUND: Final = 1_000  # of more, the list shows those whose kind was named, then those that came last
MOST_SCORED: Final = 200  # are put in order to the letter; the others follow as they came
MOST_NEAR: Final = 60  # of those that lack a word, for each word
MOST_WALKED: Final = 15_000  # of the latest products, see `_worth_walking`


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


@dataclass(frozen=True, slots=True)
class _Often:
    """What share of the products has a word that many have, as PostgreSQL's statistics say; nothing on SQLite."""

    products: float = 0.0
    shares: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: Any) -> "_Often":
        if connection.vendor != "postgresql":
            return cls()
        cursor.execute(_STATISTICS)
        rows = cursor.fetchall()
        return cls(rows[0][0], {word: share for _, word, share in rows}) if rows else cls()


_STATISTICS: Final = """
SELECT reltuples, often.word, often.share
FROM pg_class JOIN pg_stats ON schemaname = current_schema() AND tablename = relname AND attname = 'search_vector',
    LATERAL unnest(most_common_elems::text::text[], most_common_elem_freqs) AS often (word, share)
WHERE pg_class.oid = 'catalog_product'::regclass AND often.word IS NOT NULL
"""


class _Words:
    """The vocabulary of one database, as far as this process has read it."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self.last = 0
        self.lock = threading.Lock()
        self.at: tuple[Mark, synonyms.Table] | None = None
        self.often = _Often()


_known: dict[str, _Words] = {}


def vocabulary() -> Vocabulary:
    """Return all words of the shelf. One query; what came since it was last asked is added."""
    known = _words()
    with known.lock, connection.cursor() as cursor:
        cursor.execute("SELECT id, text FROM catalog_searchword WHERE id > %s ORDER BY id", [known.last])
        if fresh := cursor.fetchall():
            # A transaction that began earlier may commit a lower number later.
            cursor.execute(
                "SELECT text FROM catalog_searchword WHERE id > %s AND id <= %s", [known.last - _LATE, known.last]
            )
            known.vocabulary.add([*(word for (word,) in cursor.fetchall()), *(word for _, word in fresh)])
            known.last = fresh[-1][0]
            known.often = _Often.read(cursor)
    return known.vocabulary


def known_at(mark: Mark) -> tuple[Vocabulary, synonyms.Table]:
    """Return all words of the shelf, and those that mean the same: two queries for each new mark, else none.

    They are kept here, and not among the lists: weighing a hundred thousand words took longer than a search.
    """
    known = _words()
    if known.at is None or known.at[0] != mark:
        vocabulary()
        known.at = (mark, same_words())
    return known.vocabulary, known.at[1]


def _words() -> _Words:
    return _known.setdefault(str(connection.settings_dict["NAME"]), _Words())


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


def find(
    typed: str,
    *,
    kinds: Kinds,
    within: Collection[int] | None = None,
    at_least: int = 0,
    mark: Mark | None = None,
) -> Found:
    """Return what was meant by `typed`, in categories `within` if given.

    Where fewer than `at_least` meet every word, those that lack one follow them, as far behind as the word weighs.
    Where nothing does, words are given up one by one, those that are met by nothing first and then the last ones.
    Two or three queries, two more without a `mark` that the words were read under, and up to two more for each word
    given up.
    """
    shelf, same = known_at(mark) if mark else (vocabulary(), same_words())
    groups = asking.understand(typed, shelf, same)
    if not groups:
        return Found({})
    index = _Index(shelf, kinds, within)
    left = list(groups)
    hits = index.nearest(left)
    if not hits and len(left) > 1:
        # Who gives up a word must not guess at parts of the others as well.
        sure = [replace(group, others=tuple(each for each in group.others if each.is_likely)) for group in groups]
        left = [group for group in sure if index.has([group])]
        whole = kinds.words(kinds.whole(_meant(groups)))
        while len(left) > 1 and not index.has(left):
            left = _without_one(left, index, whole)
        hits = index.nearest(left) if left else []
    if hits and len(hits) < at_least and len(left) > 1:
        hits += _lacking_one(left, index, set(hits), at_least - len(hits))
    if not hits:
        return Found({})
    ranks, nearest = _ranked(hits, left, kinds)
    kept = {group.typed for group in left}
    return Found(
        ranks,
        tuple(group.typed for group in groups if group.typed not in kept),
        tuple(_taken(left, nearest, shelf)),
    )


def meeting(groups: Sequence[Group], shelf: Vocabulary, limit: int) -> list[tuple[int, str]]:
    """Return products that meet every group, each with the words of its own title, what came last first.

    One query, or two on PostgreSQL.
    """
    needs = _needs(groups, shelf)
    return _meeting(needs, limit, "search_head") if needs else []


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


def _lacking_one(groups: Sequence[Group], index: "_Index", known: set[int], wanted: int) -> list[int]:
    """Products that lack one word, but not the one that says what the thing is."""
    kind_at = {n for n, group in enumerate(groups) if index.kinds.whole(group.meant)}
    found: dict[int, None] = {}
    for n in reversed(range(len(groups))):
        if n not in kind_at and len(found) < MOST_SCORED // 2:
            fewer = [*groups[:n], *groups[n + 1 :]]
            found |= dict.fromkeys(key for key in index.nearest(fewer, MOST_NEAR) if key not in known)
    if len(found) <= wanted:
        return list(found)
    ranks, _ = _ranked(list(found), groups, index.kinds)
    return sorted(found, key=ranks.__getitem__)[:wanted]


def _without_one(groups: Sequence[Group], index: "_Index", whole: frozenset[str]) -> list[Group]:
    """Give up one word: the last one without which something is found, else the last.

    Guesses go before what is sure, and what names the kind of the thing goes last.
    """
    order = sorted(reversed(range(len(groups))), key=lambda n: (bool(groups[n].meant & whole), not groups[n].is_guess))
    shorter = [[*groups[:n], *groups[n + 1 :]] for n in order]
    return next((each for each in shorter if index.has(each)), shorter[0])


def _meant(groups: Sequence[Group]) -> frozenset[str]:
    return frozenset(word for group in groups for word in group.meant)


# ---- The index of words ----

_Needs = list[list[tuple[str, ...]]]  # of each one is to be there, with all its words


class _Index:
    """The index of words, asked for goods of some categories, or of any."""

    def __init__(self, shelf: Vocabulary, kinds: Kinds, within: Collection[int] | None) -> None:
        self.kinds = kinds
        self._shelf = shelf
        self._within = within

    def has(self, groups: Sequence[Group]) -> bool:
        """Say whether anything meets every group. One query, or none."""
        needs = self._needs(groups, self._within)
        return bool(needs) and _has(needs)

    def nearest(self, groups: Sequence[Group], most: int = MOST_FOUND) -> list[int]:
        """Products that meet every group: those whose whole kind was named first, then a part of it, then all others.

        Where all of them are few, one query gives them with their kinds: an index that must meet one of many kinds
        takes longer than all the rest.
        """
        meant = _meant(groups)
        named, whole = self.kinds.named(meant), self.kinds.whole(meant)
        among = whole if self._within is None else whole & set(self._within)
        hits = dict.fromkeys(self._hits(groups, among, most)) if among else {}
        if len(hits) >= most:
            return list(hits)
        needs = self._needs(groups, self._within)
        every = _meeting(needs, most, "category_id") if needs else []
        partly = named - whole if self._within is None else (named - whole) & set(self._within)
        if len(every) < most:
            hits |= dict.fromkeys(key for key, of in every if of in partly)
        elif partly:
            hits |= dict.fromkeys(self._hits(groups, partly, most))
        hits |= dict.fromkeys(key for key, _ in every)
        return list(hits)[:most]

    def _hits(self, groups: Sequence[Group], among: Collection[int] | None, most: int) -> list[int]:
        needs = self._needs(groups, among)
        return [key for (key,) in _meeting(needs, most)] if needs else []

    def _needs(self, groups: Sequence[Group], among: Collection[int] | None) -> _Needs:
        needs = _needs(groups, self._shelf)
        return [[(kind(key),) for key in sorted(among)], *needs] if needs and among is not None else needs


def _needs(groups: Sequence[Group], shelf: Vocabulary) -> _Needs:
    """What the index is to be asked; nothing where no product can meet one of the groups, so that none is asked."""
    needs = [asking.needed(group, shelf) for group in groups]
    return needs if all(needs) else []


def _has(needs: _Needs) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_HAS[connection.vendor], [_asked(needs)])
        return cursor.fetchone() is not None


# PostgreSQL plans what it is to keep as if it had to read all of it, so it asks the index, and then reads one row.
_HAS: Final = {
    "sqlite": "SELECT 1 FROM catalog_found WHERE catalog_found MATCH %s LIMIT 1",
    "postgresql": "WITH found AS MATERIALIZED (SELECT 1 FROM catalog_product WHERE search_vector @@ %s::tsquery) "
    "SELECT 1 FROM found LIMIT 1",
}


def _meeting(needs: _Needs, limit: int, beside: str = "") -> list[Any]:
    """Products by key, what came last first, each with a column of the product if one is named."""
    asked = _asked(needs)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            column = f", (SELECT {beside} FROM catalog_product WHERE id = f.rowid)" if beside else ""  # noqa: S608
            cursor.execute(
                f"SELECT rowid{column} FROM catalog_found f WHERE catalog_found MATCH %s "  # noqa: S608 - constants
                "ORDER BY rowid DESC LIMIT %s",
                [asked, limit],
            )
            return list(cursor.fetchall())
        column = f", {beside}" if beside else ""
        if latest := _worth_walking(needs, limit):
            cursor.execute(
                f"SELECT id{column} FROM (SELECT * FROM catalog_product ORDER BY id DESC LIMIT %s) latest "  # noqa: S608
                "WHERE search_vector @@ %s::tsquery ORDER BY id DESC LIMIT %s",
                [latest, asked, limit],
            )
            if len(found := cursor.fetchall()) == limit:
                return list(found)
        # What it must sort, it asks the index of words for; else it might walk all products.
        cursor.execute(
            f"SELECT id{column} FROM catalog_product WHERE search_vector @@ %s::tsquery "  # noqa: S608 - constants
            "ORDER BY id + 0 DESC LIMIT %s",
            [asked, limit],
        )
        return list(cursor.fetchall())


def _worth_walking(needs: _Needs, limit: int) -> int:
    """How many of the latest products are to be read one by one, before the index of words is asked; 0 for none.

    The index gives all that meet a word, at 2 µs each, and only then are they put in order: of a word that one in
    three has, a thousand are found sooner among the four thousand that came last. Where the statistics are wrong, no
    more than that was read in vain.
    """
    often = _words().often
    share = 1.0
    for ways in needs:
        share *= max((min(often.shares.get(word, 0.0) for word in words) for words in ways), default=0.0)
    enough = int(limit / share * 1.3) + limit if share else 0
    return enough if enough <= min(MOST_WALKED, 2 * share * often.products) else 0


def _asked(needs: _Needs) -> str:
    """The same in the index's own language, which quotes whole words; none of them holds a quote or a backslash."""
    both, either, quoted = _LANGUAGE[connection.vendor]
    ways = (either.join(f"({both.join(map(quoted.format, words))})" for words in each) for each in needs)
    return both.join(f"({way})" for way in ways)


_LANGUAGE: Final = {"sqlite": (" AND ", " OR ", '"{}"'), "postgresql": (" & ", " | ", "'{}'")}


def _ranked(hits: Sequence[int], groups: Sequence[Group], kinds: Kinds) -> tuple[dict[int, int], str]:
    """How far each is, and the title and category of the nearest."""
    keys = list(hits[:MOST_SCORED])
    with connection.cursor() as cursor:
        cursor.execute(_WORDS[connection.vendor], [json.dumps(keys) if connection.vendor == "sqlite" else keys])
        rows = cursor.fetchall()
    measure = asking.Measure(groups)
    scores = {key: measure.far(head, words, kinds.plain(of)) for key, head, words, of, _ in rows}
    far = max(scores.values(), default=0) + 1
    first = min(keys, key=lambda key: scores.get(key, far)) if rows else 0
    nearest = next((f"{title} {kinds.title(of)}" for key, _, _, of, title in rows if key == first), "")
    return {key: scores.get(key, far) for key in hits}, nearest


_WORDS: Final = {
    "sqlite": "SELECT id, search_head, search_words, category_id, title FROM catalog_product "
    "WHERE id IN (SELECT value FROM json_each(%s))",
    "postgresql": "SELECT id, search_head, search_words, category_id, title FROM catalog_product WHERE id = ANY(%s)",
}
