"""The shop: goods, stock, carts, orders, shipping."""
