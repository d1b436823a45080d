"""docs/ticket.md, carried out by somebody who has that page only: the standard library and an Ed25519."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PAGE = (Path(__file__).parents[2] / "docs" / "ticket.md").read_text()


def fenced(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)\n```", PAGE, re.DOTALL)
    return found


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def onward(key: bytes) -> bytes:
    return hashlib.sha256(b"peyman half-price chain v1\0" + key).digest()


@pytest.mark.clause("B03")
def test_a_stranger_verifies_the_example_by_the_page_alone():
    (key,) = json.loads(fenced("json"))["keys"]
    data = unpadded(fenced("text"))
    body, signature, showing, tag = data[:-106], data[-106:-42], data[-42:-16], data[-16:]
    public, anchor = unpadded(key["x"]), bytes.fromhex(key["tags"]["anchor"])
    times = key["signs_from"].to_bytes(5, "big") + key["signs_planned"].to_bytes(5, "big")
    kid = hashlib.sha256(b"peyman half-price key v1\0" + public + anchor + times).digest()[:8]
    assert kid.hex() == key["kid"] == body[1:9].hex()
    Ed25519PublicKey.from_public_bytes(public).verify(signature, b"peyman half-price statement v1\0" + body)
    starts = int.from_bytes(body[9:14], "big")
    hour = (starts - key["signs_from"]) // key["tags"]["interval"]
    chain = bytes.fromhex(key["tags"]["disclosed"])
    for _ in range(key["tags"]["upto"] - hour):
        chain = onward(chain)
    tag_key = hashlib.sha256(b"peyman half-price tag v1\0" + chain).digest()
    assert hashlib.blake2b(body + signature + showing, key=tag_key, digest_size=16).digest() == tag
    for _ in range(hour + 1):
        chain = onward(chain)
    assert chain == anchor
    said = re.search(r"\nsays: (.*)", PAGE, re.DOTALL)[1]
    for told in (
        f"from {starts} (2025-01-04 08:30:00 UTC) for {int.from_bytes(body[14:16], 'big')} seconds",
        f"evidence\n`{body[18:34].hex()}`",
        body[35:55].decode(),
        body[56 : 56 + body[55]].decode(),
        body[56 + body[55] + 2 :].decode(),
        showing[2:14].hex(),
        showing[14:].hex(),
    ):
        assert told in said
