"""Logs of web servers of one's own: nginx and HAProxy."""

import re
from collections.abc import Sequence

from peyman.gateways.logs.entries import Entry, Options, Rejected, clock, entry, request_line, seconds

QUOTED = r'"((?:[^"\\]|\\.)*)"'
_COMBINED = re.compile(
    rf"(\S+) \S+ (.{{1,200}}?) \[([^\]]{{20,32}})\] {QUOTED} (\d{{3}}) (\d+|-)(?: {QUOTED} {QUOTED})?(.*)", re.ASCII
)


def combined(raw: bytes, line: str, options: Options) -> Entry:
    return _web_server(raw, line, options, ())


def nginx(raw: bytes, line: str, options: Options) -> Entry:
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
    end = seconds(msec) if msec != "-" else clock(typed, options.zone)
    start = end - (seconds(took) if took != "-" else 0)
    method, url = request_line(request)
    return entry(
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


_HTTPLOG = re.compile(
    r"(?:.{0,200}?\]: )?(\S+):\d+ \[([^\]]{20,32})\] \S+ \S+ (?:-?\d+/)*(-?\d+|\+\d+) (-?\d{1,3}) (\+?)(\d+) "
    rf"\S+ \S+ \S{{4}} [\d/+]+ [\d/]+ (?:\{{([^}}]*)\}} ?)?(?:\{{[^}}]*\}} ?)?{QUOTED}(?: (\S+))?(?: (\S+))?",
    re.ASCII,
)


def haproxy(raw: bytes, line: str, options: Options) -> Entry:
    found = _HTTPLOG.fullmatch(line)
    if not found:
        raise Rejected("wrong_form")
    client, typed, took, status, early, sent, _, request, edge, request_id = found.groups()
    if early or took.startswith("+"):
        raise Rejected("counted_at_first_byte")  # option logasap: the rest of the transfer is not in it
    start = clock(typed, options.zone)
    method, url = request_line(request)
    return entry(
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
