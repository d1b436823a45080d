"""Files of media are worked on: taken in hand, made ready or given up, and swept once nothing shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from peyman.shop.media.actions.publishing import hold, publish
from peyman.shop.media.models import MediaFile, ProductMedia

LEASE: Final = timedelta(minutes=3)  # longer than the longest work on one file
TRIES: Final = 4  # whoever worked on it died each time
State = MediaFile.State


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a file: sides of the widest in pixels, bytes of all of it."""

    width: int
    height: int
    stored: int


def claim_due(*, now: datetime, limit: int = 1) -> list[MediaFile]:
    """Take in hand files that wait; whoever dies over one lets it fall due again. One that killed too many is unfit."""
    due = MediaFile.objects.filter(due_at__lte=now)
    taken = []
    for row in due.order_by("due_at", "pk")[:limit]:
        mine = due.filter(pk=row.pk, due_at=row.due_at)
        if row.tries >= TRIES:
            give_up(key=row.key, incoming=row.incoming, fault="too_hard")
        elif mine.update(due_at=now + LEASE, tries=F("tries") + 1):
            taken.append(row)
    return taken


@transaction.atomic
def made(*, file: MediaFile, made: Made, now: datetime) -> bool:
    """A file lies ready, whole and synced: whatever shows it may. False when another was faster."""
    waiting = MediaFile.objects.filter(pk=file.pk, state=State.WAITING, incoming=file.incoming)
    is_first = waiting.update(
        state=State.READY,
        due_at=None,
        incoming="",
        width=made.width,
        height=made.height,
        stored=made.stored,
        ready_at=now,
    )
    if not is_first:
        return False
    live = ProductMedia.objects.filter(removed_at=None)
    products = sorted(set(live.filter(Q(file=file) | Q(poster=file)).values_list("product_id", flat=True)))
    for product_id in products:
        hold(product_id)
    publish(products)
    return True


def give_up(*, key: str, incoming: str, fault: str) -> bool:
    """Nothing can be made of a file: say why, and wait for it no longer."""
    waiting = MediaFile.objects.filter(key=key, state=State.WAITING, incoming=incoming)
    return bool(waiting.update(state=State.UNFIT, due_at=None, incoming="", fault=fault))


def put_off(*, file: MediaFile, until: datetime) -> None:
    """Work on a file could not be done for a reason that is not its own (a full disk): try again later."""
    waiting = MediaFile.objects.filter(pk=file.pk, state=State.WAITING, incoming=file.incoming)
    waiting.update(due_at=until, tries=0)


def sweep_unused(*, before: datetime, limit: int = 200) -> list[MediaFile]:
    """Give up files that nothing has shown since `before`, and return those whose files are to be removed now.

    One that is shown again meanwhile stays; what a killed sweep left is returned again, until `swept` is told.
    """
    unused = MediaFile.objects.filter(unused_since__lt=before)
    rows = list(unused.filter(state__in=[State.READY, State.SWEPT]).order_by("unused_since", "pk")[:limit])
    return [row for row in rows if unused.filter(pk=row.pk, state=row.state).update(state=State.SWEPT, stored=0)]


def swept(rows: Iterable[MediaFile]) -> None:
    """The files of these rows are gone from the disk."""
    MediaFile.objects.filter(pk__in=[row.pk for row in rows], state=State.SWEPT).update(unused_since=None)
