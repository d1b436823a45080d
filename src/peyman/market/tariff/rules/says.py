"""The history's answers in words, for every door: what a state is called, what a reason means."""

STATES = {
    "registered": "ثبت و موعد رسیده (نیم‌بها)",
    "pending": "ثبت، پیش از موعد (تمام‌بها)",
    "unregistered": "ثبت‌نشده (تمام‌بها)",
    "unknown": "نامعلوم",
}
REASONS = {
    "registered": "ردیفی که موعدش رسیده است در فهرست‌های دو سوی این زمان هست.",
    "not_due": "ردیف در فهرست هست و موعدش هنوز نرسیده است.",
    "absent": "در فهرست‌های دو سوی این زمان هیچ ردیفی این نشانی را در بر نمی‌گیرد.",
    "gap_too_wide": "میان دو نسخه‌ای که داریم بیش از هشت روز فاصله است.",
    "changed_in_gap": "ردیف میان دو نسخه آمده یا رفته است و نمی‌دانیم کدام روز.",
    "replaced": "ردیف با تاریخ‌های دیرتر جایگزین شده است؛ تا موعد تازه نمی‌دانیم کدام به کار رفته است.",
    "before_history": "پیش از نخستین نسخه ماست. نبودن ردیف در نسخه‌های پسین چیزی را ثابت نمی‌کند.",
    "after_history": "پس از آخرین نسخه سالم ماست؛ تا نسخه بعدی نیاید، نمی‌دانیم چه عوض شده است.",
    "no_history": "هنوز هیچ نسخه سالمی از فهرست ملی نداریم.",
    "translated": "این نشانی نشانی نسخه ۴ دیگری را در خود دارد (6to4، NAT64 یا Teredo) و فهرست از آن چیزی نمی‌گوید.",
    "list_disagrees": "دو نسخه همین زمان با هم نمی‌خوانند.",
}

# ---- The guard ----

_NOT_ADMITTED = "not_admitted:"
# Why an address may not serve under the message yet, beside what the history says.
ADMISSION = {
    "admitted": "ثبت است، موعدش رسیده و دوره اطمینان پس از موعد گذشته است.",
    "hold": "موعدش رسیده، ولی دوره اطمینان پس از موعد هنوز نگذشته است.",
    "list_too_old": "آخرین فهرست سالم کهنه‌تر از آن است که بر آن تکیه کنیم.",
    "in_drift": "ناهم‌خوانی آن با فهرست ملی دیده شده و هنوز پایان‌یافته به شمار نمی‌آید.",
    "foreign": "بیرون از بازه‌های ایران است و هرگز ثبت نمی‌شود.",
    "private": "نشانی خصوصی یا ویژه است و هرگز ثبت نمی‌شود.",
}
# Why "half price" is said, or is not: the reason of a decision (rules.guard).
GUARD = {
    "admitted": "همه نشانی‌هایی که این فایل را می‌دهند پذیرفته‌اند و چیزی در برابرش نیست.",
    "unknown_isp": "نمی‌دانیم این نشانی مشترک کدام اپراتور است.",
    "no_delivery": "نمی‌دانیم این فایل از کدام نشانی‌ها به مشترکان این اپراتور داده می‌شود.",
    "no_addresses": "برای شبکه‌ای که این فایل را می‌دهد، هیچ نشانی‌ای اعلام نشده است.",
    "forced_dark": "همکاران ما آن را با دلیل خاموش نگه داشته‌اند.",
    "no_history": "هنوز هیچ فهرست سالمی از سامانه ملی نداریم.",
    "only_held_back": "از سامانه ملی فهرست آمده، ولی همه در قرنطینه است و هیچ فهرست سالمی نداریم.",
    "list_too_old": "آخرین فهرست سالم سامانه ملی کهنه‌تر از آن است که بر آن تکیه کنیم.",
    "open_incident": "رخدادی باز به این اپراتور یا به این نشانی‌ها می‌رسد.",
    "contrary_probe": "در سنجشی، این اپراتور دانلود از این نشانی‌ها را بیش از نیم‌بها حساب کرده است.",
    "tariff_unverified": "نرخ نیم‌بهای این اپراتور ثبت نشده یا کسی درستی آن را نسنجیده است.",
    "relighting": "دلیل خاموشی برطرف شده است، ولی زمان اطمینان پس از آن هنوز نگذشته است.",
    "no_ticket": "رسید این نمایش صادر نشد؛ بی رسید، چیزی درباره نیم‌بها نمی‌گوییم.",
    "not_current": "برای این زمان پاسخی آماده نداریم.",
    "client_unreadable": "نشانی کاربر خوانده نشد؛ آن را مانند 5.62.192.10 یا 2a02::1 بنویسید.",
    "client_zoned": "نشانی کاربر نام کارت شبکه دارد (پس از %) و فقط روی همان دستگاه معنا دارد.",
    "client_private": "نشانی کاربر خصوصی یا ویژه است و در اینترنت از آن کسی نیست.",
    "client_translated": "نشانی کاربر نشانی نسخه ۴ دیگری را در خود دارد (6to4، NAT64 یا Teredo)؛ اپراتورش را نمی‌دانیم.",
}
# What would light it again, by the same codes; of an address that is not admitted, see `relight`.
_RELIGHT = {
    "unknown_isp": "بازه‌های آن اپراتور را در جدول اپراتورها بیاورید.",
    "no_delivery": "تحویلی برای این فایل‌ها ثبت کنید.",
    "no_addresses": "نشانی‌های شبکه را اعلام کنید.",
    "forced_dark": "خاموشی دستی را بردارید؛ تا همه نشانی‌ها پذیرفته نباشند، برداشته نمی‌شود.",
    "no_history": "فهرست ملی را بگیرید یا از فایل بیاورید.",
    "only_held_back": "فهرست قرنطینه‌شده را ببینید؛ اگر درست است، با دلیل آزادش کنید.",
    "list_too_old": "فهرست تازه‌ای از سامانه ملی باید برسد.",
    "open_incident": "رخداد باید بسته یا رد شود.",
    "contrary_probe": "سنجش تازه‌تری باید نیم‌بها نشان دهد.",
    "tariff_unverified": "کسی باید نرخ این اپراتور را با منبعش بسنجد و تأیید کند.",
    "relighting": "خودش روشن می‌شود، اگر در این میان چیزی در برابرش پیدا نشود.",
}


def guard_reason(code: str) -> str:
    """Return the reason of a decision as a Persian sentence; of an address that is not admitted, why not."""
    if code.startswith(_NOT_ADMITTED):
        return f"دست‌کم یک نشانی پذیرفته نیست: {address_reason(code.removeprefix(_NOT_ADMITTED))}"
    return GUARD.get(code, code)


def address_reason(code: str) -> str:
    """Return why an address is admitted or not, as a Persian sentence."""
    return ADMISSION.get(code) or REASONS.get(code, code)


def relight(code: str) -> str:
    """Return what would end a reason against the message, as a Persian sentence."""
    if not code.startswith(_NOT_ADMITTED):
        return _RELIGHT.get(code, "")
    reason = code.removeprefix(_NOT_ADMITTED)
    if reason in ("not_due", "hold"):
        return "موعد نشانی‌ها و دوره اطمینان پس از آن باید بگذرد."
    if reason in ("foreign", "private"):
        return "این نشانی‌ها باید از شبکه برداشته شوند."
    if reason == "in_drift":
        return "ناهم‌خوانی باید پایان یابد و پایان‌یافته بماند."
    return "این نشانی‌ها باید در فهرست ملی ثبت شوند و موعدشان برسد، یا دیگر فایلی ندهند."
