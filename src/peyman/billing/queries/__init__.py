"""What was paid, where every rial lies, and what the bank says otherwise."""

from peyman.billing.queries.payments import (
    balance,
    by_token,
    captured_of,
    export_rows,
    live_payment,
    payments_of,
    refunds_of,
    trial_balance,
    unsettled,
)

__all__ = [
    "balance",
    "by_token",
    "captured_of",
    "export_rows",
    "live_payment",
    "payments_of",
    "refunds_of",
    "trial_balance",
    "unsettled",
]
