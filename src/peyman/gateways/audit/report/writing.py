"""Writes the report of an audit into the folder of its answer. The same answer gives the same bytes."""

import json
from html import escape
from pathlib import Path
from typing import Final

from peyman.gateways.audit.report.answer import Answer

HTML: Final = "report.html"
PDF: Final = "report.pdf"
OUTPUTS: Final = (HTML,)


def write(folder: Path, answer: Answer) -> None:
    """Write the report beside `totals.json`, `intervals.json` and `by_user_day.parquet`, which it reads."""
    totals = json.loads((folder / "totals.json").read_text("utf-8"))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in totals.items())
    (folder / HTML).write_text(
        f'<!doctype html><html lang="fa" dir="rtl"><title>گزارش ممیزی تعرفه</title><dl>{rows}</dl></html>\n', "utf-8"
    )
