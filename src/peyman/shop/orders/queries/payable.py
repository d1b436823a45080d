"""Whether it still makes sense to take money for an order."""

from collections.abc import Collection

from django.db.models import F

from peyman.shop.orders.models import OrderLine
from peyman.shop.orders.rules import states
from peyman.tables import Prepared

_gone = Prepared(
    lambda bills: OrderLine.objects.filter(
        order__bill__in=bills,
        order__state=states.REGISTERED,
        variant__stock__on_hand__lt=F("variant__stock__allocated") + F("quantity"),
    ).values_list("order__bill")
)


def ran_out(bills: Collection[int]) -> set[int]:
    """Return those of these bills whose registered orders want goods that are not there any more (A14). One query, no
    lock: the cart code decides, this spares the money a journey.
    """
    return {bill for (bill,) in _gone(bills)}
