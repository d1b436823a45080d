"""Who knew when: dated facts in words, each with when it was so, when we had it, and what shows it (B10).

The words name no person: the desk shows `people` beside them, the public page does not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.market.incidents.rules import steps

# In the order in which facts of one instant are told.
KINDS: Final = (
    "served",
    "ended",
    "listed",
    "due",
    "removed",
    "began",
    "noticed",
    "alarmed",
    "asked",
    "sent",
    "seen_listed",
    "request_due",
    "dropped",
    "cleared",
    "audited",
    "recounted",
    *steps.EVENTS,
)
TONES: Final = {  # of the knot beside a fact
    "served": "next",
    "began": "broken",
    "removed": "broken",
    "noticed": "broken",
    "alarmed": "open",
    "detect": "broken",
    "listed": "open",
    "asked": "open",
    "sent": "open",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """`at`: when it was so; `known_at`: when we had it, where that is another instant."""

    at: datetime
    kind: str
    text: str
    evidence: tuple[tuple[str, str], ...] = ()  # what, its code
    known_at: datetime | None = None
    people: tuple[str, ...] = ()  # codes: who did it, or was told

    @property
    def tone(self) -> str:
        return TONES.get(self.kind, "kept")

    def as_json(self) -> dict[str, Any]:
        """Return it for the public: without people."""
        return {
            "at": jalali.iso(self.at),
            "known_at": jalali.iso(self.known_at) if self.known_at else None,
            "kind": self.kind,
            "text": self.text,
            "evidence": [list(pair) for pair in self.evidence],
        }


def from_json(told: Mapping[str, Any]) -> Fact:
    """Return what `as_json` wrote."""
    known = told["known_at"]
    return Fact(
        datetime.fromisoformat(told["at"]),
        told["kind"],
        told["text"],
        tuple((what, code) for what, code in told["evidence"]),
        datetime.fromisoformat(known) if known else None,
    )


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """Return facts by when they were so, those of one instant in the order of their kinds."""
    return sorted(facts, key=lambda one: (one.at, KINDS.index(one.kind), one.text))


# ---- Words ----


def served(cdn: str, ranges: int) -> str:
    return f"از {_ranges(ranges)} شبکه «{cdn}» فایل دادیم"


def ended(cdn: str, ranges: int) -> str:
    return f"از {_ranges(ranges)} شبکه «{cdn}» دیگر فایل ندادیم"


def listed(rows: int, due: date | None, is_oldest: bool) -> str:
    when = f"با موعد {jalali.plain_date(due, year=True)}" if due else "بی موعدی که بشود خواند"
    if is_oldest:
        return f"{_rows(rows)} در نخستین نسخه ما از فهرست ملی بود، {when}"
    return f"{_rows(rows)} نخستین بار در فهرست ملی دیده شد، {when}"


def due(rows: int) -> str:
    return f"موعد اعمال {_rows(rows)} رسید؛ از این روز نیم‌بها حساب می‌شود"


def removed(rows: int) -> str:
    return f"{_rows(rows)} از فهرست ملی رفته بود"


def began(prefix: str, kind: str) -> str:
    return f"ناهم‌خوانی {prefix} آغاز شد: {_KINDS.get(kind, kind)}"


def noticed(prefix: str) -> str:
    return f"ناهم‌خوانی {prefix} را یافتیم"


def alarmed(ranges: int, people: int) -> str:
    told = f"به {persian_digits(people)} همکار خبر رسید" if people else "همکاری برای خبر گرفتن نبود"
    return f"هشدار {_ranges(ranges)}: {told}"


def cleared(prefix: str) -> str:
    return f"ناهم‌خوانی {prefix} برطرف شد و برطرف ماند"


def asked(ranges: int) -> str:
    return f"درخواست ثبت {_ranges(ranges)} ساخته شد"


def sent(ranges: int, expected: date | None) -> str:
    due_words = f"؛ موعد پیش‌بینی‌شده {jalali.plain_date(expected, year=True)}" if expected else ""
    return f"درخواست ثبت {_ranges(ranges)} به سامانه ملی تحویل شد{due_words}"


def seen_listed(ranges: int) -> str:
    return f"همه {_ranges(ranges)} درخواست در فهرست دیده شد"


def request_over(is_due: bool) -> str:
    return "همه بازه‌های درخواست به موعد رسیدند" if is_due else "درخواست کنار گذاشته شد"


def audited(lines: int, overcharged: int) -> str:
    return (
        f"ممیزی {persian_digits(f'{lines:,}')} سطر گزارش به دست ما رسید؛ "
        f"{persian_digits(f'{overcharged:,}')} سطر اضافه حساب شده بود"
    ).replace(",", "٬")


def recounted(is_same: bool) -> str:
    return "بازشماری همان رقم‌ها را داد" if is_same else "بازشماری رقم‌های دیگری داد"


_STEPS: Final = {
    "detect": "رویداد را ثبت کردیم",
    "attach": "رقم‌های ممیزی به پرونده پیوست",
    "confirm": "رقم‌ها تأیید شد",
    "publish": "اطلاعیه منتشر شد",
    "correct": "نسخه تازه اطلاعیه منتشر شد",
    "close": "پرونده بسته شد",
    "dismiss": "پرونده کنار گذاشته شد",
}


def stepped(event: str) -> str:
    return _STEPS[event]


_KINDS: Final = {
    "ineligible": "هرگز ثبت نمی‌شود و فایل می‌دهد",
    "unregistered": "ثبت نیست و فایل می‌دهد",
    "pending": "پیش از موعد فایل می‌دهد",
    "unknown": "فایل می‌دهد و نمی‌دانیم ثبت است یا نه",
}


def _ranges(count: int) -> str:
    return f"{persian_digits(count)} بازه"


def _rows(count: int) -> str:
    return f"{persian_digits(count)} ردیف"
