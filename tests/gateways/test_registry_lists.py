"""Lists of the registry in whatever form they come: read under limits, and never taken for what they are not."""

import csv
import gzip
import io
import json
import struct
import time
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook

from peyman.gateways import registry
from peyman.gateways.registry import columns, opening
from peyman.gateways.simulators.registry import as_csv, as_html

HEADER = ["name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali"]
PERSIAN = ["نام", "آدرس", "شبکه", "تاریخ به‌روزرسانی", "تاریخ اعمال"]
ROWS = [
    ["http://cafebazaar.ir", "185.126.9.248/29", "185.126.9.248/29", "1402/02/10", "1402/02/15"],
    ["http://کتاب.ایران", "2A07:3904::810/128", "2A07:3904::810/128", "1402/11/29", "1402/12/15"],
    ["", "79.175.191.193/26", "79.175.191.192/26", "1402/02/10", "1402/02/15"],
]


def text(rows: Sequence[Sequence[str]] = ROWS, header: Sequence[str] = HEADER, **dialect: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, **{"lineterminator": "\n", **dialect})
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def book(rows: Sequence[Sequence[Any]] = ROWS, header: Sequence[str] = PERSIAN, change: Any = None) -> bytes:
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    if change:
        change(workbook)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def cells(data: bytes, **asked: Any) -> list[list[str]]:
    opened = registry.open_list(data, **asked)
    assert (opened.lost, opened.faults) == (0, ())
    return [list(line) for line in opened.lines]


def refusal(data: bytes) -> str:
    with pytest.raises(registry.Unreadable) as refused:
        registry.open_list(data)
    assert refused.value.detail.startswith("این فهرست خوانده نشد: ")
    return refused.value.reason.code


def faults(data: bytes) -> set[str]:
    return {fault.code for fault in registry.open_list(data).faults}


# ---- CSV ----


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("plain", text().encode()),
        ("byte order mark", text().encode("utf-8-sig")),
        ("UTF-16", text().encode("utf-16")),
        ("UTF-16, the other end first", b"\xfe\xff" + text().encode("utf-16-be")),
        ("semicolons", text(delimiter=";").encode()),
        ("tabs", text(delimiter="\t").encode()),
        ("all quoted", text(quoting=csv.QUOTE_ALL).encode()),
        ("CRLF", text(lineterminator="\r\n").encode()),
        ("old Macintosh", text(lineterminator="\r").encode()),
        ("no end of the last line", text().rstrip("\n").encode()),
        ("empty lines", text().replace("\n", "\n\n").encode()),
        ("lines of commas", (text() + ",,,,\n" * 3).encode()),
        ("upper case and spaces", text(header=[f" {name.upper().replace('_', ' ')} " for name in HEADER]).encode()),
        ("Persian names", text(header=PERSIAN).encode()),
        (
            "Arabic letters and spaces",
            text(header=["نام", "آدرس", "شبكه", "تاريخ به روز رساني", "تاريخ اعمال"]).encode(),
        ),
        ("a title above", ("فهرست نشانی‌ها\n\n" + text()).encode()),
        ("a title above semicolons", ("فهرست نشانی‌ها\n" + text(delimiter=";")).encode()),
        ("NUL bytes", text().replace("http", "ht\0tp").encode()),
    ],
)
def test_a_csv_is_read_however_it_was_saved(case: str, data: bytes) -> None:
    assert cells(data) == ROWS


def test_columns_may_stand_in_any_order_among_others() -> None:
    order = [4, 0, 2, 1, 3]
    turned = [[str(n), *(row[place] for place in order), "more"] for n, row in enumerate(ROWS)]
    assert cells(text(turned, ["row", *(HEADER[place] for place in order), "note"]).encode()) == ROWS


def test_one_column_of_addresses_is_enough() -> None:
    without = [[row[0], row[1], row[3], row[4]] for row in ROWS]
    found = cells(text(without, ["نام دامنه", "آدرس IP", "تاریخ بروزرسانی", "تاریخ اعمال"]).encode())
    assert found == [[row[0], "", row[1], row[3], row[4]] for row in ROWS]


