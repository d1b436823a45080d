"""The ticket: a signed statement that one download is billed at half price, carried in its address (clause B03).

It has two parts. The *statement* (object, operator, from when, on what evidence, in which words) is signed with Ed25519
once for each window of time, since a signature for each showing would cost more than the guard may add to a request.
The *showing* (which one, to whose account, at which second) is bound to it by a tag under a key that is disclosed an
hour after its time. So anybody verifies the statement with public keys alone at once, and the whole ticket as soon as
nobody can use one of that hour any more. `docs/ticket.md` has it byte by byte.

There is one algorithm and no field to name another: the version is the first byte and is signed.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from peyman.kernel.clauses import carries_out
from peyman.kernel.text import has_controls, normalise
from peyman.market.tariff.rules.audit import EPOCH, MICROSECOND

VERSION: Final = 1
LONGEST: Final = 1_200  # characters of a ticket
MOST_LIFE: Final = 900  # seconds for which a statement is good
INTERVAL: Final = 3_600  # seconds for which a tag key is good
DISCLOSED_AFTER: Final = 3_600  # seconds after its interval; more than a ticket lives
NOBODY: Final = bytes(12)  # the account of somebody without one

_SIGNED: Final = b"peyman half-price statement v1\0"
_CHAINED: Final = b"peyman half-price chain v1\0"
_TAG: Final = b"peyman half-price tag v1\0"
_KEY: Final = b"peyman half-price key v1\0"
_ACCOUNT: Final = b"peyman half-price account v1\0"

_KID, _CODE, _GRANT, _NAME, _SIGNATURE, _TAG_LENGTH = 8, 16, 12, 12, 64, 16
_FIXED: Final = 1 + _KID + 5 + 2 + 2 + _CODE  # bytes before the texts
_SHOWING: Final = 2 + _GRANT + _NAME + _TAG_LENGTH
_LONGEST_SNAPSHOT, _LONGEST_OPERATOR, _LONGEST_OBJECT = 32, 120, 512  # bytes

_TEXT: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SNAPSHOT: Final = re.compile(r"[A-Z0-9-]+", re.ASCII)
# A path as addresses carry it: ASCII, no empty or dotted part that a server would fold away.
_OBJECT: Final = re.compile(r"(?:/(?!\.{0,2}(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Said:
    """What a statement says. Good in starts ≤ t < starts + life (seconds, since 1970 and long).

    `statement`: the code of its evidence (`code_of`), 16 bytes.
    """

    object: str
    operator: str
    starts: int
    life: int
    wording: int
    statement: bytes
    snapshot: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that keys verify. `is_proven`: showing and account, too; until its tag key is disclosed, only the rest.

    `account` is a pseudonym that stands for an account under this key, "" for somebody without one.
    """

    kid: str
    object: str
    operator: str
    starts_at: datetime
    shown_at: datetime
    expires_at: datetime
    wording: int
    statement: str
    snapshot: str
    grant: str
    account: str
    is_proven: bool

    @property
    def user(self) -> str:
        """The pseudonym by which the audit counts, "" where there is none or nothing proves it."""
        return f"{self.kid}.{self.account}" if self.account and self.is_proven else ""

    def fits(self, path: str) -> bool:
        """Say whether a path is the object's: the same, or below a folder of the server that the path begins with."""
        return path.endswith(self.object)  # an object begins with a slash, so whole parts are compared


@dataclass(frozen=True, slots=True)
class Bad:
    """No ticket of ours, or none for this. `code`: malformed, unknown_version, unknown_key, bad_signature,
    key_not_in_use, key_revoked, bad_tag, not_yet, expired, other_object.
    """

    code: str


