"""What each role of staff may do, and no more."""

from typing import Final

# "desk" opens the staff's door at all; a customer has no right.
RIGHTS: Final[dict[str, frozenset[str]]] = {
    # Sees every order and moves it; what is sealed of one it opens for a reason that stays.
    "orders": frozenset({"desk", "orders", "promises", "addresses"}),
    "catalogue": frozenset({"desk", "goods", "prices", "sale", "search", "readers", "takedown"}),
    # Looks after personal data: reports of violations, and what is kept of whom.
    "privacy": frozenset({"desk", "privacy", "people", "takedown"}),
    # Holds the network's addresses against the national registry.
    "tariff": frozenset({"desk", "tariff"}),
    # Holds the banks' statements against the ledger, and sees to what is owed back.
    "finance": frozenset({"desk", "money", "refunds"}),
    "manager": frozenset(
        {
            "desk",
            "orders",
            "goods",
            "prices",
            "sale",
            "money",
            "refunds",
            "addresses",
            "promises",
            "tariff",
            "calendar",
            "force_majeure",
            "terms",
            "messages",
            "senders",
            "newsletter",
            "search",
            "privacy",
            "permissions",
            "readers",
            "takedown",
        }
    ),
}


def may(role: str, right: str) -> bool:
    """Say whether someone of this role may do what `right` names; nobody may what no role was given."""
    return right in RIGHTS.get(role, frozenset())
