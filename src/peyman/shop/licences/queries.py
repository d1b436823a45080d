"""Licences and their uses, the heaviest readers, and the goods that a licence hands out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Max, Sum

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.shop.catalog.models import Product
from peyman.shop.licences import rules
from peyman.shop.licences.models import Licence, LicenceUse, ReaderHold, ReaderMinute


@dataclass(frozen=True)
class LicenceView:
    licence: Licence
    over: str  # why it opens nothing any more, "" while it does
    today: int  # goods handed out on this day of Tehran
    whole: int  # and ever
    last_at: datetime | None


def licences(now: datetime, day: date) -> list[LicenceView]:
    """Return all licences, the newest first, with what they took. Three queries."""
    today = dict(LicenceUse.objects.filter(day=day).values_list("licence").annotate(n=Sum("goods")))
    ever = {
        pk: (n, at) for pk, n, at in LicenceUse.objects.values_list("licence").annotate(n=Sum("goods"), last=Max("at"))
    }
    return [
        LicenceView(
            row,
            rules.over(valid_until=row.valid_until, revoked_at=row.revoked_at, now=now),
            today.get(row.pk, 0),
            *ever.get(row.pk, (0, None)),
        )
        for row in Licence.objects.order_by("-granted_at", "-pk")
    ]


def is_key(key: str) -> bool:
    """Say whether this is the key of some licence, whether it still opens anything or not. One query."""
    return Licence.objects.filter(key_hash=rules.key_hash(key)).exists()


@dataclass
class Reader:
    """One reader over a span: pages by kind, and how often it was told to wait."""

    key: str
    shown: str
    kinds: list[int] = field(default_factory=lambda: [0] * len(rules.KINDS))
    refused: int = 0

    @property
    def pages(self) -> int:
        return sum(self.kinds)


def heaviest(*, since: datetime, limit: int = 30) -> tuple[list[Reader], int]:
    """Return the heaviest readers of all processes since an instant, and how many pages were read by everybody."""
    found: dict[str, Reader] = {}
    total = 0
    for row in ReaderMinute.objects.filter(minute_at__gte=since).order_by("pk").iterator():
        total += row.total
        for key, shown, kinds, refused in row.readers:
            reader = found.setdefault(key, Reader(key, shown))
            reader.kinds = [a + b for a, b in zip(reader.kinds, kinds, strict=True)]
            reader.refused += refused
    return sorted(found.values(), key=lambda each: (-each.pages, -each.refused, each.key))[:limit], total


def reader(key: str, *, since: datetime) -> Reader:
    """Return one reader that was counted since an instant. Raises Missing."""
    found, _ = heaviest(since=since, limit=1_000_000)
    one = next((each for each in found if each.key == key), None)
    if one is None:
        raise Missing
    return one


@carries_out("D19")
def shut_out(now: datetime) -> dict[str, str]:
    """Return who is shut out now: hidden key → why. One query."""
    rows = ReaderHold.objects.filter(ends_at__gt=now, lifted_at=None).exclude(reader="").order_by("pk")
    return dict(rows.values_list("reader", "reason"))


def holds(limit: int = 50) -> list[ReaderHold]:
    """Return who was shut out, the newest first."""
    return list(ReaderHold.objects.order_by("-at", "-pk")[:limit])


# ---- What a licence hands out ----


def after(code: str) -> int:
    """Return the key of the product after which to go on, 0 at the start. Raises Missing for a code we do not know."""
    if not code:
        return 0
    pk = Product.objects.filter(code=code).values_list("pk", flat=True).first()
    if pk is None:
        raise Missing
    return int(pk)


def batch(pk: int, limit: int) -> tuple[list[int], bool]:
    """Return the keys of the next goods on sale behind `pk`, and whether there are more. One query."""
    rows = Product.objects.filter(is_on_sale=True, pk__gt=pk).order_by("pk").values_list("pk", flat=True)
    found = list(rows[: limit + 1])
    return found[:limit], len(found) > limit


def code_of(pk: int) -> str:
    return str(Product.objects.values_list("code", flat=True).get(pk=pk))


_CHUNK = 200


def records(pks: list[int]) -> Iterator[dict[str, Any]]:
    """Yield goods as a licence hands them out, at this moment's price and stock. Two queries for each 200."""
    for start in range(0, len(pks), _CHUNK):
        chunk = Product.objects.filter(pk__in=pks[start : start + _CHUNK], is_on_sale=True)
        for product in chunk.select_related("brand", "category").prefetch_related("variants__stock").order_by("pk"):
            yield {
                "code": product.code,
                "slug": product.slug,
                "title": product.title,
                "title_latin": product.title_latin,
                "brand": product.brand.name,
                "category": product.category.path,
                "attributes": {name: str(value) for name, value in product.attributes.items()},
                "variants": [
                    {
                        "sku": variant.sku,
                        "color": variant.color,
                        "size": variant.size,
                        "warranty": variant.warranty,
                        "price": variant.price,
                        "list_price": variant.list_price,
                        "price_basis": variant.price_basis,
                        "available": max(0, variant.stock.on_hand - variant.stock.allocated)
                        if hasattr(variant, "stock")
                        else 0,
                    }
                    for variant in sorted(product.variants.all(), key=lambda each: (each.position, each.pk))
                    if variant.is_on_sale
                ],
            }
