"""Download logs of servers and CDNs, opened under limits and read line by line into one form.

A log may be cut short, packed to swell, mixed with other things, or written by a server that nobody set right. What is
wrong with a line is counted by reason and told with its file and number; what is wrong with a file stops the audit.
Formats that do not name the address that the client connected to give lines without it, and say so (clause B09).

`nginx` is read in this form, all that an audit needs (docs/audit.md has it for copying):

    log_format peyman '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                      '"$http_referer" "$http_user_agent" $server_addr $msec $request_time $host $request_id';

`haproxy` in the form of its httplog, with ` %fi %ID` (both may be missing) after the request.
"""

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from peyman.gateways.audit.files import BadFile
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.rules.audit import Code, line_key, micros

MAX_LINE: Final = 64_000  # bytes; a longer line is rejected and never held
BLOCK: Final = 1 << 20
FREE: Final = 1_000_000_000  # bytes that a file may be unpacked to, however small it is
MAX_RATIO: Final = 300  # above that
MOST_BYTES: Final = 10**13  # of one transfer
EARLIEST, LATEST = micros(datetime(2000, 1, 1, tzinfo=UTC)), micros(datetime(2100, 1, 1, tzinfo=UTC))
LONGEST_TRANSFER: Final = 31 * 86_400 * 1_000_000  # microseconds

NOBODY: Final = frozenset({"", "-", "unknown"})
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"
PARQUET: Final = b"PAR1"


class Rejected(ValueError):
    """A line that says nothing that can be counted. `reason`: a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Entry(NamedTuple):
    """One line of a log. `start`, `end`: microseconds; addresses as written; `edge` "": `no_edge` says why."""

    start: int
    end: int
    edge: str
    client: str
    method: str
    host: str
    path: str
    status: int
    sent: int
    token: str
    key: bytes
    has_id: bool
    node: str = ""
    no_edge: Code = Code.NO_EDGE_ADDRESS
    is_edge_proven: bool = True  # False: the address counts only if it is one of the declared
    cdn: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How logs are read. `zone`: of times that are written without one; `parameter`: what holds the token in URLs."""

    zone: ZoneInfo = TEHRAN
    parameter: str = "token"


Read = tuple[int, Entry | str]  # the number of a line, and the line or why it was rejected
Parse = Callable[[bytes, str, Options], Entry]


def read(file: Path, form: str, options: Options, told: Callable[[int], None] = lambda at: None) -> Iterator[Read]:
    """Yield the lines of a log. `told` is called with how many bytes of the file were read.

    Raises BadFile for a file that is broken, swells, or is no log of that form.
    """
    with opened(file) as raw:
        start = raw.read(4)
        raw.seek(0)
        if form == "canonical" and start == PARQUET:
            yield from _parquet(file, options, told)
            return
        lines = _lines(file, raw, start, told)
        if form == "canonical":
            yield from _canonical(file, lines, options)
        elif form == "cloudfront":
            yield from _cloudfront(file, lines, options)
        else:
            yield from each(lines, FORMATS[form], options)


def opened(file: Path) -> IO[bytes]:
    try:
        if not file.is_file():
            raise BadFile(file, "یک فایل معمولی نیست.")
        return file.open("rb")
    except OSError as fault:
        raise BadFile(file, f"خوانده نشد ({fault.strerror}).") from fault


# ---- Bytes to lines ----


def _lines(file: Path, raw: IO[bytes], start: bytes, told: Callable[[int], None]) -> Iterator[tuple[int, bytes | None]]:
    """Yield numbered lines without their ends, None for one that is too long."""
    number, rest, is_too_long = 0, b"", False
    for block in unpacked(file, raw, start, told):
        pieces = block.split(b"\n")
        pieces[0] = rest + pieces[0]
        rest = pieces.pop()
        for piece in pieces:
            number += 1
            if is_too_long or len(piece) > MAX_LINE:
                is_too_long = False
                yield number, None
            else:
                yield number, piece.removesuffix(b"\r")
        if len(rest) > MAX_LINE:
            rest, is_too_long = b"", True
    if rest or is_too_long:
        yield number + 1, None if is_too_long else rest.removesuffix(b"\r")


