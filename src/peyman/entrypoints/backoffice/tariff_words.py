"""What states, reasons and outcomes of the tariff are called at the desk."""

from datetime import timedelta

from peyman.kernel.text import persian_digits
from peyman.market.tariff.rules.says import REASONS

STATES = {
    "registered": ("kept", "ثبت و موعد رسیده", "نیم‌بها حساب می‌شود."),
    "pending": ("time", "ثبت، پیش از موعد", "هنوز تمام‌بها حساب می‌شود."),
    "unregistered": ("broken", "ثبت‌نشده", "تمام‌بها حساب می‌شود."),
    "unknown": ("", "نامعلوم", "نمی‌دانیم، و چیزی را که نمی‌دانیم نیم‌بها نمی‌گوییم."),
}
KINDS = {
    "ineligible": ("broken", "هرگز ثبت نمی‌شود", "نشانی خصوصی یا بیرون از ایران است؛ باید از شبکه برداشته شود."),
    "unregistered": ("broken", "فایل می‌دهد و ثبت نیست", "باید در فهرست ملی ثبت شود."),
    "pending": ("time", "ثبت شده و پیش از موعد", "تا موعد تمام‌بهاست."),
    "unknown": ("time", "نامعلوم", "نسخه‌های فهرست چیزی نمی‌گویند."),
    "idle": ("", "ثبت است و فایل نمی‌دهد", "اگر دیگر به کار نمی‌آید، می‌شود رهایش کرد."),
}
CAUSES = {
    "foreign": "بیرون از بازه‌های ایران است",
    "private": "نشانی خصوصی یا ویژه است",
    "row_removed": "ردیفش بی‌خبر از فهرست رفته است",
    "not_listed": "پیش از ثبت به کار افتاده است",
    "not_due": "موعدش نرسیده است",
    "absent": "در فهرست نیست",
    "no_edge": "هیچ سروری از آن فایل نمی‌دهد",
    "after_history": "آخرین نسخه سالم کهنه‌تر از آن است که بر آن تکیه کنیم",
}
SNAPSHOTS = {
    "good": ("kept", "سالم"),
    "quarantined": ("time", "در قرنطینه"),
    "unreadable": ("broken", "خوانده‌نشدنی"),
}
REQUESTS = {
    "draft": ("time", "آماده تحویل"),
    "sent": ("time", "تحویل‌شده، در انتظار موعد"),
    "due": ("kept", "به موعد رسید"),
    "dropped": ("", "کنار گذاشته"),
}
OUTCOMES = {
    "taken": ("kept", "نسخه تازه گرفته شد"),
    "same": ("kept", "همان نسخه پیشین"),
    "quarantined": ("time", "گرفته شد و در قرنطینه ماند"),
    "unreadable": ("broken", "فهرست نبود"),
}
HOW = {"declared": "اعلام", "feed": "فهرست شبکه", "dns": "پاسخ DNS", "log": "گزارش سرور"}


def age_words(age: timedelta) -> str:
    """Return «۳ ساعت», «۲ روز و ۵ ساعت», «۱۲ روز»: hours below two days, hours beside days below a week, then days."""
    hours = int(age.total_seconds() // 3600)
    if hours < 1:
        return "کمتر از یک ساعت"
    days, rest = divmod(hours, 24)
    if days < 2:
        return persian_digits(f"{hours} ساعت")
    if days < 7 and rest:
        return persian_digits(f"{days} روز و {rest} ساعت")
    return persian_digits(f"{days} روز")


def reason_words(reason: str) -> str:
    """Return a reason of the history, of drift or of admission in words; the code itself where nobody gave it any."""
    return CAUSES.get(reason) or REASONS.get(reason, reason)
