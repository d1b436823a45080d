"""What search engines are told of: addresses of goods on sale, by ranges of keys, so that a file stays the same size
and place however many goods come and go.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Max, OuterRef, Subquery

from peyman.shop.catalog.models import Brand, Category, PriceChange, Product

A_FILE = 50_000  # keys of a file: no more addresses may stand in one


class Mapped(NamedTuple):
    slug: str
    title: str
    changed_at: datetime | None  # its last price


def files() -> list[tuple[int, datetime | None]]:
    """Return the numbers of the files that hold anything, with the last change in each. Two queries."""
    top = Product.objects.filter(is_on_sale=True).aggregate(top=Max("pk"))["top"] or 0
    rows = PriceChange.objects.filter(variant__product__is_on_sale=True).order_by()
    last = dict(
        rows.annotate(file=(F("variant__product_id") - 1) / A_FILE + 1).values_list("file").annotate(last=Max("at"))
    )
    return [(number, last.get(number)) for number in range(1, (top - 1) // A_FILE + 2)] if top else []


def goods_of(number: int) -> Iterator[Mapped]:
    """Yield the goods of one file, by key, without holding them all. One query."""
    keys = ((number - 1) * A_FILE + 1, number * A_FILE)
    changes = PriceChange.objects.filter(variant__product=OuterRef("pk")).order_by().values("variant__product")
    rows = Product.objects.filter(pk__range=keys, is_on_sale=True).order_by("pk")
    last = Subquery(changes.annotate(last=Max("at")).values("last"))
    for slug, title, changed_at in rows.values_list("slug", "title", last).iterator(chunk_size=2000):
        yield Mapped(slug, title, changed_at)


def categories() -> list[str]:
    """Return the slugs of categories that have goods on sale, themselves or below them. Two queries."""
    paths = set(Product.objects.filter(is_on_sale=True).values_list("category__path", flat=True).distinct())
    rows = Category.objects.order_by("path", "pk").values_list("slug", "path")
    return [slug for slug, path in rows if any(one == path or one.startswith(f"{path} > ") for one in paths)]


def brands() -> list[str]:
    """Return the slugs of brands that have goods on sale. One query."""
    return list(
        Brand.objects.filter(products__is_on_sale=True).order_by("slug").distinct().values_list("slug", flat=True)
    )
