"""One audit, from its inputs to the folder of its answer.

The answer is written beside its place first, so that nobody ever finds half of one. The same inputs give the same
bytes: nothing of the day or the machine is written, nor whether logs were read now or had been kept.
"""

import csv
import hashlib
import importlib
import inspect
import json
import os
import pkgutil
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from peyman.entrypoints.jobs.audit.asked import Asked
from peyman.entrypoints.jobs.audit.bar import Bar, waiting
from peyman.entrypoints.jobs.audit.inputs import Inputs, rows_hash
from peyman.entrypoints.jobs.audit.inputs import read as read_inputs
from peyman.entrypoints.jobs.console import CouldNot, tell
from peyman.gateways.audit import days, difference, engines, kept, money, numbers, reading, recount, report, rolls
from peyman.gateways.audit import files as audit_files
from peyman.gateways.audit.days import Audited, Judged
from peyman.gateways.audit.files import BadFile, Digest
from peyman.gateways.audit.shelf import Log, Shelf
from peyman.gateways.audit.touching import Joins, Touching, grants_of
from peyman.kernel.clauses import carries_out
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Tariff, Terms
from peyman.market.tariff.rules.audit_joins import Operators, Promises

DAYS: Final = "days.json"
OUTPUTS: Final = (
    "by_user_day.parquet",
    "totals.json",
    "intervals.json",
    "rejected.csv",
    DAYS,
    recount.EVIDENCE,
    recount.SUMS,
    *report.OUTPUTS,
)
MANIFEST: Final = "manifest.json"
NAMED_REJECTED: Final = 1_000_000  # lines that rejected.csv names; all are counted
# What normalised lines depend on, …
_READING: Final = (
    "peyman.kernel.prefixes",
    "peyman.market.tariff.rules.audit_joins",
    "peyman.gateways.audit.files",
    "peyman.gateways.audit.numbers",
    "peyman.gateways.audit.quick",
    "peyman.gateways.audit.reading",
    "peyman.gateways.audit.tickets",
    "peyman.gateways.logs",
)
# … and the answer besides; the hash of both stands in the manifest.
_JUDGING: Final = (
    "peyman.market.tariff.rules.audit",
    "peyman.market.tariff.rules.history",
    "peyman.market.tariff.rules.quarantine",
    "peyman.market.tariff.rules.rows",
    "peyman.gateways.audit.copies",
    "peyman.gateways.audit.days",
    "peyman.gateways.audit.engines",
    "peyman.gateways.audit.judging",
    "peyman.gateways.audit.money",
    "peyman.gateways.audit.rolls",
    "peyman.gateways.audit.shelf",
    "peyman.gateways.audit.touching",
    "peyman.entrypoints.jobs.audit.asked",
    "peyman.entrypoints.jobs.audit.inputs",
    "peyman.entrypoints.jobs.audit.running",
)


@carries_out("B08")
def run(asked: Asked, went: Audited | None = None) -> dict[str, Any]:
    """Audit, write the answer, and return its totals. `went` is told which logs were read and which days audited.

    Raises CouldNot, BadFile, OSError; engines.NoEngine, engines.OutOfRoom.
    """
    _check_out(asked.out)
    inputs = read_inputs(asked)
    holding: AbstractContextManager[kept.Kept | None] = nullcontext()
    if asked.keep is not None:
        holding = kept.hold(asked.keep)
    try:
        with holding as folder, _aside(asked.out) as (work, aside):
            return _answer(asked, inputs, folder, work, aside, went or Audited())
    except kept.NotKept as fault:
        raise CouldNot(f"--keep {fault.says}") from fault


def _answer(
    asked: Asked, inputs: Inputs, folder: kept.Kept | None, work: Path, aside: Path, went: Audited
) -> dict[str, Any]:
    terms = asked.terms
    if inputs.clocks is not None:
        terms = replace(terms, tolerance=inputs.clocks.widest * rules.MICROSECOND)
    logs = _Reading(asked, inputs, work, terms)
    store = engines.DuckDB(_folder(work / "store"), memory=asked.memory)
    engine = (
        store
        if asked.engine == "duckdb"
        else engines.start(asked.engine, _folder(work / "engine"), memory=asked.memory)
    )
    try:
        if folder is None:
            judged = logs.at_once(engine, store, aside / "rejected.csv")
        else:
            judged = logs.kept(engine, store, folder, aside / "rejected.csv", went)
        return _write_answer(asked, inputs, terms, logs, judged, store, work, aside)
    finally:
        engine.close()
        if engine is not store:
            store.close()


