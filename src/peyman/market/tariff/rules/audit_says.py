"""An audit's codes in words: what a reason means, and what would settle what is not known."""

from typing import Final

from peyman.market.tariff.rules.audit import Code, Result

CAUSES: Final = {
    "unregistered": "نشانی در فهرست ملی نبود",
    "pending": "در فهرست بود و موعدش نرسیده بود",
    "not_due": "ردیفش میان دو نسخه آمد؛ تا موعد، نبوده یا نرسیده، هر دو تمام‌بهاست",
}
# What is not known, and what would settle it.
UNKNOWNS: Final = {
    Code.NO_EDGE_ADDRESS: (
        "گزارش نمی‌گوید کاربر به کدام نشانی وصل شد.",
        "گزارشی که نشانی سرور را هم بنویسد.",
    ),
    Code.EDGE_UNPROVEN: (
        "گزارش سروری را نام می‌برد که هیچ محدوده اعلام‌شده‌ای آن را در بر ندارد.",
        "اعلام آن محدوده با تاریخ و مدرک شبکه توزیع.",
    ),
    Code.TRANSLATED: (
        "نشانی سرور نسخه ۶ است و نشانی نسخه ۴ دیگری را در خود دارد.",
        "گزارشی از سوی سرور نسخه ۴.",
    ),
    Code.NO_HISTORY: ("هیچ نسخه سالمی از فهرست ملی نداریم.", "نسخه‌های آن روزها."),
    Code.BEFORE_HISTORY: (
        "پیش از نخستین نسخه ما از فهرست ملی است. ردیف‌های آن روز شاید برداشته یا بازنویسی شده باشند.",
        "نسخه‌ای کهنه‌تر از فهرست، از اپراتور یا سازمان تنظیم مقررات.",
    ),
    Code.AFTER_HISTORY: (
        "پس از آخرین نسخه سالم ما از فهرست ملی است.",
        "نسخه بعدی فهرست؛ همین ممیزی با آن دوباره اجرا شود.",
    ),
    Code.GAP_TOO_WIDE: (
        "میان دو نسخه دو سوی آن بیش از اندازه مجاز فاصله است.",
        "نسخه‌ای از فهرست در آن روزها.",
    ),
    Code.CHANGED_IN_GAP: (
        "ردیف نشانی میان دو نسخه آمده یا رفته است و نمی‌دانیم کدام روز.",
        "نسخه‌ای از فهرست در آن روزها، یا رسید سامانه.",
    ),
    Code.LIST_DISAGREES: ("دو نسخه همین زمان با هم نمی‌خوانند.", "نسخه سومی از همان روز."),
    Code.REPLACED: (
        "ردیف نشانی با تاریخ‌های دیرتر بازنویسی شد؛ تا موعد تازه نمی‌دانیم کدام به کار رفت.",
        "آزمون مصرف در آن روزها، یا پاسخ اپراتور.",
    ),
    Code.IN_GRACE: (
        "در مهلتی است که پس از موعد به اپراتور داده‌ایم.",
        "آزمون مصرف از همان اپراتور در آن روزها.",
    ),
    Code.CROSSES_CHANGE: (
        "بها در میانه دانلود عوض شد، یا نزدیک‌تر از خطای ساعت گزارش.",
        "گزارشی که پیشرفت دانلود را بنویسد.",
    ),
    Code.SHOWN_UNKNOWN: (
        "نمی‌دانیم به کاربر «نیم‌بها» گفته شده بود یا نه.",
        "تاریخچه نسخه‌های برنامه، یا بلیت دانلود.",
    ),
}
NOT_COUNTED: Final = {
    Code.METHOD: "دانلود نبود: درخواستی جز GET",
    Code.NOT_MODIFIED: "فایلی نرفت: کاربر آن را داشت",
    Code.REDIRECT: "فایلی نرفت: راهنمایی به نشانی دیگر",
    Code.CLIENT_ERROR: "فایلی نرفت: درخواست نادرست",
    Code.SERVER_ERROR: "فایلی نرفت: خطای سرور",
    Code.OTHER_STATUS: "فایلی نرفت: پاسخی دیگر",
    Code.NO_BYTES: "هیچ بایتی نرسید",
    Code.FILL: "میان سرورهای خود شبکه توزیع",
    Code.STAFF: "از خود ما بود",
    Code.NOT_A_DOWNLOAD: "فایل بازار نبود",
    Code.DUPLICATE: "رونوشت سطری دیگر",
}
REJECTED: Final = {
    "negative_bytes": "شمار بایت منفی است",
    "bad_bytes": "شمار بایت خوانده نمی‌شود",
    "bad_time": "زمان خوانده نمی‌شود",
    "ends_before_it_starts": "پیش از آغازش پایان می‌یابد",
    "not_json": "JSON نیست",
    "wrong_columns": "ستون‌هایش دیگر است",
    "wrong_form": "به این شکل نیست",
    "counted_at_first_byte": "پیش از پایان دانلود نوشته شده است",
    "zoned_edge_address": "نشانی سرور نام کارت شبکه دارد",
    "zoned_client_address": "نشانی کاربر نام کارت شبکه دارد",
    "bad_edge_address": "نشانی سرور خوانده نمی‌شود",
    "bad_client_address": "نشانی کاربر خوانده نمی‌شود",
}


def unknown(reason: str) -> tuple[str, str]:
    """Return what a reason of not knowing means and what would settle it; blank for one without words."""
    return {code.reason: words for code, words in UNKNOWNS.items()}.get(reason, ("", ""))


def unsaid() -> list[Code]:
    """Return the codes that nobody gave words."""
    told = {*UNKNOWNS, *NOT_COUNTED}
    return [code for code in Code if code.result in (Result.UNKNOWN, Result.NOT_COUNTED) and code not in told]
