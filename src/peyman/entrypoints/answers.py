"""A customer's answer to what we asked about an order: where orders and carriers meet. Doors call this."""

from collections.abc import Mapping
from datetime import datetime

from peyman.kernel.clauses import carries_out
from peyman.shop.catalog import queries as goods
from peyman.shop.orders import actions, queries
from peyman.shop.orders.models import Order, OrderLine
from peyman.shop.orders.rules import states
from peyman.shop.orders.rules.requests import AnswerIncomplete
from peyman.shop.shipping import queries as shipping
from peyman.shop.shipping.rules import NotCarried


@carries_out("D39", "D68")
def take(*, order: Order, raw: Mapping[str, object], now: datetime) -> Order:
    """Take an answer (names of the form's fields → what was typed); the order's carrier must go to a new place too.

    Raises states.NothingAsked, AnswerIncomplete with every fault, PublicPlace.
    """
    request = queries.open_request(order)
    if request is None:
        raise states.NothingAsked(state=states.TITLES[order.state])
    typed = {name: raw.get(name, "") for name in request.fields}
    wrong: dict[str, str] = {}
    if "city" in typed:
        try:
            place = shipping.choice(order.carrier, str(typed["province"]), str(typed["city"]), _weight(order))
            typed |= {"province": place.province, "city": place.city}
        except NotCarried as refusal:
            wrong = _of_place(refusal, order)
    try:
        if not wrong:
            return actions.answer(order=order, raw=typed, by="customer", now=now)
        actions.read_answer(order=order, fields=list(request.fields), raw=typed)
    except AnswerIncomplete as refusal:
        wrong = {**wrong, **refusal.fields}
    raise AnswerIncomplete(wrong)


def _of_place(refusal: NotCarried, order: Order) -> dict[str, str]:
    """Return the faults of a place by the fields of the answer: its carrier is not asked for again."""
    if "carrier" not in refusal.fields:
        return dict(refusal.fields)
    words = f"«{order.carrier_title}»، که برای این سفارش برگزیدید، به این شهر نمی‌رود"
    return {"city": f"{words}؛ شهر دیگری بنویسید یا از سفارش انصراف دهید."}


def _weight(order: Order) -> int:
    pieces = dict(OrderLine.objects.filter(order=order).values_list("sku", "quantity"))
    grams = goods.weights(list(pieces))
    return sum(grams.get(sku, 0) * n for sku, n in pieces.items())
