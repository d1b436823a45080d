"""What is drawn: icons, knots and the mark, carried by the page that uses them; pictures of goods, in a file apart."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Final

_SYMBOL = re.compile(r'<symbol id="([a-z0-9-]+)".*?</symbol>', re.DOTALL)
_USE = re.compile(r'href="#((?:i|k)-[a-z]+|mark)"')
_GENERIC = "box"  # a closed box: better than an empty tile
_CLASS = re.compile(r'class="([a-z0-9 ]+)"')
_GROUND, _SAFFRON = "#ebe9e1", "#f0b02f"
# Tint → light face, body, dark body, as the stylesheet has them by day.
COLOURS: Final = {
    "": ("#cfd8ee", "#6f86c4", "#27386f"),
    "v2": ("#cfe6e2", "#4c9b96", "#0d4c4e"),
    "v3": ("#ece0c8", "#b8975c", "#563f1b"),
    "v4": ("#efd5d8", "#b56877", "#5c2132"),
}


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


@cache
def standing(key: str, tint: str) -> str:
    """Return a drawing as a file of its own, a square in the colours of day. Raises KeyError where there is none."""
    shapes = {match[1]: match[0] for match in _SYMBOL.finditer(_read("static/drawings.svg"))}[f"d-{key}"]
    face, body, dark = COLOURS[tint]
    line = 'fill="none" stroke="{}" stroke-width="{}" stroke-linecap="round" stroke-linejoin="round"'

    def painted(match: re.Match[str]) -> str:
        kinds = match[1].split()
        width = 3 if "at" in kinds else 5
        strokes = {"as": dark, "am": body, "al": face}
        fills = {"a1": face, "a2": body, "a3": dark, "a4": _SAFFRON}
        kind = next(kind for kind in kinds if kind != "at")
        return line.format(strokes[kind], width) if kind in strokes else f'fill="{fills[kind]}"'

    drawn = _CLASS.sub(painted, shapes[shapes.index(">") + 1 :].removesuffix("</symbol>"))
    ground = f'<rect x="-30" y="-30" width="180" height="180" fill="{_GROUND}"/>'
    frame = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-30 -30 180 180" width="1200" height="1200">'
    return f"{frame}{ground}{drawn}</svg>"


def sprite(html: str, also: Iterable[str] = ()) -> str:
    """Return the hidden sprite with each symbol that `html` uses, and those named, once.

    Raises KeyError for a use of something that is not drawn: an empty square is a bug, not a page.
    """
    used = sorted({*_USE.findall(html), *also})
    return '<svg hidden aria-hidden="true">' + "".join(symbols()[name] for name in used) + "</svg>"


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
