"""The words under which a product is found: those that say what it is, and all the others."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from peyman.kernel import text

# What a thing fits is no name of the thing: a cover is no phone.
_FITS: Final = re.compile(
    "مناسب برای|سازگار با|قابل استفاده (?:در|برای)|مخصوص گوشی| for | fits | compatible with ", re.IGNORECASE
)
_NUMBER_AND_UNIT: Final = re.compile("([0-9]+)([^0-9]+)|([^0-9]+)([0-9]+)")


_KIND: Final = "\ue000"  # nobody types it


def kind(category: int) -> str:
    """Return the word under which everything in a category is found, by its key."""
    return f"{_KIND}{category}"


class Texts(NamedTuple):
    """`head` are the words of the title and the names, as they follow each other; `words` those and all others, once.

    One space between.
    """

    head: str
    words: str


def texts(
    *,
    title: str,
    title_latin: str = "",
    model: str = "",
    names: Iterable[str] = (),
    category: str = "",
    path: str = "",
    attributes: Mapping[str, str] | None = None,
    variants: Iterable[str] = (),
    kinds: Iterable[str] = (),
) -> Texts:
    """Return the words of a product.

    `names` are its brand's; `variants` the colours and sizes it comes in; `kinds` the words of its categories, as
    `kind` writes them.
    """
    own, *fits = _FITS.split(title)
    own_latin, *fits_latin = _FITS.split(title_latin)
    head = _words(own, model, *names, category, own_latin)
    told = (f"{name} {value}" for name, value in (attributes or {}).items())
    rest = _words(*fits, *fits_latin, path, *told, *variants)
    return Texts(" ".join(head), " ".join(dict.fromkeys([*head, *rest, *kinds])))


def _words(*parts: str) -> list[str]:
    """The words of these texts in their order; behind a number with its unit the two stand apart too: 256gb 256 gb."""
    found = []
    for word in text.search_words(" ".join(parts)).split():
        found.append(word)
        if match := _NUMBER_AND_UNIT.fullmatch(word):
            found += [each for each in match.groups() if each]
    return found
