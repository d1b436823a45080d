"""Who may be written to, and by which template (D09, D11)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused as Refusal


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
