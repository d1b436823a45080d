"""Sealing short texts with AES-256-GCM, and keyed hashes by which a sealed text is found again.

Keys come from secrets, newest first: the first seals and hashes, every one still opens. A sealed text names its key
and is bound to its context ("people.person.mobile"), so that it opens in no other column.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MARK: Final = "s1:"  # begins every sealed text; a new way of sealing gets a new one
_NONCE: Final = 12  # bytes; random ones of this length serve some billions of texts of one key


class Unreadable(Exception):
    """A sealed text that no key opens here: its key was taken away, or the text was changed or moved."""


@dataclass(frozen=True)
class _Key:
    name: str  # eight signs that tell keys apart and give nothing away
    box: AESGCM
    hashing: bytes


class Keys:
    """The keys of an installation, made of its secrets, newest first."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Raises ValueError when there is no secret, an empty one, or one twice."""
        if not secrets or not all(secrets) or len(set(secrets)) < len(secrets):
            raise ValueError("field keys must be given, filled and different")
        self._keys = {key.name: key for key in map(_key, secrets)}
        self._newest = next(iter(self._keys.values()))

    def seal(self, text: str, context: str) -> str:
        """Return `text` sealed for `context`; never the same twice. Nothing stays nothing: "" is not sealed."""
        if not text:
            return ""
        nonce = os.urandom(_NONCE)
        sealed = self._newest.box.encrypt(nonce, text.encode(), context.encode())
        return f"{MARK}{self._newest.name}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Return the text. What is not sealed is returned as it is. Raises Unreadable."""
        if not is_sealed(sealed):
            return sealed
        name, _, body = sealed.removeprefix(MARK).partition(":")
        key = self._keys.get(name)
        if key is None:
            raise Unreadable(f"no key {name} for {context}")
        try:
            raw = base64.urlsafe_b64decode(body)
            return key.box.decrypt(raw[:_NONCE], raw[_NONCE:], context.encode()).decode()
        except (InvalidTag, ValueError) as fault:
            raise Unreadable(context) from fault

    def is_current(self, sealed: str) -> bool:
        """Say whether a text is sealed with the newest key, or is nothing at all."""
        return not sealed or sealed.startswith(f"{MARK}{self._newest.name}:")

    def hashes(self, text: str, about: str) -> list[str]:
        """Return the keyed hashes of `text` under every key, the newest first: 64 hex digits each.

        `about` keeps a mobile and an e-mail address of the same letters apart.
        """
        message = f"{about}:{text}".encode()
        return [hmac.new(key.hashing, message, hashlib.sha256).hexdigest() for key in self._keys.values()]


def is_sealed(stored: str) -> bool:
    """Say whether what a column holds is sealed."""
    return stored.startswith(MARK)


def _key(secret: str) -> _Key:
    raw = secret.encode()
    name = hashlib.sha256(b"peyman.field.name:" + _derive(raw, b"name")).hexdigest()[:8]
    return _Key(name, AESGCM(_derive(raw, b"seal")), _derive(raw, b"hash"))


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"peyman.field." + purpose).derive(secret)
