"""Each step is signed, and holds the hash of the step before it: what was changed, left out or put between is found.

The content of a step is canonical JSON and names people; it stays inside. What is signed is one line of text without
names (`statement`), which is public, so that whoever has the published key can check the chain.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out

FIRST: Final = "0" * 64  # what the first step follows


@dataclass(frozen=True, slots=True)
class Pair:
    """A new key: its name, and both halves in base64url."""

    kid: str
    public: str
    private: str


@dataclass(frozen=True, slots=True)
class Link:
    """One step as it is stored. `document`: the hash of what it concerns, a notice or a run, or ""."""

    incident: str
    number: int
    event: str
    to: str
    at: datetime
    by: str
    reason: str
    content: str
    sha256: str
    kid: str
    signature: str


def canonical(document: Mapping[str, Any]) -> str:
    """Return the one text of a document: sorted, without spaces, not escaped. Values are text, whole numbers, lists."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def statement(content: Mapping[str, Any], sha256: str) -> str:
    """Return the line that is signed for a step."""
    return (
        f"peyman incident {content['incident']} step {content['number']} {content['event']} at {content['at']} "
        f"document {content['document'] or '-'} previous {content['previous']} content {sha256}"
    )


def new_pair() -> Pair:
    """Return a fresh pair of keys."""
    private = Ed25519PrivateKey.generate()
    public = _text(private.public_key().public_bytes_raw())
    return Pair(digest(public)[:12], public, _text(private.private_bytes_raw()))


@carries_out("B10")
def sign(text: str, private: str) -> str:
    """Return the signature of a text, in base64url."""
    return _text(Ed25519PrivateKey.from_private_bytes(_bytes(private)).sign(text.encode()))


def is_signed(text: str, signature: str, public: str) -> bool:
    """Say whether the holder of the key signed exactly this text."""
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(public)).verify(_bytes(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


@carries_out("B10")
def faults(links: Sequence[Link], publics: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the steps of one incident, in order; nothing where the chain holds.

    `publics`: kid → public key.
    """
    found = []
    previous, state = FIRST, ""
    for place, link in enumerate(links, start=1):
        name = f"{link.incident}/{link.number}"
        try:
            content = json.loads(link.content)
            shown = {
                "incident": link.incident,
                "number": link.number,
                "event": link.event,
                "to": link.to,
                "at": jalali.iso(link.at),
                "by": link.by,
                "reason": link.reason,
                "previous": previous,
                "from": state,
            }
            if link.number != place:
                found.append(f"{name}: a step before it is missing")
            elif link.sha256 != digest(link.content) or canonical(content) != link.content:
                found.append(f"{name}: its content is not what was signed")
            elif any(content[key] != value for key, value in shown.items()):
                found.append(f"{name}: its columns or its place differ from what was signed")
            elif not is_signed(statement(content, link.sha256), link.signature, publics.get(link.kid, "")):
                found.append(f"{name}: its signature does not hold")
        except (ValueError, KeyError, TypeError):
            found.append(f"{name}: its content cannot be read")
        previous, state = link.sha256, link.to
    return found


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
