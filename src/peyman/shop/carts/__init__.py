"""Carts, which reserve nothing."""
