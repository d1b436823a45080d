"""What changes in the guard."""
