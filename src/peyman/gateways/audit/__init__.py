"""The audit of whole logs: its files, its numbers, its SQL, its sums."""
