"""What the guard decides, on plain values."""
