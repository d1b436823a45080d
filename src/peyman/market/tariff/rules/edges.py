"""What the delivery network says of its addresses, read: spans declared, full lists seen, names looked up.

Three kinds of evidence, kept apart (`How`), and served is what any of them says:

- *declared*: a span with a beginning and an end, for as long as nobody declares that prefix anew.
- *feed*: full lists, each true at its instant. Between two lists the earlier one is assumed to hold: a prefix is
  served from the first list that has it until before the first that has it not, and beyond the last list for as long
  as no newer one is known.
- *dns*: an answer proves an address at its instant; it is assumed to serve until some days have passed without it.

A file is taken whole or not at all: each bad line is named with its number, a stable code and what is wrong.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final, TypeVar

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.delimited import csv_rows
from peyman.kernel.errors import Refused
from peyman.kernel.text import has_controls, normalise, persian_digits
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.rules import history

MOST_LINES: Final = 100_000
_DAY = timedelta(days=1)
_YEARS = range(1990, 2200)
T = TypeVar("T")
Flag = Callable[[str], None]

_LONGEST_CDN, _LONGEST_SOURCE = 60, 200


class How(StrEnum):
    """Which evidence says that a prefix is served."""

    DECLARED = "declared"
    FEED = "feed"
    DNS = "dns"


class Form(StrEnum):
    """The forms of a file, told apart by their header."""

    SPANS = "spans"  # cdn, prefix, valid_from, valid_to, source
    OBSERVATIONS = "observations"  # cdn, observed_on, prefix, source
    SAMPLES = "samples"  # name, address, resolver, sampled_at
    PLAIN = "plain"  # one prefix a line


_COLUMNS: Final[Mapping[Form, tuple[str, ...]]] = {  # that must be there; `source` and `resolver` may be
    Form.SPANS: ("cdn", "prefix", "valid_from", "valid_to"),
    Form.OBSERVATIONS: ("cdn", "observed_on", "prefix"),
    Form.SAMPLES: ("name", "address", "sampled_at"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken. `code` is stable; `says` is a Persian sentence."""

    line: int
    code: str
    says: str


class BadEdges(Refused):
    """Lines of the file are wrong; none of it was taken."""

    code, clause, status = "bad_edges", "B04", 422
    says = "هیچ سطری ثبت نشد، چون {count} سطر درست نیست. سطرهای نام‌برده را درست کنید و فایل را دوباره بیاورید."

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(count=len(faults))
        self.faults = tuple(faults)


class NoList(Refused):
    """An answer that is no list: empty, or a page. It is not taken for a network without addresses."""

    code, clause, status = "no_list", "B04", 422
    says = "چیزی ثبت نشد: {why} نبودن فهرست را خالی‌بودن آن نمی‌گیریم؛ آنچه پیش‌تر می‌دانستیم سر جای خود است."


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Served from `starts_at` until before `ends_at` (None: open)."""

    starts_at: datetime
    ends_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What one belief is about: declared anew, its spans take the place of the old ones."""

    cdn: str
    prefix: str
    source: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The full list of one network at one instant, as one source gave it."""

    cdn: str
    seen_at: datetime
    source: str
    prefixes: tuple[str, ...]  # canonical, each once, in order


@dataclass(frozen=True, slots=True)
class Sample:
    """One address out of one DNS answer."""

    cdn: str
    prefix: str
    source: str
    sampled_at: datetime


@dataclass(frozen=True)
class Contents:
    """A file as read. `spans` of a subject are all that its source says of that prefix; none: it never served."""

    form: Form
    spans: Mapping[Subject, tuple[Span, ...]] = field(default_factory=dict)
    listings: tuple[Listing, ...] = ()
    samples: tuple[Sample, ...] = ()
    lines: int = 0
    flags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # host_bits, mapped → lines


# ---- Reading ----


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller says of the file: needed where its lines do not, and taken before them where both do not."""

    cdn: str = ""
    source: str = ""
    seen_at: datetime | None = None


class _Bad(Exception):
    def __init__(self, code: str, says: str) -> None:
        self.code, self.says = code, says


