"""Money: whole rials, as `int`, everywhere. Toman exists only where a page prints it."""

from peyman.kernel.text import persian_digits


def whole_rials(value: object) -> int:
    """Return `value` if it is a sum of money: an `int`, at least 0, not a bool.

    Raises ValueError for everything else: text, fractions and negative sums are nobody's money here.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not a sum in whole rials: {value!r}")
    return value


def tomans(rials: int) -> int:
    """Return `rials` in toman (10 rials = 1 toman; a negative sum stays negative).

    Raises ValueError for a sum that is no whole toman: rounding a price would show another price.
    """
    whole, rest = divmod(rials, 10)
    if rest:
        raise ValueError(f"{rials} rials are no whole tomans")
    return whole


def grouped(n: int) -> str:
    """Return `n` as a Persian reader expects it: 1234000 → "۱٬۲۳۴٬۰۰۰" (U+066C between thousands)."""
    return persian_digits(f"{n:,}".replace(",", "\u066c").replace("-", "\u2212"))


def percent_off(price: int, list_price: int) -> int:
    """Return by how many whole percent `price` lies below `list_price`, both in rials.

    Rounded down, so that no badge says more than is given: (667, 1000) → 33. No discount is 0.
    """
    if price < 0 or list_price < 0:
        raise ValueError("prices are not negative")
    if price >= list_price:
        return 0
    return (list_price - price) * 100 // list_price


def part(amount: int, numerator: int, denominator: int, *, step: int = 1) -> int:
    """Return `numerator/denominator` of `amount` rials, rounded down to a multiple of `step`.

    Down is for the customer when the part is a fee: 3 per mille of 12,345 in steps of 10 → 30.
    """
    if amount < 0 or numerator < 0 or denominator <= 0 or step <= 0:
        raise ValueError("a part is taken of a sum that is not negative")
    return amount * numerator // denominator // step * step
