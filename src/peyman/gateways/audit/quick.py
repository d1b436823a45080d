"""Lines of logs read by the column instead of one by one, as far as there can be no doubt of what they say.

What stands here knows the plainest way of writing each form and nothing else: times with a Z, whole numbers in digits,
no quotes, no escapes. `reading.py` gives every line that is not sure to the reader of `gateways/logs`, which alone
decides; so a line means the same whichever way it went.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, json

from peyman.gateways.logs import Options, Rejected
from peyman.gateways.logs.entries import (
    EARLIEST,
    LATEST,
    LONGEST_TRANSFER,
    MOST_BYTES,
    NOBODY,
    clock,
    token_in,
    whole_status,
)
from peyman.gateways.logs.own import CANONICAL
from peyman.gateways.logs.unpacking import MAX_LINE

_ANY: Final = "\x01"  # a separator that no sure line has
_US: Final = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()
_FEW = pa.dictionary(pa.int32(), _TEXT)


class Unsure(ValueError):
    """Among these lines is one that must be read by itself."""


@dataclass(slots=True)
class Many:
    """Lines as columns of `Entry`, each as long; what takes few values is a dictionary.

    `sure`: which lines the columns are right for.
    """

    start: pa.Array
    end: pa.Array
    edge: pa.Array
    client: pa.Array
    method: pa.Array
    host: pa.Array
    path: pa.Array
    status: pa.Array
    sent: pa.Array
    token: pa.Array
    node: pa.Array
    key_hi: pa.Array
    key_lo: pa.Array
    has_id: pa.Array
    sure: pa.Array

    def only(self, mask: pa.Array) -> "Many":
        """Return the lines that a mask holds."""
        return Many(*(getattr(self, name).filter(mask) for name in self.__slots__))


# ---- Columns ----


class Hasher:
    """Says what `rules.line_key` says, for many lines at once."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "500MB"})
        self._one_at_a_time = Lock()

    def __call__(self, cdn: pa.Array, request_id: pa.Array, raw: pa.Array) -> tuple[pa.Array, pa.Array]:
        given = pa.table([cdn, request_id, raw], ["cdn", "id", "raw"])
        with self._one_at_a_time:
            self._connection.register("given", given)
            found = self._connection.sql(_HASHED).to_arrow_table()
            self._connection.unregister("given")
        hi, lo = (pc.cast(found.column(name).combine_chunks(), pa.int64(), safe=False) for name in ("hi", "lo"))
        return hi, lo


@cache
def hasher() -> Hasher:
    """Return the one of this process: to start one takes as long as to read a thousand lines."""
    return Hasher()


_HASHED: Final = """
SELECT CAST('0x' || substr(h, 1, 16) AS UBIGINT) AS hi, CAST('0x' || substr(h, 17, 16) AS UBIGINT) AS lo
FROM (
    SELECT sha256(
        CASE WHEN id = '' THEN 'line' || chr(31) || raw ELSE 'id' || chr(31) || cdn || chr(31) || id END
    ) AS h
    FROM given
)
"""


def texts(column: pa.Array) -> pa.Array:
    """Return a column of text in one piece, "" for what is missing."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_string(whole.type):
        whole = pc.cast(whole, _TEXT)
    return pc.fill_null(whole, "") if whole.null_count else whole


def again(column: pa.Array, function: Callable[[str], str]) -> pa.Array:
    """Return `function` of each text, as a column of few values."""
    encoded = column.dictionary_encode() if not pa.types.is_dictionary(column.type) else column
    found = pa.array([function(value) for value in encoded.dictionary.to_pylist()], _TEXT)
    return pa.DictionaryArray.from_arrays(encoded.indices, found)


def each(column: pa.Array, function: Any, kind: pa.DataType) -> pa.Array:
    """Return `function` of each text, asked once for each that is different."""
    encoded = column.dictionary_encode() if not pa.types.is_dictionary(column.type) else column
    found = pa.array([function(value) for value in encoded.dictionary.to_pylist()], kind)
    return found.take(encoded.indices)


def _split(body: pa.Buffer, names: list[str], kinds: dict[str, pa.DataType], separator: str) -> pa.Table:
    """Cut lines into cells at every separator, whatever the cells hold. Raises Unsure where they are not as many."""
    try:
        return csv.read_csv(
            pa.BufferReader(body),
            csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(body), 1) + 1),
            csv.ParseOptions(delimiter=separator, quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=kinds, include_columns=[*kinds], strings_can_be_null=False),
        )
    except pa.ArrowException:
        raise Unsure from None


def lines_of(body: bytes, many: int) -> pa.Array:
    """Return the lines of a text. Raises Unsure if their ends are not all alike, or one is no text or too long."""
    if _ANY.encode() in body:
        raise Unsure
    found = _split(pa.py_buffer(body), ["line"], {"line": _TEXT}, _ANY).column(0).combine_chunks()
    if len(found) != many or (pc.max(pc.binary_length(found)).as_py() or 0) >= MAX_LINE:
        raise Unsure
    return found


def moments(typed: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Read times such as 2023-05-13T10:00:00.250Z; return microseconds and which are sure."""
    length = pc.binary_length(typed)
    sure = pc.and_(pc.is_in(length, pa.array([20, 24, 27], pa.int32())), pc.ends_with(typed, "Z"))
    try:
        return pc.cast(pc.cast(pc.if_else(sure, typed, "2000-01-01T00:00:00Z"), _US), pa.int64()), sure
    except pa.ArrowInvalid:
        raise Unsure from None


