"""Lists: what is on sale, searched, narrowed and sorted.

Composing a list reads the whole shelf, so what was composed is remembered under a mark of everything it was made of
(`marks`); how many pieces are left is read anew for whatever is shown.
"""

import base64
import binascii
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import CharField
from django.db.models.functions import Cast

from peyman.kernel.errors import Missing
from peyman.kernel.money import percent_off
from peyman.shop.catalog.models import Brand, Variant
from peyman.shop.catalog.queries import marks, search
from peyman.shop.catalog.queries.cards import Card, Offer, cards, counted, is_better
from peyman.shop.catalog.queries.filters import Filter, Shelf, Taken
from peyman.shop.catalog.queries.tree import Crumb, Facet, tree
from peyman.shop.catalog.rules import filters as rules

SORTS = ("relevant", "newest", "cheapest", "dearest", "discount")
LONGEST_PAGE = 100
_ENOUGH = 10  # goods that a search should find


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a list.

    `q` is searched in every spelling; `category` (slug) takes in all below it; `of_brand` (slug) is the brand whose own
    list it is; `brands` are slugs of those that would do, one part may hold several with commas; `specs` are values
    that goods are to have, "name:value" or "name:low..high" (`rules.filters`); prices are in rials, both bounds
    included; `sort` is one of SORTS, "relevant" being "newest" without a `q`. An `after` that is none begins at the
    start.
    """

    q: str = ""
    category: str = ""
    of_brand: str = ""
    brands: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    available_only: bool = False
    price_min: int | None = None
    price_max: int | None = None
    sort: str = "newest"
    after: str = ""
    limit: int = 24

    @property
    def is_open(self) -> bool:
        """Say whether it asks for the nearest to some words and for nothing else."""
        narrowed = self.brands or self.specs or self.available_only or self.price_min or self.price_max
        return self.sort == "relevant" and not narrowed

    @property
    def is_of_a_kind(self) -> bool:
        """Say whether its goods may be alike enough to be narrowed by what they are; the whole shelf is not."""
        return bool(self.q.strip() or self.category or self.of_brand)


@dataclass(frozen=True, slots=True)
class Facets:
    """How a list can be narrowed. Prices are the lowest and highest of the list, in rials, None when it is empty."""

    categories: list[Facet]
    brands: list[Facet]
    filters: list[Filter]
    price_min: int | None
    price_max: int | None
    available: int


@dataclass(frozen=True, slots=True)
class CardPage:
    """One page of a list. `next` is the `after` of the page behind it, "" on the last.

    `crumbs` lead to the category that was asked for. Of the `specs` that were asked for, `taken` narrow the list, and
    `passed_over` do not: no such filter here, no sense, or too many. Of what was searched: `left_out` are words that
    nothing was found by, `taken_for` are words typed with those they were taken for.
    """

    items: list[Card]
    facets: Facets
    next: str
    total: int
    crumbs: list[Crumb]
    taken: tuple[Taken, ...] = ()
    passed_over: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    taken_for: tuple[tuple[str, str], ...] = ()


def list_cards(ask: Ask, *, mark: marks.Mark | None = None) -> CardPage:
    """Return a page of goods that are on sale, what is sold out last.

    A product is shown by the best of its variants that meet all that was asked. Raises Missing for an unknown category.
    Two queries where the same was asked of the same shelf before, else eight, and three more for a `q` (see
    `search.find`); one less with a `mark` that was just read.
    """
    page = composed(ask, mark=mark or marks.read())
    return replace(page, items=counted(page.items))


def composed(ask: Ask, *, mark: marks.Mark) -> CardPage:
    """Return what `list_cards` does, with the pieces that were left when it was composed: no query where the same was
    asked under the same mark before.
    """
    return marks.remembered(mark, ("list", ask), lambda: _composed(ask, mark))


def _composed(ask: Ask, mark: marks.Mark) -> CardPage:
    known = tree(mark)
    within = known.subtree(ask.category) if ask.category else None
    found = None
    if ask.q.strip():
        # Few exact hits are followed by those that lack a word, where nothing else was asked of the list.
        found = search.find(ask.q, within=within, kinds=known.kinds, at_least=_ENOUGH if ask.is_open else 0, mark=mark)
    rows = _rows(ask, found, within)
    brands = marks.remembered(mark, "brands", _brands)
    chosen = {part for each in ask.brands for part in each.split(",") if part}
    wanted = {key for key, row in brands.items() if row.slug in chosen} if chosen else None
    shelf = Shelf(mark, known, {row[_PRODUCT]: row[_CATEGORY] for row in rows}, ask.specs) if ask.is_of_a_kind else None
    narrowed = _narrowed(ask, rows, shelf, wanted)
    shown = _best(narrowed.rows, found.ranks if found else {})
    page, following = _paged(shown, ask)
    prices = [row[_PRICE] for row in rows]
    return CardPage(
        items=cards(page),
        facets=Facets(
            categories=known.facets(ask.category, (offer.category for offer in shown)),
            brands=_brand_facets(narrowed.by_brand, brands, chosen),
            filters=narrowed.filters,
            price_min=min(prices, default=None),
            price_max=max(prices, default=None),
            available=sum(offer.left > 0 for offer in shown),
        ),
        next=following,
        total=len(shown),
        crumbs=known.crumbs(ask.category),
        taken=tuple(shelf.taken()) if shelf else (),
        passed_over=shelf.refused if shelf else tuple(dict.fromkeys(ask.specs)),
        left_out=tuple(found.left_out) if found else (),
        taken_for=tuple(found.taken_for) if found else (),
    )


# ---- The shelf, variant by variant ----

# Columns of a row. Pieces are told by their two columns, which come five times as fast as their difference.
_PRODUCT, _VARIANT, _CATEGORY, _BRAND, _LISTED, _PRICE, _LIST_PRICE, _ON_HAND, _ALLOCATED, _SIGNS = range(10)
_AXES = slice(10, 13)
_Row = tuple[Any, ...]


def _rows(ask: Ask, searched: search.Found | None, within: set[int] | None) -> list[_Row]:
    """All variants on sale that may be in a list, whatever it is narrowed by."""
    if searched is not None:
        return _rows_found(searched, ask.of_brand)
    rows = Variant.objects.filter(is_on_sale=True, product__is_on_sale=True)
    if within is not None:
        rows = rows.filter(product__category_id__in=within)
    if ask.of_brand:
        rows = rows.filter(product__brand__slug=ask.of_brand)
    columns: list[str | Cast] = ["product_id", "pk", "product__category_id", "product__brand_id"]
    columns += [Cast("product__listed_on", CharField()), "price", "list_price", "stock__on_hand", "stock__allocated"]
    if ask.is_of_a_kind:
        columns += ["product__attribute_values", "color", "size", "warranty"]
    return list(rows.values_list(*columns))


def _rows_found(searched: search.Found, of_brand: str) -> list[_Row]:
    """The same of what was found, by hand: a thousand keys in a thousand holes took longer than the answer."""
    keys = list(searched.ranks)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FOUND, [keys, of_brand, of_brand])
        else:
            cursor.execute(_FOUND_SQLITE, [json.dumps(keys), of_brand, of_brand])
        return list(cursor.fetchall())


_COLUMNS = """
SELECT p.id, v.id, p.category_id, p.brand_id, CAST(p.listed_on AS varchar), v.price, v.list_price, {stock}.on_hand,
       {stock}.allocated, p.attribute_values, v.color, v.size, v.warranty
