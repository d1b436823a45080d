"""What pages, the API and the importer read of the catalogue. Every query here costs the same number of statements
whatever it finds; tests say how many."""

from peyman.shop.catalog.queries.cards import (
    Card,
    Standing,
    cards_of,
    cheaper_cards,
    home_rows,
    newest_cards,
    places,
    standing,
    with_pieces,
)
from peyman.shop.catalog.queries.files import export_rows, on_hand, reference, with_stock
from peyman.shop.catalog.queries.filters import Filter
from peyman.shop.catalog.queries.lists import SORTS, Ask, BrandView, CardPage, Facets, brand, composed, list_cards
from peyman.shop.catalog.queries.marks import Mark
from peyman.shop.catalog.queries.marks import read as mark
from peyman.shop.catalog.queries.product import (
    HISTORY,
    Glance,
    PriceStep,
    ProductPage,
    VariantView,
    glance,
    glance_beside,
    price_steps,
    product_page,
    variants_of,
    weights,
)
from peyman.shop.catalog.queries.tree import Crumb, Facet, drawings_of, top_categories

__all__ = [
    "HISTORY",
    "SORTS",
    "Ask",
    "BrandView",
    "Card",
    "CardPage",
    "Crumb",
    "Facet",
    "Facets",
    "Filter",
    "Glance",
    "Mark",
    "PriceStep",
    "ProductPage",
    "Standing",
    "VariantView",
    "brand",
    "cards_of",
    "cheaper_cards",
    "composed",
    "drawings_of",
    "export_rows",
    "glance",
    "glance_beside",
    "home_rows",
    "list_cards",
    "mark",
    "newest_cards",
    "on_hand",
    "places",
    "price_steps",
    "product_page",
    "reference",
    "standing",
    "top_categories",
    "variants_of",
    "weights",
    "with_pieces",
    "with_stock",
]
