"""The cart as it stands at this moment: live prices, live stock (D56)."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum

from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts import rules
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.catalog.models import Variant
from peyman.shop.catalog.rules import tint_of

SEEN_EVERY = timedelta(hours=1)  # an unchanged cart is written down as seen no more often than that


@dataclass(frozen=True)
class Holder:
    """Whose cart: a person's, or that of the visitor whose session has `key`. There may be none yet."""

    person_id: int | None = None
    key: str = ""

    def owns(self, prefix: str = "") -> Q:
        """Return the condition on carts (on lines with `prefix` "cart__") that picks this holder's."""
        if self.person_id is not None:
            return Q(**{f"{prefix}person_id": self.person_id})
        return Q(**{f"{prefix}key": self.key, f"{prefix}person": None}) if self.key else Q(pk__in=[])


Whose = Cart | Holder | None


@dataclass(frozen=True)
class LineView:
    """One line; `available` is 0 when it cannot be bought at all. Rials."""

    variant_id: int
    sku: str
    slug: str
    title: str
    drawing: str
    tint: str
    quantity: int
    unit_price: int
    seen_price: int
    list_price: int
    available: int
    weight_g: int
    category: str = ""  # its slug
    picture: str = ""  # key of its picture, "" = only a drawing
    offer_until: datetime | None = None
    device: str = ""
    changed_at: datetime | None = None
    is_later: bool = False

    @property
    def total(self) -> int:
        return self.unit_price * self.quantity


@dataclass(frozen=True)
class CartView:
    lines: list[LineView]
    notices: list[rules.Notice]
    goods_total: int
    fees: rules.Fees
    later: list[LineView] = field(default_factory=list)  # put aside: in no total and in no order
    cart: Cart | None = None  # None where nothing lies in it

    @property
    def total(self) -> int:
        return self.goods_total + self.fees.total

    @property
    def fee_packing(self) -> int:
        return self.fees.packing

    @property
    def fee_shipping(self) -> int:
        return self.fees.shipping

    @property
    def fee_insurance(self) -> int:
        return self.fees.insurance

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def weight_g(self) -> int:
        return sum(line.weight_g * line.quantity for line in self.lines)

    @property
    def fits(self) -> bool:
        """Whether all of it can be ordered as it lies there."""
        return not any(notice.kind in ("gone", "fewer", "limit") for notice in self.notices)

    @property
    def shown(self) -> dict[int, int]:
        """The prices (variant → rials) that differ from those shown last."""
        return {x.variant_id: x.unit_price for x in (*self.lines, *self.later) if x.unit_price != x.seen_price}

    def carried(self, fee: int) -> "CartView":
        """Return the same cart with another fee of carriage, in rials; a cart without goods stays free (D118)."""
        return replace(self, fees=replace(self.fees, shipping=fee)) if self.goods_total else self


def title_of(variant: Variant) -> str:
    """Return what the buyer reads: the product's title and the words that make the variant."""
    return "، ".join(word for word in (variant.product.title, variant.color, variant.size) if word)


def sellable(variant: Variant) -> int:
    """Return the pieces of a variant (loaded with product and stock) that can be bought now."""
    stock = getattr(variant, "stock", None)
    if stock is None or not variant.is_on_sale or not variant.product.is_on_sale:
        return 0
    return int(stock.on_hand - stock.allocated)


def of_person(person: Person) -> Cart | None:
    return Cart.objects.filter(person=person).first()


def of_visitor(key: str) -> Cart | None:
    return Cart.objects.filter(key=key).first() if key else None


def lines_of(whose: Whose) -> QuerySet[CartLine]:
    """Return all lines of a cart, those for later among them; none of a cart that is not there."""
    if whose is None:
        return CartLine.objects.none()
    return CartLine.objects.filter(whose.owns("cart__") if isinstance(whose, Holder) else Q(cart=whose))


def count(whose: Whose) -> int:
    """Return how many pieces lie in the cart. One query."""
    return lines_of(whose).filter(is_later=False).aggregate(pieces=Sum("quantity"))["pieces"] or 0 if whose else 0


def count_in_passing(whose: Holder) -> tuple[str, dict[str, Any]]:
    """Return the same as a part of another statement, with its values: pages ask it along with what they ask anyway."""
    if whose.person_id is not None:
        return _PIECES.format(_OF_PERSON), {"holder": whose.person_id}
    return _PIECES.format(_OF_KEY), {"holder": whose.key}


