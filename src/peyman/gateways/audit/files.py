"""The files that an audit is told by: ISPs, tariffs, releases, grants, edges, probes, clocks. Strict: every bad line is
named.

UTF-8 CSV with the headers of TABLES, in any order. A date without a time begins at midnight in Tehran, a time without
an offset is Tehran's, and an empty end is open. A file with one bad line is not used at all: an audit must not rest on
what somebody meant.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar

from peyman.gateways import registry
from peyman.kernel import prefixes
from peyman.kernel.text import has_controls, normalise, persian_digits, whole_number
from peyman.market.tariff.rules import probes as measured
from peyman.market.tariff.rules import quarantine, rows
from peyman.market.tariff.rules.audit import ALWAYS, Probe, Shown, Tariff, contradictions, instant, micros
from peyman.market.tariff.rules.audit_joins import ClockOffset, DeclaredEdge, Grant, Isp, Release
from peyman.market.tariff.rules.history import Listed, Seen, moment, seen

MAX_BYTES: Final = 500_000_000
MAX_ROWS: Final = 5_000_000
MAX_CELL: Final = 1_000  # characters
MOST_EXACT: Final = 2**44  # of the parts of a rate, so that what is added to bytes has room
NAMED: Final = 20  # bad lines told one by one; the rest is counted

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "edges": ("cdn", "prefix", "valid_from", "valid_to", "source"),
    "isps": ("prefix", "asn", "operator", "valid_from", "valid_to"),
    "tariffs": (
        "operator",
        "service_class",
        "plan",
        "valid_from",
        "valid_to",
        "full_rial_per_mb",
        "factor",
        "unit_bytes",
        "verified",
        "source",
    ),
    "releases": ("channel", "valid_from", "valid_to", "shown"),
    "grants": ("token", "user", "operator", "object", "shown_at", "expires_at"),
    "probes": ("operator", "edge", "at", "factor", "source"),
    "clock_offsets": ("cdn", "node", "valid_from", "valid_to", "ahead_seconds", "tolerance_seconds"),
}
OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {"probes": ("note",)}  # columns that may be missing

_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
_FRACTION = re.compile(r"([0-9]{1,9})\s*/\s*([0-9]{1,9})", re.ASCII)
_BOOLEANS: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

T = TypeVar("T")
Cells = Mapping[str, str]


class BadFile(ValueError):
    """A file that cannot be used. `says`: Persian lines, the file first, then what is wrong with which line."""

    def __init__(self, file: Path, *says: str) -> None:
        self.says = [f"{file}: {says[0]}", *says[1:]] if says else [str(file)]
        self.faults: list[tuple[int, str]] = []  # every wrong line and what is wrong with it, where lines are wrong
        super().__init__("\n".join(self.says))


class _Bad(ValueError):
    """What is wrong with a line, in Persian."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Which file it was: its name without its folder, its size, and the hash of all its bytes."""

    name: str
    size: int
    sha256: str


def digest(file: Path) -> Digest:
    """Return what tells a file from every other. Raises BadFile."""
    sha, size = hashlib.sha256(), 0
    try:
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                sha.update(block)
                size += len(block)
    except OSError as fault:
        raise BadFile(file, f"خوانده نشد ({fault.strerror}).") from fault
    return Digest(file.name, size, sha.hexdigest())


def edges(file: Path) -> list[DeclaredEdge]:
    """Read from where we said that we serve. Raises BadFile."""
    return _read(file, "edges", _edge)


def isps(file: Path) -> list[Isp]:
    """Read which addresses were whose customers. Raises BadFile."""
    return _read(file, "isps", _isp)


def tariffs(file: Path) -> list[Tariff]:
    """Read what operators charged. Raises BadFile, also for rows that contradict each other."""
    found = _read(file, "tariffs", _tariff)
    check_tariffs(file, found)
    return found


def check_tariffs(file: Path, found: Sequence[Tariff]) -> None:
    """Raise BadFile where two verified rows say two prices for one operator, class and plan at one time."""
    pairs = contradictions(found)
    if pairs:
        faults = [f"  {_named(one)} ⟷ {_named(other)}" for one, other in pairs[:NAMED]]
        if len(pairs) > NAMED:
            faults.append(f"  … و {persian_digits(len(pairs) - NAMED)} جفت دیگر.")
        raise BadFile(file, "ردیف‌های تأییدشده آن برای یک زمان دو بها می‌گوید و از آن استفاده نشد.", *faults)


def _named(row: Tariff) -> str:
    since = instant(row.start).isoformat(timespec="minutes")
    words = [part for part in (row.operator, row.service_class, row.plan) if part]
    return f"{' / '.join(words)}: {row.full} × (۱ − {row.factor}) از {since} ({row.source or '-'})"


