"""Cards and lists: what is on sale, searched, narrowed and sorted.

Composing a list reads the whole shelf, so what was composed is remembered under a mark of everything it was made of
(`marks`); how many pieces are left is read anew for whatever is shown.
"""

import base64
import binascii
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import CharField, Count, Exists, F, OuterRef
from django.db.models.functions import Cast

from peyman.kernel.errors import Missing
from peyman.kernel.money import percent_off
from peyman.shop.catalog import rules
from peyman.shop.catalog.models import Brand, Category, Product, Variant
from peyman.shop.catalog.queries import marks, search

SORTS = ("relevant", "newest", "cheapest", "dearest", "discount")
LONGEST_PAGE = 100
_ENOUGH = 10  # goods that a search should find


@dataclass(frozen=True, slots=True)
class Card:
    """A product in a list, told by its cheapest variant that can be bought. Money in rials.

    `sku`, `price`, `list_price` are that variant's; `available` are its pieces, 0 where nothing of the product is
    left; `variants` is how many there are. `picture` is the key of its main one, "" where only a drawing is.
    `offer_until`: when that variant's running offer ends. `version` changes whenever the card does, stock apart.
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
    picture: str = ""
    offer_until: datetime | None = None


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

    `crumbs` lead to the category that was asked for. Of what was searched: `left_out` are words that nothing was found
    by, `taken_for` are words typed with those they were taken for.
    """

    items: list[Card]
    facets: Facets
    next: str
    total: int
    crumbs: list[Crumb]
    left_out: tuple[str, ...] = ()
    taken_for: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BrandView:
    """A brand, for the page of its goods."""

    slug: str
    name: str
    name_latin: str
    country: str


class _Brand(NamedTuple):
    slug: str
    name: str


class _Offer(NamedTuple):
    """A product as lists sort it: by its cheapest variant that can be bought, else its cheapest."""

    product: int
    variant: int
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
    mark: marks.Mark | None = None,
) -> CardPage:
    """Return a page of goods that are on sale, what is sold out last.

    `q` is searched in every spelling; `category` (slug) takes in all below it; `brand` is one slug, several, or several
    with commas; prices are in rials, both bounds included; `sort` is one of SORTS, "relevant" being "newest" without
    a `q`. An `after` that is none begins at the start. Raises Missing for an unknown category. Two queries where the
    same was asked of the same shelf before, else six, and three more for a `q` (see `search.find`); one less with a
    `mark` that was just read.
    """
    page = composed(
        mark=mark or marks.read(),
        q=q,
        category=category,
        brand=brand,
        available_only=available_only,
        price_min=price_min,
        price_max=price_max,
        sort=sort,
        after=after,
        limit=limit,
    )
    return replace(page, items=with_pieces(page.items, pieces(page.items)))


def composed(
    *,
    mark: marks.Mark,
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
    """Return what `list_cards` does, with the pieces that were left when it was composed: no query where the same was
    asked under the same mark before.
    """
    named = (brand,) if isinstance(brand, str) else tuple(brand)
    asked = (q, category, named, available_only, price_min, price_max, sort, after, limit)
    return marks.remembered(mark, ("list", asked), lambda: _composed(_tree(mark), *asked))


def _composed(
    tree: "_Tree",
    q: str,
    category: str,
    named: Sequence[str],
    available_only: bool,
    price_min: int | None,
    price_max: int | None,
    sort: str,
    after: str,
    limit: int,
) -> CardPage:
    within = tree.subtree(category) if category else None
    chosen = {part for each in named for part in each.split(",") if part}
    found = None
    if q.strip():
        # Few exact hits are followed by those that lack a word, where nothing else was asked of the list.
        is_open = sort == "relevant" and not (chosen or available_only or price_min or price_max)
        found = search.find(q, within=within, kinds=tree.titles(), at_least=_ENOUGH if is_open else 0)
    offers = _offers(found, within)
    fits = [
        offer
        for offer in offers
        if (offer.left > 0 or not available_only)
        and (price_min is None or offer.price >= price_min)
        and (price_max is None or offer.price <= price_max)
    ]
    named_brands = Brand.objects.values_list("pk", "slug", "name") if fits else ()
    brands = {key: _Brand(slug, name) for key, slug, name in named_brands}
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
        left_out=tuple(found.left_out) if found else (),
        taken_for=tuple(found.taken_for) if found else (),
    )


def newest_cards(limit: int = 8, *, mark: marks.Mark | None = None) -> list[Card]:
    """Return what came last and can be bought, newest first. Two queries, or five on a changed shelf."""
    found = marks.remembered(mark or marks.read(), ("newest", limit), lambda: _newest(limit))
    return with_pieces(found, pieces(found))


