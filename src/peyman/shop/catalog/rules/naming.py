"""What goods are called in an address."""

import re
import unicodedata

_LAST_NUMBER = re.compile("[0-9]{1,6}$")
_NOT_IN_A_SLUG = re.compile("[^a-z0-9]+")


def slug_of(title_latin: str, fallback: str) -> str:
    """Return the readable part of an address: "Avand A6 e-reader" → "avand-a6-e-reader".

    Without a Latin title it is made of `fallback` (the category and the product's code). At most 90
    characters; whether it is still free is for the caller to see.
    """
    for name in (title_latin, fallback):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        if slug := _NOT_IN_A_SLUG.sub("-", plain)[:90].strip("-"):
            return slug
    return "good"


def position_of(sku: str) -> int:
    """Return the place of a variant among its product's: the number its SKU ends on, 0 without one."""
    ending = _LAST_NUMBER.search(sku)
    return int(ending[0]) if ending else 0
