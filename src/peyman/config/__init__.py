"""Settings and URLs: the only floor that knows everything."""
