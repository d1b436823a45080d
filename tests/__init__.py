"""What Peyman promises, tried."""
