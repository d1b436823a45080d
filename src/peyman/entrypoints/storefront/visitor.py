"""Whose cart it is: the person's who is logged in, else the visitor's, by a random key in the session.

Reading never makes a session or a row; only putting something in a cart does.
"""

import hashlib
import secrets

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from peyman.people.models import Person
from peyman.shop.carts import queries
from peyman.shop.carts.models import Cart
from peyman.shop.carts.queries import Holder

CART_KEY = "cart_key"  # name in the session; log-in hands its value to `carts.actions.merge`
_HELD = "_peyman_cart"  # where a request remembers its cart
_COUNT = "_peyman_cart_count"  # and how many pieces lie in it


def person_of(request: HttpRequest) -> Person | None:
    """Return who is logged in."""
    return request.user if isinstance(request.user, Person) else None


def holder_of(request: HttpRequest) -> Holder:
    """Return whose cart it is, without asking the database whether there is one."""
    person = person_of(request)
    return Holder(person.pk) if person else Holder(key=request.session.get(CART_KEY, ""))


def holder_in_passing(request: HttpRequest) -> Holder:
    """Return whose cart it seems to be, by the session alone: whether there is such a person, nobody has asked yet."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return Holder()
    person = request.session.get(SESSION_KEY)
    return Holder(int(person)) if person else Holder(key=request.session.get(CART_KEY, ""))


def holder_to_fill(request: HttpRequest) -> Holder:
    """Return whose cart is to be filled; a visitor who has none gets the key of one."""
    if person_of(request) is None and not request.session.get(CART_KEY):
        request.session[CART_KEY] = secrets.token_urlsafe(24)
    return holder_of(request)


def cart_of(request: HttpRequest) -> Cart | None:
    """Return the cart of whoever asks, None where there is none yet; asked for once in a request."""
    if not hasattr(request, _HELD):
        person = person_of(request)
        key = "" if person else request.session.get(CART_KEY, "")
        setattr(request, _HELD, queries.of_person(person) if person else queries.of_visitor(key))
    held: Cart | None = getattr(request, _HELD)
    return held


def count_of(request: HttpRequest) -> int:
    """Return how many pieces lie in the cart; no query for who has none, or where the page has read it already."""
    holder = holder_of(request)
    if holder == Holder():
        return 0
    whose, pieces = getattr(request, _COUNT, (None, 0))
    if whose != holder:
        pieces = queries.count(holder)
        note_count(request, pieces)
    return int(pieces)


def note_count(request: HttpRequest, pieces: int, *, of: Holder | None = None) -> None:
    """Remember the pieces that a page has just read, for the frame around it; they are told to this holder only."""
    setattr(request, _COUNT, (of or holder_of(request), pieces))


def device_of(request: HttpRequest) -> str:
    """Return a mark of this browser that tells devices of one person apart and says nothing else."""
    key = request.session.session_key
    return hashlib.sha256(f"device:{key}".encode()).hexdigest()[:12] if key else ""
