"""An answer counted again by the rule in Python, from sums that know nothing of the SQL that judged its lines.

`sums.parquet` says how many lines and bytes there were by address, operator, day and stretch of history; what became of
them is asked of the rule, once for each, and rials are exact fractions of the bytes of each user and day. One byte or
rial of difference, or one file that is not what the manifest says, and nothing may be confirmed by that answer.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from peyman.gateways.audit import money, rolls
from peyman.gateways.audit.judging import Part
from peyman.gateways.audit.numbers import day_of, person_number, tehran_day_number
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Address
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Probe, Register, Tariff, Terms
from peyman.market.tariff.rules.audit_joins import DeclaredEdge, Edges
from peyman.market.tariff.rules.history import Listed, Seen

EVIDENCE: Final = "evidence.json"
SUMS: Final = "sums.parquet"
RECOUNT: Final = "recount.json"
NAMED: Final = 50  # differences that are told one by one
_NEEDED: Final = (EVIDENCE, SUMS, "totals.json", "intervals.json", "by_user_day.parquet")


class NoAnswer(ValueError):
    """A folder that holds no answer that can be counted again. `says`: why, in Persian."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


@dataclass(frozen=True, slots=True)
class Recount:
    """What counting again said. `ok`: nothing differs, to the byte and the rial."""

    ok: bool
    differences: tuple[str, ...]
    manifest: str  # the sha256 of manifest.json
    groups: int
    lines: int
    bytes_overcharged: int
    rials_low: int | None
    rials_high: int | None


# ---- What an answer keeps for it ----


def evidence(
    *,
    register: Register,
    terms: Terms,
    registrants: Sequence[str],
    addresses: Iterable[Address],
    tariffs: Iterable[Tariff],
    edges: Edges,
    overhead: Fraction,
    is_sample: bool,
) -> dict[str, Any]:
    """Return what the rule must know of the addresses of an answer, as `evidence.json` keeps it."""
    known = sorted({*addresses}, key=lambda one: (one.version, int(one)))
    stays = {
        (row.network, row.host, row.update_on, row.due_on, row.first, row.absent)
        for one in known
        for row in register.covering(one)
    }
    declared = {(row.cdn, str(row.prefix), row.start, row.end) for one in known for row in edges.over(one)}
    return {
        "snapshots": [
            [one.starts_at.isoformat(), one.ends_at.isoformat(), one.whole_day] for one in register.snapshots
        ],
        "rows": sorted(
            (
                [network, host, _iso(update), _iso(due), first, absent]
                for network, host, update, due, first, absent in stays
            ),
            key=lambda row: [str(cell) for cell in row],
        ),
        "registrants": [*registrants],
        "terms": {
            "gap_days": terms.gap.days,
            "tolerance_us": terms.tolerance // rules.MICROSECOND,
            "grace_days": terms.grace,
        },
        "addresses": [str(one) for one in known],
        "edges": sorted(declared),
        "probes": [
            [one.operator, str(one.edge), one.at, str(one.factor), one.source]
            for _, probes in sorted(register.probes.items(), key=lambda pair: (str(pair[0][0]), pair[0][1]))
            for one in probes
        ],
        "tariffs": sorted(
            [
                row.operator,
                row.service_class,
                row.plan,
                row.start,
                row.end,
                str(row.full),
                str(row.factor),
                row.unit,
                row.verified,
                row.source,
            ]
            for row in tariffs
        ),
        "overhead": str(overhead),
        "is_sample": is_sample,
    }


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


@dataclass(frozen=True, slots=True)
class _Known:
    register: Register
    terms: Terms
    addresses: list[Address]
    edges: Edges
    tariffs: dict[str, list[Tariff]]
    overhead: Fraction
    is_sample: bool


