"""The cart as every door shows it: at this moment's prices, where no offer outlives its hour."""

from datetime import datetime

from peyman.kernel.clauses import carries_out
from peyman.promises.models import TermsVersion
from peyman.shop.carts import queries
from peyman.shop.carts.queries import CartView, Whose
from peyman.shop.offers import actions as offers


@carries_out("D56")
def view(whose: Whose, *, terms: TermsVersion, carrier_fee: int, now: datetime) -> CartView:
    """Return the cart. One query; where an offer has just ended, its end and one more."""
    seen = queries.view(whose, terms=terms, carrier_fee=carrier_fee)
    if offers.settle([(line.variant_id, line.offer_until) for line in (*seen.lines, *seen.later)], now=now):
        return queries.view(whose, terms=terms, carrier_fee=carrier_fee)
    return seen
