"""What desks and commands read of pictures and videos. Pages read nothing here: a product carries its gallery."""

from peyman.shop.media.queries.desk import Progress, Row, by_hints, colors_of, gone_of, media_of, progress
from peyman.shop.media.queries.takedowns import Shower, file_named, is_down, products_of, showers, takedowns

__all__ = [
    "Progress",
    "Row",
    "Shower",
    "by_hints",
    "colors_of",
    "file_named",
    "gone_of",
    "is_down",
    "media_of",
    "products_of",
    "progress",
    "showers",
    "takedowns",
]
