"""What the rules of reviews and questions say of a text."""
