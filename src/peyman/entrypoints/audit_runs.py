"""A finished answer of the audit taken in: read, kept below PEYMAN_DATA, counted again, and staff told of harm.

It brings the audit's engine with it, which web and worker do without: they ask `incident_files` alone.
"""

from datetime import datetime
from pathlib import Path

from django.conf import settings

from peyman.entrypoints import incident_files
from peyman.gateways.audit import answers
from peyman.gateways.audit import recount as counting
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.market.incidents.actions import incidents, runs
from peyman.market.incidents.models import AuditRun, Incident
from peyman.market.incidents.rules.runs import BadRun, NewRun
from peyman.people.models import Person


@carries_out("B08", "B10")
def take(folder: Path, *, by: Person | None = None, now: datetime) -> AuditRun:
    """Take in a finished answer: the same one again is the same run. Raises BadRun.

    It is counted again at once. Where it found that somebody was overcharged, and no incident has it or a run that it
    replaces, one is opened, and staff hear of it.
    """
    try:
        answer = answers.read(folder)
        known = AuditRun.objects.filter(sha256=answer.sha256).first()
        place = answers.keep(folder, answer, settings.DATA_DIR)
    except answers.BadAnswer as fault:
        raise BadRun(why=fault.says) from fault
    except OSError as fault:
        raise BadRun(why=f"خوانده یا نگه داشته نشد ({fault.strerror or fault}).") from fault
    found = runs.take(
        run=NewRun(
            answer.sha256,
            place,
            answer.files,
            answer.totals,
            answer.intervals,
            answer.operators,
            answer.users,
            answer.parameters,
            answer.code_version,
            answer.first_day,
            answer.last_day,
        ),
        by=by,
        now=now,
    )
    if found.state == AuditRun.State.TAKEN:
        found = count_again(found, now=now)
    if known is None:
        _open(found, by, now)
    return found


@carries_out("B10")
def count_again(run: AuditRun, *, now: datetime) -> AuditRun:
    """Count a kept run again by the rule in Python, over exactly its files, and write down what came of it."""
    folder = settings.DATA_DIR / run.folder
    if not answers.is_whole(folder, run.sha256, run.files):
        told = ["فایل‌های نگه‌داشته این اجرا دیگر آن نیست که بود."]
        return runs.recounted(code=run.code, is_same=False, differences=told, now=now)
    try:
        found = counting.recount(folder)
    except counting.NoAnswer as fault:
        return runs.recounted(code=run.code, is_same=False, differences=[fault.says], now=now)
    is_same = found.ok and found.manifest == run.sha256
    return runs.recounted(code=run.code, is_same=is_same, differences=found.differences, now=now)


def _open(run: AuditRun, by: Person | None, now: datetime) -> Incident | None:
    older = run.replaces_id
    held = Incident.objects.exclude(state="dismissed").filter(run__in=[pk for pk in (run.pk, older) if pk])
    if not run.totals["overcharged"] or held.exists():
        return None
    try:
        made = incidents.detect_by_run(run=run, by=by, now=now)
    except Invalid:
        return None
    incident_files.tell(made, now)
    return made
