"""What a ticket stands for: the statement it names, with its addresses and list, and whose account it was shown to."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peyman.kernel.clauses import carries_out
from peyman.market.guard.models import Statement, TicketKey
from peyman.market.guard.rules import tickets as rules
from peyman.market.guard.rules.tickets import Ticket
from peyman.market.guard.rules.wording import Wording, wording


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was stated, as it was written down then."""

    code: str
    operator: str
    snapshot: str
    recorded_at: datetime
    content: dict[str, Any]
    words: Wording | None

    @property
    def addresses(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.content["addresses"]
        return found


@carries_out("B03")
def receipt(code: str) -> Receipt | None:
    """Return the statement of a code, or None where we made none. One query."""
    row = Statement.objects.filter(code=code).first()
    if row is None:
        return None
    content: dict[str, Any] = json.loads(row.content)
    return Receipt(row.code, row.operator, row.snapshot, row.recorded_at, content, wording(row.wording))


def receipt_of(ticket: Ticket) -> Receipt | None:
    """Return the statement that a ticket names. One query."""
    return receipt(ticket.statement)


def accounts(users: Iterable[str], codes: Iterable[str]) -> dict[str, str]:
    """Return user → code of those `users` ("kid.pseudonym", as audits count) that are among the accounts `codes`.

    A pseudonym says nothing by itself; all accounts are tried under the key it was made with. One query.
    """
    wanted: dict[str, set[str]] = {}
    for user in users:
        kid, dot, name = user.partition(".")
        if dot:
            wanted.setdefault(kid, set()).add(name)
    naming = {row.kid: bytes.fromhex(row.naming) for row in TicketKey.objects.filter(kid__in=wanted)}
    found = {}
    for code in codes:
        for kid, key in naming.items():
            name = rules.pseudonym(key, code).hex()
            if name in wanted[kid]:
                found[f"{kid}.{name}"] = code
    return found


def latest(most: int = 20) -> list[Statement]:
    """Return the newest statements. One query."""
    return list(Statement.objects.order_by("-recorded_at", "-pk")[:most])


def broken() -> list[str]:
    """Return the codes of statements that say something else than they did: none, unless somebody reached around us."""
    return [row.code for row in Statement.objects.iterator() if rules.code_of(row.content).hex() != row.code]
