"""One audit, from its inputs to the folder of its answer.

The answer is written beside its place first, so that nobody ever finds half of one. The same inputs give the same
bytes: nothing of the day or the machine is written, nor whether logs were read now or had been kept.
"""

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from peyman.entrypoints.jobs.audit import own_code, sums
from peyman.entrypoints.jobs.audit.aside import MANIFEST, beside, check_out
from peyman.entrypoints.jobs.audit.asked import Asked
from peyman.entrypoints.jobs.audit.bar import waiting
from peyman.entrypoints.jobs.audit.inputs import Inputs
from peyman.entrypoints.jobs.audit.inputs import read as read_inputs
from peyman.entrypoints.jobs.audit.logs_read import Logs, folder_at
from peyman.entrypoints.jobs.console import CouldNot
from peyman.gateways.audit import difference, engines, kept, money, numbers, recount, report, rolls
from peyman.gateways.audit import files as audit_files
from peyman.gateways.audit.days import Audited, Judged
from peyman.kernel.clauses import carries_out
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Terms

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


@carries_out("B08")
def run(asked: Asked, went: Audited | None = None) -> dict[str, Any]:
    """Audit, write the answer, and return its totals. `went` is told which logs were read and which days audited.

    Raises CouldNot, BadFile, OSError; engines.NoEngine, engines.OutOfRoom.
    """
    check_out(asked.out)
    inputs = read_inputs(asked)
    holding: AbstractContextManager[kept.Kept | None] = nullcontext()
    if asked.keep is not None:
        holding = kept.hold(asked.keep)
    try:
        with holding as folder, beside(asked.out) as (work, aside):
            return _answer(asked, inputs, folder, work, aside, went or Audited())
    except kept.NotKept as fault:
        raise CouldNot(f"--keep {fault.says}") from fault


def _answer(
    asked: Asked, inputs: Inputs, folder: kept.Kept | None, work: Path, aside: Path, went: Audited
) -> dict[str, Any]:
    terms = asked.terms
    if inputs.clocks is not None:
        terms = replace(terms, tolerance=inputs.clocks.widest * rules.MICROSECOND)
    logs = Logs(asked, inputs, work, terms)
    store = engines.DuckDB(folder_at(work / "store"), memory=asked.memory)
    engine = (
        store
        if asked.engine == "duckdb"
        else engines.start(asked.engine, folder_at(work / "engine"), memory=asked.memory)
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
    logs: Logs,
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
    totals = sums.totals_of(judged, paid, logs.rejected, asked)
    if inputs.probes:
        totals["probes"] = sums.probes(inputs, terms)
    sums.check(totals, judged, found, store)
    names = store.ask("SELECT DISTINCT edge FROM rolls").column("edge").to_pylist()
    addresses = [ip_address(name) for name in names if name not in ("", rolls.UNPROVEN_EDGE)]
    _write(aside / "totals.json", totals)
    _write(aside / "intervals.json", found)
    _write(aside / DAYS, sums.of_days(judged, inputs, terms, store))
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
        "code": {"version": version("peyman"), "sha256": own_code.hash_of(own_code.READING + own_code.JUDGING)},
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


def _write(file: Path, document: object) -> None:
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
