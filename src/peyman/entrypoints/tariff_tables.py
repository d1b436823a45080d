"""The tables of ISPs, rates and measurements, in and out of files: the same columns as the audit reads."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from peyman.gateways.audit import files
from peyman.gateways.audit.files import BadFile
from peyman.kernel import jalali
from peyman.kernel.text import normalise, persian_digits
from peyman.market.tariff.actions import isps, probes, rates
from peyman.market.tariff.actions.tables import Brought
from peyman.market.tariff.queries import isps as isp_queries
from peyman.market.tariff.queries import probes as probe_queries
from peyman.market.tariff.queries import rates as rate_queries
from peyman.market.tariff.rules import rates as rate_rules
from peyman.market.tariff.rules.audit import Tariff
from peyman.market.tariff.rules.tables import LONGEST_FILE, MOST_ROWS, BadTable, Fault, NoTable, Numbered
from peyman.people.models import Person

# Names as the audit's options say them.
ISPS, TARIFFS, PROBES = "isps", "tariffs", "probes"
_LONGEST_SOURCE: Final = 200


@dataclass(frozen=True, slots=True)
class Done:
    """What a file changed, and of rates how many of its rows nobody here has verified."""

    brought: Brought
    waiting: int = 0


def bring(
    table: str,
    data: bytes,
    *,
    name: str,
    source: str = "",
    whole: bool = False,
    trial: bool = False,
    by: Person | None,
    now: datetime,
) -> Done:
    """Bring a file into its table, whole or not at all. Raises BadTable with every wrong line, NoTable."""
    if len(data) > LONGEST_FILE:
        raise NoTable(why=f"فایل بزرگ‌تر از {persian_digits(LONGEST_FILE // 1_000_000)} مگابایت است.")
    rows = _read(table, data, name)
    if len(rows) > MOST_ROWS:
        raise NoTable(why=f"فایل بیش از {persian_digits(MOST_ROWS)} سطر دارد.")
    if table == ISPS:
        said = normalise(source)[:_LONGEST_SOURCE] or normalise(name)[:_LONGEST_SOURCE]
        return Done(isps.bring_in(rows=rows, source=said, whole=whole, trial=trial, by=by, now=now))
    if table == TARIFFS:
        brought = rates.bring_in(rows=rows, whole=whole, trial=trial, by=by, now=now)
        waiting = 0 if trial else sum(not one.verified for one in rate_queries.believed())
        return Done(brought, waiting)
    return Done(probes.bring_in(rows=rows, trial=trial, by=by, now=now))


def _read(table: str, data: bytes, name: str) -> list[Numbered[Any]]:
    try:
        return [Numbered(line, row) for line, row in files.numbered(table, data, name)]
    except BadFile as fault:
        if fault.faults:
            raise BadTable([Fault(line, "unreadable", says) for line, says in fault.faults]) from fault
        raise NoTable(why=fault.says[0].removeprefix(f"{name}: ").rstrip(".") + ".") from fault


def verify_said(data: bytes, *, name: str, by: Person, seen: str, now: datetime) -> int:
    """Verify, in the name of `by`, each believed rate that a file says is verified; return how many were not yet.

    For a file that was brought in before. Raises Invalid.
    """
    said = {_same(one.row) for one in _read(TARIFFS, data, name) if one.row.verified}
    made = 0
    for one in rate_queries.believed():
        row = rate_queries.as_tariff(one)
        if not one.verified and _same(row) in said:
            rates.verify(rate_id=one.pk, source_seen=seen, reason=f"هنگام آوردن فایل {name}", by=by, now=now)
            made += 1
    return made


def _same(row: Tariff) -> Tariff:
    return replace(row, verified=False)


def export(table: str) -> str:
    """Write a table as we believe it now, as its reader takes it; the same rows give the same text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*files.TABLES[table], *files.OPTIONAL.get(table, ())])
    writer.writerows(_ROWS[table]())
    return out.getvalue()


def _isps() -> Iterable[tuple[str, ...]]:
    for one in isp_queries.believed():
        yield one.prefix, one.asn, one.operator, jalali.iso(one.valid_from), _end(one.valid_to)


def _tariffs() -> Iterable[tuple[str, ...]]:
    for one in rate_queries.believed():
        yield (
            one.operator,
            one.service_class,
            one.plan,
            jalali.iso(one.valid_from),
            _end(one.valid_to),
            rate_rules.written(one.full),
            rate_rules.written(one.factor),
            str(one.unit),
            "yes" if one.verified else "no",
            one.source,
        )


def _probes() -> Iterable[tuple[str, ...]]:
    for row in probe_queries.rows():
        edge = row.prefix.removesuffix("/32") if "." in row.prefix else row.prefix.removesuffix("/128")
        yield row.operator, edge, jalali.iso(row.measured_at), row.factor, row.source, row.note


_ROWS: Final[dict[str, Callable[[], Iterable[tuple[str, ...]]]]] = {ISPS: _isps, TARIFFS: _tariffs, PROBES: _probes}


def _end(at: datetime | None) -> str:
    return "" if at is None else jalali.iso(at)
