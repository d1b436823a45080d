"""What operators charge, taken down, and seen by a person: only then does it count (B02)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.kernel.text import has_controls, normalise
from peyman.market.tariff.actions import tables
from peyman.market.tariff.actions.tables import Brought
from peyman.market.tariff.models import Rate, RateCheck
from peyman.market.tariff.rules import rates as rules
from peyman.market.tariff.rules.audit import ALWAYS, Tariff, instant
from peyman.market.tariff.rules.tables import BadTable, Fault, NoTable, Numbered
from peyman.people.models import Person

log = structlog.get_logger()

_NAMES = ("operator", "service_class", "plan", "valid_from", "valid_to", "full", "factor", "unit", "source")
_LONGEST = {"operator": 60, "service_class": 60, "plan": 60, "source": 200}
_LONGEST_SAID = 300


def bring_in(
    *,
    rows: Sequence[Numbered[Tariff]],
    whole: bool = False,
    trial: bool = False,
    by: Person | None,
    now: datetime,
) -> Brought:
    """Take down what a file says operators charge; all of its rows or none. Raises BadTable, NoTable.

    A plan (operator, service class, plan) that is named again has the rows of this file and no others; others stay,
    unless the file is the `whole` table. A row that says what is believed already stays as it is, with its checks;
    what comes anew is verified by nobody, whatever the file says of itself (`verify`). `trial`: count what would
    change, and change nothing.
    """
    if not rows:
        raise NoTable(why="سطری در آن نیست.")
    if faults := [*rules.faults(rows), *_too_long(rows)]:
        raise BadTable(sorted(faults, key=lambda fault: fault.line))
    with transaction.atomic():
        brought = _bring_in(rows, whole, by.code if by else "", now)
        transaction.set_rollback(trial)
    if not trial and (brought.added or brought.superseded):
        log.info("rates.brought", added=brought.added, superseded=brought.superseded)
    return brought


def _bring_in(rows: Sequence[Numbered[Tariff]], whole: bool, by: str, now: datetime) -> Brought:
    tables.lock()
    wanted = [_columns(one.row) for one in rows]
    named = {_plan(one) for one in wanted}
    believed = [
        row
        for row in Rate.objects.filter(superseded_at=None).order_by("pk")
        if whole or (row.operator, row.service_class, row.plan) in named
    ]
    added, superseded = tables.replace(
        Rate, believed, wanted, lambda one: tuple(one[name] for name in _NAMES), names=_NAMES, by=by, now=now
    )
    if added or superseded:
        tables.count("rates")
    return Brought(len(rows), added, superseded)


@carries_out("B02")
@transaction.atomic
def verify(*, rate_id: int, source_seen: str, reason: str, by: Person, now: datetime) -> RateCheck:
    """Say that a person has seen the source of a rate, and that it says just this. Raises Missing, Invalid."""
    return _check(rate_id, True, source_seen, reason, by, now)


@carries_out("B02")
@transaction.atomic
def doubt(*, rate_id: int, source_seen: str, reason: str, by: Person, now: datetime) -> RateCheck:
    """Take a verification back: from now on the rate counts for nothing. Raises Missing, Invalid."""
    return _check(rate_id, False, source_seen, reason, by, now)


def _check(rate_id: int, verified: bool, source_seen: str, reason: str, by: Person, now: datetime) -> RateCheck:
    said = {"source_seen": normalise(source_seen), "reason": normalise(reason)}
    bad = {name: _SAY[name] for name, text in said.items() if not text}
    bad |= {
        name: "تا ۳۰۰ نویسه و بدون نویسه‌های نادیدنی بنویسید."
        for name, text in said.items()
        if len(text) > _LONGEST_SAID or has_controls(text)
    }
    if bad:
        raise Invalid(bad)
    tables.lock()
    rate = Rate.objects.filter(pk=rate_id, superseded_at=None).first()
    if rate is None:
        raise Missing
    last = RateCheck.objects.filter(rate=rate).order_by("-nth").first()
    if verified == (last is not None and last.verified):
        raise Invalid({"reason": "این نرخ از پیش همین وضع را دارد؛ صفحه را تازه کنید."})
    try:
        with transaction.atomic():
            made = RateCheck.objects.create(
                rate=rate,
                nth=last.nth + 1 if last else 1,
                verified=verified,
                by=by,
                at=max(now, last.at) if last else now,
                **said,
            )
    except IntegrityError:
        raise Invalid({"reason": "همکاری هم‌زمان درباره این نرخ نوشت؛ صفحه را تازه کنید."}) from None
    tables.count("rates")
    log.info("rates.checked", rate=rate.pk, verified=verified, by=by.code)
    return made


_SAY = {
    "source_seen": "بنویسید چه چیزی را دیدید: نشانی صفحه، شماره قبض، نامه.",
    "reason": "بنویسید از آن چه دانستید یا چرا نظر عوض شد.",
}


def _columns(row: Tariff) -> dict[str, Any]:
    return {
        "operator": row.operator,
        "service_class": row.service_class,
        "plan": row.plan,
        "valid_from": instant(row.start),
        "valid_to": None if row.end == ALWAYS else instant(row.end),
        "full": rules.written(row.full),
        "factor": rules.written(row.factor),
        "unit": row.unit,
        "source": row.source,
    }


def _plan(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["operator"], one["service_class"], one["plan"]


def _too_long(rows: Sequence[Numbered[Tariff]]) -> list[Fault]:
    return [
        Fault(one.line, "too_long", f"{name} بلندتر از {most} نویسه است.")
        for one in rows
        for name, most in _LONGEST.items()
        if len(getattr(one.row, name)) > most
    ]
