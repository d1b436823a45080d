"""What a cart costs now, and what changed since it was last seen."""

from dataclasses import dataclass
from datetime import datetime

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.money import part
from peyman.kernel.text import persian_digits, whole_number


class UnknownSku(Missing):
    code = "sku_unknown"
    says = "کالایی با شناسه «{sku}» نداریم."


class NotOnSale(Refused):
    """The shop has stopped selling this."""

    code, clause = "not_on_sale", "D27"
    says = "فروش «{title}» متوقف شده است. چیزی به سبد افزوده نشد."


class QuantityInvalid(Invalid):
    code = "quantity_invalid"
    says = "شمار کالا درست نیست."


class CartFull(Refused):
    code = "cart_full"
    says = "سبد شما {limit} ردیف دارد و جای کالای تازه ندارد. نخست ردیفی را بردارید."


MAX_LINES = 100  # in one cart, those for later among them
FEW = 5  # pieces: from here on a cart says how many are left


@dataclass(frozen=True)
class Fees:
    """What is charged beside the goods, each apart (D118). Rials."""

    packing: int
    shipping: int
    insurance: int

    @property
    def total(self) -> int:
        return self.packing + self.shipping + self.insurance


@dataclass(frozen=True)
class Scarce:
    """Why a line had better be ordered soon (D59): few pieces, or an offer that ends.

    `left`: pieces that can be bought now, 0 where there are plenty; `until`: end of the running offer.
    """

    left: int
    until: datetime | None

    @property
    def is_few(self) -> bool:
        return self.left <= FEW


@dataclass(frozen=True)
class Notice:
    """What changed since the cart was last seen: `dearer`, `cheaper`, `gone`, `fewer` or `limit` (D56).

    `old` and `new` are unit prices in rials, or pieces for all others; `limit`: more lie there than one order may have.
    """

    kind: str
    sku: str
    title: str
    old: int
    new: int


@carries_out("D07")
def quantity(value: object, limit: int) -> int:
    """Return a whole number of pieces between 1 and `limit`; digits of any script are understood.

    Raises QuantityInvalid for anything else.
    """
    try:
        n = whole_number(value)
    except ValueError:
        raise QuantityInvalid({"quantity": "شمار را با یک عدد درست بنویسید؛ برای نمونه ۱."}) from None
    if n < 1:
        raise QuantityInvalid({"quantity": "شمار باید دست‌کم ۱ باشد؛ برای برداشتن کالا، «حذف» را بزنید."})
    if n > limit:
        raise QuantityInvalid({"quantity": f"از هر کالا در یک سفارش بیش از {persian_digits(limit)} عدد نمی‌فروشیم."})
    return n


@carries_out("D118")
def fees(goods_total: int, *, packing_fee: int, insurance_permille: int, carrier_fee: int) -> Fees:
    """Return packing, shipping and insurance, in rials (D118). Nothing is charged for nothing.

    Insurance is rounded down to a whole toman, for the customer: 12,345,670 rials at 3 ‰ = 37,030.
    """
    if goods_total == 0:
        return Fees(0, 0, 0)
    insurance = part(goods_total, insurance_permille, 1000)
    return Fees(packing=packing_fee, shipping=carrier_fee, insurance=insurance - insurance % 10)


def contained_vat(total: int, vat_permille: int) -> int:
    """Return the value added tax that lies in a total whose prices contain it, in rials, rounded down to a whole toman.

    1,100,000 rials at 100 ‰ = 100,000.
    """
    tax = part(total, vat_permille, 1000 + vat_permille)
    return tax - tax % 10


@carries_out("D56")
def notices(
    *, sku: str, title: str, wanted: int, available: int, seen_price: int, price: int, limit: int
) -> list[Notice]:
    """Return what a buyer must be told of one line before anything else (D56)."""
    if available <= 0:
        return [Notice("gone", sku, title, wanted, 0)]
    told = []
    if available < wanted:
        told.append(Notice("fewer", sku, title, wanted, available))
    elif limit < wanted:  # the terms allow fewer pieces than they did
        told.append(Notice("limit", sku, title, wanted, limit))
    if price != seen_price:
        told.append(Notice("dearer" if price > seen_price else "cheaper", sku, title, seen_price, price))
    return told


@carries_out("D59")
def scarce(*, available: int, offer_until: datetime | None, now: datetime) -> Scarce | None:
    """Return what urges to finalise soon, None where nothing does (D59). An offer that has ended urges nobody."""
    until = offer_until if offer_until is not None and offer_until > now else None
    left = available if available > 0 and (available <= FEW or until is not None) else 0
    return Scarce(left, until) if left else None