_PIECES = """(SELECT COALESCE(SUM(l.quantity), 0) FROM carts_cartline l JOIN carts_cart c ON c.id = l.cart_id
WHERE NOT l.is_later AND {})"""
_OF_PERSON = "c.person_id = %(holder)s"
_OF_KEY = "c.key = %(holder)s AND c.person_id IS NULL"


def weight(whose: Whose) -> int:
    """Return the grams of what lies in the cart. One query."""
    rows = lines_of(whose).filter(is_later=False).values_list("quantity", "variant__product__weight_g")
    return sum(quantity * (grams or 0) for quantity, grams in rows)


def offers(whose: Whose) -> list[tuple[int, datetime]]:
    """Return the variants in the cart that have an offer, and its end. One query."""
    rows = lines_of(whose).filter(is_later=False).values_list("variant_id", "variant__offer_until").order_by("pk")
    return [(variant, until) for variant, until in rows if until is not None]


@dataclass(frozen=True)
class Known:
    """What must be known to put a variant into a cart. `there`: pieces that lie in it already, later ones not."""

    variant: Variant
    cart_id: int | None
    there: int
    is_there: bool  # later or not
    lines: int


def known(sku: str, whose: Cart | Holder) -> Known | None:
    """Return a variant with its product and stock, and how it stands in a cart; None for no such SKU. One query."""
    if isinstance(whose, Holder):
        mine = Cart.objects.filter(whose.owns()).values("pk")[:1]
        lines = CartLine.objects.filter(cart__in=Cart.objects.filter(whose.owns()))
    else:
        mine, lines = Cart.objects.filter(pk=whose.pk).values("pk")[:1], CartLine.objects.filter(cart=whose)
    this = lines.filter(variant=OuterRef("pk"))
    many = lines.order_by().annotate(one=F("id") - F("id")).values("one").annotate(n=Count("id")).values("n")
    variant = (
        Variant.objects.select_related("product", "stock")
        .filter(sku=sku)
        .annotate(
            cart_id=Subquery(mine),
            there=Subquery(this.filter(is_later=False).values("quantity")[:1]),
            line=Subquery(this.values("pk")[:1]),
            lines=Subquery(many, output_field=IntegerField()),
        )
        .first()
    )
    if variant is None:
        return None
    return Known(variant, variant.cart_id, variant.there or 0, variant.line is not None, variant.lines or 0)


_UNREAD = ("description", "search_head", "search_words", "attributes", "gallery", "sources")  # nothing of a line


@carries_out("D56")
def view(whose: Whose, *, terms: TermsVersion, carrier_fee: int) -> CartView:
    """Return the cart at live prices and stock. One query, whatever its size.

    A line that cannot be bought at all adds nothing to the totals, and what is put aside for later neither.
    """
    rows = (
        lines_of(whose)
        .select_related("cart", "variant__product__category", "variant__stock")
        .order_by("added_at", "pk")
        .defer(*(f"variant__product__{name}" for name in _UNREAD))
    )
    lines: list[LineView] = []
    later: list[LineView] = []
    told: list[rules.Notice] = []
    cart, limit = None, parameter(terms.parameters, "max_quantity")
    for row in rows:
        cart, line = row.cart, line_view(row)
        if row.is_later:
            later.append(line)
            continue
        lines.append(line)
        told += rules.notices(
            sku=line.sku,
            title=line.title,
            wanted=line.quantity,
            available=line.available,
            seen_price=line.seen_price,
            price=line.unit_price,
            limit=limit,
        )
    goods = sum(line.total for line in lines if line.available)
    fees = rules.fees(
        goods,
        packing_fee=parameter(terms.parameters, "packing_fee"),
        insurance_permille=parameter(terms.parameters, "insurance_permille"),
        carrier_fee=carrier_fee,
    )
    return CartView(lines=lines, notices=told, goods_total=goods, fees=fees, later=later, cart=cart)


def line_view(row: CartLine) -> LineView:
    """Return a line (loaded with variant, product, category and stock) as it is shown."""
    variant, product = row.variant, row.variant.product
    return LineView(
        variant_id=variant.pk,
        sku=variant.sku,
        slug=product.slug,
        title=title_of(variant),
        drawing=product.drawing or product.category.drawing,
        tint=product.tint or tint_of(variant.image_hint),
        quantity=row.quantity,
        unit_price=variant.price,
        seen_price=row.seen_price,
        list_price=variant.list_price,
        available=max(0, sellable(variant)),
        weight_g=product.weight_g or 0,
        category=product.category.slug,
        picture=product.picture,
        offer_until=variant.offer_until,
        device=row.device,
        changed_at=row.changed_at,
        is_later=row.is_later,
    )
