"""Files that are damaged step by step, for readers that must bear whatever comes."""

import os
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Change = tuple[str, int, int, bytes]
Changes = st.SearchStrategy[list[Change]]


def examples(few: int) -> int:
    """How many of each kind are tried: FUZZ of them, or a few in every run."""
    return int(os.environ.get("FUZZ") or few)


def tried(many: int) -> settings:
    """Try so many, however long each takes."""
    return settings(
        max_examples=many, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )


def changes_with(pieces: Sequence[bytes]) -> Changes:
    """Up to eight changes; what is put in is anything, or one of `pieces`."""
    return st.lists(
        st.tuples(
            st.sampled_from(["flip", "cut", "put", "repeat", "swap", "drop"]),
            st.integers(0, 1 << 16),
            st.integers(1, 200),
            st.one_of(st.binary(max_size=12), st.sampled_from(pieces)),
        ),
        min_size=1,
        max_size=8,
    )


def changed(data: bytes, steps: list[Change]) -> bytes:
    """Return `data` after these changes, at most 200,000 bytes."""
    found = bytearray(data)
    for step, place, length, piece in steps:
        at = place % (len(found) + 1)
        match step:
            case "flip" if at < len(found):
                found[at] ^= length & 255 or 1
            case "cut":
                del found[at:]
            case "put":
                found[at:at] = piece
            case "repeat":
                found[at:at] = found[at : at + length] * 3
            case "swap":
                found[at : at + length] = found[at : at + length][::-1]
            case "drop":
                del found[at : at + length]
    return bytes(found[:200_000])
