"""The home page: the shop's own record first, then goods."""

from itertools import cycle

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.storefront import addresses, goods, kept, structured
from peyman.entrypoints.storefront.templatetags import fa
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
    """Show last week's promises, the late ones included, then goods. Four statements, whatever it shows."""
    now = clock.now()
    mark = catalog.mark()
    record = promises.last_week(now)
    notice = incidents.latest_state()
    rows = catalog.home_rows(2 * _ROW, _ROW, mark=mark)
    if offers.settle(((card.sku, card.offer_until) for card in rows.cards), now=now):
        mark = catalog.mark()
        rows = catalog.home_rows(2 * _ROW, _ROW, mark=mark)
    left = catalog.pieces(rows.cards, fa.FEW + 1)
    state = (mark, record, notice, left)
    page = kept.page("home", state, now)
    if page is None:
        tops = catalog.top_categories(_TOP_CATEGORIES, mark=mark)
        drawings = catalog.drawings_of([top.slug for top in tops], mark=mark)
        context = {
            "record": record,
            "categories": [(top, drawings[top.slug], tint) for top, tint in zip(tops, cycle(_TINTS), strict=False)],
            "offers": catalog.with_pieces(rows.offers, left),
            "cheaper": catalog.with_pieces(rows.cheaper, left),
            "newest": catalog.with_pieces(rows.newest, left),
            **({} if rows.newest else goods.stop_of_shop(now)),
            "notice": incidents.latest() if notice else None,
            "canonical": addresses.whole("/"),
            "summary": _SUMMARY,
            "share": {"kind": "website", "title": "پیمان، فروشگاهی که قولش ساعت دارد"},
            "data": structured.script(*structured.shop()),
        }
        until = goods.ends_at(rows.cards, now)
        page = kept.keep("home", state, request, "storefront/home.html", context, now=now, until=until)
    return kept.answer(request, page)
