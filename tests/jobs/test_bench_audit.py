"""The benchmark of the audit, tiny: what it measures must be right before it is fast."""

from pathlib import Path
from typing import Any

from peyman.entrypoints.jobs.bench.audit import bench_audit


def test_every_figure_stands_beside_its_limit_and_nothing_is_left_on_disk(tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    figures = {figure.name: figure for figure in bench_audit(rows=30_000, texts=300)}
    for name in (
        "audit: 30,000 rows, whole answer",
        "audit: most memory meanwhile",
        "audit: totals from roll-ups of days",
        "audit: a new day of 30,000 rows",
        "audit: lines of nginx, to numbers",
        "audit: plain Python, sums alone",
    ):
        assert figures[name].figure > 0 and figures[name].limit > 0
    assert [*tmp_path.iterdir()] == []
