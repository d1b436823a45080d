"""Our official addresses, and whether a message is ours (D13, D14)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock, limits
from peyman.entrypoints.fields import Field
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import TEHRAN
from peyman.market.incidents.queries import public as incidents
from peyman.messages import queries, rules

KINDS = (("sms", "شماره پیامک"), ("email", "ایمیل"), ("domain", "نشانی وبگاه یا پیوند"), ("phone", "شماره تلفن"))
TITLES = {"sms": "پیامک از", "email": "ایمیل از", "domain": "وبگاه و پیوندها", "phone": "تماس تلفنی از"}
# Enough for a family behind one address, and forty bits are not guessed at this pace.
LIMIT = limits.Limit("official", most=600 if settings.SANDBOX else 20, seconds=300)


@dataclass(frozen=True)
class Verdict:
    """What the page answers: is it ours, in one sentence, and what follows."""

    is_ours: bool
    fact: str
    more: str


_AGENCY = "در هیچ جای کشور نمایندگی فروش یا خدمات پس از فروش نداریم. همه خدمات و پرداخت‌ها از دفتر مرکزی ما می‌گذرد."
_COPIED = "اگر پیام شما از راه دیگری یا در روز دیگری رسیده است، شناسه را از پیام دیگری برداشته‌اند؛ به آن اعتماد نکنید."
_STRANGE = "روی پیوندش نزنید، کدی به کسی نگویید و ما را باخبر کنید."


@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D13", "D14", "D119")
def official(request: HttpRequest) -> HttpResponse:
    """The public list; a POST asks of a message's mark, or of an address, whether it is ours.

    Asked by POST, so that marks and addresses stay out of logs and histories. Raises limits.TooManyRequests.
    """
    now = clock.now()
    mark = Field("mark", "شناسه پیام", hint="هشت حرف و رقم پای پیام؛ مانند 7K2M-9QXR", ltr=True, maxlength=40)
    to = Field(
        "to",
        "به چه شماره یا ایمیلی رسید؟ (اختیاری)",
        hint="با آن، شناسه‌ای که از پیام دیگری برداشته‌اند هم شناخته می‌شود.",
        ltr=True,
        maxlength=254,
    )
    kind = Field("kind", "از چه راهی", value="sms", options=KINDS)
    address = Field("address", "فرستنده", hint="همان‌گونه که در پیام می‌بینید", ltr=True, maxlength=300)
    day = Field("day", "روز رسیدن (اختیاری)", hint="مانند ۱۴۰۵/۹/۴؛ اگر ننویسید، امروز", maxlength=20)
    verdict, asked = None, ""
    if request.method == "POST":
        limits.spend(LIMIT, limits.caller(request), now)
        asked = "address" if "address" in request.POST else "mark"
        if asked == "mark":
            mark, to = _typed(request, mark), _typed(request, to)
            verdict = by_mark(mark.value, to.value)
        else:
            kind, address, day = _typed(request, kind), _typed(request, address), _typed(request, day)
            try:
                on = jalali.typed_date(day.value) if day.value.strip() else now.astimezone(TEHRAN).date()
            except ValueError:
                day = Field(**{**vars(day), "error": "این روز خوانده نشد؛ مانند ۱۴۰۵/۹/۴ بنویسید یا خالی بگذارید."})
            else:
                verdict = by_address(kind.value, address.value, on)
    rows = queries.senders()
    context = {
        "groups": [
            (TITLES[name], [row for row in rows if row.kind == name and (row.ends_at is None or row.ends_at > now)])
            for name, _ in KINDS
        ],
        "former": [row for row in rows if row.ends_at is not None and row.ends_at <= now],
        "agency": _AGENCY,
        "host": urlsplit(settings.PUBLIC_URL).hostname or "",
        "mark_fields": [mark, to],
        "address_fields": [kind, address, day],
        "verdict": verdict,
        "asked": asked,
        "incidents": incidents.notices()[:3],
    }
    return render(request, "storefront/official.html", context, status=422 if day.error else 200)


def by_mark(typed: str, to: str) -> Verdict:
    """Answer of a mark: the way and the day, and never a word of content or recipient."""
    mark = rules.typed_mark(typed)
    found = queries.ours(mark, to.strip())
    if found is None:
        said = "پیامی با این شناسه" + (" به این نشانی" if to.strip() and mark else "")
        return Verdict(
            False, "از ما نیست.", f"{said} نفرستاده‌ایم. شناسه را یک بار دیگر ببینید؛ اگر همین است، {_STRANGE}"
        )
    way = "پیامکی" if found.channel == rules.SMS else "ایمیلی"
    day = f" در {jalali.long_date(found.sent_at, year=True)}" if found.sent_at else ""
    more = "گیرنده آن همین نشانی است." if to.strip() else _COPIED
    return Verdict(True, "از ما است.", f"این شناسه از آنِ {way} است که{day} فرستاده‌ایم. {more}")


def by_address(kind: str, address: str, on: date) -> Verdict:
    """Answer of an address or line, on one day in Tehran."""
    starts = datetime.combine(on, time(), TEHRAN).astimezone(UTC)
    held = rules.was_announced(kind, address, queries.announced(), starts, starts + timedelta(days=1))
    day = jalali.long_date(on, year=True)
    if held:
        return Verdict(
            True,
            "از ما است.",
            f"در {day} از این نشانی می‌نوشتیم. فرستنده را می‌شود جعل کرد؛ شناسه پای پیام را هم بسنجید.",
        )
    return Verdict(False, "از ما نیست.", f"در {day} از این نشانی ننوشته‌ایم. {_STRANGE}")


def _typed(request: HttpRequest, field: Field) -> Field:
    return Field(**{**vars(field), "value": request.POST.get(field.name, "")[:300]})
