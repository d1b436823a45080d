"""When keys of tickets come and go, and the document by which everybody verifies with them.

A key is published two days before it signs, signs for thirty, and is destroyed once no ticket of it lives. What
verifies is published for ever, so that a ticket in an old log can still be held against us.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from peyman.kernel import jalali
from peyman.kernel.errors import Refused
from peyman.market.guard.rules import tickets
from peyman.market.guard.rules.tickets import PublicKey
from peyman.market.guard.rules.wording import PUBLISHED

SIGNS_FOR: Final = timedelta(days=30)
PUBLISHED_BEFORE: Final = timedelta(days=2)
JUST_NOW: Final = timedelta(hours=1)
DESTROYED_AFTER: Final = timedelta(seconds=tickets.MOST_LIFE + tickets.DISCLOSED_AFTER)
MOST_KEYS: Final = 5_000  # of a document
LONGEST_DOCUMENT: Final = 10_000_000  # bytes
_MOST_INTERVALS: Final = 24 * 400
_HEX: Final = re.compile(r"[0-9a-f]*", re.ASCII)


class NoKey(Refused):
    """No key signs now, so no ticket can be issued and the message is not shown."""

    code, clause, status = "no_ticket_key", "B03", 503
    says = "بلیتی صادر نشد، چون اکنون کلیدی برای امضا نیست. «peyman ticket keys rotate» کلیدی می‌سازد."


class NoSealingSecret(Refused):
    """A private key would have to be kept unsealed."""

    code, clause, status = "no_sealing_secret", "B03", 503
    says = "کلیدی ساخته نشد، چون رازی برای مهر کردن آن نیست: PEYMAN_FIELD_KEYS یا PEYMAN_SECRET_KEY را بگذارید."


class BadKeys(ValueError):
    """A document of keys that cannot be used. `says`: why, in Persian."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


@dataclass(frozen=True, slots=True)
class Plan:
    """When a key signs: in signs_from ≤ t < signs_until; `signs_planned` is as long as it could have."""

    number: int
    signs_from: datetime
    signs_until: datetime
    revoked: bool = False


def next_plan(known: Iterable[Plan], now: datetime) -> Plan | None:
    """Return the plan of the key that is to be made now, or None while one of those known signs long enough.

    The first key, and one after a time without any, signs from this second on.
    """
    plans = list(known)
    number = max((one.number for one in plans), default=0) + 1
    until = max((one.signs_until for one in plans if not one.revoked), default=now)
    if until - now > PUBLISHED_BEFORE and any(_signs(one, now) for one in plans):
        return None
    starts = until if until > now and any(_signs(one, now) for one in plans) else now
    starts = starts.replace(microsecond=0)
    return Plan(number, starts, starts + SIGNS_FOR)


def early_plan(known: Iterable[Plan], now: datetime) -> Plan | None:
    """Return the plan of a key that is to sign before its time: two days from now.

    None where one waits already, or began in the last hour: then somebody else asked at the same time.
    """
    plans = list(known)
    if any(one.signs_from > now - JUST_NOW and not one.revoked for one in plans):
        return None
    number = max((one.number for one in plans), default=0) + 1
    signing = [one.signs_until for one in plans if _signs(one, now)]
    starts = min([now + PUBLISHED_BEFORE, *signing]) if signing else now
    starts = starts.replace(microsecond=0)
    return Plan(number, starts, starts + SIGNS_FOR)


def _signs(one: Plan, now: datetime) -> bool:
    return one.signs_from <= now < one.signs_until and not one.revoked


# ---- The document ----


def document(keys: Iterable[PublicKey], published_at: Mapping[bytes, datetime]) -> dict[str, Any]:
    """Return what `/.well-known/half-price-keys.json` says: keys as JWK (RFC 8037), and the words that were shown."""
    return {
        "version": 1,
        "about": "docs/ticket.md",
        "keys": [_jwk(key, published_at.get(key.kid)) for key in keys],
        "wordings": [
            {
                "number": one.number,
                "since": one.since,
                "half": one.half,
                "scope": one.scope,
                "neutral": one.neutral,
                "why": one.why,
                "sha256": one.sha256,
            }
            for one in PUBLISHED
        ],
    }


def _jwk(key: PublicKey, published_at: datetime | None) -> dict[str, Any]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "kid": key.kid.hex(),
        "x": base64.urlsafe_b64encode(key.public).rstrip(b"=").decode(),
        "published_at": jalali.iso(published_at) if published_at else None,
        "signs_from": key.signs_from,
        "signs_planned": key.signs_planned,
        "signs_until": key.signs_until,
        "revoked_from": key.revoked_from,
        "tags": {
            "interval": tickets.INTERVAL,
            "anchor": key.anchor.hex(),
            "upto": key.upto,
            "disclosed": key.disclosed.hex(),
        },
    }


def read_document(document: object) -> dict[bytes, PublicKey]:
    """Return the keys of a document, each held against its own id and anchor. Raises BadKeys."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        raise BadKeys("در آن فهرستی از کلیدها (keys) نیست.")
    if len(listed) > MOST_KEYS:
        raise BadKeys("بیش از اندازه کلید دارد.")
    found: dict[bytes, PublicKey] = {}
    for place, one in enumerate(listed, 1):
        try:
            key = _key(one)
        except (KeyError, TypeError, ValueError) as fault:
            raise BadKeys(f"کلید شماره {place} آن درست نیست ({fault}).") from fault
        if found.setdefault(key.kid, key) != key:
            raise BadKeys(f"کلید {key.kid.hex()} دو بار و به دو گونه در آن است.")
    return found


def _key(one: Any) -> PublicKey:
    if not isinstance(one, dict) or (one.get("kty"), one.get("crv")) != ("OKP", "Ed25519"):
        raise ValueError("kty, crv")
    tags = one["tags"]
    if not isinstance(tags, dict) or tags.get("interval") != tickets.INTERVAL:
        raise ValueError("tags")
    key = PublicKey(
        kid=_hex(one["kid"], 8),
        public=_x(one["x"]),
        anchor=_hex(tags["anchor"], 32),
        signs_from=_second(one["signs_from"]),
        signs_planned=_second(one["signs_planned"]),
        signs_until=_second(one["signs_until"]),
        upto=tags["upto"] if type(tags["upto"]) is int else -2,
        disclosed=_hex(tags["disclosed"], 32 if tags["disclosed"] else 0),
        revoked_from=None if one.get("revoked_from") is None else _second(one["revoked_from"]),
    )
    if key.kid != tickets.key_id(key.public, key.anchor, key.signs_from, key.signs_planned):
        raise ValueError("kid")
    if not key.signs_from <= key.signs_until <= key.signs_planned:
        raise ValueError("signs_until")
    many = tickets.intervals(key.signs_from, key.signs_planned)
    if many > _MOST_INTERVALS or not -1 <= key.upto < many or (key.upto >= 0) != bool(key.disclosed):
        raise ValueError("upto")
    if key.disclosed and not tickets.leads_to(key.disclosed, key.upto, key.anchor):
        raise ValueError("disclosed")
    return key


def _hex(text: Any, length: int) -> bytes:
    if not isinstance(text, str) or len(text) != 2 * length or not _HEX.fullmatch(text):
        raise ValueError("hex")
    return bytes.fromhex(text)


def _x(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) != 43 or not text.isascii():
        raise ValueError("x")
    found = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    if len(found) != 32 or base64.urlsafe_b64encode(found).rstrip(b"=").decode() != text:
        raise ValueError("x")
    return found


def _second(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**40:
        raise ValueError("time")
    return value
