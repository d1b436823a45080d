"""Changing orders: one verb, one transaction."""

from peyman.shop.orders.actions.finality import Issued, issue_cart_codes, take_payments
from peyman.shop.orders.actions.place import Placed, place
from peyman.shop.orders.actions.prices import refresh_prices
from peyman.shop.orders.actions.undo import cancel, expire_due, give_back_done

__all__ = [
    "Issued",
    "Placed",
    "cancel",
    "expire_due",
    "give_back_done",
    "issue_cart_codes",
    "place",
    "refresh_prices",
    "take_payments",
]
