"""How long the papers of an order are kept."""

from datetime import datetime

from django.db.models import Q, QuerySet

from peyman.kernel import jalali
from peyman.promises import queries as terms
from peyman.promises.rules import parameter
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules import states

PERSONAL = ("recipient", "mobile", "landline", "street", "plate", "unit", "postal_code")  # and the buyer
_ENDED = (states.EXPIRED, states.CANCELLED, states.VOID, states.DELIVERED)


def past_their_term(now: datetime) -> "QuerySet[Order]":
    """Return the ended orders whose papers are still there though the years of their terms are over (D16). One query
    for the versions of the terms; the rows are the caller's.
    """
    over = Q(pk__in=[])
    for version in terms.all_terms():
        years = parameter(version.parameters, "retention_years")
        over |= Q(terms=version, placed_at__lt=jalali.years_before(now, years))
    return Order.objects.filter(over, state__in=_ENDED).exclude(mobile="")
