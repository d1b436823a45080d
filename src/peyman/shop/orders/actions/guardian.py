"""A minor's order is not paid and gets no cart code before a guardian confirmed it (D20)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import tehran_day
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.people.rules import GuardianNeeded
from peyman.promises.rules import parameter
from peyman.shop.orders.models import Order


def guardian_subject(order: Order) -> str:
    """Return how a guardian's confirmation names this order."""
    return f"order:{order.code}"


@carries_out("D20")
def waiting(orders: Iterable[Order], now: datetime) -> frozenset[int]:
    """Return the keys of those orders that still wait for a guardian.

    No query where no buyer is known to be a minor; else one for each age of majority in the terms of these orders.
    Persons and terms must be there already.
    """
    asked: dict[int, list[tuple[Person, str]]] = defaultdict(list)
    keys: dict[str, int] = {}
    for order in orders:
        if order.person.birth_date is not None:
            asked[parameter(order.terms.parameters, "adult_age")].append((order.person, guardian_subject(order)))
            keys[guardian_subject(order)] = order.pk
    found: set[str] = set()
    for adult_age, pairs in asked.items():
        found |= people.waiting_for_guardian(pairs, tehran_day(now), adult_age)
    return frozenset(keys[subject] for subject in found)


@carries_out("D20")
def assert_guardian(order: Order, now: datetime) -> None:
    """Return when paying for this order may begin. Raises people.rules.GuardianNeeded."""
    if waiting([order], now):
        raise GuardianNeeded
