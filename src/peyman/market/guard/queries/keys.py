"""The keys of tickets: which one signs, and what everybody may know of them."""

from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from peyman.market.guard.models import TicketKey
from peyman.market.guard.rules import keyring, tickets
from peyman.market.guard.rules.tickets import PublicKey, SigningKey, Verifier


def rows() -> list[TicketKey]:
    """Return all keys, the newest first. One query."""
    return list(TicketKey.objects.order_by("-number"))


def signing(now: datetime) -> SigningKey | None:
    """Return the key that signs now, or None. One query."""
    row = (
        TicketKey.objects.filter(signs_from__lte=now, signs_until__gt=now, revoked_from=None)
        .exclude(private="")
        .order_by("-signs_from", "-number")
        .first()
    )
    if row is None:
        return None
    return SigningKey(
        kid=bytes.fromhex(row.kid),
        private=Ed25519PrivateKey.from_private_bytes(bytes.fromhex(row.private)),
        chain=bytes.fromhex(row.chain),
        naming=bytes.fromhex(row.naming),
        signs_from=tickets.seconds(row.signs_from),
        signs_planned=tickets.seconds(row.signs_planned),
        signs_until=tickets.seconds(row.signs_until),
    )


def public(now: datetime) -> list[PublicKey]:
    """Return what everybody may know of each key at `now`, the newest first. One query."""
    return [_public(row, now) for row in rows()]


def own() -> dict[bytes, PublicKey]:
    """Return the keys with all that we know: by them we verify a showing before everybody can. One query."""
    return {(key := _public(row, None)).kid: key for row in rows()}


def own_verifier() -> Verifier:
    """Return what verifies every ticket of ours wholly, at once. One query."""
    return Verifier(own())


def document(now: datetime) -> dict[str, Any]:
    """Return what `/.well-known/half-price-keys.json` says at `now`. One query."""
    known = rows()
    return keyring.document(
        [_public(row, now) for row in known], {bytes.fromhex(row.kid): row.made_at.astimezone(UTC) for row in known}
    )


def fault(row: TicketKey, now: datetime) -> str:
    """Say what is wrong with a key as it is kept: "" where nothing is, else id, anchor, private or overdue."""
    public, anchor = bytes.fromhex(row.public), bytes.fromhex(row.anchor)
    signs_from, planned = tickets.seconds(row.signs_from), tickets.seconds(row.signs_planned)
    if tickets.key_id(public, anchor, signs_from, planned).hex() != row.kid:
        return "id"
    if tickets.anchor_of(bytes.fromhex(row.chain or row.opened), signs_from, planned) != anchor:
        return "anchor"
    if row.private and _public_of(row.private) != public:
        return "private"
    is_over = row.signs_until + keyring.DESTROYED_AFTER <= now
    return "overdue" if is_over and row.destroyed_at is None else ""


def _public_of(private: str) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)).public_key().public_bytes_raw()


def _public(row: TicketKey, now: datetime | None) -> PublicKey:
    """Return a key as it may be known at `now`; None: to ourselves."""
    signs_from, planned = tickets.seconds(row.signs_from), tickets.seconds(row.signs_planned)
    last = tickets.intervals(signs_from, planned) - 1
    if row.opened:
        upto, disclosed = last, bytes.fromhex(row.opened)
    else:
        upto = last if now is None else tickets.disclosed_upto(signs_from, planned, tickets.seconds(now))
        chain = bytes.fromhex(row.chain)
        disclosed = tickets.chain_key(chain, signs_from, planned, upto) if upto >= 0 else b""
    return PublicKey(
        kid=bytes.fromhex(row.kid),
        public=bytes.fromhex(row.public),
        anchor=bytes.fromhex(row.anchor),
        signs_from=signs_from,
        signs_planned=planned,
        signs_until=tickets.seconds(row.signs_until),
        upto=upto,
        disclosed=disclosed,
        revoked_from=None if row.revoked_from is None else tickets.seconds(row.revoked_from),
    )
