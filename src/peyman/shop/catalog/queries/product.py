"""One product: its page, its variants, the prices they had."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import DateTimeField, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce

from peyman.kernel.errors import Missing
from peyman.kernel.money import percent_off
from peyman.promises.queries import IN_FORCE, NEWEST
from peyman.shop.catalog import rules
from peyman.shop.catalog.models import Category, PriceChange, Product, SaleSwitch, Variant
from peyman.shop.catalog.queries.tree import Crumb

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
    """What one can buy. `words`: what makes it differ from its sisters; `available`: pieces that can be bought now;
    `offer_until`: when its running offer ends. Rials.
    """

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
    price_basis: str = ""
    price_reference: str = ""
    offer_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A product with all that its page says. `attributes` in the order of the file; `crumbs` end on its category.

    `sources`: name of an attribute → [kind of its source, reference]; `spec_source`: the kind of all others, as the
    file of the variant says, "" where it does not. `gone_since`: when it was taken off sale, where that was written
    down.
    """

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
    drawing: str  # its own, or its category's
    tint: str
    listed_on: date | None
    is_on_sale: bool
    version: int
    crumbs: list[Crumb]
    variants: list[VariantView]
    picture: str = ""
    gallery: list[dict[str, Any]] = field(default_factory=list)
    sources: dict[str, list[str]] = field(default_factory=dict)
    spec_source: str = ""
    own_drawing: str = ""
    gone_since: datetime | None = None
    stopped_by: str = ""


# ---- What a page is made of, at a glance ----


class Shelved(NamedTuple):
    """A variant as it stands: all that changes without its product's page being written anew."""

    pk: int
    sku: str
    color: str
    size: str
    warranty: str
    price: int
    list_price: int
    price_basis: str
    price_reference: str
    offer_until: datetime | None
    is_on_sale: bool
    image_hint: str
    last_price_at: object
    left: int


class Glance:
    """All that decides what the page of a product says, short of its texts, which `version` stands for.

    `state` is all of it as it was read: equal states, equal pages.
    """

    __slots__ = ("brand", "calendar", "category", "is_on_sale", "pk", "slug", "state", "terms", "title", "version")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.state = row
        self.pk: int
        self.slug: str
        self.version: int
        self.title: str
        self.terms: str | None  # hash of the version in force
        self.calendar: int | None  # number of the newest version
        (
            self.pk,
            self.slug,
            self.version,
            self.title,
            self.is_on_sale,
            self.category,
            self.brand,
            self.terms,
            self.calendar,
            _,
        ) = row

    @property
    def variants(self) -> list[Shelved]:
        """The variants in their order, made of what was read each time they are asked for: kept pages never do."""
        return [_shelved(row) for row in sorted(json.loads(self.state[-1] or "[]"), key=_in_order)]

    def has(self, sku: str) -> bool:
        """Say whether the product has a variant of this SKU."""
        return any(each.sku == sku for each in self.variants)


# One row, the variants in one value of it: each row more costs as much as all that is in this one.
_GLANCE = f"""
SELECT p.id, p.slug, p.version, p.title, p.is_on_sale, c.path, b.name, {IN_FORCE}, {NEWEST}, (
    SELECT CAST(JSON_GROUP_ARRAY(JSON_ARRAY(
        v.id, v.sku, v.color, v.size, v.warranty, v.price, v.list_price, v.price_basis, v.price_reference,
        v.offer_until, v.is_on_sale, v.image_hint,
        (SELECT MAX(at) FROM catalog_pricechange WHERE variant_id = v.id),
        CASE WHEN s.on_hand - s.allocated > %(most)s THEN %(most)s ELSE s.on_hand - s.allocated END,
        v.position
    )) AS text) FROM catalog_variant v LEFT JOIN stock_stock s ON s.variant_id = v.id WHERE v.product_id = p.id
)
FROM catalog_product p JOIN catalog_category c ON c.id = p.category_id JOIN catalog_brand b ON b.id = p.brand_id
WHERE p.slug = %(slug)s
"""  # noqa: S608  both are constants
_BY_VENDOR = {
    "sqlite": _GLANCE,
    "postgresql": _GLANCE.replace("JSON_GROUP_ARRAY", "JSON_AGG").replace("JSON_ARRAY", "JSON_BUILD_ARRAY"),
}
_BESIDE = "FROM catalog_product p"  # before it, whoever asks something else along
_ALL = 2**31 - 1


