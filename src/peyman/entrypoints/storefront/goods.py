"""Goods: the list with its facets, and the page of one product."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.storefront import chart
from peyman.entrypoints.storefront.owed import Owed
from peyman.entrypoints.storefront.templatetags import fa
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import normalise, persian_digits, whole_number
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.catalog import queries
from peyman.shop.catalog.queries import CardPage, Facet, ProductPage, VariantView

_SORTS = (
    ("relevant", "مرتبط‌ترین"),
    ("newest", "تازه‌ترین"),
    ("cheapest", "ارزان‌ترین"),
    ("dearest", "گران‌ترین"),
    ("discount", "بیشترین تخفیف"),
)
_MOST_BRANDS = 12
_LIMIT = 24


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

    def url(self, **changes: object) -> str:
        """Return the address of this list with something changed; the page begins anew."""
        now = {
            "q": self.q,
            "category": self.category,
            "brand": list(self.brands),
            "available": "1" if self.available else "",
            "min": self.low,
            "max": self.high,
            "sort": self.sort if self.sort != self.default_sort else "",
        } | changes
        kept = {name: value for name, value in now.items() if value not in ("", None, [])}
        return "/goods/" + (f"?{urlencode(kept, doseq=True)}" if kept else "")

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
    found = queries.list_cards(
        q=asked.q,
        category=asked.category,
        brand=list(asked.brands),
        available_only=asked.available,
        price_min=asked.low * 10 if asked.low is not None else None,
        price_max=asked.high * 10 if asked.high is not None else None,
        sort=asked.sort,
        after=request.GET.get("after", ""),
        limit=_LIMIT,
    )
    context = {
        "q": asked.q,
        "asked": asked,
        "found": found,
        "heading": _heading(asked, found),
        "crumbs": [Link(f"/goods/?category={crumb.slug}", crumb.title) for crumb in found.crumbs],
        "categories": [
            Link(asked.url(category=facet.slug), facet.title, count=facet.count) for facet in found.facets.categories
        ],
        "brands": _brands(found.facets.brands),
        "more_brands": max(0, len(found.facets.brands) - _MOST_BRANDS),
        "chips": _chips(asked, found),
        "sorts": [
            Link(asked.url(sort=sort if sort != asked.default_sort else ""), title, sort == asked.sort)
            for sort, title in _SORTS
            if sort != "relevant" or asked.q
        ],
        "next_url": asked.url(after=found.next) if found.next else "",
        "clear_url": "/goods/" + (f"?{urlencode({'q': asked.q})}" if asked.q else ""),
        "is_first": not request.GET.get("after"),
    }
    return render(request, "storefront/goods.html", context)


def _asked(request: HttpRequest) -> Asked:
    get = request.GET
    q = normalise(get.get("q", "")[:100])
    sort = get.get("sort", "")
    default = "relevant" if q else "newest"
    return Asked(
        q=q,
        category=get.get("category", "")[:80],
        brands=tuple(dict.fromkeys(slug[:80] for slug in get.getlist("brand")[:20] if slug)),
        available=get.get("available") == "1",
        low=_toman(get.get("min", "")),
        high=_toman(get.get("max", "")),
        sort=sort if sort in dict(_SORTS) and (sort != "relevant" or q) else default,
    )


def _toman(typed: str) -> int | None:
    """A price as people type it; nothing for what is none."""
    try:
        amount = whole_number(typed.replace("٬", "").replace(",", ""))
    except ValueError:
        return None
    return amount if 0 <= amount <= 10**12 else None


def _heading(asked: Asked, found: CardPage) -> str:
    if asked.q:
        return f"جست‌وجوی «{asked.q}»"
    return found.crumbs[-1].title if found.crumbs else "همه کالاها"


def _brands(facets: Sequence[Facet]) -> list[Facet]:
    """The brands with the most goods, and those that are chosen."""
    return [facet for place, facet in enumerate(facets) if place < _MOST_BRANDS or facet.chosen]


def _chips(asked: Asked, found: CardPage) -> list[Link]:
    """What is chosen, each with the address that takes it away."""
    titles = {facet.slug: facet.title for facet in found.facets.brands}
    chips = [
        Link(asked.url(brand=[other for other in asked.brands if other != slug]), titles.get(slug, slug))
        for slug in asked.brands
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


# ---- One product ----


@dataclass(frozen=True)
class Choice:
    """One value of an axis (colour, size, warranty), and the variant it leads to."""

    title: str
    sku: str
    current: bool
    gone: bool


@dataclass(frozen=True)
class Axis:
    title: str
    chosen: str
    choices: list[Choice]


@require_safe
@carries_out("D37", "D122")
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one product: what it costs now and cost before, and what we would owe if it were ordered now.

    410 for what is no longer sold: its history stays readable.
    """
    now = clock.now()
    page = queries.product_page(slug, now=now)
    terms = promises.terms_in_force(now)
    variant = _chosen(page, request.GET.get("sku", ""))
    steps = variant.steps if variant else []
    drawn = chart.draw([chart.Price(step.since, step.price) for step in steps], begins=now - queries.HISTORY, now=now)
    attributes = list(page.attributes.items())
    is_sold = page.is_on_sale and variant is not None
    context = {
        "terms": terms,
        "product": page,
        "variant": variant,
        "axes": _axes(page, variant) if variant else [],
        "is_sold": is_sold,
        "chart": drawn,
        "is_lowest": drawn is not None and drawn.lowest < drawn.highest and drawn.now == drawn.lowest,
        "changes": [(step, step.words) for step in reversed(steps)],
        "facts": attributes[:6],
        "attributes": attributes if len(attributes) > 6 else [],
        "owed": _would_owe(terms, now) if is_sold else [],
        "description": page.description.split("\n") if page.description else [],
    }
    return render(request, "storefront/product.html", context, status=200 if page.is_on_sale else 410)


