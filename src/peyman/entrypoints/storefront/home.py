"""The home page: the shop's own record first, then goods."""

from itertools import cycle

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.storefront import addresses, goods, kept, structured
from peyman.market.incidents.queries import public as incidents
from peyman.promises import queries as promises
from peyman.shop.catalog import queries as catalog
from peyman.shop.offers import actions as offers

_ROW = 4
_TINTS = ("", "v4", "v2", "v3")  # decoration, as the drawings of goods
_TOP_CATEGORIES = 8
_SUMMARY = "پیمان فروشگاهی است که شرایط فروشش را نرم‌افزار اجرا می‌کند: زمان هر وعده را پیش از خرید می‌بینید."


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show last week's promises, the late ones included, then goods. Three statements, whatever it shows."""
    now = clock.now()
    record = promises.last_week(now)
    notice = incidents.latest_state()
    seen = goods.seen_again("home")
    page = kept.page("home", (seen, record, notice), now) if seen else None
    if page is None:
        mark = seen.standing.mark if seen else catalog.mark()
        rows = catalog.home_rows(2 * _ROW, _ROW, mark=mark)
        if offers.settle(((card.sku, card.offer_until) for card in rows.cards), now=now):
            mark = catalog.mark()
            rows = catalog.home_rows(2 * _ROW, _ROW, mark=mark)
        seen = goods.see(rows.cards, mark)
        rows = rows.with_pieces(seen.standing.left)
        tops = catalog.top_categories(_TOP_CATEGORIES, mark=mark)
        drawings = catalog.drawings_of([top.slug for top in tops], mark=mark)
        context = {
            "record": record,
            "categories": [(top, drawings[top.slug], tint) for top, tint in zip(tops, cycle(_TINTS), strict=False)],
            "offers": rows.offers,
            "cheaper": rows.cheaper,
            "newest": rows.newest,
            **({} if rows.newest else goods.stop_of_shop(now)),
            "notice": incidents.latest() if notice else None,
            "canonical": addresses.whole("/"),
            "summary": _SUMMARY,
            "share": {"kind": "website", "title": "پیمان، فروشگاهی که قولش ساعت دارد"},
            "data": structured.script(*structured.shop()),
        }
        page = kept.keep(
            "home",
            (seen, record, notice),
            request,
            "storefront/home.html",
            context,
            watches=seen.places,
            now=now,
            until=goods.ends_at(rows.cards, now),
        )
    return kept.answer(request, page)
