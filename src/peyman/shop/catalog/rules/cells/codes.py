"""Codes of goods and words out of a list."""

import re

from peyman.shop.catalog.rules.cells.texts import clean, latin, text_reasons
from peyman.shop.catalog.rules.cells.told import Cell, Told, refused

_SKU = re.compile("[A-Z0-9][A-Z0-9._-]{1,39}")
_SLUG = re.compile("[a-z0-9][a-z0-9_-]{0,79}")
_HINT = re.compile("[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)?")


def sku(cell: Cell) -> Told:
    """Read a code of goods: trimmed, upper case, digits of any script, [A-Z0-9][A-Z0-9._-]{1,39}."""
    told = latin(cell)
    if told.reasons:
        return told
    if not told.value:
        return refused("sku_missing")
    code = told.value.upper()
    if not _SKU.fullmatch(code):
        return refused("sku_invalid")
    return Told(code, told.warnings if code == told.value else (*told.warnings, "case"))


def word(cell: Cell, known: tuple[str, ...], unknown: str) -> Told:
    """Read one of `known` words, in any case; anything else, and nothing, is refused as `unknown`."""
    told = clean(cell)
    if told.reasons:
        return told
    lowered = told.value.casefold()
    if lowered not in known:
        return refused(unknown)
    return Told(lowered, told.warnings if lowered == told.value else (*told.warnings, "case"))


def slug(cell: Cell) -> Told:
    """Read a slug or a name that stands in its place: lower case where it is a slug."""
    told = clean(cell)
    if told.reasons:
        return told
    lowered = told.value.casefold()
    if _SLUG.fullmatch(lowered) and lowered != told.value:
        return Told(lowered, (*told.warnings, "case"))
    reasons = text_reasons(told.value)
    return refused(*reasons) if reasons else told


def image_hint(cell: Cell) -> Told:
    """Read "slug" or "slug/colour"; a path or an address is refused."""
    told = clean(cell)
    if told.reasons:
        return told
    lowered = told.value.casefold()
    if lowered and (len(lowered) > 120 or not _HINT.fullmatch(lowered)):
        return refused("image_hint_invalid")
    return Told(lowered, told.warnings if lowered == told.value else (*told.warnings, "case"))