def _known(said: dict[str, Any]) -> _Known:
    def day(text: str) -> date | None:
        return date.fromisoformat(text) if text else None

    looks = [
        Seen(f"S{number}", datetime.fromisoformat(starts), datetime.fromisoformat(ends), whole)
        for number, (starts, ends, whole) in enumerate(said["snapshots"])
    ]
    rows = [
        Listed(number, network, host, day(update), day(due), first, absent)
        for number, (network, host, update, due, first, absent) in enumerate(said["rows"])
    ]
    probes = [
        Probe(operator, ip_address(edge), at, Fraction(factor), source)
        for operator, edge, at, factor, source in said["probes"]
    ]
    terms = said["terms"]
    tariffs = defaultdict(list)
    for operator, service, plan, start, end, full, factor, unit, verified, source in said["tariffs"]:
        tariffs[operator].append(
            Tariff(operator, service, plan, start, end, Fraction(full), Fraction(factor), unit, verified, source)
        )
    return _Known(
        Register(looks, rules.by_network(rows), said["registrants"], probes),
        Terms(timedelta(days=terms["gap_days"]), terms["tolerance_us"] * rules.MICROSECOND, terms["grace_days"]),
        [ip_address(text) for text in said["addresses"]],
        Edges(DeclaredEdge(cdn, ip_network(prefix), start, end, "") for cdn, prefix, start, end in said["edges"]),
        dict(tariffs),
        Fraction(said["overhead"]),
        said["is_sample"],
    )


# ---- Counting again ----


@dataclass(slots=True)
class _Sum:
    lines: int = 0
    sent: int = 0
    weighed: int = 0


@dataclass(slots=True)
class _Found:
    said: list[str] = field(default_factory=list)
    more: int = 0

    def hold(self, what: str, answered: object, counted: object) -> None:
        """Note a difference."""
        if answered == counted:
            return
        if len(self.said) < NAMED:
            self.said.append(f"{what}: در پاسخ {answered}، در بازشماری {counted}")
        else:
            self.more += 1


