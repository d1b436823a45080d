"""A mobile number whose line is lost: who may say so, how long the old line may object, who decides then (D08, D15).

A number alone proves nothing here: operators hand lines on, and whoever holds the old one now is not the customer. So
the change needs the confirmed e-mail address, or staff who checked who is asking; it waits, and the old line and the
e-mail address are told how to stop it; while it waits nothing else by which one could take the account away may change.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused

LOST_LINE_WAIT: Final = timedelta(hours=72)
DORMANT_AFTER: Final = timedelta(days=180)  # about when an operator may hand a silent line on

UNPROVEN = "unproven"  # staff checked the identity; the customer has yet to prove the new number
WAITING, OBJECTED, DONE, REFUSED = "waiting", "objected", "done", "refused"
LOST_LINE_WORDS: Final[dict[str, str]] = {
    UNPROVEN: "شماره تازه هنوز تأیید نشده است",
    WAITING: "در انتظار",
    OBJECTED: "به آن اعتراض شده است",
    DONE: "انجام شد",
    REFUSED: "رد شد",
}
IDENTITY_CHECKS: Final[dict[str, str]] = {
    "in_person": "کارت ملی را حضوری دیدم و با چهره سنجیدم",
    "video": "کارت ملی و چهره را در تماس تصویری دیدم",
    "notary": "گواهی دفتر اسناد رسمی یا پیشخوان دولت رسید",
}


class AccountOnHold(Refused):
    """While a lost line is looked into, what would take the account away stands still."""

    code, clause, status = "account_on_hold", "D15", 409
    says = (
        "چیزی عوض نشد، چون درخواست عوض شدن شماره گم‌شده این حساب باز است. "
        "اگر آن را نخواسته‌اید، در صفحه حساب جلوی آن را بگیرید؛ پس از روشن شدن آن، این کار باز می‌شود."
    )


class AwayTooLong(Refused):
    """The line may be another's by now: the number alone opens nothing."""

    code, clause, status = "email_proof_required", "D15", 403
    says = (
        "وارد نشدید، چون مدت‌ها از این حساب خبری نبود و شاید این خط اکنون از آن کس دیگری است. "
        "از صفحه ورود سایت، کدی را هم که به ایمیل حساب می‌رسد بنویسید."
    )


class LostLineOpen(Refused):
    """One at a time."""

    code, clause, status = "lost_line_open", "D08", 409
    says = "ثبت نشد، چون برای این حساب درخواست دیگری باز است. تا پایان آن صبر کنید یا به ما بنویسید."


class LostLineOver(Refused):
    """The link is of no request that can still be stopped."""

    code, clause, status = "lost_line_over", "D08", 409
    says = "کاری نشد، چون این درخواست دیگر باز نیست یا این پیوند درست نیست. اگر حسابتان در خطر است، به ما بنویسید."


class OtherStaff(Refused):
    """Whoever began it does not decide against an objection."""

    code, clause, status = "other_staff", "D15", 409
    says = "انجام نشد، چون این درخواست را خود شما ثبت کرده‌اید؛ پس از اعتراض، همکار دیگری باید هویت را بسنجد."


@carries_out("D15")
def identity_check(typed: str, *, field: str = "identity") -> str:
    """Return how staff checked who is asking. Raises Invalid that names `field`."""
    if typed not in IDENTITY_CHECKS:
        raise Invalid({field: "بنویسید هویت را چگونه سنجیدید؛ بی آن شماره عوض نمی‌شود."})
    return typed


@carries_out("D15")
def is_dormant(last_seen: datetime | None, now: datetime) -> bool:
    """Say whether nobody was here for so long that the line may have been handed on; never for who is new here."""
    return last_seen is not None and now - last_seen >= DORMANT_AFTER


def lost_line_token_hash(token: str) -> str:
    """Return what is kept of the token in the links that stop a change."""
    return hashlib.sha256(f"lost-line:{token}".encode()).hexdigest()