# ---- Keys ----


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What verifies tickets of one key, as everybody may know it. Times are seconds since 1970.

    `disclosed` is the chain key of the interval `upto`, from which all before it follow; upto -1: none is disclosed.
    """

    kid: bytes
    public: bytes
    anchor: bytes
    signs_from: int
    signs_planned: int
    signs_until: int
    upto: int = -1
    disclosed: bytes = b""
    revoked_from: int | None = None


@dataclass(frozen=True)
class SigningKey:
    """What signs. Never printed, never sent anywhere."""

    kid: bytes
    private: Ed25519PrivateKey = field(repr=False)
    chain: bytes = field(repr=False)
    naming: bytes = field(repr=False)
    signs_from: int
    signs_planned: int
    signs_until: int


def key_id(public: bytes, anchor: bytes, signs_from: int, signs_planned: int) -> bytes:
    """Return the id of a key: a hash of all that is fixed about it, so that none of it is exchanged unnoticed."""
    fixed = _KEY + public + anchor + signs_from.to_bytes(5) + signs_planned.to_bytes(5)
    return hashlib.sha256(fixed).digest()[:_KID]


def intervals(signs_from: int, signs_planned: int) -> int:
    """Return how many tag keys a key has, one for each interval that begins in its plan."""
    return -(-(signs_planned - signs_from) // INTERVAL)


def anchor_of(chain: bytes, signs_from: int, signs_planned: int) -> bytes:
    """Return what every chain key of this beginning leads to when it is hashed on."""
    return _onward(chain, intervals(signs_from, signs_planned))


def chain_key(chain: bytes, signs_from: int, signs_planned: int, interval: int) -> bytes:
    """Return the chain key of an interval (0 is the first). Raises ValueError for one that the plan has not."""
    steps = intervals(signs_from, signs_planned) - 1 - interval
    if interval < 0 or steps < 0:
        raise ValueError("no such interval")
    return _onward(chain, steps)


def disclosed_upto(signs_from: int, signs_planned: int, at: int) -> int:
    """Return the last interval whose chain key everybody may know at `at`: -1 before the first one is over."""
    over = (at - DISCLOSED_AFTER - signs_from) // INTERVAL - 1
    return max(-1, min(over, intervals(signs_from, signs_planned) - 1))


def leads_to(disclosed: bytes, upto: int, anchor: bytes) -> bool:
    """Say whether a disclosed chain key belongs to a key's anchor, so that no other can be put in its place."""
    return _onward(disclosed, upto + 1) == anchor


def _onward(key: bytes, steps: int) -> bytes:
    for _ in range(steps):
        key = hashlib.sha256(_CHAINED + key).digest()
    return key


@lru_cache(maxsize=64)
def _tag_key(chain_key: bytes) -> bytes:
    return hashlib.sha256(_TAG + chain_key).digest()


def pseudonym(naming: bytes, account: str) -> bytes:
    """Return what stands for an account in tickets of one key; `account` is a code of ours, never a number or name."""
    return hashlib.blake2b(_ACCOUNT + account.encode(), key=naming, digest_size=_NAME).digest() if account else NOBODY


# ---- Evidence ----


