"""Files from strangers: opened only after they are known to be no trap."""

import io
import os
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from peyman.gateways import files
from peyman.shop.catalog.rules import Row
from peyman.shop.catalog.rules.tables import Unreadable

HEADER = ["sku", "category_slug", "title_fa", "price_rial", "price_basis", "stock"]
LINE = "A-01,mobile,گوشی,1000,approved,1"


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes], Path]:
    def save(content: bytes) -> Path:
        path = tmp_path / "goods"
        path.write_bytes(content)
        return path

    return save


def opened(path: Path) -> list[Row]:
    with files.open_table(path) as table:
        return list(table.rows)


def text(*lines: str, sign: str = ",", end: str = "\n") -> str:
    return end.join([",".join(HEADER), *lines, ""]).replace(",", sign)


def workbook(*records: list[Any], change: Callable[[Any], None] | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    for record in records:
        sheet.append(record)
    if change:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def refusal(path: Path) -> str:
    with pytest.raises(Unreadable) as refused:
        opened(path)
    return refused.value.detail


# ---- CSV ----


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_text_is_read_with_any_sign_and_with_or_without_a_mark(
    saved: Callable[[bytes], Path], sign: str, mark: str
) -> None:
    (row,) = opened(saved((mark + text(LINE, sign=sign, end="\r\n")).encode()))
    assert (row.record, row.line, row.fault) == (1, 2, "")
    assert row.cells["title_fa"] == "گوشی"


def test_bytes_that_are_no_utf_8_stay_within_their_record(saved: Callable[[bytes], Path]) -> None:
    content = text(LINE, LINE.replace("A-01", "A-02"), LINE.replace("A-01", "A-03")).encode()
    first, second, third = opened(saved(content.replace("A-02,mobile,گ".encode(), b"A-02,mobile,\xd9", 1)))
    assert (first.cells["title_fa"], third.cells["title_fa"]) == ("گوشی", "گوشی")
    assert second.cells["title_fa"] == "\udcd9وشی"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "خالی"),
        (b"\n\n", "سطر نخست"),
        (b"hello", "sku"),
        ("\ufeffsku".encode("utf-16-le"), "UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "اکسل"),
        (b"\x00" * 1000, "sku"),
        (b"PK\x03\x04 but no zip", "خراب"),
    ],
)
def test_what_is_no_catalogue_is_refused_as_a_whole(saved: Callable[[bytes], Path], content: bytes, says: str) -> None:
    assert says in refusal(saved(content))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "پیدا نشد" in refusal(tmp_path / "missing.csv")
    assert "معمولی" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "معمولی" in refusal(tmp_path / "pipe")


