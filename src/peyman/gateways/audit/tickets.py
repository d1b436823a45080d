"""Tickets in logs, verified with public keys alone: what was shown, of which object, until when, to whom (B03, B08)."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from peyman.gateways.audit.files import BadFile
from peyman.market.guard.rules import keyring, tickets
from peyman.market.guard.rules.keyring import BadKeys
from peyman.market.guard.rules.tickets import PublicKey, Verifier
from peyman.market.tariff.rules.audit_joins import Grant, Verify

_REMEMBERED: Final = 50_000  # parts of one download, and tries of it, come near each other


def read_keys(file: Path) -> dict[bytes, PublicKey]:
    """Read the keys as `/.well-known/half-price-keys.json` gives them. Raises BadFile."""
    try:
        if file.stat().st_size > keyring.LONGEST_DOCUMENT:
            raise BadFile(file, "بزرگ‌تر از فهرستی از کلیدها است.")
        return keyring.read_document(json.loads(file.read_bytes()))
    except OSError as fault:
        raise BadFile(file, f"خوانده نشد ({fault.strerror}).") from fault
    except BadKeys as fault:
        raise BadFile(file, f"کلیدها خوانده نشد: {fault.says}") from fault
    except (ValueError, RecursionError) as fault:
        raise BadFile(file, "JSON نیست.") from fault


def verify_with(keys: Mapping[bytes, PublicKey]) -> Verify:
    """Return what says of a token which showing it is of, whatever line it stands in; None for no ticket of ours.

    Its user is the account's pseudonym, "" for nobody's and for one whose tag key is not disclosed yet.
    """
    verifier = Verifier(keys)

    @lru_cache(maxsize=_REMEMBERED)
    def granted(token: str) -> Grant | None:
        found = verifier.ticket(token)
        if isinstance(found, tickets.Bad):
            return None
        return Grant(
            token=token,
            user=found.user,
            operator=found.operator,
            object=found.object,
            start=tickets.micros(found.shown_at),
            end=tickets.micros(found.expires_at),
        )

    def verify(token: str, path: str, at: int) -> Grant | None:
        return granted(token)

    return verify


def verifier(file: Path) -> Verify:
    """Return `verify_with` of a file's keys. Raises BadFile."""
    return verify_with(read_keys(file))