def releases(file: Path) -> list[Release]:
    """Read what past versions showed. Raises BadFile."""
    return _read(file, "releases", _release)


def grants(file: Path) -> list[Grant]:
    """Read to whom the message was shown. Raises BadFile."""
    return _read(file, "grants", _grant)


def probes(file: Path) -> list[Probe]:
    """Read what was measured. Raises BadFile."""
    return _read(file, "probes", _probe)


def clock_offsets(file: Path) -> list[ClockOffset]:
    """Read by how much clocks were wrong. Raises BadFile."""
    return _read(file, "clock_offsets", _clock_offset)


# ---- The registry's lists, in a folder ----

DATED: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d).*\.(?:csv|xlsx|html?|json)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Held:
    """A list of the folder that was not used, and why."""

    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Folder:
    """The history that a folder of lists holds, and what of it was not used."""

    snapshots: list[Seen]
    rows: list[Listed]
    files: list[Digest]
    held: list[Held]


@dataclass(slots=True)
class _List:
    """A list of the folder: its rows by number."""

    seen: Seen
    name: str
    rows: frozenset[int]
    verdict: quarantine.Verdict
    is_good: bool


def registry_folder(folder: Path, told: Callable[[str], None] = lambda name: None) -> Folder:
    """Read the lists of a folder, named by the day on which they were seen ("2023-05-05.csv"), as `peyman registry
    import` takes them: bad ones are left out unless a later one agrees. Raises BadFile, also when no list is good.
    """
    try:
        files = sorted((found[1], path) for path in folder.iterdir() if (found := DATED.fullmatch(path.name)))
    except OSError as fault:
        raise BadFile(folder, f"خوانده نشد ({fault.strerror}).") from fault
    numbers: dict[rows.Line, int] = {}
    reads: list[rows.Read] = []
    lists: list[_List] = []
    held: list[Held] = []
    last: quarantine.Summary | None = None
    digests = []
    for day, path in files:
        told(path.name)
        digests.append(digest(path))
        try:
            at, _ = moment(day)
            opened = registry.open_list(path)
        except registry.Unreadable as fault:
            held.append(Held(path.name, fault.detail))
            continue
        except ValueError:
            held.append(Held(path.name, "نام آن با تاریخی درست آغاز نمی‌شود."))
            continue
        for line in opened.lines:
            if line not in numbers:
                numbers[line] = len(reads)
                reads.append(rows.read(line))
        of_list = [numbers[line] for line in opened.lines]
        pairs = ((line, reads[number]) for line, number in zip(opened.lines, of_list, strict=True))
        summary = quarantine.summarise(pairs, lost=opened.lost, faults=opened.faults)
        verdict = quarantine.judge(summary, last)
        one = _List(seen(path.name, at, True), path.name, frozenset(of_list), verdict, verdict.state == quarantine.GOOD)
        if not one.is_good:
            for other in lists:
                if _agree(one, other):
                    one.is_good = other.is_good = True
        lists.append(one)
        if one.is_good:
            last = summary
    good = [one for one in lists if one.is_good]
    held += [
        Held(one.name, " ".join(reason.detail for reason in one.verdict.reasons)) for one in lists if not one.is_good
    ]
    if not good:
        told_why = [f"  {one.name}: {one.says}" for one in held[:NAMED]]
        raise BadFile(folder, "هیچ فهرست درستی از سامانه ملی در آن نیست (نام فایل‌ها: 2023-05-05.csv).", *told_why)
    return Folder([one.seen for one in good], _stays(good, reads), digests, sorted(held, key=lambda one: one.name))


def _agree(one: _List, other: _List) -> bool:
    if other.is_good or not (quarantine.may_agree(one.verdict.codes) and quarantine.may_agree(other.verdict.codes)):
        return False
    apart = one.seen.starts_at - other.seen.starts_at
    return quarantine.agrees({*map(str, one.rows)}, {*map(str, other.rows)}, apart=apart)


def _stays(good: list[_List], reads: list[rows.Read]) -> list[Listed]:
    begun: dict[int, int] = {}
    found: list[Listed] = []

    def end(number: int, absent: int | None) -> None:
        says = reads[number]
        if says.network:
            first = begun[number]
            found.append(Listed(number, says.network, says.host, says.update_on, says.due_on, first, absent))

    before: frozenset[int] = frozenset()
    for position, one in enumerate(good):
        for number in sorted(before - one.rows):
            end(number, position)
        for number in one.rows - before:
            begun[number] = position
        before = one.rows
    for number in sorted(before):
        end(number, None)
    return found


# ---- Rows ----


