"""The bytes of a log, unpacked under limits and parted into numbered lines."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa

from peyman.gateways.audit.files import BadFile
from peyman.gateways.logs.entries import Options, Parse, Read, Rejected
from peyman.kernel.text import persian_digits

MAX_LINE: Final = 64_000  # bytes; a longer line is rejected and never held
BLOCK: Final = 1 << 20
FREE: Final = 1_000_000_000  # bytes that a file may be unpacked to, however small it is
MAX_RATIO: Final = 300  # above that

_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"


def opened(file: Path) -> IO[bytes]:
    try:
        if not file.is_file():
            raise BadFile(file, "یک فایل معمولی نیست.")
        return file.open("rb")
    except OSError as fault:
        raise BadFile(file, f"خوانده نشد ({fault.strerror}).") from fault


def numbered(
    file: Path, raw: IO[bytes], start: bytes, told: Callable[[int], None]
) -> Iterator[tuple[int, bytes | None]]:
    """Yield numbered lines without their ends, None for one that is too long."""
    number, rest, is_too_long = 0, b"", False
    for block in unpacked(file, raw, start, told):
        pieces = block.split(b"\n")
        pieces[0] = rest + pieces[0]
        rest = pieces.pop()
        for piece in pieces:
            number += 1
            if is_too_long or len(piece) > MAX_LINE:
                is_too_long = False
                yield number, None
            else:
                yield number, piece.removesuffix(b"\r")
        if len(rest) > MAX_LINE:
            rest, is_too_long = b"", True
    if rest or is_too_long:
        yield number + 1, None if is_too_long else rest.removesuffix(b"\r")


def unpacked(file: Path, raw: IO[bytes], start: bytes, told: Callable[[int], None]) -> Iterator[bytes]:
    packed = max(file.stat().st_size, 1)
    unpacked = 0
    try:
        if start.startswith(_GZIP):
            stream: Any = gzip.GzipFile(fileobj=raw)
        elif start == _ZSTD:
            stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        else:
            stream = raw
        while block := stream.read(BLOCK):
            unpacked += len(block)
            if unpacked > FREE and unpacked > packed * MAX_RATIO:
                raise BadFile(file, f"بیش از {persian_digits(MAX_RATIO)} برابر اندازه‌اش باز می‌شود؛ خوانده نشد.")
            told(raw.tell())
            yield block
    except (OSError, EOFError, zlib.error, pa.ArrowException) as fault:
        raise BadFile(file, f"تا پایان باز نشد؛ شاید ناتمام یا خراب است ({fault}).") from fault


def each(lines: Iterator[tuple[int, bytes | None]], parse: Parse, options: Options) -> Iterator[Read]:
    for number, line in lines:
        if line is None:
            yield number, "line_too_long"
        elif line.strip():
            try:
                yield number, parse(line, line.decode("utf-8"), options)
            except Rejected as fault:
                yield number, fault.reason
            except UnicodeDecodeError:
                yield number, "not_utf8"
