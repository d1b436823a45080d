"""Files of goods that staff hand in at their desk: kept, looked through and brought in by the worker."""

import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings

from peyman.entrypoints import clock
from peyman.gateways.files import open_table
from peyman.shop.catalog import actions, rules
from peyman.shop.catalog.actions import runs
from peyman.shop.catalog.models import ImportRun
from peyman.shop.catalog.rules.tables import Unreadable
from peyman.shop.offers.actions import ImportGuard
from peyman.shop.orders.queries.sold import sold_products
from peyman.shop.stock.actions import count_many

log = structlog.get_logger(__name__)

FOLDER: Final = "catalogue"  # below PEYMAN_DATA
LEFT: Final = 24 * 3600  # seconds after which a file that no run names was left by somebody who died
State = ImportRun.State


def keep(chunks: Iterable[bytes]) -> str:
    """Keep what came under a name of our own, and return its place below PEYMAN_DATA."""
    folder = settings.DATA_DIR / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{secrets.token_hex(12)}.goods"
    part = folder / f".{name}.part"
    with part.open("wb") as out:
        for chunk in chunks:
            out.write(chunk)
    part.replace(folder / name)
    return f"{FOLDER}/{name}"


def sweep(*, now: datetime) -> int:
    """Work on the files that wait, each to its end; return how many. Killed, another worker goes on with the rest."""
    worked = 0
    while (run := runs.claim(now=now)) is not None:
        _work(run)
        worked += 1
        now = clock.now()
    return worked


def forget(now: datetime) -> int:
    """Delete files whose run ended long ago, and what the dead left; returns of how many runs.

    A run that waits for somebody's word, or for a worker, keeps its file however old it is.
    """
    ended = runs.outlived(before=now - settings.IMPORT_KEEP)
    for run in ended:
        (settings.DATA_DIR / run.file).unlink(missing_ok=True)
    runs.outlive(runs=ended)
    _remove_left()
    return len(ended)


def _remove_left() -> None:
    """Delete what was half kept, or kept for no run, by processes that died. Its age is the file system's to say."""
    oldest = time.time() - LEFT  # noqa: TID251  of files, which no clock of ours made
    for path in [*(settings.DATA_DIR / FOLDER).glob("*.goods"), *(settings.DATA_DIR / FOLDER).glob(".*.goods.part")]:
        with suppress(FileNotFoundError):  # another worker was faster
            if path.stat().st_mtime < oldest and not runs.is_named(f"{FOLDER}/{path.name}"):
                path.unlink()


def _work(run: ImportRun) -> None:
    is_check = run.state == State.CHECKING
    if is_check and run.done:
        runs.begin_again(run=run)
    path: Path = settings.DATA_DIR / run.file
    try:
        with open_table(path) as table:
            runs.begin(run=run, about=table.about, unknown=table.header.unknown)
            _bring(run, table.rows, is_check=is_check)
    except Unreadable as refusal:
        runs.fail(run=run, fault=refusal.detail, now=clock.now())
        log.warning("catalogue.unreadable", run=run.pk)
        return
    except runs.TakenAway:
        log.info("catalogue.taken_away", run=run.pk)
        return
    runs.finish(run=run, now=clock.now())
    log.info("catalogue.looked_through" if is_check else "catalogue.brought_in", run=run.pk, records=run.done)


def _bring(run: ImportRun, rows: Iterable[rules.Row], *, is_check: bool) -> None:
    before = dict(run.counts)
    stands: list[runs.Stand] = []

    def in_batch(readings: Sequence[rules.Reading], report: actions.Report) -> None:
        stands[:] = [runs.went_on(run=run, before=before, readings=readings, report=report, now=clock.now())]

    def on_batch(_: int) -> None:
        run.done, run.counts, run.busy_until = stands[0]

    actions.import_records(
        rows=rows,
        count_stock=count_many,
        was_sold=sold_products,
        by=run.started_by or run.by,
        why=f"import {run.file_name}",
        now=clock.now(),
        dry_run=is_check,
        skip=run.done,
        in_batch=in_batch,
        on_batch=on_batch,
        guard=ImportGuard(),
    )
