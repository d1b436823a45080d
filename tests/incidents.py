"""Runs of the audit and incidents for tests: an answer with two operators, of addresses that became registered."""

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from peyman.kernel.worktime import TEHRAN
from peyman.market.incidents.actions import incidents, runs
from peyman.market.incidents.models import AuditRun, Incident, Notice
from peyman.market.incidents.rules import notice as rules
from peyman.market.incidents.rules.runs import NewRun
from peyman.market.tariff.actions import edges
from peyman.people.models import Person
from tests import make, registry

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)  # Saturday 15 Dey 1403, 10:00 in Tehran
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OURS = "185.143.232.0/30"
EDGES = ["185.143.232.0", "185.143.232.1"]
FROM, TO = "2024-11-20T20:30:00.000Z", "2024-12-04T20:30:00.000Z"  # 1 to 15 Azar 1403 in Tehran

TOTALS: dict[str, Any] = {
    "lines": 1000,
    "counted": 900,
    "not_counted": {"method": 100},
    "fine": 700,
    "overcharged": 150,
    "not_promised": 20,
    "unknown": {"changed_in_gap": 20, "shown_unknown": 10},
    "bytes_overcharged": 3_000_000_001,
    "rials_low": 120_000,
    "rials_high": 450_003,
    "bytes_without_tariff": 0,
    "rejected": {},
}
INTERVALS: list[dict[str, Any]] = [
    {
        "edges": EDGES,
        "operator": "مهرنت",
        "from": FROM,
        "to": TO,
        "lines": 100,
        "bytes": 2_000_000_000,
        "rials_low": 80_000,
        "rials_high": 300_002,
        "cause": "unregistered",
    },
    {
        "edges": EDGES[:1],
        "operator": "آوانت",
        "from": FROM,
        "to": TO,
        "lines": 50,
        "bytes": 1_000_000_001,
        "rials_low": 40_000,
        "rials_high": 150_001,
        "cause": "pending",
    },
]
OPERATORS: dict[str, dict[str, int | None]] = {
    "آوانت": {
        "users": 7,
        "lines": 50,
        "bytes": 1_000_000_001,
        "anonymous_lines": 0,
        "anonymous_bytes": 0,
        "rials_low": 40_000,
        "rials_high": 150_001,
    },
    "مهرنت": {
        "users": 20,
        "lines": 100,
        "bytes": 2_000_000_000,
        "anonymous_lines": 30,
        "anonymous_bytes": 600_000_000,
        "rials_low": 80_000,
        "rials_high": 300_002,
    },
}


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def new_run(name: str = "first", **changes: Any) -> NewRun:
    """An answer as the gateway reads it; `name` makes its hash."""
    given: dict[str, Any] = {
        "sha256": sha256(name.encode()).hexdigest(),
        "folder": f"audits/{name}",
        "files": {"totals.json": "0" * 64},
        "totals": TOTALS,
        "intervals": INTERVALS,
        "operators": OPERATORS,
        "users": 25,
        "parameters": {"registrants": ["market.ir"], "gap_days": 8},
        "code_version": "1.0",
        "first_day": date(2024, 11, 1),
        "last_day": date(2024, 12, 20),
    }
    return NewRun(**(given | changes))


def run(name: str = "first", *, at: datetime = NOW, is_same: bool = True, **changes: Any) -> AuditRun:
    """A run that was taken in and counted again."""
    found = runs.take(run=new_run(name, **changes), by=None, now=at)
    told = [] if is_same else ["مهرنت: ۱ بایت"]
    return runs.recounted(code=found.code, is_same=is_same, differences=told, now=at)


def declare(*lines: str, now: datetime = NOW) -> None:
    text = "\n".join(["cdn,prefix,valid_from,valid_to,source", *lines])
    edges.take_file(data=text.encode(), by=None, now=now)


def seen(at: datetime, *networks: str, due: str = "1403/09/15", update: str = "1403/09/01") -> None:
    """A good list at an instant; one row of others is always there."""
    lines = [registry.line(one, name="http://market.ir", update=update, due=due) for one in networks]
    other = registry.line("185.143.255.255/32", name="http://other.ir", update="1400/01/01", due="1400/01/15")
    registry.take(registry.listing(at.isoformat(), other, *lines), now=at)


