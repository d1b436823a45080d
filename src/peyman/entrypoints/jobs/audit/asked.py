"""What an audit was asked for: options read and checked before anything is opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from glob import glob
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from peyman.entrypoints.jobs.console import CouldNot
from peyman.entrypoints.jobs.console import instant as instant_of
from peyman.gateways import logs
from peyman.gateways.audit import engines, numbers
from peyman.gateways.audit import files as audit_files
from peyman.kernel import prefixes
from peyman.kernel.text import normalise
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Terms, instant, micros
from peyman.market.tariff.rules.rows import host_of

DATABASE: Final = "db"  # in place of a file: what the database holds
KEPT_THERE: Final = ("edges", "isps", "tariffs", "probes")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, read and checked."""

    paths: list[Path]
    form: str
    registry: str
    tables: dict[str, str]  # edges, isps, tariffs, releases, grants, probes, clock_offsets → a file, or DATABASE
    registrants: list[str]
    out: Path
    memory: str
    terms: Terms
    sample: Fraction  # percent
    options: logs.Options
    customs: numbers.Customs
    engine: str = "duckdb"
    overhead: Fraction = Fraction(1)
    keep: Path | None = None
    earlier: Path | None = None
    ticket_keys: str = ""  # a file, or DATABASE

    def parameters(self) -> dict[str, Any]:
        """What the answer depends on besides files."""
        return {
            "log_format": self.form,
            "registrants": self.registrants,
            "gap_days": self.terms.gap.days,
            "tolerance_seconds": str(Fraction(self.terms.tolerance // rules.MICROSECOND, 1_000_000)),
            "grace_days": self.terms.grace,
            "sample_percent": str(self.sample),
            "zone": self.options.zone.key,
            "token_parameter": self.options.parameter,
            "staff": [str(network) for network in self.customs.staff],
            "downloads": [*self.customs.downloads],
            "overhead_factor": str(self.overhead),
            "until": None if self.customs.until is None else instant(self.customs.until).isoformat(),
        }


def read(
    patterns: list[str],
    *,
    form: str,
    registry: str | None,
    registrants: Sequence[str],
    out: Path | None,
    memory: str,
    gap_days: int,
    tolerance: str,
    grace_days: int,
    sample_rate: str,
    zone: str,
    token_parameter: str,
    staff: Sequence[str],
    downloads: Sequence[str],
    engine: str = "duckdb",
    overhead_factor: str = "1",
    until: str | None = None,
    keep: Path | None = None,
    earlier: Path | None = None,
    ticket_keys: str | None = None,
    **tables: str | None,
) -> Asked:
    """Check what was asked for. Raises CouldNot."""
    if not patterns:
        raise CouldNot("گزارش‌های دانلود را با --logs بدهید.")
    if form not in logs.NAMES:
        raise CouldNot(f"--log-format یکی از این‌ها است: {', '.join(logs.NAMES)}")
    if registry is None or out is None:
        raise CouldNot("--registry (پوشه فهرست‌ها یا db) و --out (پوشه پاسخ) لازم است.")
    for name in ("edges", "isps", "tariffs"):
        if tables[name] is None:
            raise CouldNot(f"فایل --{name} لازم است (یا db)؛ ستون‌های آن: {', '.join(audit_files.TABLES[name])}")
    for name, source in tables.items():
        if source == DATABASE and name not in KEPT_THERE:
            raise CouldNot(f"--{name.replace('_', '-')} فایل می‌خواهد؛ از پایگاه داده خوانده نمی‌شود.")
    found = [_matching(pattern) for pattern in patterns]
    hosts = [host_of(name) for name in registrants]
    if not all(hosts):
        raise CouldNot("--registrant نام یک دامنه است، مانند market.ir.")
    try:
        networks = [prefixes.network(text)[0] for text in staff]
    except prefixes.BadAddress as fault:
        raise CouldNot(f"--staff: {fault.says}") from fault
    try:
        place = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise CouldNot("--zone نام منطقه‌ای زمانی است، مانند Asia/Tehran یا UTC.") from None
    seconds, percent = _fraction(tolerance), _fraction(sample_rate)
    if seconds is None or seconds > 86_400:
        raise CouldNot("--tolerance شمار ثانیه‌ها است، از ۰ تا ۸۶۴۰۰.")
    if percent is None or not 0 < percent <= 100:
        raise CouldNot("--sample-rate درصدی است، بیش از ۰ تا ۱۰۰.")
    if not engines.is_memory(memory):
        raise CouldNot("--memory اندازه‌ای مانند 2GB یا 500MB است.")
    if engine not in engines.NAMES:
        raise CouldNot(f"--engine یکی از این‌ها است: {', '.join(engines.NAMES)}")
    overhead = _fraction(overhead_factor)
    if overhead is None or not 1 <= overhead <= 2 or overhead.denominator > 10_000:
        raise CouldNot("--overhead-factor از ۱ تا ۲ است، با چهار رقم اعشار یا کمتر، مانند 1.05.")
    end = micros(instant_of(until)) if until is not None else None
    for folder, option in ((keep, "--keep"), (earlier, "--earlier")):
        if folder is not None and folder.resolve() == out.resolve():
            raise CouldNot(f"{option} و --out یک پوشه نیست.")
    if earlier is not None and not (earlier / "manifest.json").is_file():
        raise CouldNot(f"--earlier: در {earlier} پاسخ ممیزی نیست.")
    return Asked(
        paths=sorted({path for paths in found for path in paths}),
        form=form,
        registry=registry,
        tables={name: source for name, source in tables.items() if source is not None},
        registrants=sorted(set(hosts)),
        out=out,
        memory=memory,
        terms=Terms(timedelta(days=gap_days), timedelta(microseconds=int(seconds * 1_000_000)), grace_days),
        sample=percent,
        options=logs.Options(place, token_parameter),
        customs=numbers.Customs(networks, tuple(downloads), until=end),
        engine=engine,
        overhead=overhead,
        keep=keep,
        earlier=earlier,
        ticket_keys=ticket_keys or "",
    )


def _matching(pattern: str) -> list[Path]:
    found = [Path(name) for name in glob(pattern, recursive=True) if Path(name).is_file()]
    if not found:
        raise CouldNot(f"هیچ فایلی با «{pattern}» نیست.")
    return found


def _fraction(typed: str) -> Fraction | None:
    typed = normalise(typed, digits=True)
    whole, _, part = typed.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(typed) <= 15 and (not part or part.isdigit())):
        return None
    return Fraction(typed)
