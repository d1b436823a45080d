"""What an audit goes by besides logs: the registry's history and the tables, from files or from the database."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from peyman.entrypoints.jobs.audit.asked import DATABASE, Asked
from peyman.entrypoints.jobs.audit.bar import Bar
from peyman.entrypoints.jobs.console import CouldNot, tell
from peyman.gateways.audit import files, tickets
from peyman.kernel.text import persian_digits
from peyman.market.guard.queries import keys
from peyman.market.tariff.queries import edges as edge_queries
from peyman.market.tariff.queries import history, isps, probes, rates
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import ALWAYS, Probe, Register, Tariff, micros
from peyman.market.tariff.rules.audit_joins import (
    ClockOffset,
    Clocks,
    DeclaredEdge,
    Edges,
    Grant,
    Isp,
    Release,
    Verify,
    no_tickets,
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All of it, read. `digests`: what the manifest names it by."""

    register: Register
    declared: list[DeclaredEdge]
    isps: list[Isp]
    tariffs: list[Tariff]
    releases: list[Release]
    grants: list[Grant]
    probes: list[Probe]
    offsets: list[ClockOffset]
    clocks: Clocks | None
    verify: Verify
    digests: dict[str, Any]

    @property
    def edges(self) -> Edges:
        return Edges(self.declared)


def read(asked: Asked) -> Inputs:
    """Read everything that was given. Raises CouldNot, BadFile, OSError."""
    known: dict[str, list[Any]] = {}
    digests: dict[str, Any] = {}
    for name, source in sorted(asked.tables.items()):
        if source == DATABASE:
            known[name] = _of_database(name)
            digests[name] = {"rows": len(known[name]), "sha256": rows_hash(known[name])}
        else:
            known[name] = getattr(files, name)(Path(source))
            digests[name] = asdict(files.digest(Path(source)))
    _tell_overlaps(known["edges"])
    verify: Verify = no_tickets
    if asked.ticket_keys == DATABASE:
        own = keys.own()
        verify, digests["ticket_keys"] = tickets.verify_with(own), {"keys": len(own), "sha256": rows_hash(own)}
    elif asked.ticket_keys:
        verify = tickets.verifier(Path(asked.ticket_keys))
        digests["ticket_keys"] = asdict(files.digest(Path(asked.ticket_keys)))
    register, digests["registry"] = _register(asked, known.get("probes", ()))
    offsets = known.get("clock_offsets", [])
    clocks = Clocks(offsets, asked.terms.tolerance // rules.MICROSECOND) if offsets else None
    return Inputs(
        register,
        known["edges"],
        known["isps"],
        known["tariffs"],
        known.get("releases", []),
        known.get("grants", []),
        known.get("probes", []),
        offsets,
        clocks,
        verify,
        digests,
    )


def rows_hash(rows: Iterable[object]) -> str:
    """Return a hash of rows that does not depend on their order."""
    sha = hashlib.sha256()
    for row in sorted(map(repr, rows)):
        sha.update(row.encode("utf-8", "surrogatepass") + b"\n")
    return sha.hexdigest()


def _edges() -> list[DeclaredEdge]:
    every = edge_queries.served_between(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    return [
        DeclaredEdge(
            one.cdn,
            one.network,
            micros(one.valid_from),
            ALWAYS if one.valid_to is None else micros(one.valid_to),
            one.source,
        )
        for one in every
    ]


_TABLES: Final[Mapping[str, tuple[Callable[[], list[Any]], str]]] = {
    "edges": (_edges, "peyman edges import"),
    "isps": (isps.for_audit, "peyman isps import"),
    "tariffs": (rates.for_audit, "peyman tariffs import"),
    "probes": (probes.for_audit, "peyman probes import"),
}


def _of_database(name: str) -> list[Any]:
    ask, command = _TABLES[name]
    found = ask()
    if not found and name != "probes":
        raise CouldNot(f"--{name} db: در پایگاه داده چیزی از آن نیست؛ نخست {command} را اجرا کنید.")
    if name == "tariffs":
        files.check_tariffs(Path("db"), found)
    return found


def _tell_overlaps(declared: Iterable[DeclaredEdge]) -> None:
    """Say how many declarations say the same address twice; none of its lines counts twice for that."""
    seen: dict[object, list[DeclaredEdge]] = {}
    many = 0
    for row in declared:
        of = seen.setdefault(row.prefix, [])
        many += any(row.start < other.end and other.start < row.end for other in of)
        of.append(row)
    if many:
        tell(f"edges: {persian_digits(many)} سطر نشانی‌هایی را می‌گوید که سطر دیگری هم گفته است.")
        tell("هر دانلود یک بار شمرده می‌شود.")


def _register(asked: Asked, measured: Iterable[Probe]) -> tuple[Register, Any]:
    if asked.registry == DATABASE:
        view = history.view()
        if not view.seen:
            raise CouldNot("تاریخچه سامانه ملی در پایگاه داده خالی است؛ نخست peyman registry import را اجرا کنید.")
        looks = [_look(look) for look in view.order.looks]
        return Register(view.seen, view.holding, asked.registrants, measured), {"snapshots": looks}
    folder = Path(asked.registry)
    if not folder.is_dir():
        raise CouldNot(f"{folder}: پوشه‌ای با این نام نیست.")
    bar = Bar("فهرست‌های سامانه ملی", 0)
    found = files.registry_folder(folder, lambda name: bar.step(name))
    bar.done()
    for held in found.held:
        tell(f"{held.name}: به کار نرفت: {held.says}")
    register = Register(found.snapshots, rules.by_network(found.rows), asked.registrants, measured)
    return register, {
        "files": [asdict(one) for one in found.files],
        "not_used": [held.name for held in found.held],
    }


def _look(look: Any) -> dict[str, str]:
    """Name a snapshot of the database by what it says, not by its number here."""
    return {"seen_at": look.seen_at.isoformat(), "whole_day": str(look.whole_day).lower(), "sha256": look.sha256}
