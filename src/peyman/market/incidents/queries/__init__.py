"""Reading runs and incidents."""
