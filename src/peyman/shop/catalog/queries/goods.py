"""What the desk of goods reads: lists of products, one product with its variants, histories, the tree, brands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from peyman.kernel import text
from peyman.kernel.errors import Missing
from peyman.shop.catalog.models import (
    Brand,
    CatalogChange,
    Category,
    CategoryAttribute,
    FormerSlug,
    ImportRow,
    ImportRun,
    Product,
    Variant,
)
from peyman.shop.catalog.queries import search
from peyman.shop.catalog.queries.specs import own_specs, specs_of, way_to
from peyman.shop.catalog.rules.search.kinds import Kinds
from peyman.shop.catalog.rules.specs import Spec, missing

PAGE: Final = 40
HISTORY_PAGE: Final = 50
ROWS_PAGE: Final = 100
SHELVES: Final = (
    "all",
    "on",
    "off",
    "out",
    "part_out",
    "no_picture",
    "no_text",
    "no_specs",
    "no_weight",
    "no_source",
    "no_reference",
)
Kind = CatalogChange.Kind


@dataclass(frozen=True, slots=True)
class Sift:
    """Which products a list shows; empty parts narrow nothing."""

    q: str = ""
    category: str = ""  # slug; all below it too
    brand: str = ""
    shelf: str = "all"
    page: int = 1


@dataclass(frozen=True, slots=True)
class GoodsRow:
    """A product in the desk's list. `left`: pieces of all variants; prices in rials, None without a variant."""

    code: str
    slug: str
    title: str
    category: str
    brand: str
    is_on_sale: bool
    picture: str
    drawing: str
    tint: str
    variants: int
    off_sale: int  # of them
    left: int
    price: int | None


@dataclass(frozen=True, slots=True)
class GoodsPage:
    rows: list[GoodsRow]
    total: int
    page: int
    pages: int
    at_most: bool  # more was found than a search gives


def goods_of(sift: Sift) -> QuerySet[Product]:
    """Return all products that a list shows, on whatever page, in no order."""
    return _found(sift)[0]


def _found(sift: Sift) -> tuple[QuerySet[Product], dict[int, int], bool]:
    """The products of a list, the rank of each where words were searched, and whether more was found than is given."""
    rows = _sifted(sift)
    ranks: dict[int, int] = {}
    at_most = False
    if sift.q.strip():
        code = text.normalise(sift.q, digits=True).upper()
        exact = set(Product.objects.filter(Q(code=code) | Q(variants__sku=code)).values_list("pk", flat=True))
        if not exact:
            kinds = Kinds(dict(Category.objects.values_list("pk", "title")))
            ranks = search.find(sift.q, kinds=kinds).ranks
            at_most = len(ranks) >= search.MOST_FOUND
        rows = rows.filter(pk__in=exact or list(ranks))
    return rows, ranks, at_most


