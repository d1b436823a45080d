"""`peyman check-invariants`: what must be true of the tables at every moment, whatever was killed when.

Each check reads, counts what it looked at, and names what is wrong. Nothing is repaired here.
"""

from collections.abc import Iterator
from datetime import datetime

import click
from django.db import connection, transaction

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.console import BROKEN, answer
from peyman.entrypoints.jobs.invariants import (  # each registers its checks
    catalogue,
    database,
    goods,
    guard,
    incidents,
    media,
    money,
    offers,
    orders,
    promises,
    registry,
)
from peyman.entrypoints.jobs.invariants.finding import CHECKS, SWEEP_GRACE, Finding

__all__ = [
    "CHECKS",
    "SWEEP_GRACE",
    "Finding",
    "catalogue",
    "command",
    "database",
    "goods",
    "guard",
    "incidents",
    "media",
    "money",
    "offers",
    "orders",
    "promises",
    "registry",
    "run",
]

EXAMPLES = 5


def run(now: datetime) -> Iterator[tuple[str, Finding]]:
    """Run every check over one and the same state of the database."""
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if connection.vendor == "postgresql" and alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for name, look in CHECKS.items():
            yield name, look(now)


@click.command("check-invariants", help="آنچه همیشه باید درست باشد را می‌سنجد و چیزی را تغییر نمی‌دهد. ۱: درست نیست.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check what must be true at every moment; exit 1 when something is not. Nothing is changed."""
    broken = False
    for name, found in run(clock.now()):
        broken = broken or bool(found.bad)
        row = {"id": name, "ok": not found.bad, "checked": found.checked, "bad": len(found.bad)}
        if as_json:
            answer({**row, "examples": found.bad[:EXAMPLES]})
            continue
        verdict = "FAIL" if found.bad else "OK"
        examples = f" {' '.join(found.bad[:EXAMPLES])}" if found.bad else ""
        click.echo(f"{verdict} {name} checked={found.checked} bad={len(found.bad)}{examples}")
    if broken:
        context.exit(BROKEN)
