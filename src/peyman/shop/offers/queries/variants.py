"""Variants as the desk of prices shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from peyman.kernel.errors import Missing
from peyman.kernel.text import normalise
from peyman.shop.catalog.models import Category, Variant
from peyman.shop.offers.models import Floor

MOST = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A variant and what it costs, in rials. `floor`: below what it is not sold, 0 for none; only `one` tells it."""

    pk: int
    sku: str
    title: str
    words: str
    slug: str
    product: str
    price: int
    list_price: int
    offer_until: datetime | None
    is_on_sale: bool
    basis: str
    reference: str
    floor: int = 0


def find(typed: str, *, after: str = "", limit: int = MOST) -> tuple[list[Row], str]:
    """Return variants by the beginning of their SKU or product's code, or by words of the title, in the order of their
    SKU, and the `after` of the next page, "" on the last. One query.
    """
    rows = _rows().filter(sku__gt=after).order_by("sku")
    words = normalise(typed.replace("\0", "")[:100], digits=True)
    if words:
        named = Q()
        for word in words.split()[:6]:
            named &= Q(product__title__icontains=word)
        rows = rows.filter(Q(sku__istartswith=words) | Q(product__code__iexact=words) | named)
    found = list(rows[: limit + 1])
    return _shown(found[:limit]), found[limit - 1].sku if len(found) > limit else ""


def one(sku: str) -> Row:
    """Return one variant, with its floor. Raises Missing. Two queries."""
    variant = _rows().filter(sku=sku).first()
    if variant is None:
        raise Missing
    floor = Floor.objects.filter(variant=variant).order_by("-pk").values_list("amount", flat=True).first()
    (row,) = _shown([variant], floor or 0)
    return row


def in_category(slug: str, *, most: int) -> list[Row]:
    """Return the variants of a category and all below it, no more than `most`. Raises Missing. Two queries."""
    top = Category.objects.filter(slug=slug).first()
    if top is None:
        raise Missing
    below = Q(product__category=top) | Q(product__category__path__startswith=f"{top.path} > ")
    return _shown(_rows().filter(below).order_by("sku")[:most])


def _rows() -> QuerySet[Variant]:
    return Variant.objects.select_related("product").only(
        "sku", "color", "size", "price", "list_price", "offer_until", "is_on_sale", "price_basis", "price_reference",
        "product__title", "product__slug", "product__code", "product__is_on_sale",
    )  # fmt: skip


def _shown(variants: Iterable[Variant], floor: int = 0) -> list[Row]:
    return [
        Row(
            pk=each.pk,
            sku=each.sku,
            title=each.product.title,
            words="، ".join(word for word in (each.color, each.size) if word),
            slug=each.product.slug,
            product=each.product.code,
            price=each.price,
            list_price=each.list_price,
            offer_until=each.offer_until,
            is_on_sale=each.is_on_sale and each.product.is_on_sale,
            basis=each.price_basis,
            reference=each.price_reference,
            floor=floor,
        )
        for each in variants
    ]