def wholes(typed: pa.Array, longest: int = 18) -> tuple[pa.Array, pa.Array]:
    """Read whole numbers of digits only; return them and which are sure."""
    sure = pc.and_(pc.ascii_is_decimal(typed), pc.less_equal(pc.binary_length(typed), longest))
    return pc.cast(pc.if_else(sure, typed, "0"), pa.int64()), sure


def ipv4(typed: pa.Array) -> pa.Array:
    """Read IPv4 addresses as numbers; null for whatever else it is."""
    parts = pc.split_pattern(typed, ".")
    is_four = pc.equal(pc.list_value_length(parts), 4)
    parts = pc.split_pattern(pc.if_else(pc.fill_null(is_four, False), typed, "x.x.x.x"), ".").flatten()
    length = pc.binary_length(parts)
    of_zero = pc.and_(pc.starts_with(parts, "0"), pc.greater(length, 1))
    number, sure = wholes(parts, 3)
    sure = _all(sure, pc.invert(of_zero), pc.less(number, 256))
    found = pa.scalar(0, pa.int64())
    every = pa.scalar(True)
    for place in range(4):
        at = pa.array(range(place, len(parts), 4), pa.int64())
        found, every = pc.add(pc.multiply(found, 256), number.take(at)), pc.and_(every, sure.take(at))
    return pc.if_else(every, found, None)


def is_plain(text: pa.Array) -> pa.Array:
    """Say which texts are of printable ASCII without a space at either end (or are empty)."""
    printable = pc.or_(pc.ascii_is_printable(text), pc.equal(pc.binary_length(text), 0))
    return pc.and_(printable, pc.equal(pc.ascii_trim(text, " "), text))


def _all(*masks: pa.Array) -> pa.Array:
    found = masks[0]
    for mask in masks[1:]:
        found = pc.and_(found, mask)
    return found


def _paths(url: pa.Array, token: pa.Array, options: Options) -> tuple[pa.Array, pa.Array]:
    """Split URLs into paths and the tokens of their queries, where no other token is given."""
    encoded = url.dictionary_encode() if not pa.types.is_dictionary(url.type) else url
    distinct = encoded.dictionary
    if not pc.any(pc.match_substring_regex(distinct, "[?%]")).as_py():
        return encoded, token
    plain = pc.extract_regex(
        distinct, rf"^(?P<path>[^?%]*)\?{re.escape(options.parameter)}=(?P<token>[A-Za-z0-9_.~-]+)$"
    )
    of_query = {}
    for place in pc.indices_nonzero(pc.is_null(plain)).to_pylist():
        of_query[place] = token_in(distinct[place].as_py(), options)
    path, query = pc.struct_field(plain, "path"), pc.struct_field(plain, "token")
    if of_query:
        rest = pc.is_null(plain)
        path = pc.replace_with_mask(path, rest, pa.array([path for path, _ in of_query.values()], _TEXT))
        query = pc.replace_with_mask(query, rest, pa.array([query for _, query in of_query.values()], _TEXT))
    # Paths are few, as a rule; queries are not.
    paths = path.take(encoded.indices)
    given = texts(query.take(encoded.indices))
    return paths, pc.if_else(pc.equal(token, ""), given, token)


