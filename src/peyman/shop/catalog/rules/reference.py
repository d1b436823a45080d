"""The product's own lists of categories and brands, in two plain texts.

categories.txt is a tree: "slug title", two spaces deeper for what is below.
brands.txt has one brand a line: "slug | name | Latin name | country | alias، alias".
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class CategoryEntry(NamedTuple):
    """A category of the list; `above` are the slugs from its parent up to the top."""

    slug: str
    title: str
    above: tuple[str, ...]
    path: str


class BrandEntry(NamedTuple):
    """A brand of the list."""

    slug: str
    name: str
    name_latin: str
    country: str
    aliases: tuple[str, ...]


def read_categories(lines: Iterable[str]) -> Iterator[CategoryEntry]:
    """Yield the categories of a tree in order, each after the one above it. Raises ValueError for a gap in the tree."""
    branch: list[CategoryEntry] = []
    for line in _entries(lines):
        depth, remainder = divmod(len(line) - len(line.lstrip(" ")), 2)
        if remainder or depth > len(branch):
            raise ValueError(f"this line hangs in the air: {line!r}")
        slug, _, title = line.strip().partition(" ")
        del branch[depth:]
        above = tuple(entry.slug for entry in reversed(branch))
        path = " > ".join([*(entry.title for entry in branch), title])
        branch.append(CategoryEntry(slug, title, above, path))
        yield branch[-1]


def read_brands(lines: Iterable[str]) -> Iterator[BrandEntry]:
    """Yield the brands of a list in order."""
    for line in _entries(lines):
        slug, name, latin, country, aliases = (part.strip() for part in line.split("|"))
        yield BrandEntry(slug, name, latin, country, tuple(a.strip() for a in aliases.split("،") if a.strip()))


def _entries(lines: Iterable[str]) -> Iterator[str]:
    return (line.rstrip() for line in lines if line.strip() and not line.startswith("#"))
