"""What is read of the tariff."""
