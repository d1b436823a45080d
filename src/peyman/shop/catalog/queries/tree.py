"""The tree of categories, as lists read it, and what stands at its top."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from django.db.models import Count

from peyman.kernel.errors import Missing
from peyman.shop.catalog.models import Category, Product
from peyman.shop.catalog.queries import marks
from peyman.shop.catalog.rules.search.kinds import Kinds


@dataclass(frozen=True, slots=True)
class Facet:
    """A choice that narrows a list, and how many products it leaves."""

    slug: str
    title: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Crumb:
    """A category on the way from the top."""

    slug: str
    title: str


class _Row(NamedTuple):
    """A category without the weight of a model: lists read them all."""

    pk: int
    slug: str
    title: str
    parent_id: int | None
    path: str


class Tree:
    """All categories, by key, as they hang together."""

    def __init__(self, rows: Mapping[int, _Row]) -> None:
        self.rows = rows
        self._by_slug = {row.slug: row for row in rows.values()}

    @classmethod
    def load(cls) -> "Tree":
        rows = Category.objects.order_by("pk").values_list("pk", "slug", "title", "parent_id", "path")
        return cls({row[0]: _Row(*row) for row in rows})

    def way_to(self, key: int) -> list[_Row]:
        """The categories from the top down to this one."""
        way: list[_Row] = []
        row = self.rows.get(key)
        while row is not None:
            way.append(row)
            row = self.rows.get(row.parent_id) if row.parent_id else None
        return way[::-1]

    def top_of(self, key: int) -> int:
        return self.way_to(key)[0].pk

    @cached_property
    def kinds(self) -> Kinds:
        """What search reads of it."""
        return Kinds({key: row.title for key, row in self.rows.items()})

    def _found(self, slug: str) -> _Row:
        if slug not in self._by_slug:
            raise Missing
        return self._by_slug[slug]

    def subtree(self, slug: str) -> set[int]:
        top = self._found(slug)
        return {key for key, row in self.rows.items() if key == top.pk or row.path.startswith(f"{top.path} > ")}

    def crumbs(self, slug: str) -> list[Crumb]:
        return [Crumb(row.slug, row.title) for row in self.way_to(self._found(slug).pk)] if slug else []

    def facets(self, slug: str, categories: Iterable[int]) -> list[Facet]:
        """The categories one step below, with how many goods lie in each; `categories` has one for each."""
        depth = len(self.way_to(self._found(slug).pk)) if slug else 0
        counts = Counter[int]()
        for category, many in Counter(categories).items():
            way = self.way_to(category)
            if len(way) > depth:
                counts[way[depth].pk] += many
        rows = (row for key, row in self.rows.items() if counts[key])
        return [Facet(row.slug, row.title, counts[row.pk], False) for row in rows]


def tree(mark: marks.Mark) -> Tree:
    """Return the tree. No query where the shelf is as before, else one."""
    return marks.remembered(mark, "tree", Tree.load)


def top_categories(limit: int = 18, *, mark: marks.Mark | None = None) -> list[Facet]:
    """Return the categories at the top with goods on sale, in their own order, with how many. One query, or three."""
    mark = mark or marks.read()
    return marks.remembered(mark, ("tops", limit), lambda: _tops(tree(mark), limit))


def _tops(known: Tree, limit: int) -> list[Facet]:
    counts = Counter[int]()
    filled = Product.objects.filter(is_on_sale=True).values_list("category_id")
    for category, many in filled.annotate(many=Count("pk")).order_by():
        counts[known.top_of(category)] += many
    tops = (row for row in known.rows.values() if row.parent_id is None and counts[row.pk])
    return [Facet(row.slug, row.title, counts[row.pk], False) for row in tops][:limit]


def drawings_of(categories: Sequence[str], *, mark: marks.Mark | None = None) -> dict[str, str]:
    """Return slug → key of the drawing of each of these categories. One query, or two."""
    return marks.remembered(mark or marks.read(), ("drawings", tuple(categories)), lambda: _drawings(categories))


def _drawings(categories: Collection[str]) -> dict[str, str]:
    return dict(Category.objects.filter(slug__in=categories).values_list("slug", "drawing"))
