"""Who someone is: mobile numbers, names and e-mail addresses as typed, log-in codes, tokens."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import phonenumbers

from peyman.kernel import text
from peyman.kernel.errors import Invalid, Refused, TryLater

CODE_LIFETIME: Final = timedelta(seconds=180)
CODE_DIGITS: Final = 6
CODE_TRIES: Final = 5  # wrong tries that one code outlives
TOKEN_LIFETIME: Final = timedelta(days=30)
BEARER_MARK: Final = "pym_"  # lets secret scanners find a leaked one

NAME_LENGTH: Final = 120


@dataclass(frozen=True)
class Limit:
    """At most `most` within any `span`."""

    most: int
    span: timedelta


CODE_LIMITS: Final = (Limit(3, timedelta(minutes=2)), Limit(10, timedelta(hours=1)))

# Bidi controls have no place in a name: they make it read as another one (CVE-2021-42574).
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER_NOISE = re.compile(r"[\s().\-_/\u2010-\u2015\u2212\u00ad\u200b-\u200d\u2060\ufeff]+")
_EDGES = re.compile(r"^[\s\u200b-\u200d\ufeff]+|[\s\u200b-\u200d\ufeff]+$")
# One address of RFC 5321 as people have them: no quotes, no comments, no bare host.
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)


class TooManyCodes(TryLater):
    """The number was sent as many codes as the limits allow. Says the same for every number."""

    code = "too_many_codes"
    status = 429
    says = (
        "کد تازه فرستاده نشد، چون برای این شماره چند بار پشت سر هم کد خواسته شده است. "
        "چیزی از دست نرفته است؛ {wait} دیگر دوباره بخواهید."
    )

    def __init__(self, retry_after: int) -> None:
        """`retry_after`: seconds until a code may be asked for again."""
        super().__init__(retry_after, wait=waiting(retry_after))


class WrongCode(Refused):
    """Not the code of this number, or used, or too late, or tried too often: never told apart."""

    code = "wrong_code"
    status = 422
    says = "کد درست نیست یا زمانش گذشته است. شماره و کد را دوباره ببینید یا کد تازه بخواهید."


class Inactive(Refused):
    """The account was closed; told only to whoever has proven the number is theirs."""

    code = "account_closed"
    status = 403
    says = "این حساب بسته شده است و با آن نمی‌شود وارد شد. برای بررسی با پشتیبانی تماس بگیرید."


class StaffNeedsMore(Refused):
    """A code by SMS alone does not open the account of a member of staff."""

    code = "second_factor_required"
    status = 403
    says = "حساب همکاران با پیامک تنها باز نمی‌شود. از صفحه ورود و با رمز یک‌بارمصرف دوم وارد شوید."


def mobile_number(typed: str, *, field: str = "mobile") -> str:
    """Return an Iranian mobile number in E.164 ("+989121234567") however it was typed.

    0912…, 912…, +98…, 0098…, 98…, digits of any script, spaces, dashes, brackets and bidi marks are
    taken. Raises Invalid that names `field`: other countries, landlines and numbers that no operator has
    are refused.
    """
    number = _NUMBER_NOISE.sub("", _BIDI.sub("", text.latin_digits(typed)))
    digits = number.removeprefix("+")
    if not number:
        raise Invalid({field: "شماره موبایل را بنویسید؛ مانند ۰۹۱۲۱۲۳۴۵۶۷."})
    if not digits.isascii() or not digits.isdigit():
        raise Invalid({field: "در شماره موبایل جز رقم نوشته شده است؛ تنها رقم‌ها را بنویسید، مانند ۰۹۱۲۱۲۳۴۵۶۷."})
    if len(digits) > 16:
        raise Invalid({field: "شماره موبایل ۱۱ رقم است و با ۰۹ آغاز می‌شود؛ آنچه نوشته‌اید بلندتر است."})
    if number.startswith("+"):
        international = digits
    elif digits.startswith("00"):
        international = digits[2:]
    elif digits.startswith("98") and len(digits) == 12:
        international = digits
    else:
        international = "98" + digits.removeprefix("0")
    if not international.startswith("98"):
        raise Invalid({field: "تنها به شماره موبایل ایران کد می‌فرستیم؛ شماره‌ای بنویسید که با ۰۹ آغاز شود."})
    national = international.removeprefix("98").removeprefix("0")
    if len(national) != 10:
        said = text.persian_digits(len(national) + 1)
        raise Invalid({field: f"شماره موبایل {said} رقم است؛ باید ۱۱ رقم باشد و با ۰۹ آغاز شود."})
    parsed = phonenumbers.PhoneNumber(country_code=98, national_number=int(national))
    if (
        not national.startswith("9")
        or not phonenumbers.is_valid_number(parsed)
        or phonenumbers.number_type(parsed) != phonenumbers.PhoneNumberType.MOBILE
    ):
        raise Invalid({field: "این شماره موبایل ایران نیست؛ شماره‌ای ۱۱ رقمی بنویسید که با ۰۹ آغاز شود."})
    return f"+98{national}"


def landline_number(typed: str, *, field: str = "landline") -> str:
    """Return an Iranian landline with its area code as it is dialled inside the country ("02188888888").

    Digits of any script, spaces, dashes, brackets, +98 and 0098 are taken. Raises Invalid that names `field`.
    """
    digits = _NUMBER_NOISE.sub("", _BIDI.sub("", text.latin_digits(typed))).removeprefix("+")
    for prefix in ("0098", "98"):
        if digits.startswith(prefix) and len(digits) > 11:
            digits = "0" + digits.removeprefix(prefix)
    if not digits.isascii() or not digits.isdigit() or len(digits) != 11 or digits[0] != "0" or digits[1] in "09":
        raise Invalid({field: "تلفن ثابت را با پیش‌شماره شهر بنویسید؛ ۱۱ رقم است، مانند ۰۲۱۸۸۸۸۸۸۸۸."})
    return digits


def domestic(mobile: str) -> str:
    """Return an E.164 mobile number as people in Iran write it: "09121234567"."""
    return "0" + mobile.removeprefix("+98")


def full_name(typed: str, *, field: str = "full_name") -> str:
    """Return a person's name in normalised Persian. Raises Invalid that names `field`."""
    name = text.normalise(_CONTROL.sub(" ", _BIDI.sub("", typed)))
    if not name:
        raise Invalid({field: "نام و نام خانوادگی را بنویسید."})
    if len(name) > NAME_LENGTH:
        raise Invalid({field: f"نام از {text.persian_digits(NAME_LENGTH)} نویسه بلندتر است؛ کوتاه‌ترش کنید."})
    if len(_LETTER.findall(name)) < 2:
        raise Invalid({field: "نام باید دست‌کم دو حرف داشته باشد."})
    if "<" in name or ">" in name or "://" in name:
        raise Invalid({field: "در نام تنها حرف، فاصله و خط تیره می‌آید."})
    return name


