"""What an order may be, and how it moves."""