def _newest(limit: int) -> list[Card]:
    dated = Product.objects.filter(_has_pieces(), is_on_sale=True, listed_on__isnull=False)
    return _cards_of(list(dated.order_by("-listed_on", "-pk").values_list("pk", flat=True)[:limit]))


def cheaper_cards(limit: int = 8, *, mark: marks.Mark | None = None) -> list[Card]:
    """Return what became cheaper and can be bought, the latest drop first. Two queries, or five on a changed shelf."""
    found = marks.remembered(mark or marks.read(), ("cheaper", limit), lambda: _cheaper(limit))
    return with_pieces(found, pieces(found))


def _cheaper(limit: int) -> list[Card]:
    rows = Variant.objects.filter(cheaper_at__isnull=False, is_on_sale=True, product__is_on_sale=True)
    rows = rows.filter(stock__on_hand__gt=F("stock__allocated")).order_by("-cheaper_at", "-pk")
    keys = dict.fromkeys(rows.values_list("product_id", flat=True)[: limit * 10])  # sisters often fall together
    return _cards_of(list(keys)[:limit])


def top_categories(limit: int = 18, *, mark: marks.Mark | None = None) -> list[Facet]:
    """Return the categories at the top with goods on sale, in their own order, with how many. One query, or three."""
    mark = mark or marks.read()
    return marks.remembered(mark, ("tops", limit), lambda: _tops(_tree(mark), limit))


def _tops(tree: "_Tree", limit: int) -> list[Facet]:
    counts = Counter[int]()
    filled = Product.objects.filter(is_on_sale=True).values_list("category_id")
    for category, many in filled.annotate(many=Count("pk")).order_by():
        counts[tree.top_of(category)] += many
    tops = (row for row in tree.rows.values() if row.parent_id is None and counts[row.pk])
    return [Facet(row.slug, row.title, counts[row.pk], False) for row in tops][:limit]


def pieces(cards: Sequence[Card], most: int = 2**31 - 1) -> dict[str, int]:
    """Return SKU → the pieces that are left of each card's variant at this moment, no more than `most`. One query."""
    if not cards:
        return {}
    holes = ", ".join(["%s"] * len(cards))
    with connection.cursor() as cursor:  # by hand: making this statement took longer than running it
        cursor.execute(_PIECES.format(holes), [most, most, *[card.sku for card in cards]])
        return dict(cursor.fetchall())


def with_pieces(cards: Sequence[Card], left: Mapping[str, int]) -> list[Card]:
    """Return the same cards with these pieces left."""
    told = [max(left.get(card.sku) or 0, 0) for card in cards]
    return [card if card.available == n else replace(card, available=n) for card, n in zip(cards, told, strict=True)]


_PIECES = """
SELECT v.sku, CASE WHEN s.on_hand - s.allocated > %s THEN %s ELSE s.on_hand - s.allocated END
FROM catalog_variant v JOIN stock_stock s ON s.variant_id = v.id
WHERE v.sku IN ({})
"""


@dataclass(frozen=True, slots=True)
class HomeRows:
    """What the home page shows, with the pieces that were left when it was composed."""

    newest: list[Card]
    cheaper: list[Card]
    offers: list[Card]  # those that end first come first

    @property
    def cards(self) -> list[Card]:
        return [*self.newest, *self.cheaper, *self.offers]


def home_rows(newest: int, cheaper: int, *, mark: marks.Mark) -> HomeRows:
    """Return what came last, what became cheaper and what is on offer: no query where the shelf is as before."""
    return HomeRows(
        marks.remembered(mark, ("newest", newest), lambda: _newest(newest)),
        marks.remembered(mark, ("cheaper", cheaper), lambda: _cheaper(cheaper)),
        marks.remembered(mark, ("offers", cheaper), lambda: _running(cheaper)),
    )


def _running(limit: int) -> list[Card]:
    rows = Variant.objects.filter(offer_until__isnull=False, is_on_sale=True, product__is_on_sale=True)
    rows = rows.filter(stock__on_hand__gt=F("stock__allocated")).order_by("offer_until", "pk")
    keys = list(dict.fromkeys(rows.values_list("product_id", flat=True)[: limit * 10]))
    return [card for card in _cards_of(keys) if card.offer_until][:limit]


def brand(slug: str, *, mark: marks.Mark | None = None) -> BrandView:
    """Return a brand. Raises Missing. No query where the shelf is the same as when it was asked before."""
    found = marks.remembered(mark or marks.read(), ("brand", slug), lambda: _brand(slug))
    if found is None:
        raise Missing
    return found


