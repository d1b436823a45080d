"""Whatever comes as a list is read or refused with a reason, in little time: thousands of broken and hostile ones.

`FUZZ=100000 pytest tests/gateways/test_registry_fuzz.py` tries so many of each kind instead of the few of every run.
"""

import csv
import io
import json
import time
import zipfile
from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from peyman.gateways import registry
from peyman.gateways.registry import fetching
from peyman.gateways.simulators.registry import as_csv, as_html
from peyman.market.tariff.rules import quarantine, rows
from tests.gateways.damage import Change, changed, changes_with, examples, tried

EXAMPLES = examples(120)
LONGEST = 3.0  # seconds of the processor for one small list
fuzzed = tried(EXAMPLES)
slowly = settings(fuzzed, max_examples=max(EXAMPLES // 4, 30))  # openpyxl takes its time

ROWS = [
    ["http://cafebazaar.ir", "185.126.9.248/29", "185.126.9.248/29", "1402/02/10", "1402/02/15"],
    ["https://کتاب.ایران/a\u00a0", "2A07:3904::810/128", "2A07:3904::810/128", "۱۴۰۲/۱۱/۲۹", "۱۴۰۲/۱۲/۱۵"],
    ["", "79.175.191.193/26", "79.175.191.192/26", "1399/09/30", "1399/11/15"],
]
HEADER = ["name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali"]


@cache
def workbook() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [HEADER, *ROWS]:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def seeds() -> dict[str, bytes]:
    text = as_csv(ROWS).decode()
    return {
        "csv": text.encode(),
        "csv with a mark": text.encode("utf-8-sig"),
        "csv of Windows": text.replace("ی", "ي").encode("cp1256", "ignore"),
        "utf-16": text.encode("utf-16"),
        "html": as_html(ROWS).encode(),
        "json": json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS], ensure_ascii=False).encode(),
    }


def holds(data: bytes) -> None:
    """Read a list; it is read or refused, soon, and what was read can be judged and kept."""
    begun = time.thread_time()
    try:
        opened = registry.open_list(data)
    except registry.Unreadable as refusal:
        assert refusal.reason.code in quarantine.NEVER
        assert refusal.detail.startswith("این فهرست خوانده نشد: ") and refusal.reason.detail
    else:
        assert opened.lines or opened.lost
        assert {fault.code for fault in opened.faults} <= quarantine.BY_PERSON
        for line in opened.lines:
            assert all(len(cell) <= longest for cell, longest in zip(line, rows.LONGEST, strict=True))
            assert "\0" not in "".join(line)
            "".join(line).encode()  # the database would refuse halves of characters
        found = quarantine.summarise(((line, rows.read(line)) for line in opened.lines), lost=opened.lost)
        assert found.rows == len(opened.lines) + opened.lost
        verdict = quarantine.judge(found, None)
        assert verdict.state in ("good", "quarantined")
    assert time.thread_time() - begun < LONGEST


# ---- Bytes ----


@fuzzed
@given(st.binary(max_size=3_000))
def test_any_bytes(data: bytes) -> None:
    holds(data)


@fuzzed
@given(
    st.sampled_from([b"<", b"<table>", b"[", b"{", b"PK\x03\x04", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf",
                     ",".join(HEADER).encode() + b"\n"]),
    st.binary(max_size=2_000),
)  # fmt: skip
def test_any_bytes_after_a_beginning_that_promises_a_list(begin: bytes, data: bytes) -> None:
    holds(begin + data)


changes = changes_with(
    [
        b'"',
        b"\0",
        b"<",
        b">",
        b"</table>",
        b"<table>",
        b"<td>",
        b"\n",
        b"\r",
        b",",
        b"&#0;",
        b"&#xd800;",
        b"<!--",
        b"<script>",
        b"0.0.0.0/0",
        b"{",
        b"[",
        b"\\u0000",
        b"\xed\xa0\x80",
    ]
)


@fuzzed
@given(st.sampled_from(sorted(seeds())), changes)
def test_a_real_list_that_was_damaged(kind: str, steps: list[Change]) -> None:
    holds(changed(seeds()[kind], steps))


@slowly
@given(changes)
def test_a_real_workbook_that_was_damaged(steps: list[Change]) -> None:
    holds(changed(workbook(), steps))


