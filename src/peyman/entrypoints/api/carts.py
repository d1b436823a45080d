"""The cart. It reserves nothing; each reading shows the price and the stock of this moment."""

import hashlib
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router

from peyman.entrypoints import clock, live_cart
from peyman.entrypoints.api import schemas
from peyman.entrypoints.api.guard import Bearer, asker
from peyman.people.models import Person
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.shop.carts import actions, queries
from peyman.shop.carts.queries import Holder, LineView
from peyman.shop.shipping import queries as shipping

router = Router(tags=["cart"], auth=Bearer())


@router.get("/cart", response=schemas.CartGiven, operation_id="cart")
def cart(request: HttpRequest) -> Any:
    """The cart at this moment, and what changed in it since it was last read."""
    now = clock.now()
    return _shown(asker(request), promises.terms_in_force(now), now)


@router.put("/cart/lines/{sku}", response=schemas.CartGiven, operation_id="set_line")
def set_line(request: HttpRequest, sku: str, body: schemas.QuantityAsk) -> Any:
    """Put so many pieces in the cart, in place of what was there."""
    person, now = asker(request), clock.now()
    terms = promises.terms_in_force(now)
    actions.set_quantity(
        cart=Holder(person.pk), sku=sku, quantity=body.quantity, terms=terms, now=now, device=_device(request)
    )
    return _shown(person, terms, now)


@router.delete("/cart/lines/{sku}", response=schemas.CartGiven, operation_id="remove_line")
def remove_line(request: HttpRequest, sku: str) -> Any:
    """Take a variant out of the cart; doing it again changes nothing."""
    person, now = asker(request), clock.now()
    actions.remove(cart=Holder(person.pk), sku=sku)
    return _shown(person, promises.terms_in_force(now), now)


def _device(request: HttpRequest) -> str:
    """A mark of this caller that tells devices of one person apart and says nothing else."""
    return hashlib.sha256(f"device:{request.headers.get('Authorization', '')}".encode()).hexdigest()[:12]


def _shown(person: Person, terms: TermsVersion, now: datetime) -> dict[str, Any]:
    view = live_cart.view(Holder(person.pk), terms=terms, carrier_fee=shipping.default_fee(), now=now)
    held = view.cart
    if held and (view.shown or held.left_out or now - held.seen_at >= queries.SEEN_EVERY):
        actions.mark_seen(cart=held, now=now, shown=view.shown)
    return {
        "lines": [_line(line) for line in view.lines],
        "later": [_line(line) for line in view.later],
        "notices": [vars(notice) for notice in view.notices],
        "goods_total": view.goods_total,
        "fees": vars(view.fees),
        "total": view.total,
    }


def _line(line: LineView) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "slug": line.slug,
        "title": line.title,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "list_price": line.list_price,
        "available": line.available,
        "total": line.total,
        "offer_until": line.offer_until,
    }
