"""What the importer and the export read."""

import json
from collections.abc import Iterator, Sequence

from django.db.models import QuerySet

from peyman.shop.catalog import rules
from peyman.shop.catalog.models import Brand, Category, Product, Variant


def reference() -> rules.Reference:
    """Return the categories and brands that a file may name."""
    categories = [rules.CategoryName(*row) for row in Category.objects.values_list("slug", "title", "path")]
    brands = [
        rules.BrandNames(slug, tuple(name for name in (title, latin, *aliases) if name))
        for slug, title, latin, aliases in Brand.objects.values_list("slug", "name", "name_latin", "aliases")
    ]
    return rules.Reference(categories, brands)


def with_stock(skus: Sequence[str]) -> QuerySet[Variant]:
    """Return variants with their products and counters, held until the transaction ends."""
    rows = Variant.objects.select_for_update(of=("self",)).filter(sku__in=skus)
    return rows.select_related("product", "stock").order_by("pk")


def on_hand(variant: Variant) -> int | None:
    """Return what was counted of a variant loaded by `with_stock`, None where nothing was."""
    stock = getattr(variant, "stock", None)
    return None if stock is None else int(stock.on_hand)


def export_rows(products: QuerySet[Product] | None = None) -> Iterator[list[str]]:
    """Yield the header and one line for each variant, in the columns of the supplier's file, money in rials.

    Of all goods, or of these products.
    """
    yield [*rules.COLUMNS, *rules.OWN_COLUMNS]
    rows = Variant.objects.select_related("product__category", "product__brand", "stock")
    if products is not None:
        rows = rows.filter(product__in=products.order_by().values("pk"))
    for variant in rows.order_by("product__code", "position", "sku").iterator(chunk_size=1000):
        yield _exported(variant)


def _exported(variant: Variant) -> list[str]:
    product = variant.product
    return [
        variant.sku,
        product.code,
        product.category.slug,
        product.category.path,
        product.brand.slug,
        product.brand.name,
        product.title,
        product.title_latin,
        product.model,
        json.dumps(product.attributes, ensure_ascii=False, separators=(",", ":")),
        variant.color,
        variant.size,
        variant.warranty,
        str(variant.price),
        str(variant.list_price),
        variant.price_basis,
        str(on_hand(variant) or 0),
        product.age_mark,
        "" if product.weight_g is None else str(product.weight_g),
        variant.image_hint,
        variant.spec_source,
        product.listed_on.isoformat() if product.listed_on else "",
        product.origin,
        product.source,
        product.description,
        product.drawing,
        product.tint,
        json.dumps(product.sources, ensure_ascii=False, separators=(",", ":")) if product.sources else "",
        variant.price_reference,
    ]