def unpacked(file: Path, raw: IO[bytes], start: bytes, told: Callable[[int], None]) -> Iterator[bytes]:
    packed = max(file.stat().st_size, 1)
    unpacked = 0
    try:
        if start.startswith(_GZIP):
            stream: Any = gzip.GzipFile(fileobj=raw)
        elif start == _ZSTD:
            stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        else:
            stream = raw
        while block := stream.read(BLOCK):
            unpacked += len(block)
            if unpacked > FREE and unpacked > packed * MAX_RATIO:
                raise BadFile(file, f"بیش از {persian_digits(MAX_RATIO)} برابر اندازه‌اش باز می‌شود؛ خوانده نشد.")
            told(raw.tell())
            yield block
    except (OSError, EOFError, zlib.error, pa.ArrowException) as fault:
        raise BadFile(file, f"تا پایان باز نشد؛ شاید ناتمام یا خراب است ({fault}).") from fault


def each(lines: Iterator[tuple[int, bytes | None]], parse: Parse, options: Options) -> Iterator[Read]:
    for number, line in lines:
        if line is None:
            yield number, "line_too_long"
        elif line.strip():
            try:
                yield number, parse(line, line.decode("utf-8"), options)
            except Rejected as fault:
                yield number, fault.reason
            except UnicodeDecodeError:
                yield number, "not_utf8"


# ---- The line of our own ----

CANONICAL: Final = (
    "ts_start",
    "ts_end",
    "edge_ip",
    "client_ip",
    "method",
    "host",
    "path",
    "status",
    "range_start",
    "range_end",
    "object_size",
    "body_bytes",
    "complete",
    "request_id",
    "cdn",
    "node",
    "download_token",
)
_NEEDED: Final = ("ts_start", "edge_ip", "client_ip", "method", "path", "status", "body_bytes")


def _canonical(file: Path, lines: Iterator[tuple[int, bytes | None]], options: Options) -> Iterator[Read]:
    first = next(((number, line) for number, line in lines if line is None or line.strip()), None)
    if first is None:
        return
    number, head = first
    found = head_of(file, head or b"")
    if found is None:
        yield from each(iter([(number, (head or b"").removeprefix(b"\xef\xbb\xbf"))]), json_line, options)
        yield from each(lines, json_line, options)
    else:
        yield from each(lines, found.parse, options)


class Head:
    """The first line of our own CSV: its columns, and how a line under it is read."""

    def __init__(self, file: Path, line: bytes) -> None:
        """Raises BadFile for columns that are missing or there twice."""
        try:
            self.columns = [name.strip() for name in _cells(line.decode("utf-8-sig", "replace"))]
        except Rejected:
            self.columns = []
        need(file, self.columns)
        self._places = [self.columns.index(name) if name in self.columns else -1 for name in CANONICAL]

    def parse(self, raw: bytes, line: str, options: Options) -> Entry:
        """Read a line. Raises Rejected."""
        cells = line.split(",") if '"' not in line else _cells(line)
        if len(cells) != len(self.columns):
            raise Rejected("wrong_columns")
        return _own([cells[at] if at >= 0 else "" for at in self._places], raw, options)


