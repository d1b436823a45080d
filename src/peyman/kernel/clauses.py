"""How code says which published clause it carries out."""

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def carries_out(*clauses: str) -> Callable[[F], F]:
    """Mark a function as the place where `clauses` (register ids, "D54") are carried out.

    `peyman clauses` reads these marks from the source, beside `clause=` of refusals and promises.
    """

    def mark(function: F) -> F:
        return function

    return mark
