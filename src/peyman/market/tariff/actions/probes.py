"""What was measured of operators' billing, taken down (B02): rows are added, a corrected one supersedes."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import transaction

from peyman.market.tariff.actions import tables
from peyman.market.tariff.actions.tables import Brought
from peyman.market.tariff.models import Probe as Row
from peyman.market.tariff.rules import probes as rules
from peyman.market.tariff.rules import rates
from peyman.market.tariff.rules.audit import instant, micros
from peyman.market.tariff.rules.probes import Probe
from peyman.market.tariff.rules.tables import BadTable, Fault, NoTable, Numbered
from peyman.people.models import Person

log = structlog.get_logger()

_NAMES = ("operator", "prefix", "measured_at", "factor", "source", "note")
_LONGEST = {"operator": 60, "source": 200, "note": 500}


def bring_in(*, rows: Sequence[Numbered[Probe]], trial: bool = False, by: Person | None, now: datetime) -> Brought:
    """Take down measurements; all of a file's or none. Raises BadTable, NoTable.

    One that is named again (operator, range, time, source) with another factor or note supersedes what we believed of
    it; others stay. `trial`: count what would change, and change nothing.
    """
    if not rows:
        raise NoTable(why="سطری در آن نیست.")
    if faults := [*rules.faults(rows), *_wrong(rows, micros(now))]:
        raise BadTable(sorted(faults, key=lambda fault: fault.line))
    with transaction.atomic():
        brought = _bring_in([one.row for one in rows], by.code if by else "", now)
        transaction.set_rollback(trial)
    if not trial and (brought.added or brought.superseded):
        log.info("probes.brought", added=brought.added, superseded=brought.superseded)
    return brought


def _bring_in(rows: Sequence[Probe], by: str, now: datetime) -> Brought:
    tables.lock()
    wanted = [
        {
            "operator": row.operator,
            "prefix": str(row.prefix),
            "measured_at": instant(row.at),
            "factor": rates.written(row.factor),
            "source": row.source,
            "note": row.note,
        }
        for row in rows
    ]
    named = {(one["operator"], one["prefix"], one["measured_at"], one["source"]) for one in wanted}
    believed = [
        row
        for row in Row.objects.filter(superseded_at=None).order_by("pk")
        if (row.operator, row.prefix, row.measured_at, row.source) in named
    ]
    added, superseded = tables.replace(
        Row, believed, wanted, lambda one: tuple(one[name] for name in _NAMES), names=_NAMES, by=by, now=now
    )
    if added or superseded:
        tables.count("probes")
    return Brought(len(rows), added, superseded)


def _wrong(rows: Sequence[Numbered[Probe]], now: int) -> list[Fault]:
    found = [
        Fault(one.line, "too_long", f"{name} بلندتر از {most} نویسه است.")
        for one in rows
        for name, most in _LONGEST.items()
        if len(getattr(one.row, name)) > most
    ]
    found += [Fault(one.line, "in_the_future", "measured_at هنوز نرسیده است.") for one in rows if one.row.at > now]
    return found
