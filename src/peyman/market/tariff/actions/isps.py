"""Whose customers are where, taken down: each belief with when we held it, none ever rewritten (tariff table I)."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import transaction

from peyman.market.tariff.actions import tables
from peyman.market.tariff.actions.tables import Brought
from peyman.market.tariff.models import Isp
from peyman.market.tariff.rules import isps as rules
from peyman.market.tariff.rules.audit import ALWAYS, instant
from peyman.market.tariff.rules.audit_joins import Isp as Range
from peyman.market.tariff.rules.tables import BadTable, NoTable, Numbered
from peyman.people.models import Person

log = structlog.get_logger()

_NAMES = ("prefix", "asn", "operator", "valid_from", "valid_to", "source")


def bring_in(
    *,
    rows: Sequence[Numbered[Range]],
    source: str,
    whole: bool = False,
    trial: bool = False,
    by: Person | None,
    now: datetime,
) -> Brought:
    """Take down what a file says of prefixes; all of its rows or none. Raises BadTable, NoTable.

    A prefix that is named again has the rows of this file and no others; others stay, unless the file is the `whole`
    table. The same again changes nothing. `trial`: count what would change, and change nothing. Two imports at once
    wait for each other.
    """
    if not rows:
        raise NoTable(why="سطری در آن نیست.")
    if faults := rules.faults(rows):
        raise BadTable(faults)
    with transaction.atomic():
        brought = _bring_in(rows, source, whole, by.code if by else "", now)
        transaction.set_rollback(trial)
    if not trial and (brought.added or brought.superseded):
        log.info("isps.brought", added=brought.added, superseded=brought.superseded)
    return brought


def _bring_in(rows: Sequence[Numbered[Range]], source: str, whole: bool, by: str, now: datetime) -> Brought:
    tables.lock()
    wanted = [
        {
            "prefix": str(one.row.prefix),
            "asn": one.row.asn,
            "operator": one.row.operator,
            "valid_from": instant(one.row.start),
            "valid_to": None if one.row.end == ALWAYS else instant(one.row.end),
            "source": source,
        }
        for one in rows
    ]
    named = {one["prefix"] for one in wanted}
    believed = [row for row in Isp.objects.filter(superseded_at=None).order_by("pk") if whole or row.prefix in named]
    added, superseded = tables.replace(
        Isp,
        believed,
        wanted,
        # Where we have it from is no reason to believe it anew.
        lambda one: (one["prefix"], one["asn"], one["operator"], one["valid_from"], one["valid_to"]),
        names=_NAMES,
        by=by,
        now=now,
    )
    if added or superseded:
        tables.count("isps")
    return Brought(len(rows), added, superseded)
