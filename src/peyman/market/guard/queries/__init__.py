"""What is read of the guard."""
