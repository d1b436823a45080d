"""Whose terminals are ours, and what gateways should have settled by now."""

from datetime import datetime

from peyman.billing.actions import settlements as actions
from peyman.billing.queries import settlements as queries
from peyman.gateways import banks


def gateways() -> dict[str, str]:
    """Return terminal → gateway: those in use, and those that ever took a payment. One query."""
    return queries.terminals() | {banks.bank(name).terminal: name for name in banks.names()}


def expect(now: datetime) -> int:
    """Write down which days are to be settled until when; how many. One query where nothing was agreed."""
    return actions.expect(terminals={name: [banks.bank(name).terminal] for name in banks.names()}, now=now)