def _edge(cells: Cells) -> DeclaredEdge:
    start, end = _span(cells)
    return DeclaredEdge(_filled(cells, "cdn"), _prefix(cells), start, end, cells["source"])


def _isp(cells: Cells) -> Isp:
    start, end = _span(cells)
    return Isp(_prefix(cells), cells["asn"], _filled(cells, "operator"), start, end)


def _tariff(cells: Cells) -> Tariff:
    start, end = _span(cells)
    try:
        unit = whole_number(cells["unit_bytes"])
    except ValueError:
        unit = 0
    if not 1 <= unit <= 2**40:
        raise _Bad("unit_bytes شمار بایت‌های یک واحد است، مانند 1000000 یا 1048576.")
    factor = _number(cells, "factor")
    if factor > 1:
        raise _Bad("factor از ۰ تا ۱ است، مانند 0.5 یا 1/3.")
    verified = _BOOLEANS.get(cells["verified"].lower())
    if verified is None:
        raise _Bad("verified یا yes است یا no.")
    row = Tariff(
        operator=_filled(cells, "operator"),
        service_class=cells["service_class"],
        plan=cells["plan"],
        start=start,
        end=end,
        full=_number(cells, "full_rial_per_mb"),
        factor=factor,
        unit=unit,
        verified=verified,
        source=cells["source"],
    )
    if max(row.lost.numerator, row.lost.denominator) >= MOST_EXACT:
        raise _Bad("full_rial_per_mb و factor بیش از آن رقم دارد که دقیق حساب شود.")
    return row


def _release(cells: Cells) -> Release:
    start, end = _span(cells)
    shown = {"yes": Shown.YES, "no": Shown.NO, "unknown": Shown.UNKNOWN}.get(cells["shown"].lower())
    if shown is None:
        raise _Bad("shown یکی از yes، no و unknown است.")
    return Release(_filled(cells, "channel").lower(), start, end, shown)


def _grant(cells: Cells) -> Grant:
    start, end = _span(cells, "shown_at", "expires_at")
    return Grant(
        _filled(cells, "token"), _filled(cells, "user"), cells["operator"], _filled(cells, "object"), start, end
    )


def _probe(cells: Cells) -> Probe:
    try:
        edge = prefixes.address(_filled(cells, "edge"))
    except prefixes.BadAddress as fault:
        raise _Bad(f"edge: {fault.says}") from fault
    factor = _number(cells, "factor")
    if factor > 2:
        raise _Bad("factor سهمی از تعرفه کامل است که حساب شد: 1 تمام‌بها، 0.5 نیم‌بها.")
    return Probe(_filled(cells, "operator"), edge, _instant(cells, "at"), factor, cells["source"])


def _measured(cells: Cells) -> measured.Probe:
    try:
        prefix = prefixes.network(_filled(cells, "edge"))[0]
    except prefixes.BadAddress as fault:
        raise _Bad(f"edge: {fault.says}") from fault
    factor = _number(cells, "factor")
    if factor > 2:
        raise _Bad("factor سهمی از تعرفه کامل است که حساب شد: 1 تمام‌بها، 0.5 نیم‌بها.")
    return measured.Probe(
        _filled(cells, "operator"), prefix, _instant(cells, "at"), factor, cells["source"], cells["note"]
    )


def _clock_offset(cells: Cells) -> ClockOffset:
    start, end = _span(cells)
    ahead = cells["ahead_seconds"].strip()
    offset = _microseconds(ahead.removeprefix("-"), "ahead_seconds")
    tolerance = _microseconds(cells["tolerance_seconds"], "tolerance_seconds")
    return ClockOffset(cells["cdn"], cells["node"], -offset if ahead.startswith("-") else offset, tolerance, start, end)


def _microseconds(typed: str, name: str) -> int:
    typed = normalise(typed, digits=True)
    seconds = Fraction(typed) if _DECIMAL.fullmatch(typed) else None
    if seconds is None or seconds > 86_400 or (seconds * 1_000_000).denominator != 1:
        raise _Bad(f"{name} شمار ثانیه‌ها است، تا ۸۶۴۰۰ و با شش رقم اعشار یا کمتر: «{typed[:40]}»")
    return int(seconds * 1_000_000)


# ---- Cells ----


def _filled(cells: Cells, name: str) -> str:
    if not cells[name]:
        raise _Bad(f"{name} خالی است.")
    return cells[name]


def _prefix(cells: Cells) -> prefixes.Network:
    try:
        return prefixes.network(_filled(cells, "prefix"))[0]
    except prefixes.BadAddress as fault:
        raise _Bad(f"prefix: {fault.says}") from fault


