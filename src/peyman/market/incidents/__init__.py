"""Incidents: when users were told half price and billed in full, who knew when, and what we said of it."""
