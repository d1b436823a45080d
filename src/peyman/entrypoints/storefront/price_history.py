"""The whole history of a product's prices, as a file to keep (D122)."""

import json
from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_safe

from peyman.entrypoints.sheets import answer, cell
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.shop.offers import queries
from peyman.shop.offers.queries import HistoryRow

_COLUMNS = ("sku", "at", "price_rial", "list_price_rial", "reason")


@require_safe
@carries_out("D122")
def price_history(request: HttpRequest, slug: str, kind: str) -> StreamingHttpResponse:
    """Stream every step that the prices of a product ever took, as CSV or as one JSON document. Two queries."""
    if not queries.has_product(slug):
        raise Missing
    rows = queries.history_of_product(slug)
    if kind == "json":
        response = StreamingHttpResponse(_json(slug, rows), content_type="application/json; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{slug}-prices.json"'
        return response
    told = ([row.sku, jalali.iso(row.at), row.price, row.list_price, cell(row.words)] for row in rows)
    return answer(f"{slug}-prices", _COLUMNS, told)


def _json(slug: str, rows: Iterator[HistoryRow]) -> Iterator[str]:
    yield f'{{"product": {json.dumps(slug)}, "currency": "IRR", "prices": ['
    between = ""
    for row in rows:
        told = {"sku": row.sku, "at": jalali.iso(row.at), "price": row.price, "list_price": row.list_price}
        yield between + "\n" + json.dumps({**told, "reason": row.words}, ensure_ascii=False)
        between = ","
    yield "\n]}\n"
