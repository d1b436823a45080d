"""Orders: from placing to the cart code that makes them final."""
