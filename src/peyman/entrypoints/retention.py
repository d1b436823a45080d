"""What we keep for a term only, in every room, goes when the term is over: a sweep that ends once a day (D16).

Papers of an order follow the terms it was placed under; what belongs to no order follows the longest term of all
versions, so that nothing is forgotten before a text that anyone accepted lets it.
"""

from datetime import datetime
from typing import Final

from peyman.billing.actions import accounts
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import tehran_day
from peyman.messages import actions as messages
from peyman.people import actions as people
from peyman.promises import queries as promises
from peyman.promises.rules import parameter
from peyman.shop.orders import actions as orders

NAME: Final = "retention"
BATCH: Final = 200  # rows of one statement
BATCHES: Final = 10  # of one call


@carries_out("D16")
def sweep(now: datetime) -> int:
    """Forget the next batches of what is past its term; return how many rows. One query once it is done for today."""
    day = tehran_day(now)
    if people.is_swept(name=NAME, day=day):
        return 0
    versions = promises.all_terms()
    if not versions:
        return 0
    before = jalali.years_before(now, max(parameter(each.parameters, "retention_years") for each in versions))
    forgotten = 0
    for _ in range(BATCHES):
        done = orders.forget_papers(now=now, limit=BATCH)
        done += messages.forget_older(before=before, limit=BATCH)
        done += people.forget_older(before=before, limit=BATCH)
        done += accounts.forget_older(before=before, limit=BATCH)
        forgotten += done
        if not done:
            people.note_swept(name=NAME, day=day)
            break
    return forgotten
