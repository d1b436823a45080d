"""Attributes: one flat JSON object."""

import json
from typing import Any

from peyman.shop.catalog.rules.cells.texts import SURROGATE, plain_text, spelled
from peyman.shop.catalog.rules.cells.told import Cell, Told, refused

MAX_ATTRIBUTES = 60


def attributes(cell: Cell) -> Told:
    """Read a flat JSON object of short texts and numbers; an empty cell is {} with a warning."""
    typed = spelled(cell)
    if SURROGATE.search(typed):
        return refused("encoding")
    if not typed.strip():
        return Told({}, ("attributes_missing",))
    found = json_object(typed)
    return refused("attributes_invalid") if found is None or len(found) > MAX_ATTRIBUTES else _attributes(found)


def json_object(typed: str) -> dict[str, Any] | None:
    """Return the JSON object of a text of at most 20,000 characters; None for what is none, or has a name twice."""
    try:
        found = json.loads(typed, object_pairs_hook=_pairs, parse_constant=_no_number) if len(typed) <= 20_000 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _attributes(found: dict[str, object]) -> Told:
    kept: dict[str, str] = {}
    warnings: dict[str, None] = {}
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return refused("attributes_invalid")
        name_told, value_told = plain_text(name, longest=80), plain_text(value, longest=500)
        reasons = name_told.reasons + value_told.reasons
        if reasons:
            return refused(*("attributes_invalid" if r in ("too_long", "encoding") else r for r in reasons))
        if not name_told.value or name_told.value in kept:
            return refused("attributes_invalid")
        kept[name_told.value] = value_told.value
        warnings |= dict.fromkeys(name_told.warnings + value_told.warnings)
    return Told(kept, tuple(warnings))


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)
