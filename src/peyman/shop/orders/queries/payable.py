"""Whether it still makes sense to take money for an order."""

from django.db.models import F

from peyman.shop.orders.models import OrderLine
from peyman.shop.orders.rules import states


def ran_out(bill_id: int) -> bool:
    """Say whether goods of the registered order of a bill are not there any more (A14). One query, no lock: the cart
    code decides, this spares the money a journey.
    """
    lines = OrderLine.objects.filter(order__bill=bill_id, order__state=states.REGISTERED)
    return lines.filter(
        variant__stock__on_hand__lt=F("variant__stock__allocated") + F("quantity"),
    ).exists()
