"""The ledger's postings of one bill."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from peyman.billing.models import Bill, Entry


@dataclass(frozen=True)
class Posting:
    """One posting: its name ("capture:PAY-…"), when it was made, and its sides; they add up to nothing."""

    name: str
    at: datetime
    sides: Sequence[tuple[str, int]]  # account, rials, debit positive


def of_bill(bill: Bill) -> list[Posting]:
    """Return the postings of a bill, oldest first, debits before credits. One query."""
    found: dict[str, Posting] = {}
    for entry in Entry.objects.filter(bill=bill).order_by("pk"):
        earlier = found.get(entry.posting)
        sides = sorted([*(earlier.sides if earlier else ()), (entry.account, entry.amount)], key=lambda side: -side[1])
        found[entry.posting] = Posting(entry.posting, entry.at, sides)
    return list(found.values())
