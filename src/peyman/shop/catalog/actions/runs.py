"""Files of goods that staff hand in: looked through by the worker, then brought in by it once somebody says so.

A run goes on where a killed worker left it: how far it came is written down in the transaction of each batch.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Q

from peyman.kernel.errors import Missing, Refused
from peyman.shop.catalog.actions.importing import COUNTED, Report
from peyman.shop.catalog.actions.prices import CHUNK
from peyman.shop.catalog.models import ImportRow, ImportRun
from peyman.shop.catalog.rules import Reading

State = ImportRun.State
LEASE: Final = timedelta(minutes=3)  # for one batch, on a slow machine
_WORKED_ON: Final = (State.CHECKING, State.IMPORTING)
_ENDED: Final = (State.DONE, State.FAILED, State.DROPPED)


class NotNow(Refused):
    """The run is in a state from which this cannot be done."""

    code = "import_not_now"
    says = "این کار اکنون با این فایل شدنی نیست؛ صفحه را از نو ببینید."


class TakenAway(Exception):
    """Somebody dropped the run, or another worker has it: this one stops, and its batch is undone."""


def hand_in(*, file_name: str, file: str, by: str, now: datetime) -> ImportRun:
    """Let a kept file be looked through."""
    return ImportRun.objects.create(file_name=file_name[-200:], file=file, by=by[:60], at=now)


@transaction.atomic
def start(*, run_id: int, by: str, now: datetime) -> None:
    """Bring in what was looked through. Raises NotNow, Missing."""
    _found(run_id)
    begun = ImportRun.objects.filter(pk=run_id, state=State.CHECKED).update(
        state=State.IMPORTING, done=0, counts={}, started_by=by[:60], started_at=now, busy_until=None
    )
    if not begun:
        raise NotNow
    ImportRow.objects.filter(run_id=run_id).delete()


@transaction.atomic
def drop(*, run_id: int, now: datetime) -> None:
    """Let a file be. What of it is in already stays in. Raises NotNow, Missing."""
    _found(run_id)
    open_ones = ImportRun.objects.filter(pk=run_id).filter(Q(state=State.CHECKED) | Q(state__in=_WORKED_ON))
    if not open_ones.update(state=State.DROPPED, ended_at=now, busy_until=None):
        raise NotNow


def _found(run_id: int) -> None:
    if not ImportRun.objects.filter(pk=run_id).exists():
        raise Missing


def claim(*, now: datetime) -> ImportRun | None:
    """Take the oldest run that waits for a worker, None where there is none."""
    waiting = ImportRun.objects.filter(state__in=_WORKED_ON).filter(Q(busy_until=None) | Q(busy_until__lte=now))
    for run in waiting.order_by("pk"):
        mine = ImportRun.objects.filter(pk=run.pk, state=run.state, busy_until=run.busy_until)
        if mine.update(busy_until=now + LEASE):
            run.busy_until = now + LEASE
            return run
    return None


def begin(*, run: ImportRun, about: int, unknown: Sequence[str]) -> None:
    """Write down what the head of the file says."""
    ImportRun.objects.filter(pk=run.pk).update(about=about, unknown=[name[:80] for name in unknown[:100]])


class Stand(NamedTuple):
    """How far a run is once a batch is in."""

    done: int
    counts: dict[str, Any]
    busy_until: datetime


def went_on(
    *, run: ImportRun, before: Mapping[str, Any], readings: Sequence[Reading], report: Report, now: datetime
) -> Stand:
    """Write down a batch, in its transaction; `before` are the counts that an earlier worker left.

    Raises TakenAway where the run is not this worker's any longer. `run` itself stays as it was, since the batch
    may be tried again: whoever calls takes the Stand over once it is in.
    """
    counts = dict(run.counts)
    for reading in readings:
        counts[reading.outcome] = counts.get(reading.outcome, 0) + 1
    counts |= {name: before.get(name, 0) + getattr(report, name) for name in COUNTED}
    counts["stock_owed"] = [*before.get("stock_owed", []), *report.stock_owed][:1000]
    stand = Stand(run.done + len(readings), counts, now + LEASE)
    mine = ImportRun.objects.filter(pk=run.pk, state=run.state, busy_until=run.busy_until, done=run.done)
    if not mine.update(**stand._asdict()):
        raise TakenAway
    rows = [
        ImportRow(
            run=run,
            record=reading.record,
            line=reading.line,
            sku=reading.sku[:60],
            outcome=reading.outcome,
            codes=list(reading.codes),
            fields=list(reading.fields),
            expected=reading.expected,
        )
        for reading in readings
    ]
    ImportRow.objects.bulk_create(rows, batch_size=CHUNK)
    return stand


@transaction.atomic
def begin_again(*, run: ImportRun) -> None:
    """Look through from the first record: what a look in the middle knew of new goods went with its worker."""
    ImportRow.objects.filter(run=run).delete()
    ImportRun.objects.filter(pk=run.pk, state=State.CHECKING).update(done=0, counts={})
    run.done, run.counts = 0, {}


def finish(*, run: ImportRun, now: datetime) -> None:
    """All records were seen to."""
    state = State.CHECKED if run.state == State.CHECKING else State.DONE
    ended = None if state == State.CHECKED else now
    ImportRun.objects.filter(pk=run.pk, state=run.state).update(state=state, ended_at=ended, busy_until=None)


def fail(*, run: ImportRun, fault: str, now: datetime) -> None:
    """The file cannot be read, or not to its end; `fault` says it in Persian."""
    ImportRun.objects.filter(pk=run.pk, state=run.state).update(
        state=State.FAILED, fault=fault[:400], ended_at=now, busy_until=None
    )


def outlived(*, before: datetime, limit: int = 200) -> list[ImportRun]:
    """Return runs that ended before this, whose files nobody needs: no run that may still go on reads the same one."""
    open_ones = ImportRun.objects.exclude(state__in=_ENDED)
    ended = ImportRun.objects.filter(state__in=_ENDED, ended_at__lt=before).exclude(file="")
    return list(ended.exclude(file__in=open_ones.values("file")).order_by("pk")[:limit])


def outlive(*, runs: Sequence[ImportRun]) -> None:
    """The files of these runs are gone; what became of each record stays."""
    ImportRun.objects.filter(pk__in=[run.pk for run in runs], state__in=_ENDED).update(file="")


def is_named(file: str) -> bool:
    """Say whether any run has this file."""
    return ImportRun.objects.filter(file=file).exists()
