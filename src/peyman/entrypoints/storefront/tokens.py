"""Tokens of forms as Django makes them (CSRF), from one call for chance instead of 64: a page that lies ready is
answered in half a millisecond, and a quarter of that went into them.
"""

import os
from operator import add

from django.http import HttpRequest
from django.middleware.csrf import CSRF_ALLOWED_CHARS, CSRF_SECRET_LENGTH, get_token

_CHARS = CSRF_ALLOWED_CHARS.encode()
_MANY = len(_CHARS)
_EVEN = 256 // _MANY * _MANY  # bytes from here on would make some letters likelier than others
_LETTERS = bytes(_CHARS[byte % _MANY] for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))
_PLACE = bytes.maketrans(_CHARS, bytes(range(_MANY)))
_AT = (_CHARS * 5)[:256]  # the letter of a place, counted round and round


def of(request: HttpRequest) -> str:
    """Return a token for the forms of a page, another each time; a new reader gets a secret, in a cookie.

    Who has one keeps it as it is: its cookie lasts a year, and log-in gives another.
    """
    secret = request.META.get("CSRF_COOKIE")
    if secret is None:
        secret = request.META["CSRF_COOKIE"] = _random()
        request.META["CSRF_COOKIE_NEEDS_UPDATE"] = True
    elif len(secret) != CSRF_SECRET_LENGTH:  # as older versions of Django left it
        return get_token(request)
    mask = _random()
    places = bytes(map(add, secret.encode().translate(_PLACE), mask.encode().translate(_PLACE)))
    return mask + places.translate(_AT).decode()


def _random() -> str:
    letters = b""
    while len(letters) < CSRF_SECRET_LENGTH:
        letters += os.urandom(2 * CSRF_SECRET_LENGTH).translate(_LETTERS, _UNEVEN)
    return letters[:CSRF_SECRET_LENGTH].decode()
