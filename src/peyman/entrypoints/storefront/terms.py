"""The published terms: the version in force, every earlier one, and what changed between them (D03, D04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock, worddiff
from peyman.kernel import money
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import persian_digits
from peyman.promises import queries
from peyman.promises.models import TermsClause, TermsVersion
from peyman.promises.rules import parameter

# What stands beside a clause: its parameters, with their name and unit for readers. A test compares with the register.
_BESIDE = {
    "D07": ("max_quantity",),
    "D20": ("adult_age",),
    "D22": ("processing_hours",),
    "D24": ("pro_forma_hours",),
    "D30": ("refund_early_hours", "refund_hours"),
    "D31": ("withdrawal_days",),
    "D32": ("notice_hours",),
    "D41": ("answer_hours",),
    "D56": ("payment_minutes",),
    "D57": ("cart_code_hours", "order_hours"),
    "D58": ("cart_days",),
    "D73": ("damage_hours",),
    "D112": ("complaint_hours",),
    "D118": ("packing_fee", "insurance_permille"),
}
_WORDS = {
    "max_quantity": ("بیشترین شمار", "عدد"),
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


@dataclass(frozen=True)
class Beside:
    """A parameter of a clause, in words."""

    title: str
    words: str


@dataclass(frozen=True)
class Clause:
    number: str
    title: str
    text: str
    beside: list[Beside]


@dataclass(frozen=True)
class Section:
    number: str
    title: str
    clauses: list[Clause]


@dataclass(frozen=True)
class Change:
    """One clause that differs from the version before."""

    number: str
    title: str
    runs: list[worddiff.Run]


@require_safe
@carries_out("D03", "D04")
def terms(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """Show the version in force, or the one of `number`; 404 for a number that was never published."""
    now = clock.now()
    current = queries.terms_in_force(now)
    shown = current if number is None else queries.terms(number)
    versions = queries.all_terms()
    before = next((version for version in versions if version.number == shown.number - 1), None)
    context = {
        "terms": shown,
        "current": current,
        "versions": versions,
        "sections": sections(shown),
        "before": before,
        "changes": changes(queries.clauses(before), queries.clauses(shown)) if before else [],
        "is_future": shown.effective_at > now,
    }
    return render(request, "storefront/terms.html", context)


def sections(version: TermsVersion) -> list[Section]:
    """Return the clauses of a version under their sections, parameters beside them."""
    found = []
    for (number, title), clauses in groupby(
        queries.clauses(version), lambda clause: (clause.number.partition("-")[0], clause.section)
    ):
        found.append(
            Section(number, title, [Clause(c.number, c.title, c.text, _beside(version, c.clause)) for c in clauses])
        )
    return found


def changes(old: Sequence[TermsClause], new: Sequence[TermsClause]) -> list[Change]:
    """Return the clauses whose text was changed, added or taken away, in the order of the new version."""
    before = {clause.clause: clause for clause in old}
    found = [
        Change(clause.number, clause.title, worddiff.words(before[clause.clause].text if known else "", clause.text))
        for clause in new
        if not (known := clause.clause in before) or before[clause.clause].text != clause.text
    ]
    kept = {clause.clause for clause in new}
    gone = [clause for clause in old if clause.clause not in kept]
    return found + [Change(clause.number, clause.title, worddiff.words(clause.text, "")) for clause in gone]


def _beside(version: TermsVersion, clause: str) -> list[Beside]:
    found = []
    for name in _BESIDE.get(clause, ()):
        if name not in version.parameters:
            continue
        value = parameter(version.parameters, name)
        if name == "packing_fee":
            words = f"{money.grouped(money.tomans(value))} تومان" if value else "رایگان"
            found.append(Beside("بسته‌بندی", words))
        else:
            title, unit = _WORDS[name]
            found.append(Beside(title, f"{persian_digits(value)} {unit}"))
    return found