@slowly
@given(
    st.sampled_from(["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml",
                     "[Content_Types].xml", "xl/_rels/workbook.xml.rels"]),
    changes,
)  # fmt: skip
def test_a_workbook_with_a_damaged_part(name: str, steps: list[Change]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        assume(name in old.namelist())
        for member in old.namelist():
            content = old.read(member)
            new.writestr(member, changed(content, steps) if member == name else content)
    holds(out.getvalue())


# ---- Structures ----

addresses = st.one_of(
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,3})?", fullmatch=True),
    st.ip_addresses().map(str),
    st.sampled_from(
        ["0.0.0.0/0", "::/0", "fe80::1%eth0", "::ffff:1.2.3.4", "[::1]", "1.2.3.4/255.0.0.0", "۱.۲.۳.۴/۳۲"]
    ),
)
dates = st.one_of(st.from_regex(r"1[34][0-9]{2}/[0-9]{1,2}/[0-9]{1,2}", fullmatch=True), st.dates().map(str))
cells = st.one_of(addresses, dates, st.text(max_size=40), st.just(""), st.just("=1+1"))
tables = st.lists(st.lists(cells, min_size=0, max_size=8), max_size=12)
headers = st.permutations([*HEADER, "note"]) | st.lists(st.sampled_from([*HEADER, "نام", "آدرس", "x", ""]), max_size=7)


@fuzzed
@given(headers, tables, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_table_as_csv(header: list[str], table: list[list[str]], delimiter: str, end: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(header)
    writer.writerows(table)
    holds(out.getvalue().encode("utf-8", "surrogatepass"))


@fuzzed
@given(headers, tables, st.lists(st.sampled_from(["<table>", "</table>", "<tr>", "<td>", "</td>", "<th colspan=3>",
       "<script>", "</script>", "<!--", "-->", "<td a='", "&lt;", "<p>", "</tr>"]), max_size=20))  # fmt: skip
def test_any_table_as_a_page(header: list[str], table: list[list[str]], noise: list[str]) -> None:
    pieces = ["<table>"]
    for row in [header, *table]:
        pieces += ["<tr>", *(f"<td>{cell}</td>" for cell in row)]
    for place, piece in enumerate(noise):
        pieces.insert(place * 7 % (len(pieces) + 1), piece)
    holds("".join(["<html>", *pieces, "</table>"]).encode("utf-8", "replace"))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | cells,
    lambda deeper: st.lists(deeper, max_size=4) | st.dictionaries(st.sampled_from([*HEADER, "x"]), deeper, max_size=6),
    max_leaves=25,
)


@fuzzed
@given(values)
def test_any_json(document: object) -> None:
    holds(json.dumps(document).encode())


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=20)
numbers = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False)
moments = st.dates() | st.times() | st.datetimes()
sheet_cells = st.one_of(st.none(), st.booleans(), numbers, moments, words, addresses, dates)


@slowly
@given(headers, st.lists(st.lists(sheet_cells, max_size=7), max_size=8))
def test_any_table_as_a_workbook(header: list[str], table: list[list[object]]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in [header, *table]:
        sheet.append(row)
    out = io.BytesIO()
    try:
        book.save(out)
    except (ValueError, OverflowError):
        assume(False)  # a day that Excel does not know
    holds(out.getvalue())


# ---- Rows ----


@fuzzed
@given(st.lists(cells | st.text(), min_size=5, max_size=5))
def test_any_row(row: list[str]) -> None:
    line = rows.line(row)
    found = rows.read(line)
    assert set(found.flags) <= rows.FLAGS.keys()
    assert len(found.host) <= 255 and len(found.host_path) <= 256 and len(found.network) <= 50
    assert len(line.key) == 32


# ---- The page with the form ----


@fuzzed
@given(st.text(max_size=300), changes)
def test_any_page_with_a_form(text: str, steps: list[Change]) -> None:
    page = f"<form action='/Page/GetIPList'><input name=a value='{text}'><input type=submit name=b></form>".encode(
        "utf-8", "replace"
    )
    came = fetching._Came(200, fetching.httpx.Headers(), changed(page, steps), "http://registry.ir/page/iplist")
    try:
        form = fetching._form(came)
    except registry.Failed as failure:
        assert failure.outcome == "redirect"
    else:
        assert form is None or form[0].startswith("http://registry.ir/")


@fuzzed
@given(st.text(max_size=100) | st.from_regex(r"(https?:)?//[a-z0-9@:.\[\]]{0,30}/?[ -~]{0,20}", fullmatch=True))
def test_any_redirect_and_any_address(location: str) -> None:
    try:
        led = fetching._followed("https://registry.ir/page/iplist", location)
    except registry.Failed as failure:
        assert failure.outcome == "redirect"
    else:
        assert led.startswith("https://registry.ir/") or led.startswith("https://registry.ir:443/")
    assert "@" not in registry.shown(location).partition("//")[2].partition("/")[0]
