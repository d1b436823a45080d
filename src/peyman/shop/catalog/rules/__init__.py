"""What a catalogue file may say, what its goods are called, and how they are drawn. Plain functions on plain values."""

from peyman.shop.catalog.rules.drawing import PLAIN_BOX, drawing_of, drawings
from peyman.shop.catalog.rules.naming import search_texts, slug_of
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

__all__ = [
    "COLUMNS",
    "OWN_COLUMNS",
    "PLAIN_BOX",
    "BrandNames",
    "CategoryName",
    "FileReader",
    "Goods",
    "Reading",
    "Reference",
    "Row",
    "drawing_of",
    "drawings",
    "read_record",
    "search_texts",
    "slug_of",
]
