"""The page of one product: what it costs now and cost before, and what we would owe if it were ordered now.

It is kept whole (see `kept`), under all that one small statement says of it: a price, a piece or a switch that moved
makes it another page. What moves with the minute, the due times, is kept apart and filled in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from peyman.entrypoints import chart, clock
from peyman.entrypoints.storefront import addresses, kept, structured, visitor
from peyman.entrypoints.storefront.owed import Owed
from peyman.entrypoints.storefront.templatetags import fa
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.kernel.money import grouped, tomans
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import day_start, tehran_day
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import Reckoning, parameter
from peyman.shop.carts.queries import Holder, count_in_passing
from peyman.shop.catalog import queries
from peyman.shop.catalog.queries import Glance, PriceStep, ProductPage, VariantView, goods
from peyman.shop.catalog.rules.specs import SOURCES, source_words
from peyman.shop.media.rules import arranged
from peyman.shop.offers import actions as offers

_WINDOWS = (queries.HISTORY, timedelta(days=30))  # what prices are compared over, up to now
_FIRST_FACTS = 6


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


@dataclass(frozen=True)
class Fact:
    """A specification, and where it comes from (D113), "" where nobody wrote that down."""

    name: str
    value: str
    source: str


@require_safe
@carries_out("D37", "D113", "D115", "D122")
def product(request: HttpRequest, slug: str, title: str = "") -> HttpResponse:
    """Show one product. 410 for what is no longer sold: its history stays readable.

    One statement where the page is kept, which counts the pieces in the reader's cart as well. A title in the address
    that is not the product's (any more), and a slug that it once had, are sent on.
    """
    now = clock.now()
    try:
        seen = _glance(request, slug, now)
    except Missing:
        return _sent_on(request, slug)
    if title and title != addresses.titled(seen.title):
        return _moved(request, addresses.product(seen.slug, seen.title))
    asked = request.GET.get("sku", "")
    key = ("product", seen.slug, asked if asked and seen.has(asked) else "")
    terms = promises.by_hash(seen.terms, now)
    page = kept.page(key, seen.state, now)
    if page is None:  # none is kept beyond the end of an offer
        if offers.settle(((each.pk, each.offer_until) for each in seen.variants), now=now):
            seen = queries.glance(slug, now=now, most=fa.FEW + 1)
        page = _composed(request, key, seen, terms, now)
    return kept.answer(request, page, owed=lambda: _owed(seen, terms, now))


def _glance(request: HttpRequest, slug: str, now: datetime) -> Glance:
    """What decides the page; along with it the pieces in the cart of a reader who may have one."""
    holder = visitor.holder_in_passing(request)
    if holder == Holder():
        return queries.glance(slug, now=now, most=fa.FEW + 1)
    seen, pieces = queries.glance_beside(slug, count_in_passing(holder), now=now, most=fa.FEW + 1)
    visitor.note_count(request, pieces, of=holder)
    return seen


def _composed(
    request: HttpRequest, key: tuple[str, str, str], seen: Glance, terms: TermsVersion, now: datetime
) -> kept.Page:
    chosen = key[2] or _foremost(seen)
    page = queries.product_page(seen.slug, now=now, seen=seen, steps_of=chosen)
    variant = next((one for one in page.variants if one.sku == chosen), None)
    steps = variant.steps if variant else []
    drawn = chart.draw(
        [chart.Price(step.since, step.price, step.reason) for step in steps],
        begins=now - queries.HISTORY,
        now=now,
        until=variant.offer_until if variant else None,
    )
    facts = [Fact(name, value, source_words(page.sources.get(name))) for name, value in page.attributes.items()]
    is_sold = page.is_on_sale and variant is not None
    path = addresses.product(page.slug, page.title)
    shown = addresses.whole(structured.picture(page.picture)) if page.picture else ""
    context = {
        "terms": terms,
        "product": page,
        "variant": variant,
        "shots": arranged(page.gallery, variant.color if variant else ""),
        "axes": _axes(page, variant) if variant else [],
        "is_sold": is_sold,
        "offer_until": variant.offer_until if variant and variant.offer_until and variant.offer_until > now else None,
        "chart": drawn,
        "is_lowest": drawn is not None and drawn.lowest < drawn.highest and drawn.now == drawn.lowest,
        "changes": [(step, step.words) for step in reversed(steps)],
        "facts": facts[:_FIRST_FACTS],
        "attributes": facts,
        "source_of_all": SOURCES.get(page.spec_source, "") if not all(fact.source for fact in facts) else "",
        "is_sourced": any(fact.source for fact in facts),
        "owed": kept.opening("owed") if is_sold else "",
        "description": page.description.split("\n") if page.description else [],
        "few": fa.FEW,
        "canonical": addresses.whole(path),
        "summary": _summary(page, variant),
        "share": {"kind": "product", "title": fa.plain_prose(page.title), "picture": shown},
        "data": structured.script(structured.product(page, variant), structured.trail(page.crumbs, (path, page.title))),
    }
    return kept.keep(
        key,
        seen.state,
        request,
        "storefront/product.html",
        context,
        status=200 if page.is_on_sale or page.stopped_by in ("shop", "category") else 410,
        now=now,
        until=min(_changes(page, steps, now)),
    )


def _changes(page: ProductPage, steps: list[PriceStep], now: datetime) -> Iterator[datetime]:
    """When the page would read otherwise though nobody changes anything: what it tells of the past moves on."""
    yield day_start(tehran_day(now) + timedelta(days=1))
    for ended in steps[1:]:
        yield from (ended.since + window for window in _WINDOWS if ended.since + window > now)
    yield from (one.offer_until for one in page.variants if one.offer_until and one.offer_until > now)


def _summary(page: ProductPage, variant: VariantView | None) -> str:
    """One sentence for those who show a link to the page."""
    told = [page.title, f"برند {page.brand}"]
    if variant and page.is_on_sale:
        told.append(f"{grouped(tomans(variant.price))} تومان" if variant.available else "اکنون ناموجود")
    return fa.plain_prose("، ".join(told) + ". نمودار قیمت، مشخصات با منبع، و زمان هر قول پیش از خرید.")


@carries_out("D115")
def _sent_on(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead from an address that a product once had to where it is now. Raises Missing where none had it."""
    now_at = goods.moved_to(slug)
    if not now_at:
        raise Missing
    return _moved(request, f"/goods/{now_at}/")