def glance(slug: str, *, now: datetime, most: int = _ALL) -> Glance:
    """Return how a product and its variants stand at this moment, no more than `most` pieces told of each: beyond
    that, pages show no number. Raises Missing. One query.
    """
    return Glance(_glanced(_BY_VENDOR, slug, now, most, {}))


def glance_beside(
    slug: str, beside: tuple[str, dict[str, Any]], *, now: datetime, most: int = _ALL
) -> tuple[Glance, Any]:
    """Return the same, and what a part of a statement says (SQL of one value, and its own values): still one query."""
    part, values = beside
    beside_it = {vendor: text.replace(_BESIDE, f", {part}\n{_BESIDE}") for vendor, text in _BY_VENDOR.items()}
    *row, found = _glanced(beside_it, slug, now, most, values)
    return Glance(tuple(row)), found


def _glanced(
    statements: Mapping[str, str], slug: str, now: datetime, most: int, more: dict[str, Any]
) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        values = {"now": cursor.db.ops.adapt_datetimefield_value(now), "most": most, "slug": slug, **more}
        # Holes have names: to find those without, Django reads the whole statement each time.
        cursor.execute(statements[cursor.db.vendor], values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise Missing
    return row


def _in_order(row: Sequence[Any]) -> tuple[int, str]:
    return row[-1], row[Shelved._fields.index("sku")]


def _shelved(row: Sequence[Any]) -> Shelved:
    told = Shelved(*row[:-1])
    until = datetime.fromisoformat(str(told.offer_until)) if told.offer_until else None
    if until is not None and until.tzinfo is None:  # SQLite keeps UTC and does not say so
        until = until.replace(tzinfo=UTC)
    return told._replace(offer_until=until, is_on_sale=bool(told.is_on_sale), left=max(told.left or 0, 0))


def product_page(slug: str, *, now: datetime, seen: Glance | None = None, steps_of: str | None = None) -> ProductPage:
    """Return a product with its variants and 180 days of their prices, or of one variant's (a SKU). Raises Missing.

    Two queries beside the glance; one more for what is not on sale. That is shown as such, not hidden: links to it
    live on.
    """
    seen = seen or glance(slug, now=now)
    rows = Product.objects.select_related("category__parent__parent", "brand").defer("search_head", "search_words")
    variants = Variant.objects.filter(product=OuterRef("pk")).order_by("position", "sku")
    variants = variants.filter(sku=steps_of) if steps_of else variants
    product = rows.annotate(spec_source=Subquery(variants.values("spec_source")[:1])).get(pk=seen.pk)
    crumbs = _crumbs_of(product.category)
    gone = None if seen.is_on_sale else _gone(product.code, [crumb.slug for crumb in crumbs])
    shelved = seen.variants
    drawn = [each.pk for each in shelved if steps_of is None or each.sku == steps_of]
    is_on_sale = bool(seen.is_on_sale)
    steps = price_steps(drawn, since=now - HISTORY)
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
        is_on_sale=is_on_sale,
        version=product.version,
        crumbs=crumbs,
        variants=[_variant_view(each, is_on_sale, product.tint, steps.get(each.pk, [])) for each in shelved],
        picture=product.picture,
        gallery=product.gallery,
        sources=product.sources,
        spec_source=product.spec_source or "",
        own_drawing=product.drawing,
        gone_since=gone[1] if gone else None,
        stopped_by=gone[0] if gone else "",
    )