def head_of(file: Path, line: bytes) -> Head | None:
    """Return the head that the first line of a log of our own is, or None if it is JSON. Raises BadFile."""
    return None if line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{") else Head(file, line)


def need(file: Path, columns: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in columns]
    if missing or len(set(columns)) != len(columns):
        raise BadFile(file, f"این ستون‌ها را ندارد یا دو بار دارد: {', '.join(missing or columns)}")


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        raise Rejected("wrong_columns") from None


def json_line(raw: bytes, line: str, options: Options) -> Entry:
    found = _object(line)
    return _own([found.get(name) for name in CANONICAL], raw, options)


def _parquet(file: Path, options: Options, told: Callable[[int], None]) -> Iterator[Read]:
    try:
        with pq.ParquetFile(file) as opened:
            columns = opened.schema_arrow.names
            need(file, columns)
            size, rows, number = file.stat().st_size, max(opened.metadata.num_rows, 1), 0
            for batch in opened.iter_batches(batch_size=20_000, columns=[n for n in CANONICAL if n in columns]):
                for place, entry in rows_of(batch, options):
                    yield number + place + 1, entry
                number += batch.num_rows
                told(size * number // rows)
    except (OSError, pa.ArrowException) as fault:
        raise BadFile(file, f"پارکت درستی نیست ({fault}).") from fault


def rows_of(batch: pa.RecordBatch, options: Options) -> Iterator[Read]:
    """Yield the rows of a batch of our own columns, by their place in it."""
    there = {name: batch.column(name).to_pylist() for name in batch.schema.names}
    nothing = [None] * batch.num_rows
    for place, values in enumerate(zip(*(there.get(name, nothing) for name in CANONICAL), strict=True)):
        try:
            yield place, _own(values, _raw(values), options)
        except Rejected as fault:
            yield place, fault.reason


def _raw(values: Sequence[Any]) -> bytes:
    """Return all that a row of Parquet says, as text."""
    return "\x1f".join(map(_written, values)).encode("utf-8", "surrogatepass")


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(_iso(value)) if isinstance(value, datetime) else "" if value is None else str(value)


def _own(values: Sequence[Any], raw: bytes, options: Options) -> Entry:
    (start, end, edge, client, method, host, path, status, _, _, _, sent, _, request_id, cdn, node, token) = values
    begins = _iso(start)
    return _entry(
        raw,
        options,
        start=begins,
        end=_iso(end) if end not in ("", None) else begins,
        edge=_text(edge),
        client=_text(client),
        method=_text(method),
        host=_text(host),
        url=_text(path),
        status=_whole(status, "bad_status"),
        sent=_whole(sent, "bad_bytes"),
        token=_text(token),
        request_id=_text(request_id),
        cdn=_text(cdn),
        node=_text(node),
    )


# ---- What all forms share ----


def _entry(
    raw: bytes,
    options: Options,
    *,
    start: int,
    end: int,
    edge: str,
    client: str,
    method: str,
    host: str,
    url: str,
    status: int,
    sent: int,
    token: str = "",
    request_id: str = "",
    cdn: str = "",
    node: str = "",
    is_edge_proven: bool = True,
) -> Entry:
    if not (EARLIEST <= start < LATEST and EARLIEST <= end < LATEST):
        raise Rejected("bad_time")
    if end < start:
        raise Rejected("ends_before_it_starts")
    if end - start > LONGEST_TRANSFER:
        raise Rejected("bad_time")
    if sent < 0:
        raise Rejected("negative_bytes")
    if sent > MOST_BYTES:
        raise Rejected("bad_bytes")
    path, of_query = token_in(url, options)
    token = token or of_query
    if request_id in NOBODY:
        request_id = ""
    return Entry(
        start,
        end,
        "" if edge in NOBODY else edge,
        "" if client in NOBODY else client,
        method,
        host.lower().partition(":")[0],
        path,
        status,
        sent,
        "" if token == "-" else token,  # noqa: S105
        line_key(cdn, request_id, (raw,)),
        bool(request_id),
        node,
        is_edge_proven=is_edge_proven,
        cdn=cdn,
    )


def token_in(url: str, options: Options) -> tuple[str, str]:
    """Return the path of a URL and the token in its query, "" where there is none."""
    path, _, query = url.partition("?")
    token = ""
    if query and options.parameter in query:
        try:
            pairs = parse_qsl(query, max_num_fields=200)
        except ValueError:
            pairs = []  # more parameters than anybody writes
        token = next((value for name, value in pairs if name == options.parameter), "")
    return unquote(path) if "%" in path else path, token


def _text(value: Any) -> str:
    return value.strip() if type(value) is str else "" if value is None else str(value)


def whole_status(value: Any) -> int:
    """Read a status. Raises Rejected."""
    return _whole(value, "bad_status")


def _whole(value: Any, reason: str) -> int:
    if type(value) is int:
        return value
    try:
        if type(value) is str and len(value) <= 20 and value.isascii():
            return int(value)
    except ValueError:
        pass
    raise Rejected(reason)


def _iso(value: Any) -> int:
    """Read an ISO instant; one without an offset is UTC, as is whatever a column of timestamps holds."""
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if type(value) is str and len(value) <= 10:
            raise Rejected("bad_time")
        return micros(read if read.tzinfo else read.replace(tzinfo=UTC))
    except (TypeError, ValueError, OverflowError):
        raise Rejected("bad_time") from None


def _number_of_seconds(value: Any) -> int:
    """Read "0.123" or 12 seconds as microseconds, exactly."""
    whole, _, part = str(value).strip().partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 15 and (not part or part.isdigit())):
        raise Rejected("bad_time")
    return int(whole) * 1_000_000 + int(part[:6].ljust(6, "0") or 0)


def _object(line: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise Rejected("not_json") from None
    if not isinstance(found, dict):
        raise Rejected("not_json")
    return found


_ABBREVIATED = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS: Final = {name: place for place, name in enumerate(_ABBREVIATED, 1)}
_CLOCK = re.compile(
    r"(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?: ([+-])(\d{2})(\d{2}))?", re.ASCII
)


def clock(typed: str, zone: ZoneInfo) -> int:
    """Read the time of a web server: 16/May/2023:00:00:00 +0330."""
    found = _CLOCK.fullmatch(typed)
    if not found:
        raise Rejected("bad_time")
    day, month, year, hour, minute, second, part, sign, hours, minutes = found.groups()
    try:
        at = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=zone)
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            at = at.replace(tzinfo=UTC) - (offset if sign == "+" else -offset)
    except (KeyError, ValueError, OverflowError):
        raise Rejected("bad_time") from None
    return micros(at) + int((part or "").ljust(6, "0"))


def _request(typed: str) -> tuple[str, str]:
    """Split a request line into method and URL, "" where it is none."""
    method, _, rest = typed.partition(" ")
    url, _, _ = rest.rpartition(" ")
    return method, url or rest


# ---- nginx ----

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_COMBINED = re.compile(
    rf"(\S+) \S+ (.{{1,200}}?) \[([^\]]{{20,32}})\] {_QUOTED} (\d{{3}}) (\d+|-)(?: {_QUOTED} {_QUOTED})?(.*)", re.ASCII
)


def _combined(raw: bytes, line: str, options: Options) -> Entry:
    return _web_server(raw, line, options, ())


def _nginx(raw: bytes, line: str, options: Options) -> Entry:
    more = line.rpartition('"')[2].split()
    if not 1 <= len(more) <= 5:
        raise Rejected("wrong_form")
    return _web_server(raw, line, options, more)


def _web_server(raw: bytes, line: str, options: Options, more: Sequence[str]) -> Entry:
    found = _COMBINED.fullmatch(line)
    if not found:
        raise Rejected("wrong_form")
    client, _, typed, request, status, sent, _, _, rest = found.groups()
    if rest and not more:
        raise Rejected("wrong_form")
    edge, msec, took, host, request_id = [*more, *("-",) * (5 - len(more))]
    end = _number_of_seconds(msec) if msec != "-" else clock(typed, options.zone)
    start = end - (_number_of_seconds(took) if took != "-" else 0)
    method, url = _request(request)
    return _entry(
        raw,
        options,
        start=start,
        end=end,
        edge=edge,
        client=client,
        method=method,
        host="" if host == "-" else host,
        url=url,
        status=int(status),
        sent=0 if sent == "-" else int(sent),
        request_id=request_id,
    )


# ---- ArvanCloud, Cloudflare ----


def _arvancloud(raw: bytes, line: str, options: Options) -> Entry:
    """Whether `server_ip` is the edge or the origin depends on the forwarder, so it must be a declared edge."""
    said = _object(line)
    typed = said.get("iso_timestamp") or said.get("timestamp")
    at = _any_time(typed)
    query = _text(said.get("query_string"))
    return _entry(
        raw,
        options,
        start=at,
        end=at,
        edge=_text(said.get("server_ip")),
        client=_text(said.get("ip")),
        method=_text(said.get("method")),
        host=_text(said.get("domain")),
        url=_text(said.get("uri")) + (f"?{query.removeprefix('?')}" if query not in NOBODY else ""),
        status=_whole(said.get("status"), "bad_status"),
        sent=_whole(said.get("bytes_sent"), "bad_bytes"),
        request_id=_text(said.get("request_id")),
        cdn="arvancloud",
        is_edge_proven=False,
    )


def _cloudflare(raw: bytes, line: str, options: Options) -> Entry:
    """Logpush, http_requests. `EdgeServerIP` asks the origin; which address the client asked is nowhere."""
    said = _object(line)
    start = _any_time(said.get("EdgeStartTimestamp", said.get("EdgeEndTimestamp")))
    sent = said.get("EdgeResponseBodyBytes")
    return _entry(
        raw,
        options,
        start=start,
        end=_any_time(said["EdgeEndTimestamp"]) if "EdgeEndTimestamp" in said else start,
        edge="",
        client=_text(said.get("ClientIP")),
        method=_text(said.get("ClientRequestMethod")),
        host=_text(said.get("ClientRequestHost")),
        url=_text(said.get("ClientRequestURI")),
        status=_whole(said.get("EdgeResponseStatus"), "bad_status"),
        sent=_whole(said.get("EdgeResponseBytes") if sent is None else sent, "bad_bytes"),
        request_id=_text(said.get("RayID")),
        cdn="cloudflare",
    )


def _any_time(value: Any) -> int:
    """Read a number of seconds, milliseconds, microseconds or nanoseconds since 1970, or an ISO instant."""
    if isinstance(value, bool) or value is None:
        raise Rejected("bad_time")
    if isinstance(value, float):
        return round(value * 1_000_000) if 0 < value < 1e11 else _any_time(int(value)) if value < 1e19 else -1
    if isinstance(value, str):
        if not re.fullmatch(r"\d{1,19}(?:\.\d{1,9})?", value, re.ASCII):
            return _iso(value)
        if "." in value:
            return _number_of_seconds(value)
        value = int(value)
    if value < 10**11:
        return int(value) * 1_000_000
    if value < 10**14:
        return int(value) * 1_000
    return int(value) if value < 10**17 else int(value) // 1_000


# ---- CloudFront ----


def _cloudfront(file: Path, lines: Iterator[tuple[int, bytes | None]], options: Options) -> Iterator[Read]:
    """W3C with tabs. `#Fields:` names the columns, in each file and wherever they change."""
    columns: list[str] = []

    def parse(raw: bytes, line: str, options: Options) -> Entry:
        cells = line.split("\t")
        if not columns or len(cells) != len(columns):
            raise Rejected("wrong_columns")
        said = dict(zip(columns, cells, strict=True))
        try:
            end = _iso(f"{said['date']}T{said['time']}+00:00")
            took = _number_of_seconds(said["time-taken"]) if said.get("time-taken", "-") != "-" else 0
            sent, length = _whole(said["sc-bytes"], "bad_bytes"), said.get("sc-content-len", "-")
            return _entry(
                raw,
                options,
                start=end - took,
                end=end,
                edge="",
                client=said["c-ip"],
                method=said["cs-method"],
                host=said.get("x-host-header", said.get("cs(Host)", "")),
                url=said["cs-uri-stem"] + (f"?{said['cs-uri-query']}" if said.get("cs-uri-query", "-") != "-" else ""),
                status=_whole(said["sc-status"], "bad_status"),
                sent=min(sent, _whole(length, "bad_bytes")) if length != "-" else sent,
                request_id=said.get("x-edge-request-id", ""),
                cdn="cloudfront",
            )
        except KeyError:
            raise Rejected("wrong_columns") from None

    for number, line in lines:
        if line is not None and line.startswith(b"#"):
            if line.startswith(b"#Fields:"):
                columns = line.decode("ascii", "replace").removeprefix("#Fields:").split()
            continue
        yield from each(iter([(number, line)]), parse, options)


# ---- HAProxy ----

_HTTPLOG = re.compile(
    r"(?:.{0,200}?\]: )?(\S+):\d+ \[([^\]]{20,32})\] \S+ \S+ (?:-?\d+/)*(-?\d+|\+\d+) (-?\d{1,3}) (\+?)(\d+) "
    rf"\S+ \S+ \S{{4}} [\d/+]+ [\d/]+ (?:\{{([^}}]*)\}} ?)?(?:\{{[^}}]*\}} ?)?{_QUOTED}(?: (\S+))?(?: (\S+))?",
    re.ASCII,
)


def _haproxy(raw: bytes, line: str, options: Options) -> Entry:
    found = _HTTPLOG.fullmatch(line)
    if not found:
        raise Rejected("wrong_form")
    client, typed, took, status, early, sent, _, request, edge, request_id = found.groups()
    if early or took.startswith("+"):
        raise Rejected("counted_at_first_byte")  # option logasap: the rest of the transfer is not in it
    start = clock(typed, options.zone)
    method, url = _request(request)
    return _entry(
        raw,
        options,
        start=start,
        end=start + max(int(took), 0) * 1_000,
        edge=edge or "",
        client=client,
        method=method,
        host="",
        url=url,
        status=int(status),
        sent=int(sent),
        request_id=request_id or "",
    )


FORMATS: Final[Mapping[str, Parse]] = {
    "nginx": _nginx,
    "combined": _combined,
    "arvancloud": _arvancloud,
    "cloudflare": _cloudflare,
    "haproxy": _haproxy,
}
NAMES: Final = ("canonical", "nginx", "combined", "arvancloud", "cloudflare", "cloudfront", "haproxy")
