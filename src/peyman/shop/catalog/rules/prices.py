"""What may stand as a price."""

from peyman.kernel.errors import Refused
from peyman.kernel.money import tomans, whole_rials


class PriceInvalid(Refused):
    """A price that is no whole toman above zero, or a list price below it."""

    code, clause, status = "price_invalid", "D122", 422
    says = "قیمت {sku} ثبت نشد: قیمت باید تومان کامل و بیش از صفر باشد و از قیمت پیش از تخفیف بیشتر نباشد."


def check_price(*, sku: str, price: int, list_price: int) -> None:
    """Let a price pass: whole rials and tomans above zero, `list_price` not below it. Raises PriceInvalid."""
    try:
        stands = tomans(whole_rials(price)) > 0 and tomans(whole_rials(list_price)) >= tomans(price)
    except ValueError:
        stands = False
    if not stands:
        raise PriceInvalid(sku=sku)
