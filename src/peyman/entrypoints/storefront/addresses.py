"""Addresses of goods, categories and brands, for people and for machines.

A product is known by its slug; the title behind it is there to be read, and moves with the title. So the slug alone
leads to the same page, and a wrong or old title is sent on to the one in use.
"""

import re
import unicodedata
from urllib.parse import quote

from django.conf import settings

from peyman.kernel.text import latin_digits

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 80  # letters of a title in an address
_TAKEN = frozenset({"corrections"})  # what stands below a product of its own right


def titled(title: str) -> str:
    """Return a title as an address carries it: «کتاب‌خوان آوند A6، صفحه ۶ اینچ» → "کتاب-خوان-آوند-a6-صفحه-6-اینچ".

    "" where nothing of it can stand in an address.
    """
    plain = "".join(c for c in unicodedata.normalize("NFC", title) if not unicodedata.combining(c))  # no vowel signs
    kept: list[str] = []
    length = 0
    for word in _WORD.findall(latin_digits(plain).casefold()):
        length += len(word) + 1
        if kept and length > _LONGEST:
            break
        kept.append(word[:_LONGEST])
    whole = "-".join(kept)
    return "" if whole in _TAKEN else whole


def product(slug: str, title: str) -> str:
    """Return the path of a product, its title readable in it."""
    tail = titled(title)
    return f"/goods/{slug}/{tail}/" if tail else f"/goods/{slug}/"


def category(slug: str) -> str:
    return f"/category/{slug}/"


def brand(slug: str) -> str:
    return f"/brand/{slug}/"


def whole(path: str) -> str:
    """Return the official address of a path, as machines take it: escaped, with scheme and host."""
    return settings.PUBLIC_URL + quote(path, safe="/?=&%")
