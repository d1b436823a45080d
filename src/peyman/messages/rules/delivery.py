"""What a sender answers, how often a message is tried and by which provider first, and what became of dead letters."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused as Refusal


@dataclass(frozen=True)
class Sent:
    """The provider took the message; `provider_id` is its own number for it."""

    provider: str
    provider_id: str


@dataclass(frozen=True)
class Refused:
    """The provider will never take this message to this address. `detail` is its code, never an address."""

    provider: str
    detail: str


@dataclass(frozen=True)
class Unknown:
    """It may have left or not: it is tried again under the same idempotency key.

    `away`: the provider itself does not answer, so other messages would not get through now either. `untaken`: this
    try certainly left nothing with the provider, so that another one may be asked without sending twice.
    """

    provider: str
    detail: str
    away: bool = False
    untaken: bool = False


Delivery = Sent | Refused | Unknown


# ---- How often it is tried ----

MOST_TRIES: Final = 150  # with the spans below about a day: an outage of hours loses nothing
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=10)
_JITTER_PERCENT = 20


@carries_out("D10")
def next_try(*, attempts: int, row: int, now: datetime) -> datetime | None:
    """Return when to try again after `attempts` failed tries, or None when it is enough.

    2 s, 4 s, 8 s … up to 10 minutes, each up to 20 % longer by the row's own, repeatable jitter, so that
    thousands that failed together do not come back together.
    """
    if attempts >= MOST_TRIES:
        return None
    wait = min(_FIRST_WAIT * (1 << min(max(attempts, 1) - 1, 16)), _LONGEST_WAIT)
    digest = hashlib.blake2s(f"{row}:{attempts}".encode(), digest_size=4).digest()
    return now + wait + wait * _JITTER_PERCENT * int.from_bytes(digest) / (100 * 2**32)


def is_stale(stale_at: datetime | None, now: datetime) -> bool:
    """Say whether a message is no longer worth sending; at `stale_at` itself it is not."""
    return stale_at is not None and stale_at <= now


# ---- Which provider is asked first ----

HEALTH_SPAN: Final = timedelta(minutes=10)  # how far back outcomes count
_FAILS: Final = 3  # so many failures after the last success, and a provider counts as away
_PROBE_AFTER: Final = timedelta(minutes=5)  # then a message tries it again, whatever the asking said


@dataclass(frozen=True)
class Seen:
    """How one try ended: `outcome` is "sent", "refused" (it answered, too) or "unknown"."""

    provider: str
    outcome: str
    at: datetime


@dataclass(frozen=True)
class Health:
    """How a provider does, by its latest outcomes."""

    provider: str
    fails: int  # after its last answer
    last_fail_at: datetime | None
    last_answer_at: datetime | None

    @property
    def is_away(self) -> bool:
        return self.fails >= _FAILS


def health(provider: str, seen: Collection[Seen], alive_at: datetime | None = None) -> Health:
    """Return how `provider` does by what was seen of it, in any order; `alive_at`: when it last answered a question."""
    mine = [each for each in seen if each.provider == provider]
    answers = [each.at for each in mine if each.outcome in ("sent", "refused")]
    last = max([*answers, *([alive_at] if alive_at else [])], default=None)
    fails = [each.at for each in mine if each.outcome == "unknown" and (last is None or each.at > last)]
    return Health(provider, len(fails), max(fails, default=None), last)


def in_order(
    providers: Sequence[str], seen: Collection[Seen], now: datetime, alive: Mapping[str, datetime] | None = None
) -> list[str]:
    """Return the providers in the order to ask them: as the settings name them, those that are away last.

    One that was away comes first again once it answered a question (`alive`), or five minutes after its last failure.
    """
    away = set()
    for name in providers:
        state = health(name, seen, (alive or {}).get(name))
        if state.is_away and state.last_fail_at is not None and now - state.last_fail_at < _PROBE_AFTER:
            away.add(name)
    return [name for name in providers if name not in away] + [name for name in providers if name in away]


# ---- Dead letters ----

_REASONS: Final[Mapping[str, str]] = {
    "stale": "زمانش گذشته بود و فرستادنش دیگر سودی نداشت.",
    "bad_address": "نشانی گیرنده درست نیست.",
    "no_template": "قالبی برای این پیام نیست.",
    "bad_template": "قالب این پیام خراب است.",
    "bad_text": "در متن، نویسه‌ای است که فرستادنی نیست.",
    "bad_title": "عنوان نامه درست نیست.",
    "too_long": "متن از بیشترین اندازه پیامک بلندتر است.",
    "not_official_contact": "گیرنده از نشانی‌های رسمی این شخص نیست.",
    "no_marketing_consent": "این شخص خبرنامه را نخواسته یا لغو کرده است.",
    "lost_too_often": "هر بار که فرستاده می‌شد، کارگر از کار افتاد.",
    "bad_header": "نشانی یا عنوان نامه درست نیست.",
    "not_announced": "فرستنده در فهرست نشانی‌های رسمی ما نیست.",
    "not_seen_yet": "ارائه‌دهنده هنوز نشانی از آن نمی‌دهد؛ پیش از فرستادن دوباره صبر می‌کنیم.",
}
_NEVER_AGAIN: Final = frozenset(
    {
        "stale", "bad_address", "no_template", "bad_template", "bad_text", "bad_title", "too_long", "bad_header",
        "not_official_contact", "no_marketing_consent",
    }
)  # fmt: skip
_CONNECTION = re.compile(r"[A-Za-z]*(?:Error|Timeout|Disconnected|refused)")


def reason_words(outcome: str, detail: str) -> str:
    """Return in Persian why a try ended as it did, for staff; codes of providers are kept as they are."""
    if outcome == "sent":
        return "فرستاده شد."
    if outcome == "lost":
        return "کارگری که آن را برداشته بود از کار افتاد؛ نمی‌دانیم رفته است یا نه."
    if outcome == "retry":
        return "یکی از همکاران خواست دوباره فرستاده شود."
    known = _REASONS.get(detail) or _REASONS.get(outcome)
    if known:
        return known
    if detail.startswith("context_"):
        return "بخشی از متن پیام داده نشده بود."
    if _CONNECTION.fullmatch(detail):
        return "ارائه‌دهنده پاسخی نداد."
    if outcome == "refused":
        return f"ارائه‌دهنده آن را برای همیشه نپذیرفت (کد {detail})."
    return f"ارائه‌دهنده نپذیرفت یا پاسخش روشن نبود (کد {detail})."


class NotWorthRetrying(Refusal):
    """This message would end the same way, or is of no use any more."""

    code, status = "not_worth_retrying", 409
    says = "دوباره فرستاده نشد، چون نتیجه همان می‌شود یا دیگر سودی ندارد: {reason}"


def assert_retry(
    *, is_dead: bool, stale_at: datetime | None, has_text: bool, outcome: str, detail: str, now: datetime
) -> None:
    """Return when a dead message may be tried again; `outcome` and `detail` are of its last try.

    Raises NotWorthRetrying: what is not dead, a code whose time has passed, what has no text to send, and
    whatever is wrong with the message itself.
    """
    if not is_dead:
        raise NotWorthRetrying(reason="این پیام هنوز در صف است یا رفته است.")
    if is_stale(stale_at, now) or outcome == "stale":
        raise NotWorthRetrying(reason=_REASONS["stale"])
    if detail in _NEVER_AGAIN or detail.startswith("context_"):
        raise NotWorthRetrying(reason=reason_words(outcome, detail))
    if not has_text:
        raise NotWorthRetrying(reason="متن این پیام دیگر نگه داشته نمی‌شود.")
