"""The form of our own: CSV, JSON lines or Parquet with the columns of `CANONICAL`."""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from peyman.gateways.audit.files import BadFile
from peyman.gateways.logs.entries import Entry, Options, Read, Rejected, entry, instant, json_object, text, whole
from peyman.gateways.logs.unpacking import each

PARQUET: Final = b"PAR1"
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


def canonical(file: Path, lines: Iterator[tuple[int, bytes | None]], options: Options) -> Iterator[Read]:
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
    found = json_object(line)
    return _own([found.get(name) for name in CANONICAL], raw, options)


def parquet(file: Path, options: Options, told: Callable[[int], None]) -> Iterator[Read]:
    try:
        with pq.ParquetFile(file) as opened:
            columns = opened.schema_arrow.names
            need(file, columns)
            size, rows, number = file.stat().st_size, max(opened.metadata.num_rows, 1), 0
            for batch in opened.iter_batches(batch_size=20_000, columns=[n for n in CANONICAL if n in columns]):
                for place, line in rows_of(batch, options):
                    yield number + place + 1, line
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
    return str(instant(value)) if isinstance(value, datetime) else "" if value is None else str(value)


def _own(values: Sequence[Any], raw: bytes, options: Options) -> Entry:
    (start, end, edge, client, method, host, path, status, _, _, _, sent, _, request_id, cdn, node, token) = values
    begins = instant(start)
    return entry(
        raw,
        options,
        start=begins,
        end=instant(end) if end not in ("", None) else begins,
        edge=text(edge),
        client=text(client),
        method=text(method),
        host=text(host),
        url=text(path),
        status=whole(status, "bad_status"),
        sent=whole(sent, "bad_bytes"),
        token=text(token),
        request_id=text(request_id),
        cdn=text(cdn),
        node=text(node),
    )
