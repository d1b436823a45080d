"""Logs read by the column and logs read line by line say the same, however dirty they are."""

import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peyman.gateways.audit import numbers, quick, reading
from peyman.gateways.audit.files import BadFile
from peyman.gateways.logs import Options, unpacking
from peyman.gateways.logs.own import CANONICAL
from peyman.market.tariff.rules.audit import ALWAYS, Shown, micros
from peyman.market.tariff.rules.audit_joins import DeclaredEdge, Edges, Grant, Isp, Operators, Promises, Release

FIRST = datetime(2022, 3, 21, 20, 29, 59, 500_000, tzinfo=UTC)  # half a second before a midnight in Tehran
SPLIT = micros(FIRST + timedelta(seconds=40))  # when operators, releases and edges change


def joins() -> dict[str, Any]:
    half = 2**61
    return {
        "operators": Operators(
            [
                Isp(ip_network("5.0.0.0/8"), "AS1", "mci", 0, SPLIT),
                Isp(ip_network("5.0.0.0/8"), "AS1", "mtn", SPLIT, ALWAYS),
                Isp(ip_network("5.5.0.0/16"), "AS2", "tci", 0, ALWAYS),
                Isp(ip_network("2a02::/16"), "AS3", "v6", 0, half),
            ]
        ),
        "promises": Promises(
            [Grant("sara", "u-1", "mci", "a.apk", SPLIT, half), Grant("omid", "u-2", "mci", "b.apk", 0, half)],
            [Release("*", 0, half, Shown.YES), Release("dl.market.ir", SPLIT, half, Shown.NO)],
        ),
        "edges": Edges([DeclaredEdge("own", ip_network("185.1.0.0/16"), 0, SPLIT, "contract")]),
    }


def taken(file: Path, form: str, folder: Path, *, by_line: bool, options: Options | None = None, **customs: Any) -> Any:
    """All that a reading gives, with addresses and operators by name."""
    folder.mkdir()
    known = numbers.Numbers()
    into = numbers.Normaliser(folder, numbers=known, customs=numbers.Customs(**customs), **joins())
    good, bad = 0, []
    try:
        for part in reading.take_file(file, form, options or Options(), into, 3, by_line=by_line):
            good += part.good
            bad += part.bad
    except BadFile as fault:
        return "bad file", fault.says
    into.close()
    rows = pq.read_table(into.lines).to_pylist()
    for row in rows:
        assert row["pair"] == numbers.pair_of(
            *(row[name] for name in ("world", "day", "edge", "gate", "shown", "late"))
        )
        row["edge"] = str(known.edges.get(row["edge"], row["edge"]))
        row["operator"] = known.operators[row["operator"]]
        del row["pair"]
    users = {row["person"]: row["name"] for row in pq.read_table(into.users).to_pylist()}
    assert len(rows) == good
    return sorted(rows, key=lambda row: row["line"]), users, sorted(bad), sorted(into.tokens)


def same(data: bytes, tmp_path: Path, form: str = "canonical", **given: Any) -> Any:
    place = tmp_path / str(len([*tmp_path.iterdir()]))
    place.mkdir()
    (place / "log").write_bytes(data)
    fast, slow = (taken(place / "log", form, place / str(n), by_line=bool(n), **given) for n in (0, 1))
    assert fast == slow
    return fast


# ---- Drawn lines ----


def draw_row(draw: random.Random, n: int) -> dict[str, str]:
    """A line of our own, as text; now and then with something odd about it."""
    start = FIRST + timedelta(milliseconds=draw.randrange(90_000))
    end = start + timedelta(milliseconds=draw.choice([0, 1, 500, 9_000]))
    row = {
        "ts_start": start.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ts_end": draw.choice(["", end.isoformat(timespec="milliseconds").replace("+00:00", "Z")]),
        "edge_ip": draw.choice(["185.1.1.1", "185.1.1.2", "2a02:4540::1", "::ffff:185.1.1.1", "", "-"]),
        "client_ip": draw.choice(["5.1.1.1", "5.5.1.1", "9.9.9.9", "185.1.1.1", "2a02::7", "", "5.9.9.9"]),
        "method": draw.choice(["GET", "GET", "HEAD"]),
        "host": draw.choice(["dl.market.ir", "DL.Market.ir:443", "other.ir", ""]),
        "path": draw.choice(["/a.apk", "/b.apk", "/x/a%20b.apk", "/a.apk?token=url1", "/a.apk?x=1&token=sara", "/c?q"]),
        "status": draw.choice(["200", "206", "200", "404", "304"]),
        "range_start": "", "range_end": "", "object_size": "", "complete": draw.choice(["", "true"]),
        "body_bytes": draw.choice(["0", "1", "1000001", str(draw.randrange(10**12))]),
        "request_id": draw.choice([f"r{n}", f"r{n}", "", "-", "same"]),
        "cdn": draw.choice(["own", "own", "arvan", ""]),
        "node": draw.choice(["", "edge-1", "shield-3"]),
        "download_token": draw.choice(["", "sara", "omid", "nobody", "-", "t1"]),
    }  # fmt: skip
    if draw.random() < ODD:
        name = draw.choice([*row])
        row[name] = draw.choice(STRANGE)
    return row


