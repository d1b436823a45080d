"""What the desk of the tariff prints beside the filters of all pages."""

from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from peyman.entrypoints.backoffice import tariff_words as words
from peyman.gateways.registry import OUTCOMES
from peyman.kernel import jalali
from peyman.kernel.money import grouped
from peyman.kernel.text import persian_digits

register = template.Library()

_MANY = 10**9  # from here on nobody counts addresses


@register.filter
def month_year(when: datetime) -> str:
    """«مهر ۱۳۹۹»."""
    day = jalali.jalali(when)
    return persian_digits(f"{jalali.month_name(day.month)} {day.year}")


@register.filter
def whole(count: Decimal | int) -> str:
    """How many addresses: «۱٬۰۲۴»; an IPv6 prefix has «بی‌شمار»."""
    return grouped(int(count)) if count < _MANY else "بی‌شمار"


@register.filter
def size_of(prefix: str) -> str:
    """How many addresses a prefix has."""
    return whole(ip_network(prefix, strict=False).num_addresses)


@register.filter
def age(span: timedelta) -> str:
    """«۳ ساعت», «۲ روز و ۵ ساعت»."""
    return words.age_words(span)


@register.filter
def aged(since: datetime, now: datetime) -> str:
    """The same, from `since` until `now`."""
    return words.age_words(max(now - since, timedelta()))


@register.filter
def seconds(value: float) -> str:
    """1.234 → «۱٫۲»."""
    return persian_digits(f"{value:.1f}").replace(".", "٫")


@register.filter
def tariff_reason(code: str) -> str:
    """Why a range is in drift."""
    return words.reason_words(code)


@register.filter
def drift_kind(kind: str) -> str:
    return words.KINDS[kind][1] if kind in words.KINDS else kind


@register.filter
def how_words(how: str) -> str:
    return words.HOW.get(how, how)


@register.filter
def fetch_outcome(outcome: str) -> SafeString:
    """How an attempt ended, as a badge."""
    tone, title = words.OUTCOMES.get(outcome) or ("broken", OUTCOMES.get(outcome, outcome).removesuffix("."))
    return format_html('<span class="badge {}">{}</span>', tone, title)


@register.filter
def request_state(state: str) -> SafeString:
    """Where a request stands, as a badge."""
    tone, title = words.REQUESTS.get(state, ("", state))
    return format_html('<span class="badge {}">{}</span>', tone, title)
