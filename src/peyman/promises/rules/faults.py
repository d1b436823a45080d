"""What is wrong with a document of terms, said to those who write one: in Persian, with the line where it is known."""

import re
import tomllib
from typing import Final

from peyman.kernel.text import persian_digits

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$")
_END = "(at end of document)"

# What the reader of TOML says, by how it begins; the first that fits.
_SAYS: Final = (
    ("Unterminated string", "گیومه‌ای باز شده و بسته نشده است"),
    ("Unclosed array", "کروشه [ باز شده و بسته نشده است"),
    ("Unclosed inline table", "آکولاد { باز شده و بسته نشده است"),
    ("Expected ']]'", "نام بخش با ]] بسته نشده است"),
    ("Expected ']'", "نام بخش با ] بسته نشده است"),
    ("Expected '='", "پس از نام، نشانه = نیامده است"),
    ("Expected newline", "پس از مقدار چیز دیگری در همان خط است؛ هر مقدار یک خط دارد"),
    ("Illegal character '\\n'", "متن در همین خط با گیومه بسته نشده است"),
    ("Illegal character", "نویسه‌ای نهفته در متن است که نباید باشد"),
    ("Found invalid character", "نویسه‌ای نابه‌جا آمده است"),
    ("Unescaped '\\'", "ممیز وارونه (\\) در متن نابه‌جاست"),
    ("Escaped character", "نویسه‌ای که با \\u آمده، نویسه درستی نیست"),
    ("Invalid hex value", "عدد پس از \\u یا \\x درست نیست"),
    ("Invalid date or datetime", "تاریخ درست نیست"),
    ("Cannot declare", "این بخش پیش‌تر در همین متن آمده است"),
    ("Cannot overwrite", "این نام پیش‌تر در همین بخش مقدار گرفته است"),
    ("Cannot redefine", "این بخش پیش‌تر با شکل دیگری آمده است"),
    ("Cannot mutate", "این بخش پیش‌تر بسته شده است و چیزی به آن افزوده نمی‌شود"),
    ("Duplicate inline table key", "یک نام دو بار در یک آکولاد آمده است"),
    ("Invalid initial character", "نام باید با حرف لاتین، رقم یا گیومه آغاز شود"),
    ("Invalid statement", "این خط نه «نام = مقدار» است و نه نام یک بخش"),
    ("Invalid value", "مقدار خوانده نمی‌شود؛ متن را در گیومه و عدد را با رقم لاتین بنویسید"),
)


def toml_fault(fault: tomllib.TOMLDecodeError, text: str) -> str:
    """Return in Persian what keeps `text` from being TOML and where: «خط ۱۲، نویسه ۳: …»."""
    said = str(fault)
    words = next((words for begins, words in _SAYS if said.startswith(begins)), "این جای متن خوانده نمی‌شود")
    place = _PLACE.search(said)
    if place:
        line, column = int(place[1]), int(place[2])
    elif said.endswith(_END):
        line, column = text.rstrip("\n").count("\n") + 1, 0
    else:
        return words
    where = f"خط {persian_digits(line)}" + (f"، نویسه {persian_digits(column)}" if column else "، پایان متن")
    return f"{where}: {words}"