def _write_answer(
    asked: Asked,
    inputs: Inputs,
    terms: Terms,
    logs: "_Reading",
    judged: Judged,
    store: engines.DuckDB,
    work: Path,
    aside: Path,
) -> dict[str, Any]:
    is_sample = asked.sample < 100
    with waiting("جمع‌ها", store):
        money.prepare(store, judged.sums, logs.known, inputs.tariffs, judged.users, asked.overhead)
        paid = money.write_by_user_day(store, aside / "by_user_day.parquet", is_sample=is_sample)
        found = money.intervals(store, judged.parts, inputs.edges, work, is_sample=is_sample)
        rolls.write(store, aside / recount.SUMS)
    totals = _totals(judged, paid, logs.rejected, asked)
    if inputs.probes:
        totals["probes"] = _probes(inputs, terms)
    _check(totals, judged, found, store)
    names = store.ask("SELECT DISTINCT edge FROM rolls").column("edge").to_pylist()
    addresses = [ip_address(name) for name in names if name not in ("", rolls.UNPROVEN_EDGE)]
    _write(aside / "totals.json", totals)
    _write(aside / "intervals.json", found)
    _write(aside / DAYS, _of_days(judged, inputs, terms, store))
    _write(
        aside / recount.EVIDENCE,
        recount.evidence(
            register=inputs.register,
            terms=terms,
            registrants=asked.registrants,
            addresses=addresses,
            tariffs=inputs.tariffs,
            edges=inputs.edges,
            overhead=asked.overhead,
            is_sample=is_sample,
        ),
    )
    said: dict[str, Any] = {
        "inputs": {**inputs.digests, "logs": [asdict(one) for one in logs.files]},
        "code": {"version": version("peyman"), "sha256": _hash_of(_READING + _JUDGING)},
        "parameters": asked.parameters(),
    }
    spanned = [numbers.day_of(day) for day in (min(judged.logs), max(judged.logs))] if judged.logs else []
    told = report.gather(
        manifest=said,
        days=(spanned[0], spanned[1]) if spanned else None,
        register=inputs.register,
        terms=terms,
        edges=inputs.edges,
        addresses=addresses,
        sums=judged.sums,
        parts=judged.parts,
    )
    report.write(aside, told)
    outputs = [*OUTPUTS]
    if asked.earlier is not None:
        said["inputs"]["earlier"] = {"sha256": audit_files.digest(asked.earlier / MANIFEST).sha256}
        difference.write(aside, asked.earlier, said)
        outputs += difference.OUTPUTS
    said["outputs"] = {name: audit_files.digest(aside / name).sha256 for name in outputs}
    counted = store.ask("SELECT min(day) AS first, max(day) AS last FROM rolls WHERE gate = 0").to_pylist()[0]
    said["period"] = (
        {"from": str(numbers.day_of(counted["first"])), "to": str(numbers.day_of(counted["last"]))}
        if counted["first"] is not None
        else None
    )
    _write(aside / MANIFEST, said)
    return totals


# ---- Folders ----


def _folder(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return place


def _check_out(out: Path) -> None:
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).is_file())):
        raise CouldNot(f"{out}: هست و پاسخ ممیزی دیگری نیست؛ چیزی روی آن نوشته نشد.")


@contextmanager
def _aside(out: Path) -> Iterator[tuple[Path, Path]]:
    """Give a folder to work in and one for the answer, which takes its place when all is well."""
    out.parent.mkdir(parents=True, exist_ok=True)
    base = out.absolute().parent / f".{out.name}.{os.getpid()}.part"
    work, aside, old = base / "work", base / "answer", base / "old"
    _clear(out)
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