def _many(
    *,
    raw: pa.Array,
    start: pa.Array,
    end: pa.Array,
    edge: pa.Array,
    client: pa.Array,
    method: pa.Array,
    host: pa.Array,
    url: pa.Array,
    status: pa.Array,
    sent: pa.Array,
    token: pa.Array,
    request_id: pa.Array,
    cdn: pa.Array,
    node: pa.Array,
    sure: pa.Array,
    options: Options,
    hasher: Hasher,
) -> Many:
    """Do to columns what `logs._entry` does to one line."""
    sure = _all(
        sure,
        pc.greater_equal(start, EARLIEST),
        pc.less(end, LATEST),
        pc.greater_equal(end, start),
        pc.less_equal(pc.subtract(end, start), LONGEST_TRANSFER),
        pc.less_equal(sent, MOST_BYTES),
        is_plain(token),
        is_plain(request_id),
    )
    codes = each(status, _status, pa.int64())
    sure = pc.and_(sure, pc.is_valid(codes))
    # What is not sure says nothing here, least of all a time that nobody can count with.
    start, end, sent = (
        pc.if_else(sure, column, least) for column, least in ((start, EARLIEST), (end, EARLIEST), (sent, 0))
    )
    path, token = _paths(url, token, options)
    nobody = pa.array(sorted(NOBODY), _TEXT)
    request_id = pc.if_else(pc.is_in(request_id, nobody), "", request_id)
    hi, lo = hasher(texts(cdn), request_id, raw)

    return Many(
        start,
        end,
        _somebody(edge, nobody),
        _somebody(client, nobody),
        again(method, str.strip),
        again(host, lambda text: text.strip().lower().partition(":")[0]),
        path,
        codes,
        sent,
        pc.if_else(pc.equal(token, "-"), "", token),
        again(node, str.strip),
        hi,
        lo,
        pc.not_equal(request_id, ""),
        sure,
    )


def _somebody(address: pa.Array, nobody: pa.Array) -> pa.Array:
    encoded = address.dictionary_encode() if not pa.types.is_dictionary(address.type) else address
    texts = encoded.dictionary
    if not pc.all(is_plain(texts)).as_py():
        texts = pa.array([text.strip() for text in texts.to_pylist()], _TEXT)
    return pa.DictionaryArray.from_arrays(encoded.indices, pc.if_else(pc.is_in(texts, nobody), "", texts))


def _status(typed: str) -> int | None:
    try:
        found = whole_status(typed)
    except Rejected:
        return None
    return found if 0 <= found < 1000 else None


# ---- The line of our own ----

_FEW_VALUES: Final = ("edge_ip", "client_ip", "method", "host", "path", "status", "cdn", "node")
_READ: Final = tuple(name for name in CANONICAL if name not in ("range_start", "range_end", "object_size", "complete"))


class Csv:
    """Our own line as CSV, its columns in the order of `header`."""

    def __init__(self, header: list[str], options: Options, hasher: Hasher) -> None:
        self._names, self._options, self._hasher = header, options, hasher
        self._commas = len(header) - 1
        self._kinds = {name: _FEW if name in _FEW_VALUES else _TEXT for name in header if name in _READ}

    def is_sure(self, line: bytes) -> bool:
        """Say whether a line has no form that must be looked at by itself."""
        return line.count(b",") == self._commas and b'"' not in line

    def read(self, body: bytes, many: int) -> Many:
        """Read lines. Raises Unsure."""
        if b'"' in body:
            raise Unsure
        raw = lines_of(body, many)
        cells = _split(pa.py_buffer(body), self._names, self._kinds, ",")
        if cells.num_rows != many:
            raise Unsure
        columns = {name: cells.column(name).combine_chunks() for name in self._kinds}
        return _own(columns, raw, many, self._options, self._hasher)