def goods_page(sift: Sift) -> GoodsPage:
    """Return a page of products, those that came last first, the nearest first where something was searched.

    At most ten queries, whatever is found.
    """
    rows, ranks, at_most = _found(sift)
    if ranks:
        keys = sorted(rows.values_list("pk", flat=True), key=lambda key: (ranks[key], -key))
        total = len(keys)
    else:
        total = rows.count()
    pages = max(1, -(-total // PAGE))
    page = min(max(1, sift.page), pages)
    start = (page - 1) * PAGE
    if ranks:
        shown = keys[start : start + PAGE]
    else:
        shown = list(rows.order_by("-pk").values_list("pk", flat=True)[start : start + PAGE])
    return GoodsPage(_rows(shown), total, page, pages, at_most)


def _sifted(sift: Sift) -> QuerySet[Product]:
    rows = Product.objects.all()
    if sift.category:
        rows = rows.filter(category__in=[row.pk for row in _subtree(sift.category)])
    if sift.brand:
        rows = rows.filter(brand__slug=sift.brand)
    if sift.shelf in ("on", "off"):
        rows = rows.filter(is_on_sale=sift.shelf == "on")
    elif faults := _FAULTS.get(sift.shelf):
        rows = rows.filter(faults)
    return rows


_VARIANTS = Variant.objects.filter(product=OuterRef("pk"))
_LEFT = Q(stock__on_hand__gt=F("stock__allocated"))
# Shelf → what is lacking. A source said for all specifications of a variant is one.
_FAULTS: Final = {
    "out": ~Exists(_VARIANTS.filter(_LEFT, is_on_sale=True)),
    "part_out": Q(is_on_sale=True)
    & Exists(_VARIANTS.filter(_LEFT, is_on_sale=True))
    & Exists(_VARIANTS.filter(is_on_sale=True).exclude(_LEFT)),
    "no_picture": Q(picture=""),
    "no_text": Q(description=""),
    "no_specs": Q(attributes={}),
    "no_weight": Q(weight_g=None),
    "no_source": Q(sources={}) & ~Exists(_VARIANTS.exclude(spec_source="")),
    "no_reference": Exists(_VARIANTS.filter(price_reference="")),
}


def _subtree(slug: str) -> list[Category]:
    top = Category.objects.filter(slug=slug).first()
    if top is None:
        return []
    return list(Category.objects.filter(Q(pk=top.pk) | Q(path__startswith=f"{top.path} > ")))


def _rows(keys: Sequence[int]) -> list[GoodsRow]:
    products = {row.pk: row for row in Product.objects.select_related("category", "brand").filter(pk__in=keys)}
    variants: dict[int, list[Variant]] = {}
    for variant in Variant.objects.select_related("stock").filter(product_id__in=keys).order_by("position", "sku"):
        variants.setdefault(variant.product_id, []).append(variant)
    return [_row(products[key], variants.get(key, [])) for key in keys if key in products]


def _row(product: Product, variants: Sequence[Variant]) -> GoodsRow:
    return GoodsRow(
        code=product.code,
        slug=product.slug,
        title=product.title,
        category=product.category.path,
        brand=product.brand.name,
        is_on_sale=product.is_on_sale,
        picture=product.picture,
        drawing=product.drawing or product.category.drawing,
        tint=product.tint,
        variants=len(variants),
        off_sale=sum(not variant.is_on_sale for variant in variants),
        left=sum(left(variant) for variant in variants),
        price=min((variant.price for variant in variants), default=None),
    )


def left(variant: Variant) -> int:
    """Return the pieces of a variant loaded with its counter that can be sold."""
    stock = getattr(variant, "stock", None)
    return max(stock.on_hand - stock.allocated, 0) if stock else 0


# ---- One product ----


@dataclass(frozen=True, slots=True)
class Desk:
    """A product as its desk shows it. `seen` is the last row of its history."""

    product: Product
    variants: list[Variant]
    specs: list[Spec]
    lacking: list[str]  # names of what its category asks for and it has not
    seen: int


def product_desk(code: str) -> Desk:
    """Return a product with its variants and the specifications that its category asks for. Raises Missing.

    At most six queries.
    """
    rows = Product.objects.select_related("category__parent__parent", "brand")
    product = rows.filter(code=code).first()
    if product is None:
        raise Missing
    specs = specs_of(product.category)
    return Desk(
        product,
        list(product.variants.select_related("stock").order_by("position", "sku")),
        specs,
        missing(specs, product.attributes),
        last_seen(Kind.PRODUCT, code),
    )


def variant_desk(code: str, sku: str) -> Variant:
    """Return a variant of this product with its counter. Raises Missing."""
    rows = Variant.objects.select_related("product", "stock").filter(sku=sku, product__code=code)
    variant = rows.first()
    if variant is None:
        raise Missing
    return variant


def last_seen(kind: str, key: str) -> int:
    """Return the last row of the history of this, 0 where there is none. One query."""
    return CatalogChange.objects.filter(kind=kind, key=key).aggregate(last=Max("pk"))["last"] or 0


def moved_to(slug: str) -> str:
    """Return the address that a product of this former address has now, "" where there was none. One query."""
    found = FormerSlug.objects.filter(slug=slug).values_list("product__slug", flat=True).first()
    return found or ""


# ---- Histories ----


@dataclass(frozen=True, slots=True)
class History:
    """Changes, the latest first. `next` is the `before` of those behind them, 0 on the last page."""

    rows: list[CatalogChange]
    next: int


def history(
    *,
    product: str = "",
    kind: str = "",
    key: str = "",
    field: str = "",
    by: str = "",
    corrections_only: bool = False,
    before: int = 0,
) -> History:
    """Return what changed of a product with its variants (by code), or of something else by kind and key. One query."""
    rows = CatalogChange.objects.select_related("product")
    if product:
        rows = rows.filter(product__code=product)
    if kind:
        rows = rows.filter(kind=kind)
    if key:
        rows = rows.filter(key=key)
    if field:
        rows = rows.filter(Q(field=field) | Q(field=f"attributes/{field}") | Q(field=f"sources/{field}"))
    if by:
        rows = rows.filter(by=by)
    if corrections_only:
        rows = rows.filter(is_correction=True)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: HISTORY_PAGE + 1])
    return History(found[:HISTORY_PAGE], found[HISTORY_PAGE - 1].pk if len(found) > HISTORY_PAGE else 0)


def fields_of(product: str) -> list[str]:
    """Name the fields of a product, and of its variants, that ever changed. One query."""
    return sorted(set(CatalogChange.objects.filter(product__code=product).values_list("field", flat=True)))


def changed_by(product: str) -> list[str]:
    """Name those who ever changed a product or its variants. One query."""
    return sorted(set(CatalogChange.objects.filter(product__code=product).values_list("by", flat=True)))


