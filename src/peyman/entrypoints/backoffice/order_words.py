"""What the desk of orders calls things."""

from typing import Final

# Shelves of the board: title, and what stands there when nothing does.
SHELVES: Final = {
    "process": ("پردازش امروز", "امروز سفارشی برای پردازش نیست."),
    "incomplete": ("ناقص، در انتظار پاسخ مشتری", "از کسی چیزی نپرسیده‌ایم."),
    "short": ("ناموجود پس از پرداخت", "کسی برای کالای تمام‌شده پولی نداده است."),
    "owed": ("پایان‌یافته با بدهی ما", "به سفارش پایان‌یافته‌ای پولی بدهکار نیستیم."),
    "waiting": ("در انتظار پرداخت", "سفارشی در انتظار پرداخت نیست."),
    "final": ("قطعی", "سفارش قطعی نیست."),
    "cancelled": ("لغوشده", "سفارشی لغو نشده است."),
    "expired": ("منقضی", "سفارشی منقضی نشده است."),
    "all": ("همه سفارش‌ها", "هنوز سفارشی ثبت نشده است."),
}
# What runs for an order, until when.
DUE: Final = {"payment": "پرداخت", "answer": "پاسخ مشتری", "processing": "پردازش", "refund": "بازگشت وجه", "": ""}
# Why somebody opens recipient and address; the words go into the access log.
WHY: Final = (
    ("بسته‌بندی و ارسال سفارش", "بسته‌بندی و ارسال سفارش"),
    ("پاسخ به پرسش مشتری", "پاسخ به پرسش مشتری"),
    ("سنجیدن نشانی پیش از پردازش", "سنجیدن نشانی پیش از پردازش"),
    ("پیگیری پرداخت یا بازگشت وجه", "پیگیری پرداخت یا بازگشت وجه"),
)
EVENTS: Final = {
    "place": "سفارش ثبت شد",
    "issue_cart_code": "کد سبد صادر و سفارش قطعی شد",
    "run_short": "پول رسید، ولی کالا تمام شده بود",
    "expire": "مهلت پرداخت گذشت",
    "cancel": "انصراف",
    "give_back": "همه وجه برگشت و سفارش بسته شد",
    "ask_more": "از مشتری اطلاعات خواسته شد",
    "complete": "پاسخ رسید و سفارش به راه افتاد",
    "complete_final": "پاسخ رسید و سفارش دوباره قطعی شد",
    "unanswered": "پاسخی نرسید و سفارش لغو شد",
    "cancel_by_shop": "فروشگاه سفارش را لغو کرد",
}
BAD_EVENTS: Final = frozenset({"run_short", "expire", "unanswered", "cancel_by_shop"})
LANES: Final = {"order": "سفارش", "money": "پول", "message": "پیام", "promise": "قول", "staff": "دسترسی"}
# Promises, short enough for the side of a drawing.
KINDS: Final = {
    "pro_forma": "پیش‌فاکتور",
    "cart_code": "کد سبد",
    "processing": "پردازش",
    "refund": "بازگشت",
    "notice": "خبر لغو",
    "answer": "پاسخ",
}
CHANNELS: Final = {"sms": "پیامک", "email": "ایمیل"}
# Why what lies in the store was corrected.
MOVEMENTS: Final = {
    "count": "شمارش انبار",
    "import": "فایل تأمین‌کننده",
    "delivery": "رسیدن کالا",
    "damage": "آسیب",
    "stock_out": "فروخته شد و در انبار نبود",
}
