"""Remembering what was composed of the shelf, for as long as the shelf is the same.

A mark says in one small query what a list is made of: the edition of the catalogue, which every change of a price, a
word or a switch turns, and whatever sells out or comes back. The same mark, the same list; nothing stale is ever told,
and no row of the catalogue is written while pieces are left.
"""

import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from django.conf import settings
from django.db import connection

T = TypeVar("T")
Mark = tuple[int, int, int]

MARK = """
SELECT CAST(COALESCE((SELECT SUM(number) FROM catalog_edition), 0) AS bigint),
       COALESCE((SELECT MAX(id) FROM catalog_variant), 0),
       COALESCE((SELECT MAX(id) FROM catalog_pricechange), 0)"""
_UNPACKED = 4  # how much more than its packed form a result weighs, about
_EACH = 400  # bytes of a key and of what surrounds a result, about

_kept: "OrderedDict[Hashable, tuple[Mark, object, int]]" = OrderedDict()
_weight = 0
_lock = threading.Lock()


def read() -> Mark:
    """Return the mark of the shelf at this moment. One query."""
    with connection.cursor() as cursor:
        cursor.execute(MARK)
        edition, variant, change = cursor.fetchone()
        return edition, variant, change


def remembered(mark: Mark, key: Hashable, compose: Callable[[], T]) -> T:
    """Return what `compose` gave under this mark and key before, or let it compose.

    What was asked for the longest ago goes first when all weighs more than KEPT_LISTS.
    """
    name = (connection.settings_dict["NAME"], key)
    with _lock:
        held = _kept.get(name)
        if held is not None and held[0] == mark:
            _kept.move_to_end(name)
            return held[1]  # type: ignore[return-value]  # the key says which type it is
    made = compose()
    _keep(name, mark, made, len(pickle.dumps(made, pickle.HIGHEST_PROTOCOL)) * _UNPACKED + _EACH)
    return made


def weight() -> int:
    """Return what is remembered, in bytes, about."""
    return _weight


def _keep(name: Hashable, mark: Mark, made: object, heavy: int) -> None:
    global _weight
    with _lock:
        _drop(name)
        _weight += heavy
        _kept[name] = (mark, made, heavy)
        while _weight > settings.KEPT_LISTS:
            _drop(next(iter(_kept)))


def _drop(name: Hashable) -> None:
    global _weight
    _weight -= _kept.pop(name, ((0, 0, 0), None, 0))[2]


def forget() -> None:
    """Remember nothing: for tests, whose next database has other rows under the same mark."""
    global _weight
    with _lock:
        _kept.clear()
        _weight = 0
