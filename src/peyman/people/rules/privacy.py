"""Reports of privacy violations (D17), written permissions (D18), and what the law makes us keep (D16)."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import normalise

RECEIVED, TAKEN, ANSWERED, CLOSED = "received", "taken", "answered", "closed"

TOPICS_OF_CASES: Final[dict[str, str]] = {
    "leak": "اطلاعات کسی دیده یا پخش شده است",
    "contact": "پیام یا تماسی که نخواسته بودم",
    "wrong": "اطلاعاتی از من نادرست است",
    "theft": "کسی از حساب من استفاده کرده است",
    "other": "چیز دیگری",
}
CLOSING_REASONS: Final[dict[str, str]] = {
    "mended": "نقض روی داده بود و برطرف شد",
    "no_violation": "بررسی شد و نقضی نبود",
    "not_ours": "به ما بازنمی‌گشت و راه درست گفته شد",
    "repeated": "همان مورد پیشین بود",
    "no_answer": "گزارش‌دهنده به پرسش ما پاسخ نداد",
}
# (state, event) → state. One table for the desk, the page and the tests.
CASE_STEPS: Final[dict[tuple[str, str], str]] = {
    (RECEIVED, "take"): TAKEN,
    (TAKEN, "take"): TAKEN,  # by another member of staff
    (TAKEN, "answer"): ANSWERED,
    (ANSWERED, "answer"): ANSWERED,
    (ANSWERED, "close"): CLOSED,
}
STATE_WORDS: Final[dict[str, str]] = {
    RECEIVED: "رسیده",
    TAKEN: "در دست بررسی",
    ANSWERED: "پاسخ داده شده",
    CLOSED: "بسته",
}
_LONGEST_REPORT: Final = 4000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class CaseStands(Refused):
    """The case is not where this step begins; somebody else may have been faster."""

    code, clause, status = "case_stands", "D17", 409
    says = "انجام نشد، چون این گزارش اکنون «{state}» است. صفحه را تازه کنید؛ شاید همکاری پیش از شما آن را برداشته است."


class NotYourCase(Refused):
    """Whoever took a case answers it; another one takes it first."""

    code, clause, status = "not_your_case", "D17", 409
    says = "انجام نشد، چون این گزارش در دست همکار دیگری است. اگر باید شما پاسخ دهید، نخست آن را بردارید."


@carries_out("D17")
def step(state: str, event: str) -> str:
    """Return the state after this step. Raises CaseStands."""
    after = CASE_STEPS.get((state, event))
    if after is None:
        raise CaseStands(state=STATE_WORDS.get(state, state))
    return after


def report_text(typed: str, *, field: str = "text") -> str:
    """Return a report or an answer, cleaned, its lines kept. Raises Invalid that names `field`."""
    lines = [normalise(line) for line in typed.splitlines()]
    text = "\n".join(lines).strip()
    if len(text) < 10:
        raise Invalid({field: "بنویسید چه روی داده است؛ دست‌کم یک جمله."})
    if len(text) > _LONGEST_REPORT:
        raise Invalid({field: "نوشته از ۴۰۰۰ نویسه بلندتر است؛ کوتاه‌ترش کنید."})
    return text


def case_topic(typed: str, *, field: str = "topic") -> str:
    if typed not in TOPICS_OF_CASES:
        raise Invalid({field: "موضوع را برگزینید."})
    return typed


def closing_reason(typed: str, *, field: str = "why") -> str:
    if typed not in CLOSING_REASONS:
        raise Invalid({field: "برای بستن گزارش، نتیجه آن را برگزینید."})
    return typed


def access_reason(typed: str, *, field: str = "why") -> str:
    """Return why a member of staff looks at personal data. Raises Invalid that names `field`."""
    why = normalise(typed)
    if not 5 <= len(why) <= 200:
        raise Invalid({field: "بنویسید برای چه کاری؛ دلیل در دفتر دسترسی می‌ماند و صاحب حساب هم آن را می‌بیند."})
    return why


@dataclass(frozen=True)
class PermissionForm:
    to_whom: str
    what_for: str
    starts_on: date
    ends_on: date | None
    document_sha256: str


@carries_out("D18")
def permission(
    *, to_whom: str, what_for: str, starts_on: date | None, ends_on: date | None, document_sha256: str
) -> PermissionForm:
    """Return a written permission as it is registered. Raises Invalid naming every field that is wrong."""
    wrong: dict[str, str] = {}
    whom, purpose, digest = normalise(to_whom), normalise(what_for), document_sha256.strip().lower()
    if not 2 <= len(whom) <= 200:
        wrong["to_whom"] = "نام کسی را بنویسید که مجوز گرفته است."
    if not 5 <= len(purpose) <= 400:
        wrong["what_for"] = "بنویسید مجوز برای چه استفاده‌ای است."
    if starts_on is None:
        wrong["starts_on"] = "روز آغاز را بنویسید؛ مانند ۱۴۰۵/۱/۱۵."
    elif ends_on is not None and ends_on < starts_on:
        wrong["ends_on"] = "روز پایان پیش از روز آغاز است."
    if not _SHA256.fullmatch(digest):
        wrong["document_sha256"] = "اثر انگشت سند ۶۴ نویسه است: خروجی sha256 پرونده امضاشده."
    if wrong or starts_on is None:
        raise Invalid(wrong)
    return PermissionForm(whom, purpose, starts_on, ends_on, digest)


# What stays after an erasure, and why; `until` is said with it.
KEPT: Final[dict[str, tuple[str, str]]] = {
    "open_orders": (
        "سفارش‌های باز و شماره موبایل شما",
        "تا کار آن‌ها تمام شود، باید بتوانیم کالا یا پولتان را برسانیم.",
    ),
    "orders": (
        "سفارش‌های پایان‌یافته، نشانی تحویل و مدارک پرداخت آن‌ها، رمزنگاری‌شده",
        "قانون تجارت نگهداری دفترها و اسناد فروش را از ما می‌خواهد.",
    ),
    "acceptances": ("پذیرش شرایط، بی نام و شماره", "سند قراردادی است که با شما بسته‌ایم."),
    "history": ("رد تغییرها و ورودها، بی نام و شماره و نشانی", "باید بتوان ثابت کرد چه کاری چه زمانی انجام شده است."),
    "privacy_cases": ("گزارش‌های حریم خصوصی شما، رمزنگاری‌شده", "رسیدگی به آن‌ها باید قابل بازبینی بماند."),
}