"""
_FROM_KEYS_SQLITE = """
FROM json_each(%s) AS found CROSS JOIN catalog_product p ON p.id = found.value
CROSS JOIN catalog_variant v ON v.product_id = p.id LEFT JOIN stock_stock s ON s.variant_id = v.id
WHERE v.is_on_sale
"""
# PostgreSQL would rather read the whole of the stock than ask for a thousand of its rows: OFFSET 0 lets it look at the
# variants of each product by themselves, which takes half as long.
_FROM_KEYS = """
FROM catalog_product p
JOIN LATERAL (
    SELECT v.*, s.on_hand, s.allocated FROM catalog_variant v LEFT JOIN stock_stock s ON s.variant_id = v.id
    WHERE v.product_id = p.id AND v.is_on_sale OFFSET 0
) AS v ON true
WHERE p.id = ANY(%s)
"""
_ON_SALE = """
AND p.is_on_sale AND (%s = '' OR p.brand_id = (SELECT id FROM catalog_brand WHERE slug = %s))
"""
_FOUND = _COLUMNS.format(stock="v") + _FROM_KEYS + _ON_SALE
_FOUND_SQLITE = _COLUMNS.format(stock="s") + _FROM_KEYS_SQLITE + _ON_SALE


class _Narrowed(NamedTuple):
    rows: list[_Row]
    by_brand: Mapping[int, int]
    filters: list[Filter]


def _narrowed(ask: Ask, rows: Sequence[_Row], shelf: Shelf | None, brands: set[int] | None) -> _Narrowed:
    """What meets all that was asked, and what each choice would leave."""
    codes = [shelf.codes(row[_SIGNS], row[_AXES]) for row in rows] if shelf else [()] * len(rows)
    able: Sequence[int] = range(len(rows))
    if ask.available_only or ask.price_min is not None or ask.price_max is not None:
        low, high = ask.price_min or 0, ask.price_max
        able = [
            place
            for place, row in enumerate(rows)
            if (not ask.available_only or (row[_ON_HAND] or 0) > (row[_ALLOCATED] or 0))
            and row[_PRICE] >= low
            and (high is None or row[_PRICE] <= high)
        ]
    chosen, of_filter = shelf.chosen() if shelf else ([], {})
    lines = [(rows[place][_PRODUCT], rows[place][_BRAND], codes[place]) for place in able]
    found = rules.narrow(lines, chosen=chosen, of_filter=of_filter, brands=brands)
    everything = Counter(chain.from_iterable(codes))
    return _Narrowed(
        [rows[able[place]] for place in found.fits],
        found.by_brand,
        shelf.offered(found.by_code, everything) if shelf else [],
    )


def _best(rows: Iterable[_Row], ranks: Mapping[int, int]) -> list[Offer]:
    """The products of these variants, each by the best of them."""
    best: dict[int, Offer] = {}
    for product, variant, category, brand, listed_on, price, list_price, on_hand, allocated, *_ in rows:
        left = on_hand - allocated if on_hand else 0
        held = best.get(product)
        if held is None or is_better(price, left, held):
            listed = _day(listed_on) if listed_on else 0
            rank = ranks.get(product, 0)
            best[product] = Offer(product, variant, category, brand, listed, price, list_price, left, rank)
    return list(best.values())


@lru_cache(maxsize=8192)
def _day(written: str) -> int:
    return int(written.replace("-", ""))


# ---- Order and pages ----

_BY: Mapping[str, Callable[[Offer], tuple[int, ...]]] = {
    "relevant": lambda offer: (offer.rank, -offer.listed, -offer.product),
    "newest": lambda offer: (-offer.listed, -offer.product),
    "cheapest": lambda offer: (offer.price, offer.product),
    "dearest": lambda offer: (-offer.price, offer.product),
    "discount": lambda offer: (-percent_off(offer.price, offer.list_price), -offer.product),
}


def _paged(shown: Sequence[Offer], ask: Ask) -> tuple[list[Offer], str]:
    """The page that was asked for, and the `after` of the one behind it."""
    by = _BY.get(ask.sort, _BY["newest"])
    keyed = sorted(((offer.left <= 0, *by(offer)), offer.product, offer) for offer in shown)
    last = _key_of(ask.after, ask.sort)
    start = bisect_right(keyed, last, key=lambda entry: entry[0]) if last else 0
    page = keyed[start : start + max(1, min(ask.limit, LONGEST_PAGE))]
    following = _cursor(ask.sort, page[-1][0]) if start + len(page) < len(keyed) else ""
    return [offer for _, _, offer in page], following


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


# ---- Brands ----


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


def brand(slug: str, *, mark: marks.Mark | None = None) -> BrandView:
    """Return a brand. Raises Missing. No query where the shelf is the same as when it was asked before."""
    found = marks.remembered(mark or marks.read(), ("brand", slug), lambda: _brand(slug))
    if found is None:
        raise Missing
    return found


def _brands() -> dict[int, _Brand]:
    return {key: _Brand(slug, name) for key, slug, name in Brand.objects.values_list("pk", "slug", "name")}


def _brand(slug: str) -> BrandView | None:
    row = Brand.objects.filter(slug=slug).first()
    return BrandView(row.slug, row.name, row.name_latin, row.country) if row else None


def _brand_facets(counts: Mapping[int, int], brands: Mapping[int, _Brand], chosen: set[str]) -> list[Facet]:
    facets = [Facet(brands[key].slug, brands[key].name, n, brands[key].slug in chosen) for key, n in counts.items()]
    return sorted(facets, key=lambda facet: (-facet.count, facet.title))
