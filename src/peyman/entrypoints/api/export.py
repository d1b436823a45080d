"""Goods for who has a licence (D19): in portions, each a stream, in the order of their codes' making."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router
from ninja.security import APIKeyHeader
from pydantic import Field

from peyman.entrypoints import clock, limits
from peyman.entrypoints.api import schemas
from peyman.kernel.clauses import carries_out
from peyman.shop.catalog.rules.cells import guarded
from peyman.shop.licences import actions, queries
from peyman.shop.licences.rules import LicenceNeeded

PATH = "/api/v1/export/products"
MOST = 1000  # goods in one answer

_COLUMNS = (
    "code", "slug", "title", "title_latin", "brand", "category",
    "sku", "color", "size", "warranty", "price", "list_price", "price_basis", "available",
)  # fmt: skip
_OF_PRODUCT = _COLUMNS[:6]


class ExportAsk(schemas.Taken):
    after: schemas.Words = Field("", description='`code` of the last product that you have; "" for the start.')
    limit: int = Field(500, ge=1, le=MOST)
    format: Literal["jsonl", "csv"] = Field("jsonl", description="A product a line, or a variant a line.")


class LicenceKey(APIKeyHeader):
    """Lets in who holds the key of a licence; what it opens is decided in one transaction with what it takes."""

    param_name = "X-Licence-Key"

    def authenticate(self, request: HttpRequest, key: str | None) -> str:
        if key and len(key) <= 200 and key.isascii() and queries.is_key(key):
            return key
        limits.spend(limits.a_minute("wrong_token"), limits.caller(request), clock.now())
        raise LicenceNeeded(mail=settings.MAIL_FROM)


router = Router(tags=["licences"], auth=LicenceKey())

_LINES = {
    "description": "Goods on sale at this moment's price and stock. `Link` with rel=next leads on, if there is more.",
    "content": {
        "application/x-ndjson": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
    },
}


@router.get(
    "/export/products", response=None, operation_id="export_products", openapi_extra={"responses": {200: _LINES}}
)
@carries_out("D19")
def export_products(request: HttpRequest, asked: Query[ExportAsk]) -> Any:
    """Take goods by machine, with a licence. A stream that broke goes on with `after` = the last whole line's code."""
    key: str = request.auth  # type: ignore[attr-defined]  # set by ninja
    pks, more = queries.batch(queries.after(asked.after), asked.limit)
    actions.spend(key=key, goods=len(pks), format=asked.format, mail=settings.MAIL_FROM, now=clock.now())
    records = queries.records(pks)
    lines = _csv(records) if asked.format == "csv" else _json(records)
    kind = "text/csv; charset=utf-8" if asked.format == "csv" else "application/x-ndjson"
    response = StreamingHttpResponse((line.encode() for line in lines), content_type=kind)
    if more:
        follows = {"after": queries.code_of(pks[-1]), "limit": asked.limit, "format": asked.format}
        response["Link"] = f'<{settings.PUBLIC_URL}{PATH}?{urlencode(follows)}>; rel="next"'
    return response


def _json(records: Iterator[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        yield json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def _csv(records: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield _row(_COLUMNS)
    for record in records:
        for variant in record["variants"]:
            whole = {**{name: record[name] for name in _OF_PRODUCT}, **variant}
            yield _row([guarded(str(whole[name])) for name in _COLUMNS])


def _row(cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
