"""`peyman audit`: which downloads were announced at half price and billed in full, whose, how much, when (B08).

Reads logs once into whole numbers, judges them in DuckDB, and writes the answer beside its place first, so that nobody
ever finds half of one. The same inputs give the same bytes: nothing of the day or the machine is written.
"""

import csv
import hashlib
import importlib
import inspect
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from fractions import Fraction
from glob import glob
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import duckdb

from peyman.entrypoints.jobs.console import CouldNot, answer, tell
from peyman.gateways import logs
from peyman.gateways.audit import engines, judging, money, numbers
from peyman.gateways.audit import files as audit_files
from peyman.gateways.audit.files import BadFile, Digest
from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import normalise, persian_digits
from peyman.market.tariff.queries import history as queries
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Register, Terms
from peyman.market.tariff.rules.audit_joins import Edges, Operators, Promises
from peyman.market.tariff.rules.rows import host_of

OUTPUTS: Final = ("by_user_day.parquet", "totals.json", "intervals.json", "rejected.csv")
MANIFEST: Final = "manifest.json"
NAMED_REJECTED: Final = 1_000_000  # lines that rejected.csv names; all are counted
# What the answer depends on; its hash stands in the manifest.
_CODE: Final = (
    "peyman.kernel.prefixes",
    "peyman.market.tariff.rules.audit",
    "peyman.market.tariff.rules.audit_joins",
    "peyman.market.tariff.rules.history",
    "peyman.market.tariff.rules.quarantine",
    "peyman.market.tariff.rules.rows",
    "peyman.gateways.audit.engines",
    "peyman.gateways.audit.files",
    "peyman.gateways.audit.judging",
    "peyman.gateways.audit.money",
    "peyman.gateways.audit.numbers",
    "peyman.gateways.logs",
    "peyman.entrypoints.jobs.audit",
)


class _Days(click.ParamType):
    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        typed = normalise(str(value), digits=True)
        if not (typed.isascii() and typed.isdigit() and int(typed) <= 366):
            raise CouldNot("این عدد از ۰ تا ۳۶۶ است.")
        return int(typed)


