"""What may be sent, to whom and from where, how often and by which provider it is tried, what a sender can answer."""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.codes import ALPHABET
from peyman.kernel.errors import Invalid
from peyman.kernel.errors import Refused as Refusal
from peyman.kernel.text import latin_digits
from peyman.people import rules as people

SMS, EMAIL = "sms", "email"

# Everything a template prints is ready to print: flat texts, and for tables lists of such.
Row = Mapping[str, str]
Context = Mapping[str, str | Sequence[Row]]


# ---- What a sender answers ----


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


# ---- Recipients ----


class Why(StrEnum):
    """Why a message may go to its address: it is official, or one of the four exceptions of D09 (A15)."""

    OFFICIAL = "official"  # a confirmed contact of the person
    NEWSLETTER = "newsletter"  # likewise, and only with consent (D11)
    VERIFICATION = "verification"  # a code that proves an address
    NAMED_RECIPIENT = "named_recipient"  # of a parcel; the waybill and nothing else
    GUARDIAN = "guardian"  # is asked to confirm for a minor
    DESK_REPLY = "desk_reply"  # an answer in a desk's own thread, to the address that wrote


# Which templates each exception is for. Everything else goes to official contacts only.
_ONLY: Final[Mapping[Why, frozenset[str]]] = {
    Why.NEWSLETTER: frozenset({"newsletter"}),
    Why.VERIFICATION: frozenset({"login_code", "contact_code"}),
    Why.NAMED_RECIPIENT: frozenset({"waybill"}),
    Why.GUARDIAN: frozenset({"guardian_confirmation"}),
    Why.DESK_REPLY: frozenset({"privacy_received", "privacy_answered"}),
}


class NotOfficial(Refusal):
    """The address is no confirmed contact of the person, and the message is none of the four exceptions."""

    code, clause, status = "not_official_contact", "D09", 422
    says = (
        "پیام فرستاده نشد، چون گیرنده از نشانی‌های رسمی و تأییدشده این شخص نیست. "
        "نشانی دیگری برگزینید یا از او بخواهید این نشانی را در حساب خود تأیید کند."
    )


class NoConsent(Refusal):
    """The person did not ask for the newsletter on this channel, or cancelled it."""

    code, clause, status = "no_marketing_consent", "D11", 422
    says = "خبرنامه فرستاده نشد، چون این شخص آن را از این راه نخواسته یا لغو کرده است. پیام‌های سفارش او همچنان می‌رود."


@carries_out("D09", "D11")
def assert_recipient(why: Why, template: str, *, is_official: bool, may_market: bool, thread: str) -> None:
    """Return when a message of this template may go to an address that is official or not.

    `may_market`: the person wants the newsletter on this channel. `thread`: what the message is about; an answer of
    a desk has one. Raises NotOfficial and NoConsent.
    """
    is_news = template in _ONLY[Why.NEWSLETTER]
    if why is Why.NEWSLETTER or is_news:
        if not (why is Why.NEWSLETTER and is_news and is_official):
            raise NotOfficial
        if not may_market:
            raise NoConsent
    elif why is Why.OFFICIAL:
        if not is_official:
            raise NotOfficial
    elif template not in _ONLY[why] or (why is Why.DESK_REPLY and not thread):
        raise NotOfficial


# ---- The mark by which anyone can check that a message is ours ----

_MARK_SIGNS: Final = 8  # 40 bits: nothing to guess at a few tries a minute, and short enough for an SMS
_MARK_NOISE = re.compile(r"[\W_]+")


@carries_out("D14")
def mark(code: str, *, secret: str) -> str:
    """Return the mark of the message with this public code: "7K2M-9QXR". It tells nothing of the message.

    Keyed, so that nobody without the key can make one. Two messages may share a mark, by rare chance.
    """
    digest = hmac.new(f"message-mark:{secret}".encode(), code.encode(), hashlib.sha256).digest()
    number, signs = int.from_bytes(digest[:16]), ""
    for _ in range(_MARK_SIGNS):
        number, sign = divmod(number, len(ALPHABET))
        signs += ALPHABET[sign]
    return f"{signs[:4]}-{signs[4:]}"