def test_a_list_in_windows_letters_is_read_where_it_makes_sense() -> None:
    rows = [["http://كتاب.ايران\u00a0", *ROWS[0][1:]]]
    assert cells(text(rows).encode("cp1256")) == rows
    assert cells(text(rows, ["نام", "آدرس", "شبكه", "تاريخ بروزرساني", "تاريخ اعمال"]).encode("cp1256")) == rows


@pytest.mark.parametrize(
    "data",
    [
        text([["http://caf\xe9\x80.ir", *ROWS[0][1:]]]).encode("latin-1"),
        text().encode("utf-16-le"),
        text().encode("utf-32"),
        b"\xff\xfe" + b"\x00\xd8" * 40,
        text().encode() + bytes(range(128, 256)),
    ],
)
def test_an_encoding_that_makes_no_sense_is_refused(data: bytes) -> None:
    assert refusal(data) in ("encoding", "wrong_columns")


def test_a_quote_that_is_never_closed_costs_its_own_line() -> None:
    lines = text([ROWS[0]] * 30).splitlines()
    lines[7] = '"' + lines[7]
    opened = registry.open_list("\n".join([*lines, ""]).encode())
    assert (len(opened.lines), opened.lost, opened.faults) == (29, 1, ())


def test_a_line_that_lacks_cells_is_lost_and_counted() -> None:
    lines = text([ROWS[0]] * 5).splitlines()
    lines[3] = "http://a.ir,185.1.1.0/24"
    opened = registry.open_list("\n".join([*lines, ""]).encode())
    assert (len(opened.lines), opened.lost) == (4, 1)


@pytest.mark.parametrize("cut", [1, 2, 5, 9, 10, 12, 30, 60])
@pytest.mark.clause("B05")
def test_a_list_that_breaks_off_in_its_last_line_is_told(cut: int) -> None:
    whole = text([ROWS[0]] * 4).rstrip("\n")
    assert faults(whole[:-cut].encode()) == {"truncated"}


def test_a_list_that_breaks_off_within_a_letter_or_a_quote_is_told() -> None:
    data = text([ROWS[1]] * 3).encode()
    within = data.rindex("ب".encode()) + 1
    assert faults(data[:within]) == {"truncated"}
    assert faults(text([ROWS[0]] * 3).encode() + b'"http://a.ir') == {"truncated"}


def test_a_list_of_short_dates_does_not_break_off() -> None:
    rows = [[*ROWS[0][:4], "1402/2/15"], [*ROWS[0][:4], "1402/11/15"]]
    assert faults(text(rows).encode()) == set()