ODD = 0.15
STRANGE = [
    *(" ", "x", "-1", "+5", "0x10", " 200 ", "1_000", "۱۲", "é", "null", "unknown", "\u00a0a\u3000"),
    *("10000000000001", "99999999999999999999", "fe80::1%eth0", "1.2.3", "185.1.1.1 "),
    *(
        "2022-03-22T00:00:00+03:30",
        "2022-03-22 00:00:00Z",
        "2022-03-22T00:00:00Z",
        "2022-03-22",
        "1999-01-01T00:00:00Z",
    ),
    *("2022-02-30T00:00:00.000Z", "2022-03-22T24:00:00.000Z", "2022-03-22T00:00:00.1234567Z"),
    *("/a.apk?token=%41&token=b", "/a.apk?token=", "/a?token=a+b", "/a?" + "&" * 300 + "token=z"),
]
TORN = [
    *(b"", b"   ", b"garbage", b"\xff\xfe", b"a,b,c", b'"', b'"a,b', b"\x01", b"\x00", b"x" * 70_000, b"\r"),
    *(b"{}", b"[1]", b"\\"),
]


def lines_of(form: str, rows: list[dict[str, str]], draw: random.Random) -> list[bytes]:
    if form == "csv":
        return [",".join(row[name] for name in CANONICAL).encode() for row in rows]
    if form == "json":
        return [
            json.dumps(typed(row, draw), ensure_ascii=draw.random() < 0.5).encode("utf-8", "replace") for row in rows
        ]
    return [web_server(row, draw, more=form == "nginx") for row in rows]


