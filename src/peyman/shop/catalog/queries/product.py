"""One product: its page, its variants, the prices they had."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Max

from peyman.kernel.errors import Missing
from peyman.kernel.money import percent_off
from peyman.shop.catalog import rules
from peyman.shop.catalog.models import Category, PriceChange, Product, Variant
from peyman.shop.catalog.queries.lists import Crumb

HISTORY = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class PriceStep:
    """A price from an instant until the next step, in rials. The last one lasts. `words` say why, in Persian."""

    since: datetime
    price: int
    list_price: int
    reason: str
    words: str


@dataclass(frozen=True, slots=True)
class VariantView:
    """What one can buy. `words`: what makes it differ from its sisters; `available`: pieces that can be bought now."""

    sku: str
    words: str
    color: str
    size: str
    warranty: str
    price: int
    list_price: int
    off_percent: int
    available: int
    is_on_sale: bool
    tint: str
    steps: list[PriceStep]


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A product with all that its page says. `attributes` in the order of the file; `crumbs` end on its category."""

    slug: str
    code: str
    title: str
    title_latin: str
    brand: str
    brand_slug: str
    model: str
    description: str
    attributes: dict[str, str]
    age_mark: str
    weight_g: int | None
    drawing: str
    tint: str
    listed_on: date | None
    is_on_sale: bool
    version: int
    crumbs: list[Crumb]
    variants: list[VariantView]


def product_page(slug: str, *, now: datetime) -> ProductPage:
    """Return a product with its variants and 180 days of their prices. Raises Missing. Four queries.

    What is not on sale is shown as such, not hidden: links to it live on.
    """
    product = Product.objects.select_related("category__parent__parent", "brand").filter(slug=slug).first()
    if product is None:
        raise Missing
    variants = list(product.variants.select_related("stock").order_by("position", "sku"))
    steps = price_steps([variant.pk for variant in variants], since=now - HISTORY)
    return ProductPage(
        slug=product.slug,
        code=product.code,
        title=product.title,
        title_latin=product.title_latin,
        brand=product.brand.name,
        brand_slug=product.brand.slug,
        model=product.model,
        description=product.description,
        attributes=product.attributes,
        age_mark=product.age_mark,
        weight_g=product.weight_g,
        drawing=product.drawing or product.category.drawing,
        tint=product.tint,
        listed_on=product.listed_on,
        is_on_sale=product.is_on_sale,
        version=product.version,
        crumbs=_crumbs_of(product.category),
        variants=[_variant_view(variant, product, steps.get(variant.pk, [])) for variant in variants],
    )


def variants_of(slugs: Sequence[str]) -> dict[str, list[VariantView]]:
    """Return slug → the variants on sale of each of these products, without their price history. One query."""
    rows = Variant.objects.filter(product__slug__in=slugs, is_on_sale=True, product__is_on_sale=True)
    found: dict[str, list[VariantView]] = {slug: [] for slug in slugs}
    for variant in rows.select_related("product", "stock").order_by("position", "sku"):
        found[variant.product.slug].append(_variant_view(variant, variant.product, []))
    return found


def weights(skus: Sequence[str]) -> dict[str, int]:
    """Return SKU → grams, 0 where nobody weighed it; unknown SKUs are left out. One query."""
    rows = Variant.objects.filter(sku__in=skus).values_list("sku", "product__weight_g")
    return {sku: grams or 0 for sku, grams in rows}


def price_steps(variants: Sequence[int], *, since: datetime) -> dict[int, list[PriceStep]]:
    """Return variant id → its prices since an instant, oldest first; the one in force at that instant comes first.

    Two queries.
    """
    before = PriceChange.objects.filter(variant_id__in=variants, at__lte=since).values_list("variant_id")
    in_force = dict(before.annotate(last=Max("at")))
    changes = PriceChange.objects.filter(variant_id__in=variants, at__gte=min(in_force.values(), default=since))
    steps: dict[int, list[PriceStep]] = {}
    for change in changes.order_by("at", "pk"):
        if change.at >= in_force.get(change.variant_id, since):
            step = PriceStep(
                change.at, change.price, change.list_price, change.reason, rules.reason_words(change.reason)
            )
            steps.setdefault(change.variant_id, []).append(step)
    return steps


def _crumbs_of(category: Category) -> list[Crumb]:
    way: list[Category] = []
    row: Category | None = category
    while row is not None:
        way.append(row)
        row = row.parent
    return [Crumb(row.slug, row.title) for row in reversed(way)]


def _variant_view(variant: Variant, product: Product, steps: list[PriceStep]) -> VariantView:
    stock = getattr(variant, "stock", None)
    is_on_sale = variant.is_on_sale and product.is_on_sale
    return VariantView(
        sku=variant.sku,
        words="، ".join(word for word in (variant.color, variant.size) if word),
        color=variant.color,
        size=variant.size,
        warranty=variant.warranty,
        price=variant.price,
        list_price=variant.list_price,
        off_percent=percent_off(variant.price, variant.list_price),
        available=max(stock.on_hand - stock.allocated, 0) if stock and is_on_sale else 0,
        is_on_sale=is_on_sale,
        tint=product.tint or rules.tint_of(variant.image_hint),
        steps=steps,
    )
