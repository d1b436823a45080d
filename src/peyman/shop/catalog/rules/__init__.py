"""What a catalogue file may say, what its goods are called, and how they are drawn. Plain functions on plain values."""

from peyman.shop.catalog.rules.drawing import PLAIN_BOX, drawing_of, drawings, tint_of
from peyman.shop.catalog.rules.naming import position_of, slug_of
from peyman.shop.catalog.rules.prices import MAX_PRICE, OFFER, PriceInvalid, check_price, lowest_since
from peyman.shop.catalog.rules.records import (
    COLUMNS,
    OWN_COLUMNS,
    BrandNames,
    CategoryName,
    FileReader,
    Goods,
    Reading,
    Reference,
    Row,
    read_record,
)
from peyman.shop.catalog.rules.wording import reason_words

__all__ = [
    "COLUMNS",
    "MAX_PRICE",
    "OFFER",
    "OWN_COLUMNS",
    "PLAIN_BOX",
    "BrandNames",
    "CategoryName",
    "FileReader",
    "Goods",
    "PriceInvalid",
    "Reading",
    "Reference",
    "Row",
    "check_price",
    "drawing_of",
    "drawings",
    "lowest_since",
    "position_of",
    "read_record",
    "reason_words",
    "slug_of",
    "tint_of",
]