def typed_mark(typed: str) -> str:
    """Return a mark however it was typed (any digits, case, spaces); "" where it cannot be one."""
    signs = _MARK_NOISE.sub("", latin_digits(typed[:60])).upper()
    if len(signs) != _MARK_SIGNS or not set(signs) <= set(ALPHABET):
        return ""
    return f"{signs[:4]}-{signs[4:]}"


# ---- Senders ----


@dataclass(frozen=True)
class Announced:
    """An address, line or domain that we write from (D14), from `starts_at` until before `ends_at`."""

    kind: str  # "sms", "email", "domain", "phone"
    address: str
    starts_at: datetime
    ends_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether we wrote from it at this instant."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


def sender_address(kind: str, typed: str) -> str:
    """Return an address of a sender as it is compared: a line without +98 and zeros before it, lower case otherwise.

    "" for what is empty or carries control characters.
    """
    if _CONTROL.search(typed):
        return ""
    text = latin_digits(typed).strip().strip("\u200e\u200f\u202a\u202c\u2066\u2069").strip()
    if kind in ("sms", "phone"):
        digits = re.sub(r"[\s().\-_/]+", "", text).removeprefix("+").removeprefix("00")
        if not digits.isascii() or not digits.isdigit():
            return ""
        return digits.removeprefix("98").lstrip("0") if len(digits) > 5 else digits
    if kind == "domain":
        host = text.lower().partition("://")[2] or text.lower()
        return host.partition("/")[0].partition(":")[0].rstrip(".")[:253]
    return text.lower()[:254]


class NoSender(Refusal):
    """What was typed is no address of this kind."""

    code, clause, status = "no_sender_address", "D14", 422
    says = "به فهرست افزوده نشد، چون این نشانی برای این نوع فرستنده درست نیست. آن را دوباره ببینید."


@carries_out("D14")
def is_announced(kind: str, address: str, announced: Collection[Announced], at: datetime) -> bool:
    """Say whether we write, or wrote, from this address at this instant."""
    wanted = sender_address(kind, address)
    return bool(wanted) and any(
        row.kind == kind and sender_address(kind, row.address) == wanted and row.holds(at) for row in announced
    )


def was_announced(kind: str, address: str, announced: Collection[Announced], since: datetime, until: datetime) -> bool:
    """Say whether we wrote from this address at any instant from `since` until before `until`."""
    instants = [since, *(row.starts_at for row in announced if since <= row.starts_at < until)]
    return any(is_announced(kind, address, announced, at) for at in instants)


# ---- Addresses and header lines ----


