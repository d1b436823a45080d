"""Whatever lies where a log should: it is read line by line, refused by name, or left with a reason, and nothing else.

`FUZZ=100000 pytest tests/gateways/test_logs_fuzz.py` tries so many of each kind instead of the few of every run.
"""

import gzip
import json
import random
import resource
import tracemalloc
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.gateways.audit import numbers, reading
from peyman.gateways.audit.files import BadFile
from peyman.gateways.logs import Options, unpacking
from peyman.gateways.logs.own import CANONICAL
from peyman.market.tariff.rules.audit_joins import Edges, Operators, Promises
from tests.gateways.damage import Change, changed, changes_with, examples, tried

EXAMPLES = examples(15)
fuzzed = tried(EXAMPLES)
REASONS = {
    *("bad_time", "ends_before_it_starts", "negative_bytes", "bad_bytes", "bad_status", "wrong_columns", "wrong_form"),
    *("not_json", "not_utf8", "line_too_long", "counted_at_first_byte", "too_many_edge_addresses"),
    *("bad_edge_address", "zoned_edge_address", "bad_client_address", "zoned_client_address", "in_the_future"),
}
OWN = {
    "ts_start": "2023-05-13T10:00:00.250Z", "ts_end": "2023-05-13T10:00:09.750Z", "edge_ip": "185.112.32.70",
    "client_ip": "5.1.1.1", "method": "GET", "host": "dl.market.ir", "path": "/a.apk", "status": 206, "range_start": 0,
    "range_end": 99, "object_size": 1000, "body_bytes": 100, "complete": True, "request_id": "r1", "cdn": "own",
    "node": "edge-1", "download_token": "tok",
}  # fmt: skip
CSV = (",".join(CANONICAL) + "\n" + ",".join(str(OWN[name]) for name in CANONICAL) + "\n").encode()
COMBINED = b'5.1.1.1 - - [13/May/2023:13:30:09 +0330] "GET /a.apk?token=t1 HTTP/1.1" 200 1234 "-" "Agent"'
CLOUDFLARE = {"ClientIP": "5.1.1.1", "EdgeResponseBytes": 1300, "EdgeStartTimestamp": 1683972000250000000,
              "EdgeEndTimestamp": "2023-05-13T10:00:09.750Z", "ClientRequestMethod": "GET", "RayID": "7c",
              "ClientRequestURI": "/a.apk?token=t1", "EdgeResponseStatus": 200}  # fmt: skip
ARVAN = {"ip": "5.1.1.1", "server_ip": "185.143.232.10", "bytes_sent": 1234, "timestamp": 1683972009, "method": "GET",
         "uri": "/a.apk", "query_string": "token=t1", "status": 200, "request_id": "abc"}  # fmt: skip
SEEDS = {
    "canonical": [CSV, json.dumps(OWN).encode() + b"\n"],
    "nginx": [COMBINED + b" 185.112.32.70 1683972009.750 9.500 dl.market.ir abc123\n", COMBINED + b" 185.1.1.1\n"],
    "combined": [COMBINED + b"\n"],
    "arvancloud": [json.dumps(ARVAN).encode() + b"\n"],
    "cloudflare": [json.dumps(CLOUDFLARE).encode() + b"\n"],
    "cloudfront": [
        b"#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes time-taken sc-content-len cs-uri-query\n"
        b"2023-05-13\t10:00:09\t5.1.1.1\tGET\t/a.apk\t200\t1300\t9.500\t1234\ttoken=t1\n"
    ],
    "haproxy": [
        b"May 13 13:30:00 lb haproxy[1]: 5.1.1.1:33317 [13/May/2023:13:30:00.250] http-in static/srv1 "
        b'10/0/30/69/9500 200 2750 - - ---- 1/1/1/1/0 0/0 {dl.market.ir} {} "GET /a.apk HTTP/1.1" 185.1.1.1 abc\n'
    ],
}


@cache
def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([OWN, OWN | {"status": 404}]), sink)
    return sink.getvalue().to_pybytes()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


