"""Words that several doors use for the same thing."""

from collections.abc import Callable, Mapping

from peyman.promises.rules import Scope

_KINDS = {
    "pro_forma": "فرستادن پیش‌فاکتور",
    "cart_code": "رساندن کد سبد",
    "refund": "بازگشت وجه",
    "processing": "پردازش سفارش",
    "contact_confirmation": "تأیید نشانی",
    "privacy": "رسیدگی به گزارش حریم خصوصی",
    "registry_update": "ثبت محدوده‌ها در سامانه ملی",
    "incident_update": "به‌روزرسانی اطلاعیه رویداد",
}
# What promises to ourselves are made by: clauses that are no part of the shop's terms.
_OTHER_CLAUSES = {"B06": "یافتن و پیگیری اختلاف با سامانه ملی", "B11": "عذرخواهی منتشرشده"}


# What a parameter of the terms is called, and its unit.
PARAMETERS = {
    "max_quantity": ("بیشترین شمار", "عدد"),
    "retention_years": ("نگهداری اسناد سفارش", "سال"),
    "adult_age": ("سن خرید بی‌اجازه", "سال"),
    "processing_hours": ("مهلت پردازش", "ساعت کاری"),
    "pro_forma_hours": ("مهلت پیش‌فاکتور", "ساعت"),
    "refund_early_hours": ("زودترین", "ساعت کاری"),
    "refund_hours": ("مهلت", "ساعت کاری"),
    "withdrawal_days": ("مهلت انصراف", "روز کاری"),
    "notice_hours": ("مهلت خبر", "ساعت کاری"),
    "answer_hours": ("مهلت پاسخ شما", "ساعت کاری"),
    "payment_minutes": ("ثابت‌ماندن مبلغ", "دقیقه"),
    "cart_code_hours": ("مهلت فرستادن کد", "ساعت"),
    "order_hours": ("مهلت پرداخت", "ساعت"),
    "cart_days": ("عمر سبد رهاشده", "روز"),
    "damage_hours": ("مهلت اعلام", "ساعت کاری"),
    "complaint_hours": ("مهلت نخستین پاسخ", "ساعت کاری"),
    "insurance_permille": ("بیمه", "در هزار بهای کالا"),
}


def kind_words(kind: str) -> str:
    """Return what promises of a kind are called; the kind itself where nobody gave it a name."""
    return _KINDS.get(kind, kind)


def clause_words(clause: str, titles: Mapping[str, str]) -> str:
    """Return what a clause is called: in the terms, or outside them; its id where nobody gave it a name."""
    return titles.get(clause) or _OTHER_CLAUSES.get(clause, clause)


def scope_words(scope: Scope, title_of: Callable[[str], str]) -> str:
    """Return a scope in words: «همه قول‌ها», or «بازگشت وجه، در استان گیلان»."""
    what = [title_of(clause) for clause in sorted(scope.clauses)] + [kind_words(kind) for kind in sorted(scope.kinds)]
    where = f"در استان {'، '.join(sorted(scope.provinces))}" if scope.provinces else ""
    return "، ".join(part for part in ("، ".join(what) or "همه قول‌ها", where) if part)


def parameter_words(name: str) -> str:
    """Return what a parameter of the terms is called, with its unit; its name where nobody gave it words."""
    title, unit = PARAMETERS.get(name, (name, ""))
    return f"{title} ({unit})" if unit else title
