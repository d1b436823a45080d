"""How far one person may move a price, which plans meet, and what a percentage makes of a price."""

from peyman.shop.offers.rules.guarding import (
    BelowFloor,
    Decided,
    PriceMoved,
    SamePerson,
    WhyNeeded,
    check_floor,
    check_why,
    crosses,
)
from peyman.shop.offers.rules.planning import (
    Began,
    NotCheaper,
    Overlaps,
    PlanOver,
    PlanTimes,
    Span,
    check_times,
    in_the_way,
)
from peyman.shop.offers.rules.repricing import by_percent

__all__ = [
    "Began",
    "BelowFloor",
    "Decided",
    "NotCheaper",
    "Overlaps",
    "PlanOver",
    "PlanTimes",
    "PriceMoved",
    "SamePerson",
    "Span",
    "WhyNeeded",
    "by_percent",
    "check_floor",
    "check_times",
    "check_why",
    "crosses",
    "in_the_way",
]
