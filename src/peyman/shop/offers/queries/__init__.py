"""What is planned for prices, what waits for a second person, and every step that a price took."""

from peyman.shop.offers.queries.history import HistoryRow, export_rows, has_product, history, history_of_product
from peyman.shop.offers.queries.plans import ends_at, plan_by_code, plans, plans_of
from peyman.shop.offers.queries.variants import Row, find, in_category, one
from peyman.shop.offers.queries.waiting import counts, story, waiting

__all__ = [
    "HistoryRow",
    "Row",
    "counts",
    "ends_at",
    "export_rows",
    "find",
    "has_product",
    "history",
    "history_of_product",
    "in_category",
    "one",
    "plan_by_code",
    "plans",
    "plans_of",
    "story",
    "waiting",
]