class Json:
    """Our own line as JSON."""

    _SCHEMA: Final = pa.schema([(n, pa.int64() if n in ("status", "body_bytes") else _TEXT) for n in _READ])

    def __init__(self, options: Options, hasher: Hasher) -> None:
        self._options, self._hasher = options, hasher

    def is_sure(self, line: bytes) -> bool:
        """Say whether a line has no form that must be looked at by itself."""
        return line.startswith(b'{"') and line.endswith(b"}") and b"\\" not in line

    def read(self, body: bytes, many: int) -> Many:
        """Read lines. Raises Unsure."""
        if b"\\" in body:
            raise Unsure
        raw = lines_of(body, many)
        try:
            found = json.read_json(
                pa.BufferReader(body),
                json.ReadOptions(use_threads=False, block_size=len(body) + 1),
                json.ParseOptions(explicit_schema=self._SCHEMA, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowException:
            raise Unsure from None
        if found.num_rows != many:
            raise Unsure
        return _own({name: found.column(name) for name in _READ}, raw, many, self._options, self._hasher)


def _own(columns: dict[str, Any], raw: pa.Array, many: int, options: Options, hasher: Hasher) -> Many:
    nothing = pa.repeat(pa.scalar("", _TEXT), many)

    def column(name: str) -> pa.Array:
        found = columns.get(name, nothing)
        return found if pa.types.is_dictionary(found.type) else texts(found)

    start, start_sure = _time(columns["ts_start"])
    end, end_sure = start, start_sure
    if "ts_end" in columns:
        end, end_sure = _time(columns["ts_end"])
        is_open = pc.fill_null(pc.equal(texts(columns["ts_end"]), ""), True)
        end, end_sure = pc.if_else(is_open, start, end), pc.or_(end_sure, is_open)
    sent, sent_sure = _number(columns["body_bytes"])
    return _many(
        raw=raw,
        start=start,
        end=end,
        edge=column("edge_ip"),
        client=column("client_ip"),
        method=column("method"),
        host=column("host"),
        url=again(column("path"), str.strip),
        status=column("status"),
        sent=sent,
        token=column("download_token"),
        request_id=column("request_id"),
        cdn=again(column("cdn"), str.strip),
        node=column("node"),
        sure=_all(start_sure, end_sure, sent_sure),
        options=options,
        hasher=hasher,
    )


def _time(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_timestamp(whole.type):
        return pc.fill_null(pc.cast(pc.cast(whole, _US), pa.int64()), 0), pc.is_valid(whole)
    return moments(texts(whole))


def _number(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_integer(whole.type):
        number = pc.fill_null(pc.cast(whole, pa.int64()), -1)
        return number, pc.greater_equal(number, 0)
    return wholes(texts(whole))


# ---- Parquet ----


class Parquet:
    """Our own line as rows of Parquet, if its columns are of kinds that leave no doubt."""

    def __init__(self, schema: pa.Schema, options: Options, hasher: Hasher) -> None:
        self._options, self._hasher = options, hasher
        self.is_known = all(self._is_known(name, schema.field(name).type) for name in schema.names if name in CANONICAL)

    @staticmethod
    def _is_known(name: str, kind: Any) -> bool:
        if pa.types.is_timestamp(kind):
            return name in ("ts_start", "ts_end") and kind.unit in ("s", "ms", "us")
        if pa.types.is_boolean(kind):
            return name == "complete"
        return pa.types.is_string(kind.value_type if pa.types.is_dictionary(kind) else kind) or pa.types.is_integer(
            kind
        )

    def read(self, batch: pa.RecordBatch) -> Many:
        """Read rows. Raises Unsure."""
        columns = {name: batch.column(name) for name in batch.schema.names}
        nothing = pa.repeat(pa.scalar("", _TEXT), batch.num_rows)
        written = [_written(columns[name]) if name in columns else nothing for name in CANONICAL]
        raw = pc.binary_join_element_wise(*written, "\x1f")
        return _own(columns, raw, batch.num_rows, self._options, self._hasher)


def _written(column: pa.Array) -> pa.Array:
    """Return what `logs.written` says of each cell."""
    if pa.types.is_timestamp(column.type):
        column = pc.cast(pc.cast(column, _US), pa.int64())
    return texts(column)


# ---- nginx ----

_PARTS: Final = ("client", "ident", "user", "date", "zone", "method", "url", "protocol", "status", "sent")
_MORE: Final = ("edge", "msec", "took", "host", "request_id")
_CONTROLS: Final = bytes([*range(10), *range(11, 13), *range(14, 32), 127])


class WebServer:
    """Lines of nginx: `combined`, and our own form with `more` cells after it."""

    def __init__(self, more: int, options: Options, hasher: Hasher) -> None:
        self._more, self._options, self._hasher = more, options, hasher
        self._names = [*_PARTS, *(["mark", *_MORE[:more]] if more else ["mark"])]
        few = ("client", "ident", "user", "date", "zone", "method", "url", "status", "edge", "host")
        self._kinds = {name: _FEW if name in few else _TEXT for name in self._names}

    def is_sure(self, line: bytes) -> bool:
        """Say whether a line has no form that must be looked at by itself."""
        parts = line.split(b'"')
        return (
            len(parts) == 7
            and b"\\" not in line
            and [part.count(b" ") for part in parts[:3]] == [5, 2, 3]
            and parts[4] == b" "
            and parts[6].count(b" ") == self._more
            and len(line.translate(None, _CONTROLS)) == len(line)
        )

    def read(self, body: bytes, many: int) -> Many:
        """Read lines. Raises Unsure."""
        if b"\\" in body or body.count(b'"') != 6 * many or len(body.translate(None, _CONTROLS)) != len(body):
            raise Unsure
        raw = lines_of(body, many)
        names = ["before", "request", "numbers", "referer", "between", "agent", "more"]
        pieces = _split(pa.py_buffer(body), names, dict.fromkeys(names, _TEXT), '"')
        if pieces.num_rows != many:
            raise Unsure
        before, request, numbers, between, more = (
            pieces.column(name).combine_chunks() for name in ("before", "request", "numbers", "between", "more")
        )
        joined = pc.binary_join_element_wise(
            before, request, numbers, pc.binary_join_element_wise(more, "\n", ""), _ANY
        )
        text = joined.buffers()[2].slice(0, pc.sum(pc.binary_length(joined)).as_py())
        cells = _split(text, self._names, self._kinds, " ")
        if cells.num_rows != many:
            raise Unsure
        of = {name: cells.column(name).combine_chunks() for name in self._kinds}
        sure = _all(
            pc.string_is_ascii(joined),
            pc.equal(between, " "),
            *(
                each(of[name], bool, pa.bool_())
                if pa.types.is_dictionary(of[name].type)
                else pc.not_equal(of[name], "")
                for name in ("client", "ident", "user", "url", *_MORE[: self._more])
            ),
            each(of["user"], lambda text: len(text) <= 200, pa.bool_()),
            each(of["method"], lambda text: len(text) > 1 and text[0] == _ANY, pa.bool_()),
            pc.ends_with(of["protocol"], _ANY),
            pc.equal(of["mark"], _ANY),
            each(of["status"], lambda text: len(text) == 3 and text.isdigit(), pa.bool_()),
            self._clock_is_sure(of),
        )
        end, end_sure = self._end(of)
        start, start_sure = end, end_sure
        if self._more > 2:
            took, start_sure = _thousandths(of["took"])
            start = pc.subtract(end, took)
        no_bytes = pc.equal(of["sent"], "-")
        sent, sent_sure = wholes(of["sent"])
        nothing = pa.repeat(pa.scalar("", _TEXT), many)
        return _many(
            raw=raw,
            start=start,
            end=end,
            edge=of.get("edge", nothing),
            client=of["client"],
            method=again(of["method"], lambda text: text[1:]),
            host=again(of["host"], lambda text: "" if text == "-" else text) if "host" in of else nothing,
            url=of["url"],
            status=of["status"],
            sent=sent,
            token=nothing,
            request_id=of.get("request_id", nothing),
            cdn=nothing,
            node=nothing,
            sure=_all(sure, end_sure, start_sure, pc.or_(sent_sure, no_bytes)),
            options=self._options,
            hasher=self._hasher,
        )

    def _clock_is_sure(self, of: dict[str, pa.Array]) -> pa.Array:
        date = each(of["date"], lambda text: len(text) == 21 and text[0] == "[" and "]" not in text, pa.bool_())
        return pc.and_(date, each(of["zone"], lambda text: len(text) == 6 and text.find("]") == 5, pa.bool_()))

    def _end(self, of: dict[str, pa.Array]) -> tuple[pa.Array, pa.Array]:
        if self._more > 1:
            return _thousandths(of["msec"])
        typed = pc.binary_join_element_wise(texts(of["date"]), texts(of["zone"]), " ")
        at = each(typed, self._clock, pa.int64())
        return pc.fill_null(at, 0), pc.is_valid(at)

    def _clock(self, typed: str) -> int | None:
        try:
            return clock(typed[1:-1], self._options.zone)
        except Rejected:
            return None


def _thousandths(typed: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Read seconds with three digits after the point, such as 1683972009.750, as microseconds."""
    digits = pc.replace_substring(typed, ".", "", max_replacements=1)
    number, sure = wholes(digits, 15)
    length = pc.binary_length(typed)
    with_point = pc.equal(pc.find_substring(typed, "."), pc.subtract(length, 4))
    return pc.multiply(number, 1000), _all(sure, with_point, pc.greater(length, 4))
