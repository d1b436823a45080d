"""Bills, payments, refunds and the double-entry ledger."""