def email_address(typed: str, *, field: str = "email") -> str:
    """Return an e-mail address, its domain in lower case; "" for none (it is optional, A12).

    Raises Invalid that names `field`.
    """
    address = _EDGES.sub("", _BIDI.sub("", text.latin_digits(typed)))
    if not address:
        return ""
    local, _, domain = address.rpartition("@")
    if len(address) > 254 or len(local) > 64 or not _EMAIL.fullmatch(address):
        raise Invalid({field: "این نشانی ایمیل درست نیست؛ مانند name@example.ir بنویسید یا خالی بگذارید."})
    return f"{local}@{domain.lower()}"


def profile(name: str, email: str) -> tuple[str, str]:
    """Return name and e-mail address cleaned. Raises Invalid naming every field that is wrong."""
    cleaned: list[str] = []
    wrong: dict[str, str] = {}
    for rule, typed in ((full_name, name), (email_address, email)):
        try:
            cleaned.append(rule(typed))
        except Invalid as refusal:
            wrong |= refusal.fields
    if wrong:
        raise Invalid(wrong)
    return cleaned[0], cleaned[1]


def new_login_code() -> str:
    """Return six random digits, leading zeros kept."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def typed_code(typed: str) -> str:
    """Return the digits of a log-in code however it was typed; "" where it cannot be one."""
    code = _NUMBER_NOISE.sub("", _BIDI.sub("", text.latin_digits(typed)))
    return code if len(code) == CODE_DIGITS and code.isascii() and code.isdigit() else ""


def code_hash(mobile: str, code: str, *, secret: str) -> str:
    """Return the keyed hash that is kept of a log-in code.

    Keyed, because a million codes are tried in a second; with the number, because two people may be
    sent the same six digits.
    """
    return hmac.new(f"login-code:{secret}".encode(), f"{mobile}:{code}".encode(), hashlib.sha256).hexdigest()


def same_hash(left: str, right: str) -> bool:
    """Compare without telling by the time it takes how much agrees."""
    return hmac.compare_digest(left, right)


def wait_for_code(sent: Sequence[datetime], now: datetime) -> int:
    """Return how many whole seconds to wait before another code may leave; 0 = it may leave now.

    `sent`: when codes were sent to this number, in any order. A span is half-open: a code sent exactly
    two minutes ago no longer counts.
    """
    wait = timedelta(0)
    for limit in CODE_LIMITS:
        counted = sorted(at for at in sent if at > now - limit.span)
        if len(counted) >= limit.most:
            wait = max(wait, counted[-limit.most] + limit.span - now)
    return -(-wait // timedelta(seconds=1))


def waiting(seconds: int) -> str:
    """Return a span in Persian words, rounded up: "۴۵ ثانیه", "۲ دقیقه"."""
    if seconds < 60:
        return f"{text.persian_digits(max(seconds, 1))} ثانیه"
    return f"{text.persian_digits(-(-seconds // 60))} دقیقه"


def new_token() -> str:
    """Return a bearer token: 256 random bits behind a prefix."""
    return BEARER_MARK + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is kept of a token. It is random enough that a plain SHA-256 gives nothing away."""
    return hashlib.sha256(token.encode()).hexdigest()
