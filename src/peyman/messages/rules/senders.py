"""What we send from, and the mark by which anyone can check that a message is ours (D14)."""

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.codes import ALPHABET
from peyman.kernel.errors import Refused as Refusal
from peyman.kernel.text import latin_digits
from peyman.messages.rules.addresses import CONTROL

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
    if CONTROL.search(typed):
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