@carries_out("B08")
def recount(folder: Path) -> Recount:
    """Count an answer again, write `recount.json` beside it, and return what differs. Raises NoAnswer, OSError."""
    try:
        raw = (folder / "manifest.json").read_bytes()
        outputs = json.loads(raw)["outputs"]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise NoAnswer(f"{folder}: پاسخ ممیزی در آن نیست یا خوانده نشد.") from fault
    missing = [name for name in _NEEDED if name not in outputs or not (folder / name).is_file()]
    if missing:
        raise NoAnswer(f"{folder}: برای بازشماری اینها لازم است و نیست: {', '.join(missing)}")
    found = _Found()
    for name, sha256 in sorted(outputs.items()):
        file = folder / name
        held = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "نیست"
        found.hold(f"فایل {name}", sha256, held)
    try:
        counted = _counted(folder, found)
    except (ValueError, KeyError, TypeError, OverflowError, ZeroDivisionError) as fault:
        raise NoAnswer(f"{folder}: فایل‌های پاسخ خوانده نشد ({fault}).") from fault
    if found.more:
        found.said.append(f"… و {found.more} تفاوت دیگر")
    done = Recount(not found.said, tuple(found.said), hashlib.sha256(raw).hexdigest(), *counted)
    written = folder / f".{RECOUNT}.part"
    written.write_text(json.dumps(asdict(done), ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    written.rename(folder / RECOUNT)
    return done


def _counted(folder: Path, found: _Found) -> tuple[int, int, int, int | None, int | None]:
    known = _known(json.loads((folder / EVIDENCE).read_text("utf-8")))
    totals = json.loads((folder / "totals.json").read_text("utf-8"))
    intervals = json.loads((folder / "intervals.json").read_text("utf-8"))
    judge = rolls.Judge(known.register, known.terms, known.addresses)
    lines = Counter[Code]()
    of_day: dict[tuple[str, int], _Sum] = defaultdict(_Sum)
    of_span: dict[tuple[str, str, int, int], _Sum] = defaultdict(_Sum)  # address, operator, day, a moment of the span
    groups = sent = 0
    with pq.ParquetFile(folder / SUMS) as opened:
        for batch in opened.iter_batches():
            for row in zip(*(batch.column(name).to_pylist() for name in batch.schema.names), strict=True):
                edge, operator, day, gate, shown, since, until, many, size, weighed = row
                groups += 1
                code = judge.code(edge, operator, gate, shown, since, until)
                lines[code] += many
                if code is Code.OVERCHARGED:
                    sent += size
                    for one in (of_day[operator, day], of_span[edge, operator, day, since]):
                        one.lines += many
                        one.sent += size
                        one.weighed += int(weighed)
    for name, value in rules.totals(dict(lines)).items():
        found.hold(name, totals.get(name), value)
    found.hold("bytes_overcharged", totals.get("bytes_overcharged"), sent)
    low, high = _by_user(folder / "by_user_day.parquet", known, of_day, found)
    found.hold("rials_low", totals.get("rials_low"), low)
    found.hold("rials_high", totals.get("rials_high"), high)
    _intervals(intervals, known, of_span, found)
    return groups, sum(lines.values()), sent, low, high


def _by_user(
    file: Path, known: _Known, of_day: dict[tuple[str, int], _Sum], found: _Found
) -> tuple[int | None, int | None]:
    """Hold each user's day against the rule, and all users' days against the sums."""
    answered: dict[tuple[str, int], _Sum] = defaultdict(_Sum)
    bounds: dict[tuple[str, date], rules.Bounds | None] = {}
    totals: list[int | None] = [None, None]
    seen: tuple[str, str, date] | None = None
    with pq.ParquetFile(file) as opened:
        for batch in opened.iter_batches():
            for row in zip(*(batch.column(name).to_pylist() for name in batch.schema.names), strict=True):
                user, operator, day, lines, sent, low, high = row
                if seen is not None and seen >= (user, operator, day):
                    found.hold(f"ترتیب {user}/{operator}/{day}", "تکراری یا نامرتب", "یک بار")
                seen = user, operator, day
                one = answered[operator, tehran_day_number(rules.micros(day_start(day)))]
                one.lines += lines
                one.sent += sent
                one.weighed += sent * (person_number(user) & rolls.SHARES)
                if (operator, day) not in bounds:
                    bounds[operator, day] = rules.bounds(known.tariffs.get(operator, []), day)
                rate = None if known.is_sample else bounds[operator, day]
                exact = [
                    None if rate is None else rules.rials(sent, bound * known.overhead)
                    for bound in ((rate.low, rate.high) if rate else (Fraction(), Fraction()))
                ]
                found.hold(f"ریال {user}/{operator}/{day}", [low, high], exact)
                for place, value in enumerate(exact):
                    if value is not None:
                        totals[place] = (totals[place] or 0) + value
    for key in sorted({*answered, *of_day}):
        one, other = answered[key], of_day[key]
        found.hold(
            f"{key[0]}/{key[1]}: سطر، بایت، بایت هر کاربر",
            (one.lines, one.sent, one.weighed),
            (other.lines, other.sent, other.weighed),
        )
    return totals[0], totals[1]


@dataclass(slots=True)
class _Interval:
    edges: set[Address] = field(default_factory=set)
    lines: int = 0
    sent: int = 0
    exact: list[Fraction | None] = field(default_factory=lambda: [None, None])  # rials, not rounded


def _intervals(
    answered: list[dict[str, Any]], known: _Known, of_span: dict[tuple[str, str, int, int], _Sum], found: _Found
) -> None:
    """Hold the intervals against the spans of the rule. Their rials are rounded for each user's day: no less than the
    exact amount, and less than a rial for each line above it.
    """
    addresses = {str(one): one for one in known.addresses}
    counted: dict[tuple[str, str, str, str], _Interval] = defaultdict(_Interval)
    for (edge, operator, day, since), one in of_span.items():
        address = addresses[edge]
        span = rules.spans(known.register, address, since, since + 1, known.terms, operator)[0]
        start, end, cause = money.declared(Part(address, span), known.edges)
        held = counted[money.iso(start), money.iso(end), operator, cause]
        held.edges.add(address)
        held.lines += one.lines
        held.sent += one.sent
        bounds = None if known.is_sample else rules.bounds(known.tariffs.get(operator, []), day_of(day))
        for place, rate in enumerate((bounds.low, bounds.high) if bounds else ()):
            held.exact[place] = (held.exact[place] or 0) + one.sent * rate * known.overhead
    told = {(row["from"], row["to"], row["operator"], row["cause"]): row for row in answered}
    for key in sorted({*told, *counted}):
        row, held = told.get(key, {}), counted[key]
        edges = [str(one) for one in sorted(held.edges, key=lambda at: (at.version, int(at)))]
        what = f"بازه {' '.join(key)}"
        found.hold(
            f"{what}: نشانی، سطر، بایت",
            (row.get("edges"), row.get("lines"), row.get("bytes")),
            (edges, held.lines, held.sent),
        )
        for name, exact in zip(("rials_low", "rials_high"), held.exact, strict=True):
            value = row.get(name)
            if exact is None or value is None or not exact <= value < exact + held.lines:
                found.hold(f"{what}: {name}", value, None if exact is None else f"{float(exact):.3f}")