def _gone(code: str, categories: Sequence[str]) -> tuple[str, datetime] | None:
    """The widest stop that a product stands under, and since when it is off sale; None where nobody wrote it down."""
    scope = SaleSwitch.Scope
    switches = SaleSwitch.objects.filter(scope=scope.PRODUCT, key=code)
    switches |= SaleSwitch.objects.filter(scope=scope.CATEGORY, key__in=categories)
    switches |= SaleSwitch.objects.filter(scope=scope.SHOP)
    stopped: dict[tuple[str, str], datetime | None] = {}
    for switch in switches.order_by("pk"):
        # Stopping twice changes nothing: it is gone since the first.
        since = stopped.get((switch.scope, switch.key)) or switch.at
        stopped[switch.scope, switch.key] = None if switch.is_on else since
    in_force = [(key, since) for (key, _), since in stopped.items() if since]
    if not in_force:
        return None
    width = list(scope)
    return min((key for key, _ in in_force), key=lambda key: width.index(scope(key))), min(at for _, at in in_force)


def variants_of(slugs: Sequence[str]) -> dict[str, list[VariantView]]:
    """Return slug → the variants on sale of each of these products, without their price history. One query."""
    rows = Variant.objects.filter(product__slug__in=slugs, is_on_sale=True, product__is_on_sale=True)
    columns = [name for name in Shelved._fields if name not in ("last_price_at", "left")]
    columns += ["stock__on_hand", "stock__allocated", "product__slug", "product__tint"]  # not the product's whole page
    found: dict[str, list[VariantView]] = {slug: [] for slug in slugs}
    for *told, on_hand, allocated, slug, tint in rows.order_by("position", "sku").values_list(*columns):
        shelved = Shelved._make((*told, None, max((on_hand or 0) - (allocated or 0), 0)))
        found[slug].append(_variant_view(shelved, True, tint, []))
    return found


def weights(skus: Sequence[str]) -> dict[str, int]:
    """Return SKU → grams, 0 where nobody weighed it; unknown SKUs are left out. One query."""
    rows = Variant.objects.filter(sku__in=skus).values_list("sku", "product__weight_g")
    return {sku: grams or 0 for sku, grams in rows}


def price_steps(variants: Sequence[int], *, since: datetime) -> dict[int, list[PriceStep]]:
    """Return variant id → its prices since an instant, oldest first; the one in force at that instant comes first.

    One query.
    """
    before = PriceChange.objects.filter(variant=OuterRef("variant"), at__lte=since).order_by().values("variant")
    in_force = Subquery(before.annotate(last=Max("at")).values("last"), output_field=DateTimeField())
    changes = PriceChange.objects.filter(variant_id__in=variants, at__gte=Coalesce(in_force, since))
    steps: dict[int, list[PriceStep]] = {}
    for change in changes.order_by("at", "pk"):
        step = PriceStep(change.at, change.price, change.list_price, change.reason, rules.reason_words(change.reason))
        steps.setdefault(change.variant_id, []).append(step)
    return steps


def _crumbs_of(category: Category) -> list[Crumb]:
    way: list[Category] = []
    row: Category | None = category
    while row is not None:
        way.append(row)
        row = row.parent
    return [Crumb(row.slug, row.title) for row in reversed(way)]


def _variant_view(variant: Shelved, may_be_sold: bool, tint: str, steps: list[PriceStep]) -> VariantView:
    is_on_sale = variant.is_on_sale and may_be_sold
    return VariantView(
        sku=variant.sku,
        words="، ".join(word for word in (variant.color, variant.size) if word),
        color=variant.color,
        size=variant.size,
        warranty=variant.warranty,
        price=variant.price,
        list_price=variant.list_price,
        off_percent=percent_off(variant.price, variant.list_price),
        available=variant.left if is_on_sale else 0,
        is_on_sale=is_on_sale,
        tint=tint or rules.tint_of(variant.image_hint),
        steps=steps,
        price_basis=variant.price_basis,
        price_reference=variant.price_reference,
        offer_until=variant.offer_until,
    )
