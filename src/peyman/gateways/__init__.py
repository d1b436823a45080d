"""The outside world: banks, SMS, mail. Called from entry points only."""
