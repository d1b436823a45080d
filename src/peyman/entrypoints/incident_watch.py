"""Drift that held is an incident until somebody says otherwise: the sweep opens it, and staff hear of it once."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from peyman.entrypoints import incident_files
from peyman.kernel.clauses import carries_out
from peyman.market.incidents.actions import incidents
from peyman.market.incidents.queries import desk
from peyman.market.tariff.models import Drift


@carries_out("B10")
def sweep(*, now: datetime) -> int:
    """Open an incident for drifts that staff were alarmed of and no incident holds; returns how many were opened.

    One query where no drift stands, two where all have theirs. Any number of workers may sweep: one of them opens it.
    """
    waiting = desk.drifts_without_incident()
    return _open(waiting, now) if waiting else 0


@transaction.atomic
def _open(waiting: Sequence[Drift], now: datetime) -> int:
    made = incidents.detect_by_drift(drifts=waiting, now=now)
    if made is None:  # another sweep was faster
        return 0
    incident_files.tell(made, now)
    return 1