def _chosen(page: ProductPage, sku: str) -> VariantView | None:
    """The variant asked for; else the cheapest that can be bought, else the cheapest. None where there is none."""
    asked = next((variant for variant in page.variants if variant.sku == sku), None)
    offered = [variant for variant in page.variants if variant.is_on_sale or not page.is_on_sale]
    return asked or min(offered, key=lambda variant: (not variant.available, variant.price), default=None)


def _axes(page: ProductPage, chosen: VariantView) -> list[Axis]:
    """What can be chosen, one axis each; a value leads to the variant that differs in nothing else, if there is one."""
    axes = []
    names = {"color": "رنگ", "size": "اندازه", "warranty": "گارانتی"}
    offered = [variant for variant in page.variants if variant.is_on_sale or variant is chosen]
    for name, title in names.items():
        values = dict.fromkeys(getattr(variant, name) for variant in offered)
        if len(values) < 2:
            continue
        others = [other for other in names if other != name]
        choices = []
        for value in values:
            with_it = [variant for variant in offered if getattr(variant, name) == value]
            to = max(
                with_it,
                key=lambda variant: (
                    sum(getattr(variant, other) == getattr(chosen, other) for other in others),
                    variant.available > 0,
                ),
            )
            choices.append(Choice(value or "بدون آن", to.sku, value == getattr(chosen, name), to.available == 0))
        axes.append(Axis(title, getattr(chosen, name), choices))
    return axes


@carries_out("D22", "D24", "D30")
def _would_owe(terms: TermsVersion, now: datetime) -> list[Owed]:
    """The promises that an order placed at this moment would start, by the terms in force."""
    _, reckoning = promises.reckoning()
    hours = terms.parameters

    def until(clause: str, kind: str, name: str, hours_kind: str) -> str:
        due = reckoning.due(
            now, parameter(hours, name), hours_kind, clause=clause, kind=kind, province="", parameters=hours
        )
        return "پس از پایان قوه قهریه" if due.held_since else fa.deadline(due.at)

    pro_forma = until("D24", "pro_forma", "pro_forma_hours", "calendar")
    processed = until("D22", "processing", "processing_hours", "working")
    early, late = parameter(hours, "refund_early_hours"), parameter(hours, "refund_hours")
    return [
        Owed("next", "", "پیش‌فاکتور", pro_forma, "", "D24"),
        Owed("next", "", "پردازش سفارش، اگر همین حالا قطعی شود", processed, "", "D22"),
        Owed(
            "next",
            "",
            "اگر موجودی تمام شود، بازگشت وجه",
            format_html("{} تا {} ساعت کاری", persian_digits(early), persian_digits(late)),
            "",
            "D30",
        ),
    ]
