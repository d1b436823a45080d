"""Many prices at once: by a percentage."""


def by_percent(*, price: int, list_price: int, percent: int, step: int) -> tuple[int, int]:
    """Return price and list price, in rials, moved by `percent` (-20: a fifth off), down to a multiple of `step`.

    Down is for the customer. A struck-out price stays where it is, unless the price rises above it:
    by_percent(price=1_000_000, list_price=1_000_000, percent=-15, step=100_000) == (800_000, 1_000_000).
    Raises ValueError for what leaves no price.
    """
    if not -100 < percent <= 1000 or step <= 0 or step % 10:
        raise ValueError("no such change of a price")
    new = price * (100 + percent) // 100 // step * step
    if new <= 0:
        raise ValueError("nothing is left of the price")
    return new, max(new, list_price)
