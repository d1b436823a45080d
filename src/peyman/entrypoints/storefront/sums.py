"""The rows of a sum: goods, then each fee apart (D118), in words."""

from dataclasses import dataclass

from peyman.kernel.clauses import carries_out
from peyman.kernel.money import grouped, tomans
from peyman.kernel.text import persian_digits
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts.rules import contained_vat


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


def vat(total: int, terms: TermsVersion) -> Row | None:
    """Return the tax that lies in a total (rials), as a row below it; None where the terms know of none."""
    permille = parameter(terms.parameters, "vat_permille")
    tax = contained_vat(total, permille)
    share = persian_digits(f"{permille / 10:g}").replace(".", "٫")
    return Row(f"مالیات بر ارزش افزوده ({share}٪)، در همین جمع", fee(tax)) if tax else None