def test_a_file_that_is_too_big_is_not_read(saved: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_CSV", 100)
    assert "بزرگ‌تر" in refusal(saved(text(LINE, LINE).encode()))


# ---- XLSX ----


def test_a_sheet_gives_typed_cells_and_the_numbers_of_its_rows(saved: Callable[[bytes], Path]) -> None:
    content = workbook(
        ["A-01", "mobile", "گوشی", 1000, "approved", 5.0],
        [],
        ["A-02", "mobile", "گوشی", datetime(2026, 1, 2), "approved", True],  # noqa: DTZ001 -- sheets know no zones
        [None, None],
    )
    first, empty, second = opened(saved(content))
    assert (first.record, first.line, first.cells["price_rial"], first.cells["stock"]) == (1, 2, 1000, 5)
    assert (empty.record, empty.line, empty.fault) == (2, 3, "blank")
    assert (second.record, second.line, second.cells["stock"]) == (3, 4, True)
    price = second.cells["price_rial"]
    assert isinstance(price, datetime)
    assert price.date() == date(2026, 1, 2)


def test_formulas_and_errors_come_through_as_formulas(saved: Callable[[bytes], Path]) -> None:
    (row,) = opened(saved(workbook(["A-01", "mobile", "=1+1", "=SUM(A1:A2)", "#N/A", 1])))
    assert [row.cells[name] for name in ("title_fa", "price_rial", "price_basis")] == ["=1+1", "=SUM(A1:A2)", "=#N/A"]


def test_hidden_sheets_are_passed_over(saved: Callable[[bytes], Path]) -> None:
    def hide(book: Any) -> None:
        book.active.sheet_state = "hidden"
        book.create_sheet("goods").append(HEADER)
        book["goods"].append(["B-01", "mobile", "گوشی", 1, "approved", 1])

    (row,) = opened(saved(workbook(["A-01", "mobile", "گوشی", 1, "approved", 1], change=hide)))
    assert row.cells["sku"] == "B-01"


def rezipped(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, change(member.filename, old.read(member)))
    return out.getvalue()


def test_a_sheet_that_unpacks_to_too_much_is_not_unpacked(saved: Callable[[bytes], Path]) -> None:
    def inflate(name: str, data: bytes) -> bytes:
        return data + b" " * 20_000_000 if "sheet1" in name else data

    content = rezipped(workbook([]), inflate)
    assert len(content) < 60_000
    assert "باز شدن" in refusal(saved(content))


def test_a_workbook_of_too_many_members_is_not_opened(saved: Callable[[bytes], Path]) -> None:
    out = io.BytesIO(workbook([]))
    with zipfile.ZipFile(out, "a") as archive:
        for n in range(files.MAX_MEMBERS):
            archive.writestr(f"x{n}", b"")
    assert "غیرعادی" in refusal(saved(out.getvalue()))


def test_members_that_share_their_bytes_are_refused(saved: Callable[[bytes], Path]) -> None:
    """Many names for one packed blob: how a small file unpacks to terabytes."""
    out = io.BytesIO(workbook([]))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("twin-a", b"1" * 5000)
        archive.writestr("twin-b", b"1" * 5000)
        where = [archive.getinfo(name).header_offset for name in ("twin-a", "twin-b")]
    content = bytearray(out.getvalue())
    entry = content.rfind(b"twin-b") - 46
    struct.pack_into("<I", content, entry + 42, where[0])
    assert "غیرعادی" in refusal(saved(bytes(content)))


def test_a_locked_member_is_refused(saved: Callable[[bytes], Path]) -> None:
    content = bytearray(workbook([]))
    entry = content.rfind(b"PK\x01\x02")
    struct.pack_into("<H", content, entry + 8, 1)
    assert "رمز" in refusal(saved(bytes(content)))


def test_entities_in_the_xml_are_refused(saved: Callable[[bytes], Path]) -> None:
    def bomb(name: str, data: bytes) -> bytes:
        if "sheet1" not in name:
            return data
        doctype = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
        return data.replace(b"<worksheet", doctype + b"<worksheet", 1).replace(b"A-01", b"&b;")

    content = rezipped(workbook(["A-01", "mobile", "گوشی", 1, "approved", 1]), bomb)
    assert refusal(saved(content))


@pytest.mark.parametrize("cut", [30, 200, 2000])
def test_a_workbook_that_is_cut_off_is_refused(saved: Callable[[bytes], Path], cut: int) -> None:
    assert refusal(saved(workbook(["A-01"])[:-cut]))


def test_a_sheet_that_breaks_off_is_refused(saved: Callable[[bytes], Path]) -> None:
    def break_off(name: str, data: bytes) -> bytes:
        return data[: data.index(b"A-02")] if "sheet1" in name else data

    records = [[f"A-0{n}", "mobile", "گوشی", 1, "approved", 1] for n in (1, 2)]

    def inline(book: Any) -> None:
        for row in book.active.iter_rows():
            for cell in row:
                cell.data_type = "inlineStr" if isinstance(cell.value, str) else cell.data_type

    assert refusal(saved(rezipped(workbook(*records, change=inline), break_off)))


def test_a_cell_far_away_does_not_fill_the_memory(saved: Callable[[bytes], Path]) -> None:
    def far(book: Any) -> None:
        book.active["XFD1048576"] = "x"

    assert "رکورد" in refusal(saved(workbook(change=far)))
