"""What a catalogue file may do to prices: no more than one person may."""

from collections.abc import Sequence
from datetime import datetime

from peyman.shop.catalog.actions.prices import NewPrice
from peyman.shop.offers.actions.holding import Asking, ask, floors_of, limit_crossed


class ImportGuard:
    """For the import of a catalogue file: prices that move too far stay, and wait for a second person.

    `held` reads, `hold` writes; the catalogue does not know this room, so whoever imports hands it in.
    """

    def held(self, moved: Sequence[NewPrice]) -> dict[str, str]:
        """Return SKU → code of what keeps its price from moving; one that may move is left out. One query for 400.

        The variants still have the prices they had.
        """
        floors = floors_of([each.variant.pk for each in moved])
        found: dict[str, str] = {}
        for variant, price, list_price in moved:
            if variant.offer_until is not None:
                found[variant.sku] = "price_in_offer"
            elif (floor := floors.get(variant.pk, 0)) and price < floor:
                found[variant.sku] = "price_below_floor"
            elif limit_crossed(variant, price, list_price):
                found[variant.sku] = "price_waits"
        return found

    def hold(self, moved: Sequence[NewPrice], *, by: str, now: datetime) -> None:
        """Let those that cross a limit wait for a second person, in the transaction of the import."""
        asked = [
            Asking(variant, price, list_price, limit)
            for variant, price, list_price in moved
            if (limit := limit_crossed(variant, price, list_price))
        ]
        ask(asked, source="import", reason="import", why="از فایل کالاها", by=by, now=now)
