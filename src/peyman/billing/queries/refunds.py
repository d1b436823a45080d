"""Refunds as the desk and the customer see them: how each one goes, what it waits for, until when it is promised."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from peyman.billing.models import Bill

WaitsFor = Literal["", "account", "holder", "second_person", "batch", "bank"]


@dataclass(frozen=True)
class RefundView:
    """One refund. `due_at`: until when it is promised, None where nothing was; `waits_for`: "" once it is done."""

    code: str
    amount: int
    reason_title: str
    way: str
    state: str
    state_words: str
    due_at: datetime | None
    waits_for: WaitsFor


def of_order(bill: Bill) -> list[RefundView]:
    """Return what was or is to be given back of a bill, oldest first."""
    raise NotImplementedError