def history() -> None:
    """Our addresses served from 1 Azar on, were listed on the 8th, due on the 15th, and are listed still."""
    declare(f"arvan,{OURS},2024-11-21,,contract")
    day = tehran("2024-11-14T10:00")
    while day <= NOW:
        seen(day, *([OURS] if day >= tehran("2024-11-28T00:00") else []))
        day += 7 * DAY
    seen(NOW - HOUR, OURS)


def people() -> tuple[Person, Person]:
    """Two who may enter the desk of the tariff, and the calendar and terms that promises need."""
    make.calendar()
    make.terms()
    return make.person(role="tariff", full_name="نگار صادقی"), make.person(role="manager", full_name="بهرام نوری")


def words(incident: Incident, **changes: Any) -> rules.Words:
    """The draft of a notice, as published."""
    from peyman.market.incidents.queries import desk  # noqa: PLC0415

    file = desk.file(incident.code)
    drafted = rules.draft(
        desk.shown(file.stretches), now=NOW, contact="به claims@market.ir بنویسید", signer="نگار صادقی"
    )
    return rules.read({**drafted.as_json(), **changes}, now=NOW)


def detected(by: Person | None = None, **given: Any) -> Incident:
    return incidents.detect_by_run(run=run(**given), by=by, now=NOW)


def confirmed(by: Person, **given: Any) -> Incident:
    found = detected(**given)
    return incidents.confirm(code=found.code, reason="رقم‌ها را با فایل‌ها سنجیدم.", by=by, now=NOW + HOUR)


def published(first: Person, second: Person, **given: Any) -> Notice:
    found = confirmed(first, **given)
    return incidents.publish(
        code=found.code, words=words(found), reason="متن را خواندم.", by=second, now=NOW + 2 * HOUR
    )


def folder(at: Path, **changes: Any) -> Path:
    """A finished answer on the disk, as `peyman audit` leaves it; `changes`: totals, intervals, rows, manifest."""
    at.mkdir(parents=True)
    rows = changes.get("rows", ROWS)
    names = ("user", "operator", "day", "lines", "bytes_overcharged", "rials_low", "rials_high")
    kinds = [pa.string(), pa.string(), pa.date32(), pa.int64(), pa.int64(), pa.int64(), pa.int64()]
    columns = list(zip(*rows, strict=True)) or [[] for _ in names]
    table = pa.table([pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)], names=list(names))
    pq.write_table(table, at / "by_user_day.parquet")
    (at / "totals.json").write_text(json.dumps(changes.get("totals", TOTALS)))
    (at / "intervals.json").write_text(json.dumps(changes.get("intervals", INTERVALS)))
    (at / "report.html").write_text("<!doctype html><title>گزارش</title><p>گزارش ممیزی</p>")
    outputs = {one.name: sha256(one.read_bytes()).hexdigest() for one in sorted(at.iterdir())}
    manifest = {
        "inputs": {},
        "code": {"version": "1.0", "sha256": "0" * 64},
        "parameters": {"registrants": ["market.ir"], "gap_days": 8},
        "outputs": outputs,
        "period": {"from": "2024-11-01", "to": "2024-12-20"},
    }
    (at / "manifest.json").write_text(json.dumps(manifest | changes.get("manifest", {})))
    return at


_DAY = date(2024, 11, 25)
ROWS = [
    *(("anonymous", "مهرنت", _DAY, 30, 600_000_000, 20_000, 90_000),),
    *((f"u{n}", "مهرنت", _DAY, 3, 60_000_000, 2_600, 9_100) for n in range(19)),
    *(("u19", "مهرنت", _DAY, 13, 260_000_000, 10_600, 37_102),),
    *((f"v{n}", "آوانت", _DAY, 7, 140_000_000, 5_600, 21_000) for n in range(6)),
    *(("v6", "آوانت", _DAY, 8, 160_000_001, 6_400, 24_001),),
]
