"""What changes pictures and videos: files that come in and are made ready, products that show them."""

from peyman.shop.media.actions.files import LEASE, Made, claim_due, give_up, made, put_off, sweep_unused, swept
from peyman.shop.media.actions.showing import MOST, Came, Edit, TooMany, arrange, remove, restore, take

__all__ = [
    "LEASE",
    "MOST",
    "Came",
    "Edit",
    "Made",
    "TooMany",
    "arrange",
    "claim_due",
    "give_up",
    "made",
    "put_off",
    "remove",
    "restore",
    "sweep_unused",
    "swept",
    "take",
]
