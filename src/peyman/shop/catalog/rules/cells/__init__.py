"""One cell of a catalogue file: what it says, what had to be mended, or why it cannot be taken.

A reader returns a `Told`. Money is never guessed: what can be read in two ways is refused.
"""

from peyman.shop.catalog.rules.cells.attributes import MAX_ATTRIBUTES, attributes, json_object
from peyman.shop.catalog.rules.cells.codes import image_hint, sku, slug, word
from peyman.shop.catalog.rules.cells.dates import day
from peyman.shop.catalog.rules.cells.numbers import MAX_PRICE, age_mark, money, stock, weight
from peyman.shop.catalog.rules.cells.texts import clean, guarded, plain_text, spelled, title, unguarded
from peyman.shop.catalog.rules.cells.told import Cell, Told, refused

__all__ = [
    "MAX_ATTRIBUTES",
    "MAX_PRICE",
    "Cell",
    "Told",
    "age_mark",
    "attributes",
    "clean",
    "day",
    "guarded",
    "image_hint",
    "json_object",
    "money",
    "plain_text",
    "refused",
    "sku",
    "slug",
    "spelled",
    "stock",
    "title",
    "unguarded",
    "weight",
    "word",
]
