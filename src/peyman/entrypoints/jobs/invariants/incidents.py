"""Incidents and the runs they rest on."""

from collections import Counter
from datetime import datetime

from django.conf import settings

from peyman.entrypoints.jobs.invariants.finding import READ_FILES, Finding, check
from peyman.gateways.audit import answers
from peyman.market.incidents.models import AuditRun, Incident
from peyman.market.incidents.queries import desk as incidents
from peyman.market.incidents.queries import public as published


@check("steps_of_incidents_are_signed")
def _steps(now: datetime) -> Finding:
    """Each step of an incident is what was signed and follows the one before it; the state is the last step's."""
    found = Finding()
    for incident, wrong in incidents.all_chains():
        found.look(incident.code, not wrong)
    return found


@check("notices_say_what_their_run_said")
def _notices(now: datetime) -> Finding:
    """A published notice is what was signed, and its totals are those of its run to the rial."""
    found = Finding()
    for name, holds in published.sound_notices():
        found.look(name, holds)
    return found


@check("incidents_hold_what_their_run_found")
def _stretches(now: datetime) -> Finding:
    """The standing stretches of an incident are the intervals of its run: lines, bytes and rials."""
    found = Finding()
    names = ("lines", "bytes", "rials_low", "rials_high")
    for incident in Incident.objects.filter(run__isnull=False).select_related("run").order_by("pk"):
        rows = incident.stretches.filter(superseded_at=None).values_list(*names)
        said = [tuple(one[name] for name in names) for one in incident.run.intervals] if incident.run else []
        found.look(incident.code, Counter(rows) == Counter(said))
    return found


@check("runs_of_the_audit_are_kept")
def _runs(now: datetime) -> Finding:
    """Every file of every run that was taken in is what its manifest says; of many runs, the last ones."""
    found = Finding()
    for run in AuditRun.objects.order_by("-pk")[:READ_FILES]:
        found.look(run.code, answers.is_whole(settings.DATA_DIR / run.folder, run.sha256, run.files))
    return found
