"""What desks and commands read of pictures and videos. Pages read nothing here: a product carries its gallery."""

from peyman.shop.media.queries.desk import Progress, Row, by_hints, colors_of, gone_of, media_of, progress

__all__ = ["Progress", "Row", "by_hints", "colors_of", "gone_of", "media_of", "progress"]
