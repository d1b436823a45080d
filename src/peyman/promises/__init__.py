"""Terms, the working calendar, and the ledger of promises."""
