"""What the goods of a category have specifications of, those of the categories above it included."""

from collections.abc import Iterable

from django.db.models import QuerySet

from peyman.shop.catalog.models import Category, CategoryAttribute
from peyman.shop.catalog.rules.specs import Spec, inherited


def specs_of(category: Category) -> list[Spec]:
    """Return the specifications that goods of this category have, the top category's first. At most three queries."""
    way = way_to(category)
    by_category = own_specs(row.pk for row in way)
    return inherited(by_category.get(row.pk, []) for row in way)


def own_specs(categories: Iterable[int]) -> dict[int, list[Spec]]:
    """Return category → the specifications that it says itself, in their order. One query."""
    return _by_category(CategoryAttribute.objects.filter(category_id__in=list(categories)))


def specs_by_category() -> dict[int, list[Spec]]:
    """Return the same of every category that says any. One query."""
    return _by_category(CategoryAttribute.objects.all())


def _by_category(rows: QuerySet[CategoryAttribute]) -> dict[int, list[Spec]]:
    found: dict[int, list[Spec]] = {}
    for row in rows.select_related("category").order_by("position", "pk"):
        spec = Spec(row.name, row.kind, row.unit, tuple(row.choices), row.is_required, row.is_filter, row.category.slug)
        found.setdefault(row.category_id, []).append(spec)
    return found


def way_to(category: Category) -> list[Category]:
    """Return the categories from the top down to this one."""
    way: list[Category] = []
    row: Category | None = category
    while row is not None:
        way.insert(0, row)
        row = row.parent
    return way
