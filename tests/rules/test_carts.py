"""What a cart says of a line that had better be ordered soon."""

from datetime import datetime, timedelta

import pytest

from peyman.shop.carts.rules import Scarce, scarce
from tests.make import NOW

HOUR = timedelta(hours=1)


@pytest.mark.clause("D59")
@pytest.mark.parametrize(
    ("case", "available", "offer_until", "told"),
    [
        ("plenty", 6, None, None),
        ("few", 5, None, Scarce(5, None)),
        ("the last one", 1, None, Scarce(1, None)),
        ("gone", 0, None, None),
        ("an offer with plenty", 40, NOW + HOUR, Scarce(40, NOW + HOUR)),
        ("an offer with few", 2, NOW + HOUR, Scarce(2, NOW + HOUR)),
        ("an offer that ends this moment", 40, NOW, None),
        ("an offer that ended, and few", 2, NOW - HOUR, Scarce(2, None)),
        ("an offer of what is gone", 0, NOW + HOUR, None),
    ],
)
def test_few_pieces_and_running_offers_urge_and_nothing_else(
    case: str, available: int, offer_until: datetime | None, told: Scarce | None
) -> None:
    assert scarce(available=available, offer_until=offer_until, now=NOW) == told
