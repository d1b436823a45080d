"""What a product shows, as its desk sees it: also what is not ready, not fit, or not to be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from peyman.shop.catalog.models import Product, Variant
from peyman.shop.media import rules
from peyman.shop.media.models import MediaFile, ProductMedia

State = MediaFile.State


@dataclass(frozen=True, slots=True)
class Row:
    """A picture or a video of a product. `fault`: why nothing came of it; `is_shown`: it is on the page now."""

    id: int
    key: str
    kind: str
    form: str
    state: str
    fault: str
    alt: str
    color: str
    position: int
    poster_key: str
    file_name: str
    width: int
    height: int
    milliseconds: int
    size: int
    stored: int
    by: str
    added_at: datetime
    removed_at: datetime | None

    @property
    def is_video(self) -> bool:
        return self.kind == MediaFile.Kind.VIDEO

    @property
    def kilobytes(self) -> int:
        """Of what came, rounded up."""
        return -(-self.size // 1000)

    @property
    def is_ready(self) -> bool:
        return self.state == State.READY

    @property
    def is_shown(self) -> bool:
        return self.is_ready and bool(self.alt) and (not self.is_video or bool(self.poster_key))


@dataclass(frozen=True, slots=True)
class Progress:
    """How many files of a product are ready, of those that can be; and how many nothing came of."""

    ready: int
    waiting: int
    unfit: int

    @property
    def all(self) -> int:
        return self.ready + self.waiting


def media_of(code: str) -> list[Row]:
    """Return what the product of this code has, in its order. One query."""
    return _rows(ProductMedia.objects.filter(product__code=code, removed_at=None).order_by("position", "pk"))


def gone_of(code: str, limit: int = 30) -> list[Row]:
    """Return what was taken from a product and can still be shown again, the last one first. One query."""
    gone = ProductMedia.objects.filter(product__code=code, removed_at__isnull=False, file__state=State.READY)
    return _rows(gone.order_by("-removed_at", "-pk")[:limit])


def _rows(found: QuerySet[ProductMedia]) -> list[Row]:
    return [
        Row(
            row.pk,
            row.file.key,
            row.file.kind,
            row.file.form,
            row.file.state,
            rules.FAULTS.get(row.file.fault, ""),
            row.alt,
            row.color,
            row.position,
            row.poster.key if row.poster else "",
            row.file_name,
            row.file.width,
            row.file.height,
            row.file.milliseconds,
            row.file.size,
            row.file.stored,
            row.by,
            row.added_at,
            row.removed_at,
        )
        for row in found.select_related("file", "poster")
    ]


def progress(code: str) -> Progress:
    """Return how far the work on a product's files is. One query."""
    live = ProductMedia.objects.filter(product__code=code, removed_at=None)
    counts = live.aggregate(
        **{state: Count("pk", filter=Q(file__state=state)) for state in (State.READY, State.WAITING, State.UNFIT)}
    )
    return Progress(counts["ready"], counts["waiting"], counts["unfit"])


def colors_of(code: str) -> list[str]:
    """Return the colours that a product comes in, in the order of its variants. One query."""
    found = Variant.objects.filter(product__code=code).exclude(color="").order_by("position", "sku")
    return list(dict.fromkeys(found.values_list("color", flat=True)))


def by_hints(names: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Return name → (code, title, colour) of the product that a file of this name shows. Two queries.

    A name is a product's code, its slug, or what its supplier called the picture ("slug" or "slug/colour").
    """
    wanted = list(dict.fromkeys(names))
    found: dict[str, tuple[str, str, str]] = {}
    variants = Variant.objects.filter(image_hint__in=wanted).order_by("pk")
    for hint, code, title, color in variants.values_list("image_hint", "product__code", "product__title", "color"):
        if hint not in found:
            found[hint] = (code, title, color if "/" in hint else "")
        elif found[hint][0] != code:
            found[hint] = ("", "", "")  # several products: whose it is, is not ours to guess
    products = Product.objects.filter(Q(code__in=wanted) | Q(slug__in=wanted))
    for code, slug, title in products.values_list("code", "slug", "title"):
        for name in {code, slug} & set(wanted):
            found[name] = (code, title, "")
    return found
