"""What pages, the API and the importer read of the catalogue. Every query here costs the same number of statements
whatever it finds; tests say how many."""

import base64
import binascii
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import CharField, Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from peyman.kernel import text
from peyman.kernel.errors import Missing
from peyman.kernel.money import percent_off
from peyman.shop.catalog import rules
from peyman.shop.catalog.models import Brand, Category, PriceChange, Product, Variant

HISTORY = timedelta(days=180)
SORTS = ("relevant", "newest", "cheapest", "dearest", "discount")
LONGEST_PAGE = 100


# ---- For the importer ----


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


def export_rows() -> Iterator[list[str]]:
    """Yield the header and one line for each variant, in the columns of the supplier's file, money in rials."""
    yield [*rules.COLUMNS, *rules.OWN_COLUMNS]
    rows = Variant.objects.select_related("product__category", "product__brand", "stock")
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
    ]


# ---- Cards and lists ----


@dataclass(frozen=True, slots=True)
class Card:
    """A product in a list, told by its cheapest variant that can be bought. Money in rials.

    `sku`, `price`, `list_price` are that variant's; `available` are its pieces, 0 where nothing of the product is
    left; `variants` is how many there are. `version` changes whenever the card does, stock apart.
    """

    slug: str
    title: str
    drawing: str
    tint: str
    price: int
    list_price: int
    off_percent: int
    available: int
    sku: str
    variants: int
    version: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A choice that narrows a list, and how many products it leaves."""

    slug: str
    title: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """How a list can be narrowed. Prices are the lowest and highest of the list, in rials, None when it is empty."""

    categories: list[Facet]
    brands: list[Facet]
    price_min: int | None
    price_max: int | None
    available: int


@dataclass(frozen=True, slots=True)
class Crumb:
    """A category on the way from the top."""

    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class CardPage:
    """One page of a list. `next` is the `after` of the page behind it, "" on the last.

    `crumbs` lead to the category that was asked for.
    """

    items: list[Card]
    facets: Facets
    next: str
    total: int
    crumbs: list[Crumb]


class _Offer(NamedTuple):
    """A product as lists sort it: by its cheapest variant that can be bought, else its cheapest."""

    product: int
    category: int = 0
    brand: int = 0
    listed: int = 0  # the day as a number, 20260806
    price: int = 0
    list_price: int = 0
    left: int = 0
    rank: int = 0


def list_cards(
    *,
    q: str = "",
    category: str = "",
    brand: str | Sequence[str] = "",
    available_only: bool = False,
    price_min: int | None = None,
    price_max: int | None = None,
    sort: str = "newest",
    after: str = "",
    limit: int = 24,
) -> CardPage:
    """Return a page of goods that are on sale, what is sold out last.

    `q` is searched in every spelling; `category` (slug) takes in all below it; `brand` is one slug, several, or several
    with commas; prices are in rials, both bounds included; `sort` is one of SORTS, "relevant" being "newest" without
    a `q`. An `after` that is none begins at the start. Raises Missing for an unknown category. Five queries.
    """
    tree = _Tree.load()
    within = tree.subtree(category) if category else None
    named = [brand] if isinstance(brand, str) else brand
    chosen = {part for each in named for part in each.split(",") if part}
    offers = _offers(q, within)
    fits = [
        offer
        for offer in offers
        if (offer.left > 0 or not available_only)
        and (price_min is None or offer.price >= price_min)
        and (price_max is None or offer.price <= price_max)
    ]
    brands = {row.pk: row for row in Brand.objects.only("slug", "name")} if fits else {}
    wanted = {key for key, row in brands.items() if row.slug in chosen}
    shown = [offer for offer in fits if offer.brand in wanted] if chosen else fits
    by = _BY.get(sort, _BY["newest"])
    keyed = sorted(((offer.left <= 0, *by(offer)), offer.product, offer) for offer in shown)
    last = _key_of(after, sort)
    start = bisect_right(keyed, last, key=lambda entry: entry[0]) if last else 0
    page = keyed[start : start + max(1, min(limit, LONGEST_PAGE))]
    prices = [offer.price for offer in offers]
    facets = Facets(
        categories=tree.facets(category, shown),
        brands=_brand_facets(fits, brands, chosen),
        price_min=min(prices, default=None),
        price_max=max(prices, default=None),
        available=sum(offer.left > 0 for offer in shown),
    )
    return CardPage(
        items=_cards([offer for _, _, offer in page]),
        facets=facets,
        next=_cursor(sort, page[-1][0]) if start + len(page) < len(keyed) else "",
        total=len(shown),
        crumbs=tree.crumbs(category),
    )


def newest_cards(limit: int = 8) -> list[Card]:
    """Return what came last and can be bought, newest first. Four queries."""
    dated = Product.objects.filter(_has_pieces(), is_on_sale=True, listed_on__isnull=False)
    return _cards_of(list(dated.order_by("-listed_on", "-pk").values_list("pk", flat=True)[:limit]))


def cheaper_cards(limit: int = 8) -> list[Card]:
    """Return what became cheaper and can be bought, the latest drop first. Four queries."""
    rows = Variant.objects.filter(cheaper_at__isnull=False, is_on_sale=True, product__is_on_sale=True)
    rows = rows.filter(stock__on_hand__gt=F("stock__allocated")).order_by("-cheaper_at", "-pk")
    keys = dict.fromkeys(rows.values_list("product_id", flat=True)[: limit * 10])  # sisters often fall together
    return _cards_of(list(keys)[:limit])


def top_categories(limit: int = 18) -> list[Facet]:
    """Return the categories at the top that have goods on sale, in their own order, with how many. Two queries."""
    tree = _Tree.load()
    counts = Counter[int]()
    filled = Product.objects.filter(is_on_sale=True).values_list("category_id")
    for category, many in filled.annotate(many=Count("pk")).order_by():
        counts[tree.top_of(category)] += many
    tops = (row for row in tree.rows.values() if row.parent_id is None and counts[row.pk])
    return [Facet(row.slug, row.title, counts[row.pk], False) for row in tops][:limit]


def cards_of(slugs: Sequence[str]) -> list[Card]:
    """Return the cards of these products, in this order; what is not on sale is left out."""
    keys = dict(Product.objects.filter(is_on_sale=True, slug__in=slugs).values_list("slug", "pk"))
    return _cards_of([keys[slug] for slug in slugs if slug in keys])


def _has_pieces() -> Exists:
    left = Variant.objects.filter(product=OuterRef("pk"), is_on_sale=True, stock__on_hand__gt=F("stock__allocated"))
    return Exists(left)


def _offers(q: str, within: set[int] | None) -> list[_Offer]:
    rows = Variant.objects.filter(is_on_sale=True, product__is_on_sale=True)
    if within is not None:
        rows = rows.filter(product__category_id__in=within)
    words = text.search_words(q[:200]).split()[:8]
    if q.strip() and not words:
        return []
    for word in words:
        rows = rows.filter(_holds(word))
    found = rows.values_list(
        "product_id",
        "product__category_id",
        "product__brand_id",
        Cast("product__listed_on", CharField()),
        "price",
        "list_price",
        "stock__on_hand",  # subtracted below: plain columns come five times as fast as expressions
        "stock__allocated",
        *(["product__search_words"] if words else []),
    )
    best: dict[int, _Offer] = {}
    for product, category, brand, listed_on, price, list_price, on_hand, allocated, *stored in found:
        left = on_hand - allocated if on_hand else 0
        held = best.get(product)
        if held is None or _is_better(price, left, held):
            listed = int(listed_on.replace("-", "")) if listed_on else 0
            best[product] = _Offer(
                product, category, brand, listed, price, list_price, left, _rank(words, stored[0]) if words else 0
            )
    return list(best.values())


def _is_better(price: int, left: int, held: _Offer) -> bool:
    """What can be bought goes before what cannot, then the cheaper."""
    return (left <= 0, price) < (held.left <= 0, held.price)


def _holds(word: str) -> Q:
    """A word of three letters or more is sought anywhere, also across spaces; a short one where a word begins."""
    if len(word) > 2:
        return Q(product__search_joined__contains=word)
    return Q(product__search_words__startswith=word) | Q(product__search_words__contains=f" {word}")


def _rank(words: Sequence[str], stored: str) -> int:
    """How far a product is from what was typed: 0 for every word as it stands, one more for each that is not."""
    held = set(stored.split())
    return sum(word not in held for word in words)


_BY: Mapping[str, Callable[[_Offer], tuple[int, ...]]] = {
    "relevant": lambda offer: (offer.rank, -offer.listed, -offer.product),
    "newest": lambda offer: (-offer.listed, -offer.product),
    "cheapest": lambda offer: (offer.price, offer.product),
    "dearest": lambda offer: (-offer.price, offer.product),
    "discount": lambda offer: (-percent_off(offer.price, offer.list_price), -offer.product),
}


def _cursor(sort: str, key: tuple[int, ...]) -> str:
    packed = json.dumps([sort, *map(int, key)], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _key_of(cursor: str, sort: str) -> tuple[int, ...]:
    """The key that a cursor of the same sort stands for; () for what is none."""
    try:
        said, *key = json.loads(base64.urlsafe_b64decode(cursor[:200] + "=" * (-len(cursor[:200]) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return ()
    return tuple(key) if said == sort and key and all(type(part) is int for part in key) else ()


def _brand_facets(offers: Sequence[_Offer], brands: Mapping[int, Brand], chosen: set[str]) -> list[Facet]:
    counts = Counter(offer.brand for offer in offers)
    facets = [Facet(brands[key].slug, brands[key].name, n, brands[key].slug in chosen) for key, n in counts.items()]
    return sorted(facets, key=lambda facet: (-facet.count, facet.title))


def _cards_of(keys: Sequence[int]) -> list[Card]:
    best: dict[int, _Offer] = {}
    rows = Variant.objects.filter(product_id__in=keys, is_on_sale=True) if keys else Variant.objects.none()
    left = F("stock__on_hand") - F("stock__allocated")
    for product, price, list_price, pieces in rows.values_list("product_id", "price", "list_price", left):
        if product not in best or _is_better(price, pieces or 0, best[product]):
            best[product] = _Offer(product, price=price, list_price=list_price, left=pieces or 0)
    return _cards([best[key] for key in keys if key in best])


def _cards(offers: Sequence[_Offer]) -> list[Card]:
    if not offers:
        return []
    keys = [offer.product for offer in offers]
    products = Product.objects.select_related("category").defer("description", "attributes").in_bulk(keys)
    variants: dict[int, list[Variant]] = {}
    for variant in Variant.objects.filter(product_id__in=keys, is_on_sale=True).order_by("position", "sku"):
        variants.setdefault(variant.product_id, []).append(variant)
    return [_card(products[offer.product], variants[offer.product], offer) for offer in offers]


def _card(product: Product, variants: Sequence[Variant], offer: _Offer) -> Card:
    told = next((v for v in variants if (v.price, v.list_price) == (offer.price, offer.list_price)), variants[0])
    return Card(
        slug=product.slug,
        title=product.title,
        drawing=product.drawing or product.category.drawing,
        tint=product.tint or rules.tint_of(told.image_hint),
        price=offer.price,
        list_price=offer.list_price,
        off_percent=percent_off(offer.price, offer.list_price),
        available=max(offer.left, 0),
        sku=told.sku,
        variants=len(variants),
        version=product.version,
    )


class _Row(NamedTuple):
    """A category without the weight of a model: lists read them all."""

    pk: int
    slug: str
    title: str
    parent_id: int | None
    path: str


class _Tree:
    """All categories, by key, as they hang together."""

    def __init__(self, rows: Mapping[int, _Row]) -> None:
        self.rows = rows
        self._by_slug = {row.slug: row for row in rows.values()}

    @classmethod
    def load(cls) -> "_Tree":
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

    def _found(self, slug: str) -> _Row:
        if slug not in self._by_slug:
            raise Missing
        return self._by_slug[slug]

    def subtree(self, slug: str) -> set[int]:
        top = self._found(slug)
        return {key for key, row in self.rows.items() if key == top.pk or row.path.startswith(f"{top.path} > ")}

    def crumbs(self, slug: str) -> list[Crumb]:
        return [Crumb(row.slug, row.title) for row in self.way_to(self._found(slug).pk)] if slug else []

    def facets(self, slug: str, offers: Sequence[_Offer]) -> list[Facet]:
        """The categories one step below, with how many of the offers lie in each."""
        depth = len(self.way_to(self._found(slug).pk)) if slug else 0
        counts = Counter[int]()
        for category, many in Counter(offer.category for offer in offers).items():
            way = self.way_to(category)
            if len(way) > depth:
                counts[way[depth].pk] += many
        rows = (row for key, row in self.rows.items() if counts[key])
        return [Facet(row.slug, row.title, counts[row.pk], False) for row in rows]


# ---- One product ----


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


def drawings_of(categories: Sequence[str]) -> dict[str, str]:
    """Return slug → key of the drawing of each of these categories. One query."""
    return dict(Category.objects.filter(slug__in=categories).values_list("slug", "drawing"))
