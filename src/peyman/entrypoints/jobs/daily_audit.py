"""The daily audit: the logs of PEYMAN_AUDIT_LOGS against the history and tables of the database, reading what is new.

It runs as a process of its own, so that it may take memory and time and be killed. What it finds is handed in like any
other run, with what changed since the one before; where nothing did, nothing is handed in.
"""

import json
import os
import shlex
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from peyman.entrypoints import alarms
from peyman.kernel.clauses import carries_out
from peyman.market.incidents.models import AuditRun
from peyman.market.tariff.models import AuditWatch
from peyman.market.tariff.rules import watch

log = structlog.get_logger()

FOLDER: Final = "daily-audit"  # below PEYMAN_DATA
LEASE: Final = timedelta(hours=6)
SAME: Final = ("by_user_day.parquet", "totals.json", "intervals.json")
_TOLD: Final = 300  # characters of a fault


@carries_out("B08")
def sweep(*, now: datetime) -> int:
    """Audit if it is time; returns how many audits were finished. Any number of workers may ask."""
    if not settings.AUDIT_LOGS or not _claim(now):
        return 0
    try:
        fault = _audit()
        AuditWatch.objects.filter(pk=1).update(fault=fault, **({} if fault else {"done_at": now, "told_at": None}))
        if fault:
            log.error("audit.failed", fault=fault)
            _tell(fault, now)
        return 0 if fault else 1
    finally:
        AuditWatch.objects.filter(pk=1, busy_until=now + LEASE).update(busy_until=None)


def _claim(now: datetime) -> bool:
    AuditWatch.objects.bulk_create([AuditWatch(pk=1)], ignore_conflicts=True)
    state = AuditWatch.objects.get(pk=1)
    if not watch.audit_is_due(state.tried_at, state.done_at, hour=settings.AUDIT_HOUR, now=now):
        return False
    free = AuditWatch.objects.filter(Q(busy_until=None) | Q(busy_until__lte=now), pk=1, tried_at=state.tried_at)
    return bool(free.update(busy_until=now + LEASE, tried_at=now))


def _audit() -> str:
    """Audit and hand in what is new; return what went wrong, "" if nothing did."""
    folder = settings.DATA_DIR / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    answer = folder / "answer"
    if fault := _run(answer, folder):
        return fault
    before = AuditRun.objects.filter(made_by=None).order_by("-made_at", "-pk").first()
    said = json.loads((answer / "manifest.json").read_text("utf-8"))["outputs"]
    if before is not None and all(before.files.get(name) == said[name] for name in SAME):
        return ""
    more = ["--record"]
    earlier = settings.DATA_DIR / before.folder if before is not None else None
    if earlier is not None and (earlier / "manifest.json").is_file():
        more += ["--earlier", str(earlier)]
    return _run(answer, folder, *more)


def _run(answer: Path, folder: Path, *more: str) -> str:
    arguments = ["audit", *(part for pattern in settings.AUDIT_LOGS for part in ("--logs", pattern))]
    arguments += ["--log-format", settings.AUDIT_FORMAT, "--out", str(answer), "--keep", str(folder / "kept")]
    for name in ("registry", "edges", "isps", "tariffs", "probes", "ticket-keys"):
        arguments += [f"--{name}", "db"]
    for host in settings.REGISTRANTS:
        arguments += ["--registrant", host]
    code = "from peyman.entrypoints.jobs.cli import main; main()"
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments, *shlex.split(settings.AUDIT_OPTIONS), *more],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PEYMAN_DEBUG": ""},
        )
    except (OSError, ValueError) as fault:
        return str(fault)[:_TOLD]
    if ended.returncode == 0:
        return ""
    return ended.stderr.strip()[-_TOLD:] or f"exit {ended.returncode}"


@transaction.atomic
def _tell(fault: str, now: datetime) -> None:
    """Tell staff once of a fault that stands, and again after it was away."""
    if not AuditWatch.objects.filter(pk=1, told_at=None).update(told_at=now):
        return
    alarms.tell(
        template="audit_alarm",
        key=f"audit:{now.isoformat()}",
        about="audit:daily",
        context={
            "what": f"ممیزی روزانه تعرفه انجام نشد: {fault.splitlines()[-1]}",
            "link": f"{settings.PUBLIC_URL}/desk/tariff/runs/",
        },
        now=now,
    )
