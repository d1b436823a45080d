"""Money in and money out: what a bank may answer, and how much can still be given back."""

from dataclasses import dataclass
from enum import Enum

from peyman.kernel.errors import Missing, Refused, TryLater

# ---- What a bank answers. A gateway translates its protocol into these; nothing else is known of it. ----


@dataclass(frozen=True)
class Unknown:
    """No answer, or none that can be read. Never "failed": the bank may have done it."""

    detail: str


@dataclass(frozen=True)
class TokenGranted:
    token: str
    redirect_url: str


@dataclass(frozen=True)
class TokenRefused:
    code: str
    detail: str = ""


@dataclass(frozen=True)
class Verified:
    """The bank confirms this token for the amount we named. `again`: it had confirmed it before."""

    refnum: str
    card_mask: str
    again: bool


@dataclass(frozen=True)
class Unpaid:
    code: str


@dataclass(frozen=True)
class Mismatch:
    """The token was paid, but not with our amount or not for us."""

    code: str


class Status(Enum):
    """What the bank says of a token when asked."""

    IN_BANK = "in_bank"  # the customer is still there
    PAID = "paid"  # paid, not verified by us
    VERIFIED = "verified"
    FAILED = "failed"
    REVERSED = "reversed"


@dataclass(frozen=True)
class Reversed:
    pass


@dataclass(frozen=True)
class TooLate:
    """Past the time in which this bank reverses; a refund is the way."""

    code: str


@dataclass(frozen=True)
class ReverseRefused:
    code: str


@dataclass(frozen=True)
class RefundAccepted:
    """`done`: the money has left; otherwise it goes with the bank's next round."""

    ref: str
    done: bool


@dataclass(frozen=True)
class RefundRefused:
    code: str


TokenAnswer = TokenGranted | TokenRefused | Unknown
VerifyAnswer = Verified | Unpaid | Mismatch | Unknown
InquiryAnswer = Status | Unknown
ReverseAnswer = Reversed | TooLate | ReverseRefused | Unknown
RefundAnswer = RefundAccepted | RefundRefused | Unknown


# ---- Refusals ----


class OverRefund(Refused):
    """More was asked back than is left of what was paid."""

    code, clause = "over_refund", "D30"
    says = "بیش از آنچه پرداخت شده است نمی‌توان برگرداند."


class ForeignReceipt(Refused):
    """A receipt that belongs to another payment."""

    code = "foreign_receipt"
    says = "این رسید بانکی برای پرداخت دیگری است و پذیرفته نشد."


class KeyReused(Refused):
    """The same Idempotency-Key came with another request."""

    code, status = "idempotency_key_reused", 422
    says = "این کلید یکتا پیش‌تر با درخواست دیگری آمده است. چیزی ثبت نشد؛ برای درخواست تازه، کلید تازه بسازید."


class UnknownPayment(Missing):
    """No payment has this token."""

    code = "payment_unknown"
    says = "پرداختی با این مشخصات نداریم. اگر مبلغی از حساب شما کم شده است، بانک آن را برمی‌گرداند."


class UnknownGateway(Refused):
    """We do not work with this bank."""

    code, status = "gateway_unknown", 422
    says = "این درگاه پرداخت را نداریم."


class BankAway(TryLater):
    """The bank gave no token; nothing was taken."""

    code = "bank_away"
    says = "درگاه بانک اکنون پاسخ نمی‌دهد. سفارش شما سر جایش است و پولی گرفته نشد؛ کمی بعد دوباره تلاش کنید."


def refundable(paid: int, refunded: int, asked: int) -> int:
    """Return `asked`, in rials, if that much is left to give back (clause D30).

    Raises OverRefund when it is not, ValueError when nothing is asked.
    """
    if asked <= 0:
        raise ValueError("a refund gives something back")
    if asked > paid - refunded:
        raise OverRefund
    return asked


REVERSAL_MINUTES = 25  # Zarinpal reverses within 30 minutes; five are left for the road
SMALLEST_TRANSFER = 20_000  # rials; banks refund no less


def way_back(*, amount: int, paid: int, age_minutes: float) -> str:
    """Return how `amount` of a payment of `paid` rials goes back: `reversal` or `refund`.

    A reversal undoes the whole payment and only within minutes of it.
    """
    return "reversal" if amount == paid and age_minutes < REVERSAL_MINUTES else "refund"


def next_check_seconds(checks: int) -> int:
    """Return after how many seconds a bank is asked again: 15, 30, 60, … at most ten minutes."""
    return int(min(600, 15 * 2 ** min(checks, 10)))


def next_refund_seconds(tries: int) -> int:
    """Return after how many seconds a refund is tried again: 2, 4, 8, … at most ten minutes."""
    return int(min(600, 2 * 2 ** min(tries, 10)))
