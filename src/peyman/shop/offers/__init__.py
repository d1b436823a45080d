"""Prices for later: offers, scheduled prices, and the guard that asks a second person."""
