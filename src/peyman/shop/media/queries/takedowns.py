"""What was taken out of the world and why, and what a picture that a complaint names is shown by."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from peyman.shop.media import rules
from peyman.shop.media.models import MediaFile, ProductMedia, Takedown


@dataclass(frozen=True, slots=True)
class Shower:
    """A product that shows a file, or showed it; `alt` are its words there."""

    code: str
    title: str
    alt: str
    is_live: bool


def file_named(address: str) -> MediaFile | None:
    """Return the file that an address speaks of, None where there is none. One query."""
    key = rules.key_in(address)
    return MediaFile.objects.filter(key=key).first() if key else None


def is_down(key: str) -> bool:
    return MediaFile.objects.filter(key=key, state=MediaFile.State.DOWN).exists()


def showers(file: MediaFile) -> list[Shower]:
    """Return the products that show a file or let it stand for a video, those that do so now first. One query."""
    rows = ProductMedia.objects.filter(Q(file=file) | Q(poster=file)).select_related("product")
    found: dict[str, Shower] = {}
    for row in sorted(rows, key=lambda row: (row.removed_at is not None, row.product.code, row.pk)):
        product = row.product
        found.setdefault(product.code, Shower(product.code, product.title, row.alt, row.removed_at is None))
    return list(found.values())


def takedowns(*, before: int | None = None, limit: int = 50) -> list[Takedown]:
    """Return what was taken down, the last first, before this one. One query."""
    rows = Takedown.objects.select_related("file").order_by("-pk")
    return list((rows.filter(pk__lt=before) if before else rows)[:limit])


def products_of(rows: Sequence[Takedown]) -> dict[int, list[str]]:
    """Return takedown → codes of the products that showed its file once. One query."""
    shown = ProductMedia.objects.filter(file__in=[row.file_id for row in rows]).order_by("product__code")
    by_file: dict[int, list[str]] = {}
    for file_id, code in shown.values_list("file_id", "product__code").distinct():
        by_file.setdefault(file_id, []).append(code)
    return {row.pk: by_file.get(row.file_id, []) for row in rows}
