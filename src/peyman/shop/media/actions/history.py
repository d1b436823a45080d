"""How the history of a product tells of its pictures: what it showed, what it shows, who changed it and why."""

from datetime import datetime

from peyman.shop.catalog.models import CatalogChange
from peyman.shop.media.models import MediaFile


def words(file: MediaFile, alt: str, color: str, poster: MediaFile | None = None) -> str:
    """Say what a product shows: «تصویر، «کتری برقی»، رنگ قرمز»."""
    parts = ["ویدیو" if file.kind == MediaFile.Kind.VIDEO else "تصویر", f"«{alt}»" if alt else "بی‌نوشته"]
    if color:
        parts.append(f"رنگ {color}")
    if poster is not None:
        parts.append(f"با تصویر {poster.key[:8]}")
    return "، ".join(parts)


def write(code: str, product_id: int, what: str, old: str, new: str, by: str, now: datetime, why: str = "") -> None:
    CatalogChange.objects.create(
        kind=CatalogChange.Kind.PRODUCT,
        key=code,
        product_id=product_id,
        field=f"media/{what[:12]}",
        old=old,
        new=new,
        why=why[:300],
        by=by[:120],
        at=now,
    )
