"""The product's own categories and brands, put into the tables."""

from collections.abc import Iterable
from importlib import resources

from django.db import transaction

from peyman.shop.catalog import rules
from peyman.shop.catalog.actions.prices import turn
from peyman.shop.catalog.models import Brand, Category
from peyman.shop.catalog.rules.reference import BrandEntry, CategoryEntry, read_brands, read_categories


def load_reference() -> None:
    """Put the categories and brands of the product into the tables. Again changes nothing that staff changed since."""
    folder = resources.files("peyman.shop.catalog").joinpath("reference")
    add_categories(read_categories(folder.joinpath("categories.txt").read_text("utf-8").splitlines()))
    add_brands(read_brands(folder.joinpath("brands.txt").read_text("utf-8").splitlines()))


@transaction.atomic
def add_categories(entries: Iterable[CategoryEntry]) -> int:
    """Add the categories that are not there yet, and return how many. `entries` name a parent before its children.

    One statement for each level of the tree; a parent may be there already.
    """
    listed = list(entries)
    known = dict(Category.objects.values_list("slug", "pk"))
    added = 0
    for level in sorted({len(entry.above) for entry in listed}):
        fresh = [e for e in listed if len(e.above) == level and e.slug not in known]
        rows = Category.objects.bulk_create([_category(entry, known) for entry in fresh])
        known |= {row.slug: row.pk for row in rows}
        added += len(rows)
    if added:
        turn()
    return added


def _category(entry: CategoryEntry, known: dict[str, int]) -> Category:
    return Category(
        slug=entry.slug,
        title=entry.title,
        parent_id=known[entry.above[0]] if entry.above else None,
        path=entry.path,
        level=len(entry.above) + 1,
        drawing=rules.drawing_of((entry.slug, *entry.above)),
    )


@transaction.atomic
def add_brands(entries: Iterable[BrandEntry]) -> int:
    """Add the brands that are not there yet, and return how many."""
    known = set(Brand.objects.values_list("slug", flat=True))
    fresh = [
        Brand(
            slug=entry.slug,
            name=entry.name,
            name_latin=entry.name_latin,
            country=entry.country,
            aliases=list(entry.aliases),
        )
        for entry in entries
        if entry.slug not in known
    ]
    if fresh:
        Brand.objects.bulk_create(fresh)
        turn()
    return len(fresh)
