"""Taking a finished answer of the audit in, and writing down what the recount of it came to."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.market.incidents.models import AuditRun
from peyman.market.incidents.rules import runs as rules
from peyman.people.models import Person

log = structlog.get_logger()

MOST_NAMED = 200  # differences that are kept


@carries_out("B08", "B10")
def take(*, run: rules.NewRun, by: Person | None, now: datetime) -> AuditRun:
    """Take in an answer that was read from its folder and kept; the same one again is the same row.

    Raises rules.BadRun where its parts do not agree.
    """
    known = AuditRun.objects.filter(sha256=run.sha256).first()
    if known is not None:
        return known
    rules.check(run)
    try:
        with transaction.atomic():
            made = AuditRun.objects.create(
                code=codes.new("RUN"),
                sha256=run.sha256,
                folder=run.folder,
                files=dict(run.files),
                totals=dict(run.totals),
                intervals=[dict(one) for one in run.intervals],
                operators={name: dict(one) for name, one in run.operators.items()},
                users=run.users,
                parameters=dict(run.parameters),
                code_version=run.code_version,
                first_day=run.first_day,
                last_day=run.last_day,
                replaces=_replaced(run),
                made_at=now,
                made_by=by,
                state=AuditRun.State.TAKEN,
            )
    except IntegrityError:  # somebody else handed the same in
        return AuditRun.objects.get(sha256=run.sha256)
    log.info("run.taken", run=made.code, overcharged=run.totals["overcharged"], by=by.code if by else "")
    return made


def _replaced(run: rules.NewRun) -> AuditRun | None:
    older = {one.code: one for one in AuditRun.objects.order_by("made_at", "pk")}
    code = rules.replaced(_span("", run), (_span(one.code, one) for one in older.values()))
    return older.get(code)


def _span(code: str, run: rules.NewRun | AuditRun) -> rules.Span:
    return rules.Span(code, run.first_day, run.last_day, tuple(run.parameters.get("registrants", ())))


@carries_out("B10")
def recounted(*, code: str, is_same: bool, differences: Sequence[str], now: datetime) -> AuditRun:
    """Write down what counting again, over exactly the files of this run, came to. Raises Missing."""
    state = AuditRun.State.RECOUNTED if is_same else AuditRun.State.DIFFERS
    told = {"ok": is_same, "differences": list(differences)[:MOST_NAMED]}
    found = AuditRun.objects.filter(code=code)
    if not found.update(state=state, recount=told, recounted_at=now):
        raise Missing
    log.info("run.recounted", run=code, is_same=is_same)
    return found.get()