def _clear(out: Path) -> None:
    """Take away what killed runs left beside the answer, and put back an answer that one had just moved away."""
    for base in out.absolute().parent.glob(f".{out.name}.*.part"):
        owner = base.name.removeprefix(f".{out.name}.").removesuffix(".part")
        if owner.isdigit() and not _is_alive(int(owner)):
            if (base / "old" / MANIFEST).is_file() and not out.exists():
                (base / "old").rename(out)
            shutil.rmtree(base, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


# ---- Logs ----


@dataclass(slots=True)
class _Reading:
    """Logs read into normalised lines, at once or one by one into a kept folder."""

    asked: Asked
    inputs: Inputs
    work: Path
    terms: Terms
    known: numbers.Numbers = field(default_factory=numbers.Numbers)
    files: list[Digest] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    _bar: Bar = field(default_factory=lambda: Bar("گزارش‌ها", 0))

    def at_once(self, engine: engines.Engine, store: engines.DuckDB, listing: Path) -> Judged:
        """Read every log, in an order that does not depend on where they lie, and judge all lines."""
        found = self._distinct()
        normaliser = self._normaliser(self.work)
        self._bar = Bar("گزارش‌ها", sum(one.size for one, _ in found))
        with _Listing(listing) as listed:
            for number, (one, path) in enumerate(found):
                self._read(path, one, normaliser, number, partial(listed.add, one.name))
        normaliser.close()
        self._bar.done()
        with waiting("داوری", store, self._bar.rows):
            return days.judge_all(
                engine,
                store,
                self.work,
                lines=[normaliser.lines],
                users=[normaliser.users],
                hashes=[one.sha256 for one in self.files],
                register=self.inputs.register,
                terms=self.terms,
                numbers=self.known,
            )

    def kept(
        self, engine: engines.Engine, store: engines.DuckDB, folder: kept.Kept, listing: Path, went: Audited
    ) -> Judged:
        """Read the logs whose lines are not kept, and judge the days that are not."""
        found = self._distinct()
        shelf = Shelf(folder, self._joins())
        self.known = shelf.numbers
        paths = {one.sha256: (one, path) for one, path in found}
        known = {one.sha256: shelf.find(one.sha256) for one, _ in found}
        self._bar = Bar("گزارش‌ها", sum(one.size for one, _ in found if known[one.sha256] is None))
        of: list[Log] = []
        for one, path in found:
            log = known[one.sha256]
            if log is None:
                log = self._keep(shelf, one, path)
                went.read.append(one.sha256)
            of.append(log)
        self._bar.done()
        with _Listing(listing) as listed:
            for log in of:
                self.rejected.update(log.says["rejected"])
                for line, reason in log.says["listed"]:
                    listed.add(paths[log.sha256][0].name, line, reason)

        def mended(log: Log, ask: Callable[[Log], Path | None]) -> Path:
            place = ask(log)
            if place is None:
                name = paths[log.sha256][0].name
                tell(f"{folder.folder}: آنچه از {name} نگه داشته شده بود خراب است و از نو خوانده می‌شود.")
                self._bar = Bar("گزارش‌ها", paths[log.sha256][0].size)
                log.says = self._keep(shelf, *paths[log.sha256]).says
                went.read.append(log.sha256)
                place = ask(log)
            if place is None:
                raise OSError(f"{folder.folder}: آنچه همین حالا نوشته شد خوانده نمی‌شود.")
            return place

        with waiting("داوری", store, sum(log.says["rows"] for log in of)):
            return days.judge_kept(
                engine,
                store,
                self.work,
                shelf=shelf,
                logs=of,
                opened=lambda log: mended(log, shelf.open),
                users=lambda log: mended(log, shelf.users),
                register=self.inputs.register,
                terms=self.terms,
                code=_hash_of(_READING + _JUDGING),
                went=went,
            )

    def _distinct(self) -> list[tuple[Digest, Path]]:
        """Return each log once, whatever it is called, by the order of their hashes."""
        known: dict[str, tuple[Digest, Path]] = {}
        for path in self.asked.paths:
            one = audit_files.digest(path)
            if one.sha256 in known:
                tell(f"{path}: همان {known[one.sha256][1]} است و یک بار خوانده شد.")
                if one.name >= known[one.sha256][0].name:
                    continue
            known[one.sha256] = one, path
        found = [known[sha] for sha in sorted(known)]
        self.files = [one for one, _ in found]
        return found

    def _normaliser(self, folder: Path) -> numbers.Normaliser:
        inputs = self.inputs
        return numbers.Normaliser(
            folder,
            operators=Operators(inputs.isps),
            promises=Promises(inputs.grants, inputs.releases, inputs.verify),
            edges=inputs.edges,
            numbers=self.known,
            customs=replace(self.asked.customs, clocks=inputs.clocks),
        )

    def _read(
        self,
        path: Path,
        one: Digest,
        normaliser: numbers.Normaliser,
        number: int,
        reject: Callable[[int, str], None],
    ) -> None:
        """Read one log. Raises BadFile for one that is broken or holds no line of its form."""
        reasons, good = _read_log(path, self.asked, normaliser, number, reject, self._bar)
        if reasons and not good:
            said = "، ".join(f"{reason} {many}" for reason, many in sorted(reasons.items()))
            raise BadFile(path, f"هیچ سطری از آن گزارشی به شکل {self.asked.form} نیست ({said}).")
        self.rejected.update(reasons)
        self._bar.past(one.size)

    def _keep(self, shelf: Shelf, one: Digest, path: Path) -> Log:
        """Read one log into the kept folder."""
        folder = _folder(self.work / "reading")
        normaliser = self._normaliser(folder)
        listed: list[tuple[int, str]] = []

        def reject(line: int, reason: str) -> None:
            if len(listed) < NAMED_REJECTED:
                listed.append((line, reason))

        before = self.rejected
        self.rejected = Counter()
        self._read(path, one, normaliser, 0, reject)
        normaliser.close()
        rejected, self.rejected = self.rejected, before
        return shelf.add(
            one.sha256,
            lines=normaliser.lines,
            users=normaliser.users,
            tokens=normaliser.tokens,
            rejected=rejected,
            listed=listed,
        )

    def _joins(self) -> Joins:
        """Name all that normalised lines depend on besides their log."""
        asked, inputs = self.asked, self.inputs
        slack = self.terms.tolerance // rules.MICROSECOND
        base = {
            "code": _hash_of(_READING),
            "form": asked.form,
            "zone": asked.options.zone.key,
            "parameter": asked.options.parameter,
            "staff": sorted(map(str, asked.customs.staff)),
            "downloads": [*asked.customs.downloads],
            "clocks": [rows_hash(inputs.offsets), slack] if inputs.offsets else None,
        }
        return Joins(
            hashlib.sha256(json.dumps(base, sort_keys=True).encode()).hexdigest(),
            {
                "edges": Touching(inputs.declared),
                "isps": Touching(inputs.isps),
                "releases": Touching(inputs.releases),
            },
            grants_of(inputs.grants),
            rows_hash(inputs.grants),
            inputs.digests.get("ticket_keys", {}).get("sha256", ""),
            asked.customs.until,
            slack if inputs.offsets else 0,
        )


def _read_log(
    path: Path,
    asked: Asked,
    normaliser: numbers.Normaliser,
    number: int,
    reject: Callable[[int, str], None],
    bar: Bar,
) -> tuple[Counter[str], int]:
    """Read one log and return how many lines were rejected, by reason, and how many were not."""
    reasons = Counter[str]()
    good = 0
    for part in reading.take_file(path, asked.form, asked.options, normaliser, number, bar.within):
        good += part.good
        bar.rows += part.good + len(part.bad)
        for line, reason in sorted(part.bad):
            reasons[reason] += 1
            reject(line, reason)
    return reasons, good


class _Listing:
    """`rejected.csv`."""

    def __init__(self, file: Path) -> None:
        self._file, self._named = file, 0

    def __enter__(self) -> "_Listing":
        self._out = self._file.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._out, lineterminator="\n")
        self._writer.writerow(["file", "line", "reason"])
        return self

    def __exit__(self, *fault: object) -> None:
        self._out.close()

    def add(self, name: str, line: int, reason: str) -> None:
        """List a line, unless too many are."""
        if self._named < NAMED_REJECTED:
            self._named += 1
            self._writer.writerow([name, line, reason])


