"""Writes the report of an audit into the folder of its answer. The same answer gives the same bytes."""

from pathlib import Path
from typing import Final

from peyman.gateways.audit.report import page, paper
from peyman.gateways.audit.report.answer import Answer
from peyman.gateways.audit.report.telling import tell

HTML: Final = "report.html"
PDF: Final = "report.pdf"
OUTPUTS: Final = (HTML, PDF)


def write(folder: Path, answer: Answer) -> None:
    """Write the report beside `totals.json`, `intervals.json` and `by_user_day.parquet`, which it reads."""
    report = tell(folder, answer)
    (folder / HTML).write_text(page.render(report), "utf-8")
    (folder / PDF).write_bytes(paper.render(report, folder))
