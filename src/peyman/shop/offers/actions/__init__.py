"""What moves prices: at once or later, alone or with a second person."""

from peyman.shop.offers.actions.due import carry_out, carry_out_due, due, settle
from peyman.shop.offers.actions.guard import (
    Moved,
    Outcome,
    Wanted,
    approve,
    limit_percent,
    preview,
    refuse,
    set_floor,
    set_prices,
)
from peyman.shop.offers.actions.importing import ImportGuard
from peyman.shop.offers.actions.plans import Asked, change, make, stop

__all__ = [
    "Asked",
    "ImportGuard",
    "Moved",
    "Outcome",
    "Wanted",
    "approve",
    "carry_out",
    "carry_out_due",
    "change",
    "due",
    "limit_percent",
    "make",
    "preview",
    "refuse",
    "set_floor",
    "set_prices",
    "settle",
    "stop",
]
