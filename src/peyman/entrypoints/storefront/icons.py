"""What is drawn: icons, knots and the mark, carried by the page that uses them; pictures of goods, in a file apart."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

_SYMBOL = re.compile(r'<symbol id="([a-z0-9-]+)".*?</symbol>', re.DOTALL)
_USE = re.compile(r'href="#((?:i|k)-[a-z]+|mark)"')
_GENERIC = "box"  # a closed box: better than an empty tile


@cache
def symbols() -> dict[str, str]:
    """Return name → symbol, as in `icons.svg`."""
    return {match[1]: match[0] for match in _SYMBOL.finditer(_read("icons.svg"))}


@cache
def drawings() -> frozenset[str]:
    """Return the keys of the drawings of goods in `static/drawings.svg`, without their "d-"."""
    return frozenset(match[1].removeprefix("d-") for match in _SYMBOL.finditer(_read("static/drawings.svg")))


def drawing(key: str) -> str:
    """Return `key` if there is such a drawing, else the key of the generic one."""
    return key if key in drawings() else _GENERIC


def sprite(html: str, also: Iterable[str] = ()) -> str:
    """Return the hidden sprite with each symbol that `html` uses, and those named, once.

    Raises KeyError for a use of something that is not drawn: an empty square is a bug, not a page.
    """
    used = sorted({*_USE.findall(html), *also})
    return '<svg hidden aria-hidden="true">' + "".join(symbols()[name] for name in used) + "</svg>"


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
