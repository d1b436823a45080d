"""The cart. It reserves nothing; each reading shows the price and the stock of this moment."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router

from peyman.entrypoints import clock
from peyman.entrypoints.api import schemas
from peyman.entrypoints.api.guard import Bearer, asker
from peyman.people.models import Person
from peyman.promises import queries as promises
from peyman.shop.carts import actions, queries
from peyman.shop.shipping import queries as shipping

router = Router(tags=["cart"], auth=Bearer())


@router.get("/cart", response=schemas.CartGiven, operation_id="cart")
def cart(request: HttpRequest) -> Any:
    """The cart at this moment, and what changed in it since it was last read."""
    return _shown(asker(request), clock.now())


@router.put("/cart/lines/{sku}", response=schemas.CartGiven, operation_id="set_line")
def set_line(request: HttpRequest, sku: str, body: schemas.QuantityAsk) -> Any:
    """Put so many pieces in the cart, in place of what was there."""
    person, now = asker(request), clock.now()
    actions.set_quantity(
        cart=actions.of_person(person=person, now=now),
        sku=sku,
        quantity=body.quantity,
        terms=promises.terms_in_force(now),
        now=now,
    )
    return _shown(person, now)


@router.delete("/cart/lines/{sku}", response=schemas.CartGiven, operation_id="remove_line")
def remove_line(request: HttpRequest, sku: str) -> Any:
    """Take a variant out of the cart; doing it again changes nothing."""
    person, now = asker(request), clock.now()
    there = queries.of_person(person)
    if there:
        actions.remove(cart=there, sku=sku)
    return _shown(person, now)


def _shown(person: Person, now: datetime) -> dict[str, Any]:
    there = queries.of_person(person)
    view = queries.view(there, terms=promises.terms_in_force(now), carrier_fee=shipping.default_fee())
    if there:
        actions.mark_seen(cart=there, now=now)
    return {
        "lines": [
            {
                "sku": line.sku,
                "slug": line.slug,
                "title": line.title,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "list_price": line.list_price,
                "available": line.available,
                "total": line.total,
            }
            for line in view.lines
        ],
        "notices": [vars(notice) for notice in view.notices],
        "goods_total": view.goods_total,
        "fees": vars(view.fees),
        "total": view.total,
    }
