"""The public notice: what it must say, the draft written from the facts, and until when its window lasts (B11).

The words are people's, the figures are the run's: they come from one place and are never typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import has_controls, normalise, persian_digits
from peyman.kernel.worktime import DAY, day_start, tehran_day

HOUR: Final = timedelta(hours=1)
WINDOW: Final = timedelta(days=90)  # the least that users have; it ends with a Jalali month

# Words of a notice, in the order of the page: how long each may be.
WORDS: Final = {
    "title": 160,
    "what": 2000,
    "why": 2000,
    "doing": 2000,
    "check": 2000,
    "contact": 500,
    "signer": 160,
}
ASKED: Final = {
    "title": "عنوان اطلاعیه را بنویسید.",
    "what": "بنویسید چه رخ داد و از که پوزش می‌خواهیم.",
    "why": "سبب رویداد را بنویسید.",
    "doing": "بنویسید چه می‌کنیم و تا کی.",
    "check": "بنویسید خواننده چگونه سهم خود را می‌سنجد.",
    "contact": "بنویسید خواننده از چه راهی به ما خبر می‌دهد.",
    "signer": "نام و سمت امضاکننده را بنویسید.",
}
CAUSES: Final = {
    "unregistered": "در فهرست ملی ثبت نبود",
    "not_listed": "پیش از ثبت در فهرست ملی به کار افتاد",
    "row_removed": "از فهرست ملی بیرون رفته بود",
    "pending": "در فهرست ملی ثبت شده بود، ولی موعد اعمال آن نرسیده بود",
    "not_due": "پیش از موعد اعمالِ ثبتش به کار افتاد",
    "foreign": "بیرون از شبکه کشور بود و هرگز در فهرست ملی ثبت نمی‌شود",
    "private": "نشانی ویژه‌ای بود که در فهرست ملی ثبت نمی‌شود",
    "staff": "بنا به بررسی همکاران ما، نیم‌بها حساب نمی‌شد",
}
UNKNOWN: Final = {
    "no_edge_address": "گزارش سرور نمی‌گوید فایل از کدام نشانی داده شد",
    "edge_unproven": "نشانی سرور در گزارش هست، ولی در شبکه اعلام‌شده ما نیست",
    "translated": "نشانی تبدیل‌شده است و اصل آن را نمی‌دانیم",
    "no_history": "از آن زمان هیچ نسخه‌ای از فهرست ملی نداریم",
    "before_history": "پیش از نخستین نسخه ما از فهرست ملی است",
    "after_history": "پس از آخرین نسخه ما از فهرست ملی است",
    "gap_too_wide": "فاصله دو نسخه فهرست ملی زیاد است",
    "changed_in_gap": "ردیف میان دو نسخه فهرست ملی تغییر کرده است",
    "list_disagrees": "دو نسخه یک روز با هم نمی‌خواند",
    "replaced": "ردیف با موعد تازه‌ای جایگزین شده است",
    "in_grace": "در مهلت اپراتور پس از موعد است",
    "crosses_change": "در میانه دانلود قیمت عوض شده است",
    "shown_unknown": "نمی‌دانیم پیام نیم‌بها نشان داده شد یا نه",
}


class NotAMonthsEnd(Refused):
    """The window of a notice closes with a Jalali month, at least ninety days later, and never earlier than before."""

    code, clause, status = "notice_window", "B11", 422
    says = "مهلت درست نیست: باید پایان یک ماه باشد و پیش از {least} نباشد."


@dataclass(frozen=True, slots=True)
class Words:
    """What people wrote of a notice, and the last day of its window."""

    title: str
    what: str
    why: str
    doing: str
    check: str
    contact: str
    signer: str
    until_day: date

    def as_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in WORDS}


@dataclass(frozen=True, slots=True)
class Shown:
    """One stretch as the notice gives it."""

    edges: tuple[str, ...]
    operator: str
    cause: str
    starts_at: datetime
    ends_at: datetime | None  # None: not over, as far as we know
    lines: int
    bytes: int
    rials_low: int | None
    rials_high: int | None

    def as_json(self) -> dict[str, Any]:
        return {
            "edges": list(self.edges),
            "operator": self.operator,
            "cause": self.cause,
            "from": jalali.iso(self.starts_at),
            "to": jalali.iso(self.ends_at) if self.ends_at else None,
            "lines": self.lines,
            "bytes": self.bytes,
            "rials_low": self.rials_low,
            "rials_high": self.rials_high,
        }


@carries_out("B11")
def window_end(day: date, least: timedelta = WINDOW) -> date:
    """Return the last day of the window of a notice published on `day`: the end of the Jalali month that `least` days
    later lie in. It belongs to the window until its end in Tehran.
    """
    return jalali.month_end(day + least)


def closes_at(until_day: date) -> datetime:
    """Return the instant from which on the window is over: the end of its last day in Tehran."""
    return day_start(until_day + DAY)


@carries_out("B11")
def next_update(day: date) -> datetime:
    """Return until when the page is brought up to date again: the end of the Jalali month after that of `day`."""
    return closes_at(jalali.month_end(jalali.month_end(day) + DAY))


def last_day(closes: datetime) -> date:
    """Return the last day of Tehran that ends by an instant."""
    return tehran_day(closes - timedelta.resolution)


def update_span(day: date) -> tuple[datetime, datetime]:
    """Return from when to when the promise of the next version runs, in whole hours: from the beginning of `day`."""
    return day_start(day), next_update(day)


@carries_out("B11")
def read(typed: Mapping[str, str], *, now: datetime, before: date | None = None) -> Words:
    """Return the words of a form. `before`: the window's last day as published earlier.

    Raises Invalid with every box that is empty, too long or no date; the window ends with a Jalali month, ninety days
    after today or later, and never before it did.
    """
    wrong: dict[str, str] = {}
    words = {name: normalise(typed.get(name, "")) for name in WORDS}
    for name, longest in WORDS.items():
        if not words[name] or has_controls(words[name]):
            wrong[name] = ASKED[name]
        elif len(words[name]) > longest:
            wrong[name] = f"این نوشته بلندتر از {persian_digits(longest)} نویسه است؛ کوتاه‌ترش کنید."
    least = before or window_end(tehran_day(now))
    until = least
    if typed.get("until", "").strip():
        try:
            until = jalali.typed_date(typed["until"])
        except ValueError:
            wrong["until"] = "این تاریخ خوانده نشد؛ آن را مانند ۱۴۰۵/۱۲/۲۹ بنویسید."
        else:
            if until < least or until != jalali.month_end(until):
                shown = jalali.plain_date(least, year=True)
                wrong["until"] = f"مهلت با پایان یک ماه تمام می‌شود و پیش از {shown} نیست."
    if wrong:
        raise Invalid(wrong)
    return Words(until_day=until, **words)


# ---- The draft ----


def draft(stretches: Sequence[Shown], *, now: datetime, contact: str, signer: str) -> Words:
    """Write the notice from the facts, for a person to read over before it is published."""
    begins = min(one.starts_at for one in stretches)
    until = max((one.ends_at for one in stretches if one.ends_at), default=None)
    if any(one.ends_at is None for one in stretches):
        until = None
    since = jalali.plain_date(begins, year=True)
    when = f"از {since} تا {until_words(until)}" if until else f"از {since} به این سو"
    causes = list(dict.fromkeys(CAUSES.get(one.cause, one.cause) for one in stretches))
    operators = sorted({one.operator for one in stretches} - {""})
    who = operators_words(operators)
    addresses = len({edge for one in stretches for edge in one.edges})
    what = (
        f"{when}، بخشی از دانلودهایی که نوشته بودیم نیم‌بهاست از نشانی‌هایی فرستاده شد که {causes[0]}. "
        f"{who} این دانلودها را تمام‌بها حساب {'کرد' if len(operators) == 1 else 'کردند'}، "
        "با اینکه ما نوشته بودیم نیم‌بهاست. "
        "مسئولیت این خطا با ماست و از شما پوزش می‌خواهیم."
    )
    why = (
        f"{persian_digits(addresses)} نشانی یا محدوده از شبکه توزیع ما در این زمان {'؛ یا '.join(causes)}. "
        "اپراتور نیم‌بها را تنها برای نشانی‌هایی حساب می‌کند که در فهرست ملی ثبت شده و موعدشان رسیده باشد. "
        "پیام نیم‌بها را برای دانلودهایی هم نشان دادیم که این شرط در آن‌ها برقرار نبود."
    )
    next_day = last_day(next_update(tehran_day(now)))
    doing = (
        "همه دانلودهای این زمان را از روی گزارش سرورها و تاریخچه فهرست ملی از نو حساب کردیم و حاصل آن در همین صفحه "
        "است. تا این پرونده بسته نشود، این صفحه را دست‌کم ماهی یک بار به‌روز می‌کنیم؛ بار بعد تا پایان "
        f"{jalali.plain_date(next_day, year=True)}. پرونده هنگامی بسته می‌شود که همه این نشانی‌ها نیم‌بها یا بیرون از "
        "خدمت باشند و چنین بمانند."
    )
    check = (
        "در صورت‌حساب یا صفحه مصرف اپراتور خود، روزهای این بازه را ببینید و دانلودهای برنامه‌ها را با حجم کسرشده "
        "بسنجید. پیامک بسته و رسید خرید آن را نگه دارید. برای آزمودن امروز، مانده بسته را یادداشت کنید، فایلی با "
        "اندازه معلوم بگیرید و مانده را دوباره ببینید."
    )
    return Words(
        title="نوشتیم نیم‌بها؛ برای بخشی از دانلودها نبود.",
        what=what,
        why=why,
        doing=doing,
        check=check,
        contact=contact,
        signer=signer,
        until_day=window_end(tehran_day(now)),
    )


def until_words(ends: datetime) -> str:
    """Return «پایان ۱۴ آذر ۱۴۰۳» for what ends as the 15th begins, and «۱۵ آذر ۱۴۰۳» for what ends within it."""
    shown = jalali.plain_date(last_day(ends), year=True)
    return f"پایان {shown}" if ends == day_start(tehran_day(ends)) else shown


def operators_words(operators: Sequence[str]) -> str:
    """Return «اپراتورهای مهرنت و آوانت», «اپراتور مهرنت», «اپراتورها»."""
    if not operators:
        return "اپراتورها"
    if len(operators) == 1:
        return f"اپراتور {operators[0]}"
    return f"اپراتورهای {'، '.join(operators[:-1])} و {operators[-1]}"


# ---- The document ----


@carries_out("B11")
def content(
    *,
    incident: str,
    number: int,
    words: Words,
    run: str,
    run_sha256: str,
    totals: Mapping[str, Any],
    operators: Mapping[str, Mapping[str, Any]],
    users: int | None,
    stretches: Sequence[Shown],
    facts: Sequence[Mapping[str, Any]],
    lanes: Mapping[str, Any],
    opened_at: datetime,
    now: datetime,
) -> dict[str, Any]:
    """Return all that a notice says. Its figures are those of the run, whose hash is named beside them."""
    return {
        "incident": incident,
        "notice": number,
        "words": words.as_json(),
        "until_day": words.until_day.isoformat(),
        "window_closes_at": jalali.iso(closes_at(words.until_day)),
        "run": {"code": run, "manifest_sha256": run_sha256},
        "totals": dict(totals),
        "operators": {name: dict(one) for name, one in operators.items()},
        "users": users,
        "stretches": [one.as_json() for one in stretches],
        "facts": [dict(one) for one in facts],
        "timeline": dict(lanes),
        "detected_at": jalali.iso(opened_at),
        "published_at": jalali.iso(now),
    }
