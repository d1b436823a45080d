"""What a bank's statement says otherwise than our ledger, in words."""

from typing import Final

HOW: Final = {
    "unreadable": "سطری که خوانده نمی‌شود",
    "foreign_terminal": "پایانه‌ای که از ما نیست",
    "unknown_payment": "پرداختی که در دفتر ما نیست",
    "unknown_refund": "بازپرداختی که در دفتر ما نیست",
    "amount": "دو مبلغ برای یک رسید",
    "twice": "یک رسید در دو سطر ناهمسان",
    "missing": "در دفتر ما هست و بانک نمی‌گوید",
}
KINDS: Final = {"payment": "پرداخت", "refund": "بازپرداخت", "reversal": "برگشت"}
COLUMNS: Final = {
    "columns": "شمار ستون‌ها",
    "refnum": "شماره رسید",
    "terminal": "پایانه",
    "amount": "مبلغ",
    "kind": "نوع",
    "at": "زمان",
}
# ---- The ledger and what is owed back ----

ACCOUNTS: Final = {
    "gateway": "نزد",
    "unallocated": "رسیده، هنوز بی سفارش قطعی",
    "orders": "بابت سفارش‌های قطعی",
    "refunds": "بدهی بازپرداخت",
}
WAYS: Final = {"reversal": "برگشت تراکنش", "refund": "انتقال از درگاه"}
STATES: Final = {"owed": "بدهکاریم", "asked": "از بانک خواسته‌ایم", "done": "انجام شد"}
REASONS: Final = {
    "sold_out": "کالا تمام شد",
    "not_due": "سفارش دیگر پذیرای پرداخت نبود",
    "mismatch": "مبلغ دیگری پرداخت شد",
    "cancelled": "سفارش لغو شد",
    "price_drop": "بها کم شد",
}