def typed(row: dict[str, str], draw: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = dict(row)
    for name in ("status", "body_bytes"):
        if row[name].isascii() and row[name].isdigit() and draw.random() >= ODD / 3:
            found[name] = int(row[name])
    if draw.random() < ODD / 4:
        found[draw.choice([*row])] = draw.choice([None, True, 1.5, 7, 10**30, {"a": 1}, ["x"], "\x01", "\ud800"])
    if draw.random() < ODD / 4:
        found.pop(draw.choice([*row]))
    return found


def web_server(row: dict[str, str], draw: random.Random, *, more: bool) -> bytes:
    at = datetime.fromisoformat("2022-03-21T20:30:09+00:00")
    clock = (at + timedelta(seconds=draw.randrange(90))).strftime("%d/%b/%Y:%H:%M:%S +0000")
    quoted = draw.choice(["-", "http://a/", "Agent (x; y)", *(['a \\"b\\"', "\\", "é"] if draw.random() < ODD else [])])
    user = draw.choice(["-", "-", "-", "two words", "[x]"]) if draw.random() < ODD else "-"
    text = (
        f'{row["client_ip"] or "-"} - {user} [{clock}] "{row["method"]} {row["path"]} HTTP/1.1" {row["status"]} '
        f'{row["body_bytes"]} "{quoted}" "{quoted}"'
    )
    if more:
        seconds = Fraction(micros(at) + draw.randrange(90_000) * 1000, 10**6)
        took = draw.choice(["0.000", "1.500", *(["-", "x", "1", "0.0001", "-1.000"] if draw.random() < ODD else [])])
        cells = [row["edge_ip"] or "-", f"{float(seconds):.3f}", took, row["host"] or "-", row["request_id"] or "-"]
        text += " " + " ".join(cells[: draw.randrange(6) if draw.random() < ODD / 2 else 5])
    return text.encode()


def drawn(form: str, seed: int, many: int) -> bytes:
    draw = random.Random(seed)
    found = lines_of(form, [draw_row(draw, n) for n in range(many)], draw)
    for _ in range(draw.choice([0, 0, 3, many // 10])):
        found.insert(draw.randrange(len(found) + 1), draw.choice(TORN))
    if form == "csv":
        found.insert(0, ",".join(CANONICAL).encode())
    end = draw.choice([b"\n", b"\n", b"\r\n"])
    return end.join(found) + draw.choice([b"", end, end * 2])


FORMS = {"csv": "canonical", "json": "canonical", "nginx": "nginx", "combined": "combined"}


@pytest.mark.clause("B08", "B09")
@pytest.mark.parametrize("odd", [0, 0.01, 0.15])
@pytest.mark.parametrize("form", FORMS)
def test_a_log_says_the_same_read_by_the_column_and_line_by_line(
    form: str, odd: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.ODD", odd, raising=False)
    monkeypatch.setitem(globals(), "ODD", odd)
    read = rejected = 0
    for seed in range(12):
        if seed % 3 == 0:
            monkeypatch.setattr(reading, "BLOCK", 20_000)
            monkeypatch.setattr(unpacking, "BLOCK", 7_000)
        data = drawn(form, seed, 250)
        found = same(data, tmp_path, FORMS[form])
        if found[0] != "bad file":
            read += len(found[0])
            rejected += len(found[2])
        monkeypatch.undo()
        monkeypatch.setitem(globals(), "ODD", odd)
    assert read > 1_500
    assert rejected > (100 if odd == 0.15 else 0)


def test_plain_lines_are_all_read_by_the_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would compare one reader with itself."""
    monkeypatch.setitem(globals(), "ODD", 0)
    many: list[int] = []
    take_many = numbers.Normaliser.take_many

    def spied(self: numbers.Normaliser, found: quick.Many, file: int, lines: pa.Array) -> list[int]:
        unsure = take_many(self, found, file, lines)
        many.append(len(lines) - len(unsure))
        return unsure

    monkeypatch.setattr(numbers.Normaliser, "take_many", spied)
    for form, name in FORMS.items():
        draw = random.Random(1)
        rows = [draw_row(draw, n) for n in range(300)]
        head = [",".join(CANONICAL).encode()] if form == "csv" else []
        many.clear()
        same(b"\n".join([*head, *lines_of(form, rows, draw)]), tmp_path, name)
        assert sum(many) == 300, form


@pytest.mark.clause("B08")
def test_rows_of_parquet_say_the_same_in_columns_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS", 90)
    draw = random.Random(9)
    rows = [draw_row(draw, n) for n in range(400)]
    file = tmp_path / "made"

    def check(table: pa.Table) -> Any:
        pq.write_table(table, file)
        return same(file.read_bytes(), tmp_path)

    texts = pa.Table.from_pylist(rows)
    assert len(check(texts)[0]) > 200
    few = texts.set_column(2, "edge_ip", texts.column("edge_ip").dictionary_encode())
    assert len(check(few.drop_columns(["cdn", "complete"]))[0]) > 200
    plain = [
        row for row in rows if row["body_bytes"].isdigit() and row["body_bytes"].isascii() and row["status"].isdigit()
    ]
    ints = [row | {"body_bytes": min(int(row["body_bytes"]), 2**62), "status": int(row["status"]),
                   "complete": draw.choice([None, True, False]), "ts_start": draw.choice([None, FIRST]),
                   "ts_end": None} for row in plain]  # fmt: skip
    found = check(pa.Table.from_pylist(ints))
    assert len(found[0]) > 100 and found[2]
    check(pa.Table.from_pylist([row | {"edge_ip": 1.5, "host": True} for row in ints]))
    check(pa.Table.from_pylist([row | {"ts_start": FIRST.replace(tzinfo=None)} for row in ints]))


def test_packed_files_tokens_of_another_name_and_customs_make_no_difference(tmp_path: Path) -> None:
    data = drawn("csv", 5, 300)
    same(gzip.compress(data), tmp_path)
    same(data, tmp_path, options=Options(parameter="x"))
    same(data, tmp_path, downloads=("/a*",), staff=(ip_network("5.5.0.0/16"),))
    found = same(data, tmp_path, until=micros(FIRST + timedelta(seconds=20)))
    assert {reason for _, reason in found[2]} > {"in_the_future"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"a,b\n1,2\n",
        b'"a\n',
        b"x" * 200_000,
        b"\n" + b"x" * 200_000 + b"\n1\n",
        b"{",
        b"{}\n{",
    ],
)
@pytest.mark.parametrize("form", ["canonical", "nginx"])
def test_files_that_are_no_logs_end_alike(data: bytes, form: str, tmp_path: Path) -> None:
    same(data, tmp_path, form)


def test_a_log_of_nginx_that_begins_without_its_own_cells_is_none(tmp_path: Path) -> None:
    line = web_server(draw_row(random.Random(2), 1), random.Random(2), more=False)
    found = same((line + b"\n") * 3, tmp_path, "nginx")
    assert found[2] == [(number, "wrong_form") for number in (1, 2, 3)]


def pieces() -> Iterator[bytes]:
    draw = random.Random(4)
    rows = [draw_row(draw, n) for n in range(6)]
    for form in FORMS:
        yield from lines_of(form, rows, draw)
    yield from TORN


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(st.sampled_from(list(pieces())), st.binary(max_size=30)), max_size=12),
    st.sampled_from(["csv", *FORMS]),
    st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"]),
)
def test_any_mixture_of_lines_ends_alike(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], form: str, end: bytes
) -> None:
    head = [",".join(CANONICAL).encode()] if form == "csv" else []
    same(end.join([*head, *lines]), tmp_path_factory.mktemp("mixed"), FORMS[form])
