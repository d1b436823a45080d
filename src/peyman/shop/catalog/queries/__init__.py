"""What pages, the API and the importer read of the catalogue. Every query here costs the same number of statements
whatever it finds; tests say how many."""

from peyman.shop.catalog.queries.files import export_rows, on_hand, reference, with_stock
from peyman.shop.catalog.queries.lists import (
    SORTS,
    Card,
    CardPage,
    Crumb,
    Facet,
    Facets,
    cards_of,
    cheaper_cards,
    drawings_of,
    list_cards,
    newest_cards,
    top_categories,
)
from peyman.shop.catalog.queries.marks import read as mark
from peyman.shop.catalog.queries.product import (
    HISTORY,
    PriceStep,
    ProductPage,
    VariantView,
    price_steps,
    product_page,
    variants_of,
    weights,
)

__all__ = [
    "HISTORY",
    "SORTS",
    "Card",
    "CardPage",
    "Crumb",
    "Facet",
    "Facets",
    "PriceStep",
    "ProductPage",
    "VariantView",
    "cards_of",
    "cheaper_cards",
    "drawings_of",
    "export_rows",
    "list_cards",
    "mark",
    "newest_cards",
    "on_hand",
    "price_steps",
    "product_page",
    "reference",
    "top_categories",
    "variants_of",
    "weights",
    "with_stock",
]
