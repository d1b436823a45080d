"""The cart as it stands at this moment: live prices, live stock (D56)."""

from dataclasses import dataclass

from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts import rules
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.catalog.models import Variant
from peyman.shop.catalog.rules import tint_of


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

    @property
    def total(self) -> int:
        return self.unit_price * self.quantity


@dataclass(frozen=True)
class CartView:
    lines: list[LineView]
    notices: list[rules.Notice]
    goods_total: int
    fees: rules.Fees

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


def count(cart: Cart | None) -> int:
    """Return how many pieces lie in the cart."""
    return sum(CartLine.objects.filter(cart=cart).values_list("quantity", flat=True)) if cart else 0


def weight(cart: Cart | None) -> int:
    """Return the grams of what lies in the cart. One query."""
    rows = CartLine.objects.filter(cart=cart).values_list("quantity", "variant__product__weight_g") if cart else []
    return sum(quantity * (grams or 0) for quantity, grams in rows)


@carries_out("D56")
def view(cart: Cart | None, *, terms: TermsVersion, carrier_fee: int) -> CartView:
    """Return the cart at live prices and stock. One query, whatever its size.

    A line that cannot be bought at all adds nothing to the totals.
    """
    rows = (
        CartLine.objects.filter(cart=cart)
        .select_related("variant__product__category", "variant__stock")
        .order_by("added_at", "pk")
        if cart
        else []
    )
    lines, told = [], []
    for row in rows:
        variant, product = row.variant, row.variant.product
        line = LineView(
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
        )
        lines.append(line)
        told += rules.notices(
            sku=line.sku,
            title=line.title,
            wanted=line.quantity,
            available=line.available,
            seen_price=line.seen_price,
            price=line.unit_price,
        )
    goods = sum(line.total for line in lines if line.available)
    fees = rules.fees(
        goods,
        packing_fee=parameter(terms.parameters, "packing_fee"),
        insurance_permille=parameter(terms.parameters, "insurance_permille"),
        carrier_fee=carrier_fee,
    )
    return CartView(lines=lines, notices=told, goods_total=goods, fees=fees)
