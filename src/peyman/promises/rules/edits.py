"""What staff may change: a closed day, a declared pause, the hour from which new terms hold. All faults in Persian."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import has_controls, normalise
from peyman.kernel.worktime import WorkCalendar
from peyman.promises.rules.due import Scope

FARTHEST = timedelta(days=3 * 366)  # a day farther off is a slip of the finger
LONGEST_BEFORE = timedelta(days=30)  # a pause is declared late at times, not months late
TITLE, SIGNER, TEXT = 160, 160, 4000  # letters

NO_DATE = "این تاریخ خوانده نشد؛ سال، ماه و روز را مانند ۱۴۰۵/۹/۴ بنویسید."
NO_HOUR = "تاریخ یا ساعت خوانده نشد؛ تاریخ را مانند ۱۴۰۵/۹/۴ و ساعت را مانند ۸:۳۰ بنویسید."


class NothingChanges(Refused):
    """What was asked is already so."""

    code = "nothing_changes"
    says = "چیزی عوض نشد، چون جدول روزهای کاری همین حالا همین‌گونه است."
    status = 409


class CalendarChanged(Refused):
    """Another edit came between preview and confirmation: what would move is no longer what was shown."""

    code = "calendar_changed"
    says = (
        "ثبت نشد، چون در این میان تقویم کاری عوض شده است و آنچه دیدید دیگر درست نیست. "
        "هیچ قولی جابه‌جا نشد؛ پیش‌نمایش تازه را ببینید و دوباره تصمیم بگیرید."
    )


class EffectiveInThePast(Refused):
    """New terms cannot hold for what has happened already."""

    code = "terms_effective_in_the_past"
    clause = "D04"
    says = (
        "نسخه تازه منتشر نشد، چون زمان اجرای آن گذشته است و شرایط تازه بر گذشته حاکم نمی‌شود. "
        "زمانی پس از اکنون بنویسید، یا خالی بگذارید تا از همین لحظه اجرا شود."
    )
    status = 422


def effective(effective_at: datetime | None, now: datetime) -> datetime:
    """Return from when a version published at `now` holds: at once, or later. Raises EffectiveInThePast."""
    if effective_at is None:
        return now
    if effective_at < now:
        raise EffectiveInThePast
    return effective_at


# ---- Closed days ----


def day_to_close(
    typed: str, title: str, *, calendar: WorkCalendar, today: date, field: str = "date"
) -> tuple[date, str]:
    """Return the day to close and its title, as staff typed them.

    Raises Invalid for a date that cannot be read, lies before `today` or years ahead, for a day that is closed
    already, and for a missing or overlong title.
    """
    wrong: dict[str, str] = {}
    day = None
    try:
        day = _day(typed, today)
        if day in calendar.closed:
            raise ValueError(f"{jalali.long_date(day, year=True)} از پیش در جدول تعطیل است؛ دوباره نوشتن لازم نیست.")
        if not calendar.is_working_day(day):
            raise ValueError(f"{jalali.long_date(day, year=True)} خودبه‌خود تعطیل هفتگی است و چیزی را عوض نمی‌کند.")
    except ValueError as fault:
        wrong[field] = str(fault)
    words = _words(title, TITLE)
    if not words:
        wrong["title"] = "مناسبت تعطیلی را بنویسید (تا ۱۶۰ نویسه)؛ مانند «تعطیلی سراسری به سبب سرما»."
    if wrong or day is None:
        raise Invalid(wrong)
    return day, words


def day_to_open(typed: str, *, calendar: WorkCalendar, today: date, field: str = "date") -> date:
    """Return the closed day that is to work again. Raises Invalid as `day_to_close`, and where it is not closed."""
    try:
        day = _day(typed, today)
        if day not in calendar.closed:
            raise ValueError(f"{jalali.long_date(day, year=True)} در جدول تعطیل نیست.")
    except ValueError as fault:
        raise Invalid({field: str(fault)}) from None
    return day


def _day(typed: str, today: date) -> date:
    try:
        day = jalali.typed_date(typed)
    except ValueError:
        raise ValueError(NO_DATE) from None
    if day < today:
        raise ValueError(
            f"{jalali.long_date(day, year=True)} گذشته است. گذشته بازنویسی نمی‌شود؛ تنها امروز و پس از آن عوض می‌شود."
        )
    if day - today > FARTHEST:
        raise ValueError(f"{jalali.long_date(day, year=True)} بیش از سه سال دیگر است؛ سال را وارسی کنید.")
    return day


# ---- Force majeure ----


class AlreadyOver(Refused):
    """The period is over, or was ended before."""

    code = "force_majeure_over"
    clause = "D121"
    says = "چیزی عوض نشد، چون این دوره پیش از این پایان یافته است."


@dataclass(frozen=True)
class Declaration:
    """A declared pause: what is published of it, and what it stops."""

    starts_at: datetime
    ends_at: datetime | None
    scope: Scope
    title: str
    text: str
    signer: str


def declaration(
    *,
    starts: tuple[str, str],
    ends: tuple[str, str],
    scope: Scope,
    title: str,
    text: str,
    signer: str,
    now: datetime,
    clauses: Collection[str],
    kinds: Collection[str],
    provinces: Collection[str],
) -> Declaration:
    """Return a declaration as staff typed it: `starts` and `ends` are (date, hour), `ends` may be empty (D121).

    Raises Invalid that names every fault: hours that cannot be read, an end that is not after the beginning or has
    passed, a beginning more than LONGEST_BEFORE ago, scopes that are not among the known ones, texts that are
    missing or too long. An hour left empty is 0:00.
    """
    wrong: dict[str, str] = {}
    starts_at = _instant(starts, "starts", wrong)
    ends_at = _instant(ends, "ends", wrong) if ends[0].strip() or ends[1].strip() else None
    if starts_at and now - starts_at > LONGEST_BEFORE:
        wrong["starts"] = "آغاز آن بیش از ۳۰ روز پیش است؛ قول‌های آن زمان دیگر باز نیستند و بازنویسی نمی‌شوند."
    if starts_at and starts_at - now > FARTHEST:
        wrong["starts"] = "آغاز آن بیش از سه سال دیگر است؛ سال را وارسی کنید."
    if starts_at and ends_at and ends_at <= starts_at:
        wrong["ends"] = "پایان باید پس از آغاز باشد؛ اگر پایان را نمی‌دانید، خالی بگذارید."
    elif ends_at and ends_at <= now:
        wrong["ends"] = "پایان آن گذشته است؛ دوره‌ای که گذشته است قول بازی را نگه نمی‌دارد."
    for name, asked, known in (
        ("clauses", scope.clauses, clauses),
        ("kinds", scope.kinds, kinds),
        ("provinces", scope.provinces, provinces),
    ):
        if not asked <= set(known):
            wrong[name] = f"در دامنه چیزی هست که نمی‌شناسیم: {_listed(asked - set(known))}."
    found = {"title": _words(title, TITLE), "text": _words(text, TEXT), "signer": _words(signer, SIGNER)}
    if not found["title"]:
        wrong["title"] = "نامی برای این دوره بنویسید (تا ۱۶۰ نویسه)؛ مانند «قطع سراسری اینترنت»."
    if not found["text"]:
        wrong["text"] = (
            "بنویسید چه رخ داده است و چرا وفای به قول را ناممکن می‌کند (تا ۴۰۰۰ نویسه)؛ همین متن منتشر می‌شود."
        )
    if not found["signer"]:
        wrong["signer"] = "نام و سمت امضاکننده را بنویسید (تا ۱۶۰ نویسه)."
    if wrong or starts_at is None:
        raise Invalid(wrong)
    return Declaration(starts_at, ends_at, scope, found["title"], found["text"], found["signer"])


def note(typed: str, *, field: str = "note") -> str:
    """Return the words with which a period is ended. Raises Invalid where there are none."""
    words = _words(typed, TEXT)
    if not words:
        raise Invalid({field: "بنویسید چرا این دوره پایان یافت (تا ۴۰۰۰ نویسه)؛ همین متن منتشر می‌شود."})
    return words


def _instant(typed: tuple[str, str], field: str, wrong: dict[str, str]) -> datetime | None:
    try:
        return jalali.typed_instant(typed[0], typed[1].strip() or "0")
    except ValueError:
        wrong[field] = NO_HOUR
        return None


def _words(typed: str, most: int) -> str:
    words = normalise(typed)
    return "" if has_controls(words) or len(words) > most else words


def _listed(names: Iterable[str]) -> str:
    return "، ".join(sorted(names))