@dataclass(frozen=True, slots=True)
class Corrections:
    """What was corrected of the specifications of a product that people had bought; for everybody (D113)."""

    slug: str
    title: str
    rows: list[CatalogChange]
    next: int


def corrections(slug: str, *, before: int = 0) -> Corrections:
    """Return the corrections of a product, the latest first. Raises Missing. Two queries."""
    product = Product.objects.filter(slug=slug).only("pk", "slug", "title").first()
    if product is None:
        raise Missing
    rows = CatalogChange.objects.filter(product=product, is_correction=True)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: HISTORY_PAGE + 1])
    more = found[HISTORY_PAGE - 1].pk if len(found) > HISTORY_PAGE else 0
    return Corrections(product.slug, product.title, found[:HISTORY_PAGE], more)


# ---- The tree and the brands ----


@dataclass(frozen=True, slots=True)
class Branch:
    """A category in the tree. `goods` are those in itself; `specs` how many specifications it asks for itself."""

    slug: str
    title: str
    path: str
    level: int
    goods: int
    specs: int
    is_on_sale: bool


def tree() -> list[Branch]:
    """Return all categories, each before those below it. Three queries."""
    goods = dict(Product.objects.values_list("category").annotate(many=Count("pk")).order_by())
    asked = dict(CategoryAttribute.objects.values_list("category").annotate(many=Count("pk")).order_by())
    children: dict[int | None, list[Category]] = {}
    for row in sorted(Category.objects.order_by("pk"), key=lambda row: text.alphabetical(row.title)):
        children.setdefault(row.parent_id, []).append(row)
    found: list[Branch] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        row = waiting.pop()
        found.append(
            Branch(
                row.slug,
                row.title,
                row.path,
                row.level,
                goods.get(row.pk, 0),
                asked.get(row.pk, 0),
                row.is_on_sale,
            )
        )
        waiting += reversed(children.get(row.pk, []))
    return found


@dataclass(frozen=True, slots=True)
class CategoryDesk:
    """A category with its own specifications, and those it has from above it."""

    category: Category
    own: list[CategoryAttribute]
    inherited: list[Spec]
    goods: int
    seen: int


def category_desk(slug: str) -> CategoryDesk:
    """Return a category as its desk shows it. Raises Missing."""
    category = Category.objects.select_related("parent__parent").filter(slug=slug).first()
    if category is None:
        raise Missing
    above = way_to(category)[:-1]
    own = own_specs(row.pk for row in above)
    return CategoryDesk(
        category,
        list(category.attributes.order_by("position", "pk")),
        [spec for row in above for spec in own.get(row.pk, [])],
        Product.objects.filter(category=category).count(),
        last_seen(Kind.CATEGORY, slug),
    )


def brands(q: str = "") -> list[tuple[Brand, int]]:
    """Return the brands by name, with how many goods each has; `q` is part of any of their names. Two queries."""
    goods = dict(Product.objects.values_list("brand").annotate(many=Count("pk")).order_by())
    wanted = text.search_joined(q)
    return [
        (row, goods.get(row.pk, 0))
        for row in brands_in_order()
        if not wanted
        or any(wanted in text.search_joined(name) for name in (row.name, row.name_latin, row.slug, *row.aliases))
    ]


def brands_in_order() -> list[Brand]:
    """Return all brands as a dictionary sorts them. One query."""
    return sorted(Brand.objects.order_by("pk"), key=lambda row: text.alphabetical(row.name))


def brand_desk(slug: str) -> tuple[Brand, int, int]:
    """Return a brand, how many goods it has, and the last row of its history. Raises Missing."""
    brand = Brand.objects.filter(slug=slug).first()
    if brand is None:
        raise Missing
    return brand, Product.objects.filter(brand=brand).count(), last_seen(Kind.BRAND, slug)


# ---- Files ----


def import_runs(limit: int = 30) -> list[ImportRun]:
    return list(ImportRun.objects.order_by("-pk")[:limit])


def import_run(run_id: int) -> ImportRun:
    """Return one. Raises Missing."""
    run = ImportRun.objects.filter(pk=run_id).first()
    if run is None:
        raise Missing
    return run


@dataclass(frozen=True, slots=True)
class RunRows:
    rows: list[ImportRow]
    next: int  # the `after` of those behind them, 0 on the last page


def import_rows(run_id: int, *, outcome: str = "", after: int = 0) -> RunRows:
    """Return records of a run in the order of the file, those of one outcome if it is given. One query."""
    rows = ImportRow.objects.filter(run_id=run_id, record__gt=after)
    if outcome:
        rows = rows.filter(outcome=outcome)
    found = list(rows.order_by("record")[: ROWS_PAGE + 1])
    return RunRows(found[:ROWS_PAGE], found[ROWS_PAGE - 1].record if len(found) > ROWS_PAGE else 0)