def _span(cells: Cells, begins: str = "valid_from", ends: str = "valid_to") -> tuple[int, int]:
    start = _instant(cells, begins)
    end = _instant(cells, ends) if cells[ends] else ALWAYS
    if start >= end:
        raise _Bad(f"{ends} باید پس از {begins} باشد.")
    return start, end


def _instant(cells: Cells, name: str) -> int:
    try:
        return micros(moment(_filled(cells, name))[0])
    except _Bad:
        raise
    except (ValueError, OverflowError):
        raise _Bad(f"{name} تاریخ یا زمانی به شکل ISO نیست: «{cells[name][:40]}»") from None


def _number(cells: Cells, name: str) -> Fraction:
    typed = normalise(cells[name], digits=True)
    if _DECIMAL.fullmatch(typed):
        return Fraction(typed)
    parts = _FRACTION.fullmatch(typed)
    if parts and int(parts[2]):
        return Fraction(int(parts[1]), int(parts[2]))
    raise _Bad(f"{name} عددی اعشاری یا کسری مانند 1/3 است: «{typed[:40]}»")


_KEPT: Final[Mapping[str, Callable[[Cells], Any]]] = {"isps": _isp, "tariffs": _tariff, "probes": _measured}


# ---- Files ----


def numbered(table: str, data: bytes, name: str) -> list[tuple[int, Any]]:
    """Read one of the tables that we keep ourselves: (line, row) of each row. Raises BadFile, named `name`.

    Rows of ISPs are `Isp`, of tariffs `Tariff`, of probes `rules.probes.Probe`: of a range as well, with its note.
    """
    return _numbered(Path(name), data, table, _KEPT[table])


def _read(file: Path, table: str, row: Callable[[Cells], T]) -> list[T]:
    return [found for _, found in _numbered(file, _bytes(file), table, row)]


def _numbered(file: Path, data: bytes, table: str, row: Callable[[Cells], T]) -> list[tuple[int, T]]:
    found: list[tuple[int, T]] = []
    faults: list[tuple[int, str]] = []
    for number, cells in _lines(file, data, TABLES[table], OPTIONAL.get(table, ())):
        try:
            found.append((number, row(_cleaned(cells))))
        except _Bad as fault:
            faults.append((number, str(fault)))
    if faults:
        says = [f"  سطر {persian_digits(number)}: {fault}" for number, fault in faults[:NAMED]]
        if len(faults) > NAMED:
            says.append(f"  … و {persian_digits(len(faults) - NAMED)} سطر دیگر.")
        bad = BadFile(file, f"{persian_digits(len(faults))} سطر آن درست نیست و از آن استفاده نشد.", *says)
        bad.faults = faults
        raise bad
    return found


def _cleaned(cells: Cells) -> Cells:
    for name, cell in cells.items():
        if len(cell) > MAX_CELL:
            raise _Bad(f"{name} بلندتر از {persian_digits(MAX_CELL)} نویسه است.")
        if has_controls(cell):
            raise _Bad(f"{name} نویسه‌ای دارد که نوشتنی نیست.")
    # Tokens, paths and users must equal what logs say, so they stay as written.
    return {name: normalise(cell) if name in ("operator", "cdn") else cell.strip() for name, cell in cells.items()}


def _bytes(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise BadFile(file, f"بزرگ‌تر از {persian_digits(MAX_BYTES // 1_000_000)} مگابایت است.")
        return file.read_bytes()
    except OSError as fault:
        raise BadFile(file, f"خوانده نشد ({fault.strerror}).") from fault


def _lines(
    file: Path, data: bytes, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Iterator[tuple[int, Cells]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise BadFile(file, f"سطر {persian_digits(line)}: نویسه‌های آن UTF-8 نیست.") from fault
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        given = [name for name in header if name not in optional]
        if sorted(given) != sorted(columns) or len({*header}) != len(header):
            raise BadFile(file, f"ستون‌های آن باید این‌ها باشد: {', '.join(columns)}")
        missing = dict.fromkeys([name for name in optional if name not in header], "")
        for number, cells in enumerate(reader, 1):
            if not any(cell.strip() for cell in cells):
                continue
            if number > MAX_ROWS:
                raise BadFile(file, f"بیش از {persian_digits(MAX_ROWS)} سطر دارد.")
            if len(cells) != len(header):
                raise BadFile(
                    file,
                    f"سطر {persian_digits(reader.line_num)}: {persian_digits(len(cells))} خانه دارد، "
                    f"نه {persian_digits(len(header))}.",
                )
            yield reader.line_num, dict(zip(header, cells, strict=True)) | missing
    except csv.Error as fault:
        raise BadFile(file, f"سطر {persian_digits(reader.line_num)}: CSV درست نیست ({fault}).") from fault
