"""Changing orders: one verb, one transaction."""

from peyman.shop.orders.actions.finality import Issued, issue_cart_codes, take_payments, turn_away_many
from peyman.shop.orders.actions.guardian import assert_guardian, guardian_subject
from peyman.shop.orders.actions.place import Placed, place
from peyman.shop.orders.actions.prices import refresh_prices
from peyman.shop.orders.actions.requests import answer, ask, cancel_unanswered, read_answer
from peyman.shop.orders.actions.retention import forget_papers
from peyman.shop.orders.actions.shop_cancel import cancel_by_shop
from peyman.shop.orders.actions.undo import cancel, expire_due, give_back_done

__all__ = [
    "Issued",
    "Placed",
    "answer",
    "ask",
    "assert_guardian",
    "cancel",
    "cancel_by_shop",
    "cancel_unanswered",
    "expire_due",
    "forget_papers",
    "give_back_done",
    "guardian_subject",
    "issue_cart_codes",
    "place",
    "read_answer",
    "refresh_prices",
    "take_payments",
    "turn_away_many",
]
