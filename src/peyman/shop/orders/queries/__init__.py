"""Orders as people, staff and doors read them."""

from peyman.shop.orders.queries.addresses import allowed_addresses
from peyman.shop.orders.queries.export import export_events, export_rows
from peyman.shop.orders.queries.own import (
    OrderCard,
    OrderLineView,
    OrderView,
    PaperView,
    RoadStep,
    by_link,
    get,
    list_of,
    view,
)
from peyman.shop.orders.queries.papers import PERSONAL, past_their_term

__all__ = [
    "PERSONAL",
    "OrderCard",
    "OrderLineView",
    "OrderView",
    "PaperView",
    "RoadStep",
    "allowed_addresses",
    "by_link",
    "export_events",
    "export_rows",
    "get",
    "list_of",
    "past_their_term",
    "view",
]
