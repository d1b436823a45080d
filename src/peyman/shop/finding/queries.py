"""The words that mean the same, their histories, and what is looked for in vain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.db import connection
from django.db.models import Max, Min, Sum

from peyman.shop.catalog.rules.search import synonyms
from peyman.shop.finding import rules
from peyman.shop.finding.models import Sought, SynonymVersion


@dataclass(frozen=True, slots=True)
class SetView:
    """A set of words as it stands, who said so last, and how many versions it has had."""

    code: str
    words: tuple[str, ...]
    also: tuple[str, ...]
    is_on: bool
    why: str
    by: str
    at: datetime
    versions: int


@dataclass(frozen=True, slots=True)
class SoughtView:
    """Words that were looked for with little result: how often, and how much was found the last time."""

    typed: str
    times: int
    found: int
    last_day: date


def sets_in_force() -> tuple[synonyms.Set, ...]:
    """Return the sets that are on. One small query; the rows are read again when one was added."""
    last = SynonymVersion.objects.aggregate(last=Max("pk"))["last"] or 0
    return _sets(str(connection.settings_dict["NAME"]), last) if last else ()


@lru_cache(maxsize=4)
def _sets(database: str, last: int) -> tuple[synonyms.Set, ...]:
    rows = SynonymVersion.objects.filter(pk__lte=last).order_by("pk")
    return rules.newest(rows.values_list("set_code", "is_on", "words", "also"))


def forget() -> None:
    """Remember no set: for tests, whose next database has others under the same keys."""
    _sets.cache_clear()


def sets() -> list[SetView]:
    """Return all sets, what was said last first. One query."""
    versions: dict[str, list[SynonymVersion]] = {}
    for row in SynonymVersion.objects.order_by("pk"):
        versions.setdefault(row.set_code, []).append(row)
    views = [_view(rows) for rows in versions.values()]
    return sorted(views, key=lambda view: (view.at, view.code), reverse=True)


def _view(rows: Sequence[SynonymVersion]) -> SetView:
    now = rows[-1]
    return SetView(
        now.set_code, tuple(now.words), tuple(now.also), now.is_on, now.why, now.by, now.at, len(rows)
    )  # fmt: skip


def history(code: str) -> list[SynonymVersion]:
    """Return all versions of a set, newest first. Raises NoSuchSet."""
    rows = list(SynonymVersion.objects.filter(set_code=code[:16]).order_by("-pk"))
    if not rows:
        raise rules.NoSuchSet
    return rows


def sought(*, since: date, limit: int = 100) -> list[SoughtView]:
    """Return what was looked for in vain, or nearly, since a day: nothing found first, then the most often typed."""
    rows = (
        Sought.objects.filter(day__gte=since)
        .values("typed")
        .annotate(many=Sum("times"), least=Min("found"), last=Max("day"))
        .order_by("least", "-many", "typed")[:limit]
    )
    return [SoughtView(row["typed"], row["many"], row["least"], row["last"]) for row in rows]
