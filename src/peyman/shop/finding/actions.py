"""Staff say which words mean the same; what was looked for in vain is counted, and forgotten in time."""

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F

from peyman.kernel.errors import Invalid
from peyman.kernel.worktime import tehran_day
from peyman.shop.catalog.actions.prices import turn
from peyman.shop.finding import rules
from peyman.shop.finding.models import Sought, SynonymVersion


@transaction.atomic
def say_same(*, words: str, also: str = "", why: str, by: str, now: datetime, code: str = "") -> SynonymVersion:
    """Let words mean the same from now on: a new set, or with `code` a new version of one. Every process knows at once.

    Raises Invalid, NoSuchSet, and SaidAlready where a set that is on says the very same.
    """
    said = rules.synonym_set(words, also, why)
    before = list(SynonymVersion.objects.order_by("pk").values_list("set_code", "is_on", "words", "also"))
    if code and code not in {row[0] for row in before}:
        raise rules.NoSuchSet
    if said in rules.newest(before):
        raise rules.SaidAlready
    return _added(code or secrets.token_hex(5), list(said.words), list(said.also), True, why, by, now)


@transaction.atomic
def switch(*, code: str, is_on: bool, why: str, by: str, now: datetime) -> SynonymVersion | None:
    """Let a set count, or count no longer; None where it is so already. Raises NoSuchSet, Invalid without a reason."""
    last = SynonymVersion.objects.filter(set_code=code[:16]).order_by("-pk").first()
    if last is None:
        raise rules.NoSuchSet
    if last.is_on == is_on:
        return None
    if not why.strip():
        raise Invalid({"why": "بنویسید چرا؛ در تاریخچه می‌ماند."})
    return _added(code, last.words, last.also, is_on, why, by, now)


def _added(
    code: str, words: list[str], also: list[str], is_on: bool, why: str, by: str, now: datetime
) -> SynonymVersion:
    row = SynonymVersion.objects.create(
        set_code=code, words=words, also=also, is_on=is_on, why=why.strip()[:200], by=by[:120], at=now
    )
    turn()  # lists are remembered under the edition, so what they were composed with is read anew
    return row


@transaction.atomic
def count_sought(*, seen: Mapping[tuple[date, str], tuple[int, int]]) -> int:
    """Add to what was looked for: (day, words) → (how often, how much was found the last time). Two queries and one
    for each row that was there."""
    if not seen:
        return 0
    days = {day for day, _ in seen}
    there = set(Sought.objects.filter(day__in=days, typed__in={typed for _, typed in seen}).values_list("day", "typed"))
    fresh = [Sought(day=day, typed=typed, times=0, found=0) for day, typed in sorted(set(seen) - there)]
    Sought.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=200)
    for (day, typed), (times, found) in sorted(seen.items()):
        Sought.objects.filter(day=day, typed=typed).update(times=F("times") + times, found=found)
    return len(seen)


def forget_older(*, now: datetime, limit: int = 500) -> int:
    """Forget what was looked for more than KEPT_DAYS ago, at most `limit` rows of it; return how many went."""
    old = Sought.objects.filter(day__lt=tehran_day(now) - timedelta(days=rules.KEPT_DAYS))
    keys = list(old.order_by("pk").values_list("pk", flat=True)[:limit])
    return Sought.objects.filter(pk__in=keys).delete()[0] if keys else 0
