"""Drift that held is an incident until somebody says otherwise: the sweep opens it, and staff hear of it once."""

from datetime import datetime

from django.db import transaction

from peyman.entrypoints import audit_runs
from peyman.kernel.clauses import carries_out
from peyman.market.incidents.actions import incidents
from peyman.market.incidents.queries import desk


@carries_out("B10")
@transaction.atomic
def sweep(*, now: datetime) -> int:
    """Open an incident for drifts that staff were alarmed of and no incident holds; returns how many were opened.

    Two queries where there is none. Any number of workers may sweep: one of them opens it.
    """
    waiting = desk.drifts_without_incident()
    if not waiting:
        return 0
    made = incidents.detect_by_drift(drifts=waiting, now=now)
    if made is None:
        return 0
    audit_runs.tell(made, now)
    return 1
