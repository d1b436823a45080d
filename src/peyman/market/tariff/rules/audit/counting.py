"""Which lines count as a download that somebody was charged for, and which say the same twice."""

from collections.abc import Sequence
from hashlib import sha256

from peyman.market.tariff.rules.audit.codes import Code


def not_counted(*, method: str, status: int, sent: int, fill: bool, staff: bool, download: bool) -> Code | None:
    """Return why nobody was charged for a line, or None when somebody was (a GET of a download that gave bytes).

    Every delivered byte counts, also of a part that was fetched twice and of a download that broke off.
    """
    if method != "GET":
        return Code.METHOD
    if status not in (200, 206):
        return _of_status(status)
    if sent <= 0:
        return Code.NO_BYTES
    if fill:
        return Code.FILL
    if staff:
        return Code.STAFF
    return None if download else Code.NOT_A_DOWNLOAD


def _of_status(status: int) -> Code:
    if status == 304:
        return Code.NOT_MODIFIED
    kinds = {3: Code.REDIRECT, 4: Code.CLIENT_ERROR, 5: Code.SERVER_ERROR}
    return kinds.get(status // 100, Code.OTHER_STATUS)


def is_fill(node: str) -> bool:
    """Say whether a CDN itself names the node as one that users do not reach: "shield", "origin-3"."""
    return node.lower().startswith(("shield", "origin", "parent"))


def line_key(cdn: str, request_id: str, fields: Sequence[object]) -> bytes:
    """Return 16 bytes that are the same for one request logged twice: by its number, else by all that it says.

    Lines without a number that say the same are as many as the one file has that says it most often.
    """
    what = (b"id", cdn, request_id) if request_id else (b"line", *fields)
    parts = [part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass") for part in what]
    return sha256(b"\x1f".join(parts)).digest()[:16]
