"""What a reader of a cell gives back."""

from datetime import date, datetime, time
from typing import Any, NamedTuple, TypeAlias

Cell: TypeAlias = str | int | float | bool | datetime | date | time | None


class Told(NamedTuple):
    """The value of a cell with `warnings` where it was mended, or `reasons` why it is refused."""

    value: Any = None
    warnings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def refused(*reasons: str) -> Told:
    return Told(reasons=reasons)
