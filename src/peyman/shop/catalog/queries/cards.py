"""Cards: goods as lists and the home page tell them, each by its cheapest variant that can be bought.

How many pieces are left is read anew for whatever is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Exists, F, OuterRef

from peyman.kernel.money import percent_off
from peyman.shop.catalog import rules
from peyman.shop.catalog.models import Product, Variant
from peyman.shop.catalog.queries import marks


@dataclass(frozen=True, slots=True)
class Card:
    """A product in a list, told by its cheapest variant that can be bought. Money in rials.

    `sku`, `price`, `list_price` are that variant's; `available` are its pieces, 0 where nothing of the product is
    left; `variants` is how many there are. `picture` is the key of its main one, "" where only a drawing is.
    `offer_until`: when that variant's running offer ends. `version` changes whenever the card does, stock apart.
    """

    slug: str
    title: str
    drawing: str
    tint: str
    price: int
    list_price: int
    off_percent: int
    available: int
    sku: str
    variants: int
    version: int
    picture: str = ""
    offer_until: datetime | None = None
    variant: int = 0  # the key of that variant


class Offer(NamedTuple):
    """A product as lists sort it: by its cheapest variant that can be bought, else its cheapest."""

    product: int
    variant: int
    category: int = 0
    brand: int = 0
    listed: int = 0  # the day as a number, 20260806
    price: int = 0
    list_price: int = 0
    left: int = 0
    rank: int = 0


def is_better(price: int, left: int, held: Offer) -> bool:
    """What can be bought goes before what cannot, then the cheaper."""
    return (left <= 0, price) < (held.left <= 0, held.price)


def newest_cards(limit: int = 8, *, mark: marks.Mark | None = None) -> list[Card]:
    """Return what came last and can be bought, newest first. Two queries, or five on a changed shelf."""
    found = marks.remembered(mark or marks.read(), ("newest", limit), lambda: _newest(limit))
    return counted(found)


def _newest(limit: int) -> list[Card]:
    dated = Product.objects.filter(_has_pieces(), is_on_sale=True, listed_on__isnull=False)
    return _cards_of(list(dated.order_by("-listed_on", "-pk").values_list("pk", flat=True)[:limit]))


def cheaper_cards(limit: int = 8, *, mark: marks.Mark | None = None) -> list[Card]:
    """Return what became cheaper and can be bought, the latest drop first. Two queries, or five on a changed shelf."""
    found = marks.remembered(mark or marks.read(), ("cheaper", limit), lambda: _cheaper(limit))
    return counted(found)


def _cheaper(limit: int) -> list[Card]:
    rows = Variant.objects.filter(cheaper_at__isnull=False, is_on_sale=True, product__is_on_sale=True)
    rows = rows.filter(stock__on_hand__gt=F("stock__allocated")).order_by("-cheaper_at", "-pk")
    keys = dict.fromkeys(rows.values_list("product_id", flat=True)[: limit * 10])  # sisters often fall together
    return _cards_of(list(keys)[:limit])


class Standing(NamedTuple):
    """How the shelf stands, and what is left of some cards on it: equal standings, equal cards."""

    edition: int  # of the catalogue, then the newest variant and price: the mark
    variant: int
    change: int
    pieces: str | None  # of each card in its place, by comma

    @property
    def mark(self) -> marks.Mark:
        return self[:3]

    @property
    def left(self) -> list[int]:
        return [max(int(many), 0) for many in self.pieces.split(",")] if self.pieces else []


def places(cards: Sequence[Card]) -> str:
    """Return the variants of cards as `standing` takes them."""
    keys = ",".join(str(card.variant) for card in cards)
    return f"{{{keys}}}" if connection.vendor == "postgresql" else f"[{keys}]"


def standing(places: str, most: int = 2**31 - 1) -> Standing:
    """Return the mark of the shelf and the pieces of these cards at this moment, no more than `most` of each.

    One query of one row: each reader of a list asks it, and each row more costs as much as all that is in this one.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING[cursor.db.vendor], {"places": places, "most": most})
        return Standing._make(cursor.fetchone())


_STANDING_POSTGRESQL = f"""
{marks.MARK}, (
    SELECT STRING_AGG(LEAST(COALESCE(s.on_hand - s.allocated, 0), %(most)s)::text, ',' ORDER BY shown.place)
    FROM unnest(%(places)s::bigint[]) WITH ORDINALITY AS shown (id, place)
    LEFT JOIN stock_stock s ON s.variant_id = shown.id
)
"""  # noqa: S608  all of it is ours
_STANDING_SQLITE = f"""
{marks.MARK}, (
    SELECT GROUP_CONCAT(MIN(COALESCE(s.on_hand - s.allocated, 0), %(most)s))
    FROM json_each(%(places)s) AS shown LEFT JOIN stock_stock s ON s.variant_id = shown.value
)
"""  # noqa: S608  likewise; one by one in the order of the list, which a LEFT JOIN keeps
_STANDING = {"sqlite": _STANDING_SQLITE, "postgresql": _STANDING_POSTGRESQL}


