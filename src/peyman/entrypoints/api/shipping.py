"""Carriers."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from peyman.entrypoints.api import schemas
from peyman.entrypoints.api.guard import anyone
from peyman.shop.shipping import queries

router = Router(tags=["shipping"])


@router.get("/carriers", auth=anyone, response=schemas.CarrierList, operation_id="carriers")
def carriers(request: HttpRequest, asked: Query[schemas.CarriersAsk]) -> Any:
    """Carriers that go to a city, in their order; without a city, all of them."""
    return {
        "items": [
            {
                "slug": carrier.slug,
                "title": carrier.title,
                "note": carrier.note,
                "fee": carrier.fee,
                "is_express": carrier.is_express,
            }
            for carrier in queries.offered(asked.province, asked.city)
        ]
    }
