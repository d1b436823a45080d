"""Remembering what was composed of the shelf, for as long as the shelf is the same.

A mark says in one small query what a list is made of: the edition of the catalogue, which every change of a price, a
word or a switch turns, and whatever sells out or comes back. The same mark, the same list; nothing stale is ever told,
and no row of the catalogue is written while pieces are left.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")
Mark = tuple[int, ...]

_MARK = """
SELECT COALESCE((SELECT SUM(number) FROM catalog_edition), 0),
       COALESCE((SELECT MAX(id) FROM catalog_variant), 0),
       COALESCE((SELECT MAX(id) FROM catalog_pricechange), 0)
"""
_MOST = 512  # results of one process

_kept: "OrderedDict[Hashable, object]" = OrderedDict()
_lock = threading.Lock()


def read() -> Mark:
    """Return the mark of the shelf at this moment. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK)
        return tuple(map(int, cursor.fetchone()))


def remembered(mark: Mark, key: Hashable, compose: Callable[[], T]) -> T:
    """Return what `compose` gave under this mark and key before, or let it compose."""
    name = (connection.settings_dict["NAME"], mark, key)
    with _lock:
        if name in _kept:
            _kept.move_to_end(name)
            return _kept[name]  # type: ignore[return-value]  # the key says which type it is
    made = compose()
    with _lock:
        _kept[name] = made
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return made


def forget() -> None:
    """Remember nothing: for tests, whose next database has other rows under the same mark."""
    with _lock:
        _kept.clear()