def test_a_header_in_the_midst_is_told_and_is_no_row() -> None:
    opened = registry.open_list((text() + text()).encode())
    assert ([list(line) for line in opened.lines], {fault.code for fault in opened.faults}) == (
        ROWS * 2, {"header_again"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("case", "data", "code"),
    [
        ("nothing", b"", "empty"),
        ("white space", b" \r\n\t\n", "empty"),
        ("a byte order mark", b"\xef\xbb\xbf", "empty"),
        ("NULs", b"\0" * 100, "empty"),
        ("a header alone", text([]).encode(), "empty"),
        ("prose", b"Service is not available.\n" * 30, "wrong_columns"),
        ("other columns", b"a,b,c\n1,2,3\n", "wrong_columns"),
        ("no due dates", text([row[:4] for row in ROWS], HEADER[:4]).encode(), "wrong_columns"),
        ("a feed of prefixes", b"173.245.48.0/20\n103.21.244.0/22\n", "wrong_columns"),
        ("a column twice", text(header=[*HEADER[:4], "due_date_jalali"], rows=[]).replace(
            "due_date_jalali", "due_date_jalali,due date jalali").encode(), "duplicate_header"),
        ("a packed file", gzip.compress(text().encode()), "unknown_kind"),
        ("a PDF", b"%PDF-1.7 ...", "unknown_kind"),
        ("an old workbook", b"\xd0\xcf\x11\xe0" + bytes(600), "unknown_kind"),
        ("a page behind prose", b"Error\n<html><body>x</body></html>", "html_page"),
    ],
)  # fmt: skip
def test_what_is_no_list_says_why(case: str, data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_a_list_that_is_too_big_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MAX_ROWS", 10)
    assert len(cells(text([ROWS[0]] * 10).encode())) == 10
    assert refusal(text([ROWS[0]] * 11).encode()) == "too_big"
    assert refusal(as_html([ROWS[0]] * 11).encode()) == "too_big"
    monkeypatch.setattr(opening, "MAX_BYTES", 100)
    assert refusal(text().encode()) == "too_big"


def test_quotes_without_an_end_do_not_hold_the_reader() -> None:
    begun = time.thread_time()
    assert refusal(text().encode() + b'"a\n' * 400_000) == "broken"
    assert time.thread_time() - begun < 20


def test_a_cell_without_an_end_is_lost_like_any_other() -> None:
    opened = registry.open_list(
        text().encode() + b'"' + b"a" * 1_000_000 + b'",1,2,3,4\n' + text([ROWS[0]])[89:].encode()
    )
    assert opened.lost == 1


# ---- XLSX ----


def test_the_workbook_of_the_registry_is_read() -> None:
    assert cells(book()) == ROWS


def test_a_workbook_may_keep_days_as_days_and_hold_other_sheets() -> None:
    rows = [[*ROWS[0][:3], datetime.fromisoformat("2023-04-30"), date(2023, 5, 5)]]

    def change(workbook: Any) -> None:
        workbook.create_sheet("راهنما", 0).append(["این را بخوانید"])
        hidden = workbook.create_sheet("پنهان", 0)
        hidden.append(PERSIAN)
        hidden.append(ROWS[1])
        hidden.sheet_state = "hidden"

    assert cells(book(rows, change=change)) == [[*ROWS[0][:3], "2023-04-30", "2023-05-05"]]


def test_a_title_over_merged_cells_is_passed_over_and_a_merged_cell_lends_no_neighbour_its_value() -> None:
    def change(workbook: Any) -> None:
        sheet = workbook.active
        sheet.insert_rows(1)
        sheet["A1"] = "فهرست نشانی‌ها"
        sheet.merge_cells("A1:E1")
        sheet.merge_cells("E3:E4")

    opened = registry.open_list(book(change=change))
    assert [line.due for line in opened.lines] == ["1402/02/15", "", "1402/02/15"]


def test_a_formula_is_no_value() -> None:
    rows = [["http://a.ir", '=CONCATENATE("185.1.1.0","/24")', "=B2", "1402/02/10", "=TODAY()"]]
    found = cells(book(rows))
    assert found == [["http://a.ir", '=CONCATENATE("185.1.1.0","/24")', "=B2", "1402/02/10", "=TODAY()"]]


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return out.getvalue()


def test_a_workbook_that_unpacks_to_much_is_not_opened() -> None:
    assert refusal(repacked(book(), "xl/worksheets/sheet1.xml", b" " * 50_000_000)) == "bomb"


def test_a_workbook_whose_parts_share_bytes_is_not_opened() -> None:
    data = bytearray(book())
    entries = [place for place in range(len(data)) if data[place : place + 4] == b"PK\x01\x02"]
    start = struct.unpack_from("<L", data, entries[0] + 42)[0]
    struct.pack_into("<L", data, entries[1] + 42, start)
    assert refusal(bytes(data)) in ("bomb", "broken")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95, 0.999])
def test_a_workbook_that_breaks_off_is_broken(share: float) -> None:
    data = book([ROWS[0]] * 200)
    assert refusal(data[: int(len(data) * share)]) == "broken"


@pytest.mark.parametrize(
    "content",
    [
        b"<worksheet><sheetData><row",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet><sheetData>&b;</sheetData></worksheet>',
        b"",
        b"\0\0\0\0",
    ],
)
def test_a_sheet_that_is_none_is_broken_or_empty(content: bytes) -> None:
    assert refusal(repacked(book(), "xl/worksheets/sheet1.xml", content)) in ("broken", "empty")


# ---- The page ----


def test_the_table_of_the_page_is_read_out_of_its_frame() -> None:
    assert cells(as_html(ROWS).encode()) == ROWS


