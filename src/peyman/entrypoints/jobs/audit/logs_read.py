"""Logs read into normalised lines, all at once or one by one into a kept folder, and what of them was rejected."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from peyman.entrypoints.jobs.audit import own_code
from peyman.entrypoints.jobs.audit.asked import Asked
from peyman.entrypoints.jobs.audit.bar import Bar, waiting
from peyman.entrypoints.jobs.audit.inputs import Inputs, rows_hash
from peyman.entrypoints.jobs.console import tell
from peyman.gateways.audit import days, engines, kept, numbers, reading
from peyman.gateways.audit import files as audit_files
from peyman.gateways.audit.days import Audited, Judged
from peyman.gateways.audit.files import BadFile, Digest
from peyman.gateways.audit.shelf import Log, Shelf
from peyman.gateways.audit.touching import Joins, Touching, grants_of
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Terms
from peyman.market.tariff.rules.audit_joins import Operators, Promises

NAMED_REJECTED: Final = 1_000_000  # lines that rejected.csv names; all are counted


@dataclass(slots=True)
class Logs:
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
                code=own_code.hash_of(own_code.READING + own_code.JUDGING),
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
        folder = folder_at(self.work / "reading")
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
            "code": own_code.hash_of(own_code.READING),
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


def folder_at(place: Path) -> Path:
    """Return a folder, made if it was not there."""
    place.mkdir(parents=True, exist_ok=True)
    return place
