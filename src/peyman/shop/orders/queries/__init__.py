"""Orders as people, staff and doors read them."""

from peyman.shop.orders.queries.addresses import allowed_addresses
from peyman.shop.orders.queries.board import NEEDS, SHELVES, Counts, Day, Page, Row, Sift, counts, days, needs, page
from peyman.shop.orders.queries.export import export_events, export_rows
from peyman.shop.orders.queries.file import FileLine, OrderFile, Particulars, file_of, particulars
from peyman.shop.orders.queries.own import (
    CancellationView,
    OrderCard,
    OrderLineView,
    OrderView,
    PaperView,
    RequestView,
    RoadStep,
    by_link,
    get,
    list_of,
    open_request,
    payable_of,
    view,
)
from peyman.shop.orders.queries.papers import PERSONAL, past_their_term
from peyman.shop.orders.queries.search import by_number
from peyman.shop.orders.queries.shortages import Shortage, Shortages, Wanting, shortages

__all__ = [
    "NEEDS",
    "PERSONAL",
    "SHELVES",
    "CancellationView",
    "Counts",
    "Day",
    "FileLine",
    "OrderCard",
    "OrderFile",
    "OrderLineView",
    "OrderView",
    "Page",
    "PaperView",
    "Particulars",
    "RequestView",
    "RoadStep",
    "Row",
    "Shortage",
    "Shortages",
    "Sift",
    "Wanting",
    "allowed_addresses",
    "by_link",
    "by_number",
    "counts",
    "days",
    "export_events",
    "export_rows",
    "file_of",
    "get",
    "list_of",
    "needs",
    "open_request",
    "page",
    "particulars",
    "past_their_term",
    "payable_of",
    "shortages",
    "view",
]
