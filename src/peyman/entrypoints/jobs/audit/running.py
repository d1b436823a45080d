"""One audit, from its inputs to the folder of its answer.

The answer is written beside its place first, so that nobody ever finds half of one. The same inputs give the same
bytes: nothing of the day or the machine is written.
"""

import csv
import hashlib
import importlib
import inspect
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from peyman.entrypoints.jobs.audit.asked import Asked
from peyman.entrypoints.jobs.audit.bar import Bar
from peyman.entrypoints.jobs.console import CouldNot, tell
from peyman.gateways import logs
from peyman.gateways.audit import engines, judging, money, numbers
from peyman.gateways.audit import files as audit_files
from peyman.gateways.audit.files import BadFile, Digest
from peyman.kernel.clauses import carries_out
from peyman.market.tariff.queries import history as queries
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Register
from peyman.market.tariff.rules.audit_joins import Edges, Operators, Promises

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
    "peyman.entrypoints.jobs.audit.asked",
    "peyman.entrypoints.jobs.audit.running",
)


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
