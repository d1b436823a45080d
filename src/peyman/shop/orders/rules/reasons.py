"""Why the shop itself cancels an order: a code for our books, words for the customer, and the clause behind it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid


@dataclass(frozen=True)
class Reason:
    """`is_ours`: the order cannot be delivered, so that its orderer must be told in time (D32)."""

    code: str
    title: str  # completes «این سفارش را لغو کردیم، چون …»
    clause: str
    is_ours: bool
    names_goods: bool = False  # which goods it is about must be said (D28)


REASONS: Final = {
    reason.code: reason
    for reason in (
        Reason("stock_out", "موجودی کالا تمام شد", "D28", True, names_goods=True),
        Reason("price_error", "در قیمت‌گذاری اشتباه کرده بودیم", "D32", True),
        Reason("market_swing", "نوسان بازار تحویل آن را ناممکن کرد", "D32", True),
        Reason("cannot_deliver", "تحویل آن ناممکن شد", "D32", True),
        Reason("wrong_data", "اطلاعات سفارش نادرست است و تحویل‌دادنی نیست", "D39", False),
        Reason("no_answer", "پاسخ پرسش ما نرسید", "D41", False),
    )
}

LONGEST_NOTE: Final = 300


@carries_out("D28", "D32")
def detected(at: datetime, *, placed_at: datetime, now: datetime) -> datetime:
    """Return when we found out that an order cannot be delivered. Raises Invalid for an hour before it or ahead."""
    if not placed_at <= at <= now:
        raise Invalid({"detected_at": "زمان آگاهی باید میان ثبت سفارش و اکنون باشد."})
    return at


def reason(code: str, *, skus: list[str], of_order: list[str], note: str) -> Reason:
    """Return the reason of a cancellation. Raises Invalid with every fault: an unknown reason, goods that the order
    does not have, none where the reason is about goods (D28), some where it is not, a note that is too long.
    """
    wrong: dict[str, str] = {}
    found = REASONS.get(code)
    if found is None:
        wrong["reason"] = "دلیل لغو را از فهرست برگزینید."
    foreign = [sku for sku in skus if sku not in of_order]
    if foreign:
        wrong["skus"] = f"کالای «{foreign[0]}» در این سفارش نیست."
    elif found and found.names_goods and not skus:
        wrong["skus"] = "بگویید کدام کالا تمام شده است؛ دلیل را برای هر کالا جداگانه می‌گوییم."
    elif found and skus and not found.names_goods:
        wrong["skus"] = "کالا تنها برای «پایان موجودی» نشان زده می‌شود."
    if len(note) > LONGEST_NOTE:
        wrong["note"] = "این نوشته بلندتر از اندازه است؛ کوتاه‌ترش کنید."
    if found is None or wrong:
        raise Invalid(wrong)
    return found
