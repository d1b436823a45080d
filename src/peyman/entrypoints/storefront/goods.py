"""Lists of goods with their facets: all, of a category, of a brand, searched.

What is not searched is kept whole (see `kept`), under the mark of the shelf and the pieces that it shows.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, QueryDict
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock, searches
from peyman.entrypoints.storefront import addresses, kept, structured
from peyman.entrypoints.storefront.templatetags import fa
from peyman.kernel.errors import Missing
from peyman.kernel.text import has_controls, normalise, whole_number
from peyman.promises import queries as promises
from peyman.shop.catalog import queries
from peyman.shop.catalog.queries import Ask, BrandView, Card, CardPage, Facet, Filter
from peyman.shop.catalog.queries.sale import shop_stopped_at
from peyman.shop.catalog.rules.filters import LONGEST_ASKED
from peyman.shop.offers import actions as offers

_SORTS = (
    ("relevant", "مرتبط‌ترین"),
    ("newest", "تازه‌ترین"),
    ("cheapest", "ارزان‌ترین"),
    ("dearest", "گران‌ترین"),
    ("discount", "بیشترین تخفیف"),
)
_MOST_BRANDS = 12
_MOST_SPECS = 60  # read of an address; how many of them narrow is for the catalogue to say
_LONGEST_SPEC = LONGEST_ASKED + 1  # so that what is too long is seen to be
_MOST_OPEN = 4  # filters by what goods are, opened unasked
_LIMIT = 24
_TOPS = 8  # categories proposed to who found nothing


# ---- The list ----


@dataclass(frozen=True)
class Asked:
    """What was asked of the list, as read from the address. Prices in toman, as people type them."""

    q: str
    category: str
    brands: tuple[str, ...]
    available: bool
    low: int | None
    high: int | None
    sort: str
    at_brand: str = ""  # the brand whose own page this is
    specs: tuple[str, ...] = ()  # "name:value", by what goods are
    after: str = ""

    @cached_property
    def ask(self) -> Ask:
        """The same as the catalogue takes it."""
        return Ask(
            q=self.q,
            category=self.category,
            of_brand=self.at_brand,
            brands=self.brands,
            specs=self.specs,
            available_only=self.available,
            price_min=self.low * 10 if self.low is not None else None,
            price_max=self.high * 10 if self.high is not None else None,
            sort=self.sort,
            after=self.after,
            limit=_LIMIT,
        )

    @property
    def path(self) -> str:
        """Where this list lives: a category and a brand have addresses of their own, a search is everywhere."""
        if self.at_brand:
            return addresses.brand(self.at_brand)
        return addresses.category(self.category) if self.category and not self.q else "/goods/"

    @property
    def is_plain(self) -> bool:
        """Say whether this is the whole list of its address, in its own order."""
        return self.url() == self.path

    def url(self, **changes: object) -> str:
        """Return the address of this list with something changed; the page begins anew."""
        if "category" in changes:  # a brand's page leads to the category, narrowed to the brand
            brands = (self.at_brand, *self.brands) if self.at_brand else self.brands
            there = replace(self, category=str(changes.pop("category")), brands=brands, at_brand="")
            return there.url(**changes)
        now = {
            "q": self.q,
            "category": self.category if self.q else "",
            "brand": list(self.brands),
            "spec": list(self.specs),
            "available": "1" if self.available else "",
            "min": self.low,
            "max": self.high,
            "sort": self.sort if self.sort != self.default_sort else "",
        } | changes
        said = {name: value for name, value in now.items() if value not in ("", None, [])}
        return self.path + (f"?{urlencode(said, doseq=True, safe=':')}" if said else "")

    @property
    def default_sort(self) -> str:
        return "relevant" if self.q else "newest"


@dataclass(frozen=True)
class Link:
    url: str
    title: str
    current: bool = False
    count: int = 0


@require_safe
def goods(request: HttpRequest) -> HttpResponse:
    """Show a page of goods: searched, narrowed, sorted; what is sold out last."""
    asked = _asked(request)
    if asked.category and not asked.q:  # where categories once were
        if slugify(asked.category) != asked.category:
            raise Missing
        return HttpResponsePermanentRedirect(asked.url(after=request.GET.get("after", "")))
    return _listed(request, asked)


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a page of a category's goods, with all below it."""
    return _listed(request, _asked(request, category=slug))