def page(table: str) -> bytes:
    return f"<html><head><title>فهرست</title></head><body>{table}</body></html>".encode()


def rows_of(rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)


@pytest.mark.parametrize(
    ("case", "html"),
    [
        ("nothing closed", f"<table><tr>{''.join(f'<th>{name}' for name in PERSIAN)}"
            + "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in ROWS) + "</table>"),
        ("upper case", f"<TABLE>{rows_of([PERSIAN, *ROWS])}</TABLE>".replace("td>", "TD>").replace("tr>", "TR>")),
        ("tags within cells", f"<table>{rows_of([[f'<b>{name}</b>' for name in PERSIAN], *ROWS])}</table>"),
        ("white space", f"<table>{rows_of([[f'  {cell}  ' for cell in row] for row in [PERSIAN, *ROWS]])}</table>"),
        ("signs in attributes", f"<table title='a > b' data-x=\"</table>\">{rows_of([PERSIAN, *ROWS])}</table>"),
        ("a comment", f"<table><!-- <tr><td>x</td></tr> </table> -->{rows_of([PERSIAN, *ROWS])}</table>"),
        ("a script", f"<table><script>'<tr><td>x</td></tr></table>'</script>{rows_of([PERSIAN, *ROWS])}</table>"),
        ("a script without an end after it", f"<table>{rows_of([PERSIAN, *ROWS])}</table><script>while(1)"),
        ("another table before", f"<table><tr><td>a</td></tr></table><table>{rows_of([PERSIAN, *ROWS])}</table>"),
        ("a table within a cell", f"<table>{rows_of([PERSIAN])}<tr><td>{ROWS[0][0]}"
            + "<table><tr><td>x</td></tr></table></td>"
            + "".join(f"<td>{cell}</td>" for cell in ROWS[0][1:]) + f"</tr>{rows_of(ROWS[1:])}</table>"),
        ("entities", f"<table>{rows_of([PERSIAN, *ROWS])}</table>".replace("/", "&#47;").replace("<&#47;", "</")),
        ("a column over two", f"<table><tr><td colspan=2>ردیف</td>{rows_of([PERSIAN])[4:]}"
            + "".join(f"<tr><td>1</td><td>2</td>{rows_of([row])[4:]}" for row in ROWS) + "</table>"),
    ],
)  # fmt: skip
def test_a_page_is_read_as_browsers_do(case: str, html: str) -> None:
    assert cells(page(html)) == ROWS


def test_a_name_keeps_the_space_that_was_typed_into_it() -> None:
    rows = [["http://a.ir&nbsp;", *ROWS[0][1:]]]
    assert cells(page(f"<table>{rows_of([PERSIAN, *rows])}</table>"))[0][0] == "http://a.ir\u00a0"


def test_a_page_in_windows_letters_that_says_so_is_read() -> None:
    html = f"<html><head><meta charset=windows-1256></head><table>{rows_of([PERSIAN, ROWS[0]])}</table></html>"
    assert cells(html.replace("ی", "ي").encode("cp1256", "ignore")) == [ROWS[0]]
    assert cells(html.replace("charset", "x").replace("ی", "ي").encode("cp1256", "ignore"), hint="windows-1256") == [
        ROWS[0]
    ]


@pytest.mark.parametrize("cut", [9, 20, 60, 130])
def test_a_page_whose_table_does_not_end_is_cut_short_and_its_last_row_is_not_believed(cut: int) -> None:
    whole = f"<html><table>{rows_of([PERSIAN, *[ROWS[0]] * 5])}</table>"
    opened = registry.open_list(whole[:-cut].encode())
    assert {fault.code for fault in opened.faults} == {"truncated"}
    assert {tuple(line) for line in opened.lines} == {tuple(ROWS[0])}


@pytest.mark.parametrize(
    ("case", "data", "says"),
    [
        ("a bad gateway", b"<html><head><title>502 Bad Gateway</title></head></html>", "«502 Bad Gateway»"),
        ("a challenge", b"<title>Attention Required!</title><table><tr><td>Ray ID</td></tr></table>", "«Attention R"),
        ("a table of other things", page("<table><tr><th>نام</th><th>سن</th></tr></table>"), "«فهرست»"),
        ("a page without a title", b"<p>x</p>", "نیست."),
        ("a tag without an end", b"<html " + b"a" * 100_000, "نیست."),
        ("a header in prose", ("<html><p>" + " ".join(PERSIAN)).encode(), "نیست."),
    ],
)  # fmt: skip
def test_a_page_without_the_table_is_no_list(case: str, data: bytes, says: str) -> None:
    with pytest.raises(registry.Unreadable) as refused:
        registry.open_list(data)
    assert refused.value.reason.code == "html_page"
    assert says in refused.value.reason.detail


def test_a_table_without_rows_is_empty() -> None:
    assert refusal(page(f"<table>{rows_of([PERSIAN])}</table>")) == "empty"


def test_two_lists_on_one_page_are_told() -> None:
    one = f"<table>{rows_of([PERSIAN, *ROWS])}</table>"
    assert faults(page(one * 2)) == {"header_again"}
    turned = f"<table>{rows_of([PERSIAN[::-1], *ROWS])}</table>"
    opened = registry.open_list(page(one + turned))
    assert (len(opened.lines), {fault.code for fault in opened.faults}) == (3, {"header_again"})


@pytest.mark.parametrize(
    ("case", "piece"),
    [
        ("tables in tables", "<table>"),
        ("open tags", "<a "),
        ("open quotes", "<a b='"),
        ("other quotes", "<td c=\"<td c='"),
        ("comments", "<!--"),
        ("brackets", "<"),
        ("ends", "</"),
        ("scripts", "<script>"),
        ("equals", "<a " + "= " * 20),
        ("spaces", "<td =        "),
        ("forms", "<form><input "),
        ("entities", "<td>&#x41;&amp;amp;"),
        ("cells", "<td>"),
        ("rows", "<tr><td>x"),
        ("titles", "<title>"),
        ("doctypes", "<!doctype "),
    ],
)
def test_no_page_takes_longer_than_its_length(case: str, piece: str) -> None:
    table = f"<table>{rows_of([PERSIAN, *ROWS])}"
    begun = time.thread_time()
    for data in ((piece * (2_000_000 // len(piece))).encode(), (table + piece * (2_000_000 // len(piece))).encode()):
        try:
            registry.open_list(b"<html>" + data)
        except registry.Unreadable:
            continue
    assert time.thread_time() - begun < 20


# ---- JSON ----

OBJECTS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]


@pytest.mark.parametrize(
    "document",
    [OBJECTS, {"data": OBJECTS}, {"isSuccess": True, "result": {"items": OBJECTS, "count": 3}}, [HEADER, *ROWS],
     [dict(zip(["Name", "IPAddress", "IP_Network", "UpdateDate", "DueDate"], row, strict=True)) for row in ROWS]],
)  # fmt: skip
def test_the_answer_of_the_operators_door_is_read(document: object) -> None:
    assert cells(json.dumps(document).encode()) == ROWS


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ('{"data": [', "broken"),
        ("[" * 100_000, "broken"),
        ('{"error": "no"}', "wrong_columns"),
        ("[]", "empty"),
        ("[1, 2]", "empty"),
        ('[{"a": 1}]', "wrong_columns"),
        ("{}", "wrong_columns"),
        ("[1e999999, " + "9" * 5_000 + "]", "broken"),
    ],
)
def test_json_that_is_no_list_says_why(document: str, code: str) -> None:
    assert refusal(document.encode()) == code


def test_values_that_are_no_text_are_no_cells() -> None:
    document = [{**OBJECTS[0], "ip_as_entered": None, "name_as_entered": ["x"]}, 5, OBJECTS[1]]
    opened = registry.open_list(json.dumps(document).encode())
    assert [list(line)[:2] for line in opened.lines] == [["", ""], ROWS[1][:2]]
    assert opened.lost == 1


# ---- Files ----


def test_what_is_no_file_is_refused(tmp_path: Any) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(registry.Unreadable) as refused:
            registry.open_list(path)
        assert refused.value.reason.code == "broken"
    (tmp_path / "list").write_bytes(as_csv(ROWS))
    assert len(registry.open_list(tmp_path / "list").lines) == 3
