"""What an answer rests on and how to get it again: inputs by their hashes, parameters, files, the command."""

import shlex
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from peyman.gateways.audit.report.values import Cell, Table, codes, name, shown, size, words
from peyman.kernel import jalali
from peyman.kernel.money import grouped

MOST_FILES: Final = 40
_FILES: Final = {
    "logs": "گزارش دانلود",
    "registry": "فهرست ملی",
    "edges": "محدوده‌های شبکه توزیع",
    "isps": "محدوده‌های اپراتورها",
    "tariffs": "تعرفه‌ها",
    "releases": "نسخه‌های گذشته برنامه",
    "grants": "نمایش‌های پیام",
    "probes": "آزمون‌های مصرف",
    "clock_offsets": "خطای ساعت‌ها",
    "ticket_keys": "کلیدهای بلیت",
    "earlier": "پاسخ پیشین",
}
_PARAMETERS: Final = {
    "log_format": "شکل گزارش‌ها",
    "registrants": "ردیف‌های چه کسی به شمار می‌آید",
    "gap_days": "دورترین دو نسخه که میانشان دانسته است، به روز",
    "tolerance_seconds": "خطای ساعت گزارش‌ها، به ثانیه",
    "grace_days": "مهلت اپراتور پس از موعد، به روز",
    "sample_percent": "چند درصد سطرها در گزارش هست",
    "zone": "منطقه زمانی سطرهایی که آن را نمی‌گویند",
    "token_parameter": "نام نشانه دانلود در نشانی صفحه",
    "staff": "نشانی‌های خودمان",
    "downloads": "الگوی مسیر دانلودها",
    "overhead_factor": "ضریب سرآیندها و بازفرستادن‌ها",
    "until": "سطرهای تا پیش از",
}
_OPTIONS: Final = {
    "log_format": "--log-format",
    "registrants": "--registrant",
    "gap_days": "--gap-days",
    "tolerance_seconds": "--tolerance",
    "grace_days": "--grace-days",
    "sample_percent": "--sample-rate",
    "zone": "--zone",
    "token_parameter": "--token-parameter",
    "staff": "--staff",
    "downloads": "--downloads",
    "overhead_factor": "--overhead-factor",
    "until": "--until",
}


def of_inputs(inputs: Mapping[str, Any]) -> tuple[Table, tuple[str, ...]]:
    rows: list[tuple[Cell, ...]] = []
    not_used: list[str] = []
    more = 0
    for kind in sorted(inputs, key=lambda one: ([*_FILES].index(one) if one in _FILES else len(_FILES), one)):
        given = inputs[kind]
        if isinstance(given, Mapping) and "sha256" not in given:
            not_used += [shown(one) for one in given.get("not_used", [])]
            given = given.get("files") or given.get("snapshots") or []
        files = [given] if isinstance(given, Mapping) else list(given)
        more += max(0, len(files) - MOST_FILES)
        rows += [
            (
                words(_FILES.get(kind, kind)),
                _file(one),
                size(one["size"]) if "size" in one else words(""),
                Cell(shown(one.get("sha256", "")), "hash"),
            )
            for one in files[:MOST_FILES]
        ]
    heads = (("چه", False), ("نام", False), ("اندازه", True), ("اثر انگشت", False))
    said = f"و {grouped(more)} فایل دیگر، همه در manifest.json." if more else ""
    return Table("ورودی‌ها", heads, tuple(rows), (), said), tuple(not_used)


def _file(of: Mapping[str, Any]) -> Cell:
    """Name a file; a list of the database by its day, a table of it as such."""
    if "name" in of:
        return name(of["name"])
    try:
        return words(f"نسخه {jalali.plain_date(datetime.fromisoformat(of['seen_at']), year=True)}")
    except (KeyError, ValueError):
        return words("پایگاه داده")


def of_parameters(parameters: Mapping[str, Any]) -> Table:
    rows = []
    for key in sorted(parameters, key=lambda one: ([*_PARAMETERS].index(one) if one in _PARAMETERS else 99, one)):
        value = parameters[key]
        each = [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
        cell = name("، ".join(each)) if each else words("همه" if key in ("registrants", "downloads") else "هیچ")
        rows.append((words(_PARAMETERS.get(key, key)), cell))
    return Table("شرط‌های این ممیزی", (("شرط", False), ("مقدار", False)), tuple(rows))


def of_answer() -> Table:
    rows = (
        ("totals.json", "جمع‌ها"),
        ("intervals.json", "همه بازه‌ها با همه نشانی‌ها"),
        ("by_user_day.parquet", "سهم هر کاربر در هر روز؛ داده شخصی است و در این گزارش نیست"),
        ("rejected.csv", "سطرهایی که خوانده نشد، با شماره"),
        ("days.json", "شمار سطرهای هر روز و اثر انگشت آنچه آن روز بر آن تکیه دارد"),
        ("sums.parquet", "جمع‌هایی که قاعده پایتون از نو می‌شمارد"),
        ("evidence.json", "ردیف‌ها، نسخه‌ها و تعرفه‌هایی که بازشماری بر آن‌ها تکیه دارد"),
        ("manifest.json", "اثر انگشت همه ورودی‌ها و خروجی‌ها، نسخه برنامه و شرط‌ها"),
    )
    heads = (("فایل", False), ("چه در آن است", False))
    return Table("فایل‌های این پاسخ", heads, tuple((codes([file]), words(what)) for file, what in rows))


def again(inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    said = ["peyman", "audit", "--logs", "'LOGS/*'"]
    registry = inputs.get("registry", {})
    said += ["--registry", "db" if isinstance(registry, Mapping) and "snapshots" in registry else "LISTS/"]
    for kind in sorted(inputs):
        if kind not in ("logs", "registry") and isinstance(inputs[kind], Mapping):
            said += [f"--{kind.replace('_', '-')}", shlex.quote(shown(inputs[kind].get("name", "db")))]
    for key in sorted(parameters):
        if key not in _OPTIONS:
            continue
        value = parameters[key]
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            typed = (
                str(float(Fraction(str(one)))).removesuffix(".0")
                if "/" in str(one) and key == "sample_percent"
                else str(one)
            )
            said += [_OPTIONS[key], shlex.quote(shown(typed))]
    return " ".join([*said, "--out", "ANSWER/"])
