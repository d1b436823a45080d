"""Logs that CDNs hand over: ArvanCloud, Cloudflare, CloudFront. None names the address that the client asked."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peyman.gateways.logs.entries import (
    NOBODY,
    Entry,
    Options,
    Read,
    Rejected,
    entry,
    instant,
    json_object,
    seconds,
    text,
    whole,
)
from peyman.gateways.logs.unpacking import each


def arvancloud(raw: bytes, line: str, options: Options) -> Entry:
    """Whether `server_ip` is the edge or the origin depends on the forwarder, so it must be a declared edge."""
    said = json_object(line)
    typed = said.get("iso_timestamp") or said.get("timestamp")
    at = _any_instant(typed)
    query = text(said.get("query_string"))
    return entry(
        raw,
        options,
        start=at,
        end=at,
        edge=text(said.get("server_ip")),
        client=text(said.get("ip")),
        method=text(said.get("method")),
        host=text(said.get("domain")),
        url=text(said.get("uri")) + (f"?{query.removeprefix('?')}" if query not in NOBODY else ""),
        status=whole(said.get("status"), "bad_status"),
        sent=whole(said.get("bytes_sent"), "bad_bytes"),
        request_id=text(said.get("request_id")),
        cdn="arvancloud",
        is_edge_proven=False,
    )


def cloudflare(raw: bytes, line: str, options: Options) -> Entry:
    """Logpush, http_requests. `EdgeServerIP` asks the origin; which address the client asked is nowhere."""
    said = json_object(line)
    start = _any_instant(said.get("EdgeStartTimestamp", said.get("EdgeEndTimestamp")))
    sent = said.get("EdgeResponseBodyBytes")
    return entry(
        raw,
        options,
        start=start,
        end=_any_instant(said["EdgeEndTimestamp"]) if "EdgeEndTimestamp" in said else start,
        edge="",
        client=text(said.get("ClientIP")),
        method=text(said.get("ClientRequestMethod")),
        host=text(said.get("ClientRequestHost")),
        url=text(said.get("ClientRequestURI")),
        status=whole(said.get("EdgeResponseStatus"), "bad_status"),
        sent=whole(said.get("EdgeResponseBytes") if sent is None else sent, "bad_bytes"),
        request_id=text(said.get("RayID")),
        cdn="cloudflare",
    )


def cloudfront(file: Path, lines: Iterator[tuple[int, bytes | None]], options: Options) -> Iterator[Read]:
    """W3C with tabs. `#Fields:` names the columns, in each file and wherever they change."""
    columns: list[str] = []

    def parse(raw: bytes, line: str, options: Options) -> Entry:
        cells = line.split("\t")
        if not columns or len(cells) != len(columns):
            raise Rejected("wrong_columns")
        said = dict(zip(columns, cells, strict=True))
        try:
            end = instant(f"{said['date']}T{said['time']}+00:00")
            took = seconds(said["time-taken"]) if said.get("time-taken", "-") != "-" else 0
            sent, length = whole(said["sc-bytes"], "bad_bytes"), said.get("sc-content-len", "-")
            return entry(
                raw,
                options,
                start=end - took,
                end=end,
                edge="",
                client=said["c-ip"],
                method=said["cs-method"],
                host=said.get("x-host-header", said.get("cs(Host)", "")),
                url=said["cs-uri-stem"] + (f"?{said['cs-uri-query']}" if said.get("cs-uri-query", "-") != "-" else ""),
                status=whole(said["sc-status"], "bad_status"),
                sent=min(sent, whole(length, "bad_bytes")) if length != "-" else sent,
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


def _any_instant(value: Any) -> int:
    """Read a number of seconds, milliseconds, microseconds or nanoseconds since 1970, or an ISO instant."""
    if isinstance(value, bool) or value is None:
        raise Rejected("bad_time")
    if isinstance(value, float):
        return round(value * 1_000_000) if 0 < value < 1e11 else _any_instant(int(value)) if value < 1e19 else -1
    if isinstance(value, str):
        if not re.fullmatch(r"\d{1,19}(?:\.\d{1,9})?", value, re.ASCII):
            return instant(value)
        if "." in value:
            return seconds(value)
        value = int(value)
    if value < 10**11:
        return int(value) * 1_000_000
    if value < 10**14:
        return int(value) * 1_000
    return int(value) if value < 10**17 else int(value) // 1_000
