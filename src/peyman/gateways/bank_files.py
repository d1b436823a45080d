"""Files of banks and gateways as people save them: CSV in UTF-8, UTF-16 or Windows' Arabic letters, or an XLSX sheet.

Whatever it is becomes the text of a CSV whose lines are those of the file; `billing.rules` reads that.
"""

import csv
import io
from datetime import date, datetime, time
from typing import Final

from peyman.billing.rules.statements import MOST_LINES, NoStatement
from peyman.gateways import workbooks

MOST_XLSX: Final = 30_000_000  # bytes
_MOST_ROWS: Final = min(1_048_576, MOST_LINES)  # of a sheet of Excel
_MOST_COLUMNS: Final = 60
_EXACT: Final = 10**15  # a spreadsheet keeps 15 digits of a number and makes the others 0
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_NAMES: Final = (b"refnum", b"settlement")  # one stands in the first line of every such file
_FAULTS: Final = {
    "torn": "کارپوشه ناقص یا خراب است.",
    "odd": "ساختار درونی کارپوشه غیرعادی است.",
    "locked": "کارپوشه رمز دارد؛ بدون رمز ذخیره کنید.",
    "bomb": "کارپوشه پس از باز شدن بیش از اندازه بزرگ می‌شود.",
    "no_book": "کارپوشه‌ای نیست که بتوان خواند؛ آن را از نو با قالب XLSX یا CSV ذخیره کنید.",
    "no_sheet": "کارپوشه برگه‌ای ندارد.",
    "torn_row": "برگه از سطر {row} به بعد خراب است.",
    "too_many": "برگه بیش از اندازه بلند است؛ آن را به چند فایل بخش کنید.",
}


def text(data: bytes) -> str:
    """Return the CSV that a file holds. Raises NoStatement, with what to do, for one that cannot be read."""
    if data.startswith(workbooks.OLE):
        raise NoStatement(why="نسخه قدیمی یا رمزدار اکسل است؛ آن را با قالب XLSX یا CSV ذخیره کنید.")
    found = _sheet(data) if data.startswith(workbooks.ZIP) else _decoded(data)
    if not found.strip():
        raise NoStatement(why="خالی است.")
    if "\0" in found:
        raise NoStatement(why="یک فایل متنی نیست.")
    return found


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-16" if data[:2] in _UTF16 else "utf-8-sig")
    except UnicodeDecodeError:
        pass
    if any(name in data.partition(b"\n")[0].lower() for name in _NAMES):  # else any file would pass for such a text
        return data.decode("cp1256", errors="replace")
    raise NoStatement(why="نویسه‌های آن UTF-8 نیست؛ آن را با قالب «CSV UTF-8» یا XLSX ذخیره کنید.")


def _sheet(data: bytes) -> str:
    """Return the first visible sheet of a workbook, row by row."""
    if len(data) > MOST_XLSX:
        raise NoStatement(why="کارپوشه بزرگ‌تر از ۳۰ مگابایت است؛ آن را با قالب CSV ذخیره کنید.")
    file, told = io.BytesIO(data), io.StringIO(newline="")
    writer, last = csv.writer(told), 0
    try:
        workbooks.check_zip(file, len(data), workbooks.Limits())
        with workbooks.visible_sheets(file) as sheets:
            for number, cells in workbooks.rows(sheets[0], most=_MOST_ROWS, columns=_MOST_COLUMNS):
                told.write("\r\n" * (number - last - 1))  # a line keeps the number of its row
                writer.writerow([_written(cell) for cell in cells])
                last = number
    except workbooks.Faulty as fault:
        raise NoStatement(why=_FAULTS[fault.code].format(row=fault.row)) from fault
    return told.getvalue().lstrip("\r\n")


def _written(cell: workbooks.Cell) -> str:
    """Return a cell as a CSV would have it; "" for a number whose last digits a spreadsheet has lost."""
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, int) and abs(cell) >= _EXACT:
        return ""
    return "" if cell is None else " ".join(str(cell).split())
