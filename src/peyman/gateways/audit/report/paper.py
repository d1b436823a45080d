"""The report on paper: PDF/A-3b with totals and intervals for machines attached, the same bytes each time."""

import json
import re
import shutil
import tempfile
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import typst

from peyman.gateways.audit.report.telling import Report
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits

ATTACHED: Final = ("totals.json", "intervals.json")
_HERE: Final = Path(__file__).parent
# What our letters do not hold is named by its number: PDF/A allows no letter without a shape.
_FOREIGN: Final = re.compile(
    "[^ -~\xa0\xab\xb7\xbb\xd7\u060c\u061b\u061f\u0621-\u063a\u0640-\u0652\u0654\u066a-\u066c\u067e\u0686\u0698\u06a9"
    "\u06af\u06c0\u06cc\u06f0-\u06f9\u200c\u2013\u2014\u2018-\u201d\u2022\u2026\u2212]"
)


def render(report: Report, folder: Path) -> bytes:
    """Return the PDF; `folder` holds the files to attach."""
    made = _set(report, folder, format="pdf", pdf_standards=["a-3b"], timestamp=int(report.told_until.timestamp()))
    return bytes(made)


def pictures(report: Report, folder: Path, *, dots: float = 110) -> list[bytes]:
    """Return the pages as PNG, `dots` to the inch, for who wants to show one."""
    made = _set(report, folder, format="png", ppi=dots)
    return [made] if isinstance(made, bytes) else list(made)


def _set(report: Report, folder: Path, **how: Any) -> Any:
    with tempfile.TemporaryDirectory(prefix="peyman-report-") as name:
        root = Path(name)
        for file in ATTACHED:
            shutil.copyfile(folder / file, root / file)
        shutil.copyfile(_HERE / "templates" / "report.typ", root / "report.typ")
        (root / "data.json").write_text(json.dumps(_data(report), ensure_ascii=False), "utf-8")
        source, fonts = str(root / "report.typ"), [str(_HERE / "fonts")]
        return typst.compile(source, root=name, font_paths=fonts, ignore_system_fonts=True, **how)


def _data(report: Report) -> dict[str, Any]:
    whole = asdict(report)
    at = report.told_until
    for lane, drawn in zip(whole["lanes"], report.lanes, strict=True):
        lane["many"] = persian_digits(drawn.count)
        lane["held"] = f"{persian_digits(drawn.addresses)} نشانی در گزارش‌ها"
        lane["prefixes"] = lane["prefixes"][:1] if drawn.count == 1 else lane["prefixes"][:2]
    if whole["figure"]:
        whole["figure"]["lanes"] = []
        for flag in whole["figure"]["flags"]:
            flag["words"] = persian_digits(flag["number"])
    data = {
        "report": whole,
        "broken": report.is_broken,
        "legend": report.figure.legend if report.figure else [],
        "date": [at.year, at.month, at.day, at.hour, at.minute],
    }
    return dict(_printable(data))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return _FOREIGN.sub(lambda match: f"[U+{ord(match[0]):04X}]", value)
    if isinstance(value, dict):
        return {key: _printable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(one) for one in value]
    if isinstance(value, date):
        return jalali.plain_date(value, year=True)
    return value