def holds(place: Path, data: bytes, form: str) -> None:
    """Read a log by both ways; they end alike, and in one of three ways."""
    (place / "log").write_bytes(data)
    ends = []
    for by_line in (False, True):
        into = numbers.Normaliser(
            place, operators=Operators(()), promises=Promises((), ()), edges=Edges(()), numbers=numbers.Numbers()
        )
        good, bad = 0, []
        try:
            for part in reading.take_file(place / "log", form, Options(), into, 0, by_line=by_line):
                good += part.good
                bad += part.bad
        except BadFile as fault:
            assert str(place / "log") in fault.says[0]
            ends.append("bad file")
        else:
            ends.append((good, sorted(bad)))
            assert {reason for _, reason in bad} <= REASONS
        finally:
            into.close()
        assert good == pq.ParquetFile(into.lines).metadata.num_rows or ends[-1] == "bad file"
    assert ends[0] == ends[1]


forms = st.sampled_from(sorted(SEEDS))

# ---- Bytes ----


@fuzzed
@given(st.binary(max_size=2_000), forms)
def test_any_bytes(place: Path, data: bytes, form: str) -> None:
    holds(place, data, form)


@fuzzed
@given(
    st.sampled_from([b"\x1f\x8b", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"PAR1", b"{", b"[", b"\xef\xbb\xbf",
                     b"#Fields:", b"\xff\xfe", CSV, b"\x00"]),
    st.binary(max_size=2_000),
    forms,
)  # fmt: skip
def test_any_bytes_after_a_beginning_that_promises_a_log(place: Path, begin: bytes, data: bytes, form: str) -> None:
    holds(place, begin + data, form)


PIECES = [
    *(
        b'"',
        b"\0",
        b"\n",
        b"\r",
        b"\r\n",
        b",",
        b"\t",
        b" ",
        b"-",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"%",
        b"1e9",
        b"-1",
        b"9" * 25,
    ),
    *(b"::ffff:1.2.3.4", b"fe80::1%eth0", b"\xff", b"\xd8\x00", b"\\u0000", b"\\ud800", b"NaN", b"Infinity", b"null"),
    *(b"2099-12-31T23:59:59Z", b"2300-01-01T00:00:00Z", b"&" * 300, b"token=", b"%00"),
    *(b"\xe2\x80\xa8", b"\xc2\x85", b"\x1c", b"\x0b"),  # ends of lines to some
]
changes = changes_with(PIECES)  # fmt: skip


@fuzzed
@given(forms, st.integers(0, 1), st.integers(1, 100), changes)
def test_a_log_that_was_damaged(place: Path, form: str, which: int, times: int, steps: list[Change]) -> None:
    of_form = SEEDS[form]
    holds(place, changed(of_form[which % len(of_form)] * times, steps), form)


@fuzzed
@given(forms, st.sampled_from(["gz", "zst"]), changes, changes)
def test_a_packed_log_that_was_damaged_within_and_without(
    place: Path, form: str, pack: str, within: list[Change], without: list[Change]
) -> None:
    data = changed(SEEDS[form][0] * 20, within)
    packed = gzip.compress(data) if pack == "gz" else pa.compress(data, "zstd", asbytes=True)
    holds(place, changed(packed, without), form)


@fuzzed
@given(changes)
def test_a_parquet_file_that_was_damaged(place: Path, steps: list[Change]) -> None:
    holds(place, changed(parquet(), steps), "canonical")


@fuzzed
@given(st.lists(st.tuples(forms, changes | st.just([])), max_size=10), forms)
def test_lines_of_several_forms_in_one_file(place: Path, pieces: list[tuple[str, list[Change]]], form: str) -> None:
    holds(place, b"".join(changed(SEEDS[of][-1], steps) for of, steps in pieces), form)


# ---- What cells may hold ----

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.datetimes().map(str),
    st.ip_addresses().map(str),
    st.sampled_from(["::ffff:1.2.3.4", "fe80::1%eth0", "-", "unknown", "GET", "200", "-5", "2023-05-13T10:00:00.250Z",
                     "2099-12-31T23:59:59.999Z", "/a?token=%", "/a?token=" + "x" * 9_000, "/%ff%00"]),
)  # fmt: skip


@fuzzed
@given(st.lists(st.dictionaries(st.sampled_from([*CANONICAL, *ARVAN, *CLOUDFLARE]), cells, max_size=8), max_size=6),
       st.sampled_from(["canonical", "arvancloud", "cloudflare"]), st.booleans())  # fmt: skip
def test_any_objects(place: Path, rows: list[dict[str, Any]], form: str, ascii_only: bool) -> None:
    whole: dict[str, Any] = {"canonical": OWN, "arvancloud": ARVAN, "cloudflare": CLOUDFLARE}[form]
    texts = [json.dumps(whole | row, ensure_ascii=ascii_only) for row in rows]
    holds(place, "\n".join(texts).encode("utf-8", "surrogatepass"), form)


