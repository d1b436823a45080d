"""Pages for what did not work: refusals with their clause, faults of ours, addresses that lead nowhere."""

import re
import time
from dataclasses import dataclass, field, replace

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused, TryLater

_WORD = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_RETRY_AFTER = 30  # seconds, where nobody knows better
# So much of what is too large, and for so long, is read and thrown away: a browser that still sends hears no answer.
_HEARD_OUT_BYTES, _HEARD_OUT_SECONDS, _PART = 16_000_000, 5.0, 1 << 16


@dataclass(frozen=True)
class Act:
    """What can be done next: a link, as a button."""

    url: str
    title: str


@dataclass(frozen=True)
class Words:
    """What a page about a failure says."""

    heading: str
    says: str
    acts: list[Act] = field(default_factory=list)
    clause: str = ""
    tone: str = ""
    more: list[str] = field(default_factory=list)
    search: str | None = None  # what to look for instead, in a search box; None shows none


_GOODS, _ORDERS, _CART = Act("/goods/", "دیدن کالاها"), Act("/orders/", "دیدن سفارش‌های من"), Act("/cart/", "دیدن سبد")

BAD_REQUEST = Words(
    "این درخواست خوانده نشد.",
    "چیزی ثبت نشد و پولی گرفته نشد. اگر نشانی را دستی نوشته‌اید، آن را وارسی کنید؛ وگرنه از صفحه پیش دوباره بفرستید.",
    [Act("/", "رفتن به خانه")],
)
TOO_LARGE = Words(
    "آنچه فرستادید بزرگ‌تر از اندازه بود.",
    "چیزی ثبت نشد و پولی گرفته نشد. به صفحه پیش برگردید و نوشته کوتاه‌تر یا فایل کوچک‌تری بفرستید.",
    [Act("/", "رفتن به خانه")],
)
FORBIDDEN = Words(
    "این صفحه برای این حساب باز نیست.",
    "چیزی عوض نشد. اگر حساب دیگری دارید، با شماره همان حساب وارد شوید.",
    [Act("/login/", "ورود با شماره موبایل")],
)
STALE_FORM = Words(
    "فرم فرستاده نشد، چون این صفحه کهنه شده بود.",
    "چیزی ثبت نشد و پولی گرفته نشد. به صفحه پیش برگردید، آن را تازه کنید و دوباره بفرستید. "
    "مرورگر باید کوکی این نشانی را بپذیرد.",
    [_CART, Act("/", "رفتن به خانه")],
)
NOT_FOUND = Words(
    "چیزی با این نشانی پیدا نشد.",
    "شاید نشانی ناقص است، شاید این صفحه هرگز نبوده است. از سبد و سفارش شما چیزی کم نشده است.",
    [_GOODS, _ORDERS],
)
GONE = Words(
    "این صفحه دیگر نیست.",
    "این کالا دیگر فروخته نمی‌شود. سفارش‌های پیشین و فاکتورهای آن سر جای خود مانده‌اند.",
    [_GOODS, _ORDERS],
)
TOO_MANY = "درخواست‌های شما در این مدت بیش از اندازه بود."
FAULT = Words(
    "خطا از ماست، نه از شما.",
    "این کار به پایان نرسید. اگر در حال ثبت یا پرداخت بودید، پیش از تلاش دوباره سفارش‌های خود را ببینید: "
    "هرچه ثبت شده باشد "
    "آنجاست، و پولی که بی‌سفارش مانده باشد، خودمان پیدا می‌کنیم و برمی‌گردانیم.",
    [_ORDERS, Act("/", "رفتن به خانه")],
    tone="broken",
)
AWAY = Words(
    "اکنون به داده‌های فروشگاه دسترسی نداریم.",
    "هرچه پیش از این ثبت شده است، سر جای خود است. اگر در میانه ثبت یا پرداخت بودید، پس از بازگشت، "
    "سفارش‌های خود را ببینید و "
    "تا آن هنگام دوباره نپردازید. نیم دقیقه دیگر تلاش کنید.",
    [Act("/", "تلاش دوباره")],
    tone="time",
)


def page(
    request: HttpRequest | None, words: Words, status: int, *, retry_after: int | None = None, number: str = ""
) -> HttpResponse:
    """Return the page that says `words`.

    Without a request the frame does without person and cart: for faults, when nothing may be asked of the database.
    """
    context = {"words": words, "number": number}
    response = HttpResponse(render_to_string("storefront/error.html", context, request), status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    response["Cache-Control"] = "no-store"
    return response


def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """Answer a refusal; where the database goes away while its page is made, say that instead."""
    try:
        return _refused(request, refusal)
    except (OperationalError, InterfaceError):
        return away(request)


def _refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """Answer a refusal: what did not happen, why, what it did not cost, what now; then the clause."""
    if isinstance(refusal, Missing):
        says = refusal.detail if type(refusal).says != Missing.says else NOT_FOUND.says
        return page(request, _lost(request, says), refusal.status)
    clause = refusal.clause or ""
    retry_after = refusal.retry_after if isinstance(refusal, TryLater) else None
    if refusal.status == 410:
        return page(request, Words(GONE.heading, refusal.detail, GONE.acts, clause), 410)
    if refusal.status == 429:
        words = Words(TOO_MANY, refusal.detail, [Act("/", "رفتن به خانه")], clause, "time")
        return page(request, words, 429, retry_after=retry_after or _RETRY_AFTER)
    more = list(refusal.fields.values()) if isinstance(refusal, Invalid) else []
    heading = "اکنون نشد." if isinstance(refusal, TryLater) else "انجام نشد."
    words = Words(heading, refusal.detail, [_CART, _GOODS], clause, "time", more)
    return page(request, words, refusal.status, retry_after=retry_after)


def away(request: HttpRequest) -> HttpResponse:
    """Answer while the database is away: 503, nothing promised."""
    return page(None, AWAY, 503, retry_after=_RETRY_AFTER)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        _hear_out(request)
        return page(None, TOO_LARGE, 413)
    return page(None, BAD_REQUEST, 400)


def _hear_out(request: HttpRequest) -> None:
    """Read what is still coming, within bounds, so that the connection is not closed upon who sends it."""
    left, until = _HEARD_OUT_BYTES, time.monotonic() + _HEARD_OUT_SECONDS
    try:
        while left > 0 and time.monotonic() < until and (part := request.read(_PART)):
            left -= len(part)
    except OSError:  # gone already, or taken up by whoever found it too large
        pass


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, FORBIDDEN, 403)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is missing or old (CSRF)."""
    return page(request, STALE_FORM, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    try:
        return page(request, _lost(request, NOT_FOUND.says), 404)
    except (OperationalError, InterfaceError):
        return away(request)


@carries_out("D115")
def _lost(request: HttpRequest, says: str) -> Words:
    """What to say of an address that leads nowhere: with the words of the address to search for, where it has some."""
    words = " ".join(_WORD.findall(request.path.rstrip("/").rpartition("/")[2]))
    return replace(NOT_FOUND, says=says, clause="D115", search=words[:100] if _LETTERS.search(words) else "")


def fault(request: HttpRequest) -> HttpResponse:
    """Answer a bug of ours, with the number under which the log has it."""
    return page(None, FAULT, 500, number=getattr(request, "number", ""))