def counted(cards: Sequence[Card]) -> list[Card]:
    """Return the same cards with the pieces that are left at this moment. One query, none for none."""
    return with_pieces(cards, standing(places(cards)).left) if cards else []


def with_pieces(cards: Sequence[Card], left: Sequence[int]) -> list[Card]:
    """Return the same cards with these pieces left."""
    return [card if card.available == n else replace(card, available=n) for card, n in zip(cards, left, strict=True)]


@dataclass(frozen=True, slots=True)
class HomeRows:
    """What the home page shows, with the pieces that were left when it was composed."""

    newest: list[Card]
    cheaper: list[Card]
    offers: list[Card]  # those that end first come first

    @property
    def cards(self) -> list[Card]:
        return [*self.newest, *self.cheaper, *self.offers]

    def with_pieces(self, left: Sequence[int]) -> "HomeRows":
        """Return the same with these pieces left, in the order of `cards`."""
        told = iter(with_pieces(self.cards, left))
        return HomeRows(*(list(islice(told, len(row))) for row in (self.newest, self.cheaper, self.offers)))


def home_rows(newest: int, cheaper: int, *, mark: marks.Mark) -> HomeRows:
    """Return what came last, what became cheaper and what is on offer: no query where the shelf is as before."""
    return HomeRows(
        marks.remembered(mark, ("newest", newest), lambda: _newest(newest)),
        marks.remembered(mark, ("cheaper", cheaper), lambda: _cheaper(cheaper)),
        marks.remembered(mark, ("offers", cheaper), lambda: _running(cheaper)),
    )


def _running(limit: int) -> list[Card]:
    rows = Variant.objects.filter(offer_until__isnull=False, is_on_sale=True, product__is_on_sale=True)
    rows = rows.filter(stock__on_hand__gt=F("stock__allocated")).order_by("offer_until", "pk")
    keys = list(dict.fromkeys(rows.values_list("product_id", flat=True)[: limit * 10]))
    return [card for card in _cards_of(keys) if card.offer_until][:limit]


def cards_of(slugs: Sequence[str]) -> list[Card]:
    """Return the cards of these products, in this order; what is not on sale is left out."""
    keys = dict(Product.objects.filter(is_on_sale=True, slug__in=slugs).values_list("slug", "pk"))
    return _cards_of([keys[slug] for slug in slugs if slug in keys])


def _has_pieces() -> Exists:
    left = Variant.objects.filter(product=OuterRef("pk"), is_on_sale=True, stock__on_hand__gt=F("stock__allocated"))
    return Exists(left)


def _cards_of(keys: Sequence[int]) -> list[Card]:
    best: dict[int, Offer] = {}
    rows = Variant.objects.filter(product_id__in=keys, is_on_sale=True) if keys else Variant.objects.none()
    left = F("stock__on_hand") - F("stock__allocated")
    for product, variant, price, list_price, pieces in rows.values_list(
        "product_id", "pk", "price", "list_price", left
    ):
        if product not in best or is_better(price, pieces or 0, best[product]):
            best[product] = Offer(product, variant, price=price, list_price=list_price, left=pieces or 0)
    return cards([best[key] for key in keys if key in best])


_ON_CARDS = (
    "pk", "sku", "image_hint", "offer_until", "product__slug", "product__title", "product__drawing", "product__tint",
    "product__version", "product__picture", "product__category__drawing",
)  # fmt: skip


def cards(offers: Sequence[Offer]) -> list[Card]:
    """Return the cards of these products, in this order. Two queries; plain rows, of which a list needs 24."""
    if not offers:
        return []
    told = {row[0]: row for row in Variant.objects.filter(pk__in=[o.variant for o in offers]).values_list(*_ON_CARDS)}
    holes = ", ".join(["%s"] * len(offers))
    with connection.cursor() as cursor:
        cursor.execute(_VARIANTS.format(holes), [offer.product for offer in offers])
        variants = dict(cursor.fetchall())
    return [_card(told[offer.variant], variants.get(offer.product, 1), offer) for offer in offers]


_VARIANTS = (
    "SELECT product_id, COUNT(*) FROM catalog_variant WHERE is_on_sale AND product_id IN ({}) GROUP BY product_id"
)


def _card(told: tuple[Any, ...], variants: int, offer: Offer) -> Card:
    variant, sku, hint, until, slug, title, drawing, tint, version, picture, of_kind = told
    return Card(
        slug=slug,
        title=title,
        drawing=drawing or of_kind,
        tint=tint or rules.tint_of(hint),
        price=offer.price,
        list_price=offer.list_price,
        off_percent=percent_off(offer.price, offer.list_price),
        available=max(offer.left, 0),
        sku=sku,
        variants=variants,
        version=version,
        picture=picture,
        offer_until=until,
        variant=variant,
    )
