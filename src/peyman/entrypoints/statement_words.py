"""What a bank's statement says otherwise than our ledger, in words."""

from typing import Final

from peyman.gateways import banks

HOW: Final = {
    "unreadable": "سطری که خوانده نمی‌شود",
    "foreign_terminal": "پایانه‌ای که از ما نیست",
    "unknown_payment": "پرداختی که در دفتر ما نیست",
    "unknown_refund": "بازپرداختی که در دفتر ما نیست",
    "amount": "دو مبلغ برای یک رسید",
    "twice": "یک رسید در دو سطر ناهمسان",
    "undue": "حواله‌ای رفت که کنار گذاشته بودیم",
    "unknown_deposit": "واریزی که هیچ گزارش درگاهی از آن نمی‌گوید",
    "no_settlement": "سطرهای تسویه‌ای که خودش در گزارش نیست",
    "changed": "گزارش تازه با گزارش پیشین این تسویه نمی‌خواند",
    "uncovered": "تسویه‌ای که نمی‌گوید بابت کدام پرداخت‌ها یا کدام روزهاست",
    "sum": "مبلغ تسویه با پرداخت‌ها و کارمزدش نمی‌خواند",
    "fee_unknown": "کارمزد تسویه را نه گزارش می‌گوید و نه قرار",
    "fee_other": "کارمزدی جز آنچه قرار بود",
    "missing": "در دفتر ما هست و بانک نمی‌گوید",
}
KINDS: Final = {
    "payment": "پرداخت",
    "refund": "بازپرداخت",
    "reversal": "برگشت",
    "transfer": "حواله",
    "returned": "حواله برگشتی",
    "deposit": "تسویه",
}
COLUMNS: Final = {
    "columns": "شمار ستون‌ها",
    "refnum": "شماره رسید",
    "terminal": "پایانه",
    "amount": "مبلغ",
    "kind": "نوع",
    "at": "زمان",
    "settlement": "شماره تسویه",
    "fee": "کارمزد",
    "span": "از و تا",
}
# ---- The ledger and what is owed back ----

ACCOUNTS: Final = {
    "gateway": "نزد",
    "road": "تسویه در راه، از",
    "fee": "کارمزد",
    "unallocated": "رسیده، هنوز بی سفارش قطعی",
    "orders": "بابت سفارش‌های قطعی",
    "refunds": "بدهی بازپرداخت",
    "paya": "بازپرداخت در راه، نزد بانک ما",
    "bank": "حساب بانکی ما",
}


def account_title(name: str) -> str:
    """Return what people call an account of the ledger: "gateway:zarinpal" → «نزد زرین‌پال»."""
    kind, _, bank = name.partition(":")
    return f"{ACCOUNTS.get(kind, kind)} {banks.title(bank)}".strip()


# Postings of the ledger by what stands before the colon of their name.
POSTINGS: Final = {
    "capture": "وصول از بانک",
    "final": "به حساب سفارش قطعی",
    "refund": "بدهکار شدیم",
    "returned": "برگرداندیم",
    "paya": "در دسته پایا",
    "untaken": "از دسته پایا برگشت",
    "paid": "بانک پرداخت",
    "back": "بانک برگرداند",
    "settled": "تسویه درگاه",
    "arrived": "تسویه به حساب ما رسید",
}


def posting_title(name: str) -> str:
    """Return what a posting of the ledger was: "capture:PAY-…" → «وصول از بانک»."""
    kind = name.partition(":")[0]
    return POSTINGS.get(kind, kind)
