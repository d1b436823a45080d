"""What goods are called in an address, and how they are found."""

import re
import unicodedata

from peyman.kernel import text

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


def search_texts(*, title: str, title_latin: str, brand: str, brand_latin: str, model: str) -> tuple[str, str]:
    """Return the words and the joined spelling under which a product is found."""
    words = text.search_words(" ".join(dict.fromkeys((title, title_latin, brand, brand_latin, model))))
    return words, words.replace(" ", "")