# ---- Totals ----


def _totals(judged: Judged, paid: money.Sums, rejected: Mapping[str, int], asked: Asked) -> dict[str, Any]:
    totals = rules.totals(judged.counts)
    totals["bytes_overcharged"] = paid.sent
    totals["rials_low"], totals["rials_high"] = paid.low, paid.high
    totals["bytes_without_tariff"] = paid.without_tariff
    totals["rejected"] = dict(sorted(rejected.items()))
    if asked.overhead != 1:
        totals["overhead"] = {
            "factor": str(asked.overhead),
            "bytes": rules.rials(paid.sent, asked.overhead - 1),
            "rials_low": None if paid.low is None or paid.bare_low is None else paid.low - paid.bare_low,
            "rials_high": None if paid.high is None or paid.bare_high is None else paid.high - paid.bare_high,
        }
    if asked.sample < 100:
        totals["estimate"] = asdict(rules.estimate(paid.sent, judged.largest, asked.sample))
    return totals


class DoesNotAddUp(RuntimeError):
    """Sums that must be equal are not: a bug of ours, and no answer is written."""


def _check(
    totals: dict[str, Any], judged: Judged, intervals: Iterable[Mapping[str, Any]], store: engines.DuckDB
) -> None:
    """Raise DoesNotAddUp unless every sum of the answer is what others of it say."""
    over = judged.counts.get(Code.OVERCHARGED, 0)
    rolled = store.ask("SELECT CAST(sum(lines) AS BIGINT) AS n FROM rolls").column("n")[0].as_py() or 0
    users = store.ask(
        "SELECT CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes FROM overcharged"
    ).to_pylist()
    of = [*intervals]
    for what, one, other in (
        ("lines", totals["lines"], totals["counted"] + sum(totals["not_counted"].values())),
        (
            "counted",
            totals["counted"],
            totals["fine"] + totals["overcharged"] + totals["not_promised"] + sum(totals["unknown"].values()),
        ),
        ("lines rolled up", totals["lines"], rolled),
        ("overcharged lines of users", over, users[0]["n"] or 0),
        ("overcharged bytes of users", totals["bytes_overcharged"], users[0]["bytes"] or 0),
        ("overcharged lines of intervals", over, sum(row["lines"] for row in of)),
        ("overcharged bytes of intervals", totals["bytes_overcharged"], sum(row["bytes"] for row in of)),
    ):
        if one != other:
            raise DoesNotAddUp(f"{what}: {one} and {other}")


