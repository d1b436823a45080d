"""Carriers a customer may choose, and what they charge."""
