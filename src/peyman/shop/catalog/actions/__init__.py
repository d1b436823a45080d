"""What changes the catalogue: files that come in, prices that move, sales that stop."""

from peyman.shop.catalog.actions.importing import CountStock, Report, import_records
from peyman.shop.catalog.actions.prices import set_prices
from peyman.shop.catalog.actions.reference import load_reference
from peyman.shop.catalog.actions.sale import switch_sale
from peyman.shop.catalog.actions.sample import load_sample

__all__ = [
    "CountStock",
    "Report",
    "import_records",
    "load_reference",
    "load_sample",
    "set_prices",
    "switch_sale",
]
