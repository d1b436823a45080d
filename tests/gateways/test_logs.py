"""Logs of servers and CDNs, as they are written and as they go wrong."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.gateways import logs
from peyman.gateways.audit.files import BadFile
from peyman.gateways.logs import Entry, Options, unpacking
from peyman.gateways.logs.own import CANONICAL
from peyman.market.tariff.rules.audit import micros

OWN = {
    "ts_start": "2023-05-13T10:00:00.250Z",
    "ts_end": "2023-05-13T10:00:09.750Z",
    "edge_ip": "185.112.32.70",
    "client_ip": "5.1.1.1",
    "method": "GET",
    "host": "DL.Market.ir:443",
    "path": "/dl/a%20b.apk?x=1&token=from-url",
    "status": 206,
    "range_start": 0,
    "range_end": 99,
    "object_size": 1000,
    "body_bytes": 100,
    "complete": True,
    "request_id": "r1",
    "cdn": "own",
    "node": "edge-1",
    "download_token": "tok",
}


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def csv_of(*rows: dict, columns: tuple[str, ...] = CANONICAL) -> str:
    return "\n".join([",".join(columns), *(",".join(str(row[name]) for name in columns) for row in rows)]) + "\n"


def read(data: str | bytes, tmp_path: Path, form: str = "canonical", options: Options | None = None) -> list:
    file = tmp_path / "log"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return [entry for _, entry in logs.read(file, form, options or Options())]


def only(data: str | bytes, tmp_path: Path, form: str = "canonical", options: Options | None = None) -> Entry:
    (entry,) = read(data, tmp_path, form, options)
    assert isinstance(entry, Entry), entry
    return entry


# ---- Our own line ----


def parquet_of(tmp_path: Path, *rows: dict) -> bytes:
    pq.write_table(pa.Table.from_pylist([*rows]), tmp_path / "made.parquet")
    return (tmp_path / "made.parquet").read_bytes()


@pytest.mark.clause("B08")
@pytest.mark.parametrize("form", ["csv", "json", "parquet", "csv.gz", "json.zst"])
def test_our_own_line_is_read_alike_in_every_form(form: str, tmp_path: Path) -> None:
    plain = {
        "csv": lambda: csv_of(OWN).encode(),
        "json": lambda: json.dumps(OWN).encode(),
        "parquet": lambda: parquet_of(tmp_path, OWN),
    }[form.partition(".")[0]]()
    if form.endswith("gz"):
        plain = gzip.compress(plain[:100]) + gzip.compress(plain[100:])  # as rotated logs are joined
    if form.endswith("zst"):
        plain = b"".join(pa.compress(part, "zstd", asbytes=True) for part in (plain[:100], plain[100:]))
    entry = only(plain, tmp_path)
    assert entry._replace(key=b"") == Entry(
        start=at("2023-05-13T10:00:00.250"),
        end=at("2023-05-13T10:00:09.750"),
        edge="185.112.32.70",
        client="5.1.1.1",
        method="GET",
        host="dl.market.ir",
        path="/dl/a b.apk",
        status=206,
        sent=100,
        token="tok",
        key=b"",
        has_id=True,
        node="edge-1",
        cdn="own",
    )


def test_times_of_parquet_may_be_timestamps(tmp_path: Path) -> None:
    row = OWN | {"ts_start": datetime(2023, 5, 13, 10, tzinfo=UTC), "ts_end": None}
    entry = only(parquet_of(tmp_path, row), tmp_path)
    assert (entry.start, entry.end) == (at("2023-05-13T10:00"), at("2023-05-13T10:00"))


def test_the_token_may_stand_in_the_url_only(tmp_path: Path) -> None:
    row = OWN | {"download_token": ""}
    assert only(csv_of(row), tmp_path).token == "from-url"
    assert only(csv_of(row), tmp_path, options=Options(parameter="x")).token == "1"
    assert only(csv_of(row), tmp_path, options=Options(parameter="none")).token == ""


def test_columns_may_come_in_any_order_and_those_not_needed_may_be_missing(tmp_path: Path) -> None:
    columns = ("body_bytes", "status", "path", "method", "client_ip", "edge_ip", "ts_start")
    entry = only("\ufeff" + csv_of(OWN, columns=columns), tmp_path)
    assert (entry.sent, entry.token, entry.has_id, entry.end) == (100, "from-url", False, entry.start)
    with pytest.raises(BadFile, match="edge_ip"):
        read(csv_of(OWN, columns=("ts_start", "body_bytes")), tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts_start": "yesterday"}, "bad_time"),
        ({"ts_start": "2023-05-13"}, "bad_time"),
        ({"ts_start": "1999-12-31T23:59:59Z"}, "bad_time"),
        ({"ts_end": "2100-01-01T00:00:00Z"}, "bad_time"),
        ({"ts_end": "2023-05-13T10:00:00.249Z"}, "ends_before_it_starts"),
        ({"ts_end": "2023-06-14T10:00:00.249Z"}, "bad_time"),
        ({"body_bytes": -1}, "negative_bytes"),
        ({"body_bytes": 10**13 + 1}, "bad_bytes"),
        ({"body_bytes": "many"}, "bad_bytes"),
        ({"body_bytes": "1.5"}, "bad_bytes"),
        ({"status": ""}, "bad_status"),
    ],
)
def test_a_line_that_says_nothing_sure_is_rejected_by_reason(change: dict, reason: str, tmp_path: Path) -> None:
    for data in (csv_of(OWN | change), json.dumps(OWN | change)):
        assert read(data, tmp_path) == [reason]


def test_mixed_forms_and_torn_lines_are_rejected_one_by_one(tmp_path: Path) -> None:
    data = csv_of(OWN) + '{"ts_start": 1}\n\ngarbage\n' + csv_of(OWN).splitlines()[1] + ',"open\n'
    found = read(data, tmp_path)
    assert [entry if isinstance(entry, str) else "read" for entry in found] == ["read", *["wrong_columns"] * 3]
    found = read(json.dumps(OWN) + "\n[1]\n{\n\xff".encode("latin-1").decode("latin-1"), tmp_path)
    assert [entry if isinstance(entry, str) else "read" for entry in found] == ["read", *["not_json"] * 3]


def test_bytes_that_are_no_text_and_lines_of_a_megabyte_are_rejected_and_the_rest_is_read(tmp_path: Path) -> None:
    line = csv_of(OWN).splitlines()[1].encode()
    data = csv_of(OWN).encode() + b"\xff\xfe\n" + b"x" * 3_000_000 + b"\n" + line + b"\r\n" + b"y" * 100_000
    numbered = [(number, entry if isinstance(entry, str) else "read") for number, entry in _numbered(data, tmp_path)]
    assert numbered == [(2, "read"), (3, "not_utf8"), (4, "line_too_long"), (5, "read"), (6, "line_too_long")]


def _numbered(data: bytes, tmp_path: Path) -> list:
    file = tmp_path / "log"
    file.write_bytes(data)
    return [*logs.read(file, "canonical", Options())]


@given(st.lists(st.binary(max_size=40), max_size=20), st.sampled_from(["csv", "json"]), st.sampled_from(logs.NAMES))
def test_no_line_whatever_stops_the_reading(tmp_path_factory, lines: list[bytes], head: str, form: str) -> None:
    start = csv_of(OWN).encode() if head == "csv" else json.dumps(OWN).encode()
    if form == "cloudfront":
        start = b"#Fields: date time c-ip"
    found = read(start + b"\n" + b"\n".join(lines), tmp_path_factory.mktemp("fuzz"), form)
    assert all(isinstance(entry, Entry | str) for entry in found)


# ---- Files ----


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_a_packed_file_that_is_cut_short_stops_with_its_name(pack: str, tmp_path: Path) -> None:
    data = (csv_of(OWN) * 2000).encode()
    packed = gzip.compress(data) if pack == "gz" else pa.compress(data, "zstd", asbytes=True)
    with pytest.raises(BadFile, match="log"):
        read(packed[: len(packed) // 2], tmp_path)
    with pytest.raises(BadFile):
        read(packed[:20] + b"\0" * 20 + packed[40:], tmp_path)


def test_a_file_that_swells_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "FREE", 2_000_000)
    with pytest.raises(BadFile, match="۳۰۰"):
        read(gzip.compress(b"\n" * 5_000_000), tmp_path)
    assert read(gzip.compress(b"\n" * 1_500_000), tmp_path) == []


def test_what_is_no_file_and_no_parquet_stops(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        [*logs.read(tmp_path, "canonical", Options())]
    with pytest.raises(BadFile):
        read(b"PAR1" + b"\0" * 100, tmp_path)
    with pytest.raises(BadFile, match="edge_ip"):
        read(parquet_of(tmp_path, {"ts_start": "x"}), tmp_path)
    assert read(b"", tmp_path) == []


def test_how_far_the_reading_is_is_told(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text(csv_of(OWN))
    told: list[int] = []
    assert len([*logs.read(file, "canonical", Options(), told.append)]) == 1
    assert told[-1] == file.stat().st_size


# ---- Web servers ----

COMBINED = '5.1.1.1 - - [13/May/2023:13:30:09 +0330] "GET /a.apk?token=t1 HTTP/1.1" 200 1234 "-" "Agent \\"x\\""'


def test_nginx_with_the_address_connected_to_is_read_whole(tmp_path: Path) -> None:
    entry = only(f"{COMBINED} 185.112.32.70 1683972009.750 9.500 dl.market.ir abc123\n", tmp_path, "nginx")
    assert entry._replace(key=b"") == Entry(
        at("2023-05-13T10:00:00.250"),
        at("2023-05-13T10:00:09.750"),
        "185.112.32.70",
        "5.1.1.1",
        "GET",
        "dl.market.ir",
        "/a.apk",
        200,
        1234,
        "t1",
        b"",
        True,
    )


def test_nginx_with_its_address_alone_ends_when_it_was_logged(tmp_path: Path) -> None:
    entry = only(f"{COMBINED} 185.112.32.70\n", tmp_path, "nginx")
    assert (entry.edge, entry.start, entry.end) == (
        "185.112.32.70",
        at("2023-05-13T10:00:09"),
        at("2023-05-13T10:00:09"),
    )


@pytest.mark.clause("B09")
def test_combined_has_no_address_connected_to(tmp_path: Path) -> None:
    entry = only(COMBINED + "\n", tmp_path, "combined")
    assert (entry.edge, entry.client, entry.sent, entry.has_id) == ("", "5.1.1.1", 1234, False)
    assert read(COMBINED + " 185.112.32.70\n", tmp_path, "combined") == ["wrong_form"]
    assert read(COMBINED + "\n", tmp_path, "nginx") == ["wrong_form"]


@pytest.mark.parametrize(
    ("clock", "utc"),
    [
        ("13/May/2023:13:30:09 +0330", "2023-05-13T10:00:09"),
        ("13/May/2023:05:30:09 -0430", "2023-05-13T10:00:09"),
        ("21/Mar/2022:00:30:00 +0330", "2022-03-20T21:00:00"),
    ],
)
def test_the_offset_of_a_web_servers_time_is_obeyed(clock: str, utc: str, tmp_path: Path) -> None:
    line = COMBINED.replace("13/May/2023:13:30:09 +0330", clock)
    assert only(line, tmp_path, "combined").end == at(utc)
    assert read(COMBINED.replace("May", "Mai"), tmp_path, "combined") == ["bad_time"]


HAPROXY = (
    "May 13 13:30:00 lb haproxy[14389]: 5.1.1.1:33317 [13/May/2023:13:30:00.250] http-in static/srv1 "
    '10/0/30/69/9500 200 2750 - - ---- 1/1/1/1/0 0/0 {dl.market.ir} {} "GET /a.apk HTTP/1.1"'
)


@pytest.mark.clause("B09")
def test_haproxy_names_the_address_only_in_the_form_that_says_so(tmp_path: Path) -> None:
    plain = only(HAPROXY, tmp_path, "haproxy")
    assert (plain.edge, plain.client, plain.status, plain.sent, plain.path) == ("", "5.1.1.1", 200, 2750, "/a.apk")
    assert (plain.start, plain.end) == (at("2023-05-13T10:00:00.250"), at("2023-05-13T10:00:09.750"))
    entry = only(f"{HAPROXY} 185.112.32.70 abc", tmp_path, "haproxy")
    assert (entry.edge, entry.has_id) == ("185.112.32.70", True)
    elsewhere = Options(zone=ZoneInfo("UTC"))
    assert only(HAPROXY, tmp_path, "haproxy", elsewhere).start == at("2023-05-13T13:30:00.250")


def test_haproxy_counted_at_the_first_byte_is_rejected(tmp_path: Path) -> None:
    assert read(HAPROXY.replace(" 2750 ", " +2750 "), tmp_path, "haproxy") == ["counted_at_first_byte"]
    assert read(HAPROXY.replace("/9500 ", "/+9500 "), tmp_path, "haproxy") == ["counted_at_first_byte"]


# ---- CDNs ----

ARVAN = {
    "ip": "5.1.1.1",
    "server_ip": "185.143.232.10",
    "bytes_sent": 1234,
    "timestamp": 1683972009,
    "method": "GET",
    "domain": "dl.market.ir",
    "uri": "/a.apk",
    "query_string": "token=t1",
    "status": 200,
    "request_id": "abc",
}


@pytest.mark.clause("B09")
def test_arvancloud_names_a_server_that_must_be_proven_to_be_the_edge(tmp_path: Path) -> None:
    entry = only(json.dumps(ARVAN), tmp_path, "arvancloud")
    assert (entry.edge, entry.is_edge_proven, entry.token, entry.sent) == ("185.143.232.10", False, "t1", 1234)
    assert entry.start == entry.end == at("2023-05-13T10:00:09")
    iso = ARVAN | {"iso_timestamp": "2023-05-13T13:30:10+03:30"}
    assert only(json.dumps(iso), tmp_path, "arvancloud").end == at("2023-05-13T10:00:10")


CLOUDFLARE = {
    "ClientIP": "5.1.1.1",
    "EdgeServerIP": "10.0.0.1",
    "EdgeResponseBytes": 1300,
    "EdgeResponseBodyBytes": 1234,
    "EdgeStartTimestamp": 1683972000250000000,
    "EdgeEndTimestamp": "2023-05-13T10:00:09.750Z",
    "ClientRequestMethod": "GET",
    "ClientRequestHost": "dl.market.ir",
    "ClientRequestURI": "/a.apk?token=t1",
    "EdgeResponseStatus": 200,
    "RayID": "7c",
}


@pytest.mark.clause("B09")
def test_cloudflares_edge_server_asks_the_origin_and_is_not_the_address_connected_to(tmp_path: Path) -> None:
    entry = only(json.dumps(CLOUDFLARE), tmp_path, "cloudflare")
    assert (entry.edge, entry.sent, entry.token) == ("", 1234, "t1")
    assert (entry.start, entry.end) == (at("2023-05-13T10:00:00.250"), at("2023-05-13T10:00:09.750"))


@pytest.mark.parametrize("value", [1683972000, 1683972000000, 1683972000000000, 1683972000000000000, "1683972000.0"])
def test_a_count_since_1970_is_read_in_whichever_unit_it_is(value: object, tmp_path: Path) -> None:
    line = json.dumps(CLOUDFLARE | {"EdgeStartTimestamp": value})
    assert only(line, tmp_path, "cloudflare").start == at("2023-05-13T10:00:00")


CLOUDFRONT = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    "cs-uri-query x-edge-request-id x-host-header time-taken sc-content-len\n"
    "2023-05-13\t10:00:09\tDFW3\t1300\t5.1.1.1\tGET\td1.cloudfront.net\t/a.apk\t200\ttoken=t1\tabc\tdl.market.ir\t9.500\t1234\n"
)


@pytest.mark.clause("B09")
def test_cloudfront_names_a_place_and_no_address(tmp_path: Path) -> None:
    entry = only(CLOUDFRONT, tmp_path, "cloudfront")
    assert (entry.edge, entry.host, entry.sent, entry.token) == ("", "dl.market.ir", 1234, "t1")
    assert (entry.start, entry.end) == (at("2023-05-13T09:59:59.500"), at("2023-05-13T10:00:09"))
    headless = CLOUDFRONT.splitlines()[-1]
    assert read(headless, tmp_path, "cloudfront") == ["wrong_columns"]
