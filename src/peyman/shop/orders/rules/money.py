"""What an order costs, and when the buyer must be asked again."""

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.money import grouped, tomans


class TotalRose(Refused):
    """The total is above what the buyer saw: it is told, and asked for afresh (D56)."""

    code, clause = "total_rose", "D56"
    says = (
        "ثبت نشد، چون جمع بیشتر شده است. دیدید: {shown_words} تومان. اکنون: {total_words} تومان. "
        "پولی گرفته نشد؛ اگر با جمع تازه موافق هستید، دوباره ثبت کنید."
    )

    def __init__(self, *, shown_total: int, total: int) -> None:
        super().__init__(
            shown_total=shown_total, total=total, shown_words=_words(shown_total), total_words=_words(total)
        )


def _words(rials: int) -> str:
    return grouped(tomans(rials - rials % 10))


class TermsChanged(Refused):
    """Another version is in force than the one accepted."""

    code, clause = "terms_changed", "D05"
    says = (
        "ثبت نشد، چون شرایط فروش تازه شده است: نسخه {current} در کار است. "
        "پولی گرفته نشد؛ نسخه تازه را بخوانید و دوباره ثبت کنید."
    )


class NothingToOrder(Invalid):
    code = "nothing_to_order"
    says = "چیزی برای سفارش نیست؛ نخست کالایی برگزینید."

    def __init__(self) -> None:
        super().__init__({"lines": "دست‌کم یک کالا لازم است."})


class SameSkuTwice(Invalid):
    code = "sku_twice"
    says = "یک کالا دو بار در سفارش آمده است."

    def __init__(self, sku: str) -> None:
        super().__init__({"lines": f"کالای «{sku}» دو بار آمده است؛ شمار را در یک ردیف بنویسید."})


class UnknownOrder(Missing):
    code = "order_unknown"
    says = "سفارشی با این شناسه در حساب شما نیست."


@carries_out("D56")
def agreed(*, shown_total: int, total: int) -> int:
    """Return what is to be paid: `total`, when it is not above what the buyer saw.

    A drop is applied without asking; a rise raises TotalRose with both numbers.
    """
    if total > shown_total:
        raise TotalRose(shown_total=shown_total, total=total)
    return total