class BadMessage(ValueError):
    """This message can never be sent. `detail` says why in a word, for the channel log."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def address(channel: str, to: str) -> str:
    """Return `to` as it is stored and compared: E.164 for SMS ("+989121234567"), one plain address for e-mail.

    Numbers may be written as people do (0912…, +98…, digits of any script, spaces). Raises BadMessage for
    what is no address, above all for one that carries line breaks (header injection).
    """
    if _CONTROL.search(to):
        raise BadMessage("bad_address")
    try:
        if channel == SMS:
            return people.mobile_number(to)
        stored = people.email_address(to) if channel == EMAIL else ""
    except Invalid:
        raise BadMessage("bad_address") from None
    if not stored:
        raise BadMessage("bad_address")
    return stored


def hidden(channel: str, to: str) -> str:
    """Return an address with its middle left out, for pages that more people read: "0912***4567", "s***@example.ir"."""
    if channel == SMS:
        whole = people.domestic(to)
        return f"{whole[:4]}***{whole[-4:]}" if len(whole) == 11 else "***"
    local, at, domain = to.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"


_LONGEST_TITLE = 200


def title(line: str) -> str:
    """Return the subject line of an e-mail. Raises BadMessage when it is empty, too long, or breaks the line."""
    if not line.strip() or len(line) > _LONGEST_TITLE or _CONTROL.search(line):
        raise BadMessage("bad_title")
    return line


_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/[A-Za-z0-9._~:/?=&%@+\-]*")


def opt_out_url(url: str) -> str:
    """Return the address of a List-Unsubscribe header. Raises BadMessage for whatever could leave the header."""
    if len(url) > 300 or not _PLAIN_URL.fullmatch(url):
        raise BadMessage("bad_opt_out")
    return url


# ---- Texts ----

_ONE_PART, _PART_OF_MANY = 70, 67  # UCS-2 units; six bytes of each part of many say which part it is
MOST_SMS_LETTERS: Final = 900  # Kavenegar refuses longer ones (413)


def sms_parts(text: str) -> int:
    """Return how many SMS the operator bills for a Persian text: 70 units → 1, 71 → 2. Empty → 0.

    Counted in UTF-16 units: a letter outside the basic plane is two.
    """
    units = len(text.encode("utf-16-le")) // 2
    if units <= _ONE_PART:
        return 1 if units else 0
    return -(-units // _PART_OF_MANY)


@dataclass(frozen=True)
class Template:
    """What one kind of message prints. Texts of `needs` and rows of `tables` must be there; `may` may be missing.

    Money is grouped toman («۱۸٬۵۴۵٬۰۰۰», the template writes the unit), except `total_rials`; `…_until`, `…_due` come
    from `kernel.jalali.deadline` and begin with «تا»; `…_at` come from `kernel.jalali.moment`.
    """

    needs: frozenset[str]
    may: frozenset[str] = frozenset()
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    may_tables: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_LINES = {"lines": _names("title quantity unit_price total")}
_FEES = {"fees": _names("title amount")}

_MARKED = _names("mark")  # queueing gives it; see `queries.render`
_MAILED = _names("mark check_link")

TEMPLATES: Final[Mapping[tuple[str, str], Template]] = {
    (SMS, "login_code"): Template(_names("code host"), may=_names("valid_for") | _MARKED),
    (SMS, "contact_code"): Template(_names("code host"), may=_names("valid_for") | _MARKED),
    (SMS, "guardian_confirmation"): Template(_names("child code link"), may=_names("valid_for") | _MARKED),
    (SMS, "waybill"): Template(_names("carrier waybill"), may=_names("recipient") | _MARKED),
    (SMS, "terms_changed"): Template(_names("version effective_at link"), may=_MARKED),
    (SMS, "force_majeure"): Template(_names("reason from link"), may=_names("until") | _MARKED),
    (SMS, "force_majeure_ended"): Template(_names("reason from link"), may=_MARKED),
    (SMS, "mobile_change_asked"): Template(_names("number at link"), may=_MARKED),
    (SMS, "account_changed"): Template(_names("what at link"), may=_MARKED),
    (SMS, "privacy_received"): Template(_names("case link"), may=_names("due") | _MARKED),
    (SMS, "privacy_answered"): Template(_names("case link"), may=_MARKED),
    (SMS, "promise_broken"): Template(_names("count first link"), may=_MARKED),
    (SMS, "registry_drift"): Template(_names("count first link"), may=_MARKED),
    (SMS, "registry_alarm"): Template(_names("what link"), may=_MARKED),
    (SMS, "audit_alarm"): Template(_names("what link"), may=_MARKED),
    (SMS, "incident"): Template(_names("what link"), may=_MARKED),
    (SMS, "newsletter"): Template(_names("title link opt_out"), may=_MARKED),
    (SMS, "pro_forma"): Template(_names("order total pay_until link"), may=_MARKED),
    (SMS, "cart_code"): Template(_names("cart_code link"), may=_names("door") | _MARKED),
    (SMS, "order_short"): Template(_names("order amount refund_due link"), may=_MARKED),
    (SMS, "refund_done"): Template(_names("order amount reference"), may=_MARKED),
    (SMS, "order_expired"): Template(_names("order"), may=_MARKED),
    (SMS, "order_cancelled"): Template(_names("order"), may=_names("reason amount refund_due") | _MARKED),
    (SMS, "order_data_asked"): Template(_names("order fields answer_due link"), may=_MARKED),
    (SMS, "order_unanswered"): Template(_names("order link"), may=_names("amount refund_due") | _MARKED),
    (SMS, "order_cancelled_by_shop"): Template(_names("order reason link"), may=_names("amount refund_due") | _MARKED),
    (SMS, "refund_account"): Template(_names("amount link"), may=_names("due") | _MARKED),
    (SMS, "refund_came_back"): Template(_names("amount link"), may=_names("due") | _MARKED),
    (EMAIL, "contact_code"): Template(_names("code"), may=_names("name valid_for link") | _MAILED),
    (EMAIL, "guardian_confirmation"): Template(
        _names("child code link"), may=_names("name valid_for clause") | _MAILED
    ),
    (EMAIL, "terms_changed"): Template(
        _names("version effective_at link"),
        may=_names("name clause") | _MAILED,
        may_tables={"changes": _names("number title")},
    ),
    (EMAIL, "force_majeure"): Template(
        _names("reason from scope link"),
        may=_names("name until signer clause") | _MAILED,
        may_tables={"promises": _names("what due")},
    ),
    (EMAIL, "force_majeure_ended"): Template(
        _names("reason from link"),
        may=_names("name note clause") | _MAILED,
        may_tables={"promises": _names("what due")},
    ),
    (EMAIL, "mobile_change_asked"): Template(_names("number at link"), may=_names("name clause") | _MAILED),
    (EMAIL, "account_changed"): Template(_names("what at link"), may=_names("name clause") | _MAILED),
    (EMAIL, "privacy_received"): Template(_names("case received_at link"), may=_names("name due clause") | _MAILED),
    (EMAIL, "promise_broken"): Template(
        _names("count first link"), may=_names("name") | _MAILED, tables={"overdues": _names("what code due late")}
    ),
    (EMAIL, "registry_drift"): Template(
        _names("count first link"), may=_names("name") | _MAILED, tables={"drifts": _names("what code why")}
    ),
    (EMAIL, "registry_alarm"): Template(_names("what link"), may=_names("name") | _MAILED),
    (EMAIL, "audit_alarm"): Template(_names("what link"), may=_names("name") | _MAILED),
    (EMAIL, "incident"): Template(_names("what link"), may=_names("name") | _MAILED),
    (EMAIL, "privacy_answered"): Template(_names("case answer link"), may=_names("name clause") | _MAILED),
    (EMAIL, "newsletter"): Template(
        _names("title intro link opt_out"),
        may=_names("name") | _MAILED,
        may_tables={"items": _names("title text link")},
    ),
    (EMAIL, "refund_account"): Template(_names("amount order link"), may=_names("name due clause") | _MAILED),
    (EMAIL, "refund_came_back"): Template(_names("amount order link"), may=_names("name due clause") | _MAILED),
    (EMAIL, "order_data_asked"): Template(
        _names("order fields note answer_due link"), may=_names("name clause") | _MAILED
    ),
    (EMAIL, "order_unanswered"): Template(_names("order link"), may=_names("name amount refund_due clause") | _MAILED),
    (EMAIL, "order_cancelled_by_shop"): Template(
        _names("order reason link"),
        may=_names("name note amount refund_due clause") | _MAILED,
        may_tables={"goods": _names("title")},
    ),
    (EMAIL, "pro_forma"): Template(
        _names("order version placed_at goods_total total total_rials pay_until link"),
        may=_names("name deliver_to terms terms_link clause") | _MAILED,
        tables={**_LINES, **_FEES},
    ),
    (EMAIL, "cart_code"): Template(
        _names("order cart_code final_at total link"),
        may=_names("name deliver_to door processing_date terms terms_link clause") | _MAILED,
        tables={**_LINES, **_FEES},
        may_tables={"promises": _names("what due")},
    ),
}


def template(channel: str, name: str, context: Context) -> Template:
    """Return what the template wants, after making sure that `context` has it.

    Raises BadMessage: an unknown template, a missing name, or a value that is not ready to print.
    """
    wanted = TEMPLATES.get((channel, name))
    if wanted is None:
        raise BadMessage("no_template")
    for text in wanted.needs | (wanted.may & context.keys()):
        value = context.get(text)
        if not isinstance(value, str) or (not value and text in wanted.needs):
            raise BadMessage(f"context_{text}")
    may_tables = {table: columns for table, columns in wanted.may_tables.items() if table in context}
    for table, columns in {**wanted.tables, **may_tables}.items():
        rows = context.get(table)
        if rows is None or isinstance(rows, str):
            raise BadMessage(f"context_{table}")
        if not all(isinstance(row.get(column), str) for row in rows for column in columns):
            raise BadMessage(f"context_{table}")
    return wanted


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