def content(evidence: Mapping[str, Any]) -> str:
    """Return what a statement rests on as canonical JSON: one text for one content."""
    return json.dumps(evidence, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def code_of(text: str) -> bytes:
    """Return the code of a statement's content: a ticket that carries it commits to every word."""
    return hashlib.sha256(text.encode()).digest()[:_CODE]


# ---- Issuing ----


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement, signed and ready to be shown."""

    said: Said
    data: bytes
    _hash: "hashlib.blake2b" = field(repr=False)
    _begins: str = field(init=False, repr=False)  # what all of its tickets begin with, and the bytes left over
    _rest: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        whole = len(self.data) - len(self.data) % 3
        object.__setattr__(self, "_begins", _written(self.data[:whole]))
        object.__setattr__(self, "_rest", self.data[whole:])

    def show(self, *, grant: bytes, account: bytes, at: int) -> str:
        """Return the ticket of one showing at a second of the statement's time. `grant`: 12 random bytes.

        Raises ValueError for another time, or a grant or account of another length.
        """
        after = at - self.said.starts
        if not 0 <= after < self.said.life or len(grant) != _GRANT or len(account) != _NAME:
            raise ValueError("not a showing of this statement")
        showing = after.to_bytes(2) + grant + account
        tag = self._hash.copy()
        tag.update(showing)
        return self._begins + _written(self._rest + showing + tag.digest())


@carries_out("B03")
def sign(said: Said, key: SigningKey) -> Signed:
    """Sign a statement. Raises ValueError for what no ticket may say, or a time that is not the key's."""
    if not key.signs_from <= said.starts < key.signs_until:
        raise ValueError("not this key's time")
    body = _statement(said, key.kid)
    data = body + key.private.sign(_SIGNED + body)
    at = (said.starts - key.signs_from) // INTERVAL
    tag_key = _tag_key(_chain_key(key.chain, key.signs_from, key.signs_planned, at))
    return Signed(said, data, hashlib.blake2b(data, key=tag_key, digest_size=_TAG_LENGTH))


_chain_key = lru_cache(maxsize=16)(chain_key)


def _statement(said: Said, kid: bytes) -> bytes:
    snapshot, operator, path = said.snapshot.encode(), said.operator.encode(), said.object.encode()
    if not _may_say(said) or len(said.statement) != _CODE:
        raise ValueError("no ticket says this")
    return b"".join(
        [
            VERSION.to_bytes(1),
            kid,
            said.starts.to_bytes(5),
            said.life.to_bytes(2),
            said.wording.to_bytes(2),
            said.statement,
            len(snapshot).to_bytes(1),
            snapshot,
            len(operator).to_bytes(1),
            operator,
            len(path).to_bytes(2),
            path,
        ]
    )


def _may_say(said: Said) -> bool:
    return (
        0 < said.life <= MOST_LIFE
        and 0 < said.wording < 2**16
        and 0 <= said.starts < 2**40
        and len(said.snapshot) <= _LONGEST_SNAPSHOT
        and _SNAPSHOT.fullmatch(said.snapshot) is not None
        and 0 < len(said.operator.encode()) <= _LONGEST_OPERATOR
        and normalise(said.operator) == said.operator
        and not has_controls(said.operator)
        and is_object(said.object)
    )


def is_object(path: str) -> bool:
    """Say whether a ticket can be about a path: from the first slash, ASCII, percent signs as addresses have them."""
    return len(path) <= _LONGEST_OBJECT and _OBJECT.fullmatch(path) is not None


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ---- Verifying ----


class Verifier:
    """Verifies tickets with public keys alone; a statement that many showings share is verified once."""

    def __init__(self, keys: Mapping[bytes, PublicKey], remembered: int = 100_000) -> None:
        self._keys = dict(keys)
        self._chains: dict[bytes, list[bytes]] = {kid: _disclosed(key) for kid, key in self._keys.items()}
        self._said: Callable[[bytes], Said | None] = lru_cache(maxsize=remembered)(_said)
        self._is_signed: Callable[[bytes, bytes, bytes], bool] = lru_cache(maxsize=remembered)(_is_signed)

    @carries_out("B03")
    def ticket(self, text: str) -> Ticket | Bad:
        """Return the ticket that a text is, whatever it is shown for, or why it is none."""
        parts = _parts(text)
        if isinstance(parts, Bad):
            return parts
        said = self._said(parts.body)
        if said is None or int.from_bytes(parts.showing[:2]) >= said.life:
            return Bad("malformed")
        kid = parts.body[1 : 1 + _KID]
        key = self._keys.get(kid)
        if key is None:
            return Bad("unknown_key")
        if not self._is_signed(key.public, parts.body, parts.signature):
            return Bad("bad_signature")
        if not key.signs_from <= said.starts < key.signs_until:
            return Bad("key_not_in_use")
        if key.revoked_from is not None and said.starts >= key.revoked_from:
            return Bad("key_revoked")
        interval = (said.starts - key.signs_from) // INTERVAL
        known = self._chains[kid]
        is_proven = interval < len(known)
        if is_proven:
            tag = hashlib.blake2b(key=_tag_key(known[interval]), digest_size=_TAG_LENGTH)
            tag.update(parts.body)
            tag.update(parts.signature)
            tag.update(parts.showing)
            if not hmac.compare_digest(tag.digest(), parts.tag):
                return Bad("bad_tag")
        return _ticket(kid, said, parts, is_proven)

    @carries_out("B03")
    def verify(self, text: str, *, path: str, at: datetime) -> Ticket | Bad:
        """Return the ticket if it was shown for this path and is good at this instant, or why not."""
        found = self.ticket(text)
        if isinstance(found, Bad):
            return found
        if not found.fits(path):
            return Bad("other_object")
        if at < found.shown_at:
            return Bad("not_yet")
        return found if at < found.expires_at else Bad("expired")


@dataclass(frozen=True, slots=True)
class _Parts:
    body: bytes
    signature: bytes
    showing: bytes
    tag: bytes


def _parts(text: str) -> _Parts | Bad:
    """Take a ticket apart. There is exactly one text for each ticket: whatever else reads alike is malformed."""
    if not 0 < len(text) <= LONGEST or _TEXT.fullmatch(text) is None or len(text) % 4 == 1:
        return Bad("malformed")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _written(data) != text:  # bits that nothing reads
        return Bad("malformed")
    if data[0] != VERSION:
        return Bad("unknown_version")
    if len(data) < _FIXED + _SIGNATURE + _SHOWING:
        return Bad("malformed")
    signed, shown = len(data) - _SIGNATURE - _SHOWING, len(data) - _SHOWING
    return _Parts(data[:signed], data[signed:shown], data[shown:-_TAG_LENGTH], data[-_TAG_LENGTH:])


def _said(body: bytes) -> Said | None:
    """Read what a statement says; None for what no statement is."""
    starts, life, wording = (int.from_bytes(body[a:b]) for a, b in ((9, 14), (14, 16), (16, 18)))
    texts: list[str] = []
    place = _FIXED
    for width in (1, 1, 2):
        length = int.from_bytes(body[place : place + width])
        place += width
        try:
            texts.append(body[place : place + length].decode())
        except UnicodeDecodeError:
            return None
        place += length
    snapshot, operator, path = texts
    said = Said(path, operator, starts, life, wording, body[18:34], snapshot)
    return said if len(body) == place and _may_say(said) else None


def _ticket(kid: bytes, said: Said, parts: _Parts, is_proven: bool) -> Ticket:
    after, grant, account = parts.showing[:2], parts.showing[2 : 2 + _GRANT], parts.showing[2 + _GRANT :]
    return Ticket(
        kid=kid.hex(),
        object=said.object,
        operator=said.operator,
        starts_at=instant(said.starts),
        shown_at=instant(said.starts + int.from_bytes(after)),
        expires_at=instant(said.starts + said.life),
        wording=said.wording,
        statement=said.statement.hex(),
        snapshot=said.snapshot,
        grant=grant.hex(),
        account="" if account == NOBODY else account.hex(),
        is_proven=is_proven,
    )


def _is_signed(public: bytes, body: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _SIGNED + body)
    except (InvalidSignature, ValueError):
        return False
    return True


def _disclosed(key: PublicKey) -> list[bytes]:
    """Return the chain keys that are known, the first interval's first."""
    found = []
    at = key.disclosed
    for _ in range(key.upto + 1):
        found.append(at)
        at = _onward(at, 1)
    return found[::-1]


# ---- Time ----


def seconds(at: datetime) -> int:
    """Return the second in which an instant lies."""
    return (at - EPOCH) // timedelta(seconds=1)


def instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def micros(at: datetime) -> int:
    """Return an instant of a ticket as the audit counts."""
    return (at - EPOCH) // MICROSECOND
