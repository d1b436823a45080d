"""The home page: the shop's own record first, then goods."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock
from peyman.promises import queries as promises
from peyman.shop.catalog import queries as catalog

_ROW = 4
_TOP_CATEGORIES = 8


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    context = {
        "record": promises.last_week(clock.now()),
        "categories": catalog.top_categories(_TOP_CATEGORIES),
        "cheaper": catalog.cheaper_cards(_ROW),
        "newest": catalog.newest_cards(2 * _ROW),
    }
    return render(request, "storefront/home.html", context)
