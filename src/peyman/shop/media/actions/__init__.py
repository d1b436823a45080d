"""What changes pictures and videos: files that come in and are made ready, products that show them."""

from peyman.shop.media.actions.files import LEASE, Made, claim_due, give_up, made, put_off, sweep_unused, swept
from peyman.shop.media.actions.showing import MOST, Came, Edit, TooMany, arrange, remove, restore, take
from peyman.shop.media.actions.takedowns import came_back, claim_takedowns, cleared, lift, take_down

__all__ = [
    "LEASE",
    "MOST",
    "Came",
    "Edit",
    "Made",
    "TooMany",
    "arrange",
    "came_back",
    "claim_due",
    "claim_takedowns",
    "cleared",
    "give_up",
    "lift",
    "made",
    "put_off",
    "remove",
    "restore",
    "sweep_unused",
    "swept",
    "take",
    "take_down",
]
