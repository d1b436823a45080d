"""Sitemaps: what there is to find, for search engines. Written as they are read, never held whole."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.sax.saxutils import escape

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from peyman.entrypoints.storefront import addresses
from peyman.kernel import jalali
from peyman.kernel.errors import Missing
from peyman.shop.catalog.queries import maps

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<{} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
_XML = "application/xml; charset=utf-8"
_PAGES = ("/", "/goods/", "/record/", "/terms/", "/official/", "/official/incidents/", "/rights/", "/order-road/")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Name the files: one of pages, one for each 50,000 products."""
    files: list[tuple[str, datetime | None]] = [("/sitemaps/pages.xml", None)]
    files += [(f"/sitemaps/goods-{number}.xml", last) for number, last in maps.files()]
    rows = "".join(f"<sitemap>{_place(path, last)}</sitemap>\n" for path, last in files)
    return HttpResponse(_HEAD.format("sitemapindex") + rows + "</sitemapindex>\n", content_type=_XML)


@require_safe
def pages(request: HttpRequest) -> HttpResponse:
    """List pages that are no product: our own, categories, brands."""
    paths = [*_PAGES, *map(addresses.category, maps.categories()), *map(addresses.brand, maps.brands())]
    return HttpResponse(list(_urls((path, None) for path in paths)), content_type=_XML)


@require_safe
def goods(request: HttpRequest, number: int) -> StreamingHttpResponse:
    """List the products of one file. Raises Missing for a file that the index does not name."""
    if number not in {number for number, _ in maps.files()}:
        raise Missing
    rows = ((addresses.product(one.slug, one.title), one.changed_at) for one in maps.goods_of(number))
    return StreamingHttpResponse(_urls(rows), content_type=_XML)


def _urls(rows: Iterable[tuple[str, datetime | None]]) -> Iterator[str]:
    yield _HEAD.format("urlset")
    for path, changed_at in rows:
        yield f"<url>{_place(path, changed_at)}</url>\n"
    yield "</urlset>\n"


def _place(path: str, changed_at: datetime | None) -> str:
    when = f"<lastmod>{jalali.iso(changed_at)}</lastmod>" if changed_at else ""
    return f"<loc>{escape(addresses.whole(path))}</loc>{when}"
