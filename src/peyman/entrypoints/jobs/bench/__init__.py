"""`peyman bench NAME`: how fast, beside how fast it could be, in one run on one machine.

A figure without its limit says more of the machine than of us.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from peyman.entrypoints.jobs.bench.audit import bench_audit
from peyman.entrypoints.jobs.bench.deadline import bench_deadline
from peyman.entrypoints.jobs.bench.figures import Figure, show
from peyman.entrypoints.jobs.bench.finalise import bench_finalise
from peyman.entrypoints.jobs.bench.guard import bench_guard
from peyman.entrypoints.jobs.bench.outbox import bench_outbox
from peyman.entrypoints.jobs.bench.pages import bench_pages
from peyman.entrypoints.jobs.bench.registry import bench_registry
from peyman.entrypoints.jobs.bench.screen import bench_screen
from peyman.entrypoints.jobs.bench.search import bench_search
from peyman.entrypoints.jobs.bench.ticket import bench_ticket
from peyman.entrypoints.jobs.console import CouldNot

BENCHES: dict[str, Callable[[int, float], list[Figure]]] = {
    "audit": lambda orders, seconds: bench_audit(**_sizes()),
    "deadline": lambda orders, seconds: bench_deadline(seconds),
    "finalise": lambda orders, seconds: bench_finalise(orders),
    "guard": lambda orders, seconds: bench_guard(),
    "outbox": lambda orders, seconds: bench_outbox(orders),
    "pages": lambda orders, seconds: bench_pages(seconds),
    "registry": lambda orders, seconds: bench_registry(),
    "screen": lambda orders, seconds: bench_screen(seconds),
    "search": lambda orders, seconds: bench_search(*_goods()),
    "ticket": lambda orders, seconds: bench_ticket(),
}


def _sizes() -> dict[str, int]:
    given = click.get_current_context().params
    return {name: given[name] for name in ("rows", "texts", "others")}


def _goods() -> tuple[Path | None, int]:
    given = click.get_current_context().params
    return given["goods"], given["products"]


@click.command("bench")
@click.argument("name", metavar="|".join([*BENCHES, "all"]))
@click.option("--orders", default=2000, show_default=True, help="Orders or messages of a round.")
@click.option("--seconds", default=3.0, show_default=True, help="Length of a round of `pages`.")
@click.option(
    "--rows", type=click.IntRange(1), default=20_000_000, show_default=True, help="Normalised lines of `audit`."
)
@click.option(
    "--texts", type=click.IntRange(1), default=300_000, show_default=True, help="Lines of logs that `audit` reads."
)
@click.option("--others", default=0, show_default=True, help="Lines that `audit` gives to DataFusion and Spark, too.")
@click.option(
    "--goods",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Catalogue file that `search` imports.",
)
@click.option("--products", default=100_000, show_default=True, help="Products among which `search` is timed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str, orders: int, seconds: float, as_json: bool, **sizes: Any) -> None:
    """Measure, and print each figure beside its limit from the same run."""
    if not settings.SANDBOX:
        raise CouldNot("سنجش سرعت فقط در محیط آزمایشی (PEYMAN_SANDBOX=1) اجرا می‌شود.")
    if name not in {*BENCHES, "all"}:
        raise CouldNot(f"سنجشی به نام «{name}» نداریم؛ یکی از این‌ها را بخواهید: {'، '.join(BENCHES)}، all.")
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    for each, bench in BENCHES.items():
        if name == each or (name == "all" and (each != "search" or sizes["goods"])):
            figures += bench(orders, seconds)
    show(figures, as_json)