def read(text: str, asked: Asked) -> Contents:
    """Read a file of any form. Raises BadEdges with every bad line, NoList for what is no list at all."""
    text = text.removeprefix("\ufeff")
    _assert_a_list(text)
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise NoList(why=f"بیش از {persian_digits(MOST_LINES)} سطر دارد.")
    form, names = _form(lines)
    if form is Form.PLAIN:
        return _plain(lines, asked)
    return _table(form, names, text, asked)


def _assert_a_list(text: str) -> None:
    start = text.lstrip()[:300].lower()
    if not start:
        raise NoList(why="پاسخ خالی است.")
    if "\0" in text:
        raise NoList(why="فایل متنی نیست.")
    if start.startswith("<") or "<html" in start or "<!doctype" in start:
        raise NoList(why="به جای فهرست، یک صفحه وب رسیده است.")
    if start.startswith(("{", "[{")):
        raise NoList(why="قالب آن JSON است؛ فهرست را با سطرهای ساده یا CSV بیاورید.")


def _form(lines: Sequence[str]) -> tuple[Form, list[str]]:
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    _, cells = next(csv_rows([first]), (1, []))
    names = [name.strip().lower() for name in cells or []]
    for form, needed in _COLUMNS.items():
        if set(needed) <= set(names) and len(set(names)) == len(names):
            return form, names
    if len(names) > 1:
        headers = "؛ ".join(", ".join(needed) for needed in _COLUMNS.values())
        raise NoList(why=f"ستون‌های آن شناخته نشد. یکی از این‌ها باید باشد: {headers}.")
    return Form.PLAIN, names


def _table(form: Form, names: Sequence[str], text: str, asked: Asked) -> Contents:
    flags = _Flags()
    if form is Form.SPANS:
        declared = _each(names, text, _span, asked, flags)
        return Contents(form, spans=_by_subject(declared), lines=len(declared), flags=flags.found())
    if form is Form.OBSERVATIONS:
        seen = _each(names, text, _observation, asked, flags)
        return Contents(form, listings=_by_list(seen), lines=len(seen), flags=flags.found())
    samples = _each(names, text, _sample, asked, flags)
    once = sorted(set(samples), key=lambda one: (one.cdn, one.prefix, one.sampled_at, one.source))
    return Contents(form, samples=tuple(once), lines=len(samples), flags=flags.found())


class _Flags:
    """Which lines are irregular, by what."""

    def __init__(self) -> None:
        self._lines: dict[str, list[int]] = defaultdict(list)

    def note(self, line: int, flag: str) -> None:
        self._lines[flag].append(line)

    def found(self) -> dict[str, tuple[int, ...]]:
        return {flag: tuple(lines) for flag, lines in self._lines.items()}


def _each(
    names: Sequence[str],
    text: str,
    read_line: Callable[[Mapping[str, str], Asked, Flag], T],
    asked: Asked,
    flags: _Flags,
) -> list[T]:
    faults: list[Fault] = []
    found: list[T] = []
    for number, cells in _records(text, faults):
        try:
            if len(cells) != len(names):
                raise _Bad("columns", _counted(len(names), len(cells)))
            found.append(read_line(dict(zip(names, cells, strict=True)), asked, partial(flags.note, number)))
        except _Bad as fault:
            faults.append(Fault(number, fault.code, fault.says))
    if faults:
        raise BadEdges(sorted(faults, key=lambda fault: fault.line))
    if not found:
        raise NoList(why="زیر سطر نام ستون‌ها چیزی نیست.")
    return found