@require_safe
def brand(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who makes them, and a page of a brand's goods."""
    return _listed(request, _asked(request, at_brand=slug))


def _listed(request: HttpRequest, asked: Asked) -> HttpResponse:
    """Answer with a list. One statement where it is kept: the mark of the shelf, with the pieces that are left."""
    now = clock.now()
    key = ("list", asked.ask)
    seen = None if asked.q else seen_again(key)
    page = kept.page(key, seen, now) if seen else None
    if page is None:
        mark = seen.standing.mark if seen else queries.mark()
        maker = queries.brand(asked.at_brand, mark=mark) if asked.at_brand else None
        found = queries.composed(asked.ask, mark=mark)
        if offers.settle(((card.sku, card.offer_until) for card in found.items), now=now):
            mark = queries.mark()
            found = queries.composed(asked.ask, mark=mark)
        seen = see(found.items, mark)
        found = replace(found, items=queries.with_pieces(found.items, seen.standing.left))
        if asked.q:
            return _searched(request, asked, found, mark, now)
        page = kept.keep(
            key,
            seen,
            request,
            "storefront/goods.html",
            _context(asked, found, maker, now),
            watches=seen.places,
            now=now,
            until=ends_at(found.items, now),
        )
    return kept.answer(request, page)


def _searched(request: HttpRequest, asked: Asked, found: CardPage, mark: queries.Mark, now: datetime) -> HttpResponse:
    if not asked.after:
        searches.note(asked.q, found.total, now)
    tops = queries.top_categories(_TOPS, mark=mark) if not found.items else ()
    return render(request, "storefront/goods.html", {**_context(asked, found, None, now), "tops": tops})


class Seen(NamedTuple):
    """What a page with cards is made of: whose pieces it tells, and how they stand."""

    places: str
    standing: queries.Standing


def see(cards: Sequence[Card], mark: queries.Mark) -> Seen:
    """Return how these cards stand, composed under `mark`. One statement."""
    places = queries.places(cards)
    return Seen(places, queries.Standing(*mark, queries.standing(places, fa.FEW + 1).pieces))


def seen_again(key: Hashable) -> Seen | None:
    """Return how the cards of the page that is kept under `key` stand now, None where none is. One statement."""
    places = kept.watched(key)
    return None if places is None else Seen(places, queries.standing(places, fa.FEW + 1))


def stop_of_shop(now: datetime) -> dict[str, object]:
    """What a page without goods tells of a stop of all sale (D25), {} where there is none. Two statements."""
    since = shop_stopped_at()
    return {"stopped_since": since, "terms": promises.terms_in_force(now)} if since else {}


def ends_at(cards: Sequence[Card], now: datetime) -> datetime | None:
    """Return when the first of the offers on these cards ends; None where none runs."""
    return min((card.offer_until for card in cards if card.offer_until and card.offer_until > now), default=None)


def _context(asked: Asked, found: CardPage, maker: BrandView | None, now: datetime) -> dict[str, object]:
    heading = _heading(asked, found, maker)
    asked = replace(asked, specs=tuple(each.typed for each in found.taken))  # what narrows nothing leads nowhere
    return {
        "q": asked.q,
        "asked": asked,
        "found": found,
        "cards": found.items,
        **({} if found.total else stop_of_shop(now)),
        "heading": heading,
        "maker": maker,
        "crumbs": [Link(addresses.category(crumb.slug), crumb.title) for crumb in found.crumbs],
        "categories": [
            Link(asked.url(category=facet.slug), facet.title, count=facet.count) for facet in found.facets.categories
        ],
        "brands": [] if asked.at_brand else _brands(found.facets.brands),
        "more_brands": max(0, len(found.facets.brands) - _MOST_BRANDS),
        "filters": _filters(found.facets.filters),
        "passed_over": _told_apart(found.passed_over),
        "chips": _chips(asked, found),
        "sorts": [
            Link(asked.url(sort=sort if sort != asked.default_sort else ""), title, sort == asked.sort)
            for sort, title in _SORTS
            if sort != "relevant" or asked.q
        ],
        "next_url": asked.url(after=found.next) if found.next else "",
        "clear_url": asked.path + (f"?{urlencode({'q': asked.q})}" if asked.q else ""),
        "is_first": not asked.after,
        "canonical": addresses.whole(asked.url(after=asked.after) if asked.is_plain and asked.after else asked.path),
        "is_searched": bool(asked.q),
        "summary": "" if asked.q else f"{heading}: {fa.number(found.total)} کالا با قیمت و موجودی همین لحظه.",
        "share": {"kind": "website", "title": fa.plain_prose(heading)},
        "data": "" if asked.q else _data(asked, found, maker),
    }


def _data(asked: Asked, found: CardPage, maker: BrandView | None) -> str:
    last = (asked.path, maker.name) if maker else ("/goods/", "کالاها") if not found.crumbs else None
    things = [structured.trail(found.crumbs, last)]
    if maker:
        things.append(structured.brand(maker))
    return structured.script(*things)


def _asked(request: HttpRequest, *, category: str = "", at_brand: str = "") -> Asked:
    """Return what an address asks for; on the page of a category or of a brand nothing is searched."""
    query = request.META.get("QUERY_STRING", "")
    read = _read_again if len(query) <= _LONGEST_KEPT else _read
    return read(query, category, at_brand)


def _read(query: str, category: str, at_brand: str) -> Asked:
    get = QueryDict(query.encode("iso-8859-1"))  # as it came over the line
    q = "" if category or at_brand else normalise(get.get("q", "")[:100])
    sort = get.get("sort", "")
    default = "relevant" if q else "newest"
    specs = get.getlist("spec")[:_MOST_SPECS]
    brands = [] if at_brand else get.getlist("brand")[:20]
    return Asked(
        q=q,
        category="" if at_brand else category or get.get("category", "")[:80],
        brands=tuple(dict.fromkeys(filter(None, (normalise(slug[:80]) for slug in brands)))),
        available=get.get("available") == "1",
        low=_toman(get.get("min", "")),
        high=_toman(get.get("max", "")),
        sort=sort if sort in dict(_SORTS) and (sort != "relevant" or q) else default,
        at_brand=at_brand,
        specs=tuple(dict.fromkeys(filter(None, (normalise(each[:_LONGEST_SPEC]) for each in specs)))),
        after=get.get("after", "")[:200],
    )


_LONGEST_KEPT = 500  # characters of an address: what strangers send fills no memory
_read_again = lru_cache(maxsize=1024)(_read)


def _toman(typed: str) -> int | None:
    """A price as people type it; nothing for what is none."""
    try:
        amount = whole_number(typed.replace("٬", "").replace(",", ""))
    except ValueError:
        return None
    return amount if 0 <= amount <= 10**12 else None


def _heading(asked: Asked, found: CardPage, maker: BrandView | None) -> str:
    if asked.q:
        return f"جست‌وجوی «{asked.q}»"
    if maker:
        return f"کالاهای {maker.name}"
    return found.crumbs[-1].title if found.crumbs else "همه کالاها"


def _brands(facets: Sequence[Facet]) -> list[Facet]:
    """The brands with the most goods, and those that are chosen."""
    return [facet for place, facet in enumerate(facets) if place < _MOST_BRANDS or facet.chosen]


@dataclass(frozen=True)
class Group:
    """A filter as the page shows it."""

    filter: Filter
    is_open: bool  # unasked, where there is room


def _filters(filters: Sequence[Filter]) -> list[Group]:
    return [Group(one, place < _MOST_OPEN) for place, one in enumerate(filters)]


def _told_apart(passed_over: Sequence[str]) -> tuple[list[str], int]:
    """What of the address narrows nothing, as far as it is worth repeating, and how many more there are."""
    readable = [each for each in passed_over if len(each) <= _READABLE and not has_controls(each)][:_MOST_REPEATED]
    return readable, len(passed_over) - len(readable)


_READABLE, _MOST_REPEATED = 60, 3


def _chips(asked: Asked, found: CardPage) -> list[Link]:
    """What is chosen, each with the address that takes it away."""
    titles = {facet.slug: facet.title for facet in found.facets.brands}
    chips = [
        Link(asked.url(brand=[other for other in asked.brands if other != slug]), titles.get(slug, slug))
        for slug in asked.brands
    ]
    chips += [
        Link(asked.url(spec=[other for other in asked.specs if other != each.typed]), f"{each.name}: {each.title}")
        for each in found.taken
    ]
    if asked.q and asked.category and found.crumbs:
        chips.append(Link(asked.url(category=""), found.crumbs[-1].title))
    if asked.available:
        chips.append(Link(asked.url(available=""), "فقط موجود"))
    if asked.low is not None:
        chips.append(Link(asked.url(min=None), f"از {fa.number(asked.low)} تومان"))
    if asked.high is not None:
        chips.append(Link(asked.url(max=None), f"تا {fa.number(asked.high)} تومان"))
    return chips