@fuzzed
@given(st.lists(st.fixed_dictionaries({}, optional={name: st.text(max_size=20) for name in CANONICAL}), max_size=6))
def test_any_cells_as_csv(place: Path, rows: list[dict[str, str]]) -> None:
    lines = [",".join(str((OWN | row)[name]) for name in CANONICAL) for row in rows]
    holds(place, (",".join(CANONICAL) + "\n" + "\n".join(lines)).encode("utf-8", "surrogatepass"), "canonical")


kinds = st.sampled_from([pa.string(), pa.int64(), pa.int32(), pa.uint64(), pa.float64(), pa.bool_(), pa.binary(),
                         pa.timestamp("ns"), pa.timestamp("ms", "UTC"), pa.date32(), pa.null(),
                         pa.large_string()])  # fmt: skip


@fuzzed
@given(st.dictionaries(st.sampled_from(CANONICAL), kinds, max_size=4), st.integers(0, 5))
def test_parquet_with_columns_of_any_kind(place: Path, given_kinds: dict[str, pa.DataType], rows: int) -> None:
    arrays = {}
    for name in CANONICAL:
        kind = given_kinds.get(name, pa.string())
        try:
            arrays[name] = pa.array([str(OWN[name])] * rows, pa.string()).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            arrays[name] = pa.nulls(rows, kind)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink)
    holds(place, sink.getvalue().to_pybytes(), "canonical")


# ---- What swells ----


@pytest.mark.parametrize("form", sorted(SEEDS))
@pytest.mark.parametrize("depth", [100, 20_000])
def test_json_of_any_depth_is_one_rejected_line(place: Path, form: str, depth: int) -> None:
    holds(place, SEEDS[form][-1] + b'{"a":' * depth + b"}" * depth + b"\n" + b"[" * depth + b"\n", form)


@pytest.mark.parametrize("form", sorted(SEEDS))
def test_lines_of_megabytes_are_rejected_and_never_held(place: Path, form: str) -> None:
    """A dozen lines of four megabytes, packed to nothing: what is held at once is a block, not a line."""
    file = place / "log.gz"
    with gzip.open(file, "wb", compresslevel=1) as out:
        out.write(SEEDS[form][-1])
        for _ in range(12):
            out.write(b"x" * 4_000_000 + b"\n")
        out.write(SEEDS[form][-1].splitlines(keepends=True)[-1])
    into = numbers.Normaliser(
        place, operators=Operators(()), promises=Promises((), ()), edges=Edges(()), numbers=numbers.Numbers()
    )
    tracemalloc.start()
    try:
        taken = [*reading.take_file(file, form, Options(), into, 0)]
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
        into.close()
    assert sum(part.good for part in taken) == 2
    assert [reason for part in taken for _, reason in part.bad] == ["line_too_long"] * 12


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_a_bomb_is_given_up_before_memory_is(place: Path, pack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "FREE", 30_000_000)
    data = b"\n" * 100_000_000
    file = place / "bomb"
    file.write_bytes(gzip.compress(data) if pack == "gz" else pa.compress(data, "zstd", asbytes=True))
    del data
    into = numbers.Normaliser(
        place, operators=Operators(()), promises=Promises((), ()), edges=Edges(()), numbers=numbers.Numbers()
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadFile, match="۳۰۰"):
        list(reading.take_file(file, "nginx", Options(), into, 0))
    into.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes


def test_times_out_of_order_change_nothing(place: Path) -> None:
    line = COMBINED + b" 185.112.32.70 %d.750 9.500 dl.market.ir r%d\n"
    stamps = [1683972009 + n * 3600 for n in range(300)]
    ordered = [line % (at, n) for n, at in enumerate(stamps)]
    shuffled = ordered[:]
    random.Random(1).shuffle(shuffled)
    found = []
    for lines in (ordered, shuffled):
        (place / "log").write_bytes(b"".join(lines))
        into = numbers.Normaliser(
            place, operators=Operators(()), promises=Promises((), ()), edges=Edges(()), numbers=numbers.Numbers()
        )
        list(reading.take_file(place / "log", "nginx", Options(), into, 0))
        into.close()
        rows = pq.read_table(into.lines).drop_columns(["line", "file"]).to_pylist()
        found.append(sorted(rows, key=lambda row: row["key_hi"]))
    assert len(found[0]) == 300
    assert found[0] == found[1]