@click.command("audit", help="می‌گوید کدام دانلودها نیم‌بها اعلام و تمام‌بها حساب شد: از که، چند ریال و کی.")
@click.option("--logs", "patterns", multiple=True, metavar="GLOB", help="گزارش‌های دانلود؛ چند بار هم می‌شود داد")
@click.argument("more", nargs=-1, metavar="[GLOB…]")
@click.option("--log-format", "form", default="canonical", show_default=True, metavar="NAME", help="|".join(logs.NAMES))
@click.option("--registry", metavar="DIR|db", help="پوشه فهرست‌های سامانه ملی، یا db: تاریخچه پایگاه داده")
@click.option("--edges", type=click.Path(path_type=Path), help="از کدام نشانی‌ها خدمت داده‌ایم")
@click.option("--isps", type=click.Path(path_type=Path), help="کدام نشانی مشترک کدام اپراتور است")
@click.option("--tariffs", type=click.Path(path_type=Path), help="تعرفه اپراتورها")
@click.option("--releases", type=click.Path(path_type=Path), help="نسخه‌های گذشته چه نشان می‌دادند")
@click.option("--grants", type=click.Path(path_type=Path), help="پیام به که نشان داده شد")
@click.option("--registrant", "registrants", multiple=True, metavar="HOST", help="تنها سطرهای این دامنه به شمار می‌آید")
@click.option("--out", type=click.Path(path_type=Path), help="پوشه پاسخ")
@click.option("--memory", default="2GB", show_default=True, help="حافظه موتور")
@click.option("--gap-days", type=_Days(), default=8, show_default=True, help="دورترین دو فهرستی که میانشان دانسته است")
@click.option("--tolerance", default="0", show_default=True, metavar="SECONDS", help="خطای ساعت گزارش‌ها")
@click.option("--grace-days", type=_Days(), default=0, show_default=True, help="مهلت اپراتور پس از سررسید، به روز")
@click.option("--sample-rate", default="100", show_default=True, metavar="PERCENT", help="چند درصد سطرها در گزارش هست")
@click.option("--zone", default="Asia/Tehran", show_default=True, help="منطقه زمانی سطرهایی که آن را نمی‌گویند")
@click.option("--token-parameter", default="token", show_default=True, help="نام نشانه دانلود در نشانی صفحه")
@click.option("--staff", multiple=True, metavar="PREFIX", help="نشانی‌های خودمان؛ دانلودشان شمرده نمی‌شود")
@click.option("--downloads", multiple=True, metavar="PATTERN", help="الگوی مسیر دانلودها، مانند /apk/*؛ پیش‌فرض همه")
@click.option("--json", "as_json", is_flag=True, help="جمع‌ها به JSON در خروجی هم")
def command(patterns: Sequence[str], more: Sequence[str], as_json: bool, **given: Any) -> None:
    """Exit 0 when the answer is written, 2 when it could not be."""
    try:
        totals = run(_asked([*patterns, *more], **given))
    except BadFile as fault:
        raise CouldNot("\n".join(fault.says)) from fault
    except OSError as fault:
        raise CouldNot(f"{fault.filename or ''} نوشته یا خوانده نشد: {fault.strerror or fault}") from fault
    except (duckdb.IOException, duckdb.OutOfMemoryException) as fault:
        raise CouldNot(f"موتور پرس‌وجو جا یا حافظه کم آورد: {str(fault).splitlines()[0]}") from fault
    if as_json:
        answer(totals)
    else:
        _print(totals)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, read and checked."""

    paths: list[Path]
    form: str
    registry: str
    files: dict[str, Path]  # edges, isps, tariffs, releases, grants
    registrants: list[str]
    out: Path
    memory: str
    terms: Terms
    sample: Fraction  # percent
    options: logs.Options
    customs: numbers.Customs

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
        }


def _asked(
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
    **files: Path | None,
) -> Asked:
    if not patterns:
        raise CouldNot("گزارش‌های دانلود را با --logs بدهید.")
    if form not in logs.NAMES:
        raise CouldNot(f"--log-format یکی از این‌ها است: {', '.join(logs.NAMES)}")
    if registry is None or out is None:
        raise CouldNot("--registry (پوشه فهرست‌ها یا db) و --out (پوشه پاسخ) لازم است.")
    for name in ("edges", "isps", "tariffs"):
        if files[name] is None:
            raise CouldNot(f"فایل --{name} لازم است؛ ستون‌های آن: {', '.join(audit_files.TABLES[name])}")
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
    return Asked(
        paths=sorted({path for paths in found for path in paths}),
        form=form,
        registry=registry,
        files={name: path for name, path in files.items() if path is not None},
        registrants=sorted(set(hosts)),
        out=out,
        memory=memory,
        terms=Terms(timedelta(days=gap_days), timedelta(microseconds=int(seconds * 1_000_000)), grace_days),
        sample=percent,
        options=logs.Options(place, token_parameter),
        customs=numbers.Customs(networks, tuple(downloads)),
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


# ---- The run ----


@carries_out("B08")
def run(asked: Asked) -> dict[str, Any]:
    """Audit, write the answer, and return its totals. Raises CouldNot, BadFile, OSError."""
    _check_out(asked.out)
    known = {name: getattr(audit_files, name)(path) for name, path in asked.files.items()}
    digests: dict[str, Any] = {name: asdict(audit_files.digest(path)) for name, path in sorted(asked.files.items())}
    register, digests["registry"] = _register(asked)
    with _aside(asked.out) as (work, aside):
        known_numbers = numbers.Numbers()
        edges = Edges(known["edges"])
        normaliser = numbers.Normaliser(
            work,
            operators=Operators(known["isps"]),
            promises=Promises(known.get("grants", ()), known.get("releases", ())),
            edges=edges,
            numbers=known_numbers,
            customs=asked.customs,
        )
        taken = _take_logs(asked, normaliser, aside / "rejected.csv")
        engine = engines.DuckDB(work, memory=asked.memory)
        try:
            judging.without_copies(engine, work, [normaliser.lines])
            counts, sums, parts = judging.answer(engine, lambda world: (register, asked.terms, known_numbers))
            money.prepare(engine, sums, known_numbers, known["tariffs"], [normaliser.users])
            is_sample = asked.sample < 100
            paid = money.write_by_user_day(engine, aside / "by_user_day.parquet", is_sample=is_sample)
            found = money.intervals(engine, parts, edges, work, is_sample=is_sample)
        finally:
            engine.close()
        totals = _totals({code: many for (_, code), many in counts.items()}, paid, taken.rejected, asked.sample)
        _write(aside / "totals.json", totals)
        _write(aside / "intervals.json", found)
        digests["logs"] = [asdict(one) for one in taken.files]
        _write(
            aside / MANIFEST,
            {
                "inputs": digests,
                "code": {"version": version("peyman"), "sha256": _code_hash()},
                "parameters": asked.parameters(),
                "outputs": {name: audit_files.digest(aside / name).sha256 for name in OUTPUTS},
            },
        )
    return totals


def _check_out(out: Path) -> None:
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).is_file())):
        raise CouldNot(f"{out}: هست و پاسخ ممیزی دیگری نیست؛ چیزی روی آن نوشته نشد.")


@contextmanager
def _aside(out: Path) -> Iterator[tuple[Path, Path]]:
    """Give a folder to work in and one for the answer, which takes its place when all is well."""
    out.parent.mkdir(parents=True, exist_ok=True)
    base = out.absolute().parent / f".{out.name}.{os.getpid()}.part"
    work, aside, old = base / "work", base / "answer", base / "old"
    shutil.rmtree(base, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        aside.mkdir()
        yield work, aside
        if out.exists():
            out.rename(old)
        aside.rename(out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(base, ignore_errors=True)


def _register(asked: Asked) -> tuple[Register, Any]:
    if asked.registry == "db":
        view = queries.view()
        if not view.seen:
            raise CouldNot("تاریخچه سامانه ملی در پایگاه داده خالی است؛ نخست peyman registry import را اجرا کنید.")
        looks = [_look(look) for look in view.order.looks]
        return Register(view.seen, view.holding, asked.registrants), {"snapshots": looks}
    folder = Path(asked.registry)
    if not folder.is_dir():
        raise CouldNot(f"{folder}: پوشه‌ای با این نام نیست.")
    bar = Bar("فهرست‌های سامانه ملی", 0)
    found = audit_files.registry_folder(folder, lambda name: bar.step(name))
    bar.done()
    for held in found.held:
        tell(f"{held.name}: به کار نرفت: {held.says}")
    register = Register(found.snapshots, rules.by_network(found.rows), asked.registrants)
    return register, {
        "files": [asdict(one) for one in found.files],
        "not_used": [held.name for held in found.held],
    }


def _look(look: Any) -> dict[str, str]:
    """Name a snapshot of the database by what it says, not by its number here."""
    return {"seen_at": look.seen_at.isoformat(), "whole_day": str(look.whole_day).lower(), "sha256": look.sha256}


@dataclass(slots=True)
class Taken:
    """What logs gave."""

    files: list[Digest] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)


def _take_logs(asked: Asked, normaliser: numbers.Normaliser, listing: Path) -> Taken:
    """Read every log once, in an order that does not depend on where they lie."""
    taken = Taken()
    known: dict[str, tuple[Digest, Path]] = {}
    for path in asked.paths:
        one = audit_files.digest(path)
        if one.sha256 in known:
            tell(f"{path}: همان {known[one.sha256][1]} است و یک بار خوانده شد.")
            if one.name >= known[one.sha256][0].name:
                continue
        known[one.sha256] = one, path
    files = [known[sha] for sha in sorted(known)]
    taken.files = [one for one, _ in files]
    bar = Bar("گزارش‌ها", sum(one.size for one in taken.files))
    with listing.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["file", "line", "reason"])
        named = 0
        for number, (one, path) in enumerate(files):
            good = bad = 0
            for line, entry in logs.read(path, asked.form, asked.options, bar.within):
                bar.rows += 1
                try:
                    if isinstance(entry, str):
                        raise logs.Rejected(entry)
                    normaliser.take(entry, number, line)
                    good += 1
                except logs.Rejected as fault:
                    bad += 1
                    taken.rejected[fault.reason] += 1
                    if named < NAMED_REJECTED:
                        named += 1
                        writer.writerow([one.name, line, fault.reason])
            if bad and not good:
                reasons = "، ".join(f"{reason} {many}" for reason, many in sorted(taken.rejected.items()))
                raise BadFile(path, f"هیچ سطری از آن گزارشی به شکل {asked.form} نیست ({reasons}).")
            bar.past(one.size)
    normaliser.close()
    bar.done()
    return taken


def _totals(counts: dict[Code, int], paid: money.Sums, rejected: Counter[str], sample: Fraction) -> dict[str, Any]:
    totals = rules.totals(counts)
    if paid.lines != counts.get(Code.OVERCHARGED, 0):
        raise RuntimeError(f"users have {paid.lines} overcharged lines, all have {counts.get(Code.OVERCHARGED, 0)}")
    totals["bytes_overcharged"] = paid.sent
    totals["rials_low"], totals["rials_high"] = paid.low, paid.high
    totals["bytes_without_tariff"] = paid.without_tariff
    totals["rejected"] = dict(sorted(rejected.items()))
    if sample < 100:
        totals["estimate"] = asdict(rules.estimate(paid.sent, paid.largest, sample))
    return totals


def _write(file: Path, document: object) -> None:
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _code_hash() -> str:
    sha = hashlib.sha256()
    for name in _CODE:
        sha.update(inspect.getsource(importlib.import_module(name)).encode())
    return sha.hexdigest()


# ---- What people see ----


class Bar:
    """How far we are: share, rows and time left; in place on a terminal, else a line every few seconds."""

    def __init__(self, title: str, size: int) -> None:
        self.title, self.size, self.rows = title, size, 0
        self._before = self._here = 0
        self._started = self._told = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def within(self, at: int) -> None:
        """Note how many bytes of this file were read."""
        self._here = at
        self._tell()

    def past(self, size: int) -> None:
        """Note that a file was read."""
        self._before += size
        self.within(0)

    def step(self, name: str) -> None:
        """Name what comes next, where sizes are not known."""
        self._tell(name)

    def done(self) -> None:
        """Say so."""
        if self.rows:
            seconds = max(time.monotonic() - self._started, 0.001)
            tell(f"{self.title}: {persian_digits(self.rows)} سطر در {persian_digits(f'{seconds:.1f}')} ثانیه.")

    def _tell(self, name: str = "") -> None:
        now = time.monotonic()
        if now - self._told < (0.2 if self._is_terminal else 5):
            return
        self._told = now
        line = f"{self.title}: {name}"
        if self.size:
            share = min((self._before + self._here) / self.size, 1)
            left = (now - self._started) * (1 - share) / share if share else 0
            drawn = "█" * round(share * 20)
            line = (
                f"{self.title} {drawn:░<20} ٪{persian_digits(round(share * 100))} · {persian_digits(self.rows)} سطر · "
                f"{persian_digits(round(left))} ثانیه مانده"
            )
        click.echo(f"\r{line} " if self._is_terminal else line, nl=not self._is_terminal, err=True)


_WORDS: Final = {
    "lines": "همه سطرها",
    "counted": "شمرده",
    "fine": "درست: نیم‌بها اعلام و حساب شد",
    "overcharged": "اضافه: نیم‌بها اعلام و تمام‌بها حساب شد",
    "not_promised": "چیزی اعلام نشده بود",
    "bytes_overcharged": "بایت اضافه",
    "rials_low": "دست‌کم ریال",
    "rials_high": "حداکثر ریال",
}


def _print(totals: dict[str, Any]) -> None:
    for name, words in _WORDS.items():
        value = totals[name]
        click.echo(f"{words:<44}{'نامعلوم' if value is None else persian_digits(f'{value:,}')}")
    for title, name in (("نامعلوم", "unknown"), ("نشمرده", "not_counted"), ("ناخوانده", "rejected")):
        for reason, many in totals[name].items():
            click.echo(f"{title}: {reason:<36}{persian_digits(f'{many:,}')}")
