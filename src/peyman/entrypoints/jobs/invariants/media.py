"""Pictures and videos of goods: what is ready lies there, and products show what they were given."""

from datetime import datetime
from typing import Final

from django.conf import settings

from peyman.entrypoints.jobs.invariants.finding import Finding, check
from peyman.shop.catalog.models import Product
from peyman.shop.media import rules
from peyman.shop.media.actions.files import LEASE
from peyman.shop.media.actions.publishing import galleries
from peyman.shop.media.models import MediaFile, ProductMedia, Takedown

_FILES: Final = 5000  # about so many are looked for in one check
_PRODUCTS: Final = 400


@check("pictures_are_there")
def _files(now: datetime) -> Finding:
    """Whatever is ready lies in the folder of media, in each of its widths."""
    found = Finding()
    ready = MediaFile.objects.filter(state=MediaFile.State.READY)
    step = max(1, ready.count() // _FILES)
    for row in list(ready.order_by("pk"))[::step]:
        if row.kind == MediaFile.Kind.VIDEO:
            places = [rules.video_file(row.key, row.form)]
        else:
            places = [rules.picture_file(row.key, width) for width in rules.widths_of(row.width)]
        found.look(row.key, all((settings.MEDIA_ROOT / place).is_file() for place in places))
    return found


@check("what_was_taken_down_is_gone")
def _down(now: datetime) -> Finding:
    """Of a takedown that stands nothing lies in the folder but its mark, and no product shows it."""
    found = Finding()
    shown = set(ProductMedia.objects.filter(removed_at=None).values_list("file_id", flat=True))
    for row in Takedown.objects.filter(lifted_at=None, at__lt=now - 2 * LEASE).select_related("file").order_by("pk"):
        mark = settings.MEDIA_ROOT / rules.tombstone(row.file.key)
        there = set(mark.parent.glob(f"*{row.file.key}*"))
        found.look(row.file.key, there == {mark} and row.cleared_at is not None and row.file_id not in shown)
    return found


@check("products_show_what_they_were_given")
def _galleries(now: datetime) -> Finding:
    """What is written on a product is what its rows say, and nothing is shown that is not ready."""
    found = Finding()
    given = set(ProductMedia.objects.filter(removed_at=None).values_list("product_id", flat=True))
    written = set(Product.objects.exclude(picture="", gallery=[]).values_list("pk", flat=True))
    keys = sorted(given | written)
    for start in range(0, len(keys), _PRODUCTS):
        some = keys[start : start + _PRODUCTS]
        wanted = galleries(some)
        for pk, code, gallery, picture in Product.objects.filter(pk__in=some).values_list(
            "pk", "code", "gallery", "picture"
        ):
            found.look(code, (gallery, picture) == wanted[pk])
    return found
