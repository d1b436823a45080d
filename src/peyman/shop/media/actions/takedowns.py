"""A picture or a video is taken out of the world: off every product at once, and its files deleted by whoever can."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from peyman.kernel.errors import Missing
from peyman.shop.catalog.models import Product
from peyman.shop.media import rules
from peyman.shop.media.actions.files import LEASE
from peyman.shop.media.actions.history import words, write
from peyman.shop.media.actions.publishing import hold, publish
from peyman.shop.media.models import MediaFile, ProductMedia, Takedown

AGAIN: Final = timedelta(hours=1)  # between two looks for what may have come back
State = MediaFile.State


@transaction.atomic
def take_down(*, key: str, reason: str, why: str, by: str, now: datetime) -> Takedown:
    """Let no product show a file any longer, and owe the deletion of all of it at once; what is down already stays so.

    Raises Invalid("reason", "why"), Missing for a key that no file has.
    """
    reason, why = rules.check_takedown(reason, why)
    file = MediaFile.objects.filter(key=key)
    if not file.exclude(state=State.DOWN).update(state=State.DOWN, due_at=None, unused_since=None, stored=0, fault=""):
        standing = Takedown.objects.filter(file__key=key, lifted_at=None).select_related("file").first()
        if standing is None:
            raise Missing
        return standing
    row = Takedown.objects.create(file=file.get(), reason=reason, why=why, by=by[:120], at=now, due_at=now)
    _hide(row, now)
    return row


def _hide(row: Takedown, now: datetime) -> None:
    """Take the file from every product that shows it, or lets it stand for a video. Nobody can begin to meanwhile."""
    live = ProductMedia.objects.filter(removed_at=None)
    of_file = live.filter(Q(file=row.file) | Q(poster=row.file))
    codes = dict(Product.objects.filter(pk__in=of_file.values("product_id")).values_list("pk", "code"))
    why = f"حذف همیشگی، {rules.REASONS[row.reason]}: {row.why}"
    for product_id in sorted(codes):
        hold(product_id)
        shown = live.filter(product_id=product_id, file=row.file).first()
        old = words(row.file, shown.alt, shown.color) if shown else "تصویر روی ویدیو"
        write(codes[product_id], product_id, row.file.key, old, "", row.by, now, why)
    live.filter(file=row.file).update(removed_at=now)
    live.filter(poster=row.file).update(poster=None)
    publish(codes)


def claim_takedowns(*, now: datetime, limit: int = 500) -> list[Takedown]:
    """Take in hand what is to be looked for now; whoever dies over it lets it fall due again."""
    due = Takedown.objects.filter(due_at__lte=now)
    rows = list(due.select_related("file").order_by("due_at", "pk")[:limit])
    return [row for row in rows if due.filter(pk=row.pk, due_at=row.due_at).update(due_at=now + LEASE)]


def cleared(*, row: Takedown, now: datetime) -> bool:
    """Nothing of a file is left, or its mark is gone where the takedown was lifted; True the first time."""
    mine = Takedown.objects.filter(pk=row.pk)
    if row.lifted_at is not None:
        mine.update(due_at=None)
        return False
    is_first = row.cleared_at is None
    # A worker that had the file in hand may be through by then.
    again = now + (2 * LEASE if is_first else AGAIN)
    standing = mine.filter(lifted_at=None).update(cleared_at=Coalesce("cleared_at", now), due_at=again)
    MediaFile.objects.filter(pk=row.file_id, state=State.DOWN).update(incoming="")
    return is_first and bool(standing)


def came_back(*, file: MediaFile, now: datetime) -> bool:
    """Somebody made files of what may have been taken down meanwhile: if so, they are to be looked for at once."""
    return bool(Takedown.objects.filter(file=file, lifted_at=None).update(due_at=now))


@transaction.atomic
def lift(*, takedown_id: int, why: str, by: str, now: datetime) -> Takedown:
    """Let a file be brought in again; what was deleted does not come back by itself.

    Raises Invalid("why"), Missing for what is not down, NotYetGone before all of it is deleted.
    """
    why = rules.check_why(why)
    row = Takedown.objects.filter(pk=takedown_id, lifted_at=None).select_related("file").first()
    if row is None:
        raise Missing
    standing = Takedown.objects.filter(pk=row.pk, lifted_at=None, cleared_at__isnull=False)
    if not standing.update(lifted_at=now, lifted_by=by[:120], lifted_why=why, due_at=now):
        raise rules.NotYetGone
    # Like one that was swept just now: whoever still deletes its files is waited for.
    MediaFile.objects.filter(pk=row.file_id, state=State.DOWN).update(state=State.SWEPT, unused_since=now)
    row.refresh_from_db()
    return row
