"""What works now, as we see it ourselves: the shop's own state, in words that promise nothing (D115)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from peyman.billing import queries as billing
from peyman.entrypoints import clock
from peyman.entrypoints.storefront import addresses, kept
from peyman.entrypoints.storefront.templatetags import fa
from peyman.gateways import banks
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.market.incidents.queries import public as incidents
from peyman.messages import queries as messages
from peyman.messages.rules import Seen
from peyman.promises import queries as promises

_KEPT = timedelta(seconds=10)  # for which a process goes by what it saw
_SPAN = timedelta(hours=1)
_LATE = timedelta(minutes=5)  # a message that waits longer for a worker is late
_PATIENCE = timedelta(minutes=2)  # a bank that has not answered for longer is silent
_RETRY_AFTER = 30  # seconds
_WORDS = {"kept": "کار می‌کند", "open": "کند است یا خبری نیست", "broken": "کار نمی‌کند"}


@dataclass(frozen=True)
class Part:
    """One thing that works or does not. `state` is a knot's: kept, open (slow, or we cannot say), broken."""

    title: str
    state: str
    says: str | SafeString

    @property
    def word(self) -> str:
        return _WORDS[self.state]


@require_safe
@never_cache
@carries_out("D115")
def status(request: HttpRequest) -> HttpResponse:
    """Show what works now: 503 while the database is away. Six statements, or none for ten seconds."""
    now = clock.now()
    try:
        page = kept.page("status", None, now)
        if page is None:
            context = {
                "terms": promises.terms_in_force(now),
                "now": now,
                "parts": list(_parts(now)),
                "notices": incidents.notices()[:3],
                "canonical": addresses.whole("/status/"),
            }
            page = kept.keep("status", None, request, "storefront/status.html", context, now=now, until=now + _KEPT)
        return kept.answer(request, page)
    except (OperationalError, InterfaceError):
        away = Part("پایگاه داده", "broken", "در دسترس نیست. هرچه پیش از این ثبت شده است سر جای خود است.")
        html = render_to_string("storefront/status.html", {"now": now, "parts": [_pages(), away], "is_away": True})
        return HttpResponse(html, status=503, headers={"Retry-After": str(_RETRY_AFTER)})


def _parts(now: datetime) -> Iterator[Part]:
    yield _pages()
    yield Part("پایگاه داده", "kept", "پاسخ می‌دهد.")
    yield _queue(messages.oldest_due(now), now)
    tried = messages.seen_lately(now, _SPAN)
    yield _sending("پیامک", [one for one in tried if one.provider in settings.SMS_PROVIDERS])
    yield _sending("ایمیل", [one for one in tried if one.provider not in settings.SMS_PROVIDERS])
    answers = billing.answers_of_banks(now, span=_SPAN, patience=_PATIENCE)
    for name in banks.names():
        yield _bank(f"درگاه {banks.TITLES[name]}", answers.get(name))


def _pages() -> Part:
    return Part("صفحه‌ها", "kept", "همین صفحه را که می‌خوانید، فروشگاه فرستاده است.")


def _queue(oldest: datetime | None, now: datetime) -> Part:
    title = "صف پیام‌ها و کارهای سررسیده"
    if oldest is None or now - oldest <= _LATE:
        return Part(title, "kept", "به‌روز است؛ هیچ پیامی بیش از پنج دقیقه منتظر نمانده است.")
    waits = jalali.duration_words(now - oldest)
    return Part(title, "broken", f"عقب است؛ نخستین پیام {waits} است که منتظر مانده. پیام‌ها گم نمی‌شوند و می‌رسند.")


def _sending(title: str, tried: Sequence[Seen]) -> Part:
    """By the tries of the last hour, the newest first."""
    sent = next((one.at for one in tried if one.outcome == "sent"), None)
    if not tried:
        return Part(title, "open", "در ساعت گذشته چیزی برای فرستادن نبود؛ نمی‌دانیم.")
    if sent is None:
        return Part(title, "broken", "در ساعت گذشته هیچ‌یک را نپذیرفتند؛ دوباره می‌فرستیم.")
    says = format_html("آخرین بار {} فرستاده شد.", fa.hour(sent))
    return Part(title, "kept" if tried[0].outcome == "sent" else "open", says)


def _bank(title: str, answers: billing.Answers | None) -> Part:
    if answers is None:
        return Part(title, "open", "در ساعت گذشته کسی از این درگاه نپرداخت؛ نمی‌دانیم.")
    if answers.is_silent:
        return Part(title, "broken", "به پرسش ما درباره یک پرداخت پاسخ نداده است؛ هر دقیقه می‌پرسیم. دوباره نپردازید.")
    if answers.captured_at is None:
        return Part(title, "open", "در ساعت گذشته پرداختی از این درگاه به پایان نرسید.")
    return Part(title, "kept", format_html("آخرین پرداخت {} به پایان رسید.", fa.hour(answers.captured_at)))