def _moved(request: HttpRequest, path: str) -> HttpResponse:
    query = request.META.get("QUERY_STRING", "")
    moved = HttpResponsePermanentRedirect(f"{path}?{query}" if query else path)
    moved["Cache-Control"] = "no-cache"  # a browser keeps it for ever, and a title may change back
    return moved


def _foremost(seen: Glance) -> str:
    """The SKU of the cheapest variant that can be bought, else of the cheapest. "" where there is none."""
    offered = [each for each in seen.variants if each.is_on_sale or not seen.is_on_sale]
    best = min(offered, key=lambda each: (not (each.left and seen.is_on_sale), each.price), default=None)
    return best.sku if best else ""


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


# ---- What we would owe ----


def _owed(seen: Glance, terms: TermsVersion, now: datetime) -> SafeString:
    """The due times that would start now, rendered once for all products and for as long as they read the same."""
    state = (seen.terms, seen.calendar)
    html = kept.held("would owe", state, now)
    if html is None:
        reckoning = promises.numbered(seen.calendar) if seen.calendar else promises.reckoning()[1]
        owed, until = _would_owe(terms, reckoning, now)
        html = SafeString(render_to_string("storefront/parts/would_owe.html", {"owed": owed, "terms": terms}))
        kept.hold("would owe", state, html, now=now, until=until)
    return html


@carries_out("D22", "D24", "D30")
def _would_owe(terms: TermsVersion, reckoning: Reckoning, now: datetime) -> tuple[list[Owed], datetime]:
    """The promises that an order placed at this moment would start, and the first instant at which they read otherwise.

    Their words tell minutes, so that is when a minute is full, here or at one of the due times; or a pause begins or
    ends.
    """
    hours = terms.parameters
    changes = [_next_minute(now)]
    changes += [at for pause in reckoning.pauses for at in (pause.starts_at, pause.ends_at) if at and at > now]

    def until(clause: str, kind: str, name: str, hours_kind: str) -> str:
        due = reckoning.due(
            now, parameter(hours, name), hours_kind, clause=clause, kind=kind, province="", parameters=hours
        )
        changes.append(now + (_next_minute(due.at) - due.at))
        return "پس از پایان قوه قهریه" if due.held_since else fa.deadline(due.at)

    pro_forma = until("D24", "pro_forma", "pro_forma_hours", "calendar")
    processed = until("D22", "processing", "processing_hours", "working")
    early, late = parameter(hours, "refund_early_hours"), parameter(hours, "refund_hours")
    owed = [
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
    return owed, min(changes)


def _next_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0) + timedelta(minutes=1)
