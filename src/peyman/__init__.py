"""Peyman: a marketplace that keeps its word."""
