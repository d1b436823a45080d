"""What may stand as a price, and what a history of prices says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from peyman.kernel.errors import Refused
from peyman.kernel.money import tomans, whole_rials

MAX_PRICE: Final = 10**12  # rials; far above anything a shop sells, far below what a column holds
OFFER: Final = "offer"  # the word of the history for a price that ends at an hour


class PriceInvalid(Refused):
    """A price that is no whole toman above zero, or beyond every price, or a list price below it."""

    code, clause, status = "price_invalid", "D122", 422
    says = "قیمت {sku} ثبت نشد: قیمت باید تومان کامل و بیش از صفر باشد و از قیمت پیش از تخفیف بیشتر نباشد."


def check_price(*, sku: str, price: int, list_price: int) -> None:
    """Let a price pass: whole rials and tomans above zero, `list_price` not below it, both no more than MAX_PRICE.

    Raises PriceInvalid.
    """
    try:
        stands = tomans(whole_rials(price)) > 0 and tomans(whole_rials(list_price)) >= tomans(price)
    except ValueError:
        stands = False
    if not stands or list_price > MAX_PRICE:
        raise PriceInvalid(sku=sku)


def lowest_since(steps: Sequence[tuple[datetime, int]], since: datetime, now: datetime) -> int | None:
    """Return the lowest price in force at any instant of `since <= t <= now`; None where there was none yet.

    `steps`: (instant, price) in their order, each in force until the next. The one in force at `since` counts, and one
    that begins at `now`; one that ended at `since` does not.
    """
    ends = [*(at for at, _ in steps[1:]), None]
    in_force = [
        price for (at, price), end in zip(steps, ends, strict=False) if at <= now and (end is None or end > since)
    ]
    return min(in_force, default=None)
