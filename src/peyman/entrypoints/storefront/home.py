"""The home page: the shop's own record first, then goods."""

from itertools import cycle

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock
from peyman.promises import queries as promises
from peyman.shop.catalog import queries as catalog

_ROW = 4
_TINTS = ("", "v4", "v2", "v3")  # decoration, as the drawings of goods
_TOP_CATEGORIES = 8


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    mark = catalog.mark()
    tops = catalog.top_categories(_TOP_CATEGORIES, mark=mark)
    drawings = catalog.drawings_of([top.slug for top in tops], mark=mark)
    context = {
        "record": promises.last_week(clock.now()),
        "categories": [(top, drawings[top.slug], tint) for top, tint in zip(tops, cycle(_TINTS), strict=False)],
        "cheaper": catalog.cheaper_cards(_ROW, mark=mark),
        "newest": catalog.newest_cards(2 * _ROW, mark=mark),
    }
    return render(request, "storefront/home.html", context)
