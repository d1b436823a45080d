"""What was paid, where every rial lies, and what the bank says otherwise."""

from peyman.billing.queries.payments import (
    Answers,
    answers_of_banks,
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
    "Answers",
    "answers_of_banks",
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
