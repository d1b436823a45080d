"""Products are given pictures and videos, in an order and with words; each change leaves who and when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Max

from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import normalise
from peyman.shop.catalog.models import Product, Variant
from peyman.shop.media import rules
from peyman.shop.media.actions.files import LEASE
from peyman.shop.media.actions.history import words, write
from peyman.shop.media.actions.publishing import hold, publish
from peyman.shop.media.models import MediaFile, ProductMedia

MOST: Final = 60  # pictures and videos of one product
State, Kind = MediaFile.State, MediaFile.Kind


class TooMany(Refused):
    """A product has as many pictures as one can have."""

    code = "media_too_many"
    says = "هر کالا تا {most} تصویر و ویدیو دارد. چیزی افزوده نشد؛ چند تا را بردارید و دوباره بیاورید."
    status = 422


@dataclass(frozen=True, slots=True)
class Came:
    """A file that was looked at and put aside. `incoming`: its place below PEYMAN_DATA."""

    key: str
    looked: rules.Looked
    size: int
    incoming: str
    file_name: str = ""
    alt: str = ""  # as `rules.check_alt` gave it; empty: not shown until it has words
    color: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """How a product shows a file from now on. `poster`: the row of one of its pictures, for a video."""

    alt: str
    color: str
    position: int
    poster: int | None = None


@transaction.atomic
def take(*, code: str, came: Sequence[Came], by: str, now: datetime) -> list[str]:
    """Let a product show what came, after what it shows already; return the places of files that nobody needs.

    A file that is known and ready is shown at once, one that the product shows already is not shown twice.
    Raises Missing, TooMany, TakenDown.
    """
    product_id = _product(code)
    needed = {key: _is_needed(one, now) for key, one in sorted({one.key: one for one in came}.items())}
    _lock(product_id, MediaFile.objects.filter(key__in=needed).values_list("pk", flat=True))
    files = {file.key: file for file in MediaFile.objects.filter(key__in=needed)}
    live = ProductMedia.objects.filter(product_id=product_id, removed_at=None)
    shown = set(live.values_list("file__key", flat=True))
    fresh = [one for one in {one.key: one for one in reversed(came)}.values() if one.key not in shown][::-1]
    if len(shown) + len(fresh) > MOST:
        raise TooMany(most=MOST)
    last: int = live.aggregate(last=Max("position"))["last"] or 0
    for position, one in enumerate(fresh, last + 1):
        ProductMedia.objects.create(
            product_id=product_id,
            file=files[one.key],
            alt=one.alt,
            color=one.color,
            position=position,
            file_name=normalise(one.file_name)[:200],
            by=by[:120],
            added_at=now,
        )
        write(code, product_id, one.key, "", words(files[one.key], one.alt, one.color), by, now)
    publish([product_id])
    return [one.incoming for one in came if not needed[one.key] or files[one.key].incoming != one.incoming]


def _is_needed(came: Came, now: datetime) -> bool:
    """Make or renew the row of a file that came; say whether something must be made of it."""
    looked = came.looked
    sides = {"width": looked.width, "height": looked.height, "milliseconds": looked.milliseconds}
    fresh: dict[str, Any] = {
        "state": State.WAITING,
        "incoming": came.incoming,
        "fault": "",
        "tries": 0,
        "ready_at": None,
        "due_at": now,
        **sides,
    }
    row = MediaFile(key=came.key, kind=looked.kind, form=looked.form, size=came.size, came_at=now, **fresh)
    MediaFile.objects.bulk_create([row], ignore_conflicts=True)
    known = MediaFile.objects.filter(key=came.key)
    if known.filter(state=State.READY).update(unused_since=None):
        return False
    if not known.filter(state=State.WAITING).update(unused_since=None):
        # It was unfit or swept: it is made anew, once whoever still removes its files is through.
        is_leaving = known.filter(state=State.SWEPT, unused_since__isnull=False).exists()
        fresh["due_at"] = now + LEASE if is_leaving else now
        if not known.exclude(state=State.DOWN).update(**fresh, unused_since=None):
            raise rules.TakenDown
    return True


@transaction.atomic
def arrange(*, code: str, edits: Mapping[int, Edit], by: str, now: datetime) -> int:
    """Give what a product shows its words, its colour, its poster and its place; returns how many rows changed.

    All or none. Raises Invalid with names like "alt-12" for rows that cannot be so, Missing for rows of another.
    """
    product_id = _product(code)
    _lock(product_id)
    live = ProductMedia.objects.filter(product_id=product_id, removed_at=None).select_related("file", "poster")
    rows = {row.pk: row for row in live.order_by("position", "pk")}
    if not edits.keys() <= rows.keys():
        raise Missing
    colors = {"", *Variant.objects.filter(product_id=product_id).values_list("color", flat=True)}
    before = list(rows)
    bad: dict[str, str] = {}
    changed = 0
    for pk, edit in edits.items():
        row = rows[pk]
        poster = rows.get(edit.poster or 0)
        try:
            # Words may be missing of what was never shown; whoever clears them is told that it needs some.
            alt = rules.check_alt(edit.alt) if edit.alt.strip() or row.alt else ""
        except Invalid as refusal:
            bad[f"alt-{pk}"] = refusal.fields["alt"]
            continue
        if poster is not None and (poster.file.kind != Kind.PICTURE or row.file.kind != Kind.VIDEO):
            bad[f"poster-{pk}"] = "تصویر روی ویدیو باید یکی از تصویرهای همین کالا باشد."
            continue
        was = (row.alt, row.color, row.poster)
        old = words(row.file, *was)
        row.alt, row.poster = alt, poster.file if poster is not None else None
        row.color = edit.color if edit.color in colors else row.color
        if was != (row.alt, row.color, row.poster):
            row.save(update_fields=["alt", "color", "poster"])
            new = words(row.file, row.alt, row.color, row.poster)
            write(code, product_id, row.file.key, old, new, by, now)
            changed += 1
    if bad:
        raise Invalid(bad)
    places = {pk: edits[pk].position if pk in edits else row.position for pk, row in rows.items()}
    after = sorted(rows, key=lambda pk: (places[pk], rows[pk].position, pk))
    for position, pk in enumerate(after, 1):
        if rows[pk].position != position:
            ProductMedia.objects.filter(pk=pk).update(position=position)
    if after != before:
        old, new = ("، ".join(rows[pk].file.key[:8] for pk in order) for order in (before, after))
        write(code, product_id, "order", old, new, by, now)
        changed += 1
    if changed:
        publish([product_id])
    return changed


@transaction.atomic
def remove(*, code: str, row_id: int, by: str, now: datetime) -> None:
    """Take a picture or a video from a product. Its file stays for a time, and so does the way back. Raises Missing."""
    product_id = _product(code)
    _lock(product_id)
    live = ProductMedia.objects.filter(product_id=product_id, removed_at=None)
    row = live.select_related("file").filter(pk=row_id).first()
    if row is None:
        raise Missing
    live.filter(pk=row.pk).update(removed_at=now)
    live.filter(poster=row.file).update(poster=None)
    if not ProductMedia.objects.filter(file=row.file, removed_at=None).exists():
        MediaFile.objects.filter(pk=row.file_id).update(unused_since=now)
    write(code, product_id, row.file.key, words(row.file, row.alt, row.color), "", by, now)
    publish([product_id])


@transaction.atomic
def restore(*, code: str, row_id: int, by: str, now: datetime) -> None:
    """Show again, as the last one, what was taken from a product. Raises Missing once its file was swept."""
    product_id = _product(code)
    gone = ProductMedia.objects.filter(product_id=product_id, pk=row_id, removed_at__isnull=False)
    _lock(product_id, gone.values_list("file_id", flat=True))
    row = gone.select_related("file").first()
    live = ProductMedia.objects.filter(product_id=product_id, removed_at=None)
    if row is None or live.filter(file=row.file).exists():
        raise Missing
    if not MediaFile.objects.filter(pk=row.file_id, state__in=[State.READY, State.WAITING]).update(unused_since=None):
        raise Missing
    last: int = live.aggregate(last=Max("position"))["last"] or 0
    gone.update(removed_at=None, position=last + 1, poster=None)
    write(code, product_id, row.file.key, "", words(row.file, row.alt, row.color), by, now)
    publish([product_id])


def _product(code: str) -> int:
    pk = Product.objects.filter(code=code).values_list("pk", flat=True).first()
    if pk is None:
        raise Missing
    return pk


def _lock(product_id: int, more: Iterable[int] = ()) -> None:
    """Hold the product's files, these others, then the product: in this order everywhere, so that nobody waits in a
    ring, and no file becomes ready while somebody writes down that it is not.
    """
    live = ProductMedia.objects.filter(product_id=product_id, removed_at=None)
    files = {*live.values_list("file_id", flat=True), *more}
    list(MediaFile.objects.select_for_update().filter(pk__in=files).order_by("pk"))
    hold(product_id)
