"""Categories, brands, products, variants and their price history."""
