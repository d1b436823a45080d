"""The limit of `peyman bench pages`: a view that no shop has, in a web process of the bench's own.

Same server, same middlewares; one row read by its primary key with a bare cursor, and bytes that lie ready, as many as
the page that is measured; counted as a reading of the catalogue, as that is. `jobs.otherwise --addresses` makes a web
process that has it.
"""

from importlib import import_module

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

_ready: dict[int, bytes] = {}


def limit(request: HttpRequest, key: int, size: int) -> HttpResponse:
    """Answer with `size` bytes of a page, after one look at a product's version."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM catalog_product WHERE id = %s", [key])
        cursor.fetchone()
    body = _ready.get(size)
    if body is None:
        body = _ready[size] = (b"<p>" + b"%05d " * (size // 6) % tuple(range(size // 6))).ljust(size)[:size]
    return HttpResponse(body)


# Beside the shop's own addresses, as many steps from the root as they are.
_shop = import_module("peyman.config.urls").urlpatterns
urlpatterns = [path("goods/limit-<int:key>-<int:size>/", limit), *_shop]
handler404 = "peyman.entrypoints.storefront.errors.not_found"