def _records(text: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) after the header; empty lines and comments are passed over."""
    lines = ("\n" if line.lstrip().startswith("#") else line for line in text.splitlines(keepends=True))
    is_header = True
    for number, cells in csv_rows(lines):
        if cells is None:
            faults.append(Fault(number, "quotes", "گیومه‌های آن درست بسته نشده است."))
        elif any(cell.strip() for cell in cells):
            if not is_header:
                yield number, [cell.strip() for cell in cells]
            is_header = False


def _plain(lines: Sequence[str], asked: Asked) -> Contents:
    if not asked.cdn or asked.seen_at is None:
        raise NoList(why="فهرست ساده نمی‌گوید از کدام شبکه و کدام زمان است؛ آن را با --cdn و --seen-at بگویید.")
    faults: list[Fault] = []
    flags = _Flags()
    found: set[str] = set()
    count = 0
    for number, line in enumerate(lines, start=1):
        typed = line.partition("#")[0].strip()
        if not typed or (not count and typed.lower() == "prefix"):
            continue
        try:
            found.add(_prefix(typed, partial(flags.note, number)))
            count += 1
        except _Bad as fault:
            faults.append(Fault(number, fault.code, fault.says))
    if faults and not found:
        raise NoList(why="هیچ سطری از آن محدوده نشانی نیست.")
    if faults:
        raise BadEdges(faults)
    if not found:
        raise NoList(why="پاسخ خالی است.")
    try:
        listing = Listing(_cdn(asked.cdn), asked.seen_at, _source(asked.source or "feed"), _in_order(found))
    except _Bad as fault:
        raise NoList(why=fault.says) from fault
    return Contents(Form.PLAIN, listings=(listing,), lines=count, flags=flags.found())


def _span(row: Mapping[str, str], asked: Asked, flag: Flag) -> tuple[Subject, Span | None]:
    cdn, prefix = _cdn(row["cdn"] or asked.cdn), _prefix(row["prefix"], flag)
    starts_at = _instant(row["valid_from"], "valid_from")
    ends_at = _instant(row["valid_to"], "valid_to") if row["valid_to"].strip() else None
    if ends_at is not None and ends_at < starts_at:
        raise _Bad("span_backwards", "پایان آن پیش از آغاز است.")
    subject = Subject(cdn, prefix, _source(row.get("source") or asked.source))
    return subject, None if ends_at == starts_at else Span(starts_at, ends_at)


def _observation(row: Mapping[str, str], asked: Asked, flag: Flag) -> tuple[str, datetime, str, str]:
    seen_at = _instant(row["observed_on"], "observed_on")
    source = _source(row.get("source") or asked.source)
    return _cdn(row["cdn"] or asked.cdn), seen_at, source, _prefix(row["prefix"], flag)


def _sample(row: Mapping[str, str], asked: Asked, flag: Flag) -> Sample:
    name = normalise(row["name"], digits=True).lower().rstrip(".")
    if not name or len(name) > 253 or has_controls(name) or " " in name:
        raise _Bad("name", "نام دامنه‌ای که پرسیده شد خالی یا نادرست است.")
    typed = row["address"]
    if "/" in typed:
        raise _Bad("address", "پاسخ DNS یک نشانی است، نه محدوده.")
    resolver = normalise(row.get("resolver") or asked.source)[:80]
    source = f"dns:{name}" + (f"@{resolver}" if resolver else "")
    return Sample(
        _cdn(asked.cdn or name), _prefix(typed, flag), _source(source), _instant(row["sampled_at"], "sampled_at")
    )


def _counted(wanted: int, found: int) -> str:
    return f"باید {persian_digits(wanted)} ستون داشته باشد و {persian_digits(found)} ستون دارد."


def _prefix(typed: str, flag: Flag) -> str:
    try:
        network, host_bits = prefixes.network(typed)
    except prefixes.BadAddress as fault:
        zone = "%" in typed
        raise _Bad("zone" if zone else "prefix", fault.says) from fault
    if not network.prefixlen:
        raise _Bad("default_route", "همه نشانی‌های جهان محدوده یک شبکه نیست.")
    if host_bits:
        flag("host_bits")
    if network.version == 4 and ":" in typed:
        flag("mapped")
    return str(network)


def _cdn(typed: str) -> str:
    cdn = normalise(typed, digits=True).lower()
    if not cdn or len(cdn) > _LONGEST_CDN or has_controls(cdn):
        raise _Bad("cdn", f"نام شبکه توزیع خالی یا بلندتر از {persian_digits(_LONGEST_CDN)} نویسه است.")
    return cdn


def _source(typed: str) -> str:
    source = normalise(typed)
    if not source or len(source) > _LONGEST_SOURCE or has_controls(source):
        raise _Bad("source", "منبع آن گفته نشده یا بیش از اندازه بلند است؛ ستون source یا --source آن را می‌گوید.")
    return source


def _instant(typed: str, column: str) -> datetime:
    try:
        at, _ = history.moment(typed)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.year not in _YEARS:
        raise _Bad("date", f"زمان {column} خوانده نشد؛ آن را مانند 2023-05-05 یا 2023-05-05T10:00+03:30 بنویسید.")
    return at.astimezone(UTC)


def _by_subject(read: Iterable[tuple[Subject, Span | None]]) -> dict[Subject, tuple[Span, ...]]:
    found: dict[Subject, list[Span]] = defaultdict(list)
    for subject, span in read:
        found[subject].extend([span] if span else [])
    return {subject: union(spans) for subject, spans in sorted(found.items())}


def _by_list(read: Iterable[tuple[str, datetime, str, str]]) -> tuple[Listing, ...]:
    found: dict[tuple[str, datetime, str], set[str]] = defaultdict(set)
    for cdn, seen_at, source, prefix in read:
        found[cdn, seen_at, source].add(prefix)
    return tuple(Listing(*key, _in_order(listed)) for key, listed in sorted(found.items()))


def _in_order(listed: Iterable[str]) -> tuple[str, ...]:
    keyed = [(prefixes.network(text)[0], text) for text in listed]
    keyed.sort(key=lambda pair: (pair[0].version, int(pair[0].network_address), pair[0].prefixlen))
    return tuple(text for _, text in keyed)


# ---- What it means ----


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Merge spans that overlap or touch, in order."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: one.starts_at):
        last = merged[-1] if merged else None
        if last is not None and (last.ends_at is None or span.starts_at <= last.ends_at):
            ends = None if last.ends_at is None or span.ends_at is None else max(last.ends_at, span.ends_at)
            merged[-1] = Span(last.starts_at, ends)
        else:
            merged.append(span)
    return tuple(merged)


@carries_out("B04")
def spans_of_lists(listings: Iterable[Listing]) -> dict[Subject, tuple[Span, ...]]:
    """Return what full lists of one network say: from the first list with a prefix until before the first without it.

    Several lists of one instant are one: what any of them has, serves. The source of a span is that of its first list;
    a prefix that comes back begins a new span.
    """
    by_instant: dict[datetime, dict[str, tuple[str, str]]] = defaultdict(dict)
    for one in sorted(listings, key=lambda listing: (listing.seen_at, listing.source)):
        for prefix in one.prefixes:
            by_instant[one.seen_at].setdefault(prefix, (one.cdn, one.source))
    found: dict[Subject, list[Span]] = defaultdict(list)
    running: dict[str, tuple[Subject, datetime]] = {}
    for at in sorted(by_instant):
        there = by_instant[at]
        for prefix in [prefix for prefix in running if prefix not in there]:
            subject, since = running.pop(prefix)
            found[subject].append(Span(since, at))
        for prefix, (cdn, source) in there.items():
            running.setdefault(prefix, (Subject(cdn, prefix, source), at))
    for subject, since in running.values():
        found[subject].append(Span(since))
    return {subject: tuple(spans) for subject, spans in found.items()}


def spans_of_samples(samples: Iterable[Sample], days: int) -> dict[Subject, tuple[Span, ...]]:
    """Return what DNS answers say: an address serves from its sample until `days` whole days have passed without it.

    Counted to the end of a day in Tehran, so that many samples of one day are one belief. Names and resolvers are
    evidence, not different addresses: the source is that of the first sample.
    """
    spans: dict[tuple[str, str], list[Span]] = defaultdict(list)
    sources: dict[tuple[str, str], str] = {}
    for one in sorted(samples, key=lambda sample: (sample.sampled_at, sample.source)):
        key = one.cdn, one.prefix
        sources.setdefault(key, one.source)
        spans[key].append(Span(one.sampled_at, day_start(tehran_day(one.sampled_at) + (days + 1) * _DAY)))
    return {Subject(*key, sources[key]): union(found) for key, found in spans.items()}