def _probes(inputs: Inputs, terms: Terms) -> dict[str, Any]:
    """Return how probes stand to the history, and those that speak against it."""
    measured = rules.compared(inputs.register, terms)
    return {
        **Counter(one.says for one in measured),
        "contrary_to_history": [
            {
                "operator": one.probe.operator,
                "edge": str(one.probe.edge),
                "at": money.iso(one.probe.at),
                "factor": str(one.probe.factor),
                "source": one.probe.source,
                "history": one.code.reason,
            }
            for one in measured
            if one.says == "contrary"
        ],
    }


def _of_days(judged: Judged, inputs: Inputs, terms: Terms, store: engines.DuckDB) -> dict[str, Any]:
    """Return of each day its lines and hashes of what decides it; by them a later answer says what changed."""
    history = days.marks(store, inputs.register, terms)
    lines = {
        row["day"]: row["n"]
        for row in store.ask("SELECT day, CAST(sum(lines) AS BIGINT) AS n FROM rolls GROUP BY day").to_pylist()
    }
    of: dict[str, list[Tariff]] = defaultdict(list)
    for tariff in inputs.tariffs:
        of[tariff.operator].append(tariff)
    rates = {
        day: [(name, rules.bounds(of[name], numbers.day_of(day))) for name in sorted(of)] for day in sorted(judged.logs)
    }
    return {
        str(numbers.day_of(day)): {
            "lines": lines.get(day, 0),
            "logs": hashlib.sha256(" ".join(judged.logs[day]).encode()).hexdigest(),
            "log_files": len(judged.logs[day]),
            "history": history.get(day, ""),
            "rates": hashlib.sha256(repr(rates[day]).encode()).hexdigest(),
        }
        for day in sorted(judged.logs)
    }


def _write(file: Path, document: object) -> None:
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@cache
def _hash_of(modules: tuple[str, ...]) -> str:
    """Return a hash of the source of modules, a package with all that is in it, as it was when it was first asked."""
    sha = hashlib.sha256()
    for name in modules:
        module = importlib.import_module(name)
        inside = sorted(one.name for one in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."))
        for part in (module, *map(importlib.import_module, inside)):
            sha.update(inspect.getsource(part).encode())
    return sha.hexdigest()
