"""Papers of orders end with their term: what the law made us keep is taken out when it does so no longer (D16)."""

from datetime import datetime

import structlog

from peyman.kernel.clauses import carries_out
from peyman.shop.orders import queries
from peyman.shop.orders.models import Cancellation, InformationRequest, Order

log = structlog.get_logger(__name__)


@carries_out("D16")
def forget_papers(*, now: datetime, limit: int) -> int:
    """Take recipient, address and buyer out of the next ended orders whose term is over; return how many.

    Each by the terms it was placed under. So do the notes we wrote about them. What was bought, for how much and when
    stays, and nobody can be told from it.
    """
    keys = list(queries.past_their_term(now).order_by("pk").values_list("pk", flat=True)[:limit])
    if keys:
        nothing = dict.fromkeys(queries.PERSONAL, "")
        Order.objects.filter(pk__in=keys).update(**nothing, buyer={})
        InformationRequest.objects.filter(order__in=keys).update(note="")
        Cancellation.objects.filter(order__in=keys).update(note="")
        log.info("order.papers_forgotten", count=len(keys))
    return len(keys)
