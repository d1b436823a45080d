"""What changes in the tariff."""
