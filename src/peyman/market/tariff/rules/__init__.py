"""What the tariff decides, on plain values."""
