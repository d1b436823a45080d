"""One line of a log in the form that all formats are read into, and the fields that many of them write alike."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote
from zoneinfo import ZoneInfo

from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.rules.audit import Code, line_key, micros

MOST_BYTES: Final = 10**13  # of one transfer
EARLIEST, LATEST = micros(datetime(2000, 1, 1, tzinfo=UTC)), micros(datetime(2100, 1, 1, tzinfo=UTC))
LONGEST_TRANSFER: Final = 31 * 86_400 * 1_000_000  # microseconds

NOBODY: Final = frozenset({"", "-", "unknown"})


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


def entry(
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


def text(value: Any) -> str:
    return value.strip() if type(value) is str else "" if value is None else str(value)


def whole_status(value: Any) -> int:
    """Read a status. Raises Rejected."""
    return whole(value, "bad_status")


def whole(value: Any, reason: str) -> int:
    if type(value) is int:
        return value
    try:
        if type(value) is str and len(value) <= 20 and value.isascii():
            return int(value)
    except ValueError:
        pass
    raise Rejected(reason)


def instant(value: Any) -> int:
    """Read an ISO instant; one without an offset is UTC, as is whatever a column of timestamps holds."""
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if type(value) is str and len(value) <= 10:
            raise Rejected("bad_time")
        return micros(read if read.tzinfo else read.replace(tzinfo=UTC))
    except (TypeError, ValueError, OverflowError):
        raise Rejected("bad_time") from None


def seconds(value: Any) -> int:
    """Read "0.123" or 12 seconds as microseconds, exactly."""
    whole, _, part = str(value).strip().partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 15 and (not part or part.isdigit())):
        raise Rejected("bad_time")
    return int(whole) * 1_000_000 + int(part[:6].ljust(6, "0") or 0)


def json_object(line: str) -> Mapping[str, Any]:
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


def request_line(typed: str) -> tuple[str, str]:
    """Split a request line into method and URL, "" where it is none."""
    method, _, rest = typed.partition(" ")
    url, _, _ = rest.rpartition(" ")
    return method, url or rest
