"""Customers, staff and their log-in."""
