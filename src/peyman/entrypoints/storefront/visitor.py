"""Whose cart it is: the person's who is logged in, else the visitor's, by a random key in the session.

Reading never makes a session or a row; only putting something in a cart does.
"""

import secrets
from datetime import datetime

from django.http import HttpRequest

from peyman.people.models import Person
from peyman.shop.carts import actions, queries
from peyman.shop.carts.models import Cart

CART_KEY = "cart_key"  # name in the session; log-in hands its value to `carts.actions.merge`
_HELD = "_peyman_cart"  # where a request remembers its cart


def person_of(request: HttpRequest) -> Person | None:
    """Return who is logged in."""
    return request.user if isinstance(request.user, Person) else None


def cart_of(request: HttpRequest) -> Cart | None:
    """Return the cart of whoever asks, None where there is none yet; asked for once in a request."""
    if not hasattr(request, _HELD):
        person = person_of(request)
        key = "" if person else request.session.get(CART_KEY, "")
        setattr(request, _HELD, queries.of_person(person) if person else queries.of_visitor(key))
    held: Cart | None = getattr(request, _HELD)
    return held


def cart_to_fill(request: HttpRequest, now: datetime) -> Cart:
    """Return the cart of whoever asks, made when there is none."""
    person = person_of(request)
    if person:
        cart = actions.of_person(person=person, now=now)
    else:
        key = request.session.get(CART_KEY)
        if not key:
            key = request.session[CART_KEY] = secrets.token_urlsafe(24)
        cart = actions.of_visitor(key=key, now=now)
    setattr(request, _HELD, cart)
    return cart
