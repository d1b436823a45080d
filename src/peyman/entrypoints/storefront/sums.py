"""The rows of a sum: goods, then each fee apart (D118), in words."""

from dataclasses import dataclass

from peyman.kernel.clauses import carries_out
from peyman.kernel.money import grouped, tomans


@dataclass(frozen=True)
class Row:
    title: str
    words: str
    carrier: int = 0  # shown while the carrier of that place is chosen; 0 = always


def fee(rials: int) -> str:
    """Return «۷۲٬۰۰۰ تومان», and «رایگان» for nothing."""
    return f"{grouped(tomans(rials))} تومان" if rials else "رایگان"


@carries_out("D118")
def rows(*, goods: int, count: int, packing: int, shipping: int, carrier: str, insurance: int) -> list[Row]:
    """Return goods, packing, shipping and insurance as four rows; all sums in rials."""
    return [
        Row(f"کالاها ({grouped(count)} عدد)", fee(goods)),
        Row("بسته‌بندی", fee(packing)),
        Row(f"ارسال با {carrier}" if carrier else "ارسال", fee(shipping)),
        Row("بیمه", fee(insurance)),
    ]
