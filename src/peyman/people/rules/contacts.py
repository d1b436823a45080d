"""Contacts that count: how one is proven, and what stands in the way (D08, D40)."""

import hashlib
import hmac
import re
from datetime import timedelta
from typing import Final

from peyman.kernel.errors import Invalid, Refused
from peyman.people.rules.accounts import email_address

CONTACT_CODE_LIFETIME: Final = timedelta(minutes=30)  # a mail may be slow, and somebody may have to walk to a phone
CONTACT_CODES_A_DAY: Final = 20  # of one person, to whatever addresses


class MobileTaken(Refused):
    """Another account has this number; told only to whoever has proven to hold it."""

    code, clause, status = "mobile_taken", "D08", 409
    says = (
        "شماره عوض نشد، چون با این شماره حساب دیگری هست و هر شماره تنها یک حساب دارد. "
        "با همان شماره وارد شوید، یا شماره دیگری بنویسید."
    )


class SameContact(Invalid):
    """The new one is the one that counts already."""

    code, clause = "same_contact", "D08"
    says = "چیزی عوض نشد، چون این همان نشانی کنونی شماست."


class NotVouched(Invalid):
    """A landline cannot be proven by a code, so the customer must vouch for it."""

    code, clause = "not_vouched", "D40"
    says = "تلفن ثابت ثبت نشد، چون درستی آن را تأیید نکرده‌اید."


def new_email(typed: str, current: str) -> str:
    """Return an address to prove. Raises Invalid for none or a wrong one, SameContact for the current one.

    A line break, and whatever else could begin a new header of a mail, makes it wrong.
    """
    address = "" if re.search(r"[\r\n\x00]", typed.strip()) else email_address(typed)
    if not address:
        raise Invalid({"email": "نشانی ایمیل را در یک خط بنویسید؛ مانند name@example.ir."})
    if address == current:
        raise SameContact({"email": "این همان ایمیل تأییدشده شماست."})
    return address


def contact_code_hash(kind: str, target: str, code: str, *, secret: str) -> str:
    """Return the keyed hash that is kept of a code: for this address and this purpose only."""
    return hmac.new(f"contact-code:{secret}".encode(), f"{kind}:{target}:{code}".encode(), hashlib.sha256).hexdigest()