def _brand(slug: str) -> BrandView | None:
    row = Brand.objects.filter(slug=slug).first()
    return BrandView(row.slug, row.name, row.name_latin, row.country) if row else None


def cards_of(slugs: Sequence[str]) -> list[Card]:
    """Return the cards of these products, in this order; what is not on sale is left out."""
    keys = dict(Product.objects.filter(is_on_sale=True, slug__in=slugs).values_list("slug", "pk"))
    return _cards_of([keys[slug] for slug in slugs if slug in keys])


def _has_pieces() -> Exists:
    left = Variant.objects.filter(product=OuterRef("pk"), is_on_sale=True, stock__on_hand__gt=F("stock__allocated"))
    return Exists(left)


def _offers(searched: search.Found | None, within: set[int] | None) -> list[_Offer]:
    rows = Variant.objects.filter(is_on_sale=True, product__is_on_sale=True)
    if within is not None:
        rows = rows.filter(product__category_id__in=within)
    ranks: Mapping[int, int] = {}
    if searched is not None:
        ranks = searched.ranks
        rows = rows.filter(product_id__in=list(ranks))
    found = rows.values_list(
        "product_id",
        "pk",
        "product__category_id",
        "product__brand_id",
        Cast("product__listed_on", CharField()),
        "price",
        "list_price",
        "stock__on_hand",  # subtracted below: plain columns come five times as fast as expressions
        "stock__allocated",
    )
    best: dict[int, _Offer] = {}
    for product, variant, category, brand, listed_on, price, list_price, on_hand, allocated in found:
        left = on_hand - allocated if on_hand else 0
        held = best.get(product)
        if held is None or _is_better(price, left, held):
            listed = int(listed_on.replace("-", "")) if listed_on else 0
            best[product] = _Offer(
                product,
                variant,
                category,
                brand,
                listed,
                price,
                list_price,
                left,
                ranks.get(product, 0),
            )
    return list(best.values())


def _is_better(price: int, left: int, held: _Offer) -> bool:
    """What can be bought goes before what cannot, then the cheaper."""
    return (left <= 0, price) < (held.left <= 0, held.price)


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


def _brand_facets(offers: Sequence[_Offer], brands: Mapping[int, _Brand], chosen: set[str]) -> list[Facet]:
    counts = Counter(offer.brand for offer in offers)
    facets = [Facet(brands[key].slug, brands[key].name, n, brands[key].slug in chosen) for key, n in counts.items()]
    return sorted(facets, key=lambda facet: (-facet.count, facet.title))


def _cards_of(keys: Sequence[int]) -> list[Card]:
    best: dict[int, _Offer] = {}
    rows = Variant.objects.filter(product_id__in=keys, is_on_sale=True) if keys else Variant.objects.none()
    left = F("stock__on_hand") - F("stock__allocated")
    for product, variant, price, list_price, pieces in rows.values_list(
        "product_id", "pk", "price", "list_price", left
    ):
        if product not in best or _is_better(price, pieces or 0, best[product]):
            best[product] = _Offer(product, variant, price=price, list_price=list_price, left=pieces or 0)
    return _cards([best[key] for key in keys if key in best])


_ON_CARDS = ("slug", "title", "drawing", "tint", "version", "picture", "category__drawing")


def _cards(offers: Sequence[_Offer]) -> list[Card]:
    if not offers:
        return []
    keys = [offer.product for offer in offers]
    products = Product.objects.select_related("category").only(*_ON_CARDS).in_bulk(keys)
    variants: dict[int, list[Variant]] = {}
    for variant in Variant.objects.filter(product_id__in=keys, is_on_sale=True).order_by("position", "sku"):
        variants.setdefault(variant.product_id, []).append(variant)
    return [_card(products[offer.product], variants[offer.product], offer) for offer in offers]


def _card(product: Product, variants: Sequence[Variant], offer: _Offer) -> Card:
    told = next(variant for variant in variants if variant.pk == offer.variant)
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
        picture=product.picture,
        offer_until=told.offer_until,
    )


def _tree(mark: marks.Mark) -> "_Tree":
    return marks.remembered(mark, "tree", _Tree.load)


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

    def titles(self) -> dict[int, str]:
        return {key: row.title for key, row in self.rows.items()}

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


def drawings_of(categories: Sequence[str], *, mark: marks.Mark | None = None) -> dict[str, str]:
    """Return slug → key of the drawing of each of these categories. One query, or two."""
    return marks.remembered(mark or marks.read(), ("drawings", tuple(categories)), lambda: _drawings(categories))


def _drawings(categories: Sequence[str]) -> dict[str, str]:
    return dict(Category.objects.filter(slug__in=categories).values_list("slug", "drawing"))
