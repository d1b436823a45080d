"""What the tables of ISPs, rates and measurements have in common: a lock, a count of changes, and nothing rewritten."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.db.models import F

from peyman.market.tariff.models import Tables

BATCH = 500


@dataclass(frozen=True)
class Brought:
    """What a file changed. `added` and `superseded` count beliefs; both 0: it said nothing new."""

    rows: int
    added: int
    superseded: int


M = TypeVar("M", bound=models.Model)
K = TypeVar("K", bound=Hashable)


def lock() -> None:
    """Wait until nobody else changes one of the tables, until the end of the caller's transaction."""
    Tables.objects.get_or_create(pk=1)
    Tables.objects.filter(pk=1).update(isps=F("isps"))


def count(table: str) -> None:
    """Move the edition of a table."""
    Tables.objects.filter(pk=1).update(**{table: F(table) + 1})


def replace(
    model: type[M],
    believed: Iterable[M],
    wanted: Collection[Mapping[str, Any]],
    key: Callable[[Mapping[str, Any]], K],
    *,
    names: tuple[str, ...],
    by: str,
    now: datetime,
) -> tuple[int, int]:
    """Believe `wanted` in place of `believed`; what is in both stays as it is. Returns how many came and went.

    `names` are the columns by which a row is the same, all of them in each of `wanted`.
    """
    staying = {key({name: getattr(row, name) for name in names}): row for row in believed}
    coming = [one for one in wanted if key(one) not in staying]
    kept = {key(one) for one in wanted}
    going = [row for found, row in staying.items() if found not in kept]
    # A belief that a clock set back would have end before it began is superseded in the moment it began.
    at = max([now, *(_recorded_at(row) for row in going)])
    manager: Any = model._base_manager
    for start in range(0, len(going), BATCH):
        keys = [row.pk for row in going[start : start + BATCH]]
        manager.filter(pk__in=keys, superseded_at=None).update(superseded_at=at)
    manager.bulk_create([model(**one, recorded_at=at, recorded_by=by) for one in coming], batch_size=BATCH)
    return len(coming), len(going)


def _recorded_at(row: Any) -> datetime:
    at: datetime = row.recorded_at
    return at
